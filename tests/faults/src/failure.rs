//! Why a run came to no result.

use std::io;

/// What stopped a run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The operating system refused something.
    #[error("{doing}: {error}")]
    System { doing: String, error: io::Error },
    /// Something that had to come did not come in its time.
    #[error("{what} did not happen within {seconds} s")]
    Late { what: String, seconds: u64 },
    /// A process said something else, or ended when it should not have.
    #[error("{0}")]
    Process(String),
    /// The fault cannot be made on this machine.
    #[error("{0}")]
    NotHere(String),
}

/// Says what was being done when the system refused it.
pub trait Doing<T> {
    fn doing(self, doing: impl Into<String>) -> Result<T, Failure>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::System { doing: doing.into(), error })
    }
}
