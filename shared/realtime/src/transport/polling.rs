//! HTTP long-polling: a GET takes what is queued or waits for it, a POST brings packets (protocol section
//! "HTTP long-polling").

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use natter_protocol::{Opcode, encode_payload};

use super::{Peer, Refused, ended, opened};
use crate::{
    DisconnectReason,
    connection::{
        Abort, BeginPoll, BeginPost, Connection, Opened, Payload, PayloadVerdict, PollEnded, PostEnded,
    },
    error::ErrorCode,
    options::TransportKind,
    outbox::Taken,
    request::RequestHead,
    server::Server,
};

/// Time for the body of a POST to come in.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Time the polls of a client that is behind have, before its POST is answered.
const POLLS_FIRST: Duration = Duration::from_secs(1);

/// Bytes past which no more packets are added to an answer.
const ANSWER_BYTES: usize = 512 * 1024;

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
    Ok((sid, packets(frames)))
}

fn packets(frames: Vec<(Opcode, Bytes)>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=UTF-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(encode_payload(frames.into_iter()))
}

/// A poll under way; tells the connection when it ends, also when its client goes away before that.
struct Waiting {
    line: Peer,
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.line.connection.do_send(PollEnded { aborted: !self.answered });
    }
}

pub(super) async fn poll(server: &Server, line: Peer) -> Result<HttpResponse, Refused> {
    // In place before it begins: the client may go away while the connection answers.
    let mut waiting = Waiting { line: line.clone(), answered: false };
    let begun = line.connection.send(BeginPoll).await.map_err(|_| ended())?;
    let writer = match begun {
        Ok(writer) => writer,
        Err(_) => {
            // It is not this one's end that the connection waits for.
            waiting.answered = true;
            return Err(Refused::new(ErrorCode::BadRequest, "TRANSPORT_MISMATCH"));
        }
    };
    let most = server.options.limits.packets_per_poll;
    let taken = poll_fn(|cx| line.outbox.poll_frames(writer, most, ANSWER_BYTES, cx)).await;
    waiting.answered = true;
    drop(waiting);
    match taken {
        Taken::Some(frames) => Ok(packets(frames)),
        // A WebSocket has taken over.
        Taken::Detached => Ok(packets(vec![(Opcode::Text, Bytes::from_static(b"6"))])),
        Taken::Ended => Err(ended()),
    }
}

/// A POST under way. Ends the session when its body does not come in whole, also when its client goes away; else it
/// tells the connection when the next one may come.
struct Posting {
    line: Peer,
    stage: Stage,
}

enum Stage {
    Refused,
    Arriving,
    Arrived,
}

impl Drop for Posting {
    fn drop(&mut self) {
        match self.stage {
            Stage::Refused => {}
            Stage::Arriving => {
                self.line.connection.do_send(Abort { reason: DisconnectReason::TransportError })
            }
            Stage::Arrived => self.line.connection.do_send(PostEnded),
        }
    }
}

pub(super) async fn post(
    server: &Server,
    request: &HttpRequest,
    payload: web::Payload,
    line: Peer,
) -> Result<HttpResponse, Refused> {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|value| value.eq_ignore_ascii_case(b"application/octet-stream")) {
        // Binary bodies belong to revision 3.
        return Err(Refused::new(ErrorCode::BadRequest, "BINARY_BODY"));
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Ok(HttpResponse::UnsupportedMediaType().finish());
    }
    let mut posting = Posting { line: line.clone(), stage: Stage::Arriving };
    let begun = line.connection.send(BeginPost).await.map_err(|_| ended())?;
    if begun.is_err() {
        posting.stage = Stage::Refused;
        return Err(Refused::new(ErrorCode::BadRequest, "TRANSPORT_MISMATCH"));
    }
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
    posting.stage = Stage::Arrived;
    // Only programs that speak raw Engine.IO look at the request behind a message.
    let head = server.wants_requests().then(|| Arc::new(RequestHead::of(request)));
    match line.connection.send(Payload { body, request: head }).await.map_err(|_| ended())? {
        PayloadVerdict::Taken => {
            // A client posts again when it is answered. While too many of its handlers run it is not; and while so much
            // is queued for it that the answers to another body could make it too slow, its polls have a moment to come
            // first. Only a moment, for there are clients that do one thing after the other.
            poll_fn(|cx| line.gate.poll_open(cx)).await;
            let room = server.options.limits.outbox_hard_bytes.saturating_sub(server.options.max_payload);
            let drained = poll_fn(|cx| line.outbox.poll_room(room, cx));
            tokio::select! {
                () = drained => {}
                () = tokio::time::sleep(POLLS_FIRST) => {}
            }
            Ok(HttpResponse::Ok()
                .content_type("text/html")
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .body("ok"))
        }
        PayloadVerdict::Invalid => Err(Refused::new(ErrorCode::BadRequest, "PARSE_ERROR")),
        PayloadVerdict::OutOfPlace => Err(Refused::new(ErrorCode::BadRequest, "TRANSPORT_MISMATCH")),
    }
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
