//! HTTP long-polling: a GET takes what is queued or waits for it, a POST brings packets (protocol section
//! "HTTP long-polling").

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::{
    Refused,
    exchange::{ANSWER_BYTES, payload},
    home::Home,
    opened,
};
use crate::{
    connection::{Connection, Opened},
    error::ErrorCode,
    options::TransportKind,
    outbox::Taken,
    request::RequestHead,
    server::Server,
};

/// Time for the body of a POST to come in.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a session; its answer holds the handshake packet alone.
pub(super) fn open(
    server: &Arc<Server>,
    head: Arc<RequestHead>,
) -> Result<(Arc<str>, HttpResponse), Refused> {
    let Opened { sid, line, task } = opened(Connection::open(server, head, TransportKind::Polling))?;
    actix_rt::spawn(task);
    let writer = line.outbox.attach();
    let now = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(Taken::Some(frames)) = line.outbox.poll_frames(writer, 1, ANSWER_BYTES, now) else {
        unreachable!("invariant: a connection greets when it is made");
    };
    Ok((sid, packets(payload(frames))))
}

fn packets(payload: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=UTF-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(payload)
}

pub(super) async fn poll(server: &Server, home: Home) -> Result<HttpResponse, Refused> {
    let taken = home.poll(server).await?;
    let mut answer = packets(taken.payload);
    if taken.leave {
        answer.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    }
    Ok(answer)
}

pub(super) async fn post(
    server: &Server,
    request: &HttpRequest,
    payload: web::Payload,
    home: Home,
) -> Result<HttpResponse, Refused> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|value| value.eq_ignore_ascii_case(b"application/octet-stream")) {
        home.known().await?;
        // Binary bodies belong to revision 3.
        return Err(Refused::new(ErrorCode::BadRequest, "BINARY_BODY"));
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        home.known().await?;
        return Ok(HttpResponse::UnsupportedMediaType().finish());
    }
    let posting = home.begin_post().await?;
    let body = tokio::select! {
        body = read(request, payload, server.options.max_payload) => body,
        () = tokio::time::sleep(BODY_TIMEOUT) => Err(StatusCode::REQUEST_TIMEOUT),
        // A body that trickles in must not hold the end of the server up.
        () = server.closes() => Err(StatusCode::SERVICE_UNAVAILABLE),
    };
    let body = match body {
        Ok(body) => body,
        // The session ends with it.
        Err(status) => return Ok(HttpResponse::build(status).force_close().finish()),
    };
    // Only programs that speak raw Engine.IO look at the request behind a message.
    let head = server.wants_requests().then(|| Arc::new(RequestHead::of(request)));
    posting.deliver(server, body, head).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/html")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body("ok"))
}

/// The whole body, or the status that says why not.
async fn read(request: &HttpRequest, mut payload: web::Payload, most: usize) -> Result<Bytes, StatusCode> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if body.len() + chunk.len() > most {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
