//! Who is in the cluster. Pure: the time is an argument.
//!
//! A node is a member from its first heartbeat until its goodbye, its silence, or the first heartbeat of a later start
//! of a node of that name. Only members are listened to, so what a node that was given up still had to say is not heard.
//!
//! Nor is what arrives much later. A node that was cut off has left messages behind, heartbeats among them, which the
//! network or the bus still delivers when it can again, all in one burst. So a node that was given up comes back with a
//! later epoch, which it takes when it finds that it has been away; or, should only this side have thought so, with a
//! heartbeat that comes some time after the first one.

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

/// The least time between two heartbeats that are no part of one burst.
const APART: Duration = Duration::from_millis(250);

/// How long a node that was given up is remembered: longer than any connection keeps what it could not deliver.
const REMEMBERED: Duration = Duration::from_secs(1_800);

struct Heard {
    member: Member,
    last: Instant,
    /// The largest number that has been seen of its messages.
    seq: u64,
}

/// A node that has been silent for too long.
struct GivenUp {
    epoch: Epoch,
    at: Instant,
    /// The first heartbeat of that epoch since.
    heard: Option<Instant>,
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
    given_up: HashMap<NodeTag, GivenUp>,
}

impl Membership {
    /// `patience` is the silence after which a node is gone.
    pub fn new(own: NodeTag, patience: Duration) -> Self {
        Self { own, patience, members: HashMap::new(), given_up: HashMap::new() }
    }

    /// Takes a heartbeat, before its message is [judged](Self::judge) as all others are.
    pub fn heartbeat(&mut self, name: &str, tag: NodeTag, epoch: Epoch, seq: u64, now: Instant) -> Change {
        if tag == self.own {
            return Change::Nothing;
        }
        if !self.members.contains_key(&tag) && self.is_left_over(tag, epoch, now) {
            return Change::Nothing;
        }
        let came = || Heard {
            member: Member { name: name.to_owned(), tag, epoch },
            last: now,
            seq: seq.saturating_sub(1),
        };
        if !self.members.contains_key(&tag) && self.is_left_over(tag, epoch, now) {
            return Change::Nothing;
        }
        match self.members.get_mut(&tag) {
            None => {
                self.given_up.remove(&tag);
                self.members.insert(tag, came());
                Change::Came
            }
            Some(heard) if heard.member.epoch < epoch => {
                Change::CameAgain(std::mem::replace(heard, came()).member)
            }
            Some(_) => Change::Nothing,
        }
    }

    /// Whether a heartbeat may have been sent before its node was given up.
    fn is_left_over(&mut self, tag: NodeTag, epoch: Epoch, now: Instant) -> bool {
        match self.given_up.get_mut(&tag) {
            Some(gone) if epoch < gone.epoch => true,
            Some(gone) if epoch == gone.epoch => {
                now.saturating_duration_since(*gone.heard.get_or_insert(now)) < APART
            }
            _ => false,
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
        self.given_up.retain(|_, gone| now.saturating_duration_since(gone.at) < REMEMBERED);
        let silent = |heard: &mut Heard| now.saturating_duration_since(heard.last) > self.patience;
        let gone: Vec<_> =
            self.members.extract_if(|_, heard| silent(heard)).map(|(_, heard)| heard.member).collect();
        for Member { tag, epoch, .. } in &gone {
            self.given_up.insert(*tag, GivenUp { epoch: *epoch, at: now, heard: None });
        }
        gone
    }

    /// The bus is back: nobody could be heard since then, and that was nobody's silence. Who was given up for it has left
    /// nothing behind.
    pub fn excuse(&mut self, since: Instant, now: Instant) {
        self.given_up.retain(|_, gone| gone.at < since);
        self.members.values_mut().for_each(|heard| heard.last = now);
    }

    /// Forgets everybody.
    pub fn clear(&mut self) -> Vec<Member> {
        self.given_up.clear();
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
        membership.excuse(at(2), at(60));
        assert!(membership.give_up_silent(at(63)).is_empty());
        let gone = membership.give_up_silent(at(64));
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].name, "ann");
        assert!(membership.list().is_empty());
    }

    #[test]
    fn what_a_node_has_left_behind_does_not_bring_it_back() {
        let (mut membership, ann, start) = membership();
        let at = |millis| start + Duration::from_millis(millis);
        membership.heartbeat("ann", ann, epoch(5), 1, start);
        assert_eq!(membership.give_up_silent(at(3_001)).len(), 1);
        // A burst of old messages, each heartbeat with events behind it.
        for (seq, millis) in [(2, 10_000), (4, 10_001), (6, 10_100)] {
            assert_eq!(membership.heartbeat("ann", ann, epoch(5), seq, at(millis)), Change::Nothing);
            assert_eq!(membership.judge(ann, epoch(5), seq + 1, at(millis)), Verdict::Unknown);
        }
        assert_eq!(
            membership.heartbeat("ann", ann, epoch(4), 9, at(20_000)),
            Change::Nothing,
            "earlier still"
        );
        assert_eq!(membership.heartbeat("ann", ann, epoch(6), 1, at(20_000)), Change::Came);
        assert_eq!(membership.judge(ann, epoch(5), 7, at(20_001)), Verdict::Unknown);
    }

    #[test]
    fn a_node_that_was_given_up_for_nothing_is_back_with_its_next_heartbeat_but_one() {
        let (mut membership, ann, start) = membership();
        let at = |millis| start + Duration::from_millis(millis);
        membership.heartbeat("ann", ann, epoch(5), 1, start);
        membership.give_up_silent(at(3_001));
        assert_eq!(membership.heartbeat("ann", ann, epoch(5), 2, at(3_100)), Change::Nothing);
        assert_eq!(membership.heartbeat("ann", ann, epoch(5), 3, at(3_600)), Change::Came);
        assert_eq!(membership.judge(ann, epoch(5), 3, at(3_600)), Verdict::Heed);
    }

    #[test]
    fn who_was_given_up_while_the_bus_was_away_is_back_at_once() {
        let (mut membership, ann, start) = membership();
        let at = |seconds| start + Duration::from_secs(seconds);
        let bob = NodeTag::of("bob");
        membership.heartbeat("bob", bob, epoch(1), 1, start);
        assert_eq!(membership.give_up_silent(at(4)).len(), 1, "on his own account");
        membership.heartbeat("ann", ann, epoch(1), 1, at(4));
        assert_eq!(membership.give_up_silent(at(8)).len(), 1);
        membership.excuse(at(5), at(20));
        assert_eq!(membership.heartbeat("ann", ann, epoch(1), 9, at(20)), Change::Came);
        assert_eq!(membership.heartbeat("bob", bob, epoch(1), 9, at(20)), Change::Nothing);
    }

    #[test]
    fn nodes_that_were_given_up_are_forgotten_in_the_end() {
        let (mut membership, ann, start) = membership();
        membership.heartbeat("ann", ann, epoch(5), 1, start);
        membership.give_up_silent(start + PATIENCE * 2);
        assert_eq!(membership.given_up.len(), 1);
        membership.give_up_silent(start + PATIENCE * 2 + REMEMBERED);
        assert!(membership.given_up.is_empty());
    }

    #[test]
    fn the_own_name_is_no_member() {
        let (mut membership, _, now) = membership();
        assert_eq!(membership.heartbeat("own", NodeTag::of("own"), epoch(9), 1, now), Change::Nothing);
        assert!(membership.list().is_empty());
    }
}
