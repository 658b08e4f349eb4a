//! The packets a server sends, as frames (Socket.IO protocol: "Packet encoding"): an Engine.IO message (`4`), then one
//! binary frame for each attachment. Each is written once, into a buffer of its exact size.

use bytes::BytesMut;

use crate::args::Args;
use crate::frame::{FrameBuilder, Frames, frame_length};
use crate::json::plain;

/// CONNECT: the client has joined. `data` is the text of a JSON object with its `sid` (and `pid`); whether it is one is
/// not looked at.
///
/// Socket.IO protocol: Connection to a namespace.
pub fn connect(namespace: &str, data: &str) -> Frames {
    let head = Head::new(b'0', namespace, None, 0);
    Frames::text_with(head.len() + data.len(), |buffer| {
        head.write(buffer);
        buffer.extend_from_slice(data.as_bytes());
    })
}

/// CONNECT_ERROR: the client may not join. The message is any text, `data` more of it as the text of a JSON value, at
/// which is not looked.
///
/// Socket.IO protocol: Connection to a namespace.
pub fn connect_error(namespace: &str, message: &str, data: Option<&str>) -> Frames {
    const START: &[u8] = b"{\"message\":";
    const DATA: &[u8] = b",\"data\":";
    let head = Head::new(b'4', namespace, None, 0);
    let length = START.len() + quoted_length(message) + data.map_or(0, |data| DATA.len() + data.len()) + 1;
    Frames::text_with(head.len() + length, |buffer| {
        head.write(buffer);
        buffer.extend_from_slice(START);
        write_quoted(buffer, message);
        if let Some(data) = data {
            buffer.extend_from_slice(DATA);
            buffer.extend_from_slice(data.as_bytes());
        }
        buffer.extend_from_slice(b"}");
    })
}

/// DISCONNECT: the server has removed the client from the namespace. Socket.IO protocol: Disconnection from a
/// namespace.
pub fn disconnect(namespace: &str) -> Frames {
    let head = Head::new(b'1', namespace, None, 0);
    Frames::text_with(head.len(), |buffer| head.write(buffer))
}

/// EVENT, or BINARY_EVENT if the arguments have attachments. With an id the client is asked for an ack. Whether the
/// name is [reserved](crate::is_reserved) is not looked at.
///
/// Socket.IO protocol: Sending and receiving data.
pub fn event(namespace: &str, id: Option<u64>, name: &str, args: &Args) -> Frames {
    let kind = if args.attachments().is_empty() { b'2' } else { b'5' };
    let head = Head::new(kind, namespace, id, args.attachments().len());
    let comma = usize::from(!args.is_empty());
    with_attachments(head.len() + 2 + quoted_length(name) + comma + args.json().len(), args, |buffer| {
        head.write(buffer);
        buffer.extend_from_slice(b"[");
        write_quoted(buffer, name);
        if !args.is_empty() {
            buffer.extend_from_slice(b",");
            buffer.extend_from_slice(args.json().as_bytes());
        }
        buffer.extend_from_slice(b"]");
    })
}

/// ACK, or BINARY_ACK if the arguments have attachments: the answer to the event of that id.
///
/// Socket.IO protocol: Acknowledgement.
pub fn ack(namespace: &str, id: u64, args: &Args) -> Frames {
    let kind = if args.attachments().is_empty() { b'3' } else { b'6' };
    let head = Head::new(kind, namespace, Some(id), args.attachments().len());
    with_attachments(head.len() + 2 + args.json().len(), args, |buffer| {
        head.write(buffer);
        buffer.extend_from_slice(b"[");
        buffer.extend_from_slice(args.json().as_bytes());
        buffer.extend_from_slice(b"]");
    })
}

/// A text frame of that payload length, then the attachments.
fn with_attachments(length: usize, args: &Args, write: impl FnOnce(&mut BytesMut)) -> Frames {
    let attached: usize = args.attachments().iter().map(|bytes| frame_length(bytes.len())).sum();
    let mut builder = FrameBuilder::with_capacity(frame_length(length) + attached);
    builder.text_with(length, write);
    args.attachments().iter().for_each(|bytes| builder.binary(bytes));
    builder.finish()
}

/// Everything before the data of a packet.
struct Head<'a> {
    kind: u8,
    /// Empty for the main namespace, which is left out.
    namespace: &'a str,
    id: Option<Decimal>,
    attachments: Option<Decimal>,
}

impl<'a> Head<'a> {
    fn new(kind: u8, namespace: &'a str, id: Option<u64>, attachments: usize) -> Self {
        Self {
            kind,
            namespace: if namespace == "/" { "" } else { namespace },
            id: id.map(Decimal::new),
            attachments: (attachments > 0).then(|| Decimal::new(attachments as u64)),
        }
    }

    fn len(&self) -> usize {
        let namespace = if self.namespace.is_empty() { 0 } else { self.namespace.len() + 1 };
        let attachments = self.attachments.as_ref().map_or(0, |count| count.digits().len() + 1);
        2 + attachments + namespace + self.id.as_ref().map_or(0, |id| id.digits().len())
    }

    fn write(&self, buffer: &mut BytesMut) {
        buffer.extend_from_slice(&[b'4', self.kind]);
        if let Some(count) = &self.attachments {
            buffer.extend_from_slice(count.digits());
            buffer.extend_from_slice(b"-");
        }
        if !self.namespace.is_empty() {
            buffer.extend_from_slice(self.namespace.as_bytes());
            buffer.extend_from_slice(b",");
        }
        if let Some(id) = &self.id {
            buffer.extend_from_slice(id.digits());
        }
    }
}

/// The digits of a number, without an allocation.
struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    fn new(mut number: u64) -> Self {
        let (mut digits, mut start) = ([0; 20], 20);
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { digits, start };
            }
        }
    }

    fn digits(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// The length of a text as a JSON string, quotes included.
fn quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = bytes.len() + 2;
    let mut at = plain(bytes, 0);
    while let Some(&byte) = bytes.get(at) {
        length += if short_escape(byte).is_some() { 1 } else { 5 };
        at = plain(bytes, at + 1);
    }
    length
}

/// Writes a text as a JSON string, escaped as `JSON.stringify` does.
fn write_quoted(buffer: &mut BytesMut, text: &str) {
    let bytes = text.as_bytes();
    buffer.extend_from_slice(b"\"");
    let mut start = 0;
    loop {
        let at = plain(bytes, start);
        buffer.extend_from_slice(&bytes[start..at]);
        let Some(&byte) = bytes.get(at) else { break };
        match short_escape(byte) {
            Some(escape) => buffer.extend_from_slice(&[b'\\', escape]),
            None => {
                let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                buffer.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            }
        }
        start = at + 1;
    }
    buffer.extend_from_slice(b"\"");
}

/// The letter behind the backslash, for the characters that have one.
fn short_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => return None,
    })
}
