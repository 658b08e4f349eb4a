//! What handlers saw, in order, for the test to read.

use std::{
    collections::VecDeque,
    fmt::Display,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::soon;

/// Handlers note, the test expects. Clones are the same journal.
#[derive(Clone, Default)]
pub struct Journal {
    lines: Arc<Mutex<VecDeque<String>>>,
    noted: Arc<Notify>,
}

impl Journal {
    pub fn note(&self, line: impl Display) {
        self.lines.lock().unwrap().push_back(line.to_string());
        self.noted.notify_one();
    }

    /// The next line.
    pub async fn next(&self) -> String {
        soon("a line in the journal", async {
            loop {
                if let Some(line) = self.lines.lock().unwrap().pop_front() {
                    return line;
                }
                self.noted.notified().await;
            }
        })
        .await
    }

    /// The next line must be this one.
    pub async fn expect(&self, line: &str) {
        assert_eq!(self.next().await, line);
    }

    /// What is left, taken out.
    pub fn rest(&self) -> Vec<String> {
        self.lines.lock().unwrap().drain(..).collect()
    }
}
