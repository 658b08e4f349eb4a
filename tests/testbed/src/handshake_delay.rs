//! A pause before each handshake, so that clients see a server that takes its time.

use std::time::Duration;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
};

/// Lets a request through, a handshake or an upgrade after `delay`.
pub async fn wait<B: MessageBody>(
    delay: Duration,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if !delay.is_zero() && is_handshake(&request) {
        actix_web::rt::time::sleep(delay).await;
    }
    next.call(request).await
}

/// The first request of a session, or one that opens a WebSocket (a new session's or an upgrade).
fn is_handshake(request: &ServiceRequest) -> bool {
    let knows_session = request.query_string().split('&').any(|pair| pair.starts_with("sid="));
    !knows_session || request.headers().contains_key(header::UPGRADE)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn first_requests_and_upgrades_are_handshakes() {
        let first = TestRequest::with_uri("/socket.io/?EIO=4&transport=polling").to_srv_request();
        let upgrade = TestRequest::with_uri("/socket.io/?EIO=4&transport=websocket&sid=a")
            .insert_header((header::UPGRADE, "websocket"))
            .to_srv_request();
        let poll = TestRequest::with_uri("/socket.io/?EIO=4&transport=polling&sid=a").to_srv_request();
        assert!(is_handshake(&first));
        assert!(is_handshake(&upgrade));
        assert!(!is_handshake(&poll));
    }
}
