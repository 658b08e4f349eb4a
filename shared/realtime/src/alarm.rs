//! One timer for all connections of a shard.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::BinaryHeap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use slab::Slab;
use tokio::sync::Notify;

use crate::{connection::Tick, line::Line};

/// A connection's place in its shard's [`Alarm`].
pub(crate) type AlarmKey = usize;

/// Wakes connections at their deadlines. It belongs to one thread.
#[derive(Default)]
pub(crate) struct Alarm {
    deadlines: RefCell<Deadlines<Arc<Line>>>,
    /// Told when a deadline is earlier than all that were known.
    sooner: Notify,
}

impl Alarm {
    pub fn add(&self, line: Arc<Line>) -> AlarmKey {
        self.deadlines.borrow_mut().add(line)
    }

    pub fn remove(&self, key: AlarmKey) {
        self.deadlines.borrow_mut().remove(key);
    }

    /// Wakes the connection at that time at the latest. It may be woken before, and then asks again.
    pub fn set(&self, key: AlarmKey, at: Instant) {
        if self.deadlines.borrow_mut().set(key, at) {
            self.sooner.notify_one();
        }
    }

    /// Rings for as long as somebody else holds the alarm.
    pub async fn run(self: Rc<Self>) {
        while Rc::strong_count(&self) > 1 {
            let next = self.deadlines.borrow().next();
            // Nothing due for an hour is as good as nothing due.
            let next = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                () = self.sooner.notified() => continue,
            }
            let now = Instant::now();
            loop {
                let due = self.deadlines.borrow_mut().pop(now);
                let Some(line) = due else { break };
                line.connection.do_send(Tick);
            }
        }
    }
}

/// The pure part: a heap with at most one live entry for each key; others are stale and skipped when they come up.
struct Deadlines<T> {
    heap: BinaryHeap<Reverse<(Instant, AlarmKey)>>,
    entries: Slab<(T, Option<Instant>)>,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), entries: Slab::new() }
    }
}

impl<T: Clone> Deadlines<T> {
    fn add(&mut self, subject: T) -> AlarmKey {
        self.entries.insert((subject, None))
    }

    fn remove(&mut self, key: AlarmKey) {
        self.entries.try_remove(key);
    }

    /// Whether it is now the earliest of all. A later time than the one that is set changes nothing.
    fn set(&mut self, key: AlarmKey, at: Instant) -> bool {
        let Some((_, set)) = self.entries.get_mut(key) else { return false };
        if set.is_some_and(|set| set <= at) {
            return false;
        }
        *set = Some(at);
        let earliest = self.next().is_none_or(|next| at < next);
        self.heap.push(Reverse((at, key)));
        earliest
    }

    fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next subject whose time has come; its deadline is then unset.
    fn pop(&mut self, now: Instant) -> Option<T> {
        while let Some(&Reverse((at, key))) = self.heap.peek() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if let Some((subject, set)) = self.entries.get_mut(key)
                && *set == Some(at)
            {
                *set = None;
                return Some(subject.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_up_in_order_and_once() {
        let start = Instant::now();
        let at = |n| start + Duration::from_secs(n);
        let mut deadlines = Deadlines::default();
        let (ann, ben) = (deadlines.add("ann"), deadlines.add("ben"));
        assert!(deadlines.set(ann, at(5)));
        assert!(deadlines.set(ben, at(3)));
        assert!(!deadlines.set(ann, at(9)), "later than what is set");
        assert!(!deadlines.set(ann, at(4)), "sooner, but not the earliest");
        assert_eq!(deadlines.pop(at(2)), None);
        assert_eq!(deadlines.pop(at(10)), Some("ben"));
        assert_eq!(deadlines.pop(at(10)), Some("ann"));
        assert_eq!(deadlines.pop(at(10)), None);
    }

    #[test]
    fn a_removed_subject_is_not_woken() {
        let start = Instant::now();
        let mut deadlines = Deadlines::default();
        let ann = deadlines.add("ann");
        deadlines.set(ann, start);
        deadlines.remove(ann);
        assert_eq!(deadlines.pop(start), None);
    }
}
