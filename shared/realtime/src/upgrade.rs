//! A WebSocket that wants to take a polling session over, until it has or has not.

use std::sync::{Arc, OnceLock};

use natter_protocol::{CloseCode, Frames, WebSocketDecoder};

use crate::{
    connection::TransportId,
    outbox::{Bounds, Outbox, WriterId},
};

/// The connection's side.
pub(crate) struct Candidate {
    pub transport: TransportId,
    pub decoder: WebSocketDecoder,
    pub slot: Arc<Slot>,
}

/// Shared with the WebSocket's writer, which may live on another thread: first a few frames of its own, then, if the
/// upgrade succeeds, the session's outbox.
pub(crate) struct Slot {
    own: Outbox,
    own_writer: WriterId,
    session_writer: OnceLock<WriterId>,
}

/// The answer to a probe and a close frame are all a candidate is ever sent, and a pong for each of its pings.
const BOUND: usize = 4096;

impl Slot {
    pub fn new() -> Self {
        let own = Outbox::new(Bounds::new(BOUND, BOUND));
        let own_writer = own.attach();
        Self { own, own_writer, session_writer: OnceLock::new() }
    }

    /// A candidate that does not read what it asked for is its own loss: past the bound its queue is closed.
    pub fn push(&self, frames: &Frames) {
        self.own.push(frames, false);
    }

    pub fn take_over(&self, writer: WriterId) {
        self.session_writer.get_or_init(|| writer);
        self.own.finish();
    }

    pub fn abandon(&self, code: Option<CloseCode>) {
        self.own.finish_with(&Frames::close(code.map(|code| (code, ""))));
    }

    pub fn own(&self) -> (&Outbox, WriterId) {
        (&self.own, self.own_writer)
    }

    /// The candidate as the writer of the session's outbox, once it is that.
    pub fn session(&self) -> Option<WriterId> {
        self.session_writer.get().copied()
    }
}
