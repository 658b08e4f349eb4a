//! Wakes the writers of what has been delivered, a few at a time, and holds back what would be delivered before they have
//! had their turn.
//!
//! A write is a system call, by far the dearest part of a delivery. Were all writers woken at once, whatever comes in
//! meanwhile would wait until the last of them has written. So a few are woken, then the thread looks for input, and so
//! on: other clients do not wait for a broadcast to ten thousand, and when another broadcast comes meanwhile, those who
//! have not written yet write both at once.
//!
//! What other threads bring waits, though, when it is more than an outbox should have to hold until its writer's turn.

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

/// The clients of one shard whose writers are still to be woken.
pub(crate) struct Writers {
    waiting: RefCell<VecDeque<Arc<Line>>>,
    any: Notify,
    /// Bytes delivered since whoever was held back was let go the last time. All who waited then have had their turn, so no
    /// outbox of a client that reads has more of them to write.
    delivered: Cell<usize>,
    /// So much of it is no harm.
    most: usize,
    /// Who has more to deliver than there is room for.
    held_back: Cell<Option<Waker>>,
    /// How many of the first that wait have to have their turn before that one goes on.
    behind: Cell<usize>,
    /// It may deliver, whatever others have delivered meanwhile.
    let_go: Cell<bool>,
}

impl Writers {
    /// Those that write from outboxes with these limits.
    pub fn new(limits: &Limits) -> Self {
        Self {
            waiting: RefCell::default(),
            any: Notify::new(),
            delivered: Cell::new(0),
            most: limits.outbox_soft_bytes.min(limits.outbox_hard_bytes) / 2,
            held_back: Cell::new(None),
            behind: Cell::new(0),
            let_go: Cell::new(false),
        }
    }

    /// Wakes a writer of a broadcast soon.
    pub fn wake_soon(&self, line: Arc<Line>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back(line);
        if waiting.len() == 1 {
            self.any.notify_one();
        }
    }

    /// Wakes a writer before those of broadcasts.
    pub fn wake_next(&self, line: Arc<Line>) {
        self.waiting.borrow_mut().push_front(line);
        self.any.notify_one();
        if self.behind.get() > 0 {
            self.behind.set(self.behind.get() + 1);
        }
    }

    /// Counts in what has been delivered, to one client or to many.
    pub fn count(&self, bytes: usize) {
        self.delivered.set(self.delivered.get() + bytes);
    }

    /// Ready when so much more may be delivered: at once, or when all who wait now have had their turn. One caller at a
    /// time.
    pub fn poll_room(&self, bytes: usize, cx: &Context<'_>) -> Poll<()> {
        let delivered = self.delivered.get();
        if self.let_go.replace(false) || delivered == 0 || delivered + bytes <= self.most {
            return Poll::Ready(());
        }
        if self.held_back.replace(Some(cx.waker().clone())).is_none() {
            self.behind.set(self.waiting.borrow().len());
            // Also when nobody waits: a writer that has been woken may not have run yet.
            self.any.notify_one();
        }
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
            self.behind.set(self.behind.get().saturating_sub(1));
        }
        if self.behind.get() == 0
            && let Some(held_back) = self.held_back.take()
        {
            self.delivered.set(0);
            self.let_go.set(true);
            // Runs behind the writers that have been woken.
            held_back.wake();
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() && waiting.capacity() > 1024 {
            // No buffer of a great broadcast is kept.
            *waiting = VecDeque::new();
        }
        !waiting.is_empty()
    }
}
