//! One client's stream: the handshake, then frames in and bytes out.

use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::frames;

/// The answer to the sample key of RFC 6455, which is the one that `load` sends.
const HANDSHAKE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const OPEN: &[u8] =
    b"0{\"sid\":\"floor\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";

/// A client.
pub struct Connection {
    stream: TcpStream,
    open: bool,
    /// A frame or a handshake that has not fully arrived.
    left_over: Vec<u8>,
    /// What the kernel did not take.
    unsent: Vec<u8>,
}

impl Connection {
    /// A client whose handshake is still to come.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, open: false, left_over: Vec::new(), unsent: Vec::new() }
    }

    /// One write, unless others wait already.
    pub fn write(&mut self, bytes: &[u8]) {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return;
        }
        // An error shows at the next read.
        let written = self.stream.write(bytes).unwrap_or(0);
        self.unsent.extend_from_slice(&bytes[written..]);
    }

    /// Writes what waits.
    pub fn flush(&mut self) {
        while !self.unsent.is_empty() {
            let Ok(written) = self.stream.write(&self.unsent) else { return };
            self.unsent.drain(..written);
        }
    }

    /// Reads once, behind what was left over, and tells how many bytes `buffer` has now. 0: nothing to read. `None`: the
    /// client is gone.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let left = self.left_over.len();
        buffer.get_mut(..left)?.copy_from_slice(&self.left_over);
        match self.stream.read(&mut buffer[left..]) {
            Ok(0) => None,
            Ok(count) => {
                self.left_over.clear();
                Some(left + count)
            }
            Err(error) => (error.kind() == ErrorKind::WouldBlock).then_some(0),
        }
    }

    /// Keeps what is no whole frame yet.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.left_over.extend_from_slice(bytes);
    }

    /// Whether the handshake is done.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Answers the handshake if all of it is there.
    pub fn open(&mut self, request: &[u8]) {
        if !request.ends_with(b"\r\n\r\n") {
            return self.keep(request);
        }
        self.open = true;
        let mut frame = Vec::new();
        frames::text(&mut frame, &[OPEN]);
        self.write(HANDSHAKE);
        self.write(&frame);
    }
}
