//! What the link says to the other nodes.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use bytes::Bytes;

use super::Link;
use crate::{
    bus::PublishError,
    counters::bump,
    envelope::{self, Stamp},
    handle::Asked,
    identity::NodeTag,
    message::Message,
};

/// Bytes of one part of an answer.
const PART_BYTES: usize = 256 * 1024;

impl Link {
    /// Puts a message into an envelope and publishes it under each subject; whether it is on its way under all.
    pub(super) fn publish(&mut self, subjects: &[Arc<str>], message: &[u8]) -> bool {
        let seq = self.outgoing.next();
        let mut whole = true;
        for subject in subjects {
            let nth = self.outgoing.nth(subject);
            let payload = self.letterhead.seal(Stamp { epoch: self.claim.epoch(), seq, nth }, message);
            let published = match &self.bus {
                Some(bus) => bus.publish(subject, payload),
                None => Err(PublishError::Away),
            };
            let counters = &self.shared.counters;
            match published {
                Ok(()) => bump(&counters.published),
                Err(error) => {
                    self.outgoing.withdraw(subject);
                    whole = false;
                    bump(match error {
                        PublishError::Away => &counters.dropped_away,
                        PublishError::Full => &counters.dropped_full,
                        PublishError::TooLarge { .. } | PublishError::LongSubject { .. } => {
                            &counters.dropped_too_large
                        }
                    });
                }
            }
        }
        whole
    }

    pub(super) fn say(&mut self, subject: Arc<str>, message: &Message<'_>) -> bool {
        self.publish(&[subject], &envelope::encode(message))
    }

    /// Says that this node lives; with `hello`, it wants to know who else does. Before its name is settled it claims it.
    pub(super) fn heartbeat(&mut self, hello: bool) {
        self.last_heartbeat = Instant::now();
        if self.up {
            let message = if self.claim.is_settled() { Message::Heartbeat { hello } } else { Message::Claim };
            self.say(self.shared.subjects.nodes(), &message);
        }
    }

    pub(super) fn ask(&mut self, asked: Asked) {
        let Asked { nodes, timeout, late, question, reply } = asked;
        let nodes = nodes.unwrap_or_else(|| self.membership.list().iter().map(|member| member.tag).collect());
        let deadline = Instant::now() + timeout + late;
        let Some(id) = self.requests.begin(nodes.clone(), deadline, reply) else {
            // Too much is being asked; or nobody is, and then this adds nothing.
            self.shared.counters.dropped_full.fetch_add(nodes.len() as u64, Relaxed);
            return;
        };
        let message = envelope::ask(id, timeout, &question);
        for node in nodes {
            let reachable = self.up && self.claim.is_settled() && self.membership.has(node);
            if !reachable || !self.publish(&[self.shared.subjects.node(node)], &message) {
                self.requests.fails(id, node);
            }
        }
    }

    /// Sends an answer in as many parts as it takes.
    pub(super) fn answer(&mut self, to: NodeTag, id: u64, body: Option<Bytes>) {
        let failed = body.is_none();
        let body = body.unwrap_or_default();
        let subject = self.shared.subjects.node(to);
        let parts = body.len().div_ceil(PART_BYTES).max(1);
        for number in 0..parts {
            let from = number * PART_BYTES;
            let body = &body[from..body.len().min(from + PART_BYTES)];
            let (part, last) = (u32::try_from(number).unwrap_or(u32::MAX), number + 1 == parts);
            self.say(subject.clone(), &Message::Answer { id, part, last, failed, body });
        }
    }
}
