//! What the operating system says about the server's process.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::eventually;

/// A process on this machine, read through `/proc`.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// The process with this id.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// The process id.
    pub fn pid(self) -> u32 {
        self.pid
    }

    /// Resident memory in bytes.
    #[track_caller]
    pub fn memory(self) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("the process is alive and has resident memory") * 1024
    }

    /// How many file descriptors are open: listeners, connections and a constant number of others.
    #[track_caller]
    pub fn descriptors(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("the process is alive").count()
    }

    /// Processor time used so far, in user and kernel mode together.
    #[track_caller]
    pub fn processor_time(self) -> Duration {
        let stat = self.read("stat");
        // The name in parentheses may hold anything, so fields are counted from behind it (proc(5): utime 14, stime 15).
        let (_, fields) = stat.rsplit_once(')').expect("a stat line has a name");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks: u64 =
            fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks are a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Stops it, so that it does nothing but keeps its connections (SIGSTOP). Returns when it has stopped.
    #[track_caller]
    pub fn stop(self) {
        self.signal("-STOP");
        eventually("the process has stopped", || match self.read("stat") {
            stat if stat.contains(") T ") => Ok(()),
            stat => Err(stat),
        });
    }

    /// Lets it go on after [`Process::stop`].
    #[track_caller]
    pub fn go_on(self) {
        self.signal("-CONT");
    }

    /// Sends it a signal, such as `-TERM`.
    #[track_caller]
    pub(crate) fn signal(self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid.to_string()]).status();
        assert!(sent.expect("kill can be run").success(), "kill {signal} failed");
    }

    #[track_caller]
    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid)).expect("the process is alive")
    }
}
