//! A Socket.IO client over a WebSocket, small enough to see what it does. Its events are those of the testbed's profile
//! `load`, which nodes in this process answer too.

use std::{collections::VecDeque, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{Packet, soon};

pub struct Client {
    socket: WebSocketStream<TcpStream>,
    namespace: String,
    id: String,
    waiting: VecDeque<Packet>,
    acks: u64,
}

impl Client {
    /// Opens a connection and enters a namespace.
    pub async fn connect(address: SocketAddr, namespace: &str, auth: Value) -> Self {
        match Self::try_connect(address, namespace, auth).await {
            Ok(client) => client,
            Err(answer) => panic!("refused: {answer:?}"),
        }
    }

    /// The same; a refusal is returned.
    pub async fn try_connect(address: SocketAddr, namespace: &str, auth: Value) -> Result<Self, Packet> {
        let stream = soon("a connection", TcpStream::connect(address)).await.expect("the node listens");
        let target = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = soon("a WebSocket", client_async(target, stream)).await.expect("a WebSocket");
        let mut client = Self {
            socket,
            namespace: namespace.to_owned(),
            id: String::new(),
            waiting: VecDeque::new(),
            acks: 0,
        };
        let auth = if auth.is_null() { String::new() } else { auth.to_string() };
        let asked = format!("40{}{auth}", client.prefix());
        client.raw(asked).await;
        let answer = client.packet().await;
        if answer.kind != '0' {
            return Err(answer);
        }
        client.id = answer.value()["sid"].as_str().expect("an id").to_owned();
        Ok(client)
    }

    /// Enters its namespace again after a DISCONNECT.
    pub async fn enter_again(&mut self) {
        let asked = format!("40{}", self.prefix());
        self.raw(asked).await;
        let answer = self.packet().await;
        assert_eq!(answer.kind, '0', "refused: {answer:?}");
        self.id = answer.value()["sid"].as_str().expect("an id").to_owned();
    }

    /// The id of its socket.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn prefix(&self) -> String {
        if self.namespace == "/" { String::new() } else { format!("{},", self.namespace) }
    }

    async fn raw(&mut self, text: String) {
        soon("a write", self.socket.send(Message::text(text))).await.expect("the connection is open");
    }

    /// Joins a room, and returns when that is active in the whole cluster.
    pub async fn join(&mut self, room: &str) {
        self.request("join", json!([room])).await;
    }

    pub async fn leave(&mut self, room: &str) {
        self.request("leave", json!([room])).await;
    }

    /// Sends an event with an array of arguments.
    pub async fn emit(&mut self, event: &str, args: Value) {
        let text = event_text(&self.prefix(), "", event, &args);
        self.raw(text).await;
    }

    /// Sends an event and waits for the arguments of its acknowledgement. Whatever else comes is kept.
    pub async fn request(&mut self, event: &str, args: Value) -> Value {
        let id = self.acks;
        self.acks += 1;
        let text = event_text(&self.prefix(), &id.to_string(), event, &args);
        self.raw(text).await;
        let is_answer = |packet: &Packet| matches!(packet.kind, '3' | '6') && packet.id == Some(id);
        loop {
            let packet = self.read().await;
            if is_answer(&packet) {
                return packet.value();
            }
            self.waiting.push_back(packet);
        }
    }

    /// Acknowledges an event.
    pub async fn acknowledge(&mut self, event: &Packet, args: Value) {
        let id = event.id.expect("an event that asks for an acknowledgement");
        let text = format!("43{}{id}{args}", self.prefix());
        self.raw(text).await;
    }

    /// Waits for an event and acknowledges it.
    pub async fn answer(&mut self, event: &str, args: Value) {
        let asked = self.packet().await;
        assert_eq!(asked.event().0, event);
        self.acknowledge(&asked, args).await;
    }

    /// The next packet.
    pub async fn packet(&mut self) -> Packet {
        match self.waiting.pop_front() {
            Some(packet) => packet,
            None => self.read().await,
        }
    }

    /// The next packet must be that event; its arguments.
    #[track_caller]
    pub fn expect(&mut self, event: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let packet = soon(&format!("{event}, at {caller}"), self.packet()).await;
            let (name, args) = packet.event();
            assert_eq!(name, event, "at {caller}, with {args}");
            args
        }
    }

    /// The next packet must be a DISCONNECT.
    pub async fn expect_disconnect(&mut self) {
        let packet = self.packet().await;
        assert_eq!(packet.kind, '1', "a DISCONNECT, not {packet:?}");
    }

    /// Reads until the connection ends, and returns the events that came before.
    pub async fn closed(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            let packet = match self.waiting.pop_front() {
                Some(packet) => Some(packet),
                None => self.see().await,
            };
            match packet {
                Some(packet) if matches!(packet.kind, '2' | '5') => events.push(packet.event().0),
                Some(_) => {}
                None => return events,
            }
        }
    }

    async fn read(&mut self) -> Packet {
        match self.see().await {
            Some(packet) => packet,
            None => panic!("the connection of {} was closed", self.id),
        }
    }

    /// The next packet, or none once the connection has ended.
    async fn see(&mut self) -> Option<Packet> {
        let mut open: Option<Packet> = None;
        loop {
            match soon("something from the server", self.socket.next()).await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.raw("3".to_owned()).await,
                Some(Ok(Message::Text(text))) => {
                    // The handshake and other packets of Engine.IO are none of Socket.IO.
                    let Some(text) = text.strip_prefix('4') else { continue };
                    let packet = Packet::parse(text);
                    if packet.is_complete() {
                        return Some(packet);
                    }
                    open = Some(packet);
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let mut packet = open.take().expect("a packet that announced attachments");
                    packet.attachments.push(bytes);
                    if packet.is_complete() {
                        return Some(packet);
                    }
                    open = Some(packet);
                }
                Some(Err(_)) | None => return None,
                // A close frame is answered when the next one is read, of which there is none.
                Some(Ok(_)) => {}
            }
        }
    }
}

fn event_text(prefix: &str, id: &str, event: &str, args: &Value) -> String {
    let args = args.to_string();
    let args = args.strip_prefix('[').and_then(|args| args.strip_suffix(']')).expect("an array of arguments");
    let comma = if args.is_empty() { "" } else { "," };
    format!("42{prefix}{id}[{}{comma}{args}]", Value::from(event))
}
