//! The query parameters of Engine.IO (protocol section "HTTP long-polling", "Query parameters"). Pure.

use super::Refused;
use crate::{error::ErrorCode, options::TransportKind};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub transport: TransportKind,
    pub sid: Option<String>,
}

/// Reads them strictly: each at most once, the revision 4 on every request.
pub(super) fn parse(query: &str) -> Result<Query, Refused> {
    let [mut transport, mut revision, mut sid] = [const { None }; 3];
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let (parameter, twice) = match &*name {
            "transport" => (&mut transport, ErrorCode::UnknownTransport),
            "EIO" => (&mut revision, ErrorCode::UnsupportedProtocolVersion),
            "sid" => (&mut sid, ErrorCode::UnknownSid),
            // JSONP belongs to revision 3.
            "j" => return Err(Refused::new(ErrorCode::BadRequest, "JSONP")),
            _ => continue,
        };
        if parameter.replace(value.into_owned()).is_some() {
            return Err(Refused::new(twice, "REPEATED_PARAMETER"));
        }
    }
    let transport = match transport.as_deref() {
        Some("polling") => TransportKind::Polling,
        Some("websocket") => TransportKind::Websocket,
        _ => return Err(Refused::new(ErrorCode::UnknownTransport, "UNKNOWN_TRANSPORT")),
    };
    if revision.as_deref() != Some("4") {
        return Err(Refused::new(ErrorCode::UnsupportedProtocolVersion, "UNSUPPORTED_PROTOCOL_VERSION"));
    }
    Ok(Query { transport, sid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_query_is_read() {
        let query = parse("EIO=4&transport=polling&t=abc&sid=a%2Db").ok().unwrap();
        assert_eq!(query, Query { transport: TransportKind::Polling, sid: Some("a-b".to_owned()) });
        assert_eq!(parse("EIO=4&transport=websocket").ok().unwrap().sid, None);
    }

    #[test]
    fn anything_else_is_refused_with_its_code() {
        for (query, code) in [
            ("", ErrorCode::UnknownTransport),
            ("EIO=4&transport=", ErrorCode::UnknownTransport),
            ("EIO=4&transport=constructor", ErrorCode::UnknownTransport),
            ("EIO=4&transport=polling&transport=polling", ErrorCode::UnknownTransport),
            ("transport=polling", ErrorCode::UnsupportedProtocolVersion),
            ("EIO=abc&transport=polling", ErrorCode::UnsupportedProtocolVersion),
            ("EIO=3&transport=polling", ErrorCode::UnsupportedProtocolVersion),
            ("EIO=4&EIO=3&transport=polling", ErrorCode::UnsupportedProtocolVersion),
            ("EIO=4&transport=polling&sid=a&sid=b", ErrorCode::UnknownSid),
            ("EIO=4&transport=polling&j=0", ErrorCode::BadRequest),
        ] {
            assert_eq!(parse(query).err().map(|refused| refused.code), Some(code), "{query}");
        }
    }
}
