//! One Socket.IO client over a WebSocket, with nothing that a client library would do by itself: no reconnection, no
//! buffer, no waiting for a heartbeat.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// A node that does not greet within this time is not there.
const GREETING: Duration = Duration::from_secs(2);
/// A node that takes nothing for so long is not there either.
const SENDING: Duration = Duration::from_secs(5);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server said so: a close frame, or a packet that ends the session or the namespace.
    Told,
    /// Without a word.
    Torn,
}

/// What came.
pub enum Packet {
    /// An event: `["name",...]`.
    Event(String),
    /// An answer: its number and `[...]`.
    Ack(u64, String),
    /// A heartbeat; `pong` answers it.
    Ping,
    /// Nothing that concerns a client.
    Other,
}

/// A socket that is connected to the namespace `/`.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    id: String,
    asked: u64,
}

impl Socket {
    /// Connects; None if that node can't be reached.
    pub async fn connect(node: SocketAddr) -> Option<Self> {
        timeout(GREETING, Self::greet(node)).await.ok().flatten()
    }

    async fn greet(node: SocketAddr) -> Option<Self> {
        let tcp = TcpStream::connect(node).await.ok()?;
        tcp.set_nodelay(true).ok()?;
        let url = format!("ws://{node}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = client_async(url, tcp).await.ok()?;
        let mut socket = Self { stream, id: String::new(), asked: 0 };
        socket.send("40".to_owned()).await.ok()?;
        loop {
            let text = socket.text().await.ok()?;
            if let Some(greeting) = text.strip_prefix("40") {
                let greeting: Value = serde_json::from_str(greeting).ok()?;
                greeting["sid"].as_str()?.clone_into(&mut socket.id);
                return Some(socket);
            }
        }
    }

    /// The socket's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Emits an event with these arguments: `["name",...]`.
    pub async fn emit(&mut self, event: &str) -> Result<(), End> {
        self.send(format!("42{event}")).await
    }

    /// Emits an event that is to be acknowledged; the number that the answer will have.
    pub async fn ask(&mut self, event: &str) -> Result<u64, End> {
        self.asked += 1;
        self.send(format!("42{}{event}", self.asked)).await?;
        Ok(self.asked)
    }

    /// Answers a heartbeat.
    pub async fn pong(&mut self) -> Result<(), End> {
        self.send("3".to_owned()).await
    }

    /// Waits for the next packet. Nothing is lost when this future is dropped.
    pub async fn next(&mut self) -> Result<Packet, End> {
        let text = self.text().await?;
        Ok(match text.as_bytes() {
            [b'4', b'2', ..] => Packet::Event(text[2..].to_owned()),
            [b'4', b'3', ..] => match text.find('[') {
                Some(body) => Packet::Ack(text[2..body].parse().unwrap_or(0), text[body..].to_owned()),
                None => Packet::Other,
            },
            [b'2'] => Packet::Ping,
            [b'1', ..] | [b'4', b'1', ..] => return Err(End::Told),
            _ => Packet::Other,
        })
    }

    async fn text(&mut self) -> Result<String, End> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(_))) => return Err(End::Told),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Torn),
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        match timeout(SENDING, self.stream.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Torn),
        }
    }
}
