//! Microseconds since the generator started: one number for all times of a run.

use std::time::{Duration, Instant};

/// Counts from its creation on.
#[derive(Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Starts at 0.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Microseconds that have passed.
    pub fn now(self) -> u64 {
        micros(self.0.elapsed())
    }
}

/// A duration in whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
