//! Which browser origins may talk to the server, and the headers that tell a browser so.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use regex::Regex;

/// Which browser origins may connect (the Fetch standard's CORS protocol; RFC 6455 section 10.2 for WebSockets).
///
/// It decides for polling **and** WebSocket requests: a request that carries an `Origin` which is not allowed is
/// refused before anything else is looked at, with [`ErrorCode::Forbidden`](crate::ErrorCode::Forbidden): 403, or 400
/// for a WebSocket. A request without `Origin` does not come from a page and passes.
///
/// By default: the same origin, no credentials, methods `GET,POST`, whatever headers a preflight asks for, nothing
/// exposed, no time for a preflight. A preflight is answered with 204. Methods and headers that are no legal header
/// value are left out, so that browsers refuse.
///
/// Socket.IO server options: `cors`.
#[derive(Clone)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
    methods: String,
    allowed_headers: Option<String>,
    exposed_headers: Option<String>,
    max_age: Option<Duration>,
}

#[derive(Clone)]
enum Origins {
    Same,
    Any,
    List(Vec<String>),
    Pattern(Regex),
    By(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins: &dyn fmt::Debug = match &self.origins {
            Origins::Same => &"same origin",
            Origins::Any => &"any",
            Origins::List(list) => list,
            Origins::Pattern(pattern) => pattern,
            Origins::By(_) => &"by function",
        };
        f.debug_struct("Cors").field("origins", origins).field("credentials", &self.credentials).finish()
    }
}

/// What a request's origin means for its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No origin, or the host's own: no headers needed.
    Plain,
    /// A foreign origin that is allowed: these headers go on the answer.
    Allowed,
    /// A foreign origin that is not allowed.
    Refused,
}

impl Cors {
    fn new(origins: Origins) -> Self {
        Self {
            origins,
            credentials: false,
            methods: "GET,POST".to_owned(),
            allowed_headers: None,
            exposed_headers: None,
            max_age: None,
        }
    }

    /// Only pages served by the same host and port. The default.
    pub fn same_origin() -> Self {
        Self::new(Origins::Same)
    }

    /// Every page. Together with [`credentials`](Self::credentials) the origin is echoed, never `*`; then the pages of
    /// any site act with the cookies of its visitors.
    pub fn any() -> Self {
        Self::new(Origins::Any)
    }

    /// The origins of a list, each as `https://example.com` with its port if that is not the scheme's own, compared
    /// as a whole. The same origin is always allowed.
    pub fn origins<I: IntoIterator<Item = S>, S: Into<String>>(origins: I) -> Self {
        Self::new(Origins::List(
            origins.into_iter().map(|origin| origin.into().to_ascii_lowercase()).collect(),
        ))
    }

    /// Origins a pattern matches **as a whole** (it need not be anchored: `https://.*\.example\.com`). Flags are taken from
    /// inside the pattern, as in `(?i)`. The same origin is always allowed.
    pub fn pattern(pattern: Regex) -> Self {
        let whole = Regex::new(&format!("^(?:{})$", pattern.as_str()))
            .expect("invariant: a valid pattern stays valid inside a group");
        Self::new(Origins::Pattern(whole))
    }

    /// Origins that a function allows; it gets each as the browser sent it. The same origin is always allowed.
    pub fn by(allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Origins::By(Arc::new(allows)))
    }

    /// Whether pages may send cookies along (`Access-Control-Allow-Credentials`); no by default.
    pub fn credentials(mut self, yes: bool) -> Self {
        self.credentials = yes;
        self
    }

    /// The methods of a preflight's answer (`Access-Control-Allow-Methods`), `GET,POST` by default.
    pub fn methods(mut self, methods: &[&str]) -> Self {
        self.methods = methods.join(",");
        self
    }

    /// The request headers pages may set (`Access-Control-Allow-Headers`); by default whatever the preflight asks for.
    pub fn allowed_headers(mut self, headers: &[&str]) -> Self {
        self.allowed_headers = Some(headers.join(","));
        self
    }

    /// The answer's headers pages may read (`Access-Control-Expose-Headers`); by default none is named.
    pub fn exposed_headers(mut self, headers: &[&str]) -> Self {
        self.exposed_headers = Some(headers.join(","));
        self
    }

    /// How long a browser may keep a preflight's answer (`Access-Control-Max-Age`), in whole seconds; by default it is
    /// not told.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    pub(crate) fn judge(&self, request: &HeaderMap) -> Verdict {
        let Some(origin) = request.get(header::ORIGIN) else { return Verdict::Plain };
        // Bytes outside ASCII cannot be an origin that anybody meant to allow.
        let Ok(origin) = origin.to_str() else { return Verdict::Refused };
        let host = request.get(header::HOST).and_then(|host| host.to_str().ok());
        let same = host.is_some_and(|host| {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        });
        let allowed = match &self.origins {
            Origins::Same => false,
            Origins::Any => true,
            Origins::List(list) => list.contains(&origin.to_ascii_lowercase()),
            Origins::Pattern(pattern) => pattern.is_match(origin),
            Origins::By(allows) => allows(origin),
        };
        match (allowed, same) {
            (true, _) => Verdict::Allowed,
            (false, true) => Verdict::Plain,
            (false, false) => Verdict::Refused,
        }
    }

    /// Puts the headers of an allowed origin on an answer.
    pub(crate) fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let any = matches!(self.origins, Origins::Any) && !self.credentials;
        if any {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else if let Some(origin) = request.get(header::ORIGIN) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if self.credentials {
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(exposed) = &self.exposed_headers {
            insert(answer, header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    /// Puts the headers of a preflight's answer (`OPTIONS`) on it, besides those of [`apply`](Self::apply).
    pub(crate) fn apply_preflight(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        insert(answer, header::ACCESS_CONTROL_ALLOW_METHODS, &self.methods);
        match &self.allowed_headers {
            Some(allowed) => insert(answer, header::ACCESS_CONTROL_ALLOW_HEADERS, allowed),
            None => {
                if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                    answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                    answer.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
                }
            }
        }
        if let Some(age) = self.max_age {
            insert(answer, header::ACCESS_CONTROL_MAX_AGE, &age.as_secs().to_string());
        }
    }
}

/// A value that is no legal header is left out; the browser then refuses, which is the safe side.
fn insert(answer: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("chat.example.com:3000"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn by_default_only_the_hosts_own_pages_may_connect() {
        let cors = Cors::same_origin();
        assert_eq!(cors.judge(&request(None)), Verdict::Plain);
        assert_eq!(cors.judge(&request(Some("http://chat.example.com:3000"))), Verdict::Plain);
        for foreign in
            ["http://evil.com", "null", "http://chat.example.com", "http://chat.example.com:3000.evil.com"]
        {
            assert_eq!(cors.judge(&request(Some(foreign))), Verdict::Refused, "{foreign}");
        }
    }

    #[test]
    fn a_list_is_compared_as_a_whole() {
        let cors = Cors::origins(["https://Example.com"]);
        assert_eq!(cors.judge(&request(Some("https://example.com"))), Verdict::Allowed);
        for foreign in ["https://evilexample.com", "https://example.com.evil.org", "http://example.com"] {
            assert_eq!(cors.judge(&request(Some(foreign))), Verdict::Refused, "{foreign}");
        }
    }

    #[test]
    fn a_pattern_must_match_the_whole_origin() {
        let cors = Cors::pattern(Regex::new(r"https://[a-z]+\.example\.com").unwrap());
        assert_eq!(cors.judge(&request(Some("https://a.example.com"))), Verdict::Allowed);
        assert_eq!(cors.judge(&request(Some("https://a.example.com.evil.org"))), Verdict::Refused);
    }

    #[test]
    fn credentials_are_never_given_together_with_a_star() {
        let mut answer = HeaderMap::new();
        Cors::any().credentials(true).apply(&request(Some("https://a.com")), &mut answer);
        assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "https://a.com");
        assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).unwrap(), "true");
    }
}
