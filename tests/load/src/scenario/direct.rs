//! Events from socket to socket by id: each client passes what it gets on to the next one, round and round.

use crate::{
    client::{Client, Packet},
    driver::{Load, Stretch, Tally, measure},
    failure::Failure,
    order::Order,
    report::Report,
    scenario::demand,
    servers::Servers,
    stamp::Stamp,
    swarm::Swarm,
};

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Direct {
    /// Clients in the ring. With several servers each passes on to a client of another one
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Events on their way
    #[arg(long, default_value_t = 100)]
    in_flight: usize,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    #[command(flatten)]
    stretch: Stretch,
}

impl Direct {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        demand(self.clients > 1 && self.in_flight > 0, "a ring needs two clients and an event")?;
        swarm.connect(self.clients)?;
        let mut ring = Ring {
            ids: swarm.clients().iter().map(|client| client.id().to_owned()).collect(),
            sent: vec![0; self.clients],
            order: Order::default(),
            under_way: 0,
            begun: 0,
            in_flight: self.in_flight,
            size: self.size,
            stopped: false,
        };
        let measured = measure(&mut ring, swarm, servers, self.stretch, quiet)?;
        let mut report = Report::new("direct");
        report.setting("clients", self.clients);
        report.setting("in_flight", self.in_flight);
        report.setting("bytes", self.size);
        measured.report(&mut report, servers, "event to one socket");
        Ok(report)
    }
}

struct Ring {
    ids: Vec<String>,
    /// How many events each client has sent.
    sent: Vec<u64>,
    order: Order,
    under_way: u64,
    begun: usize,
    in_flight: usize,
    size: usize,
    stopped: bool,
}

impl Ring {
    fn pass_on(&mut self, index: usize, client: &mut Client, now: u64) {
        let to = &self.ids[(index + 1) % self.ids.len()];
        let stamp = Stamp { at: now, number: self.sent[index], sender: index };
        self.sent[index] += 1;
        self.under_way += 1;
        client.send(&stamp.packet("direct", Some(to), self.size));
    }
}

impl Load for Ring {
    fn send(&mut self, swarm: &mut Swarm) -> u64 {
        while self.begun < self.in_flight {
            // Spread over the ring.
            let index = self.begun * self.ids.len() / self.in_flight;
            let now = swarm.now();
            self.pass_on(index, swarm.client(index), now);
            self.begun += 1;
        }
        u64::MAX
    }

    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally) {
        if let Packet::Event(event) = packet
            && let Some(stamp) = Stamp::of(event, "d")
        {
            let now = client.read_at();
            self.order.received(index, stamp.sender, stamp.number);
            self.under_way = self.under_way.saturating_sub(1);
            tally.record(stamp.at, now);
            if !self.stopped {
                self.pass_on(index, client, now);
            }
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn under_way(&self) -> u64 {
        self.under_way
    }

    fn disorders(&self) -> u64 {
        self.order.disorders()
    }
}
