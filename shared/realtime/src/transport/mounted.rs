//! A WebSocket as the streaming response of an actix-web request: the transport of servers that are mounted into an
//! `HttpServer` of their own.
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

use actix_web::{HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::once};
use natter_protocol::{CloseCode, Frames};

use super::{Chunk, Inbound, Incoming, Peer, source::Source};
use crate::{
    connection::{FIRST_TRANSPORT, Opened, Received, TransportClosed, TransportId},
    gate::{Gate, Passage},
    outbox::WriterId,
    upgrade::Slot,
};

/// A session that begins with a WebSocket.
pub(super) fn open(
    opened: Opened,
    writer: WriterId,
    payload: web::Payload,
    mut switching: HttpResponseBuilder,
) -> HttpResponse {
    let Opened { line, mut task, .. } = opened;
    task.context().read_from(Incoming::Mounted(Gated { payload, gate: line.gate.clone() }));
    actix_rt::spawn(task);
    switching.streaming(Body { source: Source::Session(writer), line, transport: FIRST_TRANSPORT })
}

/// A WebSocket that is to take a session over. The session may live on another thread than it: a task here reads for
/// it.
pub(super) fn upgrade(
    line: Peer,
    transport: TransportId,
    slot: Arc<Slot>,
    payload: web::Payload,
    mut switching: HttpResponseBuilder,
) -> HttpResponse {
    let incoming = Gated { payload, gate: line.gate.clone() };
    actix_rt::spawn(read_for(line.clone(), transport, incoming));
    switching.streaming(Body { source: Source::Candidate(slot), line, transport })
}

/// A WebSocket that may not try: it is opened and closed.
pub(super) fn turn_away(mut switching: HttpResponseBuilder) -> HttpResponse {
    let close = Frames::close(Some((CloseCode::Policy, ""))).into_bytes();
    switching.streaming(once(ready(Ok::<_, actix_web::Error>(close))))
}

/// What comes in, held back while too many of the client's handlers run.
pub(crate) struct Gated {
    payload: web::Payload,
    gate: Arc<Gate>,
}

impl Gated {
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        if task::ready!(self.gate.poll_open(cx)) == Passage::Ended {
            return Poll::Ready(None);
        }
        let read = task::ready!(self.payload.poll_next_unpin(cx));
        Poll::Ready(read.and_then(Result::ok).map(|bytes| Inbound::Bytes(Chunk::Own(bytes))))
    }
}

async fn read_for(line: Peer, transport: TransportId, mut incoming: Gated) {
    while let Some(Inbound::Bytes(Chunk::Own(bytes))) = poll_fn(|cx| incoming.poll_next(cx)).await {
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
