//! What is kept of an HTTP request: a compact, owned copy of its head.

use std::{collections::BTreeMap, net::SocketAddr};

use actix_web::{
    HttpRequest,
    http::{Method, header},
};
use serde::{Deserialize, Serialize};

/// The head of an HTTP request, as hooks, handshakes and raw Engine.IO messages see it.
///
/// It is a compact copy: the headers are one string, so that a session that keeps it costs a few hundred bytes and no
/// read buffer stays alive behind it. Header values that are not UTF-8 are read with replacement characters.
///
/// Socket.IO server API: `socket.request`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestHead {
    #[serde(with = "method_as_text")]
    method: Method,
    /// The URI, LF, then `name` NUL `value` LF for each header; neither byte can stand in one.
    text: Box<str>,
    uri_length: usize,
    peer: Option<SocketAddr>,
    secure: bool,
    websocket: bool,
}

mod method_as_text {
    use actix_web::http::Method;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(method.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
        <&str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl RequestHead {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let mut text = request.uri().to_string();
        let uri_length = text.len();
        text.push('\n');
        for (name, value) in request.headers() {
            text.push_str(name.as_str());
            text.push('\0');
            text.push_str(&String::from_utf8_lossy(value.as_bytes()));
            text.push('\n');
        }
        Self {
            method: request.method().clone(),
            text: text.into(),
            uri_length,
            peer: request.peer_addr(),
            secure: request.app_config().secure(),
            websocket: is_websocket(request),
        }
    }

    /// Whether its parts fit together, when it has come from elsewhere.
    pub(crate) fn is_sound(&self) -> bool {
        self.text.as_bytes().get(self.uri_length) == Some(&b'\n')
    }

    /// Bytes of the URI and the headers.
    pub(crate) fn size(&self) -> usize {
        self.text.len()
    }

    /// The method, in capitals.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Path and query, as sent.
    pub fn uri(&self) -> &str {
        &self.text[..self.uri_length]
    }

    /// The path, as sent (not decoded).
    pub fn path(&self) -> &str {
        self.uri().split('?').next().unwrap_or_default()
    }

    /// The first value of a query parameter, decoded (percent signs, and `+` for a space).
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// All query parameters, decoded, in their order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.uri().split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect()
    }

    /// The first value of a header; the name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_pairs().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers with lower-case names, values of one name joined with `, ` as Node does.
    pub fn headers(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::<String, String>::new();
        for (name, value) in self.header_pairs() {
            all.entry(name.to_ascii_lowercase())
                .and_modify(|joined| {
                    joined.push_str(", ");
                    joined.push_str(value);
                })
                .or_insert_with(|| value.to_owned());
        }
        all
    }

    fn header_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text[self.uri_length + 1..].lines().filter_map(|line| line.split_once('\0'))
    }

    /// The address of the peer of the TCP connection: a proxy's, if there is one.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Whether the connection came through TLS on this server.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it asks for a WebSocket (RFC 6455 section 4.2.1, the `Upgrade` header alone).
    pub fn is_websocket(&self) -> bool {
        self.websocket
    }
}

/// Whether the request asks for a WebSocket, whatever else it says (RFC 6455 section 4.2.1).
pub(crate) fn is_websocket(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("websocket")))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_head_keeps_headers_and_a_decoded_query() {
        let request = TestRequest::with_uri("/socket.io/?EIO=4&name=a%20b&name=c")
            .insert_header(("X-One", "1"))
            .append_header(("X-One", "2"))
            .insert_header(("Upgrade", "h2c, WebSocket"))
            .to_http_request();
        let head = RequestHead::of(&request);
        assert_eq!(head.path(), "/socket.io/");
        assert_eq!(head.query("name").as_deref(), Some("a b"));
        assert_eq!(head.query("none"), None);
        assert_eq!(head.header("x-ONE"), Some("1"));
        assert_eq!(head.headers()["x-one"], "1, 2");
        assert!(head.is_websocket());
    }
}
