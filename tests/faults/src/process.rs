//! A process that this program has started; dropped, it is killed. No other process is ever touched.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::failure::{Doing, Failure};

/// A killed process needs some time to give its memory back.
const KILLED: Duration = Duration::from_secs(10);

/// One process, by its id.
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts it in a process group of its own, so that a Ctrl-C meant for this program does not end it on its own.
    pub fn start(name: &str, command: &mut Command) -> Result<Self, Failure> {
        let child = command.process_group(0).spawn().doing(format!("starting {name}"))?;
        Ok(Self { child, name: name.to_owned() })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pipe from its standard output, once.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Sends a signal by its short name, as `kill -STOP` does.
    pub fn signal(&self, signal: &str) -> Result<(), Failure> {
        let doing = || format!("kill -{signal} {} ({})", self.child.id(), self.name);
        let status =
            Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        match status.doing(doing())? {
            status if status.success() => Ok(()),
            _ => Err(Failure::Process(format!("{} failed", doing()))),
        }
    }

    /// Kills it and waits for its end.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().doing(format!("killing {}", self.name))?;
        self.end(KILLED).await.map(drop)
    }

    /// Its status if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child.try_wait().doing(format!("looking for {}", self.name))
    }

    /// Waits for its end.
    pub async fn end(&mut self, within: Duration) -> Result<ExitStatus, Failure> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(5)).await;
        }
        Err(Failure::Late { what: format!("the end of {}", self.name), seconds: within.as_secs() })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago. SIGKILL ends a stopped process as well.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Resident memory of a process in bytes, while it is there.
pub fn memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
