//! With what status the process ends, and what each tells whoever started it.

use std::process::ExitCode;

/// How a run of `natter` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what was asked; a node was told to stop and stopped.
    Done,
    /// 1: it could not run or go on: the port is taken, a file cannot be written. Trying again may help.
    Failed,
    /// 69 (`EX_UNAVAILABLE` of sysexits.h): another node of the cluster has this one's name. Trying again helps when that
    /// one is gone.
    NameTaken,
    /// 78 (`EX_CONFIG` of sysexits.h): a flag, a variable or the file is wrong. Trying again does not help.
    Refused,
    /// 128 + the signal's number: a second signal came before the goodbye was finished.
    Cut(u8),
}

impl Exit {
    /// The number.
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::NameTaken => 69,
            Self::Refused => 78,
            Self::Cut(signal) => 128 + signal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.status().into()
    }
}
