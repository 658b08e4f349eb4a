//! Counts a connection's handlers that are still running, and holds its reader back while there are too many.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

#[derive(Debug)]
pub(crate) struct Gate {
    running: AtomicUsize,
    most: usize,
    phase: AtomicU8,
    /// Who reads: the WebSocket's reader, or the POST that waits for its answer.
    reader: Mutex<Option<Waker>>,
}

/// Whether the reader may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Open,
    /// The connection is gone: there is nothing to read for any more.
    Ended,
}

const OPEN: u8 = 0;
const SHUT: u8 = 1;
const ENDED: u8 = 2;

impl Gate {
    pub fn new(most: usize) -> Self {
        Self {
            running: AtomicUsize::new(0),
            most: most.max(1),
            phase: AtomicU8::new(OPEN),
            reader: Mutex::new(None),
        }
    }

    pub fn enter(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    pub fn leave(&self) {
        if self.running.fetch_sub(1, Ordering::SeqCst) == self.most {
            self.wake();
        }
    }

    /// Nothing more is read: the session is over, and what its peer still sends is left to the kernel, which stops the
    /// peer when its buffers are full.
    pub fn shut(&self) {
        self.phase.fetch_max(SHUT, Ordering::SeqCst);
    }

    /// The connection is gone, and its reader with it.
    pub fn end(&self) {
        self.phase.store(ENDED, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        let reader = self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Ready when another packet may be read, or never will be.
    pub fn poll_open(&self, cx: &mut Context<'_>) -> Poll<Passage> {
        if let Some(passage) = self.passage() {
            return Poll::Ready(passage);
        }
        *self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(cx.waker().clone());
        // A handler may have ended between the look and the registration.
        self.passage().map_or(Poll::Pending, Poll::Ready)
    }

    fn passage(&self) -> Option<Passage> {
        match self.phase.load(Ordering::SeqCst) {
            OPEN => (self.running.load(Ordering::SeqCst) < self.most).then_some(Passage::Open),
            SHUT => None,
            _ => Some(Passage::Ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_waits_while_too_many_handlers_run() {
        let gate = Gate::new(2);
        let mut cx = Context::from_waker(Waker::noop());
        gate.enter();
        assert!(gate.poll_open(&mut cx).is_ready());
        gate.enter();
        assert!(gate.poll_open(&mut cx).is_pending());
        gate.leave();
        assert!(gate.poll_open(&mut cx).is_ready());
        gate.shut();
        gate.shut();
        gate.leave();
        assert!(gate.poll_open(&mut cx).is_pending());
        gate.end();
        gate.shut();
        assert_eq!(gate.poll_open(&mut cx), Poll::Ready(Passage::Ended));
    }
}
