//! A process's own accounting, read from `/proc/<pid>`: CPU time, resident memory, open files.

use std::{collections::HashMap, fs, io, time::Duration};

/// The kernel's clock tick in `/proc/<pid>/stat`: 100 per second on every Linux that shows it to programs.
const TICK: Duration = Duration::from_millis(10);

/// A process that is being measured.
pub struct Process {
    pid: u32,
    /// The run time last seen of each thread, dead ones too. Empty where the kernel does not show it.
    threads: HashMap<u32, Duration>,
}

impl Process {
    /// The process with this id. Fails if there is none.
    pub fn new(pid: u32) -> io::Result<Self> {
        let mut process = Self { pid, threads: HashMap::new() };
        process.cpu()?;
        Ok(process)
    }

    /// User and system time of all threads since the process started.
    ///
    /// The scheduler's own sum per thread is taken where the kernel shows it (nanoseconds), else the process's
    /// `stat` (10 ms).
    pub fn cpu(&mut self) -> io::Result<Duration> {
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let name = task?.file_name();
            let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // A thread that ended since the listing keeps the value it had last.
            if let Ok(text) = fs::read_to_string(format!("/proc/{}/task/{thread}/schedstat", self.pid))
                && let Some(time) = time_on_cpu(&text)
            {
                self.threads.insert(thread, time);
            }
        }
        if self.threads.is_empty() { self.cpu_in_ticks() } else { Ok(self.threads.values().sum()) }
    }

    /// Where `cpu` comes from, for the report.
    pub fn cpu_source(&self) -> &'static str {
        if self.threads.is_empty() { "stat" } else { "schedstat" }
    }

    fn cpu_in_ticks(&self) -> io::Result<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name in brackets may hold anything, so fields are counted from the last bracket on.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        Ok(TICK * ticks)
    }

    /// Resident memory now and its highest value since the process started, in KiB.
    pub fn memory(&self) -> io::Result<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse().ok())
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no VmRSS: the process has ended"))
        };
        Ok(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }
}

/// Resident memory in KiB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Now.
    pub now: u64,
    /// The most there ever was.
    pub peak: u64,
}

fn time_on_cpu(schedstat: &str) -> Option<Duration> {
    let nanos: u64 = schedstat.split_whitespace().next()?.parse().ok()?;
    // A kernel that keeps no such account shows zeros.
    (nanos > 0).then(|| Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_accounts_of_cpu_time_agree() {
        let mut own = Process::new(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while own.cpu_in_ticks().unwrap() < Duration::from_millis(300) {
            sum = (0..1_000_000).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert_ne!(sum, 1);
        let (cpu, ticks) = (own.cpu().unwrap(), own.cpu_in_ticks().unwrap());
        assert!(cpu.abs_diff(ticks) < Duration::from_millis(100), "{cpu:?} and {ticks:?}");
    }

    #[test]
    fn memory_and_files_of_a_live_process_are_not_zero() {
        let own = Process::new(std::process::id()).unwrap();
        let memory = own.memory().unwrap();
        assert!(memory.now > 100 && memory.peak >= memory.now);
        assert!(own.open_files().unwrap() >= 3);
    }
}
