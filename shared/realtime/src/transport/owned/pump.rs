//! Reads and writes one WebSocket's stream: the session's in its actor, a candidate's in a task of its own.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Chunk, Inbound, Peer, SharedBuffer, flow::Flow};
use crate::{
    gate::Passage,
    outbox::{Outbox, WriterId, Written},
    upgrade::Slot,
};

/// What comes in. Each time it is asked for more it first writes what is queued, so what a message's
/// handlers answer goes out before the next message is read, in one write.
pub(crate) struct Pump {
    flow: Flow,
    writer: Writer,
    /// What was read together with the request.
    early: Option<Box<Bytes>>,
    stage: Stage,
    /// Dropped with it: tells the task of the TCP connection's first thread that it is over.
    _lease: Option<oneshot::Sender<()>>,
}

/// Whose packets are written.
pub(super) enum Writer {
    Session(Session),
    Candidate { line: Peer, slot: Arc<Slot> },
}

/// The writer of a session's outbox. When it goes, the outbox must not keep the TCP connection open.
pub(super) struct Session {
    line: Peer,
    id: WriterId,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.line.outbox.take_back(self.id);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// All is written; the peer is being told that nothing more comes.
    HangingUp,
    /// Whatever still comes from the peer is read until it hangs up, too, or until the connection has waited long
    /// enough. Hanging up with something unread would be a reset, and could cost it the last packets.
    HungUp,
}

impl Writer {
    fn line(&self) -> &Peer {
        match self {
            Self::Session(session) => &session.line,
            Self::Candidate { line, .. } => line,
        }
    }

    fn outbox(&self) -> (&Outbox, WriterId) {
        match self {
            Self::Session(session) => (&session.line.outbox, session.id),
            Self::Candidate { slot, .. } => slot.own(),
        }
    }
}

impl Pump {
    pub fn of_session(flow: Flow, line: Peer, id: WriterId, early: Bytes) -> Self {
        if let Flow::Tcp(stream) = &flow {
            line.outbox.lend(id, stream.clone());
        }
        Self::new(flow, Writer::Session(Session { line, id }), early)
    }

    pub fn of_candidate(flow: Flow, line: Peer, slot: Arc<Slot>, early: Bytes) -> Self {
        Self::new(flow, Writer::Candidate { line, slot }, early)
    }

    fn new(flow: Flow, writer: Writer, early: Bytes) -> Self {
        let early = (!early.is_empty()).then(|| Box::new(early));
        Self { flow, writer, early, stage: Stage::Open, _lease: None }
    }

    pub fn with_lease(mut self, lease: oneshot::Sender<()>) -> Self {
        self._lease = Some(lease);
        self
    }

    /// Writes until there is nothing more to come, and reads nothing.
    pub async fn written(&mut self) {
        poll_fn(|cx| self.poll_out(cx)).await;
    }

    pub fn into_flow(self) -> Flow {
        self.flow
    }

    /// Writes what is queued.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Written> {
        let Self { flow, writer, .. } = self;
        let (outbox, id) = writer.outbox();
        let written = outbox.poll_write(id, cx, |cx, packets| flow.poll_write(cx, packets));
        match (flow.poll_flush(cx), written) {
            (Poll::Ready(Err(error)), _) => Poll::Ready(Written::Failed(error)),
            // Not all of it is on its way yet.
            (Poll::Pending, Poll::Ready(Written::Finished)) => Poll::Pending,
            (_, written) => written,
        }
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        if ready!(self.writer.line().gate.poll_open(cx)) == Passage::Ended {
            return Poll::Ready(None);
        }
        let chunk = if let Some(early) = self.early.take() {
            Chunk::Own(*early)
        } else {
            let mut buffer = SharedBuffer::take();
            match ready!(self.flow.poll_read(cx, buffer.space())) {
                Ok(0) | Err(_) => return Poll::Ready(None),
                Ok(length) => Chunk::Shared(buffer.filled(length)),
            }
        };
        // What is queued while this is handled is written when that is done.
        let (outbox, id) = self.writer.outbox();
        outbox.attend(id);
        Poll::Ready(Some(Inbound::Bytes(chunk)))
    }

    /// What comes next; none at the end.
    pub async fn next(&mut self) -> Option<Inbound> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        if self.stage == Stage::Open {
            match self.poll_out(cx) {
                Poll::Pending => {}
                Poll::Ready(Written::Finished) => self.stage = Stage::HangingUp,
                Poll::Ready(Written::Closed) => {
                    self.flow.cut();
                    return Poll::Ready(None);
                }
                Poll::Ready(Written::Detached) => return Poll::Ready(None),
                Poll::Ready(Written::Failed(error)) => {
                    tracing::debug!(%error, "a WebSocket cannot be written to");
                    return Poll::Ready(None);
                }
            }
        }
        if self.stage == Stage::HangingUp && self.flow.poll_shutdown(cx).is_ready() {
            self.stage = Stage::HungUp;
            return Poll::Ready(Some(Inbound::Finished));
        }
        if self.stage != Stage::Open {
            let (outbox, id) = self.writer.outbox();
            if outbox.poll_closed(id, cx).is_ready() {
                return Poll::Ready(None);
            }
        }
        self.poll_in(cx)
    }
}
