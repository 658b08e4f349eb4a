//! Who is in the cluster. Pure: the time is an argument.
//!
//! A node is a member from its first heartbeat until its goodbye, its silence, or the first heartbeat of a later start
//! of a node of that name. Only members are listened to, so what a node that was given up still had to say is not heard.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::identity::{Epoch, NodeTag};

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What stands for it in ids and subjects.
    pub tag: NodeTag,
    /// Which start of it it is.
    pub epoch: Epoch,
}

struct Heard {
    member: Member,
    last: Instant,
    /// The largest number that has been seen of its messages.
    seq: u64,
}

/// What to make of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// From a member, the next of its messages.
    Heed,
    /// Another copy of one that came already, under another subject.
    Copy,
    /// One that should have come before others that have.
    Late,
    /// From nobody who is known, or from an earlier start of a member.
    Unknown,
    /// It bears this node's own tag.
    Own,
}

/// What a heartbeat has changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    Came,
    /// An earlier start of it was a member, and is gone.
    CameAgain(Member),
}

pub(crate) struct Membership {
    own: NodeTag,
    patience: Duration,
    members: HashMap<NodeTag, Heard>,
}

impl Membership {
    /// `patience` is the silence after which a node is gone.
    pub fn new(own: NodeTag, patience: Duration) -> Self {
        Self { own, patience, members: HashMap::new() }
    }

    /// Takes a heartbeat, before its message is [judged](Self::judge) as all others are.
    pub fn heartbeat(&mut self, name: &str, tag: NodeTag, epoch: Epoch, seq: u64, now: Instant) -> Change {
        if tag == self.own {
            return Change::Nothing;
        }
        let came = || Heard {
            member: Member { name: name.to_owned(), tag, epoch },
            last: now,
            seq: seq.saturating_sub(1),
        };
        match self.members.get_mut(&tag) {
            None => {
                self.members.insert(tag, came());
                Change::Came
            }
            Some(heard) if heard.member.epoch < epoch => {
                Change::CameAgain(std::mem::replace(heard, came()).member)
            }
            Some(_) => Change::Nothing,
        }
    }

    /// Whether a message is to be heeded; if so, its sender has been heard of now.
    pub fn judge(&mut self, tag: NodeTag, epoch: Epoch, seq: u64, now: Instant) -> Verdict {
        if tag == self.own {
            return Verdict::Own;
        }
        match self.members.get_mut(&tag) {
            Some(heard) if heard.member.epoch == epoch => {
                heard.last = now;
                match seq.cmp(&heard.seq) {
                    std::cmp::Ordering::Greater => {
                        heard.seq = seq;
                        Verdict::Heed
                    }
                    std::cmp::Ordering::Equal => Verdict::Copy,
                    std::cmp::Ordering::Less => Verdict::Late,
                }
            }
            _ => Verdict::Unknown,
        }
    }

    pub fn has(&self, tag: NodeTag) -> bool {
        self.members.contains_key(&tag)
    }

    /// Takes a goodbye.
    pub fn leaves(&mut self, tag: NodeTag) -> Option<Member> {
        self.members.remove(&tag).map(|heard| heard.member)
    }

    /// Gives up those who have been silent for too long.
    pub fn give_up_silent(&mut self, now: Instant) -> Vec<Member> {
        let silent = |heard: &mut Heard| now.saturating_duration_since(heard.last) > self.patience;
        self.members.extract_if(|_, heard| silent(heard)).map(|(_, heard)| heard.member).collect()
    }

    /// The bus is back: nobody could be heard meanwhile, and that was nobody's silence.
    pub fn excuse(&mut self, now: Instant) {
        self.members.values_mut().for_each(|heard| heard.last = now);
    }

    /// Forgets everybody.
    pub fn clear(&mut self) -> Vec<Member> {
        self.members.drain().map(|(_, heard)| heard.member).collect()
    }

    /// All members, by name.
    pub fn list(&self) -> Vec<Member> {
        let mut list: Vec<_> = self.members.values().map(|heard| heard.member.clone()).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn epoch(number: u64) -> Epoch {
        Epoch::at(number)
    }

    fn membership() -> (Membership, NodeTag, Instant) {
        (Membership::new(NodeTag::of("own"), PATIENCE), NodeTag::of("ann"), Instant::now())
    }

    #[test]
    fn only_members_are_heeded_and_each_message_once() {
        let (mut membership, ann, now) = membership();
        assert_eq!(membership.judge(ann, epoch(1), 1, now), Verdict::Unknown);
        assert_eq!(membership.heartbeat("ann", ann, epoch(1), 5, now), Change::Came);
        assert_eq!(membership.judge(ann, epoch(1), 5, now), Verdict::Heed, "the heartbeat itself");
        assert_eq!(membership.judge(ann, epoch(1), 6, now), Verdict::Heed);
        assert_eq!(membership.judge(ann, epoch(1), 6, now), Verdict::Copy);
        assert_eq!(membership.judge(ann, epoch(1), 5, now), Verdict::Late);
        assert_eq!(membership.judge(ann, epoch(2), 9, now), Verdict::Unknown, "of another start");
        assert_eq!(membership.judge(NodeTag::of("own"), epoch(1), 1, now), Verdict::Own);
        assert!(membership.leaves(ann).is_some());
        assert_eq!(membership.judge(ann, epoch(1), 7, now), Verdict::Unknown);
    }

    #[test]
    fn a_later_start_replaces_an_earlier_one_and_never_the_other_way_round() {
        let (mut membership, ann, now) = membership();
        membership.heartbeat("ann", ann, epoch(5), 100, now);
        let again = membership.heartbeat("ann", ann, epoch(6), 1, now);
        assert!(matches!(again, Change::CameAgain(earlier) if earlier.epoch == epoch(5)));
        assert_eq!(membership.judge(ann, epoch(6), 1, now), Verdict::Heed);
        assert_eq!(membership.heartbeat("ann", ann, epoch(5), 101, now), Change::Nothing);
        assert_eq!(membership.judge(ann, epoch(5), 101, now), Verdict::Unknown);
    }

    #[test]
    fn silence_ends_a_membership_and_any_message_prevents_that() {
        let (mut membership, ann, start) = membership();
        let at = |seconds| start + Duration::from_secs(seconds);
        membership.heartbeat("ann", ann, epoch(1), 1, start);
        assert_eq!(membership.judge(ann, epoch(1), 2, at(2)), Verdict::Heed);
        assert!(membership.give_up_silent(at(5)).is_empty());
        membership.excuse(at(60));
        assert!(membership.give_up_silent(at(63)).is_empty());
        let gone = membership.give_up_silent(at(64));
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].name, "ann");
        assert!(membership.list().is_empty());
    }

    #[test]
    fn the_own_name_is_no_member() {
        let (mut membership, _, now) = membership();
        assert_eq!(membership.heartbeat("own", NodeTag::of("own"), epoch(9), 1, now), Change::Nothing);
        assert!(membership.list().is_empty());
    }
}
