//! Room -> the shards that have members of it, and the [`Room`] actor that supervises it.
//!
//! Shards write it in the same step in which a first member joins or the last one leaves, so an emitter that looks
//! here never misses a join that came before its emit.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard},
};

use actix::Addr;

use crate::{
    ids::ShardIndex,
    room::{Occupied, Room, RoomKey, Vacated},
    server::Server,
};

const PARTS: usize = 16;

#[derive(Default)]
pub(crate) struct Directory {
    hasher: RandomState,
    parts: [Mutex<HashMap<RoomKey, Entry>>; PARTS],
}

struct Entry {
    shards: Vec<ShardIndex>,
    room: Addr<Room>,
}

impl Directory {
    fn part(&self, key: &RoomKey) -> MutexGuard<'_, HashMap<RoomKey, Entry>> {
        let part = self.hasher.hash_one(key) as usize % PARTS;
        self.parts[part].lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A shard has its first member of the room. Starts the room's actor on this thread if there is none.
    pub fn occupy(&self, server: &Arc<Server>, key: RoomKey, shard: ShardIndex) {
        let mut part = self.part(&key);
        let start = || Entry { shards: Vec::new(), room: Room::start_for(server.clone(), key.clone()) };
        let entry = part.entry(key.clone()).or_insert_with(start);
        if !entry.room.connected() {
            // The thread it lived on is gone, with its server's worker.
            entry.room = Room::start_for(server.clone(), key.clone());
        }
        if !entry.shards.contains(&shard) {
            entry.shards.push(shard);
        }
        entry.room.do_send(Occupied { shard });
    }

    /// A shard has no member of the room any more.
    pub fn vacate(&self, key: &RoomKey, shard: ShardIndex) {
        if let Some(entry) = self.part(key).get_mut(key) {
            entry.shards.retain(|&other| other != shard);
            entry.room.do_send(Vacated { shard });
        }
    }

    /// Forgets an empty room; false if somebody has joined meanwhile, and then its actor stays.
    pub fn retire(&self, key: &RoomKey) -> bool {
        let mut part = self.part(key);
        match part.get(key) {
            Some(entry) if !entry.shards.is_empty() => false,
            _ => {
                part.remove(key);
                true
            }
        }
    }

    /// The shards with members of the room; none if nobody has joined it.
    pub fn shards(&self, key: &RoomKey) -> Option<Vec<ShardIndex>> {
        self.part(key).get(key).map(|entry| entry.shards.clone())
    }

    /// The actor of a room.
    #[cfg(test)]
    pub fn room(&self, key: &RoomKey) -> Option<Addr<Room>> {
        self.part(key).get(key).map(|entry| entry.room.clone())
    }
}
