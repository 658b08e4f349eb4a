//! A WebSocket as the streaming response of an actix-web request: the transport of servers that are mounted into an
//! `App` of their own. The only file that knows `actix_web_actors`.
//!
//! actix polls the response body only while the socket can take more. That is why nothing of the session lives in it:
//! heartbeats and deadlines go on when the peer has stopped reading. What can't be done from here is to cut the TCP
//! connection of such a peer: it stays, with at most one write buffer, until the peer reads or the kernel gives up.

use std::{
    future::{poll_fn, ready},
    pin::Pin,
    sync::Arc,
    task::{self, Context, Poll},
};

use actix::AsyncContext;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, error::PayloadError, http::header, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::once};
use natter_protocol::{CloseCode, Frames};

use super::{Peer, Refused, ended, opened, source::Source};
use crate::{
    connection::{BeginUpgrade, Connection, FIRST_TRANSPORT, Received, TransportClosed, TransportId},
    gate::{Gate, Passage},
    options::TransportKind,
    request::RequestHead,
    server::Server,
};

/// Opens a session on a WebSocket.
pub(super) fn open(
    server: &Arc<Server>,
    mut switching: HttpResponseBuilder,
    payload: web::Payload,
    head: Arc<RequestHead>,
) -> Result<(Arc<str>, HttpResponse), Refused> {
    let opened = opened(Connection::open(server, head, TransportKind::Websocket, |ctx, gate| {
        ctx.add_stream(Gated { payload, gate: gate.clone() });
    }))?;
    let writer = opened.line.outbox.attach();
    let body = Body { source: Source::Session(writer), line: opened.line, transport: FIRST_TRANSPORT };
    Ok((opened.sid, switching.streaming(body)))
}

/// Lets a WebSocket try to take a polling session over.
pub(super) async fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    line: Peer,
) -> Result<HttpResponse, Refused> {
    let mut switching = match switching_protocols(request) {
        Ok(switching) => switching,
        Err(answer) => return Ok(*answer),
    };
    let begun = line.connection.send(BeginUpgrade).await.map_err(|_| ended())?;
    let Some((transport, slot)) = begun else {
        // The session has a WebSocket, or one is about to take over. The reference opens and closes; so clients expect.
        let close = Frames::close(Some((CloseCode::Policy, ""))).into_bytes();
        return Ok(switching.streaming(once(ready(Ok::<_, actix_web::Error>(close)))));
    };
    // The session may live on another thread than this socket: a task here reads for it.
    let incoming = Gated { payload, gate: line.gate.clone() };
    actix_rt::spawn(read_for(line.clone(), transport, incoming));
    Ok(switching.streaming(Body { source: Source::Candidate(slot), line, transport }))
}

/// RFC 6455 section 4.2.1, stricter than `actix_web_actors`: the version is 13 and the key has 16 bytes.
pub(super) fn switching_protocols(request: &HttpRequest) -> Result<HttpResponseBuilder, Box<HttpResponse>> {
    let header = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.as_bytes());
    if header(header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
        let mut answer = HttpResponse::UpgradeRequired();
        answer.insert_header((header::SEC_WEBSOCKET_VERSION, "13")).force_close();
        return Err(Box::new(answer.body("WebSocket version 13 is required")));
    }
    let bad = |why: String| Box::new(HttpResponse::BadRequest().force_close().body(why));
    let key = header(header::SEC_WEBSOCKET_KEY).and_then(|key| STANDARD.decode(key).ok());
    if key.is_none_or(|key| key.len() != 16) {
        return Err(bad("Sec-WebSocket-Key is missing or malformed".to_owned()));
    }
    actix_web_actors::ws::handshake(request).map_err(|error| bad(error.to_string()))
}

/// What comes in, held back while too many of the client's handlers run.
struct Gated {
    payload: web::Payload,
    gate: Arc<Gate>,
}

impl Stream for Gated {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if task::ready!(self.gate.poll_open(cx)) == Passage::Ended {
            return Poll::Ready(None);
        }
        self.payload.poll_next_unpin(cx)
    }
}

async fn read_for(line: Peer, transport: TransportId, mut incoming: Gated) {
    while let Some(Ok(bytes)) = poll_fn(|cx| incoming.poll_next_unpin(cx)).await {
        if line.connection.send(Received { transport, bytes }).await.is_err() {
            return;
        }
    }
    line.connection.do_send(TransportClosed { transport });
}

/// What goes out.
struct Body {
    source: Source,
    line: Peer,
    transport: TransportId,
}

impl Stream for Body {
    type Item = Result<Bytes, actix_web::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { source, line, .. } = &mut *self;
        source.poll_packet(line, cx).map(|packet| packet.map(Ok))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.line.connection.do_send(TransportClosed { transport: self.transport });
    }
}
