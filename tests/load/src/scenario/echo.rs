//! Clients that send an event and wait for its ack before the next: server CPU for each.

use std::time::{Duration, Instant};

use super::{Stretch, WARM_UP, payload};
use crate::{
    client::Packet,
    failure::Failure,
    meter::{Meter, Used},
    process::Process,
    report::{Report, percentile},
    swarm::Swarm,
};

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Echo {
    /// Clients, each with one event under way
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    #[command(flatten)]
    stretch: Stretch,
}

/// What is known of the echoes so far.
struct Echoes {
    /// For each client the ack id that it waits for, and since when.
    waiting: Vec<(u64, Instant)>,
    acked: u64,
    wrong: u64,
    /// Round trips in microseconds.
    round_trips: Vec<u32>,
}

impl Echo {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, server: &mut Process) -> Result<Report, Failure> {
        swarm.connect(self.clients)?;
        let tail = format!("[\"echo\",\"{}\"]", payload(0, self.size));
        let now = Instant::now();
        let mut echoes =
            Echoes { waiting: vec![(0, now); self.clients], acked: 0, wrong: 0, round_trips: Vec::new() };
        for client in swarm.clients() {
            client.send(format!("420{tail}").as_bytes());
        }

        let end = Instant::now() + WARM_UP;
        while Instant::now() < end {
            turn(swarm, &mut echoes, &tail)?;
        }

        let acked = echoes.acked;
        echoes.round_trips.clear();
        let mut meter = Meter::start(server)?;
        let used: Used = loop {
            turn(swarm, &mut echoes, &tail)?;
            if let Some(used) = meter.finished(self.stretch.enough())? {
                break used;
            }
        };
        let acked = echoes.acked - acked;
        echoes.round_trips.sort_unstable();

        let mut report = Report::new("echo");
        report.setting("clients", self.clients);
        report.setting("bytes", self.size);
        report.setting("cpu_source", server.cpu_source());
        report.figure("us_per_echo", used.server_micros_per(acked), "us of server CPU per acked echo");
        report.figure("echoes", acked as f64, "echoes measured");
        report.figure("echoes_per_s", acked as f64 / used.wall.as_secs_f64(), "echoes per second");
        report.maybe("p50_us", percentile(&echoes.round_trips, 0.5), "us per round trip, median");
        report.maybe("p99_us", percentile(&echoes.round_trips, 0.99), "us per round trip, 99th percentile");
        report.figure("server_cpu_s", used.server.as_secs_f64(), "s of server CPU measured");
        report.figure("server_percent", used.server_percent(), "% of one core used by the server");
        report.figure("generator_percent", used.own_percent(), "% of one core used by the generator");
        report.figure("wrong", echoes.wrong as f64, "acks with an id that was not waited for");
        Ok(report)
    }
}

fn turn(swarm: &mut Swarm, echoes: &mut Echoes, tail: &str) -> Result<(), Failure> {
    swarm.turn(Duration::from_millis(50), &mut |index, client, packet| {
        let Packet::Ack(id) = packet else { return };
        let (expected, since) = echoes.waiting[index];
        if id != expected {
            echoes.wrong += 1;
            return;
        }
        echoes.acked += 1;
        let now = Instant::now();
        echoes.round_trips.push(u32::try_from((now - since).as_micros()).unwrap_or(u32::MAX));
        echoes.waiting[index] = (id + 1, now);
        client.send(format!("42{}{tail}", id + 1).as_bytes());
    })?;
    swarm.fail_if_lost()
}
