//! Clients that connect and then do nothing: memory for each, CPU for each connect.

use std::time::{Duration, Instant};

use super::SETTLE;
use crate::{
    failure::{Doing, Failure},
    meter::{Enough, Meter, Used},
    process::Process,
    report::Report,
    swarm::Swarm,
};

/// Clients that are there before the first measurement, so that what a server allocates once is not counted.
const WARM: usize = 32;

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Idle {
    /// Idle clients over which memory is measured
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Clients that connect in each round over which CPU is measured
    #[arg(long, default_value_t = 1_000)]
    round: usize,
    /// Make rounds until the server has used this much CPU on them, in seconds
    #[arg(long, default_value_t = 0.4)]
    cpu: f64,
    /// But not more rounds than this
    #[arg(long, default_value_t = 8)]
    rounds: usize,
}

impl Idle {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, server: &mut Process) -> Result<Report, Failure> {
        swarm.connect(WARM)?;
        let before = settled_rss(swarm, server)?;
        swarm.connect(self.clients)?;
        let after = settled_rss(swarm, server)?;

        let kept = WARM + self.clients;
        let enough = Enough { cpu: Duration::from_secs_f64(self.cpu.clamp(0.0, 60.0)), wall: Duration::MAX };
        let (mut used, mut rounds) = (Used::default(), 0);
        while rounds < self.rounds.max(1) && used.server < enough.cpu {
            let files = server.open_files().doing("counting the server's files")?;
            let mut meter = Meter::start(server)?;
            swarm.connect(self.round)?;
            used += meter.read()?;
            rounds += 1;
            swarm.keep(kept);
            wait_for_files(swarm, server, files)?;
        }

        let mut report = Report::new("idle");
        report.setting("clients", self.clients);
        let growth = after as f64 - before as f64;
        report.figure("kib_per_client", growth / self.clients.max(1) as f64, "KiB resident per idle client");
        report.figure("rss_kib", after as f64, "KiB resident with all clients idle");
        report.figure("rss_warm_kib", before as f64, "KiB resident before them");
        let connects = (rounds * self.round) as u64;
        report.figure("us_per_connect", used.server_micros_per(connects), "us of server CPU per connect");
        report.figure("connects", connects as f64, "connects over which that was measured");
        report.figure("server_cpu_s", used.server.as_secs_f64(), "s of server CPU measured");
        Ok(report)
    }
}

/// Resident memory once it has not moved by 0.5 % for a second, or after ten.
fn settled_rss(swarm: &mut Swarm, server: &Process) -> Result<u64, Failure> {
    let end = Instant::now() + SETTLE;
    let mut last = server.rss_kib().doing("reading the server's memory")?;
    loop {
        swarm.rest(Duration::from_secs(1))?;
        let now = server.rss_kib().doing("reading the server's memory")?;
        if now.abs_diff(last) * 200 <= last || Instant::now() > end {
            return Ok(now);
        }
        last = now;
    }
}

/// Waits until the server has closed what the clients closed, so that this is not counted as connecting.
fn wait_for_files(swarm: &mut Swarm, server: &Process, files: usize) -> Result<(), Failure> {
    let end = Instant::now() + SETTLE;
    while server.open_files().doing("counting the server's files")? > files && Instant::now() < end {
        swarm.rest(Duration::from_millis(50))?;
    }
    swarm.rest(Duration::from_millis(200))
}
