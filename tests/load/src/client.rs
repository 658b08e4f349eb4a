//! One Socket.IO client on one non-blocking TCP stream: WebSocket handshake, Engine.IO open, Socket.IO connect,
//! then packets. It answers heartbeats by itself.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
};

use mio::net::TcpStream;

use crate::{
    clock::Clock,
    frame::{self, Frame, FrameReader},
};

/// The sample key of RFC 6455 and the answer that belongs to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An answer to the handshake that is longer than this is not one.
const MAX_RESPONSE: usize = 8 * 1024;

/// What a scenario gets to see of a client.
pub enum Packet<'a> {
    /// The namespace `/` was joined: the client can send.
    Ready,
    /// An event; the text begins with `["name",` and may be cut after its first bytes.
    Event(&'a [u8]),
    /// An answer to the event with this ack id.
    Ack(u64),
}

enum Phase {
    Upgrading(Vec<u8>),
    Open,
    Closed(String),
}

/// A client and what it has still to read and write.
pub struct Client {
    stream: TcpStream,
    phase: Phase,
    frames: FrameReader,
    /// What the kernel did not take yet.
    unsent: Vec<u8>,
    /// A client that has stopped reading; its bytes stay in the kernel.
    deaf: bool,
    /// The socket's id, once the namespace is joined.
    id: Box<str>,
    /// Heartbeats answered.
    pings: u32,
    /// When the last bytes were read.
    read_at: u64,
    /// When the connection was begun.
    begun: u64,
}

impl Client {
    /// A client on a stream that is being connected to `server`.
    pub fn new(stream: TcpStream, server: SocketAddr, now: u64) -> Self {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        Self {
            stream,
            phase: Phase::Upgrading(Vec::new()),
            frames: FrameReader::default(),
            unsent: request.into_bytes(),
            deaf: false,
            id: Box::default(),
            pings: 0,
            read_at: now,
            begun: now,
        }
    }

    /// The stream, to register it with the poll.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Why the client is closed, if it is.
    pub fn closed(&self) -> Option<&str> {
        match &self.phase {
            Phase::Closed(reason) => Some(reason),
            _ => None,
        }
    }

    /// The socket's id; empty until the namespace is joined.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many heartbeats it has answered.
    pub fn pings(&self) -> u32 {
        self.pings
    }

    /// When the packet that is being handed out was read.
    pub fn read_at(&self) -> u64 {
        self.read_at
    }

    /// When the connection was begun.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Stops or resumes reading.
    pub fn set_deaf(&mut self, deaf: bool) {
        self.deaf = deaf;
    }

    /// Sends one packet of text, e.g. `42["echo","x"]`.
    pub fn send(&mut self, text: &[u8]) {
        self.send_frame(frame::TEXT, text);
    }

    fn send_frame(&mut self, opcode: u8, payload: &[u8]) {
        frame::write_masked(&mut self.unsent, opcode, payload);
        self.flush();
    }

    /// Writes what is waiting, as far as the kernel takes it.
    pub fn flush(&mut self) {
        let mut written = 0;
        while written < self.unsent.len() {
            match self.stream.write(&self.unsent[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Not connected yet looks like a full buffer: the poll says when to go on.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                Err(error) => {
                    self.close(format!("write: {error}"));
                    break;
                }
            }
        }
        self.unsent.drain(..written);
        if self.unsent.is_empty() {
            // A thousand idle clients should not keep a thousand buffers.
            self.unsent.shrink_to(256);
        }
    }

    /// Reads until the kernel has no more and hands each packet to `sink` together with the client.
    pub fn read(&mut self, clock: Clock, buffer: &mut [u8], sink: &mut impl FnMut(&mut Client, Packet<'_>)) {
        while !self.deaf && self.closed().is_none() {
            match self.stream.read(buffer) {
                Ok(0) => self.close("end of stream".to_owned()),
                Ok(count) => {
                    self.read_at = clock.now();
                    self.take(&buffer[..count], sink);
                    // The stream was drained: the next byte makes a new event.
                    if count < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => self.close(format!("read: {error}")),
            }
        }
    }

    fn take(&mut self, bytes: &[u8], sink: &mut impl FnMut(&mut Client, Packet<'_>)) {
        let Phase::Upgrading(response) = &mut self.phase else {
            return self.take_frames(bytes, sink);
        };
        response.extend_from_slice(bytes);
        let Some(end) = response.windows(4).position(|four| four == b"\r\n\r\n") else {
            if response.len() > MAX_RESPONSE {
                self.close("endless handshake".to_owned());
            }
            return;
        };
        let rest = response.split_off(end + 4);
        let head = String::from_utf8_lossy(response).into_owned();
        if head.starts_with("HTTP/1.1 101") && head.contains(ACCEPT) {
            self.phase = Phase::Open;
            self.take_frames(&rest, sink);
        } else {
            self.close(format!("handshake: {}", head.lines().next().unwrap_or_default()));
        }
    }

    fn take_frames(&mut self, bytes: &[u8], sink: &mut impl FnMut(&mut Client, Packet<'_>)) {
        // The reader is moved out so that a packet's handler may write on the client.
        let mut frames = std::mem::take(&mut self.frames);
        frames.feed(bytes, &mut |frame| self.take_frame(frame, sink));
        self.frames = frames;
    }

    fn take_frame(&mut self, frame: Frame<'_>, sink: &mut impl FnMut(&mut Client, Packet<'_>)) {
        if self.closed().is_some() {
            return;
        }
        match frame.opcode {
            frame::TEXT if frame.fin => self.take_packet(frame.head, sink),
            frame::PING => self.send_frame(frame::PONG, &frame.head[..frame.head.len().min(125)]),
            frame::PONG => {}
            frame::CLOSE => self.close("close frame".to_owned()),
            // Neither fragments nor binary are part of any scenario: better to stop than to miscount.
            other => self.close(format!("unexpected frame, opcode {other}, fin {}", frame.fin)),
        }
    }

    /// Engine.IO packet types, then (behind a `4`) Socket.IO packet types.
    fn take_packet(&mut self, text: &[u8], sink: &mut impl FnMut(&mut Client, Packet<'_>)) {
        match text {
            [b'4', b'2', event @ ..] => sink(self, Packet::Event(event)),
            [b'4', b'3', ack @ ..] => sink(self, Packet::Ack(leading_number(ack))),
            [b'2'] => {
                self.send(b"3");
                self.pings += 1;
            }
            [b'0', ..] => self.send(b"40"),
            [b'4', b'0', answer @ ..] => {
                self.id = id_in(answer).into();
                sink(self, Packet::Ready);
            }
            [b'6', ..] => {}
            other => self.close(format!("unexpected packet {}", String::from_utf8_lossy(other))),
        }
    }

    fn close(&mut self, reason: String) {
        self.phase = Phase::Closed(reason);
    }
}

/// The id in `{"sid":"..."}`; empty when there is none.
fn id_in(answer: &[u8]) -> &str {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    text.split_once("\"sid\":\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
}

/// The decimal number at the beginning of `text`; 0 when there is none.
fn leading_number(text: &[u8]) -> u64 {
    text.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number: u64, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_id_is_found_in_the_answer_to_connect() {
        assert_eq!(id_in(b"{\"sid\":\"a-b_1\",\"pid\":\"x\"}"), "a-b_1");
        assert_eq!(id_in(b"{}"), "");
    }

    #[test]
    fn an_ack_id_ends_where_its_arguments_begin() {
        assert_eq!((leading_number(b"417[]"), leading_number(b"[1]")), (417, 0));
    }
}
