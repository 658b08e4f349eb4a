//! Wakes the writers of a broadcast a few at a time.
//!
//! A write is a system call, by far the dearest part of a delivery. Were all writers woken at once, whatever comes in
//! meanwhile would wait until the last of them has written. So a few are woken, then the thread looks for input, and so
//! on: other clients do not wait for a broadcast to ten thousand, and when another broadcast comes meanwhile, those who
//! have not written yet write both at once.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;

use crate::{line::Line, options::Limits};

/// Writers woken before the thread looks for input again.
const AT_ONCE: usize = 32;

/// The clients of one shard whose writers are still to be woken. Each is in here once: its outbox knows.
pub(crate) struct Writers {
    waiting: RefCell<VecDeque<Arc<Line>>>,
    any: Notify,
    /// Bytes delivered since nobody waited: as much as one who waits may have got.
    delivered: Cell<usize>,
    /// So much of it is no harm.
    most: usize,
    /// Who has more to deliver when they have caught up.
    more: Cell<Option<Waker>>,
}

impl Writers {
    /// Those that write from outboxes with these limits: they are caught up with before any of these is half full.
    pub fn new(limits: &Limits) -> Self {
        Self {
            waiting: RefCell::default(),
            any: Notify::new(),
            delivered: Cell::new(0),
            most: limits.outbox_soft_bytes.min(limits.outbox_hard_bytes) / 2,
            more: Cell::new(None),
        }
    }

    /// Wakes a writer soon.
    pub fn wake_soon(&self, line: Arc<Line>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back(line);
        if waiting.len() == 1 {
            self.any.notify_one();
        }
    }

    /// Counts in what has been delivered, to one client or to many.
    pub fn delivered(&self, bytes: usize) {
        if !self.waiting.borrow().is_empty() {
            self.delivered.set(self.delivered.get() + bytes);
        }
    }

    /// Ready when the writers are not so far behind that more should wait. One caller at a time.
    pub fn poll_caught_up(&self, cx: &Context<'_>) -> Poll<()> {
        if self.delivered.get() <= self.most {
            return Poll::Ready(());
        }
        self.more.set(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Wakes for as long as somebody else holds the list.
    pub async fn run(self: Rc<Self>) {
        while Rc::strong_count(&self) > 1 {
            self.any.notified().await;
            if self.waiting.borrow().len() > AT_ONCE {
                // Who writes first would write each broadcast by itself: another one may be here already.
                tokio::task::yield_now().await;
            }
            while self.wake_some() {
                // Resumed after the runtime has looked for input and run what it found.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether there are more.
    fn wake_some(&self) -> bool {
        for _ in 0..AT_ONCE {
            let line = self.waiting.borrow_mut().pop_front();
            let Some(line) = line else { break };
            line.outbox.write_or_wake();
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.is_empty() {
            return true;
        }
        if waiting.capacity() > 1024 {
            // No buffer of a great broadcast is kept.
            *waiting = VecDeque::new();
        }
        self.delivered.set(0);
        if let Some(more) = self.more.take() {
            more.wake();
        }
        false
    }
}
