//! A stretch of a run over which CPU time is counted.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    failure::{Doing, Failure},
    process::Process,
};

/// How often the server's account is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// When a measured stretch is long enough.
#[derive(Clone, Copy)]
pub struct Enough {
    /// The server has used so much CPU.
    pub cpu: Duration,
    /// Or so much time has passed.
    pub wall: Duration,
}

/// What was used during a stretch.
#[derive(Clone, Copy, Default)]
pub struct Used {
    /// The server's user and system time.
    pub server: Duration,
    /// The generator's own.
    pub own: Duration,
    /// Time that passed.
    pub wall: Duration,
}

/// Counts from its creation on.
pub struct Meter<'a> {
    server: &'a mut Process,
    own: Process,
    server_before: Duration,
    own_before: Duration,
    started: Instant,
    looked: Instant,
}

impl<'a> Meter<'a> {
    /// Starts counting.
    pub fn start(server: &'a mut Process) -> Result<Self, Failure> {
        let mut own = Process::new(std::process::id()).doing("reading the generator's CPU time")?;
        let own_before = own.cpu().doing("reading the generator's CPU time")?;
        let server_before = server.cpu().doing("reading the server's CPU time")?;
        let now = Instant::now();
        Ok(Self { server, own, server_before, own_before, started: now, looked: now })
    }

    /// What was used up to now.
    pub fn read(&mut self) -> Result<Used, Failure> {
        let mut read = || -> io::Result<Used> {
            Ok(Used {
                server: self.server.cpu()?.saturating_sub(self.server_before),
                own: self.own.cpu()?.saturating_sub(self.own_before),
                wall: self.started.elapsed(),
            })
        };
        read().doing("reading the server's CPU time")
    }

    /// What was used, once that is `enough`; looks at most every 50 ms.
    pub fn finished(&mut self, enough: Enough) -> Result<Option<Used>, Failure> {
        if self.looked.elapsed() < INTERVAL {
            return Ok(None);
        }
        self.looked = Instant::now();
        let used = self.read()?;
        Ok((used.server >= enough.cpu || used.wall >= enough.wall).then_some(used))
    }
}

impl Used {
    /// The server's microseconds for each of `count` things.
    pub fn server_micros_per(&self, count: u64) -> f64 {
        self.server.as_secs_f64() * 1e6 / count.max(1) as f64
    }

    /// How busy the generator's one thread was, in per cent.
    pub fn own_percent(&self) -> f64 {
        self.own.as_secs_f64() * 100.0 / self.wall.as_secs_f64().max(1e-9)
    }

    /// How much of one core the server used, in per cent.
    pub fn server_percent(&self) -> f64 {
        self.server.as_secs_f64() * 100.0 / self.wall.as_secs_f64().max(1e-9)
    }
}

impl std::ops::AddAssign for Used {
    fn add_assign(&mut self, other: Self) {
        self.server += other.server;
        self.own += other.own;
        self.wall += other.wall;
    }
}
