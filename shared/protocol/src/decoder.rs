//! The packets of one client, from the messages of its transport (Socket.IO protocol: "Packet encoding").

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserializer as _;
use serde_json::value::RawValue;

use crate::args::Args;
use crate::error::DecodeError;
use crate::json::{self, JsonError};
use crate::packet::{Body, Packet};
use crate::placeholder::all_named;

/// The greatest ack id: up to 2^53 JavaScript counts without gaps.
const ACK_ID_MAX: u64 = 1 << 53;

/// Event names that mean something to Socket.IO itself (documentation: "Emit cheatsheet", reserved events).
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether an event name belongs to Socket.IO itself, so that neither side may send it: `connect`, `connect_error`,
/// `disconnect`, `disconnecting`, `newListener`, `removeListener`.
///
/// Socket.IO documentation: "Emit cheatsheet", reserved events.
pub fn is_reserved(event: &str) -> bool {
    RESERVED.contains(&event)
}

/// What one packet of a client may hold. Exactly as many are accepted; past a limit the packet is refused with the
/// [`DecodeError`] that names it. The limits are Natter's own, but for that of attachments, which the reference has
/// too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketLimits {
    /// The most attachments, 10.
    pub attachments: usize,
    /// The most bytes of text and attachments together, 1,000,000.
    pub bytes: usize,
    /// How deep one argument may be nested (`[[1]]` is two levels), 64; beyond 256 it has no effect. An auth payload is
    /// not held to it.
    pub depth: usize,
    /// The most arguments, the event name not counted, 128.
    pub args: usize,
    /// The most bytes of an event name, and of a namespace with its query string, 255.
    pub name: usize,
}

impl Default for PacketLimits {
    /// 10 attachments, 1,000,000 bytes, 64 levels, 128 arguments, names of 255 bytes.
    fn default() -> Self {
        Self { attachments: 10, bytes: 1_000_000, depth: 64, args: 128, name: 255 }
    }
}

/// Puts the packets of one client together. Between two packets it holds no heap memory of its own.
///
/// After an error the connection is to be closed; a packet that was incomplete is forgotten.
///
/// Socket.IO protocol: Packet encoding, "Format".
#[derive(Debug)]
pub struct PacketDecoder {
    limits: Arc<PacketLimits>,
    waiting: Option<Box<Waiting>>,
}

/// A packet whose attachments are missing.
#[derive(Debug)]
struct Waiting {
    packet: Packet,
    missing: usize,
    /// Text and attachments so far.
    bytes: usize,
    attachments: Vec<Bytes>,
}

impl PacketDecoder {
    /// A decoder for a new connection. The limits can be shared by all of them.
    pub fn new(limits: impl Into<Arc<PacketLimits>>) -> Self {
        Self { limits: limits.into(), waiting: None }
    }

    /// Whether attachments of a packet are missing: the caller limits how long that may last.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Reads the text of an Engine.IO message. `None` when its attachments are to follow.
    ///
    /// # Errors
    /// Whatever the protocol or the limits forbid; see [`DecodeError`].
    pub fn text(&mut self, text: ByteString) -> Result<Option<Packet>, DecodeError> {
        if self.waiting.take().is_some() {
            return Err(DecodeError::TextWhileWaiting);
        }
        let limits = &*self.limits;
        if text.len() > limits.bytes {
            return Err(DecodeError::TooBig(limits.bytes));
        }
        let kind = *text.as_bytes().first().ok_or(DecodeError::Empty)?;
        let rest = match kind {
            b'0'..=b'3' | b'5' | b'6' => &text[1..],
            b'4' => return Err(DecodeError::ConnectError),
            _ => return Err(DecodeError::UnknownType),
        };
        let (attachments, rest) = match kind {
            b'5' | b'6' => attachments(rest, limits)?,
            _ => (0, rest),
        };
        let (namespace, rest) = namespace(&text, rest, limits)?;
        let body = match kind {
            b'0' => connect(&text, rest)?,
            b'1' if rest.is_empty() => Body::Disconnect,
            b'1' => return Err(DecodeError::DisconnectData),
            b'2' | b'5' => event(&text, rest, limits, attachments)?,
            _ => ack(&text, rest, limits, attachments)?,
        };
        let packet = Packet { namespace, body };
        if attachments == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Box::new(Waiting {
            packet,
            missing: attachments,
            bytes: text.len(),
            // What is announced has not come yet.
            attachments: Vec::with_capacity(attachments.min(16)),
        }));
        Ok(None)
    }

    /// Takes the next attachment. `None` when more are to follow.
    ///
    /// # Errors
    /// No packet announced it, or it makes its packet too big.
    pub fn binary(&mut self, bytes: Bytes) -> Result<Option<Packet>, DecodeError> {
        let mut waiting = self.waiting.take().ok_or(DecodeError::UnexpectedBinary)?;
        waiting.bytes = waiting.bytes.saturating_add(bytes.len());
        if waiting.bytes > self.limits.bytes {
            return Err(DecodeError::TooBig(self.limits.bytes));
        }
        waiting.attachments.push(bytes);
        waiting.missing -= 1;
        if waiting.missing > 0 {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        let Waiting { mut packet, attachments, .. } = *waiting;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            args.attach(attachments);
        }
        Ok(Some(packet))
    }
}

/// The number of attachments and what follows its dash. A binary packet without any would never be complete.
fn attachments<'a>(text: &'a str, limits: &PacketLimits) -> Result<(usize, &'a str), DecodeError> {
    let (number, rest) = digits(text);
    let rest = rest.strip_prefix('-').ok_or(DecodeError::Attachments)?;
    if number.is_empty() {
        return Err(DecodeError::Attachments);
    }
    // Only digits: what cannot be parsed is too large for a usize.
    match number.parse() {
        Ok(0) => Err(DecodeError::Attachments),
        Ok(count) if count <= limits.attachments => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments(limits.attachments)),
    }
}

/// The namespace and what follows its comma.
fn namespace<'a>(
    whole: &ByteString,
    text: &'a str,
    limits: &PacketLimits,
) -> Result<(ByteString, &'a str), DecodeError> {
    if !text.starts_with('/') {
        return Ok((ByteString::from_static("/"), text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    if name.len() > limits.name {
        return Err(DecodeError::NamespaceTooLong(limits.name));
    }
    let name = name.split_once('?').map_or(name, |(name, _query)| name);
    Ok((if name == "/" { ByteString::from_static("/") } else { whole.slice_ref(name) }, rest))
}

fn connect(whole: &ByteString, text: &str) -> Result<Body, DecodeError> {
    if text.is_empty() {
        return Ok(Body::Connect(None));
    }
    // Of the valid JSON texts, the objects are those that start with a brace. serde_json skips without recursion.
    let auth: &RawValue = serde_json::from_str(text).map_err(|_| DecodeError::Auth)?;
    if !auth.get().starts_with('{') {
        return Err(DecodeError::Auth);
    }
    Ok(Body::Connect(Some(whole.slice_ref(auth.get()))))
}

fn event(
    whole: &ByteString,
    text: &str,
    limits: &PacketLimits,
    attachments: usize,
) -> Result<Body, DecodeError> {
    let (id, data) = ack_id(text)?;
    let found = array(data, limits, limits.args.saturating_add(1))?;
    let name = match data.as_bytes()[found.first.0..found.first.1] {
        [b'"', ref inner @ .., b'"'] => name(whole, &data[found.first.0..found.first.1], inner, limits)?,
        [b'-' | b'0'..=b'9', ..] => whole.slice_ref(&data[found.first.0..found.first.1]),
        _ => return Err(DecodeError::Name),
    };
    if name.len() > limits.name {
        return Err(DecodeError::NameTooLong(limits.name));
    }
    if is_reserved(&name) {
        return Err(DecodeError::ReservedName);
    }
    let args = args(whole, &data[found.rest.0..found.rest.1], found.items - 1, attachments)?;
    Ok(Body::Event { id, name, args })
}

/// An event name without its quotes and escapes.
fn name(
    whole: &ByteString,
    quoted: &str,
    inner: &[u8],
    limits: &PacketLimits,
) -> Result<ByteString, DecodeError> {
    // An escape of six bytes stands for at least one.
    if inner.len() > limits.name.saturating_mul(6) {
        return Err(DecodeError::NameTooLong(limits.name));
    }
    if !inner.contains(&b'\\') {
        return Ok(match inner.len() {
            0 => ByteString::new(),
            _ => whole.slice_ref(&quoted[1..quoted.len() - 1]),
        });
    }
    if let Ok(name) = serde_json::from_str::<String>(quoted) {
        return Ok(name.into());
    }
    // As bytes, serde_json lets lone surrogates pass.
    serde_json::Deserializer::from_str(quoted)
        .deserialize_byte_buf(Lossy)
        .map(ByteString::from)
        .map_err(|_| DecodeError::Name)
}

struct Lossy;

impl serde::de::Visitor<'_> for Lossy {
    type Value = String;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

fn ack(
    whole: &ByteString,
    text: &str,
    limits: &PacketLimits,
    attachments: usize,
) -> Result<Body, DecodeError> {
    let (id, data) = ack_id(text)?;
    let found = array(data, limits, limits.args)?;
    let args = args(whole, &data[found.inside.0..found.inside.1], found.items, attachments)?;
    Ok(Body::Ack { id: id.unwrap_or(Body::NO_ACK_ID), args })
}

fn array(data: &str, limits: &PacketLimits, max_items: usize) -> Result<json::Array, DecodeError> {
    json::array(data, limits.depth, max_items).map_err(|error| match error {
        JsonError::Syntax(at) => DecodeError::Json(at),
        JsonError::TooDeep => DecodeError::TooDeep(limits.depth),
        JsonError::TooMany => DecodeError::TooManyArgs(limits.args),
    })
}

/// The arguments, which share the text of the packet. Their placeholders are judged before any attachment has come.
fn args(whole: &ByteString, list: &str, count: usize, attachments: usize) -> Result<Args, DecodeError> {
    if attachments > 0 && !all_named(list, attachments) {
        return Err(DecodeError::Placeholder);
    }
    let json = if count == 0 { ByteString::new() } else { whole.slice_ref(list) };
    Ok(Args::from_parts(json, count, Vec::new()))
}

/// The ack id, if there is one, and what follows it.
fn ack_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let (id, rest) = digits(text);
    if id.is_empty() {
        return Ok((None, rest));
    }
    match id.parse() {
        Ok(id) if id <= ACK_ID_MAX => Ok((Some(id), rest)),
        _ => Err(DecodeError::AckId),
    }
}

/// The digits at the start, perhaps none, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}
