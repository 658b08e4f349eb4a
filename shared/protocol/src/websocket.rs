//! WebSocket frames as a client sends them: masked, perhaps fragmented, cut anywhere by the network (RFC 6455, 5).

use bytes::{Buf, Bytes};
use bytestring::ByteString;

use crate::code::Opcode;
use crate::error::WebSocketError;

/// The longest header: two bytes, a 64-bit length, the mask.
const HEADER_MAX: usize = 14;

/// What a client may send in one message (RFC 6455, 10.4). Past a limit the message is refused, with close code 1009 or
/// 1008.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// The longest message in bytes, over all its fragments; a message of exactly that length is accepted.
    pub max_message: usize,
    /// The most frames one message may consist of; exactly as many are accepted.
    pub max_fragments: usize,
}

/// What a client sent (RFC 6455, 5.5 and 5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A whole text message.
    Text(ByteString),
    /// A whole binary message.
    Binary(Bytes),
    /// To be answered with a pong of the same payload, at most 125 bytes.
    Ping(Bytes),
    /// An answer, or an unasked pong, which may be ignored.
    Pong(Bytes),
    /// The last message there is, with its code if it has one.
    Close(Option<u16>),
}

/// Turns the bytes of one client into messages. Only what is unfinished is kept: a decoder between two messages
/// holds no heap memory, and an unfinished message only as much as has arrived of it (at most doubled).
///
/// RFC 6455, 5. Engine.IO protocol: WebSocket, each of whose packets is one message.
#[derive(Debug)]
pub struct WebSocketDecoder {
    limits: WebSocketLimits,
    unfinished: Option<Box<Unfinished>>,
    ended: bool,
}

impl WebSocketDecoder {
    /// A decoder for a new connection, after its handshake.
    pub fn new(limits: WebSocketLimits) -> Self {
        Self { limits, unfinished: None, ended: false }
    }

    /// Takes the next message from the input, or the whole input when there is none. Call it until it says `None`.
    ///
    /// A frame that is too long is refused as soon as its header is known, before any of its payload is stored.
    /// After an error or a [`Message::Close`] the connection has no more to say: whatever follows is swallowed.
    ///
    /// # Errors
    /// Whatever RFC 6455 or the limits forbid; see [`WebSocketError`].
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, WebSocketError> {
        if self.ended {
            *input = &[];
            return Ok(None);
        }
        let result = self.next(input);
        match &result {
            Ok(Some(Message::Close(_))) => self.end(),
            Err(_) => {
                self.end();
                *input = &[];
            }
            _ => {}
        }
        result
    }

    /// Whether a frame or a fragmented message has begun and not ended: the caller limits how long that may last.
    pub fn has_partial(&self) -> bool {
        self.unfinished.is_some()
    }

    fn end(&mut self) {
        self.ended = true;
        self.unfinished = None;
    }

    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, WebSocketError> {
        if input.is_empty() {
            return Ok(None);
        }
        if self.unfinished.is_none()
            && let Some(message) = whole(input, &self.limits)?
        {
            return Ok(Some(message));
        }
        let unfinished = self.unfinished.get_or_insert_default();
        let result = unfinished.next(input, &self.limits);
        if !unfinished.has_any() {
            self.unfinished = None;
        }
        result
    }
}

/// The message that the input begins with, if it is one frame that is here as a whole, as nearly all are. If not,
/// nothing is taken.
fn whole(input: &mut &[u8], limits: &WebSocketLimits) -> Result<Option<Message>, WebSocketError> {
    let Some(header) = Header::parse(input, limits.max_message as u64)? else { return Ok(None) };
    let length = header.length as usize;
    if !header.fin || input.len() - header.size < length || limits.max_fragments == 0 {
        return Ok(None);
    }
    let mut payload = input[header.size..header.size + length].to_vec();
    unmask(&mut payload, header.mask);
    input.advance(header.size + length);
    match header.opcode {
        Opcode::Continuation => Err(WebSocketError::Continuation),
        Opcode::Ping => Ok(Some(Message::Ping(payload.into()))),
        Opcode::Pong => Ok(Some(Message::Pong(payload.into()))),
        Opcode::Close => close_code(&payload).map(|code| Some(Message::Close(code))),
        Opcode::Text => text(payload).map(Some),
        Opcode::Binary => Ok(Some(Message::Binary(payload.into()))),
    }
}

/// What there is of a message that has not come as a whole.
#[derive(Debug, Default)]
struct Unfinished {
    /// The start of a header that the network has cut.
    header: [u8; HEADER_MAX],
    header_length: u8,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// The message under assembly, from its first data frame to its last.
    message: Option<Opcode>,
    fragments: usize,
    data: Vec<u8>,
    /// The payload of a control frame, which may come between two fragments.
    control: Vec<u8>,
}

impl Unfinished {
    fn has_any(&self) -> bool {
        self.header_length > 0 || self.frame.is_some() || self.message.is_some()
    }

    fn next(
        &mut self,
        input: &mut &[u8],
        limits: &WebSocketLimits,
    ) -> Result<Option<Message>, WebSocketError> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.read_header(input, limits)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let part = frame.left.min(input.len());
            let buffer = if frame.opcode.is_control() { &mut self.control } else { &mut self.data };
            if buffer.is_empty() && part == frame.left {
                // A frame that is here as a whole: exactly as much memory as it needs.
                *buffer = input[..part].to_vec();
                unmask(buffer, frame.mask);
            } else {
                let start = buffer.len();
                if frame.fin && buffer.capacity() - start < part {
                    // Grows by doubling, but never beyond the end of the message, which is known now.
                    buffer.reserve_exact(start.max(part).min(frame.left));
                }
                buffer.extend_from_slice(&input[..part]);
                unmask(&mut buffer[start..], frame.mask);
                frame.mask.rotate_left(part % 4);
            }
            input.advance(part);
            frame.left -= part;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(message) = self.finish(frame)? {
                return Ok(Some(message));
            }
        }
    }

    /// The header of the next frame, checked; `None` when not all of it is here, and then the input is empty.
    fn read_header(
        &mut self,
        input: &mut &[u8],
        limits: &WebSocketLimits,
    ) -> Result<Option<Frame>, WebSocketError> {
        // How long the next data frame may be.
        let room = (limits.max_message - self.data.len()) as u64;
        let header = if self.header_length == 0 {
            match Header::parse(input, room)? {
                Some(header) => {
                    input.advance(header.size);
                    header
                }
                None => {
                    self.header[..input.len()].copy_from_slice(input);
                    self.header_length = input.len() as u8;
                    *input = &[];
                    return Ok(None);
                }
            }
        } else {
            loop {
                if input.is_empty() {
                    return Ok(None);
                }
                self.header[usize::from(self.header_length)] = input.get_u8();
                self.header_length += 1;
                let known = &self.header[..usize::from(self.header_length)];
                if let Some(header) = Header::parse(known, room)? {
                    self.header_length = 0;
                    break header;
                }
            }
        };
        if !header.opcode.is_control() {
            self.admit(&header, limits)?;
        }
        // A control frame is at most 125 bytes, a data frame at most `max_message`: both fit.
        let left = header.length as usize;
        Ok(Some(Frame { opcode: header.opcode, fin: header.fin, mask: header.mask, left }))
    }

    /// Whether a data frame may come now.
    fn admit(&mut self, header: &Header, limits: &WebSocketLimits) -> Result<(), WebSocketError> {
        match (header.opcode, self.message) {
            (Opcode::Continuation, None) => return Err(WebSocketError::Continuation),
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(WebSocketError::Continuation),
            (opcode, None) => {
                self.message = Some(opcode);
                self.fragments = 0;
            }
        }
        self.fragments += 1;
        if self.fragments > limits.max_fragments {
            return Err(WebSocketError::TooManyFragments);
        }
        Ok(())
    }

    /// What a frame whose payload is complete amounts to.
    fn finish(&mut self, frame: Frame) -> Result<Option<Message>, WebSocketError> {
        match frame.opcode {
            Opcode::Ping => Ok(Some(Message::Ping(std::mem::take(&mut self.control).into()))),
            Opcode::Pong => Ok(Some(Message::Pong(std::mem::take(&mut self.control).into()))),
            Opcode::Close => close_code(&self.control).map(|code| Some(Message::Close(code))),
            _ if !frame.fin => Ok(None),
            _ => {
                let data = std::mem::take(&mut self.data);
                if self.message.take() == Some(Opcode::Text) {
                    text(data).map(Some)
                } else {
                    Ok(Some(Message::Binary(data.into())))
                }
            }
        }
    }
}

/// A code point may be split between fragments, so only the whole is judged.
fn text(data: Vec<u8>) -> Result<Message, WebSocketError> {
    ByteString::try_from(Bytes::from(data)).map(Message::Text).map_err(|_| WebSocketError::Utf8)
}

/// The frame whose payload is being read.
#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// The mask, turned so that its first byte is for the next byte of the payload.
    mask: [u8; 4],
    left: usize,
}

/// The header of a client's frame.
struct Header {
    opcode: Opcode,
    fin: bool,
    length: u64,
    mask: [u8; 4],
    size: usize,
}

impl Header {
    /// Judges a header from as few bytes as it takes; `None` while it is correct but unfinished. A data frame of more
    /// than `room` bytes is refused as soon as its length is known.
    fn parse(bytes: &[u8], room: u64) -> Result<Option<Self>, WebSocketError> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(WebSocketError::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(WebSocketError::ReservedOpcode)?;
        let fin = first & 0x80 != 0;
        if opcode.is_control() && !fin {
            return Err(WebSocketError::ControlFrame);
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & 0x80 == 0 {
            return Err(WebSocketError::Unmasked);
        }
        let short = second & 0x7f;
        if opcode.is_control() && short > 125 {
            return Err(WebSocketError::ControlFrame);
        }
        let (length, size) = match short {
            126 => {
                let Some(field) = bytes[2..].first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*field)), 4)
            }
            127 => {
                let Some(field) = bytes[2..].first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*field), 10)
            }
            short => (u64::from(short), 2),
        };
        let shortest = match size {
            2 => true,
            4 => length > 125,
            _ => length > 0xffff && length >> 63 == 0,
        };
        if !shortest {
            return Err(WebSocketError::Length);
        }
        if !opcode.is_control() && length > room {
            return Err(WebSocketError::TooBig);
        }
        let Some(mask) = bytes[size..].first_chunk() else { return Ok(None) };
        Ok(Some(Self { opcode, fin, length, mask: *mask, size: size + 4 }))
    }
}

/// The code of a close frame, if its payload is a legal one (RFC 6455, 5.5.1 and 7.4).
fn close_code(payload: &[u8]) -> Result<Option<u16>, WebSocketError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(WebSocketError::ClosePayload) };
    };
    let code = u16::from_be_bytes(*code);
    // 1004 has no meaning, 1005, 1006 and 1015 only name what was seen, the rest below 3000 is not assigned.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(WebSocketError::ClosePayload);
    }
    std::str::from_utf8(reason).map_err(|_| WebSocketError::Utf8)?;
    Ok(Some(code))
}

/// Takes the mask off, eight bytes at a time (RFC 6455, 5.3).
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
