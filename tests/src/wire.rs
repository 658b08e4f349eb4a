//! A TCP connection whose reads end at a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use crate::PATIENCE;

/// One TCP connection and what was received on it but not used yet.
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What became of a wait for bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Fill {
    /// There are more bytes than before.
    More,
    /// Nothing came before the deadline.
    Silence,
    /// The peer closed the connection, or reset it.
    End,
}

impl Wire {
    /// Connects; a server that does not accept is a failure of the test.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => stream,
            Err(error) => panic!("cannot connect to {address}: {error}"),
        };
        stream.set_nodelay(true).expect("no delay can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout can be set");
        Self { stream, unread: Vec::new() }
    }

    /// Writes all bytes; an error means that the peer closed or does not read for [`PATIENCE`].
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for at least one more byte. After the deadline it takes what is there.
    pub fn fill(&mut self, deadline: Instant) -> Fill {
        let mut chunk = [0; 16 * 1024];
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero means "for ever" to the socket.
        let read = if left.is_zero() {
            self.at_once(|stream| stream.read(&mut chunk))
        } else {
            self.stream.set_read_timeout(Some(left)).expect("a read timeout can be set");
            self.stream.read(&mut chunk)
        };
        match read {
            Ok(0) => Fill::End,
            Ok(count) => {
                self.unread.extend_from_slice(&chunk[..count]);
                Fill::More
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Fill::Silence
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Fill::More,
            Err(_) => Fill::End,
        }
    }

    /// What was received and not taken yet.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Takes the first `count` received bytes.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        self.unread.drain(..count).collect()
    }

    /// Whether the peer has closed its side and everything it sent was taken.
    pub fn has_ended(&mut self) -> bool {
        if !self.unread.is_empty() {
            return false;
        }
        match self.at_once(|stream| stream.peek(&mut [0])) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    /// Whether bytes have arrived that nobody has read: a connection that is dropped now is reset.
    pub fn has_arrivals(&mut self) -> bool {
        self.at_once(|stream| stream.peek(&mut [0])).is_ok_and(|count| count > 0)
    }

    fn at_once<T>(&mut self, call: impl FnOnce(&mut TcpStream) -> T) -> T {
        self.stream.set_nonblocking(true).expect("the mode can be set");
        let result = call(&mut self.stream);
        self.stream.set_nonblocking(false).expect("the mode can be set");
        result
    }

    /// Sends FIN but goes on receiving. A peer that has reset the connection is no failure: what is received next tells.
    pub fn finish_writing(&mut self) {
        self.stream.shutdown(Shutdown::Write).ok();
    }
}
