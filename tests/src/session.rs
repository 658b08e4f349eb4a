//! What every Engine.IO session can do, whatever carries it; with Socket.IO's first steps on top.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Ending, Message, Open, PATIENCE};

/// What a session heard from its server.
#[derive(Debug)]
pub enum Heard {
    /// A packet.
    Packet(Message),
    /// The session or its connection was closed.
    Closed(Ending),
    /// Nothing before the deadline.
    Silence,
}

/// An Engine.IO session of a client.
pub trait Session {
    /// What the server said at the handshake.
    fn open(&self) -> &Open;

    /// A target of this session with the transport that it does not use. A plain GET of it is refused with code 3 while
    /// the session lives and with code 1 afterwards, and does nothing to it.
    fn mismatched_target(&self) -> String;

    /// Sends a packet as it is, type included.
    fn send_packet(&mut self, packet: &str);

    /// Sends a binary message.
    fn send_binary(&mut self, bytes: &[u8]);

    /// The next packet of any type, heartbeats included, which are not answered.
    fn listen(&mut self, deadline: Instant) -> Heard;

    /// Sends a text message.
    fn send(&mut self, text: &str) {
        self.send_packet(&format!("4{text}"));
    }

    /// The next message; heartbeats are answered and noops skipped. `None` at the deadline.
    #[track_caller]
    fn receive_until(&mut self, deadline: Instant) -> Option<Message> {
        loop {
            match self.listen(deadline) {
                Heard::Packet(Message::Text(text)) if text == "2" => self.send_packet("3"),
                Heard::Packet(Message::Text(text)) if text == "6" => {}
                Heard::Packet(message) => return Some(message),
                Heard::Silence => return None,
                Heard::Closed(ending) => panic!("the session was closed: {ending:?}"),
            }
        }
    }

    /// The next message; heartbeats are answered and noops skipped.
    #[track_caller]
    fn receive(&mut self) -> Message {
        match self.receive_until(Instant::now() + PATIENCE) {
            Some(message) => message,
            None => panic!("no message within {PATIENCE:?}"),
        }
    }

    /// The next message, which must be text; without its packet type.
    #[track_caller]
    fn receive_text(&mut self) -> String {
        let mut text = self.receive().text();
        assert!(text.starts_with('4'), "expected a message, got {text:.200}");
        text.split_off(1)
    }

    /// Lives on for a while and expects no message.
    #[track_caller]
    fn hears_nothing_for(&mut self, time: Duration) {
        if let Some(message) = self.receive_until(Instant::now() + time) {
            panic!("expected nothing, got {message:.200?}");
        }
    }

    /// Waits until the server closes the session. Heartbeats are answered, so that a dead session died of something else.
    #[track_caller]
    fn expect_closed(&mut self) -> Ending {
        self.expect_closed_within(PATIENCE)
    }

    /// Waits until the server closes the session, at most this long.
    #[track_caller]
    fn expect_closed_within(&mut self, limit: Duration) -> Ending {
        let deadline = Instant::now() + limit;
        loop {
            match self.listen(deadline) {
                Heard::Packet(Message::Text(text)) if text == "2" => self.send_packet("3"),
                Heard::Packet(_) => {}
                Heard::Closed(ending) => return ending,
                Heard::Silence => panic!("still open after {limit:?}"),
            }
        }
    }

    /// Joins a Socket.IO namespace (`/`, `/custom`) and returns the socket's id.
    #[track_caller]
    fn connect_namespace(&mut self, namespace: &str) -> String {
        self.connect_namespace_with(namespace, "")
    }

    /// Joins a Socket.IO namespace with an auth payload, a JSON text.
    #[track_caller]
    fn connect_namespace_with(&mut self, namespace: &str, auth: &str) -> String {
        let prefix = if namespace == "/" { "0".to_owned() } else { format!("0{namespace},") };
        self.send(&format!("{prefix}{auth}"));
        let answer = self.receive_text();
        let json = answer.strip_prefix(&prefix).unwrap_or_else(|| panic!("CONNECT got {answer:.200}"));
        let json: Value = serde_json::from_str(json).expect("CONNECT carries JSON");
        json["sid"].as_str().unwrap_or_else(|| panic!("CONNECT got {answer:.200}")).to_owned()
    }

    /// Joins a namespace of the testbed that greets with the event `auth`, and takes the greeting.
    #[track_caller]
    fn enter(&mut self, namespace: &str) -> String {
        let sid = self.connect_namespace(namespace);
        let greeting = self.receive_text();
        assert!(greeting.ends_with(r#"["auth",{}]"#), "expected the greeting, got {greeting:.200}");
        sid
    }
}
