//! The rooms of one socket: those it is to be in, and those its shard's roster lists it in. Pure.
//!
//! Any thread may join and leave; only the shard's thread settles the difference. So joins and leaves from several
//! threads can't cross, and a socket that goes is taken out of every list it is in.

use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Memberships(Vec<Membership>);

#[derive(Debug)]
struct Membership {
    room: Arc<str>,
    wanted: bool,
    listed: bool,
}

/// What the roster has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Enter,
    Leave,
    Nothing,
}

impl Memberships {
    /// The rooms it is in, as its user sees it.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().filter(|it| it.wanted).map(|it| it.room.clone()).collect()
    }

    /// How many rooms it is in.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|it| it.wanted).count()
    }

    /// Wants to be in these rooms too, and returns those that are new; none, and nothing changes, if they are more than
    /// `most`. What comes after those is not even looked at, however many there are.
    pub fn want(&mut self, rooms: &[Arc<str>], most: usize) -> Option<Vec<Arc<str>>> {
        let mut new: Vec<Arc<str>> = Vec::new();
        for room in rooms {
            if !new.contains(room) && !self.0.iter().any(|it| it.wanted && it.room == *room) {
                if new.len() == most {
                    return None;
                }
                new.push(room.clone());
            }
        }
        for room in &new {
            match self.0.iter_mut().find(|it| it.room == *room) {
                Some(membership) => membership.wanted = true,
                None => self.0.push(Membership { room: room.clone(), wanted: true, listed: false }),
            }
        }
        Some(new)
    }

    /// Does not want to be in these rooms any more, and returns those it was in.
    pub fn leave(&mut self, rooms: &[Arc<str>]) -> Vec<Arc<str>> {
        let left = self.0.iter_mut().filter(|it| it.wanted && rooms.contains(&it.room));
        let left = left.map(|it| {
            it.wanted = false;
            it.room.clone()
        });
        let left = left.collect();
        self.0.retain(|it| it.wanted || it.listed);
        left
    }

    /// Leaves all rooms, and returns those in which it is still listed.
    pub fn leave_all(&mut self) -> Vec<Arc<str>> {
        self.0.retain(|it| it.listed);
        self.0.iter_mut().for_each(|it| it.wanted = false);
        self.0.iter().map(|it| it.room.clone()).collect()
    }

    /// What the roster has to do about this room; taken as done.
    pub fn settle(&mut self, room: &str) -> Step {
        let Some(at) = self.0.iter().position(|it| *it.room == *room) else { return Step::Nothing };
        let membership = &mut self.0[at];
        match (membership.wanted, membership.listed) {
            (true, false) => {
                membership.listed = true;
                Step::Enter
            }
            (false, true) => {
                self.0.remove(at);
                Step::Leave
            }
            _ => Step::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<Arc<str>> {
        list.iter().map(|name| Arc::from(*name)).collect()
    }

    #[test]
    fn what_is_wanted_is_settled_once() {
        let mut rooms = Memberships::default();
        assert_eq!(rooms.want(&names(&["a", "b", "a"]), 2), Some(names(&["a", "b"])));
        assert_eq!(rooms.want(&names(&["a"]), 0), Some(vec![]), "it is there already");
        assert_eq!(rooms.want(&names(&["a", "c", "d", "c"]), 1), None);
        assert_eq!(rooms.count(), 2);
        assert_eq!(rooms.names(), names(&["a", "b"]));
        assert_eq!(rooms.settle("a"), Step::Enter);
        assert_eq!(rooms.settle("a"), Step::Nothing);
        assert_eq!(rooms.leave(&names(&["a", "x"])), names(&["a"]));
        assert_eq!(rooms.names(), names(&["b"]));
        assert_eq!(rooms.settle("a"), Step::Leave);
        assert_eq!(rooms.settle("a"), Step::Nothing);
    }

    #[test]
    fn a_join_that_crosses_a_leave_ends_as_the_last_wish_says() {
        let mut rooms = Memberships::default();
        rooms.want(&names(&["a"]), 9);
        assert_eq!(rooms.settle("a"), Step::Enter);
        rooms.leave(&names(&["a"]));
        rooms.want(&names(&["a"]), 9);
        assert_eq!(rooms.settle("a"), Step::Nothing);
    }

    #[test]
    fn who_goes_is_taken_out_of_every_list_also_of_rooms_just_left() {
        let mut rooms = Memberships::default();
        rooms.want(&names(&["a", "b"]), 9);
        assert_eq!(rooms.settle("a"), Step::Enter);
        rooms.leave(&names(&["a"]));
        assert_eq!(rooms.leave_all(), names(&["a"]), "b was never listed");
        assert_eq!(rooms.settle("a"), Step::Leave);
        assert!(rooms.names().is_empty());
    }
}
