//! What all scenarios with events have in common: warm up, measure, wait for what is under way, report.

use std::time::{Duration, Instant};

use crate::{
    client::{Client, Packet},
    failure::Failure,
    histogram::Histogram,
    meter::{Meter, Used},
    report::Report,
    servers::Servers,
    swarm::Swarm,
    timeline::Timeline,
};

/// What every measured stretch is preceded by: the server's caches, allocator and compiler warm up.
const WARM_UP: Duration = Duration::from_secs(2);

/// The longest that packets still under way may take after the last was sent.
pub const SETTLE: Duration = Duration::from_secs(10);

/// The longest turn, so that the clock is looked at often enough.
const TURN: Duration = Duration::from_millis(50);

/// How long a stretch is measured.
#[derive(Clone, Copy, clap::Args)]
pub struct Stretch {
    /// Measure until the servers have used this much CPU, in seconds. With a rate: the whole of --seconds
    #[arg(long, default_value_t = 1.0)]
    pub cpu: f64,
    /// But not longer than this, in seconds
    #[arg(long, default_value_t = 20.0)]
    pub seconds: f64,
}

/// What arrived, and how late.
#[derive(Default)]
pub struct Tally {
    /// Since the timeline's last row.
    recent: Histogram,
    measured: Histogram,
    /// Since the start, warm-up included.
    all: u64,
}

impl Tally {
    /// Something arrived that was due at `due`.
    pub fn record(&mut self, due: u64, now: u64) {
        self.recent.record(now.saturating_sub(due));
        self.all += 1;
    }
}

/// A scenario under way.
pub trait Load {
    /// Sends what is due and returns when the next will be, on the swarm's clock. It is asked after every turn in any case.
    fn send(&mut self, swarm: &mut Swarm) -> u64;

    /// A client has received something.
    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally);

    /// Stops sending: what is under way may still arrive.
    fn stop(&mut self) {}

    /// Deliveries that have not come yet.
    fn under_way(&self) -> u64;

    /// Deliveries behind a later one of the same sender, or twice.
    fn disorders(&self) -> u64;
}

/// What the measured stretch showed.
pub struct Measured {
    /// Time and CPU.
    pub used: Used,
    /// Latencies of all deliveries in the stretch.
    pub latency: Histogram,
    /// Memory before the load, in KiB.
    pub rss_before: u64,
    /// The highest under it.
    pub rss_peak: u64,
    /// Deliveries that did not come at all.
    pub missing: u64,
    /// Deliveries out of order, from the start of the warm-up on.
    pub disorders: u64,
    /// All deliveries from there on.
    pub all: u64,
    /// The run over time.
    pub timeline: Timeline,
}

/// Runs `load` on clients that are connected.
pub fn measure(
    load: &mut impl Load,
    swarm: &mut Swarm,
    servers: &mut Servers,
    stretch: Stretch,
    quiet: bool,
) -> Result<Measured, Failure> {
    let before = servers.memory()?;
    let mut timeline = Timeline::start(quiet);
    let mut tally = Tally::default();

    let end = Instant::now() + WARM_UP;
    while Instant::now() < end {
        let next = load.send(swarm);
        turn(load, swarm, next, &mut tally)?;
        look(&mut timeline, servers, swarm, &mut tally)?;
    }
    tally.recent.clear();
    tally.measured.clear();

    let mut meter = Meter::start(servers)?;
    let started = Instant::now();
    let used = loop {
        let next = load.send(swarm);
        turn(load, swarm, next, &mut tally)?;
        let row = look(&mut timeline, servers, swarm, &mut tally)?;
        let over = started.elapsed().as_secs_f64() >= stretch.seconds;
        // Looking costs a few reads of /proc, so it is done with the timeline's rows.
        if row || over {
            let used = meter.read(servers)?;
            if over || used.cpu.total().as_secs_f64() >= stretch.cpu {
                break used;
            }
        }
    };
    tally.flush();
    let latency = tally.measured.clone();

    load.stop();
    let end = Instant::now() + SETTLE;
    while load.under_way() > 0 && Instant::now() < end {
        turn(load, swarm, u64::MAX, &mut tally)?;
    }
    let after = servers.memory()?;
    // The kernel knows the highest value of all times; it counts if it was reached meanwhile.
    let peak = if after.peak > before.peak { after.peak } else { timeline.peak_kib() };
    Ok(Measured {
        used,
        latency,
        rss_before: before.now,
        rss_peak: peak.max(after.now),
        missing: load.under_way(),
        disorders: load.disorders(),
        all: tally.all,
        timeline,
    })
}

fn turn(load: &mut impl Load, swarm: &mut Swarm, next: u64, tally: &mut Tally) -> Result<(), Failure> {
    let wait = Duration::from_micros(next.saturating_sub(swarm.now())).min(TURN);
    swarm.turn(wait, &mut |index, client, packet| load.take(index, client, packet, tally))?;
    swarm.fail_if_lost()
}

fn look(
    timeline: &mut Timeline,
    servers: &Servers,
    swarm: &Swarm,
    tally: &mut Tally,
) -> Result<bool, Failure> {
    let row = timeline.look(servers, swarm.len(), &tally.recent)?;
    if row {
        tally.flush();
    }
    Ok(row)
}

impl Tally {
    fn flush(&mut self) {
        self.measured.merge(&self.recent);
        self.recent.clear();
    }
}

impl Measured {
    /// The figures that every scenario has; `name` says what one delivery is: `delivery`, `echo`.
    pub fn report(self, report: &mut Report, servers: &Servers, per: &'static str) {
        let count = self.latency.count();
        let seconds = self.used.wall.as_secs_f64();
        report.setting("cpu_source", servers.cpu_source());
        report.figure("us_per_delivery", self.used.micros_per(count), format!("us of server CPU per {per}"));
        report.figure("deliveries", count as f64, "of them measured");
        report.figure("deliveries_per_s", count as f64 / seconds, "of them per second");
        report.latency("", &self.latency);
        report.figure("missing", self.missing as f64, "of them that never came");
        let percent = 100.0 * self.disorders as f64 / self.all.max(1) as f64;
        report.figure("disorder_percent", percent, "% out of order, warm-up included");
        report.figure(
            "disorders",
            self.disorders as f64,
            "that came after a later one of the same sender, or twice",
        );
        report.figure("server_cpu_s", self.used.cpu.total().as_secs_f64(), "s of server CPU measured");
        if servers.has_brokers() {
            report.figure("broker_cpu_s", self.used.cpu.brokers.as_secs_f64(), "s of it used by brokers");
        }
        report.figure("server_percent", self.used.server_percent(), "% of one core used by the servers");
        report.figure("generator_percent", self.used.own_percent(), "% of one core used by the generator");
        report.figure("rss_before_kib", self.rss_before as f64, "KiB of the servers' memory before the load");
        report.figure("rss_peak_kib", self.rss_peak as f64, "KiB of the servers' memory at most");
        report.timeline(self.timeline);
    }
}
