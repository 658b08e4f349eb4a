//! Clients that connect as fast as they are let, in rounds: server CPU for each connect, and how long it takes.

use std::time::{Duration, Instant};

use crate::{
    driver::SETTLE,
    failure::Failure,
    meter::{Meter, Used},
    report::Report,
    scenario::demand,
    servers::Servers,
    swarm::Swarm,
};

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Storm {
    /// Clients that connect in each round (--at-once says how many at a time)
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Make rounds until the servers have used this much CPU on them, in seconds
    #[arg(long, default_value_t = 0.5)]
    cpu: f64,
    /// But not more rounds than this
    #[arg(long, default_value_t = 12)]
    rounds: usize,
}

impl Storm {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers) -> Result<Report, Failure> {
        demand(self.clients > 0 && self.rounds > 0, "a storm needs clients and a round")?;
        // The first round warms the server up and is not counted.
        let files = servers.open_files()?;
        swarm.connect(self.clients)?;
        swarm.keep(0);
        wait_for_files(swarm, servers, files)?;
        swarm.forget_connect_times();

        let enough = Duration::from_secs_f64(self.cpu.clamp(0.0, 600.0));
        let (mut used, mut rounds, mut peak) = (Used::default(), 0, 0);
        while rounds < self.rounds && used.cpu.total() < enough {
            let mut meter = Meter::start(servers)?;
            swarm.connect(self.clients)?;
            used += meter.read(servers)?;
            rounds += 1;
            peak = peak.max(servers.memory()?.now);
            swarm.keep(0);
            wait_for_files(swarm, servers, files)?;
        }
        let connects = (rounds * self.clients) as u64;
        let mut report = Report::new("storm");
        report.setting("clients", self.clients);
        report.setting("cpu_source", servers.cpu_source());
        report.figure("us_per_connect", used.micros_per(connects), "us of server CPU per connect");
        report.figure("connects", connects as f64, "connects measured");
        report.figure("connects_per_s", connects as f64 / used.wall.as_secs_f64(), "connects per second");
        report.latency("", swarm.connect_times());
        report.figure("server_cpu_s", used.cpu.total().as_secs_f64(), "s of server CPU measured");
        report.figure("generator_percent", used.own_percent(), "% of one core used by the generator");
        report.figure("rss_peak_kib", peak as f64, "KiB of the servers' memory at most");
        Ok(report)
    }
}

/// Waits until the servers have closed what the clients closed, so that this is not counted as connecting.
fn wait_for_files(swarm: &mut Swarm, servers: &Servers, files: usize) -> Result<(), Failure> {
    let end = Instant::now() + SETTLE;
    while servers.open_files()? > files && Instant::now() < end {
        swarm.rest(Duration::from_millis(50))?;
    }
    swarm.rest(Duration::from_millis(200))
}
