//! What a client said when it connected to a namespace.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::http::header::HttpDate;
use bytestring::ByteString;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned, ser::SerializeStruct};
use serde_json::value::RawValue;

use crate::request::RequestHead;

/// What a client said when it connected: the first HTTP request of its connection, and the namespace's auth payload.
///
/// It serialises to the reference's object: `headers`, `time`, `address`, `xdomain`, `secure`, `issued`, `url`,
/// `query`, `auth`. [`without_auth`](Self::without_auth) leaves the last out.
///
/// Socket.IO server API: `socket.handshake`, whose fields the methods are named after.
#[derive(Clone, Debug)]
pub struct Handshake {
    request: Arc<RequestHead>,
    auth: Option<ByteString>,
    issued: u64,
}

/// A handshake as it travels between nodes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireHandshake {
    request: RequestHead,
    auth: Option<String>,
    issued: u64,
}

impl WireHandshake {
    pub fn of(handshake: &Handshake) -> Self {
        let Handshake { request, auth, issued } = handshake;
        Self { request: (**request).clone(), auth: auth.as_ref().map(ToString::to_string), issued: *issued }
    }

    /// None if it is not what a node would send.
    pub fn into_handshake(self) -> Option<Handshake> {
        let Self { request, auth, issued } = self;
        let auth_is_json = auth.as_deref().is_none_or(|auth| serde_json::from_str::<&RawValue>(auth).is_ok());
        (request.is_sound() && auth_is_json).then(|| Handshake {
            request: Arc::new(request),
            auth: auth.map(ByteString::from),
            issued,
        })
    }
}

impl Handshake {
    pub(crate) fn new(request: Arc<RequestHead>, auth: Option<ByteString>) -> Self {
        let issued = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        // A piece of what the client has sent, all of which it would keep.
        let auth = auth.map(|auth| ByteString::from(&*auth));
        Self { request, auth, issued: issued.as_millis() as u64 }
    }

    /// The request that opened the connection. Socket.IO server API: `socket.request`.
    pub fn request(&self) -> &RequestHead {
        &self.request
    }

    /// The auth payload; `{}` if the client sent none. Socket.IO protocol: Connection to a namespace.
    ///
    /// # Errors
    /// When it has another form.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.auth_json())
    }

    /// The auth payload as the client sent it, the text of a JSON object; `{}` if it sent none.
    pub fn auth_json(&self) -> &str {
        self.auth.as_deref().unwrap_or("{}")
    }

    /// The headers, with lower-case names. See [`RequestHead::headers`].
    pub fn headers(&self) -> BTreeMap<String, String> {
        self.request.headers()
    }

    /// The query parameters, decoded; of a repeated one the last.
    pub fn query(&self) -> BTreeMap<String, String> {
        self.request.query_pairs().into_iter().collect()
    }

    /// When the client connected to the namespace, in milliseconds since 1970 by this node's clock.
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// When the client connected to the namespace, as a date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section
    /// 5.6.7).
    pub fn time(&self) -> String {
        HttpDate::from(UNIX_EPOCH + Duration::from_millis(self.issued)).to_string()
    }

    /// The address of the TCP peer, without its port; empty if unknown. Behind a proxy it is the proxy's.
    pub fn address(&self) -> String {
        self.request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
    }

    /// Whether the request had an `Origin` header, which is what the reference takes for another origin. (Browsers send
    /// it with every WebSocket, to their own origin too.)
    pub fn xdomain(&self) -> bool {
        self.request.header("origin").is_some()
    }

    /// Whether it came through TLS on this server; not what a proxy says.
    pub fn secure(&self) -> bool {
        self.request.is_secure()
    }

    /// Path and query of the request, as sent.
    pub fn url(&self) -> &str {
        self.request.uri()
    }

    /// The same object without the auth payload, for other eyes. (Headers and query stay, and may have secrets as
    /// well.)
    pub fn without_auth(&self) -> impl Serialize + '_ {
        WithoutAuth(self)
    }

    fn fields<S: Serializer>(&self, serializer: S, with_auth: bool) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Handshake", 8 + usize::from(with_auth))?;
        fields.serialize_field("headers", &self.headers())?;
        fields.serialize_field("time", &self.time())?;
        fields.serialize_field("address", &self.address())?;
        fields.serialize_field("xdomain", &self.xdomain())?;
        fields.serialize_field("secure", &self.secure())?;
        fields.serialize_field("issued", &self.issued)?;
        fields.serialize_field("url", self.url())?;
        fields.serialize_field("query", &self.query())?;
        if with_auth {
            let auth: &RawValue =
                serde_json::from_str(self.auth_json()).map_err(serde::ser::Error::custom)?;
            fields.serialize_field("auth", auth)?;
        }
        fields.end()
    }
}

impl Serialize for Handshake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields(serializer, true)
    }
}

struct WithoutAuth<'a>(&'a Handshake);

impl Serialize for WithoutAuth<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fields(serializer, false)
    }
}
