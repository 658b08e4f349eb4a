//! What more than one profile answers.

pub mod load;
pub mod protocol;

use natter::{Args, EncodeError};

/// What a handler leaves behind. An error reaches the socket's `on_error`, where the library counts it.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The arguments behind the first `skipped` ones, byte for byte and with their attachments.
pub fn rest(args: &Args, skipped: usize) -> Result<Args, EncodeError> {
    let texts: Vec<&str> = args.iter().skip(skipped).collect();
    Args::from_json(&format!("[{}]", texts.join(",")), args.attachments().to_vec())
}
