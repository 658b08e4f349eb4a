//! A NATS server of a test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Process, eventually};

/// How long a server that is [slowed down](NatsServer::slow_down) stands still, and goes on at most.
const STOPPED: Duration = Duration::from_millis(600);

/// How long it works in between: a tick, as finely as its processor time is told.
const WORKING: Duration = Duration::from_millis(10);

/// A real `nats-server` without JetStream, on a port that it has chosen itself; dropped, it is killed.
///
/// The program is the one that `NATS_SERVER` names, else what `tests/install` has installed, else `nats-server` from `PATH`.
pub struct NatsServer {
    child: Child,
    /// For its configuration, its ports and its log.
    folder: PathBuf,
    host: String,
    port: u16,
    starts: u32,
}

/// The part of a server's configuration that tests care about.
#[derive(Clone, Debug, Default)]
pub struct NatsConfig {
    lines: Vec<String>,
}

impl NatsConfig {
    /// As the server is by default: everybody may do everything.
    pub fn open() -> Self {
        Self::default()
    }

    /// One user may do everything below a subject and nothing else. Nobody else may do anything.
    pub fn user(name: &str, password: &str, below: &str) -> Self {
        let permissions = format!(r#"{{ publish: "{below}.>", subscribe: "{below}.>" }}"#);
        Self::default().with(&format!(
            r#"authorization {{ users = [ {{ user: "{name}", password: "{password}", permissions: {permissions} }} ] }}"#
        ))
    }

    /// Whoever has the token may do everything.
    pub fn token(token: &str) -> Self {
        Self::default().with(&format!(r#"authorization {{ token: "{token}" }}"#))
    }

    /// With one more line.
    pub fn with(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }
}

impl NatsServer {
    /// Starts a server that anybody may use.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&NatsConfig::open())
    }

    /// Starts a server with this configuration.
    #[track_caller]
    pub fn start_with(config: &NatsConfig) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let nth = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("natter-nats-{}-{nth}", process::id()));
        fs::create_dir_all(&folder).expect("a folder for the server");
        let host = own_host(process::id(), nth);
        let child = spawn(&folder, &host, None, config);
        let mut server = Self { child, folder, host, port: 0, starts: 1 };
        server.port = server.wait_until_it_listens();
        server
    }

    /// Where it listens, as `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Where clients connect to.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// Its figures in the operating system.
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Kills it, as `kill -9` does.
    #[track_caller]
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be waited for");
    }

    /// Kills it if it still runs, and starts it again at the same address.
    #[track_caller]
    pub fn restart(&mut self) {
        let config = fs::read_to_string(self.folder.join("config")).expect("the configuration is there");
        self.restart_with(&NatsConfig { lines: vec![config] });
    }

    /// Kills it if it still runs, and starts it again at the same address with another configuration.
    #[track_caller]
    pub fn restart_with(&mut self, config: &NatsConfig) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
        self.child = spawn(&self.folder, &self.host, Some(self.port), config);
        self.starts += 1;
        self.wait_until_it_listens();
    }

    /// Stops it, so that it does nothing but keeps its connections (SIGSTOP).
    #[track_caller]
    pub fn stop(&self) {
        self.process().stop();
        let stat = format!("/proc/{}/stat", self.child.id());
        eventually("the server has stopped", || {
            let stat = fs::read_to_string(&stat).map_err(|error| error.to_string())?;
            if stat.contains(") T ") { Ok(()) } else { Err(stat) }
        });
    }

    /// Lets it go on after [`NatsServer::stop`].
    #[track_caller]
    pub fn go_on(&self) {
        self.process().go_on();
    }

    /// Stops it again and again, for most of the time, as on a machine that has too much to do, until what is returned is
    /// dropped. In between it gets some of the processor, however busy the machine is.
    pub fn slow_down(&self) -> SlowedDown {
        let process = self.process();
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            loop {
                process.stop();
                let ends = ended.recv_timeout(STOPPED) != Err(RecvTimeoutError::Timeout);
                let (worked, begun) = (process.processor_time(), Instant::now());
                process.go_on();
                if ends {
                    break;
                }
                while process.processor_time() < worked + WORKING && begun.elapsed() < STOPPED {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        SlowedDown { thread: Some(thread), end: Some(end) }
    }

    /// Everything it wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// It writes the ports that it listens on to a file with its process id in its name.
    #[track_caller]
    fn wait_until_it_listens(&mut self) -> u16 {
        let ports = self.folder.join(format!("nats-server_{}.ports", self.child.id()));
        eventually("nats-server listens", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("nats-server has ended with {status}; its log:\n{}", self.log());
            }
            let text = fs::read_to_string(&ports).map_err(|error| error.to_string())?;
            let port = serde_json::from_str::<serde_json::Value>(&text)
                .ok()
                .and_then(|ports| ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok());
            port.ok_or_else(|| format!("{text}; its log:\n{}", self.log()))
        })
    }
}

impl Drop for NatsServer {
    #[expect(clippy::print_stderr, reason = "a failing test should show what its server said")]
    fn drop(&mut self) {
        // It may have ended by itself, which is not this place's to judge.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the log of nats-server:\n{}", self.log());
        }
        // A folder that stays is no test's failure.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A server that is slow as long as this lives. See [`NatsServer::slow_down`].
pub struct SlowedDown {
    thread: Option<thread::JoinHandle<()>>,
    end: Option<Sender<()>>,
}

impl Drop for SlowedDown {
    fn drop(&mut self) {
        self.end.take();
        // A signal that failed is told by the server that is not there.
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// An address of the loopback interface that no other server has, so that the port can be taken again after a restart:
/// whoever else is given it meanwhile has it at another address.
fn own_host(process: u32, nth: u32) -> String {
    // 22 bits of a process id at most, and the servers that one test process starts. 127.0.*.* is everybody's.
    let [_, high, middle, low] = (process.wrapping_mul(251).wrapping_add(nth)).to_be_bytes();
    format!("127.{}.{middle}.{}", high.max(1), low.clamp(1, 254))
}

#[track_caller]
fn spawn(folder: &Path, host: &str, port: Option<u16>, config: &NatsConfig) -> Child {
    let file = folder.join("config");
    fs::write(&file, config.lines.join("\n")).expect("the configuration can be written");
    let program = program();
    let port = port.map_or_else(|| "-1".to_owned(), |port| port.to_string());
    let spawned = Command::new(&program)
        .args(["--addr", host, "--port", &port])
        .arg("--config")
        .arg(&file)
        .arg("--ports_file_dir")
        .arg(folder)
        .arg("--log")
        .arg(folder.join("log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    spawned.unwrap_or_else(|error| {
        panic!("cannot start {}: {error}; run tests/install first", program.display())
    })
}

fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("NATS_SERVER") {
        return named.into();
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/nats-server");
    if installed.exists() { installed } else { "nats-server".into() }
}
