//! When the next event is due at a rate. What is late stays due at its time, so that falling behind shows as latency.

/// The kernel's timers end a poll up to two milliseconds late. That is not the server's doing.
const TIMER: u64 = 2_000;

/// A rate of events.
pub struct Pace {
    /// Microseconds between two events.
    interval: f64,
    next: f64,
}

impl Pace {
    /// `per_second` events, the first one interval after `now`.
    pub fn new(per_second: f64, now: u64) -> Self {
        let interval = 1e6 / per_second.max(1e-3);
        Self { interval, next: now as f64 + interval }
    }

    /// An event that is due by now and was not taken yet: the time from which its latency counts. That is now, or, when
    /// the generator has fallen behind, the time at which it was due.
    pub fn take(&mut self, now: u64) -> Option<u64> {
        (self.next <= now as f64).then(|| {
            let due = self.next as u64;
            self.next += self.interval;
            if now - due <= TIMER { now } else { due }
        })
    }

    /// When the next one is due.
    pub fn next(&self) -> u64 {
        self.next.ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_are_late_keep_the_time_at_which_they_were_due() {
        let mut pace = Pace::new(1_000.0, 0);
        assert_eq!((pace.take(999), pace.next()), (None, 1_000));
        assert_eq!((pace.take(4_500), pace.take(4_500)), (Some(1_000), Some(2_000)));
        assert_eq!((pace.take(4_500), pace.take(4_500), pace.take(4_500)), (Some(4_500), Some(4_500), None));
        assert_eq!(pace.next(), 5_000);
    }
}
