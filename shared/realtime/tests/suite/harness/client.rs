//! A Socket.IO client over a WebSocket, small enough to see what it does.

use std::{collections::VecDeque, net::SocketAddr};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{Packet, Stream, soon};

pub struct Client {
    socket: WebSocketStream<Stream>,
    /// The session's id, which only it and the server know.
    session: String,
    namespace: String,
    id: String,
    waiting: VecDeque<Packet>,
    acks: u64,
    deaf_to_pings: bool,
}

enum Seen {
    Packet(Packet),
    Raw(String),
    /// With the code of the close frame, if there was one.
    Closed(Option<u16>),
}

impl Client {
    /// Opens the Engine.IO connection and nothing more.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::over(address, &format!("{path}/?EIO=4&transport=websocket")).await;
        let open = client.text().await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').expect("the handshake")).unwrap();
        client.session = open["sid"].as_str().unwrap().to_owned();
        client
    }

    /// Takes a polling session over, which may be in a namespace already.
    pub async fn upgrade(address: SocketAddr, path: &str, session: &str) -> Self {
        let mut client = Self::try_upgrade(address, path, session).await;
        client.raw("2probe").await;
        assert_eq!(client.text().await, "3probe");
        client.raw("5").await;
        client
    }

    /// Opens a WebSocket for a polling session, and no more.
    pub async fn try_upgrade(address: SocketAddr, path: &str, session: &str) -> Self {
        let target = format!("{path}/?EIO=4&transport=websocket&sid={session}");
        let client = Self::over(address, &target).await;
        Self { session: session.to_owned(), ..client }
    }

    async fn over(address: SocketAddr, target: &str) -> Self {
        let stream = Stream::connect(address).await;
        let (socket, _) =
            soon("a WebSocket", client_async(format!("ws://{address}{target}"), stream)).await.unwrap();
        Self {
            socket,
            session: String::new(),
            namespace: "/".to_owned(),
            id: String::new(),
            waiting: VecDeque::new(),
            acks: 0,
            deaf_to_pings: false,
        }
    }

    pub fn session(&self) -> &str {
        &self.session
    }

    /// The socket's id in the namespace it connected to first.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The characters of the id that name the worker thread.
    pub fn shard(&self) -> &str {
        &self.id[6..9]
    }

    /// Leaves pings without an answer from now on.
    pub fn ignore_pings(&mut self) {
        self.deaf_to_pings = true;
    }

    /// Sends text as it is, Engine.IO's digit included.
    pub async fn raw(&mut self, text: impl Into<String>) {
        soon("a write", self.socket.send(Message::text(text.into()))).await.unwrap();
    }

    /// Sends bytes as one frame.
    pub async fn raw_bytes(&mut self, bytes: &[u8]) {
        soon("a write", self.socket.send(Message::binary(bytes.to_vec()))).await.unwrap();
    }

    /// Sends several texts with one write.
    pub async fn raw_at_once<const N: usize>(&mut self, texts: [&str; N]) {
        for text in texts {
            soon("a write", self.socket.feed(Message::text(text))).await.unwrap();
        }
        soon("a write", self.socket.flush()).await.unwrap();
    }

    /// Writes to the TCP connection, below the WebSocket.
    pub async fn wire(&mut self, bytes: &[u8]) {
        soon("a write", self.socket.get_mut().write_all(bytes)).await.unwrap();
    }

    /// Waits until a frame of more than 64 KiB begins to come in, and reads no more of it. Nothing can be read behind it.
    pub async fn stop_reading_in_a_large_frame(&mut self) {
        let stream = self.socket.get_mut();
        soon("a large frame", async {
            loop {
                let mut head = [0; 2];
                stream.read_exact(&mut head).await.unwrap();
                let skipped: u64 = match head[1] {
                    127 => return,
                    126 => stream.read_u16().await.unwrap().into(),
                    length => length.into(),
                };
                let mut payload = stream.take(skipped);
                tokio::io::copy(&mut payload, &mut tokio::io::sink()).await.unwrap();
            }
        })
        .await;
    }

    /// Asks for a namespace and returns the answer: CONNECT or CONNECT_ERROR.
    pub async fn enter(&mut self, namespace: &str, auth: Value) -> Packet {
        self.ask_for(namespace, auth).await;
        self.find(|packet| matches!(packet.kind, '0' | '4') && packet.namespace == namespace).await
    }

    /// Asks for a namespace and does not wait.
    pub async fn ask_for(&mut self, namespace: &str, auth: Value) {
        let auth = if auth.is_null() { String::new() } else { auth.to_string() };
        self.raw(format!("40{}{auth}", prefix(namespace))).await;
    }

    /// Enters its first namespace.
    pub async fn enter_first(mut self, namespace: &str, auth: Value) -> Self {
        let answer = self.enter(namespace, auth).await;
        assert_eq!(answer.kind, '0', "refused: {answer:?}");
        self.id = answer.value()["sid"].as_str().unwrap().to_owned();
        self.namespace = namespace.to_owned();
        self
    }

    /// Sends an event with an array of arguments.
    pub async fn emit(&mut self, event: &str, args: Value) {
        let text = event_text(&prefix(&self.namespace), "", event, &args);
        self.raw(text).await;
    }

    /// Sends an event that asks for an acknowledgement, and returns its number.
    pub async fn emit_asking(&mut self, event: &str, args: Value) -> u64 {
        let id = self.acks;
        self.acks += 1;
        let text = event_text(&prefix(&self.namespace), &id.to_string(), event, &args);
        self.raw(text).await;
        id
    }

    /// Sends an event and waits for the arguments of its acknowledgement. Whatever else comes is kept.
    pub async fn request(&mut self, event: &str, args: Value) -> Value {
        let id = self.emit_asking(event, args).await;
        self.find(|packet| packet.kind == '3' && packet.id == Some(id)).await.value()
    }

    /// Acknowledges an event.
    pub async fn acknowledge(&mut self, event: &Packet, args: Value) {
        let id = event.id.expect("an event that asks for an acknowledgement");
        self.raw(format!("43{}{id}{args}", prefix(&event.namespace))).await;
    }

    /// The next packet.
    pub async fn packet(&mut self) -> Packet {
        match self.waiting.pop_front() {
            Some(packet) => packet,
            None => self.read().await,
        }
    }

    /// The next packet must be that event; its arguments.
    pub async fn expect(&mut self, event: &str) -> Value {
        let (name, args) = self.packet().await.event();
        assert_eq!(name, event, "with {args}");
        args
    }

    /// The next packet must be a DISCONNECT.
    pub async fn expect_disconnect(&mut self) {
        let packet = self.packet().await;
        assert_eq!(packet.kind, '1', "a DISCONNECT, not {packet:?}");
    }

    /// Whatever Engine.IO text comes next.
    pub async fn text(&mut self) -> String {
        match self.see().await {
            Seen::Raw(text) => text,
            Seen::Packet(packet) => packet.json,
            Seen::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// The next bytes of a raw connection.
    pub async fn bytes(&mut self) -> Bytes {
        match soon("bytes", self.socket.next()).await {
            Some(Ok(Message::Binary(bytes))) => bytes,
            other => panic!("bytes, not {other:?}"),
        }
    }

    /// Reads until the connection ends and returns the code of the close frame; none if there was no frame.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Seen::Closed(code) = self.see().await {
                return code;
            }
        }
    }

    /// Closes the WebSocket as the protocol wants it, with a close frame each way.
    pub async fn close(mut self) {
        soon("a write", self.socket.close(None)).await.unwrap();
        self.closed().await;
    }

    /// Cuts the TCP connection.
    pub fn vanish(self) {
        drop(self);
    }

    /// The first packet that fits; others are kept for later.
    async fn find(&mut self, fits: impl Fn(&Packet) -> bool) -> Packet {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return self.waiting.remove(at).unwrap();
        }
        loop {
            let packet = self.read().await;
            if fits(&packet) {
                return packet;
            }
            self.waiting.push_back(packet);
        }
    }

    async fn read(&mut self) -> Packet {
        loop {
            match self.see().await {
                Seen::Packet(packet) => return packet,
                Seen::Raw(_) => {}
                Seen::Closed(code) => panic!("{} was closed with {code:?}", self.id),
            }
        }
    }

    async fn see(&mut self) -> Seen {
        let mut open: Option<Packet> = None;
        loop {
            match soon("something from the server", self.socket.next()).await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    if !self.deaf_to_pings {
                        self.raw("3").await;
                    }
                }
                Some(Ok(Message::Text(text))) => {
                    let Some(text) = text.strip_prefix('4').filter(|rest| !rest.is_empty()) else {
                        return Seen::Raw(text.as_str().to_owned());
                    };
                    if !text.starts_with(|digit: char| ('0'..='6').contains(&digit)) {
                        return Seen::Raw(text.to_owned());
                    }
                    let packet = Packet::parse(text);
                    if packet.missing == 0 {
                        return Seen::Packet(packet);
                    }
                    open = Some(packet);
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let packet = open.as_mut().expect("a packet that announced attachments");
                    packet.attachments.push(bytes);
                    if packet.attachments.len() == packet.missing {
                        return Seen::Packet(open.take().unwrap());
                    }
                }
                Some(Ok(Message::Close(frame))) => return Seen::Closed(frame.map(|it| it.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Seen::Closed(None),
            }
        }
    }
}

fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

fn event_text(prefix: &str, id: &str, event: &str, args: &Value) -> String {
    let args = args.to_string();
    let args = args.strip_prefix('[').and_then(|args| args.strip_suffix(']')).expect("an array of arguments");
    let comma = if args.is_empty() { "" } else { "," };
    format!("42{prefix}{id}[{}{comma}{args}]", Value::from(event))
}
