//! The scenarios. Each takes a fresh server and returns its figures.

pub mod broadcast;
pub mod echo;
pub mod idle;
pub mod slow;

use std::time::Duration;

use crate::meter::Enough;

/// What every measured stretch is preceded by: the server's caches, allocator and compiler warm up.
const WARM_UP: Duration = Duration::from_secs(2);

/// The longest that packets still under way may take after the last was sent.
const SETTLE: Duration = Duration::from_secs(10);

/// How long a stretch is measured.
#[derive(Clone, Copy, clap::Args)]
pub struct Stretch {
    /// Measure until the server has used this much CPU, in seconds
    #[arg(long, default_value_t = 1.0)]
    cpu: f64,
    /// But not longer than this, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

impl Stretch {
    fn enough(self) -> Enough {
        Enough {
            cpu: Duration::from_secs_f64(self.cpu.clamp(0.05, 600.0)),
            wall: Duration::from_secs(self.seconds),
        }
    }
}

/// `number`, zero-padded, filled up to `size` bytes: as a JSON string it needs no escapes.
fn payload(number: u64, size: usize) -> String {
    let mut text = format!("{number:016}");
    text.extend(std::iter::repeat_n('x', size.saturating_sub(text.len())));
    text
}

/// The number in front of the payload of the event whose text begins with `prefix`; `None` for other events.
fn number_after(event: &[u8], prefix: &[u8]) -> Option<u64> {
    event.strip_prefix(prefix).map(crate::client::leading_number)
}
