//! Waiting for what must come, with deadlines that a busy machine keeps.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything may take before a test calls it lost.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The value of something that must come.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Waits until a state of the server has come about; fails with what it shows instead.
pub async fn eventually<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, look: impl Fn() -> T) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if seen == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: wanted {wanted:?}, still {seen:?}");
        sleep(Duration::from_millis(2)).await;
    }
}
