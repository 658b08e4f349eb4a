//! The one clock of a run: everybody in it is in this process, so times can be compared.

use std::time::{Duration, Instant};

/// Time since the beginning of a run.
pub type Moment = Duration;

/// What tells the moments of one run.
#[derive(Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> Moment {
        self.0.elapsed()
    }
}
