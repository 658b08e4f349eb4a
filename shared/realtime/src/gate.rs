//! Counts a connection's handlers that are still running, and holds its reader back while there are too many.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

#[derive(Debug)]
pub(crate) struct Gate {
    running: AtomicUsize,
    most: usize,
    phase: AtomicU8,
    /// Who reads: a WebSocket's reader, a POST that waits for its answer, or during an upgrade both.
    readers: Mutex<Vec<Waker>>,
}

/// Whether the reader may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Open,
    /// The connection is gone: there is nothing to read for any more.
    Ended,
}

/// Readers that are remembered at a time: there are two at most, and what those who have gone left behind.
const MOST_READERS: usize = 4;

const OPEN: u8 = 0;
const SHUT: u8 = 1;
const ENDED: u8 = 2;

impl Gate {
    pub fn new(most: usize) -> Self {
        Self {
            running: AtomicUsize::new(0),
            most: most.max(1),
            phase: AtomicU8::new(OPEN),
            readers: Mutex::default(),
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
        std::mem::take(&mut *self.readers()).into_iter().for_each(Waker::wake);
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when another packet may be read, or never will be.
    pub fn poll_open(&self, cx: &mut Context<'_>) -> Poll<Passage> {
        if let Some(passage) = self.passage() {
            return Poll::Ready(passage);
        }
        self.register(cx.waker());
        // A handler may have ended between the look and the registration.
        self.passage().map_or(Poll::Pending, Poll::Ready)
    }

    fn register(&self, waker: &Waker) {
        let mut readers = self.readers();
        if readers.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        // One that has gone leaves its waker behind. Who is woken in vain comes again.
        let oldest = (readers.len() == MOST_READERS).then(|| readers.remove(0));
        readers.push(waker.clone());
        drop(readers);
        if let Some(oldest) = oldest {
            oldest.wake();
        }
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

    #[test]
    fn all_who_wait_are_woken_however_many_have_gone() {
        struct Counts(AtomicUsize);
        impl std::task::Wake for Counts {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let woken: Vec<_> = (0..100).map(|_| std::sync::Arc::new(Counts(AtomicUsize::new(0)))).collect();
        let gate = Gate::new(1);
        gate.enter();
        for one in &woken {
            for _ in 0..2 {
                assert!(gate.poll_open(&mut Context::from_waker(&Waker::from(one.clone()))).is_pending());
            }
            assert!(gate.readers().len() <= MOST_READERS);
        }
        gate.leave();
        assert!(woken.iter().all(|one| one.0.load(Ordering::SeqCst) == 1));
    }
}
