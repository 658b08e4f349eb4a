//! Why a run gave no figures.

use std::io;

/// A run that did not end as it should; its figures would mean nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The run reached `--limit`.
    #[error("not finished after the limit of {0} s")]
    TimeUp(u64),
    /// Clients were closed that should have stayed.
    #[error("{count} clients lost; the first: {reason}")]
    Lost {
        /// How many.
        count: usize,
        /// What the first one saw.
        reason: String,
    },
    /// The server's address cannot be used.
    #[error("{0}")]
    Address(String),
    /// The arguments contradict each other.
    #[error("{0}")]
    Arguments(String),
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The error.
        source: io::Error,
    },
}

/// Names what was being done when an error of the operating system came.
pub trait Doing<T> {
    /// Turns the error into a [`Failure`].
    fn doing(self, doing: &'static str) -> Result<T, Failure>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Failure> {
        self.map_err(|source| Failure::Io { doing, source })
    }
}
