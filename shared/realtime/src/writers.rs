//! Wakes the writers of a broadcast a few at a time.
//!
//! A write is a system call, by far the dearest part of a delivery. Were all writers woken at once, whatever comes in
//! meanwhile would wait until the last of them has written. So a few are woken, then the thread looks for input, and so
//! on: other clients do not wait for a broadcast to ten thousand, and when another broadcast comes meanwhile, those who
//! have not written yet write both at once.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, task::Waker};

use tokio::sync::Notify;

/// Writers woken before the thread looks for input again.
const AT_ONCE: usize = 32;

/// The writers of one shard that are still to be woken. Bounded by the shard's sockets: a writer is in here once.
#[derive(Default)]
pub(crate) struct Writers {
    waiting: RefCell<VecDeque<Waker>>,
    any: Notify,
}

impl Writers {
    /// Wakes a writer soon.
    pub fn wake_soon(&self, writer: Waker) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back(writer);
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
            let writer = self.waiting.borrow_mut().pop_front();
            match writer {
                Some(writer) => writer.wake(),
                None => return false,
            }
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() && waiting.capacity() > 1024 {
            // No buffer of a great broadcast is kept.
            *waiting = VecDeque::new();
        }
        !waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[actix_web::test]
    async fn other_tasks_have_their_turn_between_a_few_writers_and_the_next() {
        let writers = Rc::new(Writers::default());
        let woken = Arc::new(Count::default());
        actix_rt::spawn(writers.clone().run());
        for _ in 0..3 * AT_ONCE {
            writers.wake_soon(woken.clone().into());
        }
        let mut seen = vec![];
        while seen.last() != Some(&(3 * AT_ONCE)) {
            tokio::task::yield_now().await;
            seen.push(woken.0.load(Ordering::Relaxed));
        }
        assert!(seen.contains(&AT_ONCE) && seen.contains(&(2 * AT_ONCE)), "{seen:?}");
    }
}
