//! Wakes the writers of a broadcast a few at a time.
//!
//! A write is a system call, by far the dearest part of a delivery. Were all writers woken at once, whatever comes in
//! meanwhile would wait until the last of them has written. So a few are woken, then the thread looks for input, and so
//! on: other clients do not wait for a broadcast to ten thousand, and when another broadcast comes meanwhile, those who
//! have not written yet write both at once.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use tokio::sync::Notify;

use crate::line::Line;

/// Writers woken before the thread looks for input again.
const AT_ONCE: usize = 32;

/// The clients of one shard whose writers are still to be woken. Each is in here once: its outbox knows.
#[derive(Default)]
pub(crate) struct Writers {
    waiting: RefCell<VecDeque<Arc<Line>>>,
    any: Notify,
}

impl Writers {
    /// Wakes a writer soon.
    pub fn wake_soon(&self, line: Arc<Line>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back(line);
        if waiting.len() == 1 {
            self.any.notify_one();
        }
    }

    /// Wakes for as long as somebody else holds the list.
    pub async fn run(self: Rc<Self>) {
        while Rc::strong_count(&self) > 1 {
            self.any.notified().await;
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
        if waiting.is_empty() && waiting.capacity() > 1024 {
            // No buffer of a great broadcast is kept.
            *waiting = VecDeque::new();
        }
        !waiting.is_empty()
    }
}
