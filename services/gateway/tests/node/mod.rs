//! The binary under test, alone or as a running node.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::{
    cell::RefCell,
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Generous, for a busy machine; reached only when something is wrong.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The binary, without the variables of whoever runs the tests.
pub fn natter() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_natter"));
    let variables = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NATTER_"));
    variables.for_each(|(name, _)| {
        command.env_remove(name);
    });
    command
}

/// A folder of one test's own.
pub struct Folder(PathBuf);

impl Folder {
    /// Made anew.
    pub fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, contents: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, contents).expect("a file");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// The folder's path.
    pub fn path(&self) -> String {
        self.0.to_str().expect("a path in UTF-8").to_owned()
    }
}

/// A running node on a port of its own.
pub struct Node {
    /// Until it was waited for.
    child: Option<Child>,
    address: String,
}

impl Node {
    /// Starts it and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = natter()
            .args(["--port", "0", "--workers", "2", "--node", "test", "--log", "warn"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("ready ");
        let address = url.and_then(|url| url.strip_prefix("http://").or(url.strip_prefix("https://")));
        let address = address.unwrap_or_else(|| panic!("ready, not {line:?}"));
        Self { child: Some(child), address: address.to_owned() }
    }

    /// A TCP connection to it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream
    }

    /// One request on a connection of its own; the whole answer as text.
    pub fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = self.connect();
        let (host, length) = (&self.address, body.len());
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// A GET.
    pub fn get(&self, path: &str) -> String {
        self.request("GET", path, "")
    }

    /// A Socket.IO client that polls, connected to `/`.
    pub fn client(&self) -> Polling<'_> {
        let answer = self.get("/socket.io/?EIO=4&transport=polling");
        let open: serde_json::Value = serde_json::from_str(&body(&answer)[1..]).expect("an open packet");
        let client = Polling {
            node: self,
            sid: open["sid"].as_str().expect("a sid").to_owned(),
            waiting: RefCell::default(),
        };
        client.send("40");
        assert!(client.next().starts_with("40{"), "connected");
        client
    }

    /// Sends a signal by its name: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.as_ref().expect("it runs").id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end.
    pub fn wait(mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it was started");
        let id = child.id().to_string();
        let (sender, ended) = mpsc::channel();
        // Whoever waits no longer does not mind: the thread ends with the child.
        thread::spawn(move || sender.send(child.wait()).ok());
        ended.recv_timeout(DEADLINE).map(|status| status.expect("a child")).unwrap_or_else(|_| {
            Command::new("kill").args(["-s", "KILL", &id]).status().expect("kill runs");
            panic!("the node does not end");
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().expect("it still runs");
            child.wait().expect("it has ended");
        }
    }
}

/// The part of an answer behind its head.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head and a body").1
}

/// A client that speaks raw packets over long-polling.
pub struct Polling<'a> {
    node: &'a Node,
    sid: String,
    /// Packets that came and that nobody asked for yet.
    waiting: RefCell<VecDeque<String>>,
}

impl Polling<'_> {
    fn url(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid)
    }

    /// Sends one packet.
    pub fn send(&self, packet: &str) {
        let answer = self.node.request("POST", &self.url(), packet);
        assert_eq!(body(&answer), "ok", "{answer}");
    }

    /// The next packet.
    pub fn next(&self) -> String {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            let answer = self.node.get(&self.url());
            waiting.extend(body(&answer).split('\u{1e}').map(str::to_owned));
        }
        waiting.pop_front().expect("an answer has a packet")
    }

    /// What stands behind this start in the first packet that has it; those before are passed over.
    pub fn receive(&self, start: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let packet = self.next();
            if let Some(rest) = packet.strip_prefix(start) {
                return rest.to_owned();
            }
            assert!(Instant::now() < deadline, "no packet {start}, the last one: {packet}");
        }
    }

    /// Emits with an acknowledgement and waits for it.
    pub fn ask(&self, id: u32, event: &str) -> serde_json::Value {
        self.send(&format!("42{id}{event}"));
        let answer = self.receive(&format!("43{id}"));
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("an answer in JSON");
        answer[0].clone()
    }
}
