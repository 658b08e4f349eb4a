//! A stretch of a run over which CPU time is counted.

use std::time::{Duration, Instant};

use crate::{
    failure::{Doing, Failure},
    process::Process,
    servers::{Cpu, Servers},
};

/// What was used during a stretch.
#[derive(Clone, Copy, Default)]
pub struct Used {
    /// The servers' user and system time.
    pub cpu: Cpu,
    /// The generator's own.
    pub own: Duration,
    /// Time that passed.
    pub wall: Duration,
}

/// Counts from its creation on.
pub struct Meter {
    own: Process,
    cpu_before: Cpu,
    own_before: Duration,
    started: Instant,
}

impl Meter {
    /// Starts counting.
    pub fn start(servers: &mut Servers) -> Result<Self, Failure> {
        let mut own = Process::new(std::process::id()).doing("reading the generator's CPU time")?;
        let own_before = own.cpu().doing("reading the generator's CPU time")?;
        Ok(Self { own, cpu_before: servers.cpu()?, own_before, started: Instant::now() })
    }

    /// What was used up to now.
    pub fn read(&mut self, servers: &mut Servers) -> Result<Used, Failure> {
        let own = self.own.cpu().doing("reading the generator's CPU time")?;
        Ok(Used {
            cpu: servers.cpu()?.since(self.cpu_before),
            own: own.saturating_sub(self.own_before),
            wall: self.started.elapsed(),
        })
    }
}

impl Used {
    /// The microseconds of nodes and brokers for each of `count` things.
    pub fn micros_per(&self, count: u64) -> f64 {
        self.cpu.total().as_secs_f64() * 1e6 / count.max(1) as f64
    }

    /// How busy the generator's one thread was, in per cent.
    pub fn own_percent(&self) -> f64 {
        self.percent(self.own)
    }

    /// How much of one core nodes and brokers used, in per cent.
    pub fn server_percent(&self) -> f64 {
        self.percent(self.cpu.total())
    }

    fn percent(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 100.0 / self.wall.as_secs_f64().max(1e-9)
    }
}

impl std::ops::AddAssign for Used {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.own += other.own;
        self.wall += other.wall;
    }
}
