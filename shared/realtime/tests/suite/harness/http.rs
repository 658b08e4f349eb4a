//! HTTP by hand: one request, one connection.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Stream, soon};

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends `GET /path` or `POST /path` with further header lines.
pub async fn request(address: SocketAddr, line: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = Stream::connect(address).await;
    let mut text = format!("{line} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|header| header.starts_with("Connection")) {
        text.push_str("Connection: close\r\n");
    }
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that the server cuts has no answer; that is for the test to judge.
    drop(soon("an HTTP answer", stream.read_to_end(&mut answer)).await);
    // A frame may follow the head.
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
