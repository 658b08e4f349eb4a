//! How a session ends, by whoever's wish: its sockets leave at once, what is queued may still be delivered, and the actor
//! stops when there is nothing left to wait for.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use actix::ActorContext;
use natter_protocol::{CloseCode, Frames};

use super::{App, Connection, ConnectionContext, panicked};
use crate::{
    DisconnectReason,
    drive::{End, guarded},
    options::TransportKind,
};

/// Time for a WebSocket's peer to take what is queued and the close frame behind it.
const WEBSOCKET_CLOSE: Duration = Duration::from_secs(2);

/// Time for the last poll of a client that has said goodbye.
const LAST_POLL: Duration = Duration::from_secs(1);

impl Connection {
    /// The sockets leave, the session is counted as closed; what is queued stays.
    pub(super) fn leave(&mut self, reason: DisconnectReason) {
        if self.session.is_closing() {
            return;
        }
        self.abandon(None);
        // From here on it is closing, so that nothing a handler does can close it again.
        self.session.begin_close(Instant::now() + self.wire.shard.server.options.close_timeout);
        self.wire.shard.server.counters.closed(reason);
        self.wire.shard.server.counters.sessions.fetch_sub(1, Ordering::Relaxed);
        match &mut self.app {
            App::SocketIo(client) => client.closed(&self.wire, reason),
            App::Raw(_, socket) => {
                if let End::Panicked(message) = guarded(|| socket.closed(reason)) {
                    panicked(&self.wire.shard.server, &message);
                }
            }
        }
        self.arm();
    }

    /// Closes at once: a waiting poll gets a noop, later requests "Session ID unknown"; a WebSocket a close frame.
    pub(super) fn close(&mut self, reason: DisconnectReason, ctx: &mut ConnectionContext) {
        self.close_with(reason, reason.close_code(), ctx);
    }

    pub(super) fn close_with(
        &mut self,
        reason: DisconnectReason,
        code: Option<CloseCode>,
        ctx: &mut ConnectionContext,
    ) {
        if self.session.is_closing() {
            return;
        }
        let poll_waits = self.session.poll_waits();
        self.leave(reason);
        if self.session.transport() == TransportKind::Websocket {
            return self.finish_websocket(code);
        }
        if poll_waits {
            self.wire.line.outbox.finish_with(&natter_protocol::noop());
        } else {
            self.drop_queue();
        }
        self.end(ctx);
    }

    /// The client says goodbye. Its last poll may still be on its way, on another TCP connection, and gets a noop.
    pub(super) fn closed_by_client(&mut self, ctx: &mut ConnectionContext) {
        if self.session.transport() == TransportKind::Websocket || self.session.poll_waits() {
            return self.close(DisconnectReason::TransportClose, ctx);
        }
        self.leave(DisconnectReason::TransportClose);
        self.wire.line.outbox.finish_with(&natter_protocol::noop());
        self.session.begin_close(Instant::now() + LAST_POLL);
    }

    /// Closes after what is queued has been delivered: a polling client gets it, and a close packet, with its next poll.
    pub(super) fn close_gracefully(&mut self, reason: DisconnectReason) {
        if self.session.is_closing() {
            return;
        }
        self.leave(reason);
        if self.session.transport() == TransportKind::Websocket {
            return self.finish_websocket(reason.close_code());
        }
        // It goes alone with a poll after the last packets: a client acts on it before it has read what is beside it.
        self.wire.line.outbox.finish_with(&natter_protocol::close());
    }

    /// Puts a close frame behind what is queued, and gives the peer some time to take it.
    pub(super) fn finish_websocket(&mut self, code: Option<CloseCode>) {
        self.wire.line.outbox.finish_with(&Frames::close(code.map(|code| (code, ""))));
        self.session.begin_close(Instant::now() + WEBSOCKET_CLOSE);
        self.arm();
    }

    /// Two GETs or two POSTs at once: the session ends, and a poll that waits learns of it (as in the reference).
    pub(super) fn overlap(&mut self, ctx: &mut ConnectionContext) {
        self.leave(DisconnectReason::TransportError);
        self.wire.line.outbox.finish_with(&natter_protocol::close());
        self.end(ctx);
    }

    /// The transport is gone: there is nobody to tell.
    pub(super) fn lost(&mut self, reason: DisconnectReason, ctx: &mut ConnectionContext) {
        self.leave(reason);
        self.drop_queue();
        self.end(ctx);
    }

    /// What is queued could not be delivered in time.
    pub(super) fn give_up(&mut self, ctx: &mut ConnectionContext) {
        self.drop_queue();
        if self.session.transport() == TransportKind::Polling {
            return self.end(ctx);
        }
        // The peer of a WebSocket does not read. The session is gone; what is left waits for the transport, which ends
        // its TCP connection if it can, and reads nothing more.
        self.wire.shard.server.sessions.remove(&self.sid);
        self.wire.line.gate.shut();
    }

    fn drop_queue(&self) {
        let lost = self.wire.line.outbox.close();
        self.wire.shard.server.counters.dropped_closed.fetch_add(lost.into(), Ordering::Relaxed);
    }

    pub(super) fn end(&mut self, ctx: &mut ConnectionContext) {
        self.wire.shard.server.sessions.remove(&self.sid);
        ctx.stop();
    }
}
