//! Who is where on one shard: sockets by namespace, room and id. Pure; sockets are numbers here.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use indexmap::IndexSet;

/// A socket's place in its shard.
pub(crate) type Slot = usize;

/// Names a namespace inside one server.
pub(crate) type NamespaceId = u32;

/// Which sockets of a namespace are meant: those in any of `rooms` (all if empty) and in none of `except`. A socket's
/// id is a room with that socket in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub rooms: Vec<Arc<str>>,
    pub except: Vec<Arc<str>>,
}

/// A set of slots that is walked like a slice.
type Slots = IndexSet<Slot, RandomState>;

#[derive(Default)]
pub(crate) struct Roster {
    namespaces: HashMap<NamespaceId, Index>,
    /// By slot, the last pass that has seen it: tells in one look whether a socket had its turn.
    marks: Vec<u64>,
    pass: u64,
}

#[derive(Default)]
struct Index {
    sockets: Slots,
    // Names come from clients, so these two keep the standard library's hasher with its secret keys.
    rooms: HashMap<Arc<str>, Slots>,
    ids: HashMap<Arc<str>, Slot>,
}

impl Roster {
    pub fn add(&mut self, namespace: NamespaceId, id: Arc<str>, slot: Slot) {
        if self.marks.len() <= slot {
            self.marks.resize(slot + 1, 0);
        }
        let index = self.namespaces.entry(namespace).or_default();
        index.sockets.insert(slot);
        index.ids.insert(id, slot);
    }

    /// Forgets a socket that has left its rooms.
    pub fn remove(&mut self, namespace: NamespaceId, id: &str, slot: Slot) {
        let Some(index) = self.namespaces.get_mut(&namespace) else { return };
        index.sockets.swap_remove(&slot);
        index.ids.remove(id);
        if index.sockets.is_empty() {
            self.namespaces.remove(&namespace);
        }
    }

    /// Whether the room had no member here before.
    pub fn join(&mut self, namespace: NamespaceId, room: &Arc<str>, slot: Slot) -> bool {
        let index = self.namespaces.entry(namespace).or_default();
        let members = index.rooms.entry(room.clone()).or_default();
        members.insert(slot);
        members.len() == 1
    }

    /// Whether the room has no member here any more.
    pub fn leave(&mut self, namespace: NamespaceId, room: &str, slot: Slot) -> bool {
        let Some(index) = self.namespaces.get_mut(&namespace) else { return false };
        let Some(members) = index.rooms.get_mut(room) else { return false };
        let was_member = members.swap_remove(&slot);
        let empty = members.is_empty();
        if empty {
            index.rooms.remove(room);
        }
        was_member && empty
    }

    pub fn has_members(&self, namespace: NamespaceId, room: &str) -> bool {
        self.namespaces.get(&namespace).is_some_and(|index| index.rooms.contains_key(room))
    }

    /// Calls `each` once for every socket that is meant.
    pub fn for_each(&mut self, namespace: NamespaceId, target: &Target, mut each: impl FnMut(Slot)) {
        let Some(index) = self.namespaces.get(&namespace) else { return };
        if target.except.is_empty() && target.rooms.len() <= 1 {
            match target.rooms.first() {
                None => index.sockets.iter().copied().for_each(each),
                Some(room) => index.members(room).for_each(each),
            }
            return;
        }
        self.pass += 1;
        for room in &target.except {
            for slot in index.members(room) {
                self.marks[slot] = self.pass;
            }
        }
        let marks = &mut self.marks;
        let pass = self.pass;
        let mut once = |slot: Slot| {
            if marks[slot] != pass {
                marks[slot] = pass;
                each(slot);
            }
        };
        if target.rooms.is_empty() {
            index.sockets.iter().copied().for_each(once);
        } else {
            for room in &target.rooms {
                index.members(room).for_each(&mut once);
            }
        }
    }
}

impl Index {
    /// The members of a room, and the socket whose id it is.
    fn members<'a>(&'a self, room: &str) -> impl Iterator<Item = Slot> + use<'a> {
        let own = self.ids.get(room).copied();
        let members = self.rooms.get(room).into_iter().flat_map(|members| members.iter().copied());
        own.into_iter().chain(members.filter(move |&slot| Some(slot) != own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        let mut roster = Roster::default();
        for (slot, id) in ["ann", "ben", "cid"].iter().enumerate() {
            roster.add(0, Arc::from(*id), slot);
        }
        roster.add(1, Arc::from("dan"), 3);
        assert!(roster.join(0, &Arc::from("red"), 0));
        assert!(!roster.join(0, &Arc::from("red"), 1));
        assert!(roster.join(0, &Arc::from("blue"), 1));
        roster
    }

    fn selected(roster: &mut Roster, rooms: &[&str], except: &[&str]) -> Vec<Slot> {
        let names = |list: &[&str]| list.iter().map(|name| Arc::from(*name)).collect();
        let target = Target { rooms: names(rooms), except: names(except) };
        let mut slots = vec![];
        roster.for_each(0, &target, |slot| slots.push(slot));
        slots.sort_unstable();
        slots
    }

    #[test]
    fn a_target_is_a_union_of_rooms_without_those_excepted() {
        let mut roster = roster();
        assert_eq!(selected(&mut roster, &[], &[]), [0, 1, 2]);
        assert_eq!(selected(&mut roster, &["red"], &[]), [0, 1]);
        assert_eq!(selected(&mut roster, &["red", "blue"], &[]), [0, 1]);
        assert_eq!(selected(&mut roster, &["red"], &["blue"]), [0]);
        assert_eq!(selected(&mut roster, &[], &["red"]), [2]);
        assert!(selected(&mut roster, &["none"], &[]).is_empty());
    }

    #[test]
    fn a_sockets_id_is_a_room() {
        let mut roster = roster();
        assert_eq!(selected(&mut roster, &["cid"], &[]), [2]);
        assert_eq!(selected(&mut roster, &["red", "cid"], &["ann"]), [1, 2]);
    }

    #[test]
    fn a_socket_that_joined_the_room_of_its_own_id_is_met_once() {
        let mut roster = roster();
        roster.join(0, &Arc::from("cid"), 2);
        roster.join(0, &Arc::from("cid"), 0);
        assert_eq!(selected(&mut roster, &["cid"], &[]), [0, 2]);
    }

    #[test]
    fn the_last_leave_empties_a_room() {
        let mut roster = roster();
        assert!(!roster.leave(0, "red", 0));
        assert!(!roster.leave(0, "red", 0), "leaving twice is nothing");
        assert!(roster.leave(0, "red", 1));
        assert!(!roster.has_members(0, "red"));
    }
}
