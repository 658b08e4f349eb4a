//! One node of the cluster: a testbed as a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::failure::{Doing, Failure};
use crate::process::Process;

const START: Duration = Duration::from_secs(20);

/// How a node is started, and again started.
#[derive(Clone)]
pub struct Recipe {
    /// Its name in the cluster.
    pub name: String,
    /// The address that it listens on.
    pub host: String,
    /// The network namespace that it runs in, if it has one.
    pub namespace: Option<String>,
}

impl Recipe {
    /// Starts the node and waits until it has joined. What it says on standard error goes to `log`.
    pub async fn start(
        &self,
        testbed: &Path,
        nats: &str,
        log: &Path,
    ) -> Result<(Process, SocketAddr), Failure> {
        let log = File::options().create(true).append(true).open(log).doing(format!("{}", log.display()))?;
        let mut command = match &self.namespace {
            None => Command::new(testbed),
            // It becomes the testbed, so the process id is the testbed's.
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(testbed);
                command
            }
        };
        command.args(["--profile", "load", "--port", "0", "--host", &self.host]);
        command.args(["--nats", nats, "--cluster", "faults", "--node", &self.name]);
        command.env("RUST_LOG", "natter=info,natter_cluster=info");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = Process::start(&self.name, &mut command)?;
        let said = first_line(process.stdout());
        let line = match timeout(START, said).await {
            Ok(Ok(line)) => line,
            Ok(Err(_)) => {
                return Err(Failure::Process(format!("{} has ended before it was ready", self.name)));
            }
            Err(_) => {
                return Err(Failure::Late {
                    what: format!("{} being ready", self.name),
                    seconds: START.as_secs(),
                });
            }
        };
        let address = line.trim().strip_prefix("ready http://").and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| Failure::Process(format!("{} says `{line}`", self.name)))?;
        Ok((process, address))
    }
}

/// A thread waits for the line, since a pipe blocks. It ends with the line or with the process.
fn first_line(stdout: Option<ChildStdout>) -> oneshot::Receiver<String> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
        if matches!(read, Some(Ok(1..))) {
            // Nobody may wait any more.
            tell.send(line).ok();
        }
    });
    told
}
