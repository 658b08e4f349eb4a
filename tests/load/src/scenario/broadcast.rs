//! One client broadcasts to all, with so many broadcasts under way: server CPU for each delivery.

use std::time::{Duration, Instant};

use super::{SETTLE, Stretch, WARM_UP, number_after, payload};
use crate::{
    client::Packet,
    failure::Failure,
    flight::Flight,
    meter::{Meter, Used},
    process::Process,
    report::Report,
    swarm::Swarm,
};

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Broadcast {
    /// Clients that receive; the first of them also sends
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Broadcasts that not all clients have yet
    #[arg(long, default_value_t = 2)]
    in_flight: usize,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    #[command(flatten)]
    stretch: Stretch,
}

impl Broadcast {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, server: &mut Process) -> Result<Report, Failure> {
        if self.clients == 0 || self.in_flight == 0 {
            return Err(Failure::Arguments(
                "there is no broadcast without a client and one in flight".to_owned(),
            ));
        }
        swarm.connect(self.clients)?;
        let mut flight = Flight::new(self.clients);

        let end = Instant::now() + WARM_UP;
        while Instant::now() < end {
            self.send_and_turn(swarm, &mut flight)?;
        }

        flight.forget_disorders();
        let (deliveries, done) = (flight.deliveries(), flight.done());
        let mut meter = Meter::start(server)?;
        let used: Used = loop {
            self.send_and_turn(swarm, &mut flight)?;
            if let Some(used) = meter.finished(self.stretch.enough())? {
                break used;
            }
        };
        let (deliveries, done) = (flight.deliveries() - deliveries, flight.done() - done);

        let end = Instant::now() + SETTLE;
        while flight.under_way() > 0 && Instant::now() < end {
            turn(swarm, &mut flight)?;
        }
        Ok(self.report(&flight, used, deliveries, done, server))
    }

    fn send_and_turn(&self, swarm: &mut Swarm, flight: &mut Flight) -> Result<(), Failure> {
        while flight.under_way() < self.in_flight {
            let data = payload(flight.next(), self.size);
            swarm.client(0).send(format!("42[\"broadcast\",\"{data}\"]").as_bytes());
        }
        turn(swarm, flight)
    }

    fn report(&self, flight: &Flight, used: Used, deliveries: u64, done: u64, server: &Process) -> Report {
        let mut report = Report::new("broadcast");
        report.setting("clients", self.clients);
        report.setting("in_flight", self.in_flight);
        report.setting("bytes", self.size);
        report.setting("cpu_source", server.cpu_source());
        report.figure("us_per_delivery", used.server_micros_per(deliveries), "us of server CPU per delivery");
        report.figure("deliveries", deliveries as f64, "deliveries measured");
        report.figure("broadcasts", done as f64, "broadcasts that reached all meanwhile");
        let seconds = used.wall.as_secs_f64();
        report.figure("deliveries_per_s", deliveries as f64 / seconds, "deliveries per second");
        report.figure("server_cpu_s", used.server.as_secs_f64(), "s of server CPU measured");
        report.figure("server_percent", used.server_percent(), "% of one core used by the server");
        report.figure("generator_percent", used.own_percent(), "% of one core used by the generator");
        report.figure("missing", flight.missing() as f64, "deliveries that never came");
        report.figure(
            "disorders",
            flight.disorders() as f64,
            "deliveries that came after a later broadcast, or twice",
        );
        report
    }
}

fn turn(swarm: &mut Swarm, flight: &mut Flight) -> Result<(), Failure> {
    swarm.turn(Duration::from_millis(50), &mut |client, _, packet| {
        if let Packet::Event(event) = packet
            && let Some(number) = number_after(event, b"[\"b\",\"")
        {
            flight.received(client, number);
        }
    })?;
    swarm.fail_if_lost()
}
