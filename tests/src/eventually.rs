//! Waiting for a condition instead of sleeping.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once. Generous: the machine may be building something else.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until `check` is satisfied, at most [`PATIENCE`]; on failure panics with what `check` said last.
#[track_caller]
pub fn eventually<T>(what: &str, check: impl FnMut() -> Result<T, String>) -> T {
    eventually_within(PATIENCE, what, check)
}

/// Waits until `check` is satisfied, at most `limit`; on failure panics with what `check` said last.
#[track_caller]
pub fn eventually_within<T>(limit: Duration, what: &str, mut check: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match check() {
            Ok(value) => return value,
            Err(last) if start.elapsed() > limit => panic!("{what}: not within {limit:?}; last seen: {last}"),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
