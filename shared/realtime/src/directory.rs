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
    cluster::Active,
    ids::ShardIndex,
    namespace::NamespaceInner,
    room::{Occupied, Room, RoomKey, Vacated},
    roster::NamespaceId,
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
    /// What other nodes say to the room comes under it; none without a cluster.
    subject: Option<Arc<str>>,
    /// When that reaches this node.
    active: Active,
}

impl Directory {
    fn part(&self, key: &RoomKey) -> MutexGuard<'_, HashMap<RoomKey, Entry>> {
        let part = self.hasher.hash_one(key) as usize % PARTS;
        self.parts[part].lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A shard has its first member of the room. Starts the room's actor on this thread if there is none.
    pub fn occupy(&self, namespace: &NamespaceInner, room: &Arc<str>, shard: ShardIndex) {
        let server = &namespace.server;
        let key = RoomKey { namespace: namespace.id, room: room.clone() };
        let mut part = self.part(&key);
        // Subscribed and unsubscribed under the lock, so that the link is told in the order in which the room came and went.
        let start = || {
            let subject = server.link().map(|link| link.subjects().room(&namespace.name, room));
            Entry {
                shards: Vec::new(),
                room: Room::start_for(server.clone(), key.clone()),
                active: Active::subscribe(server.link(), subject.as_ref()),
                subject,
            }
        };
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
    pub fn retire(&self, server: &Server, key: &RoomKey) -> bool {
        let mut part = self.part(key);
        if part.get(key).is_some_and(|entry| !entry.shards.is_empty()) {
            return false;
        }
        let subject = part.remove(key).and_then(|entry| entry.subject);
        if let (Some(subject), Some(link)) = (subject, server.link()) {
            link.unsubscribe(subject);
        }
        true
    }

    /// What to wait for until what other nodes say to these rooms reaches this one; of those that are in place, nothing.
    pub fn active(
        &self,
        namespace: NamespaceId,
        rooms: &[Arc<str>],
    ) -> Vec<impl Future<Output = ()> + Send + use<>> {
        let active = |room: &Arc<str>| {
            let key = RoomKey { namespace, room: room.clone() };
            self.part(&key).get(&key).map(|entry| entry.active.clone()).filter(|active| !active.is_now())
        };
        rooms.iter().filter_map(active).map(Active::wait).collect()
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
