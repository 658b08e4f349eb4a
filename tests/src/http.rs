//! An HTTP/1.1 client that can also send what no client should.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{Fill, PATIENCE, Wire};

/// A client with at most one kept-alive connection, which it renews when the server has closed it.
pub struct Http {
    address: SocketAddr,
    wire: Option<Wire>,
}

/// A whole HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer encoding.
    pub body: Vec<u8>,
}

/// What a request got.
#[derive(Debug)]
pub enum Answer {
    /// A whole response.
    Response(Response),
    /// Nothing whole before the deadline.
    Silence,
    /// The connection was closed without a whole response.
    End,
}

impl Http {
    /// A client that will connect when it sends something.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, wire: None }
    }

    /// Sends GET and waits for the response.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, &[], b"")
    }

    /// Sends POST with a text body and waits for the response.
    #[track_caller]
    pub fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Response {
        self.request("POST", target, &[("content-type", "text/plain;charset=UTF-8")], body.as_ref())
    }

    /// Sends a request and waits for the response.
    #[track_caller]
    pub fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.begin(method, target, headers, body);
        self.response()
    }

    /// Sends a request without waiting for the response.
    #[track_caller]
    pub fn begin(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            bytes.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes);
    }

    /// Sends these bytes as they are. That the server closes meanwhile is no failure: its answer tells.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        if self.wire.as_mut().is_none_or(Wire::has_ended) {
            self.wire = Some(Wire::connect(self.address));
        }
        // A server may answer 413 and close before it has read everything.
        let _ = self.wire().write(bytes);
    }

    /// Waits for the response to what was sent.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        match self.answer(PATIENCE) {
            Answer::Response(response) => response,
            other => panic!("no response within {PATIENCE:?}: {other:?}"),
        }
    }

    /// Waits for a response at most this long.
    pub fn answer(&mut self, limit: Duration) -> Answer {
        let deadline = Instant::now() + limit;
        let wire = self.wire();
        let (answer, reusable) = read_response(wire, deadline);
        if !reusable {
            self.wire = None;
        }
        answer
    }

    /// Closes the connection at once, whatever is under way on it.
    pub fn hang_up(&mut self) {
        self.wire = None;
    }

    /// The connection, if there is one.
    pub fn into_wire(self) -> Wire {
        self.wire.expect("something was sent before")
    }

    fn wire(&mut self) -> &mut Wire {
        self.wire.as_mut().expect("something was sent before")
    }
}

impl Response {
    /// The first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The `code` of an Engine.IO error, if the body is one.
    pub fn error_code(&self) -> Option<u64> {
        serde_json::from_slice::<serde_json::Value>(&self.body).ok()?.get("code")?.as_u64()
    }
}

/// The response, and whether another request may follow on the connection.
fn read_response(wire: &mut Wire, deadline: Instant) -> (Answer, bool) {
    let head_length = loop {
        if let Some(end) = wire.unread().windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        match wire.fill(deadline) {
            Fill::More => {}
            Fill::Silence => return (Answer::Silence, true),
            Fill::End => return (Answer::End, false),
        }
    };
    let head = wire.unread()[..head_length].to_vec();
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status: u16 = status.unwrap_or_else(|| panic!("not an HTTP response: {head}"));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());

    let body = if status == 101 || status == 204 || status == 304 {
        Ok((head_length, Vec::new()))
    } else if let Some(length) = value("content-length") {
        read_sized(wire, deadline, head_length, length.parse().expect("a content length is a number"))
    } else if value("transfer-encoding") == Some("chunked") {
        read_chunked(wire, deadline, head_length)
    } else {
        read_to_the_end(wire, deadline, head_length)
    };
    match body {
        Ok((used, body)) => {
            wire.take(used);
            let reusable = !value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            (Answer::Response(Response { status, headers, body }), reusable)
        }
        // Nothing is taken from the wire, so a later call starts over with the same head.
        Err(Fill::Silence) => (Answer::Silence, true),
        Err(_) => (Answer::End, false),
    }
}

type Body = Result<(usize, Vec<u8>), Fill>;

fn wait_for(wire: &mut Wire, deadline: Instant, size: usize) -> Result<(), Fill> {
    while wire.unread().len() < size {
        match wire.fill(deadline) {
            Fill::More => {}
            other => return Err(other),
        }
    }
    Ok(())
}

fn read_sized(wire: &mut Wire, deadline: Instant, start: usize, length: usize) -> Body {
    wait_for(wire, deadline, start + length)?;
    Ok((start + length, wire.unread()[start..start + length].to_vec()))
}

fn read_chunked(wire: &mut Wire, deadline: Instant, start: usize) -> Body {
    let (mut at, mut body) = (start, Vec::new());
    loop {
        let line = loop {
            if let Some(length) = wire.unread()[at..].windows(2).position(|two| two == b"\r\n") {
                break length;
            }
            wait_for(wire, deadline, wire.unread().len() + 1)?;
        };
        let size = String::from_utf8_lossy(&wire.unread()[at..at + line]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size is hexadecimal");
        at += line + 2;
        wait_for(wire, deadline, at + size + 2)?;
        body.extend_from_slice(&wire.unread()[at..at + size]);
        at += size + 2;
        if size == 0 {
            return Ok((at, body));
        }
    }
}

fn read_to_the_end(wire: &mut Wire, deadline: Instant, start: usize) -> Body {
    loop {
        match wire.fill(deadline) {
            Fill::More => {}
            Fill::End => return Ok((wire.unread().len(), wire.unread()[start..].to_vec())),
            Fill::Silence => return Err(Fill::Silence),
        }
    }
}
