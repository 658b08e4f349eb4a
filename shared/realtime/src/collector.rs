//! Gathers the acknowledgements of one broadcast.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use natter_protocol::Args;
use tokio::sync::Notify;

/// Filled by shards and sockets on any thread, emptied by the one who asked.
#[derive(Default)]
pub(crate) struct Collector {
    state: Mutex<State>,
    complete: Notify,
}

#[derive(Default)]
struct State {
    /// Shards that have not yet said whom they asked.
    shards: usize,
    waiting: HashSet<Arc<str>>,
    /// Sockets that will not answer any more.
    gone: Vec<Arc<str>>,
    responses: Vec<Args>,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Collected {
    pub responses: Vec<Args>,
    pub missing: Vec<String>,
    /// Whether somebody was still waited for.
    pub timed_out: bool,
}

impl Collector {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let complete = state.is_complete();
        drop(state);
        if complete {
            self.complete.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn expect_shards(&self, shards: usize) {
        self.change(|state| state.shards = shards);
    }

    pub fn shard_is_done(&self) {
        self.change(|state| state.shards -= 1);
    }

    pub fn asked(&self, socket: &Arc<str>) {
        self.change(|state| {
            state.waiting.insert(socket.clone());
        });
    }

    pub fn answered(&self, socket: &Arc<str>, args: Args) {
        self.change(|state| {
            if state.waiting.remove(socket) {
                state.responses.push(args);
            }
        });
    }

    pub fn gone(&self, socket: &Arc<str>) {
        self.change(|state| {
            if state.waiting.remove(socket) {
                state.gone.push(socket.clone());
            }
        });
    }

    pub async fn completed(&self) {
        while !self.lock().is_complete() {
            self.complete.notified().await;
        }
    }

    pub fn take(&self) -> Collected {
        let mut state = self.lock();
        let timed_out = !state.is_complete();
        let gone = std::mem::take(&mut state.gone);
        let missing = gone.iter().chain(&state.waiting).map(|id| id.to_string()).collect();
        let responses = std::mem::take(&mut state.responses);
        state.waiting.clear();
        Collected { responses, missing, timed_out }
    }
}

impl State {
    fn is_complete(&self) -> bool {
        self.shards == 0 && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_absences_complete_a_collection() {
        let (ann, ben) = (Arc::<str>::from("ann"), Arc::<str>::from("ben"));
        let collector = Collector::default();
        collector.expect_shards(2);
        collector.asked(&ann);
        collector.shard_is_done();
        collector.answered(&ann, Args::new());
        collector.answered(&ann, Args::new());
        assert!(!collector.lock().is_complete(), "a shard is still silent");
        collector.asked(&ben);
        collector.shard_is_done();
        collector.gone(&ben);
        let collected = collector.take();
        assert_eq!(
            (collected.responses.len(), collected.missing, collected.timed_out),
            (1, vec!["ben".to_owned()], false)
        );
    }
}
