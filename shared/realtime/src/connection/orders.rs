//! What sockets, middleware and the server tell a connection.

use std::sync::Arc;

use actix::{Handler, Message};
use bytestring::ByteString;

use super::{App, Connection, ConnectionContext};
use crate::{DisconnectReason, client::Admission, options::TransportKind, socket::SocketInner};

/// A packet did not fit into the outbox any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TooSlow;

impl Handler<TooSlow> for Connection {
    type Result = ();

    fn handle(&mut self, _: TooSlow, ctx: &mut ConnectionContext) {
        // Who does not read is not read from either, not even until the close frame is taken.
        self.wire.line.gate.shut();
        self.close(DisconnectReason::TooSlow, ctx);
    }
}

/// Closes the connection without a word of Socket.IO, after what is queued has been delivered.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Close {
    pub reason: DisconnectReason,
}

/// Closes the connection at once: the client has broken a rule of its transport.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Abort {
    pub reason: DisconnectReason,
}

impl Handler<Abort> for Connection {
    type Result = ();

    fn handle(&mut self, Abort { reason }: Abort, ctx: &mut ConnectionContext) {
        self.close(reason, ctx);
    }
}

impl Handler<Close> for Connection {
    type Result = ();

    fn handle(&mut self, Close { reason }: Close, _: &mut ConnectionContext) {
        self.close_gracefully(reason);
    }
}

/// The poll that waits, if one does, is to be answered now: with a noop if there is nothing else.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ReleasePoll;

impl Handler<ReleasePoll> for Connection {
    type Result = ();

    fn handle(&mut self, _: ReleasePoll, _: &mut Self::Context) {
        self.release_poll();
    }
}

/// The server is closing.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Shutdown;

impl Handler<Shutdown> for Connection {
    type Result = ();

    fn handle(&mut self, _: Shutdown, ctx: &mut ConnectionContext) {
        // A polling client that is not polling just now is not waited for: it will find the server gone.
        if self.session.transport() == TransportKind::Websocket || self.session.poll_waits() {
            self.close_gracefully(DisconnectReason::ServerShuttingDown);
        } else {
            self.close(DisconnectReason::ServerShuttingDown, ctx);
        }
    }
}

/// A socket is to leave its namespace by the server's will, with `close` the whole client.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LeaveNamespace {
    pub socket: Arc<SocketInner>,
    pub close: bool,
}

impl Handler<LeaveNamespace> for Connection {
    type Result = ();

    fn handle(&mut self, LeaveNamespace { socket, close }: LeaveNamespace, _: &mut ConnectionContext) {
        let App::SocketIo(client) = &mut self.app else { return };
        if close {
            client.disconnect_all(&self.wire);
            self.close_gracefully(DisconnectReason::ForcedServerClose);
        } else {
            client.leave(&self.wire, &socket, DisconnectReason::ServerNamespaceDisconnect);
        }
    }
}

/// A namespace's middleware has decided about this client.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Admitted {
    pub name: ByteString,
    pub admission: Admission,
}

impl Handler<Admitted> for Connection {
    type Result = ();

    fn handle(&mut self, Admitted { name, admission }: Admitted, ctx: &mut ConnectionContext) {
        let App::SocketIo(client) = &mut self.app else { return };
        let verdict = client.admitted(&self.wire, &name, admission);
        if self.session.awaits_namespace() && client.is_connected() {
            self.session.connected();
        }
        if let Err(reason) = verdict {
            self.close(reason, ctx);
        }
    }
}
