//! The NATS server of a run.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::failure::{Doing, Failure};
use crate::process::Process;

const START: Duration = Duration::from_secs(10);

/// A server without JetStream that comes back at the same address.
pub struct Nats {
    program: PathBuf,
    host: String,
    port: u16,
    process: Option<Process>,
}

impl Nats {
    /// Starts it on a free port of this address.
    pub async fn start(program: &Path, host: &str) -> Result<Self, Failure> {
        // Nobody else uses this address, so the port stays free while the server is away.
        let port = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr());
        let port = port.doing(format!("a port at {host}"))?.port();
        let mut nats = Self { program: program.to_owned(), host: host.to_owned(), port, process: None };
        nats.start_again().await?;
        Ok(nats)
    }

    /// Starts it and waits until it listens.
    pub async fn start_again(&mut self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(["--addr", &self.host, "--port", &self.port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let name = format!("nats-server as {} (tests/install installs one)", self.program.display());
        let process = self.process.insert(Process::start(&name, &mut command)?);
        let deadline = Instant::now() + START;
        while TcpStream::connect((self.host.as_str(), self.port)).is_err() {
            if let Some(status) = process.ended()? {
                return Err(Failure::Process(format!("nats-server has ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(Failure::Late { what: "nats-server".into(), seconds: START.as_secs() });
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Kills it, as `kill -9` does.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it: its connections stay, and nobody answers.
    pub fn stop(&self) -> Result<(), Failure> {
        self.signal("STOP")
    }

    /// Lets it go on.
    pub fn go_on(&self) -> Result<(), Failure> {
        self.signal("CONT")
    }

    fn signal(&self, signal: &str) -> Result<(), Failure> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(signal))
    }

    pub fn url(&self) -> String {
        format!("nats://{}:{}", self.host, self.port)
    }
}
