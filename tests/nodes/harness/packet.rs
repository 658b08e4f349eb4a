//! A Socket.IO packet as it stands on the wire.

use bytes::Bytes;
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    /// The protocol's digit: 0 CONNECT, 1 DISCONNECT, 2 EVENT, 3 ACK, 4 CONNECT_ERROR, 5 and 6 with attachments.
    pub kind: char,
    pub namespace: String,
    pub id: Option<u64>,
    /// The payload, byte for byte.
    pub json: String,
    pub attachments: Vec<Bytes>,
    /// How many attachments it announces.
    pub announced: usize,
}

impl Packet {
    pub fn parse(text: &str) -> Self {
        let mut packet = Self {
            kind: text.chars().next().expect("a packet has a digit"),
            namespace: "/".to_owned(),
            ..Self::default()
        };
        let mut rest = &text[1..];
        if matches!(packet.kind, '5' | '6') {
            let (count, after) = rest.split_once('-').expect("a number of attachments");
            packet.announced = count.parse().expect("a number of attachments");
            rest = after;
        }
        if rest.starts_with('/') {
            let (namespace, after) = rest.split_once(',').unwrap_or((rest, ""));
            packet.namespace = namespace.to_owned();
            rest = after;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        packet.id = rest[..digits].parse().ok();
        packet.json = rest[digits..].to_owned();
        packet
    }

    pub fn is_complete(&self) -> bool {
        self.attachments.len() == self.announced
    }

    pub fn value(&self) -> Value {
        if self.json.is_empty() { Value::Null } else { serde_json::from_str(&self.json).expect("JSON") }
    }

    /// The name and the arguments of an event.
    #[track_caller]
    pub fn event(&self) -> (String, Value) {
        assert!(matches!(self.kind, '2' | '5'), "an event, not {self:?}");
        let mut all: Vec<Value> = serde_json::from_str(&self.json).expect("an array");
        let name = all.remove(0).as_str().expect("an event has a name").to_owned();
        (name, Value::Array(all))
    }
}
