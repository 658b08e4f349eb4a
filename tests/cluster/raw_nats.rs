//! A client of NATS that is none of ours: lines over a socket.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use natter_tests::NatsServer;

use crate::user::PATIENCE;

/// The user of [`crate::user::config`] in plain NATS.
pub struct RawNats {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
}

impl RawNats {
    pub fn connect(server: &NatsServer) -> Self {
        let writer = TcpStream::connect(server.address()).expect("the server accepts");
        writer.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        writer.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let reader = BufReader::new(writer.try_clone().expect("a socket can be read and written"));
        let mut raw = Self { writer, reader };
        raw.send(r#"CONNECT {"user":"natter","pass":"secret","verbose":false}"#);
        raw.round_trip();
        raw
    }

    /// Sends a line, or several.
    pub fn send(&mut self, lines: &str) {
        self.writer.write_all(format!("{lines}\r\n").as_bytes()).expect("the server reads");
    }

    /// Waits until the server has done all that it was sent.
    pub fn round_trip(&mut self) {
        self.send("PING");
        let mut line = String::new();
        while line != "PONG\r\n" {
            line.clear();
            let read = self.reader.read_line(&mut line).expect("the server answers");
            assert!(read > 0 && !line.starts_with("-ERR"), "instead of PONG: {line:?}");
        }
    }
}
