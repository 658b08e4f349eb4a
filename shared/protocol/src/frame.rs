//! WebSocket frames as a server sends them: complete, never fragmented, never masked (RFC 6455, 5.1), and so the
//! same bytes for every client.

use bytes::{BufMut, Bytes, BytesMut};

use crate::code::{CloseCode, Opcode};

/// The longest payload of a control frame in bytes (RFC 6455, 5.5).
const CONTROL_MAX: usize = 125;

/// One or more complete frames back to back, to be written as a unit: an event with attachments is one text frame
/// followed by its binary frames, and nothing may come between them. Cloning shares the bytes.
///
/// RFC 6455, 5.2, for the frames. Engine.IO protocol: Packet encoding, "WebSocket"; Socket.IO protocol: Packet
/// encoding, "Format", for the attachments behind their event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames(Bytes);

impl Frames {
    /// A text frame. The payload must be UTF-8, or the client fails the connection.
    pub fn text(payload: &[u8]) -> Self {
        Self::of(Opcode::Text, payload)
    }

    /// A binary frame: an attachment, as it is.
    pub fn binary(payload: &[u8]) -> Self {
        Self::of(Opcode::Binary, payload)
    }

    /// A ping; a payload beyond 125 bytes is cut off, since no control frame may be longer.
    pub fn ping(payload: &[u8]) -> Self {
        Self::of(Opcode::Ping, &payload[..payload.len().min(CONTROL_MAX)])
    }

    /// A pong, to echo the payload of a ping; beyond 125 bytes it is cut off.
    pub fn pong(payload: &[u8]) -> Self {
        Self::of(Opcode::Pong, &payload[..payload.len().min(CONTROL_MAX)])
    }

    /// A close frame with a code and a reason of at most 123 bytes (a longer one is cut at a character), or with
    /// neither (RFC 6455, 5.5.1).
    pub fn close(why: Option<(CloseCode, &'static str)>) -> Self {
        let Some((code, reason)) = why else { return Self(Bytes::from_static(&[0x88, 0x00])) };
        let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
        let mut payload = Vec::with_capacity(2 + reason.len());
        payload.extend_from_slice(&(code as u16).to_be_bytes());
        payload.extend_from_slice(reason.as_bytes());
        Self::of(Opcode::Close, &payload)
    }

    /// A text frame whose payload `write` appends to the buffer, behind the space of its header. With the exact
    /// `length` in bytes there is one allocation and no copy; a wrong one costs a copy and is never an error.
    pub fn text_with(length: usize, write: impl FnOnce(&mut BytesMut)) -> Self {
        let mut builder = FrameBuilder::with_capacity(frame_length(length));
        builder.text_with(length, write);
        builder.finish()
    }

    /// Takes bytes that came from another node. `None` unless they are one or more whole, unmasked frames.
    pub fn from_bytes(bytes: Bytes) -> Option<Self> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let head = Head::of(rest)?;
            rest = rest.get(head.size + head.length..)?;
        }
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// All frames of the list as one unit, in its order.
    pub fn join<'a>(list: impl IntoIterator<Item = &'a Frames> + Clone) -> Self {
        let length = list.clone().into_iter().map(Frames::len).sum();
        let mut buffer = BytesMut::with_capacity(length);
        list.into_iter().for_each(|frames| buffer.extend_from_slice(&frames.0));
        Self(buffer.freeze())
    }

    fn of(opcode: Opcode, payload: &[u8]) -> Self {
        let mut builder = FrameBuilder::with_capacity(frame_length(payload.len()));
        builder.frame(opcode, payload);
        builder.finish()
    }

    pub(crate) const fn from_static(frame: &'static [u8]) -> Self {
        Self(Bytes::from_static(frame))
    }

    /// The length in bytes, headers included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte in it; only a builder that got no frame yields that.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes to write.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes to write, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// How many frames there are.
    pub fn count(&self) -> usize {
        let mut rest = &self.0[..];
        let mut count = 0;
        while let Some(next) = Head::of(rest).and_then(|head| rest.get(head.size + head.length..)) {
            rest = next;
            count += 1;
        }
        count
    }
}

/// Takes the first whole frame off `bytes`; its payload shares their memory. `None`, and nothing taken, when there
/// is no whole unmasked frame of a known opcode at the start.
pub fn split_frame(bytes: &mut Bytes) -> Option<(Opcode, Bytes)> {
    let head = Head::of(bytes)?;
    let end = head.size.checked_add(head.length)?;
    if bytes.len() < end {
        return None;
    }
    let mut frame = bytes.split_to(end);
    Some((head.opcode, frame.split_off(head.size)))
}

/// Writes frames one behind the other into one buffer (RFC 6455, 5.2).
#[derive(Debug, Default)]
pub struct FrameBuilder {
    buffer: BytesMut,
}

impl FrameBuilder {
    /// A builder with room for so many bytes, headers included.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: BytesMut::with_capacity(bytes) }
    }

    /// Appends a text frame; the payload must be UTF-8.
    pub fn text(&mut self, payload: &[u8]) {
        self.frame(Opcode::Text, payload);
    }

    /// Appends a binary frame.
    pub fn binary(&mut self, payload: &[u8]) {
        self.frame(Opcode::Binary, payload);
    }

    /// Appends a text frame whose payload `write` appends to the buffer it is given (it must leave alone what is
    /// there already). See [`Frames::text_with`] for `length`.
    pub fn text_with(&mut self, length: usize, write: impl FnOnce(&mut BytesMut)) {
        let start = self.buffer.len();
        self.header(Opcode::Text, length);
        let body = self.buffer.len();
        write(&mut self.buffer);
        let written = self.buffer.len() - body;
        if written != length {
            let payload = self.buffer.split_off(body);
            self.buffer.truncate(start);
            self.frame(Opcode::Text, &payload);
        }
    }

    /// The frames written so far.
    pub fn finish(self) -> Frames {
        Frames(self.buffer.freeze())
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        self.header(opcode, payload.len());
        self.buffer.extend_from_slice(payload);
    }

    fn header(&mut self, opcode: Opcode, length: usize) {
        let first = 0x80 | opcode as u8;
        if length < 126 {
            self.buffer.put_slice(&[first, length as u8]);
        } else if length < 1 << 16 {
            let [high, low] = (length as u16).to_be_bytes();
            self.buffer.put_slice(&[first, 126, high, low]);
        } else {
            self.buffer.put_slice(&[first, 127]);
            self.buffer.put_u64(length as u64);
        }
    }
}

/// The length in bytes of a frame with so long a payload.
pub(crate) fn frame_length(payload: usize) -> usize {
    payload
        + if payload < 126 {
            2
        } else if payload < 1 << 16 {
            4
        } else {
            10
        }
}

/// The header of an unmasked, unfragmented frame.
struct Head {
    opcode: Opcode,
    size: usize,
    length: usize,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let (&second, rest) = rest.split_first()?;
        if first & 0xf0 != 0x80 {
            return None;
        }
        let opcode = Opcode::from_bits(first & 0x0f)?;
        let (size, length): (usize, usize) = match second {
            0..=125 => (2, usize::from(second)),
            126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?),
            // The top bit is the mask bit: no server sets it.
            _ => return None,
        };
        size.checked_add(length)?;
        Some(Self { opcode, size, length })
    }
}
