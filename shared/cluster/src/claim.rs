//! Whose this node's name is. Pure: the time is an argument.
//!
//! A link that starts claims its node's name, and has it when nobody has objected for a while. What it says bears an epoch, by
//! which it knows its own words when the bus brings them back, and by which the others know each start of it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::identity::Epoch;

/// Time that others have to say that a new node's name is theirs.
const OBJECTIONS: Duration = Duration::from_millis(1_000);

/// Epochs of its own that a link remembers: what comes under older ones has been on its way for too long to be anything
/// but another node's.
const FORMER: usize = 64;

pub(crate) struct Claim {
    epoch: Epoch,
    /// Epochs of this very process, before it was suspended or cut off.
    former: VecDeque<Epoch>,
    standing: Standing,
    /// Somebody else has spoken under this node's name, which is in the log.
    doubled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nobody can hear the claim.
    Unheard,
    /// Others may object until then.
    Claiming {
        until: Instant,
    },
    Settled,
}

/// What to make of a claim or a heartbeat under this node's name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rival {
    /// None: it is this node's own word.
    Own,
    /// It has the name already, or claimed it first.
    Prevails,
    /// It has to be told that the name is taken.
    Claims,
    /// It has the name, too. Answered, two who both have it would answer each other for ever. `first`: it was not known.
    Has { first: bool },
}

impl Claim {
    pub fn new() -> Self {
        Self { epoch: Epoch::now(), former: VecDeque::new(), standing: Standing::Unheard, doubled: false }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether the name is this node's.
    pub fn is_settled(&self) -> bool {
        self.standing == Standing::Settled
    }

    /// The others can hear it now. A name that is settled stays so.
    pub fn begin(&mut self, now: Instant) {
        if !self.is_settled() {
            self.standing = Standing::Claiming { until: now + OBJECTIONS };
        }
    }

    /// The others can't hear it any more. A name that is settled stays so.
    pub fn pause(&mut self) {
        if !self.is_settled() {
            self.standing = Standing::Unheard;
        }
    }

    /// Whether the name has just become this node's.
    pub fn settle_if_unopposed(&mut self, now: Instant) -> bool {
        let unopposed = matches!(self.standing, Standing::Claiming { until } if until <= now);
        if unopposed {
            self.standing = Standing::Settled;
        }
        unopposed
    }

    /// Others may have taken the name.
    pub fn let_go(&mut self) {
        self.standing = Standing::Unheard;
    }

    /// Becomes a new start of the node.
    pub fn renew(&mut self) {
        self.former.push_back(std::mem::replace(&mut self.epoch, Epoch::now()));
        if self.former.len() > FORMER {
            self.former.pop_front();
        }
    }

    /// Judges what has come under this node's name: a claim, or a heartbeat. Who has the name keeps it; of two who claim it the
    /// one that began first does.
    pub fn judge(&mut self, epoch: Epoch, claims: bool) -> Rival {
        if epoch == self.epoch || self.former.contains(&epoch) {
            Rival::Own
        } else if !self.is_settled() && (!claims || epoch < self.epoch) {
            Rival::Prevails
        } else if claims {
            Rival::Claims
        } else {
            Rival::Has { first: !std::mem::replace(&mut self.doubled, true) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier() -> Epoch {
        Epoch::at(1)
    }

    fn later() -> Epoch {
        Epoch::at(u64::MAX)
    }

    #[test]
    fn a_name_is_settled_when_nobody_has_objected_for_a_second() {
        let (mut claim, now) = (Claim::new(), Instant::now());
        assert!(!claim.settle_if_unopposed(now), "nobody could hear it");
        claim.begin(now);
        assert!(!claim.settle_if_unopposed(now + OBJECTIONS / 2));
        claim.pause();
        assert!(!claim.settle_if_unopposed(now + OBJECTIONS), "nobody could object");
        claim.begin(now + OBJECTIONS);
        assert!(claim.settle_if_unopposed(now + 2 * OBJECTIONS));
        assert!(claim.is_settled());
        assert!(!claim.settle_if_unopposed(now + 3 * OBJECTIONS), "once");
    }

    #[test]
    fn of_two_who_claim_a_name_the_earlier_one_gets_it() {
        let mut claim = Claim::new();
        assert_eq!(claim.judge(earlier(), true), Rival::Prevails);
        assert_eq!(claim.judge(later(), true), Rival::Claims);
        assert_eq!(claim.judge(later(), false), Rival::Prevails, "who has it prevails");
    }

    #[test]
    fn who_has_a_name_keeps_it() {
        let (mut claim, now) = (Claim::new(), Instant::now());
        claim.begin(now);
        claim.settle_if_unopposed(now + OBJECTIONS);
        assert_eq!(claim.judge(earlier(), true), Rival::Claims);
        assert_eq!(claim.judge(earlier(), false), Rival::Has { first: true });
        assert_eq!(claim.judge(later(), false), Rival::Has { first: false });
        claim.let_go();
        assert_eq!(claim.judge(later(), false), Rival::Prevails, "it has been away");
    }

    #[test]
    fn its_own_words_are_no_rivals() {
        let mut claim = Claim::new();
        let first = claim.epoch();
        claim.renew();
        assert_eq!(claim.judge(claim.epoch(), true), Rival::Own);
        assert_eq!(claim.judge(first, false), Rival::Own);
        for _ in 0..FORMER {
            claim.renew();
        }
        assert_ne!(claim.judge(first, true), Rival::Own, "it has been on its way for too long");
    }
}
