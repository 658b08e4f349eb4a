//! Session id -> connection, for the requests of a session that arrive on any thread.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard},
};

use actix::Addr;

use crate::connection::Connection;

const PARTS: usize = 16;

/// The open sessions of one server, in parts so that threads seldom wait for each other.
#[derive(Default)]
pub(crate) struct Sessions {
    hasher: RandomState,
    parts: [Mutex<HashMap<Arc<str>, Addr<Connection>>>; PARTS],
}

impl Sessions {
    fn part(&self, sid: &str) -> MutexGuard<'_, HashMap<Arc<str>, Addr<Connection>>> {
        let part = self.hasher.hash_one(sid) as usize % PARTS;
        self.parts[part].lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn insert(&self, sid: Arc<str>, connection: Addr<Connection>) {
        self.part(&sid).insert(sid, connection);
    }

    pub fn get(&self, sid: &str) -> Option<Addr<Connection>> {
        self.part(sid).get(sid).cloned()
    }

    pub fn remove(&self, sid: &str) {
        self.part(sid).remove(sid);
    }

    pub fn all(&self) -> Vec<Addr<Connection>> {
        let all = |part: &Mutex<HashMap<_, Addr<Connection>>>| -> Vec<_> {
            part.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).values().cloned().collect()
        };
        self.parts.iter().flat_map(all).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_empty())
    }
}
