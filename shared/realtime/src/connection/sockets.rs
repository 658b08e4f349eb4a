//! What WebSockets tell their connection.

use std::time::{Duration, Instant};

use actix::{Handler, Message};
use bytes::Bytes;

use super::{Connection, ConnectionContext, TransportId};
use crate::{
    DisconnectReason,
    transport::{Handed, Inbound},
};

/// Time for a peer that has got the close frame to answer it and to hang up, whatever else it sends.
const WEBSOCKET_HANG_UP: Duration = Duration::from_millis(900);

/// From the WebSocket that the connection reads itself.
impl Connection {
    pub(super) fn inbound(&mut self, inbound: Inbound, ctx: &mut ConnectionContext) {
        match inbound {
            Inbound::Bytes(bytes) => {
                self.end_if_process_stood_still();
                self.read(&bytes, ctx);
                self.arm();
            }
            // Both have said goodbye, and it is for the server to hang up first (RFC 6455 section 7.1.1).
            Inbound::Finished if self.peer_closed => self.end(ctx),
            Inbound::Finished => {
                self.session.hurry_close(Instant::now() + WEBSOCKET_HANG_UP);
                self.arm();
            }
        }
    }

    pub(super) fn incoming_ended(&mut self, ctx: &mut ConnectionContext) {
        self.lost(DisconnectReason::TransportClose, ctx);
    }
}

/// Bytes from a WebSocket that another task reads. The answer is the permission to read on, and says whether this
/// WebSocket has become the session's.
#[derive(Message)]
#[rtype(result = "bool")]
pub(crate) struct Received {
    pub transport: TransportId,
    pub bytes: Bytes,
}

impl Handler<Received> for Connection {
    type Result = bool;

    fn handle(&mut self, Received { transport, bytes }: Received, ctx: &mut Self::Context) -> bool {
        self.received(transport, &bytes, ctx);
        self.inbound.as_ref().is_some_and(|(it, _)| *it == transport)
    }
}

/// A WebSocket that has become the session's, for the connection to read and write it itself. If it is lost, so is the
/// WebSocket, and the heartbeat ends the session.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct HandOver {
    pub transport: TransportId,
    pub socket: Handed,
}

impl Handler<HandOver> for Connection {
    type Result = ();

    fn handle(&mut self, HandOver { transport, socket }: HandOver, ctx: &mut Self::Context) {
        if self.inbound.as_ref().is_none_or(|(it, _)| *it != transport) {
            return;
        }
        match socket.settle(&self.wire.line) {
            Ok(incoming) => ctx.read_from(incoming),
            Err(error) => {
                tracing::debug!(%error, "a WebSocket could not be moved to its connection's thread");
                self.lost(DisconnectReason::TransportError, ctx);
            }
        }
    }
}

/// A WebSocket's TCP connection has ended, or its writer has. If it is lost, the heartbeat ends the session.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TransportClosed {
    pub transport: TransportId,
}

impl Handler<TransportClosed> for Connection {
    type Result = ();

    fn handle(&mut self, TransportClosed { transport }: TransportClosed, ctx: &mut Self::Context) {
        if self.candidate.as_ref().is_some_and(|candidate| candidate.transport == transport) {
            self.abandon(None);
        } else if self.inbound.as_ref().is_some_and(|(it, _)| *it == transport) {
            self.lost(DisconnectReason::TransportClose, ctx);
        }
    }
}
