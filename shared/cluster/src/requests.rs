//! The questions this node has under way. Pure: who answers, who is missing, when it is over.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use crate::identity::NodeTag;

/// Questions that may be under way at the same time. A poll that waits on another node than its session's is one.
const MOST: usize = 100_000;

/// Bytes that one node's answer may have, all parts together.
const ANSWER_BYTES: usize = 64 << 20;

/// What came of a question.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The answers, by who gave them.
    pub answers: Vec<(NodeTag, Bytes)>,
    /// Who was asked and did not answer: gone, refused, or not in time.
    pub missing: Vec<NodeTag>,
}

#[derive(Default)]
pub(crate) struct Requests {
    next: u64,
    pending: HashMap<u64, Pending>,
    /// When each of them is over at the latest.
    deadlines: BTreeSet<(Instant, u64)>,
}

struct Pending {
    deadline: Instant,
    waiting: BTreeSet<NodeTag>,
    parts: BTreeMap<NodeTag, (u32, BytesMut)>,
    answers: Answers,
    reply: oneshot::Sender<Answers>,
}

impl Pending {
    fn fails(&mut self, tag: NodeTag) {
        if self.waiting.remove(&tag) {
            self.parts.remove(&tag);
            self.answers.missing.push(tag);
        }
    }

    /// Whoever asked may have stopped waiting; then nobody is told.
    fn end(mut self) {
        self.answers.missing.extend(self.waiting);
        drop(self.reply.send(self.answers));
    }
}

/// A part of an answer.
pub(crate) struct Part<'a> {
    pub number: u32,
    pub last: bool,
    pub failed: bool,
    pub body: &'a [u8],
}

impl Requests {
    /// Begins a question to some nodes; none, if there is nobody to ask or too much is being asked: then it is over.
    pub fn begin(
        &mut self,
        nodes: BTreeSet<NodeTag>,
        deadline: Instant,
        reply: oneshot::Sender<Answers>,
    ) -> Option<u64> {
        let answers = Answers::default();
        let pending = Pending { deadline, waiting: nodes, parts: BTreeMap::new(), answers, reply };
        if pending.waiting.is_empty() || self.pending.len() >= MOST {
            pending.end();
            return None;
        }
        self.next += 1;
        self.pending.insert(self.next, pending);
        self.deadlines.insert((deadline, self.next));
        Some(self.next)
    }

    /// Takes an answer, or a part of one; false if nobody waits for it.
    pub fn answered(&mut self, id: u64, tag: NodeTag, part: Part<'_>) -> bool {
        let Some(pending) = self.pending.get_mut(&id).filter(|pending| pending.waiting.contains(&tag)) else {
            return false;
        };
        let (next, whole) = pending.parts.entry(tag).or_default();
        if part.failed || part.number != *next || whole.len() + part.body.len() > ANSWER_BYTES {
            pending.fails(tag);
        } else {
            *next += 1;
            whole.extend_from_slice(part.body);
            if part.last {
                let (_, whole) = pending.parts.remove(&tag).expect("invariant: put in above");
                pending.waiting.remove(&tag);
                pending.answers.answers.push((tag, whole.freeze()));
            }
        }
        self.end_if_complete(id);
        true
    }

    /// A node could not be reached with the question.
    pub fn fails(&mut self, id: u64, tag: NodeTag) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.fails(tag);
        }
        self.end_if_complete(id);
    }

    /// A node is gone: nobody waits for it any longer.
    pub fn left(&mut self, tag: NodeTag) {
        let ids: Vec<_> = self.pending.keys().copied().collect();
        for id in ids {
            self.fails(id, tag);
        }
    }

    fn end_if_complete(&mut self, id: u64) {
        if self.pending.get(&id).is_some_and(|pending| pending.waiting.is_empty()) {
            self.end(id);
        }
    }

    fn end(&mut self, id: u64) {
        if let Some(pending) = self.pending.remove(&id) {
            self.deadlines.remove(&(pending.deadline, id));
            pending.end();
        }
    }

    /// Ends those whose time is up.
    pub fn expire(&mut self, now: Instant) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.end(id);
        }
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Ends all.
    pub fn clear(&mut self) {
        self.deadlines.clear();
        self.pending.drain().for_each(|(_, pending)| pending.end());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn part(number: u32, last: bool, body: &[u8]) -> Part<'_> {
        Part { number, last, failed: false, body }
    }

    fn asked(nodes: &[&str]) -> (Requests, u64, oneshot::Receiver<Answers>, Vec<NodeTag>) {
        let tags: Vec<_> = nodes.iter().map(|name| NodeTag::of(name)).collect();
        let (reply, answers) = oneshot::channel();
        let mut requests = Requests::default();
        let id = requests
            .begin(tags.iter().copied().collect(), Instant::now() + WAIT, reply)
            .expect("somebody is asked");
        (requests, id, answers, tags)
    }

    #[test]
    fn a_question_is_over_when_the_last_one_has_answered() {
        let (mut requests, id, mut answers, tags) = asked(&["a", "b"]);
        assert!(requests.answered(id, tags[0], part(0, false, b"on")));
        assert!(requests.answered(id, tags[0], part(1, true, b"e")));
        assert!(answers.try_recv().is_err());
        assert!(requests.answered(id, tags[1], part(0, true, b"two")));
        let came = answers.try_recv().expect("all have answered");
        assert_eq!(came.answers, [(tags[0], "one".into()), (tags[1], "two".into())]);
        assert!(came.missing.is_empty());
        assert_eq!(requests.len(), 0);
    }

    #[test]
    fn who_goes_shortens_the_wait_and_is_named() {
        let (mut requests, id, mut answers, tags) = asked(&["a", "b", "c"]);
        requests.answered(id, tags[0], part(0, true, b"one"));
        requests.answered(id, tags[1], part(0, false, b"half an ans"));
        requests.left(tags[1]);
        assert!(answers.try_recv().is_err());
        requests.answered(id, tags[2], Part { number: 0, last: true, failed: true, body: b"" });
        let came = answers.try_recv().expect("nobody is waited for");
        assert_eq!(came.answers, [(tags[0], "one".into())]);
        assert_eq!(came.missing, [tags[1], tags[2]]);
    }

    #[test]
    fn the_end_of_the_time_returns_what_came() {
        let (mut requests, id, mut answers, tags) = asked(&["a", "b"]);
        requests.answered(id, tags[1], part(0, true, b""));
        requests.expire(Instant::now());
        assert!(answers.try_recv().is_err());
        requests.expire(Instant::now() + WAIT);
        assert_eq!(answers.try_recv().expect("it is over").missing, [tags[0]]);
        assert!(!requests.answered(id, tags[0], part(0, true, b"late")));
    }

    #[test]
    fn answers_of_strangers_twice_or_out_of_order_are_not_taken() {
        let (mut requests, id, mut answers, tags) = asked(&["a", "b"]);
        assert!(!requests.answered(id, NodeTag::of("c"), part(0, true, b"")));
        assert!(!requests.answered(id + 1, tags[0], part(0, true, b"")));
        assert!(requests.answered(id, tags[0], part(0, true, b"")));
        assert!(!requests.answered(id, tags[0], part(0, true, b"")));
        assert!(requests.answered(id, tags[1], part(1, true, b"the first part is missing")));
        assert_eq!(answers.try_recv().expect("it is over").missing, [tags[1]]);
    }

    #[test]
    fn asking_nobody_is_over_at_once() {
        let (reply, mut answers) = oneshot::channel();
        assert_eq!(Requests::default().begin(BTreeSet::new(), Instant::now(), reply), None);
        assert_eq!(answers.try_recv().expect("it is over"), Answers::default());
    }
}
