//! One client publishes to all, with so many broadcasts under way or at a rate: server CPU for each delivery, latency.

use crate::{
    client::{Client, Packet},
    driver::{Load, Stretch, Tally, measure},
    failure::Failure,
    flight::Flight,
    pace::Pace,
    report::Report,
    scenario::demand,
    servers::Servers,
    stamp::Stamp,
    swarm::Swarm,
};

const ROOM: &str = "load";

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Broadcast {
    /// Clients that receive; the first of them also sends
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Broadcasts that not all clients have yet
    #[arg(long, default_value_t = 2)]
    in_flight: usize,
    /// Broadcasts per second instead
    #[arg(long)]
    rate: Option<f64>,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// All join a room, and that is published to instead of the namespace
    #[arg(long)]
    room: bool,
    #[command(flatten)]
    stretch: Stretch,
}

/// Settings of a live feed.
#[derive(clap::Args)]
pub struct Feed {
    /// Clients that read, all in one room
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Events per second
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// The publisher is at the first server, all who read are at the others
    #[arg(long)]
    across: bool,
    #[command(flatten)]
    stretch: Stretch,
}

/// Settings of broadcasts of large events.
#[derive(clap::Args)]
pub struct Large {
    /// Clients that receive; the first of them also sends
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Broadcasts that not all clients have yet
    #[arg(long, default_value_t = 2)]
    in_flight: usize,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 65_536)]
    size: usize,
    #[command(flatten)]
    stretch: Stretch,
}

impl Broadcast {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        self.named("broadcast", swarm, servers, quiet)
    }

    fn named(
        &self,
        name: &'static str,
        swarm: &mut Swarm,
        servers: &mut Servers,
        quiet: bool,
    ) -> Result<Report, Failure> {
        demand(self.clients > 0 && self.in_flight > 0, "no broadcast without a client and one in flight")?;
        swarm.connect(self.clients)?;
        if self.room {
            swarm.ask_each(self.clients, |_| format!("421[\"join\",\"{ROOM}\"]"))?;
        }
        let pacing = match self.rate {
            Some(rate) => Pacing::At(Pace::new(rate, swarm.now())),
            None => Pacing::InFlight(self.in_flight),
        };
        let mut publishing = Publishing::new(0, self.clients, self.room, pacing, self.size);
        let measured = measure(&mut publishing, swarm, servers, within(self.stretch, self.rate), quiet)?;
        let mut report = Report::new(name);
        report.setting("clients", self.clients);
        match self.rate {
            Some(rate) => report.setting("rate", rate),
            None => report.setting("in_flight", self.in_flight),
        }
        report.setting("bytes", self.size);
        report.setting("room", self.room);
        measured.report(&mut report, servers, "delivery");
        Ok(report)
    }
}

impl Feed {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        demand(self.clients > 0, "somebody has to read")?;
        demand(!self.across || swarm.servers() > 1, "--across needs two servers: --url A,B")?;
        let others = swarm.servers() - usize::from(self.across);
        let first = usize::from(self.across);
        swarm.connect_each(self.clients, |index| first + index % others)?;
        swarm.connect_each(1, |_| 0)?;
        swarm.ask_each(self.clients, |_| format!("421[\"join\",\"{ROOM}\"]"))?;
        let pacing = Pacing::At(Pace::new(self.rate, swarm.now()));
        let mut publishing = Publishing::new(self.clients, self.clients, true, pacing, self.size);
        let measured =
            measure(&mut publishing, swarm, servers, within(self.stretch, Some(self.rate)), quiet)?;
        let mut report = Report::new("feed");
        report.setting("clients", self.clients);
        report.setting("rate", self.rate);
        report.setting("bytes", self.size);
        report.setting("across", self.across);
        measured.report(&mut report, servers, "delivery");
        Ok(report)
    }
}

impl Large {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        let Large { clients, in_flight, size, stretch } = *self;
        let broadcast = Broadcast { clients, in_flight, rate: None, size, room: false, stretch };
        broadcast.named("large", swarm, servers, quiet)
    }
}

/// At a rate, a stretch is as long as it was said to be.
fn within(stretch: Stretch, rate: Option<f64>) -> Stretch {
    Stretch { cpu: if rate.is_some() { f64::MAX } else { stretch.cpu }, ..stretch }
}

enum Pacing {
    InFlight(usize),
    At(Pace),
}

struct Publishing {
    flight: Flight,
    publisher: usize,
    room: bool,
    pacing: Pacing,
    size: usize,
}

impl Publishing {
    fn new(publisher: usize, readers: usize, room: bool, pacing: Pacing, size: usize) -> Self {
        Self { flight: Flight::new(readers), publisher, room, pacing, size }
    }

    fn publish(&mut self, swarm: &mut Swarm, at: u64) {
        let stamp = Stamp { at, number: self.flight.next(), sender: self.publisher };
        let packet = if self.room {
            stamp.packet("room", Some(ROOM), self.size)
        } else {
            stamp.packet("broadcast", None, self.size)
        };
        swarm.client(self.publisher).send(&packet);
    }
}

impl Load for Publishing {
    fn send(&mut self, swarm: &mut Swarm) -> u64 {
        let now = swarm.now();
        if let Pacing::InFlight(most) = self.pacing {
            while self.flight.under_way() < most {
                self.publish(swarm, swarm.now());
            }
            return u64::MAX;
        }
        while let Pacing::At(pace) = &mut self.pacing
            && let Some(at) = pace.take(now)
        {
            self.publish(swarm, at);
        }
        match &self.pacing {
            Pacing::At(pace) => pace.next(),
            Pacing::InFlight(_) => u64::MAX,
        }
    }

    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally) {
        let name = if self.room { "r" } else { "b" };
        if let Packet::Event(event) = packet
            && let Some(stamp) = Stamp::of(event, name)
        {
            self.flight.received(index, stamp.number);
            tally.record(stamp.at, client.read_at());
        }
    }

    fn under_way(&self) -> u64 {
        self.flight.missing()
    }

    fn disorders(&self) -> u64 {
        self.flight.disorders()
    }
}
