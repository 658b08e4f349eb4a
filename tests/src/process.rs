//! What the operating system says about the server's process.

use std::fs;
use std::time::Duration;

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

    #[track_caller]
    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid)).expect("the process is alive")
    }
}
