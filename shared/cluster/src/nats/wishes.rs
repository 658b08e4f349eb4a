//! Which subjects the user wants, and who waits to hear that a subscription is in place.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, oneshot};

/// What the user wants, whatever the connection is doing. It holds each subject once, however often and in whatever
/// order it is asked for, so it is never larger than what is wanted.
#[derive(Default)]
pub(super) struct Wishes {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    wanted: HashSet<Arc<str>>,
    /// Subjects that the connection has not been asked about since they were wanted or not.
    changed: HashSet<Arc<str>>,
    /// Who waits for subjects in `changed`.
    waiting: Vec<oneshot::Sender<()>>,
    /// Who waits for the barrier that is on its way.
    covered: Vec<oneshot::Sender<()>>,
    connected: bool,
}

impl Wishes {
    pub(super) fn subscribe(&self, subject: Arc<str>) -> oneshot::Receiver<()> {
        let (active, told) = oneshot::channel();
        let mut state = self.state();
        if state.wanted.insert(Arc::clone(&subject)) && state.connected {
            state.changed.insert(subject);
        }
        state.waiting.push(active);
        match state.connected {
            true => self.changed.notify_one(),
            false => tell(mem::take(&mut state.waiting)),
        }
        told
    }

    pub(super) fn unsubscribe(&self, subject: &str) {
        let mut state = self.state();
        if let Some(subject) = state.wanted.take(subject)
            && state.connected
        {
            state.changed.insert(subject);
            self.changed.notify_one();
        }
    }

    /// There is a new connection, which has been asked about nothing.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.connected = true;
        state.changed = state.wanted.clone();
        // Also without a wish: the barrier is needed to know that the server is there.
        self.changed.notify_one();
    }

    /// The connection is gone: there is nothing to wait for.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.connected = false;
        state.changed.clear();
        tell(mem::take(&mut state.waiting));
        tell(mem::take(&mut state.covered));
    }

    /// Waits for changes.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Subjects that have changed with whether they are wanted, and whether anybody waits: the barrier to be sent then is
    /// for all who do.
    pub(super) fn take(&self) -> (Vec<(Arc<str>, bool)>, bool) {
        let mut state = self.state();
        let State { waiting, covered, .. } = &mut *state;
        covered.append(waiting);
        let changed = mem::take(&mut state.changed);
        let changed = changed.into_iter().map(|it| (Arc::clone(&it), state.wanted.contains(&it))).collect();
        (changed, !state.covered.is_empty())
    }

    /// The barrier has come back.
    pub(super) fn in_place(&self) {
        tell(mem::take(&mut self.state().covered));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(waiting: Vec<oneshot::Sender<()>>) {
    for active in waiting {
        // Whoever has stopped waiting misses nothing.
        let _ = active.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told(receiver: &mut oneshot::Receiver<()>) -> bool {
        receiver.try_recv().is_ok()
    }

    #[test]
    fn a_subscriber_is_told_after_the_barrier_that_follows_its_subject() {
        let wishes = Wishes::default();
        wishes.begin();
        let mut first = wishes.subscribe("a".into());
        assert_eq!(wishes.take(), (vec![("a".into(), true)], true));
        let mut second = wishes.subscribe("b".into());
        wishes.in_place();
        assert!(is_told(&mut first) && !is_told(&mut second));
        assert_eq!(wishes.take(), (vec![("b".into(), true)], true));
        wishes.in_place();
        assert!(is_told(&mut second));
    }

    #[test]
    fn nobody_waits_without_a_connection() {
        let wishes = Wishes::default();
        assert!(is_told(&mut wishes.subscribe("a".into())));
        wishes.begin();
        let mut covered = wishes.subscribe("b".into());
        wishes.take();
        let mut waiting = wishes.subscribe("c".into());
        wishes.end();
        assert!(is_told(&mut covered) && is_told(&mut waiting));
    }

    #[test]
    fn a_new_connection_is_asked_for_everything_that_is_wanted() {
        let wishes = Wishes::default();
        wishes.subscribe("a".into());
        wishes.subscribe("b".into());
        wishes.subscribe("b".into());
        wishes.unsubscribe("a");
        wishes.begin();
        assert_eq!(wishes.take(), (vec![("b".into(), true)], false));
        wishes.unsubscribe("b");
        wishes.unsubscribe("b");
        assert_eq!(wishes.take(), (vec![("b".into(), false)], false));
        assert_eq!(wishes.take(), (vec![], false));
    }

    #[test]
    fn a_wish_that_changes_often_is_taken_once() {
        let wishes = Wishes::default();
        wishes.begin();
        for _ in 0..1_000 {
            wishes.subscribe("a".into());
            wishes.unsubscribe("a");
        }
        assert_eq!(wishes.take(), (vec![("a".into(), false)], true));
    }
}
