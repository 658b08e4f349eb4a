//! From a request for a WebSocket to the answer that grants it, whatever carries the WebSocket then (RFC 6455, 4.2).
//! The only file that knows `actix_web_actors`.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header};
use actix_web_actors::ws::{HandshakeError, handshake};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The answer to a correct request; a refusal of any other. Stricter than `actix_web_actors`: the version is 13, and the
/// key has 16 bytes.
pub(super) fn switching_protocols(request: &HttpRequest) -> Result<HttpResponseBuilder, Box<HttpResponse>> {
    let header = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.as_bytes());
    if header(header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(refusal(&HandshakeError::UnsupportedVersion));
    }
    let key = header(header::SEC_WEBSOCKET_KEY).and_then(|key| STANDARD.decode(key).ok());
    if key.is_none_or(|key| key.len() != 16) {
        return Err(refusal(&HandshakeError::BadWebsocketKey));
    }
    handshake(request).map_err(|error| refusal(&error))
}

fn refusal(error: &HandshakeError) -> Box<HttpResponse> {
    Box::new(match error {
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            let mut answer = HttpResponse::UpgradeRequired();
            answer.insert_header((header::SEC_WEBSOCKET_VERSION, "13")).force_close();
            answer.body("WebSocket version 13 is required")
        }
        HandshakeError::BadWebsocketKey => {
            HttpResponse::BadRequest().force_close().body("Sec-WebSocket-Key is missing or malformed")
        }
        other => HttpResponse::BadRequest().force_close().body(other.to_string()),
    })
}
