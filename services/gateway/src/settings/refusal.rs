//! Why a node does not start with the settings that it was given.

use std::fmt;

/// Every problem found, one sentence each, that names the place, the key and, for an unknown key, the nearest known one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Vec<String>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Refusal {}
