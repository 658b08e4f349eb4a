//! A WebSocket by hand, to see what TCP does below it. Never through TLS.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::soon;

pub struct RawSocket {
    pub stream: TcpStream,
    /// The answer to its request.
    pub head: String,
}

/// A request for a WebSocket, with further header lines.
pub fn upgrade_request(target: &str, headers: &[&str]) -> String {
    let more: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
    )
}

/// A text frame of a client, with a mask of zeros.
pub fn text_frame(text: &str) -> Vec<u8> {
    assert!(text.len() < 126);
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()
}

impl RawSocket {
    /// Connects and sends a request, and whatever is to follow it in the same write.
    pub async fn open(address: SocketAddr, request: &str, behind: &[u8]) -> Self {
        Self::over(TcpSocket::new_v4().unwrap(), address, request, behind).await
    }

    /// The same over a socket with options of its own.
    pub async fn over(socket: TcpSocket, address: SocketAddr, request: &str, behind: &[u8]) -> Self {
        let mut stream = soon("a connection", socket.connect(address)).await.unwrap();
        stream.write_all(&[request.as_bytes(), behind].concat()).await.unwrap();
        let mut head = Vec::new();
        soon("the answer's head", async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
        })
        .await;
        Self { stream, head: String::from_utf8(head).unwrap() }
    }

    /// A session on `/socket.io` that is in `/`.
    pub async fn connected(address: SocketAddr) -> Self {
        let mut raw = Self::open(address, &websocket_request(), b"").await;
        raw.greeted().await;
        raw
    }

    /// Goes through the greetings of a session.
    pub async fn greeted(&mut self) {
        assert!(self.frame().await.1.starts_with(b"0{"));
        self.send("40").await;
        assert!(self.frame().await.1.starts_with(b"40{"));
    }

    pub async fn send(&mut self, text: &str) {
        soon("a write", self.stream.write_all(&text_frame(text))).await.unwrap();
    }

    /// The next frame: its first byte and its payload.
    pub async fn frame(&mut self) -> (u8, Vec<u8>) {
        soon("a frame", async {
            let first = self.stream.read_u8().await.unwrap();
            let length = match self.stream.read_u8().await.unwrap() {
                126 => self.stream.read_u16().await.unwrap().into(),
                127 => self.stream.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.unwrap();
            (first, payload)
        })
        .await
    }

    /// Reads until the connection ends; whatever came before that.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        drop(soon("the end of the connection", self.stream.read_to_end(&mut rest)).await);
        rest
    }
}

/// A request for a new session on a WebSocket.
pub fn websocket_request() -> String {
    upgrade_request("/socket.io/?EIO=4&transport=websocket", &[])
}

/// The id of a new polling session on `/socket.io`.
pub async fn polling_session(address: SocketAddr) -> String {
    let mut stream = soon("a connection", TcpStream::connect(address)).await.unwrap();
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    let open = answer.split_once("\r\n\r\n0").expect("an open packet").1;
    serde_json::from_str::<serde_json::Value>(open).unwrap()["sid"].as_str().unwrap().to_owned()
}
