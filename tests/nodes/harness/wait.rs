//! Waiting for what must come, with deadlines that a busy machine keeps.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything may take before a test calls it lost.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The value of something that must come.
#[track_caller]
pub fn soon<T>(what: &str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match timeout(PATIENCE, work).await {
            Ok(value) => value,
            Err(_) => panic!("{caller}: waited too long for {what}"),
        }
    }
}

/// Waits until what is looked at is as wanted; fails with what it shows instead.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> impl Future<Output = T> {
    within(PATIENCE, what, look)
}

/// The same with a deadline that is part of what is tested.
#[track_caller]
pub fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let begun = Instant::now();
    async move {
        loop {
            match look() {
                Ok(value) => return value,
                Err(seen) if begun.elapsed() > limit => {
                    panic!("{caller}: {what}: not within {limit:?}; last seen: {seen}")
                }
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

/// For a look at a figure.
pub fn is<T: PartialEq + std::fmt::Debug>(seen: T, wanted: T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{seen:?}, not {wanted:?}")) }
}
