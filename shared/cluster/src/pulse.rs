//! Notices that this process has stood still. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// Beats at each step of the link, however small: who is busy beats, who has been stopped does not.
pub(crate) struct Pulse {
    patience: Duration,
    last: Instant,
    longest: Duration,
}

impl Pulse {
    /// A pause of more than `patience` is standing still.
    pub fn new(patience: Duration, now: Instant) -> Self {
        Self { patience, last: now, longest: Duration::ZERO }
    }

    pub fn beat(&mut self, now: Instant) {
        self.longest = self.longest.max(now.saturating_duration_since(self.last));
        self.last = now;
    }

    /// For how long it has stood still, if it has since this was asked last.
    pub fn stood_still(&mut self, now: Instant) -> Option<Duration> {
        self.beat(now);
        let longest = std::mem::take(&mut self.longest);
        (longest > self.patience).then_some(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_once_and_much_to_do_is_none() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(Duration::from_secs(2), start);
        assert_eq!(pulse.stood_still(at(2)), None);
        (3..20).for_each(|second| pulse.beat(at(second)));
        assert_eq!(pulse.stood_still(at(20)), None, "busy all the time");
        pulse.beat(at(25));
        pulse.beat(at(26));
        assert_eq!(pulse.stood_still(at(26)), Some(Duration::from_secs(5)));
        assert_eq!(pulse.stood_still(at(27)), None);
    }
}
