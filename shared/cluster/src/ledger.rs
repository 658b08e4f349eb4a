//! Counts what goes out and what comes in under each subject, so that a gap is seen. Pure.

use std::{collections::HashMap, sync::Arc};

use crate::identity::NodeTag;

/// Subjects whose messages are counted. Past them the counts begin anew, which hides a gap but reports none falsely.
const MOST: usize = 65_536;

/// What this node has published.
#[derive(Default)]
pub(crate) struct Outgoing {
    seq: u64,
    under: HashMap<Arc<str>, u64>,
}

impl Outgoing {
    /// The number of the next message.
    pub fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Its number under a subject.
    pub fn nth(&mut self, subject: &Arc<str>) -> u64 {
        if self.under.len() >= MOST && !self.under.contains_key(subject) {
            self.under.clear();
        }
        let nth = self.under.entry(subject.clone()).or_default();
        *nth += 1;
        *nth
    }

    /// The message with that number was not published under the subject after all.
    pub fn withdraw(&mut self, subject: &str) {
        if let Some(nth) = self.under.get_mut(subject) {
            *nth -= 1;
        }
    }
}

/// What has come from others, under the subjects this node has subscribed to.
#[derive(Default)]
pub(crate) struct Incoming {
    under: HashMap<Arc<str>, HashMap<NodeTag, u64>>,
}

impl Incoming {
    /// Takes the number of a message, and returns how many before it have not come.
    pub fn came(&mut self, subject: &Arc<str>, sender: NodeTag, nth: u64) -> u64 {
        let last = self.under.entry(subject.clone()).or_default().insert(sender, nth);
        match last {
            Some(last) if nth > last => nth - last - 1,
            // The first one, or the sender has begun to count anew.
            _ => 0,
        }
    }

    /// What is missed from here on is not wanted.
    pub fn unsubscribed(&mut self, subject: &str) {
        self.under.remove(subject);
    }

    /// A sender is gone; a later start of it counts anew.
    pub fn left(&mut self, sender: NodeTag) {
        for senders in self.under.values_mut() {
            senders.remove(&sender);
        }
    }

    pub fn clear(&mut self) {
        self.under.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_as_long_as_what_is_missing() {
        let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
        let (news, chat): (Arc<str>, Arc<str>) = ("news".into(), "chat".into());
        let ann = NodeTag::of("ann");
        let mut lost = 0;
        for round in 0..10 {
            let (news_nth, chat_nth) = (outgoing.nth(&news), outgoing.nth(&chat));
            if round != 3 && round != 4 {
                lost += incoming.came(&news, ann, news_nth);
            }
            lost += incoming.came(&chat, ann, chat_nth);
        }
        assert_eq!(lost, 2);
        outgoing.nth(&news);
        outgoing.withdraw("news");
        assert_eq!(incoming.came(&news, ann, outgoing.nth(&news)), 0);
    }

    #[test]
    fn beginning_to_listen_or_to_count_is_no_gap() {
        let mut incoming = Incoming::default();
        let (news, ann) = (Arc::from("news"), NodeTag::of("ann"));
        assert_eq!(incoming.came(&news, ann, 100), 0);
        assert_eq!(incoming.came(&news, ann, 1), 0);
        incoming.unsubscribed("news");
        assert_eq!(incoming.came(&news, ann, 50), 0);
        incoming.left(ann);
        assert_eq!(incoming.came(&news, ann, 80), 0);
    }
}
