//! The server under test: a testbed process of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::{
    Http, PATIENCE, Polling, Process, Session, Stats, WebSocket, WebSocketSession, Witness, eventually,
};

/// Where the testbed serves raw Engine.IO; in its profile `protocol` every message comes back.
pub const ENGINE_IO: &str = "/engine.io/";

/// Where the testbed serves Socket.IO.
pub const SOCKET_IO: &str = "/socket.io/";

/// A running testbed; dropped, it is killed.
pub struct Testbed {
    child: Mutex<Child>,
    process: Process,
    address: SocketAddr,
    errors: Arc<Mutex<Vec<String>>>,
    panics_asked_for: AtomicUsize,
}

impl Testbed {
    /// Starts a testbed with this profile on a free port and waits until it accepts connections.
    ///
    /// The program is the one that `TESTBED` names, else `testbed` in the folder where Cargo puts this workspace's programs.
    /// `TRANSPORT` says how it carries WebSockets, `owned` if it is not set.
    #[track_caller]
    pub fn start(profile: &str) -> Self {
        Self::start_with(profile, &[])
    }

    /// The same with more on its command line.
    #[track_caller]
    pub fn start_with(profile: &str, args: &[String]) -> Self {
        let program = program();
        let spawned = Command::new(&program)
            .args(["--profile", profile, "--port", "0"])
            .args(["--transport", &transport()])
            .args(args)
            // A backtrace reads the program's debug information, tens of megabytes that would be taken for a leak.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                panic!("cannot start {}: {error}; run `cargo build -p testbed` first", program.display())
            }
        };
        let errors = Arc::new(Mutex::new(Vec::new()));
        let (lines, ready) = mpsc::channel();
        follow(child.stdout.take().expect("stdout is piped"), move |line| announce(&line, &lines));
        let kept = Arc::clone(&errors);
        follow(child.stderr.take().expect("stderr is piped"), move |line| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        // The handle goes into the value first: should the wait fail, dropping it ends the child.
        let process = Process::new(child.id());
        let mut testbed = Self {
            child: Mutex::new(child),
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            errors,
            panics_asked_for: AtomicUsize::new(0),
        };
        match ready.recv_timeout(PATIENCE) {
            Ok(address) => testbed.address = address,
            Err(_) => panic!(
                "{} did not say `ready http://HOST:PORT`; its errors: {:#?}",
                program.display(),
                testbed.errors()
            ),
        }
        testbed.wait_for_its_threads();
        testbed
    }

    /// It listens before its threads run. With a first answer all of them do, and have open what they keep open, so that
    /// [`Process::descriptors`] can be compared from here on.
    #[track_caller]
    fn wait_for_its_threads(&self) {
        let mut http = self.http();
        assert_eq!(http.get("/health").status, 200);
        let with_this_connection = self.process.descriptors();
        drop(http);
        eventually("the first connection is closed", || match self.process.descriptors() {
            now if now < with_this_connection => Ok(()),
            now => Err(format!("{now} descriptors")),
        });
    }

    /// The testbed of this profile that other tests use at this moment, or a new one.
    ///
    /// The last of its users ends it; a static would never be dropped and leave its process behind.
    #[track_caller]
    pub fn shared(profile: &'static str) -> Arc<Self> {
        static RUNNING: Mutex<Option<HashMap<&'static str, Weak<Testbed>>>> = Mutex::new(None);
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.get_or_insert_default();
        if let Some(testbed) = running.get(profile).and_then(Weak::upgrade) {
            return testbed;
        }
        let testbed = Arc::new(Self::start(profile));
        running.insert(profile, Arc::downgrade(&testbed));
        testbed
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its figures in the operating system.
    pub fn process(&self) -> Process {
        self.process
    }

    /// A new HTTP client.
    pub fn http(&self) -> Http {
        Http::to(self.address)
    }

    /// A new Engine.IO session over polling.
    #[track_caller]
    pub fn open_polling(&self, path: &str) -> Polling {
        Polling::open(self.address, path)
    }

    /// A new Engine.IO session over WebSocket.
    #[track_caller]
    pub fn open_websocket(&self, path: &str) -> WebSocketSession {
        WebSocketSession::open(self.address, path)
    }

    /// A new WebSocket with this target.
    #[track_caller]
    pub fn websocket(&self, target: &str) -> WebSocket {
        WebSocket::open(self.address, target)
    }

    /// A client that is healthy and stays so.
    #[track_caller]
    pub fn witness(&self) -> Witness {
        Witness::of(self)
    }

    /// Waits until a session is unknown: 400 with code 1 and the protocol's message.
    #[track_caller]
    pub fn forgets(&self, session: &impl Session) {
        self.forgets_target(&session.mismatched_target());
    }

    /// Waits until the session in a target is unknown. See [`Session::mismatched_target`].
    #[track_caller]
    pub fn forgets_target(&self, target: &str) {
        let mut http = self.http();
        eventually(&format!("{target} is forgotten"), || {
            let response = http.get(target);
            let expected = r#"{"code":1,"message":"Session ID unknown"}"#;
            match (response.status, response.text()) {
                (400, text) if text == expected => Ok(()),
                (status, text) => Err(format!("{status} {text}")),
            }
        });
    }

    /// What it counts of its Socket.IO server.
    #[track_caller]
    pub fn stats(&self) -> Stats {
        let response = self.http().get("/stats");
        assert_eq!(response.status, 200, "{response:?}");
        Stats::parse(response.text())
    }

    /// Tells that a test is about to ask for so many panics (see the profile `faults`).
    pub fn will_panic(&self, times: usize) {
        self.panics_asked_for.fetch_add(times, Ordering::Relaxed);
    }

    /// The process lives and nothing in it has panicked but what was asked to.
    #[track_caller]
    pub fn expect_unharmed(&self) {
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        assert!(
            matches!(status, Ok(None)),
            "the testbed ended: {status:?}; its errors: {:#?}",
            self.errors()
        );
        let panics: Vec<String> =
            self.errors().into_iter().filter(|line| line.contains("panicked at")).collect();
        let asked_for = self.panics_asked_for.load(Ordering::Relaxed);
        assert!(panics.len() <= asked_for, "the testbed panicked, {asked_for} were asked for: {panics:#?}");
    }

    /// Asks it to leave as an operator does, and waits for its status.
    #[track_caller]
    pub fn terminate(&self) -> ExitStatus {
        self.process.signal("-TERM");
        eventually("the testbed leaves", || {
            let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            status.expect("the child can be waited for").ok_or_else(|| "it still runs".to_owned())
        })
    }

    /// Kills it, as `kill -9` does.
    #[track_caller]
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill().expect("the testbed can be killed");
        child.wait().expect("the testbed can be waited for");
    }

    /// Everything it wrote to its standard error.
    pub fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Testbed {
    #[expect(clippy::print_stderr, reason = "a failing test should show what its server said")]
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself, which is not this place's to judge.
        let _ = child.kill();
        let _ = child.wait();
        if thread::panicking() {
            let errors = self.errors();
            let tail = &errors[errors.len().saturating_sub(30)..];
            eprintln!("the testbed's last errors: {tail:#?}");
        }
    }
}

/// How the servers under test carry WebSockets: `owned` or `mounted`.
pub fn transport() -> String {
    std::env::var("TRANSPORT").unwrap_or_else(|_| "owned".to_owned())
}

fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("TESTBED") {
        return named.into();
    }
    // This executable is target/<profile>/deps/suite-<hash>.
    let own = std::env::current_exe().expect("the test executable has a path");
    let folder = own.parent().and_then(std::path::Path::parent).expect("Cargo's layout of target folders");
    folder.join("testbed")
}

fn follow(stream: impl Read + Send + 'static, mut each: impl FnMut(String) + Send + 'static) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            each(line);
        }
    });
}

fn announce(line: &str, ready: &Sender<SocketAddr>) {
    if let Some(address) = line.strip_prefix("ready http://").and_then(|address| address.trim().parse().ok())
    {
        // Nobody listens any more once the first line was taken.
        let _ = ready.send(address);
    }
}

/// How long a server may take to return to rest after the worst input.
pub(crate) const REST: Duration = Duration::from_secs(10);
