//! From a request for a WebSocket to the answer that grants it, whatever carries the WebSocket then (RFC 6455, 4.2).

use actix_http::ws::{HandshakeError, hash_key, verify_handshake};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};

/// The answer to a correct request; a refusal of any other.
pub(super) fn switching_protocols(request: &HttpRequest) -> Result<HttpResponseBuilder, Box<HttpResponse>> {
    verify_handshake(request.head()).map_err(refusal)?;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map_or(&[][..], |key| key.as_bytes());
    let accepted = hash_key(key);
    let mut answer = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    answer.upgrade("websocket").insert_header((
        header::SEC_WEBSOCKET_ACCEPT,
        header::HeaderValue::from_bytes(&accepted).map_err(|_| {
            // Base64 can stand in a header.
            Box::new(HttpResponse::InternalServerError().force_close().finish())
        })?,
    ));
    Ok(answer)
}

fn refusal(error: HandshakeError) -> Box<HttpResponse> {
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
