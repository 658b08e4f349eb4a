//! Engine.IO 4 packets and the payloads of the polling transport (protocol: "Protocol" and "Packet encoding").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use serde::Serialize;

use crate::code::Opcode;
use crate::error::EngineError;
use crate::frame::Frames;

/// What stands between two packets of a payload.
const SEPARATOR: u8 = 0x1e;

/// One packet of the low level protocol. What stands behind the type of a packet that has no use for it is ignored,
/// as the reference does.
///
/// Engine.IO protocol: Protocol, for the types; Packet encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnginePacket {
    /// `0`, the server's greeting ("Handshake").
    Open(ByteString),
    /// `1`, the transport may be closed.
    Close,
    /// `2`, the server's heartbeat; with `probe` when a client tests a WebSocket it wants to move to ("Heartbeat",
    /// "Upgrade").
    Ping(ByteString),
    /// `3`, the answer to a ping.
    Pong(ByteString),
    /// `4`, a packet of the protocol above ("Message").
    Message(ByteString),
    /// An attachment: a binary WebSocket frame, or `b` and base64 in a payload.
    Binary(Bytes),
    /// `5`, the client has moved to the WebSocket ("Upgrade").
    Upgrade,
    /// `6`, nothing, to end a poll ("Upgrade").
    Noop,
}

impl EnginePacket {
    /// Reads the packet in one WebSocket text frame, or between two separators of a polling body. (A binary frame is a
    /// [`Binary`](Self::Binary) as it is; clients that are told to do without send the base64 form on a WebSocket too.)
    /// It may be of any length: the transport has limited it. What it yields shares its memory, but for base64.
    ///
    /// Engine.IO protocol: Packet encoding.
    ///
    /// # Errors
    /// No bytes, an unknown packet type, base64 in another alphabet or without its padding.
    pub fn from_text(text: ByteString) -> Result<Self, EngineError> {
        let kind = *text.as_bytes().first().ok_or(EngineError::Empty)?;
        Ok(match kind {
            b'0' => Self::Open(tail(&text)),
            b'1' => Self::Close,
            b'2' => Self::Ping(tail(&text)),
            b'3' => Self::Pong(tail(&text)),
            b'4' => Self::Message(tail(&text)),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            b'b' => Self::Binary(STANDARD.decode(&text[1..]).map_err(|_| EngineError::Base64)?.into()),
            _ => return Err(EngineError::UnknownType),
        })
    }
}

/// Everything behind the packet type, sharing its memory. The type must be one byte.
fn tail(text: &ByteString) -> ByteString {
    match text.len() {
        1 => ByteString::new(),
        _ => text.slice_ref(&text[1..]),
    }
}

/// Reads the body of a polling POST. The packets share its memory, but for the binary ones, whose base64 is decoded. It
/// may be of any length: the transport has limited it.
///
/// Engine.IO protocol: Packet encoding, "HTTP long-polling".
///
/// # Errors
/// A body or a packet of no bytes, text that is not UTF-8, an unknown packet type, base64 in another alphabet or
/// without its padding; and more than `max_packets` packets, which is found before any is read.
pub fn decode_payload(body: Bytes, max_packets: usize) -> Result<Vec<EnginePacket>, EngineError> {
    if body.is_empty() {
        return Err(EngineError::Empty);
    }
    let separators = body.iter().filter(|&&byte| byte == SEPARATOR).take(max_packets).count();
    if separators >= max_packets {
        return Err(EngineError::TooManyPackets(max_packets));
    }
    let body = ByteString::try_from(body).map_err(|_| EngineError::Utf8)?;
    let mut packets = Vec::with_capacity(separators + 1);
    for text in body.split(char::from(SEPARATOR)) {
        packets.push(EnginePacket::from_text(body.slice_ref(text))?);
    }
    Ok(packets)
}

/// Writes the answer to a polling GET from the payloads of WebSocket frames (see [`split_frame`](crate::split_frame)):
/// text as it is, binary as `b` and base64. Control frames have no meaning on this transport and are left out.
///
/// Engine.IO protocol: Packet encoding, "HTTP long-polling".
pub fn encode_payload(frames: impl Iterator<Item = (Opcode, Bytes)>) -> Bytes {
    let mut body = BytesMut::new();
    let mut first = true;
    for (opcode, payload) in frames {
        if opcode != Opcode::Text && opcode != Opcode::Binary {
            continue;
        }
        if !std::mem::take(&mut first) {
            body.extend_from_slice(&[SEPARATOR]);
        }
        if opcode == Opcode::Text {
            body.extend_from_slice(&payload);
        } else {
            body.extend_from_slice(b"b");
            let start = body.len();
            body.resize(start + payload.len().div_ceil(3) * 4, 0);
            STANDARD
                .encode_slice(&payload, &mut body[start..])
                .expect("invariant: base64 with padding takes four bytes for every three");
        }
    }
    body.freeze()
}

/// The server's greeting, written as JSON with its fields in this order. Engine.IO protocol: Handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Open<'a> {
    /// The id of the session, a secret of its client.
    pub sid: &'a str,
    /// The transports the client may move to: `websocket` or none.
    pub upgrades: &'a [&'a str],
    /// Milliseconds between a pong and the next ping of the server.
    pub ping_interval: u64,
    /// Milliseconds within which a ping must be answered.
    pub ping_timeout: u64,
    /// The most bytes the client may put into one payload. It keeps to that on HTTP long-polling only.
    pub max_payload: usize,
}

/// The open packet: `0` and the greeting. Engine.IO protocol: Handshake.
pub fn open(greeting: &Open<'_>) -> Frames {
    let json = serde_json::to_vec(greeting).expect("invariant: strings and numbers always have a JSON form");
    Frames::text_with(json.len() + 1, |buffer| {
        buffer.extend_from_slice(b"0");
        buffer.extend_from_slice(&json);
    })
}

/// The packet that tells the client to close: `1`. Engine.IO protocol: Protocol.
pub fn close() -> Frames {
    Frames::from_static(b"\x81\x011")
}

/// The heartbeat: `2`. Engine.IO protocol: Heartbeat.
pub fn ping() -> Frames {
    Frames::from_static(b"\x81\x012")
}

/// The answer to a client that tests a WebSocket before it moves there: `3probe`. Engine.IO protocol: Upgrade.
pub fn pong_probe() -> Frames {
    Frames::from_static(b"\x81\x063probe")
}

/// The packet that ends a poll without a message: `6`. Engine.IO protocol: Upgrade.
pub fn noop() -> Frames {
    Frames::from_static(b"\x81\x016")
}
