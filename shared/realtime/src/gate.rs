//! Counts a connection's handlers that are still running, and holds its reader back while there are too many.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

#[derive(Debug)]
pub(crate) struct Gate {
    running: AtomicUsize,
    most: usize,
    reader: Mutex<Option<Waker>>,
}

impl Gate {
    pub fn new(most: usize) -> Self {
        Self { running: AtomicUsize::new(0), most: most.max(1), reader: Mutex::new(None) }
    }

    pub fn enter(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    pub fn leave(&self) {
        if self.running.fetch_sub(1, Ordering::SeqCst) == self.most {
            let reader = self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            if let Some(reader) = reader {
                reader.wake();
            }
        }
    }

    /// Nothing more is read, for ever: the session is over, and what its peer still sends is left to the kernel, which
    /// stops the peer when its buffers are full.
    pub fn shut(&self) {
        // Far from overflowing, and never reached by handlers that end.
        self.running.fetch_add(usize::MAX / 2, Ordering::SeqCst);
    }

    /// Ready while another packet may be read.
    pub fn poll_open(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.running.load(Ordering::SeqCst) < self.most {
            return Poll::Ready(());
        }
        *self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(cx.waker().clone());
        // A handler may have ended between the look and the registration.
        if self.running.load(Ordering::SeqCst) < self.most { Poll::Ready(()) } else { Poll::Pending }
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
        gate.leave();
        assert!(gate.poll_open(&mut cx).is_pending());
    }
}
