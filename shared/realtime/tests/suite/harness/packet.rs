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
    /// How many attachments are still to come.
    pub missing: usize,
}

impl Packet {
    pub fn parse(text: &str) -> Self {
        let mut packet = Self { kind: text.chars().next().unwrap(), ..Self::default() };
        let mut rest = &text[1..];
        if matches!(packet.kind, '5' | '6') {
            let (count, after) = rest.split_once('-').unwrap();
            packet.missing = count.parse().unwrap();
            rest = after;
        }
        packet.namespace = "/".to_owned();
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

    pub fn value(&self) -> Value {
        if self.json.is_empty() { Value::Null } else { serde_json::from_str(&self.json).unwrap() }
    }

    /// The name and the arguments of an event.
    pub fn event(&self) -> (String, Value) {
        assert!(matches!(self.kind, '2' | '5'), "an event, not {self:?}");
        let mut all: Vec<Value> = serde_json::from_str(&self.json).unwrap();
        let name = all.remove(0).as_str().unwrap().to_owned();
        (name, Value::Array(all))
    }
}
