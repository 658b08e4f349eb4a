//! Session id -> the line to its connection, for the requests of a session that arrive on any thread.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::line::Line;

const PARTS: usize = 16;

/// The open sessions of one server, in parts so that threads seldom wait for each other.
#[derive(Default)]
pub(crate) struct Sessions {
    hasher: RandomState,
    parts: [Mutex<HashMap<Arc<str>, Arc<Line>>>; PARTS],
}

impl Sessions {
    fn part(&self, sid: &str) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Line>>> {
        let part = self.hasher.hash_one(sid) as usize % PARTS;
        self.parts[part].lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn insert(&self, sid: Arc<str>, line: Arc<Line>) {
        self.part(&sid).insert(sid, line);
    }

    pub fn get(&self, sid: &str) -> Option<Arc<Line>> {
        self.part(sid).get(sid).cloned()
    }

    pub fn remove(&self, sid: &str) {
        self.part(sid).remove(sid);
    }

    pub fn all(&self) -> Vec<Arc<Line>> {
        let all = |part: &Mutex<HashMap<_, Arc<Line>>>| -> Vec<_> {
            part.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).values().cloned().collect()
        };
        self.parts.iter().flat_map(all).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_empty())
    }
}
