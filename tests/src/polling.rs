//! An Engine.IO session over HTTP long-polling.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::{Answer, Ending, Heard, Http, Message, Open, PATIENCE, Response, Session, WebSocketSession};

/// A polling session: one connection for the GETs, one for the POSTs.
pub struct Polling {
    address: SocketAddr,
    target: String,
    open: Open,
    gets: Http,
    posts: Http,
    poll_under_way: bool,
    received: VecDeque<Message>,
}

impl Polling {
    /// Opens a session at a path such as `/engine.io/`.
    #[track_caller]
    pub fn open(address: SocketAddr, path: &str) -> Self {
        let mut gets = Http::to(address);
        let target = format!("{path}?EIO=4&transport=polling");
        let response = gets.get(&target);
        assert_eq!(response.status, 200, "handshake refused: {}", response.text());
        let open = Open::parse(response.text());
        let target = format!("{target}&sid={}", open.sid);
        Self {
            address,
            target,
            open,
            gets,
            posts: Http::to(address),
            poll_under_way: false,
            received: VecDeque::new(),
        }
    }

    /// The target of this session's requests.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Sends a GET and waits for its response as it is.
    #[track_caller]
    pub fn poll(&mut self) -> Response {
        self.begin_poll();
        self.poll_response()
    }

    /// Sends a GET without waiting for the response, unless one is under way.
    #[track_caller]
    pub fn begin_poll(&mut self) {
        if !self.poll_under_way {
            self.gets.begin("GET", &self.target, &[], b"");
            self.poll_under_way = true;
        }
    }

    /// Waits for the response to the GET that is under way.
    #[track_caller]
    pub fn poll_response(&mut self) -> Response {
        self.poll_under_way = false;
        self.gets.response()
    }

    /// Closes the connection of the GETs, whatever is under way on it.
    pub fn abandon_poll(&mut self) {
        self.poll_under_way = false;
        self.gets.hang_up();
    }

    /// Sends a POST with this body and waits for its response as it is.
    #[track_caller]
    pub fn post(&mut self, body: impl AsRef<[u8]>) -> Response {
        self.posts.post(&self.target, body)
    }

    /// Opens a WebSocket for this session and says `2probe`; returns it when `3probe` has come.
    #[track_caller]
    pub fn probe(&mut self) -> WebSocketSession {
        let mut socket = self.begin_upgrade();
        socket.send_packet("2probe");
        match socket.listen(Instant::now() + PATIENCE) {
            Heard::Packet(Message::Text(text)) if text == "3probe" => socket,
            other => panic!("the probe got {other:.200?}"),
        }
    }

    /// Opens a WebSocket for this session and says nothing on it.
    #[track_caller]
    pub fn begin_upgrade(&mut self) -> WebSocketSession {
        WebSocketSession::attach(self.address, &self.target, self.open.clone())
    }

    /// The target of the WebSocket handshake that upgrades this session.
    pub fn websocket_target(&self) -> String {
        self.target.replace("transport=polling", "transport=websocket")
    }

    /// Upgrades as the official client does: with a GET under way, which the server must end before `5` is sent.
    #[track_caller]
    pub fn upgrade(mut self) -> WebSocketSession {
        self.begin_poll();
        let mut socket = self.probe();
        let response = self.poll_response();
        assert_eq!(response.status, 200, "the last poll before the upgrade got {}", response.text());
        self.keep(response.text());
        socket.send_packet("5");
        socket.put_in_front(self.received);
        socket
    }

    fn keep(&mut self, payload: &str) {
        self.received.extend(payload.split('\u{1e}').map(Message::from_payload));
    }
}

impl Session for Polling {
    fn open(&self) -> &Open {
        &self.open
    }

    fn mismatched_target(&self) -> String {
        self.websocket_target()
    }

    #[track_caller]
    fn send_packet(&mut self, packet: &str) {
        let response = self.post(packet);
        assert_eq!((response.status, response.text()), (200, "ok"), "POST of {packet:.200}");
    }

    #[track_caller]
    fn send_binary(&mut self, bytes: &[u8]) {
        self.send_packet(&format!("b{}", BASE64_STANDARD.encode(bytes)));
    }

    #[track_caller]
    fn listen(&mut self, deadline: Instant) -> Heard {
        if self.received.is_empty() {
            self.begin_poll();
            match self.gets.answer(deadline.saturating_duration_since(Instant::now())) {
                Answer::Silence => return Heard::Silence,
                Answer::Response(response) if response.status == 200 => self.keep(response.text()),
                Answer::Response(response) => {
                    return Heard::Closed(Ending { code: None, reason: response.text().to_owned() });
                }
                Answer::End => return Heard::Closed(Ending { code: None, reason: "cut".to_owned() }),
            }
            self.poll_under_way = false;
        }
        match self.received.pop_front().expect("a payload has at least one packet") {
            Message::Text(text) if text == "1" => Heard::Closed(Ending { code: None, reason: text }),
            message => Heard::Packet(message),
        }
    }

    /// A session may be gone between a ping and the POST that answers it, so here a refused POST is no failure.
    #[track_caller]
    fn expect_closed_within(&mut self, limit: std::time::Duration) -> Ending {
        let deadline = Instant::now() + limit;
        loop {
            match self.listen(deadline) {
                Heard::Packet(Message::Text(text)) if text == "2" => {
                    self.post("3");
                }
                Heard::Packet(_) => {}
                Heard::Closed(ending) => return ending,
                Heard::Silence => panic!("still open after {limit:?}"),
            }
        }
    }
}
