//! Clients that connect and then do nothing but answer heartbeats: memory for each.

use std::time::{Duration, Instant};

use crate::{
    driver::SETTLE, failure::Failure, histogram::Histogram, meter::Meter, report::Report, scenario::demand,
    servers::Servers, swarm::Swarm, timeline::Timeline,
};

/// Clients that are there before the first measurement, so that what a server allocates once is not counted.
const WARM: usize = 32;

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Idle {
    /// Idle clients over which memory is measured
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Stay so long and answer heartbeats, in seconds
    #[arg(long, default_value_t = 0)]
    hold: u64,
}

impl Idle {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        demand(self.clients > 0, "somebody has to be idle")?;
        let mut watch = Watch { timeline: Timeline::start(quiet), latencies: Histogram::default() };
        swarm.connect(WARM)?;
        let before = watch.settled_rss(swarm, servers)?;
        let (count, connecting) = (swarm.servers(), Instant::now());
        swarm
            .connect_watched(self.clients, |index| index % count, &mut |swarm| watch.look(swarm, servers))?;
        let connecting = connecting.elapsed();
        let after = watch.settled_rss(swarm, servers)?;

        let pings: Vec<u32> = swarm.clients().iter().map(|client| client.pings()).collect();
        let mut meter = Meter::start(servers)?;
        watch.rest(swarm, servers, Duration::from_secs(self.hold))?;
        let used = meter.read(servers)?;
        let pings: Vec<u32> =
            swarm.clients().iter().zip(pings).map(|(client, before)| client.pings() - before).collect();
        let held = servers.memory()?;

        let mut report = Report::new("idle");
        report.setting("clients", self.clients);
        report.setting("hold", self.hold);
        let growth = after as f64 - before as f64;
        report.figure("kib_per_client", growth / self.clients as f64, "KiB resident per idle client");
        report.figure("rss_kib", after as f64, "KiB resident with all clients idle");
        report.figure("rss_warm_kib", before as f64, "KiB resident before them");
        report.figure("connect_s", connecting.as_secs_f64(), "s until all were connected");
        if self.hold > 0 {
            report.figure("held_s", used.wall.as_secs_f64(), "s that they stayed");
            report.figure("held_rss_kib", held.now as f64, "KiB resident at the end");
            report.figure("held_peak_kib", held.peak as f64, "KiB at most since the server's start");
            report.figure("pings", pings.iter().map(|pings| f64::from(*pings)).sum(), "heartbeats answered");
            let least = pings.iter().min().map_or(0.0, |pings| f64::from(*pings));
            report.figure("pings_min", least, "of them by the client with the fewest");
            report.figure("held_percent", used.server_percent(), "% of one core used by the servers");
            if servers.has_brokers() {
                report.figure(
                    "broker_rss_kib",
                    servers.brokers_memory()?.now as f64,
                    "KiB resident of the brokers",
                );
            }
        }
        report.timeline(watch.timeline);
        Ok(report)
    }
}

struct Watch {
    timeline: Timeline,
    /// There are none.
    latencies: Histogram,
}

impl Watch {
    fn look(&mut self, swarm: &Swarm, servers: &Servers) -> Result<(), Failure> {
        self.timeline.look(servers, swarm.len(), &self.latencies).map(|_| ())
    }

    fn rest(&mut self, swarm: &mut Swarm, servers: &Servers, duration: Duration) -> Result<(), Failure> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            swarm.rest(Duration::from_millis(250).min(end.saturating_duration_since(Instant::now())))?;
            self.look(swarm, servers)?;
        }
        Ok(())
    }

    /// Resident memory once it has not moved by 0.5 % for a second, or after ten.
    fn settled_rss(&mut self, swarm: &mut Swarm, servers: &Servers) -> Result<u64, Failure> {
        let end = Instant::now() + SETTLE;
        let mut last = servers.memory()?.now;
        loop {
            self.rest(swarm, servers, Duration::from_secs(1))?;
            let now = servers.memory()?.now;
            if now.abs_diff(last) * 200 <= last || Instant::now() > end {
                return Ok(now);
            }
            last = now;
        }
    }
}
