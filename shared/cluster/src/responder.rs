//! `Responder`: the way back for an answer.

use bytes::Bytes;

use crate::{
    handle::{Command, LinkHandle},
    identity::NodeTag,
};

/// Takes the answer to one question. Dropped without one, it says that there will be none.
pub struct Responder {
    pub(crate) link: LinkHandle,
    pub(crate) to: NodeTag,
    pub(crate) id: u64,
    pub(crate) answered: bool,
    pub(crate) timeout: std::time::Duration,
}

impl Responder {
    /// Who asks.
    pub fn asker(&self) -> NodeTag {
        self.to
    }

    /// How long the asker waits, from when it asked.
    pub fn timeout(&self) -> std::time::Duration {
        self.timeout
    }

    /// Answers.
    pub fn answer(mut self, body: Bytes) {
        self.answered = true;
        self.link.0.send(Command::Answer { to: self.to, id: self.id, body: Some(body) });
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            self.link.0.send(Command::Answer { to: self.to, id: self.id, body: None });
        }
    }
}
