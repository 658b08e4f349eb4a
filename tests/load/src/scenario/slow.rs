//! Some members of a room stop reading while it is published to: when does the server cut them off, what does
//! each cost it until then, and do the others notice?
//!
//! Two stretches on the same connections, so that they differ in one thing only: first everyone reads, then some
//! stop. A client that does not read cannot see that it was cut off (the server's FIN waits behind what it has
//! not read), so the server's open files are counted instead.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::Packet, driver::SETTLE, failure::Failure, histogram::Histogram, pace::Pace, report::Report,
    scenario::demand, servers::Servers, stamp::Stamp, swarm::Swarm,
};

/// How often memory and files of the server are looked at.
const SAMPLE: Duration = Duration::from_millis(100);

/// What a stretch is preceded by and not counted.
const LEAD_IN: Duration = Duration::from_secs(3);

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Slow {
    /// Members of the room
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// How many of them stop reading
    #[arg(long, default_value_t = 100)]
    slow: usize,
    /// Bytes published to the room per second
    #[arg(long, default_value_t = 1_000_000)]
    rate: u64,
    /// Bytes of each event's one string argument
    #[arg(long, default_value_t = 16_384)]
    size: usize,
    /// Seconds of each of the two stretches. With the default both end before a server's usual heartbeat (25 s and
    /// 20 s to answer) would cut off whoever does not read
    #[arg(long, default_value_t = 15.0)]
    seconds: f64,
}

/// What one stretch showed.
struct Stretch {
    peak_rss_kib: u64,
    /// Server files at the start, and (when, how many) each time the number changed.
    files: usize,
    changes: Vec<(Duration, usize)>,
    /// Of those who read.
    latencies: Histogram,
    published: u64,
    wall: Duration,
}

impl Slow {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers) -> Result<Report, Failure> {
        demand(
            self.slow < self.clients && self.rate > 0,
            "someone has to read and something to be published",
        )?;
        swarm.connect(self.clients + 1)?;
        swarm.ask_each(self.clients, |_| "421[\"join\",\"load\"]".to_owned())?;

        let before = self.publish(swarm, servers)?;
        for client in &mut swarm.clients()[..self.slow] {
            client.set_deaf(true);
        }
        let during = self.publish(swarm, servers)?;
        // Whoever does not read does not notice its end, so these are clients that read.
        let lost = swarm.lost();
        let cut = self.count_cut(swarm)?;
        Ok(self.report(&before, &during, cut, lost))
    }

    /// The last client publishes, all others are in the room.
    fn publish(&self, swarm: &mut Swarm, servers: &Servers) -> Result<Stretch, Failure> {
        let started = Instant::now();
        let counted_from = swarm.now() + LEAD_IN.as_micros() as u64;
        let end = started + LEAD_IN + Duration::from_secs_f64(self.seconds.clamp(0.1, 3_600.0));
        let mut pace = Pace::new(self.rate as f64 / self.size as f64, swarm.now());
        let mut sampled = started;
        let mut stretch = Stretch {
            peak_rss_kib: 0,
            files: servers.open_files()?,
            changes: Vec::new(),
            latencies: Histogram::default(),
            published: 0,
            wall: Duration::ZERO,
        };
        let mut files = stretch.files;
        let lost = swarm.lost();
        while Instant::now() < end {
            let now = swarm.now();
            while let Some(at) = pace.take(now) {
                let stamp = Stamp { at, number: stretch.published, sender: self.clients };
                swarm.client(self.clients).send(&stamp.packet("room", Some("load"), self.size));
                stretch.published += 1;
            }
            let wait = Duration::from_micros(pace.next().saturating_sub(swarm.now())).min(SAMPLE);
            swarm.turn(wait, &mut |_, client, packet| {
                if let Packet::Event(event) = packet
                    && let Some(stamp) = Stamp::of(event, "r").filter(|stamp| stamp.at >= counted_from)
                {
                    stretch.latencies.record(client.read_at().saturating_sub(stamp.at));
                }
            })?;
            if swarm.client(self.clients).closed().is_some() {
                return swarm.fail_if_lost().map(|()| stretch);
            }
            if sampled.elapsed() >= SAMPLE {
                sampled = Instant::now();
                stretch.peak_rss_kib = stretch.peak_rss_kib.max(servers.memory()?.now);
                // Readers that were cut off know it themselves; what else is gone belonged to the slow ones.
                let now = servers.open_files()? + (swarm.lost() - lost);
                if now != files {
                    files = now;
                    stretch.changes.push((started.elapsed(), now));
                }
            }
        }
        stretch.wall = started.elapsed();
        Ok(stretch)
    }

    /// The slow clients read again: how many find their connection closed?
    fn count_cut(&self, swarm: &mut Swarm) -> Result<usize, Failure> {
        for client in &mut swarm.clients()[..self.slow] {
            client.set_deaf(false);
        }
        let end = Instant::now() + SETTLE / 4;
        while Instant::now() < end
            && swarm.clients()[..self.slow].iter().any(|client| client.closed().is_none())
        {
            for index in 0..self.slow {
                swarm.drain(index);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(swarm.clients()[..self.slow].iter().filter(|client| client.closed().is_some()).count())
    }

    fn report(&self, before: &Stretch, during: &Stretch, cut: usize, lost: usize) -> Report {
        let mut report = Report::new("slow");
        report.setting("clients", self.clients);
        report.setting("slow", self.slow);
        report.setting("bytes_per_s", self.rate);
        report.setting("bytes", self.size);
        let after = |gone: usize| {
            let change = during.changes.iter().find(|(_, files)| files + gone <= during.files);
            change.map(|(when, _)| when.as_secs_f64())
        };
        report.figure("cut", cut as f64, "slow clients that found themselves cut off when they read again");
        report.maybe("first_cut_s", after(1), "s until the server closed the first one's socket");
        report.maybe("last_cut_s", after(self.slow), "s until it had closed all of theirs");
        let growth = during.peak_rss_kib as f64 - before.peak_rss_kib as f64;
        report.figure("kib_per_slow", growth / self.slow.max(1) as f64, "KiB of peak memory per slow client");
        report.figure("rss_before_kib", before.peak_rss_kib as f64, "KiB peak while all read");
        report.figure("rss_during_kib", during.peak_rss_kib as f64, "KiB peak while some do not");
        report.latency("_before", &before.latencies);
        report.latency("_during", &during.latencies);
        report.figure(
            "deliveries_before",
            before.latencies.count() as f64,
            "deliveries counted while all read",
        );
        report.figure(
            "deliveries_during",
            during.latencies.count() as f64,
            "deliveries counted while some do not",
        );
        report.figure(
            "published_bytes_per_s",
            during.published as f64 * self.size as f64 / during.wall.as_secs_f64(),
            "bytes published per second",
        );
        report.figure("readers_lost", lost as f64, "clients that were reading and were cut off all the same");
        report
    }
}
