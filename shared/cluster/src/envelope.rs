//! What a message travels in between nodes, and what a program may publish without being a node.
//!
//! **Between nodes**: a MessagePack map with the entries
//!
//! | key | value |
//! |---|---|
//! | `v` | 1; a receiver drops and counts anything newer |
//! | `cluster` | the cluster's name; others are dropped and counted |
//! | `node` | the sender's name |
//! | `epoch` | which start of the sender it is |
//! | `seq` | counts the sender's messages; one that is published under several subjects has one number |
//! | `nth` | counts the sender's messages under this subject, so that a gap is seen |
//! | `message` | the [`Message`] |
//!
//! **From any program**: an event as a JSON object, published once, under a room's or a namespace's subject or into a
//! node's inbox, see [`Event`]. The first byte tells them apart: `{` begins no MessagePack map.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    identity::{Epoch, NodeTag},
    message::{Message, Question},
};

/// The version of the envelope.
pub const VERSION: u64 = 1;

/// Nesting of MessagePack: nodes need less than ten.
const DEPTH: usize = 32;

/// The sender's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which start of the sender it is.
    pub epoch: Epoch,
    /// Counts its messages.
    pub seq: u64,
    /// Counts its messages under the subject.
    pub nth: u64,
}

/// A message that has come.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The sender's name.
    pub node: &'a str,
    /// Its tag.
    pub tag: NodeTag,
    /// Its counts.
    pub stamp: Stamp,
    /// What it says.
    pub message: Message<'a>,
}

/// An event that a program publishes, as JSON.
///
/// ```json
/// {"v": 1, "namespace": "/", "rooms": ["news"], "event": "tick", "data": [{"price": 1}]}
/// ```
///
/// Each node looks at it for itself. One that it cannot read, or whose name is reserved or too long, it drops and
/// counts as malformed. Attachments cannot be sent like this.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// 1.
    pub v: u64,
    /// The namespace; `/` if it is left out.
    #[serde(default = "main_namespace")]
    pub namespace: String,
    /// The rooms that are meant; none means all of the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<String>,
    /// Rooms whose sockets are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Whether clients that are behind may miss it.
    #[serde(default)]
    pub volatile: bool,
    /// The event's name.
    pub event: String,
    /// Its arguments: a JSON array, handed on byte for byte.
    #[serde(default = "no_arguments")]
    pub data: Box<RawValue>,
}

impl Event {
    /// An event for everybody in the namespace `/`. `data` is a JSON array of its arguments.
    ///
    /// # Errors
    /// When `data` is no JSON.
    pub fn new(event: impl Into<String>, data: impl Into<String>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            v: VERSION,
            namespace: main_namespace(),
            rooms: Vec::new(),
            except: Vec::new(),
            volatile: false,
            event: event.into(),
            data: RawValue::from_string(data.into())?,
        })
    }
}

fn main_namespace() -> String {
    "/".to_owned()
}

fn no_arguments() -> Box<RawValue> {
    RawValue::from_string("[]".to_owned()).expect("invariant: it is JSON")
}

/// Why something that came is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is neither form.
    Malformed,
    /// It is of a newer version.
    Newer,
    /// It is of another cluster.
    Foreign,
}

/// Either form.
pub enum Received<'a> {
    /// From a node.
    Node(Envelope<'a>),
    /// From a program.
    Program(Event),
}

/// The version alone, of whatever else it may have.
#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

#[derive(Deserialize)]
struct Wire<'a> {
    v: u64,
    cluster: &'a str,
    node: &'a str,
    epoch: Epoch,
    seq: u64,
    nth: u64,
    #[serde(borrow)]
    message: Message<'a>,
}

/// Reads what has come under a subject of `cluster`.
///
/// # Errors
/// When it is to be dropped.
pub fn read<'a>(payload: &'a Bytes, cluster: &str) -> Result<Received<'a>, Unreadable> {
    if payload.first() == Some(&b'{') {
        let newer = |error| match serde_json::from_slice::<Versioned>(payload) {
            Ok(Versioned { v }) if v > VERSION => Unreadable::Newer,
            _ => malformed(error),
        };
        let event: Event = serde_json::from_slice(payload).map_err(newer)?;
        return match event.v {
            VERSION => Ok(Received::Program(event)),
            v if v > VERSION => Err(Unreadable::Newer),
            _ => Err(Unreadable::Malformed),
        };
    }
    let wire: Wire = match decode(payload) {
        Ok(wire) => wire,
        Err(error) => {
            return Err(match decode::<Versioned>(payload) {
                Ok(Versioned { v }) if v > VERSION => Unreadable::Newer,
                _ => malformed(error),
            });
        }
    };
    if wire.v != VERSION {
        return Err(if wire.v > VERSION { Unreadable::Newer } else { Unreadable::Malformed });
    }
    if wire.cluster != cluster {
        return Err(Unreadable::Foreign);
    }
    let Wire { node, epoch, seq, nth, message, .. } = wire;
    Ok(Received::Node(Envelope { node, tag: NodeTag::of(node), stamp: Stamp { epoch, seq, nth }, message }))
}

/// Reads MessagePack that has come over the bus.
///
/// # Errors
/// When it is none, has another form, or is nested deeper than anything that nodes say: what is skipped is read by
/// recursion, and a stack has an end.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH);
    T::deserialize(&mut deserializer)
}

fn malformed(error: impl std::fmt::Display) -> Unreadable {
    tracing::debug!(%error, "an unreadable message came over the bus");
    Unreadable::Malformed
}

/// A message encoded by whoever sends it. The link adds the envelope when its turn has come.
pub fn encode(message: &Message<'_>) -> Bytes {
    rmp_serde::to_vec_named(message)
        .expect("invariant: texts, bytes and numbers have a MessagePack form")
        .into()
}

/// A [`Message::Ask`] around a question that whoever asks has encoded; only the link knows its number.
pub(crate) fn ask(id: u64, timeout: Duration, question: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(question.len() + 48);
    message.push(0x81);
    text(&mut message, "ask");
    message.push(0x83);
    text(&mut message, "id");
    number(&mut message, id);
    text(&mut message, "timeout_ms");
    number(&mut message, u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    text(&mut message, "question");
    message.extend_from_slice(question);
    message
}

/// A question encoded by whoever asks it.
pub fn encode_question(question: &Question<'_>) -> Bytes {
    rmp_serde::to_vec_named(question)
        .expect("invariant: texts, bytes and numbers have a MessagePack form")
        .into()
}

/// Bytes of a stamp with the names of its parts, three numbers of nine bytes at most, and of the message's name.
const STAMP: usize = 56;

/// The node's own side of all its envelopes.
pub struct Letterhead {
    /// Everything before the epoch.
    start: Vec<u8>,
}

impl Letterhead {
    /// That of a node.
    pub fn of(cluster: &str, node: &str) -> Self {
        let mut start = vec![0x87];
        text(&mut start, "v");
        number(&mut start, VERSION);
        text(&mut start, "cluster");
        text(&mut start, cluster);
        text(&mut start, "node");
        text(&mut start, node);
        Self { start }
    }

    /// Bytes that an envelope has at most besides its message.
    pub fn overhead(&self) -> usize {
        self.start.len() + STAMP
    }

    /// Puts an encoded message into its envelope.
    pub fn seal(&self, stamp: Stamp, message: &[u8]) -> Bytes {
        let mut payload = BytesMut::with_capacity(self.overhead() + message.len());
        payload.put_slice(&self.start);
        let mut rest = (&mut payload).writer();
        text(&mut rest, "epoch");
        rmp_serde::encode::write(&mut rest, &stamp.epoch).expect("invariant: a buffer takes everything");
        text(&mut rest, "seq");
        number(&mut rest, stamp.seq);
        text(&mut rest, "nth");
        number(&mut rest, stamp.nth);
        text(&mut rest, "message");
        payload.put_slice(message);
        payload.freeze()
    }
}

fn text(to: &mut impl std::io::Write, text: &str) {
    rmp_serde::encode::write(to, text).expect("invariant: a buffer takes everything");
}

fn number(to: &mut impl std::io::Write, number: u64) {
    rmp_serde::encode::write(to, &number).expect("invariant: a buffer takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Broadcast, Pipe, Question, Relay, Target};

    fn stamp() -> Stamp {
        Stamp { epoch: Epoch::now(), seq: 70_000, nth: 3 }
    }

    fn sealed(message: &Message<'_>) -> Bytes {
        Letterhead::of("natter", "node-1").seal(stamp(), &encode(message))
    }

    fn target() -> Target<'static> {
        Target { namespace: "/", rooms: vec!["a", "b"], except: vec!["c"] }
    }

    #[test]
    fn every_message_comes_out_as_it_went_in() {
        let broadcast = || Broadcast { target: target(), volatile: true, packet: &[0x81, 2, b'4', b'2'] };
        let ask = |question| Message::Ask { id: 1, timeout_ms: 2, question };
        for message in [
            Message::Claim,
            Message::Heartbeat { hello: true },
            Message::Goodbye,
            Message::Broadcast(broadcast()),
            ask(Question::Count(target())),
            ask(Question::Fetch(target())),
            ask(Question::Join { target: target(), rooms: vec!["d"] }),
            ask(Question::Leave { target: target(), rooms: vec![] }),
            ask(Question::Disconnect { target: target(), close: true }),
            ask(Question::Acks(broadcast())),
            ask(Question::ServerSideEmit { namespace: "/", event: "e", arguments: "[1]", wants_ack: false }),
            ask(Question::Relay(Relay::Poll { sid: "s" })),
            ask(Question::Relay(Relay::PollAborted { sid: "s" })),
            ask(Question::Relay(Relay::Post { sid: "s", at: 0, last: true, body: &[0, 255] })),
            ask(Question::Relay(Relay::Upgrade { sid: "s", pipe: 9 })),
            Message::Answer { id: 1, part: 0, last: true, failed: false, body: &[1, 2] },
            Message::Pipe { pipe: 1, by_owner: true, what: Pipe::Bytes { at: 7, bytes: &[3] } },
            Message::Pipe { pipe: 1, by_owner: false, what: Pipe::Taken(3) },
            Message::Pipe { pipe: 1, by_owner: false, what: Pipe::End },
        ] {
            let payload = sealed(&message);
            let Ok(Received::Node(envelope)) = read(&payload, "natter") else { panic!("{message:?}") };
            assert_eq!(envelope.message, message);
            assert_eq!((envelope.node, envelope.tag), ("node-1", NodeTag::of("node-1")));
            assert_eq!(envelope.stamp.seq, 70_000);
        }
    }

    #[test]
    fn a_question_is_put_into_its_message_as_it_is() {
        let question = Question::Count(target());
        let by_hand = ask(300, Duration::from_secs(5), &encode_question(&question));
        assert_eq!(by_hand, encode(&Message::Ask { id: 300, timeout_ms: 5_000, question }));
    }

    #[test]
    fn what_can_not_be_read_is_refused_with_the_reason() {
        let payload = sealed(&Message::Goodbye);
        assert_eq!(read(&payload, "other").err(), Some(Unreadable::Foreign));
        for cut in 0..payload.len() {
            assert_eq!(read(&payload.slice(..cut), "natter").err(), Some(Unreadable::Malformed), "{cut}");
        }
        let newer = rmp_serde::to_vec_named(&std::collections::BTreeMap::from([("v", 2), ("x", 3)])).unwrap();
        assert_eq!(read(&newer.into(), "natter").err(), Some(Unreadable::Newer));
    }

    /// Skipping what has no meaning here is done by recursion.
    #[test]
    fn nesting_without_end_is_malformed_and_costs_no_stack() {
        let payload = sealed(&Message::Goodbye);
        let head = payload.len() - encode(&Message::Goodbye).len();
        for level in [&[0x91][..], &[0x81], &[0x81, 0xa1, b'x'], &[0xdd, 0, 0, 0, 1]] {
            let deep = [&payload[..head], &level.repeat(200_000)].concat();
            assert_eq!(read(&deep.into(), "natter").err(), Some(Unreadable::Malformed), "{level:?}");
        }
    }

    #[test]
    fn a_program_publishes_json_and_its_data_stays_as_it_is() {
        let json = r#"{"v":1,"rooms":["news"],"event":"tick","data":[1e400, "\ud800"]}"#;
        let payload = Bytes::from(json);
        let Ok(Received::Program(event)) = read(&payload, "natter") else { panic!() };
        assert_eq!((&*event.namespace, &*event.event), ("/", "tick"));
        assert_eq!(event.rooms, ["news"]);
        assert_eq!(event.data.get(), r#"[1e400, "\ud800"]"#);
    }

    #[test]
    fn a_program_that_makes_a_mistake_is_refused() {
        for (json, why) in [
            ("{}", Unreadable::Malformed),
            (r#"{"v":0,"event":"e"}"#, Unreadable::Malformed),
            (r#"{"v":2,"event":"e","later":true}"#, Unreadable::Newer),
            (r#"{"v":1,"event":"e","room":"typo"}"#, Unreadable::Malformed),
            (r#"{"v":1,"event":7}"#, Unreadable::Malformed),
        ] {
            assert_eq!(read(&Bytes::from(json), "natter").err(), Some(why), "{json}");
        }
    }
}
