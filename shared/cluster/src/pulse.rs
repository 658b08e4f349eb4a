//! Whether this process stands still, or did: the link's clock ticks, and every thread can see when it last has.
//!
//! A process that is stopped and goes on (`SIGSTOP`, a frozen machine) does so on all threads at once, and whichever runs
//! first may find what its clients sent long ago. It must not have to wait for the link to tell it. Pure: the time is an
//! argument.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

/// There are no more ticks, and nobody waits for one.
const ENDED: u64 = u64::MAX;

pub(crate) struct Pulse {
    patience: Duration,
    start: Instant,
    /// Milliseconds from the start to the last tick.
    last: AtomicU64,
    standstills: AtomicU64,
}

impl Pulse {
    /// Standing still is to have no tick for longer than `patience`.
    pub fn new(patience: Duration, now: Instant) -> Self {
        Self { patience, start: now, last: AtomicU64::new(0), standstills: AtomicU64::new(0) }
    }

    /// The link begins, which may be long after it was made.
    pub fn begin(&self, now: Instant) {
        self.last.store(self.millis(now), SeqCst);
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(ENDED - 1)
    }

    /// The link has made a step, however small: who is busy beats, who has been stopped does not. A pause before it that
    /// was too long is not covered up.
    pub fn beat(&self, now: Instant) {
        if !self.stands_still(now) {
            self.last.store(self.millis(now), SeqCst);
        }
    }

    /// Time since the last tick.
    pub fn silence(&self, now: Instant) -> Duration {
        Duration::from_millis(self.millis(now).saturating_sub(self.last.load(SeqCst)))
    }

    /// Whether it has stood still, and nobody has taken note of it yet.
    pub fn stands_still(&self, now: Instant) -> bool {
        self.silence(now) > self.patience
    }

    /// A standstill is over. First it is counted and then the clock goes on, so that nobody can find neither.
    pub fn goes_on(&self, now: Instant) {
        self.standstills.fetch_add(1, SeqCst);
        self.last.store(self.millis(now), SeqCst);
    }

    /// The clock has ended.
    pub fn end(&self) {
        self.last.store(ENDED, SeqCst);
    }

    /// How often it has stood still, including one that is not noted yet.
    pub fn standstills(&self, now: Instant) -> u64 {
        let unnoted = u64::from(self.stands_still(now));
        self.standstills.load(SeqCst) + unnoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_is_seen_before_it_is_noted_and_ever_after() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let pulse = Pulse::new(Duration::from_secs(2), start);
        pulse.beat(at(100));
        assert_eq!(pulse.standstills(at(2_100)), 0);
        assert_eq!(pulse.standstills(at(2_101)), 1);
        assert!(pulse.stands_still(at(2_101)));
        pulse.goes_on(at(15_000));
        assert!(!pulse.stands_still(at(15_001)));
        assert_eq!(pulse.standstills(at(15_001)), 1);
        assert_eq!(pulse.standstills(at(18_000)), 2);
    }

    #[test]
    fn a_link_that_begins_late_has_not_stood_still() {
        let start = Instant::now();
        let pulse = Pulse::new(Duration::from_secs(2), start);
        let late = start + Duration::from_secs(60);
        pulse.begin(late);
        assert!(!pulse.stands_still(late));
        assert_eq!(pulse.standstills(late + Duration::from_secs(2)), 0);
    }

    #[test]
    fn a_clock_that_has_ended_is_no_standstill() {
        let start = Instant::now();
        let pulse = Pulse::new(Duration::from_secs(2), start);
        pulse.end();
        assert_eq!(pulse.standstills(start + Duration::from_secs(60)), 0);
    }
}
