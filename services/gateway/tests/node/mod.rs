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
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
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
    log: PathBuf,
}

impl Node {
    /// Starts it and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_as("test", arguments)
    }

    /// Starts it under a name and waits until it listens.
    pub fn start_as(name: &str, arguments: &[&str]) -> Self {
        Self::start_with_log("warn", name, arguments)
    }

    /// As [`Node::start_as`]; `level` is what it logs.
    pub fn start_with_log(level: &str, name: &str, arguments: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let nth = STARTED.fetch_add(1, Ordering::Relaxed);
        let log =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{nth}.log", std::process::id()));
        let mut child = natter()
            .args(["--port", "0", "--workers", "2", "--node", name, "--log", level])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("ready ");
        let address = url.and_then(|url| url.strip_prefix("http://").or(url.strip_prefix("https://")));
        let address = address.unwrap_or_else(|| panic!("ready, not {line:?}"));
        Self { child: Some(child), address: address.to_owned(), log }
    }

    /// Everything it wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("its log")
    }

    /// What `/stats` shows; needs `--stats`.
    pub fn stats(&self) -> serde_json::Value {
        serde_json::from_str(body(&self.get("/stats"))).expect("JSON")
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

    /// A Socket.IO client over a WebSocket, connected to `/`: the connection.
    pub fn websocket(&self) -> TcpStream {
        let mut websocket = self.connect();
        write!(
            websocket,
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .expect("a request");
        // The open packet behind the head of the answer.
        read_until(&mut websocket, "\"sid\"");
        // A masked text frame with the mask 0: CONNECT to `/`.
        websocket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']).expect("a frame");
        read_until(&mut websocket, "40{");
        websocket
    }

    /// Sends a signal by its name: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.as_ref().expect("it runs").id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(mut self) {
        let mut child = self.child.take().expect("it was started");
        child.kill().expect("it still runs");
        child.wait().expect("it has ended");
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
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
    #[expect(clippy::print_stderr, reason = "a failing test should show what its node said")]
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().expect("it still runs");
            child.wait().expect("it has ended");
        }
        if thread::panicking() {
            eprintln!("the log of the node:\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
        // A log that stays is no test's failure.
        fs::remove_file(&self.log).ok();
    }
}

fn read_until(stream: &mut impl Read, wanted: &str) {
    let mut seen = Vec::new();
    let mut chunk = [0; 1024];
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let count = stream.read(&mut chunk).expect("bytes");
        assert!(count > 0, "the connection ended before {wanted}: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..count]);
    }
}

/// What still comes until the connection ends, in peace and not with a reset.
pub fn rest_of(stream: &mut impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end of the connection, not a reset");
    rest
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
