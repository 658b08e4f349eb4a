//! Gathers the acknowledgements of one broadcast.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use natter_protocol::Args;
use tokio::sync::Notify;

use crate::socket::SocketInner;

/// Filled by shards and sockets on any thread, emptied by the one who asked.
pub(crate) struct Collector {
    /// The number of the acknowledgement on the wire.
    id: u64,
    state: Mutex<State>,
    complete: Notify,
}

#[derive(Default)]
struct State {
    /// Shards that have not yet said whom they asked.
    shards: usize,
    waiting: HashMap<Arc<str>, Arc<SocketInner>>,
    /// Nobody waits any more.
    over: bool,
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
    pub fn new(id: u64) -> Self {
        Self { id, state: Mutex::default(), complete: Notify::new() }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

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

    /// Notes whom a shard is about to ask; false if it need not be asked any more.
    pub fn asked(&self, socket: &Arc<SocketInner>) -> bool {
        let mut state = self.lock();
        if !state.over {
            state.waiting.insert(socket.id.clone(), socket.clone());
        }
        !state.over
    }

    pub fn answered(&self, socket: &Arc<str>, args: Args) {
        self.change(|state| {
            if state.waiting.remove(socket).is_some() {
                state.responses.push(args);
            }
        });
    }

    pub fn gone(&self, socket: &Arc<str>) {
        self.change(|state| {
            if state.waiting.remove(socket).is_some() {
                state.gone.push(socket.clone());
            }
        });
    }

    pub async fn completed(&self) {
        while !self.lock().is_complete() {
            self.complete.notified().await;
        }
    }

    /// What has come; nothing more is taken. Those who did not answer do not owe it any longer, or a client that never
    /// answers would come to owe too much.
    pub fn end(&self) -> Collected {
        let mut state = self.lock();
        let timed_out = !state.is_complete();
        state.over = true;
        let waiting = std::mem::take(&mut state.waiting);
        let missing = state.gone.iter().chain(waiting.keys()).map(|id| id.to_string()).collect();
        let responses = std::mem::take(&mut state.responses);
        drop(state);
        for socket in waiting.values() {
            drop(socket.take_ack(self.id));
        }
        Collected { responses, missing, timed_out }
    }
}

impl State {
    fn is_complete(&self) -> bool {
        self.shards == 0 && self.waiting.is_empty()
    }
}
