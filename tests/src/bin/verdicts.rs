//! What `natter-protocol` makes of packets, for `tests/clients/parsers.test.js` to hold against what the reference does.
//!
//! A case is a line of JSON on standard input: the messages of one client, a list in which binary ones are lists of their
//! bytes, or the body of a polling POST, a string. A line of JSON with the verdict goes to standard output.

use std::io::{BufRead as _, Write as _};

use bytes::Bytes;
use natter_protocol::{
    Args, Body, DecodeError, EnginePacket, Packet, PacketDecoder, PacketLimits, decode_payload,
};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let verdict = match serde_json::from_str(&line?)? {
            Value::Array(messages) => of_messages(&messages),
            Value::String(body) => of_payload(body),
            other => return Err(std::io::Error::other(format!("no case: {other}"))),
        };
        writeln!(output, "{verdict}")?;
    }
    output.flush()
}

/// The packets up to the first message that is refused; why it is, and which.
fn of_messages(messages: &[Value]) -> Value {
    let mut decoder = PacketDecoder::new(PacketLimits::default());
    let mut packets = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        match take(&mut decoder, message) {
            Ok(packet) => packets.extend(packet.map(shown)),
            Err(error) => return json!({ "packets": packets, "refused": format!("{error:?}"), "at": at }),
        }
    }
    json!({ "packets": packets, "waiting": decoder.is_waiting() })
}

fn take(decoder: &mut PacketDecoder, message: &Value) -> Result<Option<Packet>, DecodeError> {
    match message {
        Value::String(text) => decoder.text(text.as_str().into()),
        bytes => {
            decoder.binary(Bytes::from(serde_json::from_value::<Vec<u8>>(bytes.clone()).expect("bytes")))
        }
    }
}

/// With the numbers of the protocol. Arguments are the text that they came as.
fn shown(Packet { namespace, body }: Packet) -> Value {
    let with = |args: &Args| (args.json().to_owned(), args.attachments().to_vec());
    let (kind, id, name, (args, attachments)) = match &body {
        Body::Connect(auth) => (0, None, None, (auth.as_deref().unwrap_or_default().to_owned(), Vec::new())),
        Body::Disconnect => (1, None, None, Default::default()),
        Body::Event { id, name, args } => (2, *id, Some(&**name), with(args)),
        Body::Ack { id, args } => (3, Some(*id).filter(|id| *id != Body::NO_ACK_ID), None, with(args)),
        Body::ConnectError(_) => unreachable!("invariant: only servers send it"),
    };
    let attachments: Vec<&[u8]> = attachments.iter().map(|bytes| &**bytes).collect();
    json!({
        "type": kind, "nsp": &*namespace, "id": id, "name": name, "args": args, "attachments": attachments,
    })
}

fn of_payload(body: String) -> Value {
    let packets = match decode_payload(body.into(), 1_000) {
        Ok(packets) => packets,
        Err(error) => return json!({ "refused": format!("{error:?}") }),
    };
    let shown = |packet: &EnginePacket| match packet {
        EnginePacket::Open(data) => json!({ "type": "open", "data": &**data }),
        EnginePacket::Close => json!({ "type": "close" }),
        EnginePacket::Ping(data) => json!({ "type": "ping", "data": &**data }),
        EnginePacket::Pong(data) => json!({ "type": "pong", "data": &**data }),
        EnginePacket::Message(data) => json!({ "type": "message", "data": &**data }),
        EnginePacket::Binary(bytes) => json!({ "type": "message", "data": &**bytes }),
        EnginePacket::Upgrade => json!({ "type": "upgrade" }),
        EnginePacket::Noop => json!({ "type": "noop" }),
    };
    json!({ "packets": packets.iter().map(shown).collect::<Vec<_>>() })
}
