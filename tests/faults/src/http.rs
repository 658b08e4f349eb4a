//! As much of HTTP as it takes to look at a probe.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A node that does not answer within this time does not answer.
const PATIENCE: Duration = Duration::from_secs(1);
const LARGEST: u64 = 1 << 20;

/// The status and the body, if there is an answer.
pub async fn get(node: SocketAddr, path: &str) -> Option<(u16, String)> {
    timeout(PATIENCE, exchange(node, path)).await.ok()?.ok()?
}

async fn exchange(node: SocketAddr, path: &str) -> io::Result<Option<(u16, String)>> {
    let mut stream = TcpStream::connect(node).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LARGEST).read_to_string(&mut answer).await?;
    Ok(parse(&answer))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_found() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\naway";
        assert_eq!(parse(answer), Some((503, "away".to_owned())));
        assert_eq!(parse("HTTP/1.1 200 OK\r\n"), None);
    }
}
