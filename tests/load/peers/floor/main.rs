//! What a server cannot be faster than with one write per delivery: one epoll loop, a frame made once for each event,
//! and next to no protocol.
//!
//! It knows just enough for `load` to drive it: a WebSocket handshake with the one key that `load` sends, Socket.IO's
//! connect, and the events `echo`, `broadcast`, `join` and `room`, found by comparing bytes. There are no heartbeats and
//! no checks. Nothing but a measurement should ever be connected to it.

mod connection;
mod frames;

use std::{collections::HashMap, io, io::Write as _, net::SocketAddr};

use connection::Connection;
use mio::{Events, Interest, Poll, Token, net::TcpListener};

const LISTENER: Token = Token(usize::MAX);
/// No event may be larger.
const READ_BUFFER: usize = 1024 * 1024;

struct Server {
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    rooms: HashMap<Vec<u8>, Vec<usize>>,
    /// The frame being written; one piece of memory for all.
    frame: Vec<u8>,
}

fn main() -> io::Result<()> {
    let port = std::env::args().skip_while(|word| word != "--port").nth(1).and_then(|port| port.parse().ok());
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(0))))?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    writeln!(io::stdout(), "ready http://{}", listener.local_addr()?)?;

    let mut server =
        Server { connections: Vec::new(), free: Vec::new(), rooms: HashMap::new(), frame: Vec::new() };
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&listener, &poll)?,
                Token(index) => server.turn(index, event.is_writable(), &mut buffer),
            }
        }
    }
}

impl Server {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let index = self.free.pop().unwrap_or(self.connections.len());
            stream.set_nodelay(true)?;
            poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            if index == self.connections.len() {
                self.connections.push(None);
            }
            self.connections[index] = Some(Connection::new(stream));
        }
    }

    fn turn(&mut self, index: usize, writable: bool, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else { return };
        if writable {
            connection.flush();
        }
        while let Some(connection) = &mut self.connections[index] {
            let Some(count) = connection.read(buffer) else { return self.close(index) };
            let bytes = &mut buffer[..count];
            if !connection.is_open() {
                connection.open(bytes);
            } else if !self.take_frames(index, bytes) {
                return self.close(index);
            }
            // All was read: the next byte makes a new event.
            if count < buffer.len() {
                return;
            }
        }
    }

    fn close(&mut self, index: usize) {
        self.connections[index] = None;
        self.free.push(index);
        self.rooms.values_mut().for_each(|members| members.retain(|member| *member != index));
    }

    /// False: the client says goodbye.
    fn take_frames(&mut self, index: usize, mut bytes: &mut [u8]) -> bool {
        while let Some(frame) = frames::unmask(bytes) {
            if frame.close {
                return false;
            }
            let (now, rest) = bytes.split_at_mut(frame.payload.end);
            self.take(index, &now[frame.payload.start..]);
            bytes = rest;
        }
        if let Some(connection) = &mut self.connections[index] {
            connection.keep(bytes);
        }
        true
    }

    /// A packet of Engine.IO as text.
    fn take(&mut self, index: usize, packet: &[u8]) {
        if packet.starts_with(b"40") {
            return self.answer(index, &[b"40{\"sid\":\"", index.to_string().as_bytes(), b"\"}"]);
        }
        let Some(event) = packet.strip_prefix(b"42") else { return };
        let digits = event.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (ack, event) = event.split_at(digits);
        if let Some(data) = event.strip_prefix(b"[\"echo\",") {
            self.answer(index, &[b"43", ack, b"[", data]);
        } else if let Some(data) = event.strip_prefix(b"[\"broadcast\",") {
            frames::text(&mut self.frame, &[b"42[\"b\",", data]);
            self.connections.iter_mut().flatten().for_each(|connection| connection.write(&self.frame));
        } else if let Some(rest) = event.strip_prefix(b"[\"join\",\"") {
            self.rooms.entry(name_in(rest).to_vec()).or_default().push(index);
            self.answer(index, &[b"43", ack, b"[]"]);
        } else if let Some(rest) = event.strip_prefix(b"[\"room\",\"") {
            let room = name_in(rest);
            frames::text(&mut self.frame, &[b"42[\"r\",", rest.get(room.len() + 2..).unwrap_or_default()]);
            for member in self.rooms.get(room).into_iter().flatten() {
                if let Some(connection) = &mut self.connections[*member] {
                    connection.write(&self.frame);
                }
            }
        }
    }

    fn answer(&mut self, index: usize, parts: &[&[u8]]) {
        frames::text(&mut self.frame, parts);
        if let Some(connection) = &mut self.connections[index] {
            connection.write(&self.frame);
        }
    }
}

/// Up to the next quotation mark; the names that `load` uses have no escapes.
fn name_in(rest: &[u8]) -> &[u8] {
    rest.split(|byte| *byte == b'"').next().unwrap_or_default()
}
