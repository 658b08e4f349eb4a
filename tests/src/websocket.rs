//! A WebSocket client that can also break the rules, and the Engine.IO session over it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{Answer, Fill, Frame, Heard, Http, Message, Open, PATIENCE, Response, Session, Wire};

/// The key and the answer that RFC 6455 (1.3) uses as its example.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An open WebSocket connection.
pub struct WebSocket {
    wire: Wire,
}

/// How the server ended a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The status code of its close frame; `None` without a close frame or without a code.
    pub code: Option<u16>,
    /// The reason in the close frame, or what a polling request was told.
    pub reason: String,
}

/// What came on a WebSocket.
#[derive(Debug)]
pub enum Incoming {
    /// A frame.
    Frame(Frame),
    /// The end of the TCP connection.
    End,
    /// Nothing before the deadline.
    Silence,
}

impl WebSocket {
    /// Opens a connection; a refusal is a failure of the test.
    #[track_caller]
    pub fn open(address: SocketAddr, target: &str) -> Self {
        match Self::try_open(address, target) {
            Ok(socket) => socket,
            Err(answer) => panic!("the WebSocket handshake got {answer:?}"),
        }
    }

    /// Opens a connection, or returns the refusal.
    pub fn try_open(address: SocketAddr, target: &str) -> Result<Self, Answer> {
        let (answer, http) = Self::handshake(address, target, &Self::headers());
        match answer {
            Answer::Response(Response { status: 101, headers, .. }) => {
                let value =
                    |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
                assert_eq!(value("sec-websocket-accept"), Some(ACCEPT));
                assert_eq!(value("sec-websocket-extensions"), None, "no extension was offered");
                Ok(Self { wire: http.into_wire() })
            }
            other => Err(other),
        }
    }

    /// Sends a handshake with just these headers (and Host) and waits for the answer.
    pub fn handshake(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> (Answer, Http) {
        let mut http = Http::to(address);
        http.begin("GET", target, headers, b"");
        (http.answer(PATIENCE), http)
    }

    /// The headers of a good handshake.
    pub fn headers() -> [(&'static str, &'static str); 4] {
        [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ]
    }

    /// Sends a frame, masked.
    #[track_caller]
    pub fn send(&mut self, frame: &Frame) {
        self.send_bytes(&frame.masked());
    }

    /// Sends these bytes as they are.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        if let Err(error) = self.wire.write(bytes) {
            panic!("the WebSocket does not take {} bytes: {error}", bytes.len());
        }
    }

    /// Sends these bytes as long as the server takes them.
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.wire.write(bytes)
    }

    /// The next frame, or why there is none.
    pub fn incoming(&mut self, deadline: Instant) -> Incoming {
        loop {
            if let Some((frame, size)) = Frame::parse(self.wire.unread()) {
                self.wire.take(size);
                return Incoming::Frame(frame);
            }
            match self.wire.fill(deadline) {
                Fill::More => {}
                Fill::Silence => return Incoming::Silence,
                Fill::End => return Incoming::End,
            }
        }
    }

    /// The next frame.
    #[track_caller]
    pub fn receive(&mut self) -> Frame {
        match self.incoming(Instant::now() + PATIENCE) {
            Incoming::Frame(frame) => frame,
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    /// After the close frame nothing may follow but the end of the TCP connection. As a client that has read it does,
    /// this one ends its side; a server waits for that, and only for a moment.
    #[track_caller]
    pub fn expect_end_after_close(&mut self, close: &Frame) -> Ending {
        self.wire.finish_writing();
        match self.incoming(Instant::now() + PATIENCE) {
            Incoming::End => {}
            other => panic!("the server sent its close frame and then {other:?}"),
        }
        let code = close.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        let reason = close.payload.get(2..).unwrap_or_default();
        Ending { code, reason: String::from_utf8(reason.to_vec()).expect("a close reason is UTF-8") }
    }

    /// The TCP connection below.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

/// An Engine.IO session over WebSocket.
pub struct WebSocketSession {
    socket: WebSocket,
    open: Open,
    polling_target: String,
    received: VecDeque<Message>,
}

impl WebSocketSession {
    /// Opens a session at a path such as `/engine.io/`.
    #[track_caller]
    pub fn open(address: SocketAddr, path: &str) -> Self {
        let mut socket = WebSocket::open(address, &format!("{path}?EIO=4&transport=websocket"));
        let frame = socket.receive();
        assert_eq!(frame.opcode, 1, "the open packet is text");
        let open = Open::parse(&String::from_utf8(frame.payload).expect("text frames are UTF-8"));
        let polling_target = format!("{path}?EIO=4&transport=polling&sid={}", open.sid);
        Self { socket, open, polling_target, received: VecDeque::new() }
    }

    /// Opens a WebSocket for a polling session, given the target of its polls.
    #[track_caller]
    pub fn attach(address: SocketAddr, polling_target: &str, open: Open) -> Self {
        let target = polling_target.replace("transport=polling", "transport=websocket");
        let socket = WebSocket::open(address, &target);
        Self { socket, open, polling_target: polling_target.to_owned(), received: VecDeque::new() }
    }

    /// The WebSocket below.
    pub fn socket(&mut self) -> &mut WebSocket {
        &mut self.socket
    }

    /// Lets these messages be received before anything else.
    pub fn put_in_front(&mut self, messages: VecDeque<Message>) {
        self.received.extend(messages);
    }
}

impl Session for WebSocketSession {
    fn open(&self) -> &Open {
        &self.open
    }

    fn mismatched_target(&self) -> String {
        self.polling_target.clone()
    }

    #[track_caller]
    fn send_packet(&mut self, packet: &str) {
        self.socket.send(&Frame::text(packet));
    }

    #[track_caller]
    fn send_binary(&mut self, bytes: &[u8]) {
        self.socket.send(&Frame::binary(bytes));
    }

    #[track_caller]
    fn listen(&mut self, deadline: Instant) -> Heard {
        if let Some(message) = self.received.pop_front() {
            return Heard::Packet(message);
        }
        match self.socket.incoming(deadline) {
            Incoming::Silence => Heard::Silence,
            Incoming::End => Heard::Closed(Ending { code: None, reason: "cut".to_owned() }),
            Incoming::Frame(frame) if frame.opcode == 8 => {
                Heard::Closed(self.socket.expect_end_after_close(&frame))
            }
            Incoming::Frame(frame) if frame.opcode == 2 => Heard::Packet(Message::Binary(frame.payload)),
            Incoming::Frame(frame) => {
                assert_eq!((frame.opcode, frame.fin, frame.reserved), (1, true, 0), "one packet per frame");
                Heard::Packet(Message::Text(String::from_utf8(frame.payload).expect("text frames are UTF-8")))
            }
        }
    }

    /// The connection may be gone between a ping and its answer, so here a failed write is no failure.
    #[track_caller]
    fn expect_closed_within(&mut self, limit: Duration) -> Ending {
        let deadline = Instant::now() + limit;
        loop {
            match self.listen(deadline) {
                Heard::Packet(Message::Text(text)) if text == "2" => {
                    let _ = self.socket.try_send_bytes(&Frame::text("3").masked());
                }
                Heard::Packet(_) => {}
                Heard::Closed(ending) => return ending,
                Heard::Silence => panic!("still open after {limit:?}"),
            }
        }
    }
}
