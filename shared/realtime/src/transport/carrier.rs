//! The seam between a session and what carries its WebSocket: mounted into somebody's `HttpServer`, or owned by the
//! library's own. No code outside of this folder knows which it is, and of this folder only this file does.

use std::{
    ops::Deref,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;

use super::{
    Peer, Refused, ended, mounted, opened,
    owned::{self, SharedBuffer, Ticket},
};
use crate::{
    connection::{BeginUpgrade, Connection},
    options::TransportKind,
    request::RequestHead,
    server::Server,
};

/// What a connection reads from its WebSocket, until there is nothing more to come.
pub(crate) enum Inbound {
    Bytes(Chunk),
    /// All that there was to write has been written, and nothing will come any more.
    Finished,
}

/// Where a connection reads from.
pub(crate) enum Incoming {
    Mounted(mounted::Gated),
    Owned(owned::Pump),
}

impl Incoming {
    /// What has come; none at its end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        match self {
            Self::Mounted(gated) => gated.poll_next(cx),
            Self::Owned(pump) => pump.poll_next(cx),
        }
    }
}

/// Some bytes that have come in.
pub(crate) enum Chunk {
    Own(Bytes),
    /// In the buffer that all connections of a thread read into.
    Shared(SharedBuffer),
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(buffer) => buffer,
        }
    }
}

/// What will carry the WebSocket that a request asks for.
pub(super) enum Carrier {
    /// The request's body and the body of its answer.
    Mounted(web::Payload),
    /// Its TCP connection.
    Owned(Ticket),
}

impl Carrier {
    pub fn of(request: &HttpRequest, payload: web::Payload) -> Self {
        match request.extensions().get::<Ticket>() {
            Some(ticket) => Self::Owned(ticket.clone()),
            None => Self::Mounted(payload),
        }
    }

    /// Opens a session on a WebSocket.
    pub fn open(
        self,
        server: &Arc<Server>,
        switching: HttpResponseBuilder,
        head: Arc<RequestHead>,
    ) -> Result<(Arc<str>, HttpResponse), Refused> {
        let opened = opened(Connection::open(server, head, TransportKind::Websocket))?;
        let sid = opened.sid.clone();
        let writer = opened.line.outbox.attach();
        let answer = match self {
            Self::Mounted(payload) => mounted::open(opened, writer, payload, switching),
            Self::Owned(ticket) => owned::open(opened, writer, &ticket, switching),
        };
        Ok((sid, answer))
    }

    /// Lets a WebSocket try to take a polling session over.
    pub async fn upgrade(self, switching: HttpResponseBuilder, line: Peer) -> Result<HttpResponse, Refused> {
        let begun = line.connection.send(BeginUpgrade).await.map_err(|_| ended())?;
        let Some((transport, slot)) = begun else {
            // The session has a WebSocket, or one is about to take over. The reference opens and closes; so clients expect.
            return Ok(match self {
                Self::Mounted(_) => mounted::turn_away(switching),
                Self::Owned(ticket) => owned::turn_away(line, &ticket, switching),
            });
        };
        Ok(match self {
            Self::Mounted(payload) => mounted::upgrade(line, transport, slot, payload, switching),
            Self::Owned(ticket) => owned::upgrade(line, transport, slot, &ticket, switching),
        })
    }
}
