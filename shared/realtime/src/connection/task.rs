//! The actor at work: a connection with its mailbox, and the WebSocket that it reads.
//!
//! actix's `Context` can run any number of futures for its actor, and has room for some even if there is none. A
//! connection has none but what it reads, and there are many connections; so it has a context of its own, which holds
//! just that. Messages, addresses and the mailbox are actix's.

use std::{
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use actix::{
    Actor, ActorContext, ActorFuture, ActorState, Addr, AsyncContext, Handler, Message, SpawnHandle,
    dev::{Envelope, Mailbox, ToEnvelope},
};
use tokio::sync::oneshot;

use super::Connection;
use crate::{line::Line, transport::Incoming};

/// What is read before other connections of the thread have their turn.
const AT_ONCE: usize = 16;

/// What a connection can ask of its task.
pub(crate) struct ConnectionContext {
    line: Arc<Line>,
    incoming: Option<Incoming>,
    state: ActorState,
}

impl ConnectionContext {
    /// Reads from a WebSocket from now on. The connection gets what comes, and learns of its end.
    pub fn read_from(&mut self, incoming: Incoming) {
        self.incoming = Some(incoming);
    }
}

impl ActorContext for ConnectionContext {
    fn stop(&mut self) {
        self.state = ActorState::Stopping;
    }

    fn terminate(&mut self) {
        self.state = ActorState::Stopped;
    }

    fn state(&self) -> ActorState {
        self.state
    }
}

/// Without futures: nobody here asks for one, and nobody else has this context.
impl AsyncContext<Connection> for ConnectionContext {
    fn address(&self) -> Addr<Connection> {
        self.line.connection.clone()
    }

    fn spawn<F: ActorFuture<Connection, Output = ()> + 'static>(&mut self, _: F) -> SpawnHandle {
        unreachable!("invariant: a connection runs no futures")
    }

    fn wait<F: ActorFuture<Connection, Output = ()> + 'static>(&mut self, _: F) {
        unreachable!("invariant: a connection runs no futures")
    }

    fn waiting(&self) -> bool {
        matches!(self.state, ActorState::Stopping | ActorState::Stopped)
    }

    fn cancel_future(&mut self, _: SpawnHandle) -> bool {
        false
    }
}

impl<M> ToEnvelope<Connection, M> for ConnectionContext
where
    Connection: Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn pack(message: M, reply: Option<oneshot::Sender<M::Result>>) -> Envelope<Connection> {
        Envelope::new(message, reply)
    }
}

/// Runs until the connection stops. Dropped before that, the connection's `Drop` sees to its end.
pub(crate) struct ConnectionTask {
    // Dropped first: it ends its session while its WebSocket and its mailbox are still there.
    connection: Connection,
    context: ConnectionContext,
    mailbox: Mailbox<Connection>,
}

impl ConnectionTask {
    pub fn new(connection: Connection, mailbox: Mailbox<Connection>) -> Self {
        let line = connection.wire.line.clone();
        let context = ConnectionContext { line, incoming: None, state: ActorState::Started };
        Self { connection, context, mailbox }
    }

    pub fn context(&mut self) -> &mut ConnectionContext {
        &mut self.context
    }
}

impl Future for ConnectionTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let Self { connection, context, mailbox } = &mut *self;
        if context.state == ActorState::Started {
            context.state = ActorState::Running;
            connection.started(context);
        }
        mailbox.poll(connection, context, cx);
        for _ in 0..AT_ONCE {
            if context.waiting() {
                return Poll::Ready(());
            }
            let Some(incoming) = &mut context.incoming else { return Poll::Pending };
            match task::ready!(incoming.poll_next(cx)) {
                Some(inbound) => connection.inbound(inbound, context),
                None => {
                    context.incoming = None;
                    connection.incoming_ended(context);
                }
            }
        }
        if context.waiting() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
