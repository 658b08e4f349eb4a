//! The processes under test: the nodes, and the brokers between them. Their accounts are added up.

use std::{io, time::Duration};

use crate::{
    failure::{Doing, Failure},
    process::{Memory, Process},
};

/// All processes whose CPU time counts.
pub struct Servers {
    nodes: Vec<Process>,
    brokers: Vec<Process>,
}

/// CPU time of both kinds.
#[derive(Clone, Copy, Default)]
pub struct Cpu {
    /// Of the nodes.
    pub nodes: Duration,
    /// Of the brokers.
    pub brokers: Duration,
}

impl Servers {
    /// The processes with these ids.
    pub fn new(nodes: &[u32], brokers: &[u32]) -> Result<Self, Failure> {
        let open = |pids: &[u32]| pids.iter().map(|pid| Process::new(*pid)).collect::<io::Result<Vec<_>>>();
        Ok(Self {
            nodes: open(nodes).doing("reading the server's process")?,
            brokers: open(brokers).doing("reading the broker's process")?,
        })
    }

    /// User and system time of all since they started.
    pub fn cpu(&mut self) -> Result<Cpu, Failure> {
        let sum =
            |processes: &mut [Process]| processes.iter_mut().map(Process::cpu).sum::<io::Result<Duration>>();
        Ok(Cpu {
            nodes: sum(&mut self.nodes).doing("reading the server's CPU time")?,
            brokers: sum(&mut self.brokers).doing("reading the broker's CPU time")?,
        })
    }

    /// Where `cpu` comes from, for the report.
    pub fn cpu_source(&self) -> &'static str {
        self.nodes.first().map_or("none", Process::cpu_source)
    }

    /// Resident memory of the nodes, in KiB.
    pub fn memory(&self) -> Result<Memory, Failure> {
        total(&self.nodes).doing("reading the server's memory")
    }

    /// Resident memory of the brokers, in KiB.
    pub fn brokers_memory(&self) -> Result<Memory, Failure> {
        total(&self.brokers).doing("reading the broker's memory")
    }

    /// Files and sockets that the nodes have open.
    pub fn open_files(&self) -> Result<usize, Failure> {
        let sum: io::Result<usize> = self.nodes.iter().map(Process::open_files).sum();
        sum.doing("counting the server's files")
    }

    /// Whether there are brokers.
    pub fn has_brokers(&self) -> bool {
        !self.brokers.is_empty()
    }
}

fn total(processes: &[Process]) -> io::Result<Memory> {
    processes.iter().try_fold(Memory::default(), |sum, process| {
        let one = process.memory()?;
        Ok(Memory { now: sum.now + one.now, peak: sum.peak + one.peak })
    })
}

impl Cpu {
    /// Both together.
    pub fn total(self) -> Duration {
        self.nodes + self.brokers
    }

    /// What was used since an earlier reading.
    pub fn since(self, before: Cpu) -> Cpu {
        Cpu {
            nodes: self.nodes.saturating_sub(before.nodes),
            brokers: self.brokers.saturating_sub(before.brokers),
        }
    }
}

impl std::ops::AddAssign for Cpu {
    fn add_assign(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.brokers += other.brokers;
    }
}
