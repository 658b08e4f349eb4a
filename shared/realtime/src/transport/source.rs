//! What a WebSocket writes, packet by packet: first a candidate's own, then the session's.

use std::{
    sync::Arc,
    task::{self, Context, Poll},
};

use bytes::Bytes;

use crate::{
    line::Line,
    outbox::{Taken, WriterId},
    upgrade::Slot,
};

pub(super) enum Source {
    /// The session's outbox, as its writer.
    Session(WriterId),
    Candidate(Arc<Slot>),
}

impl Source {
    /// The next packet; none, now and later, when nothing will come any more.
    pub fn poll_packet(&mut self, line: &Line, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let taken = match self {
                Self::Session(writer) => task::ready!(line.outbox.poll_packet(*writer, cx)),
                Self::Candidate(slot) => {
                    let (own, writer) = slot.own();
                    task::ready!(own.poll_packet(writer, cx))
                }
            };
            if let Taken::Some(bytes) = taken {
                return Poll::Ready(Some(bytes));
            }
            // A candidate that has won goes on with the session's outbox.
            let next = match self {
                Self::Candidate(slot) => slot.session(),
                Self::Session(_) => None,
            };
            let Some(writer) = next else { return Poll::Ready(None) };
            *self = Self::Session(writer);
        }
    }
}
