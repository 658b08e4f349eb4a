//! Many small rooms, each with one member that publishes: server CPU for each delivery when no delivery can be put
//! together with another one.

use crate::{
    client::{Client, Packet},
    driver::{Load, Stretch, Tally, measure},
    failure::Failure,
    flight::Flight,
    report::Report,
    scenario::demand,
    servers::Servers,
    stamp::Stamp,
    swarm::Swarm,
};

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Rooms {
    /// Rooms
    #[arg(long, default_value_t = 100)]
    rooms: usize,
    /// Members of each. With several servers they are at all of them
    #[arg(long, default_value_t = 10)]
    members: usize,
    /// Events in each room that not all members have yet
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    #[command(flatten)]
    stretch: Stretch,
}

impl Rooms {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        let clients = self.rooms * self.members;
        demand(clients > 0 && self.in_flight > 0, "no rooms without members and an event in flight")?;
        swarm.connect(clients)?;
        swarm.ask_each(clients, |index| format!("421[\"join\",\"{}\"]", name(index / self.members)))?;
        let mut publishing = Publishing {
            flights: (0..self.rooms).map(|_| Flight::new(self.members)).collect(),
            ready: (0..self.rooms).collect(),
            members: self.members,
            in_flight: self.in_flight,
            size: self.size,
        };
        let measured = measure(&mut publishing, swarm, servers, self.stretch, quiet)?;
        let mut report = Report::new("rooms");
        report.setting("rooms", self.rooms);
        report.setting("members", self.members);
        report.setting("in_flight", self.in_flight);
        report.setting("bytes", self.size);
        measured.report(&mut report, servers, "delivery");
        Ok(report)
    }
}

fn name(room: usize) -> String {
    format!("room-{room}")
}

struct Publishing {
    flights: Vec<Flight>,
    /// Rooms in which something can be published.
    ready: Vec<usize>,
    members: usize,
    in_flight: usize,
    size: usize,
}

impl Load for Publishing {
    fn send(&mut self, swarm: &mut Swarm) -> u64 {
        for room in std::mem::take(&mut self.ready) {
            // Not always the first member: it would always be at the same server.
            let publisher = room * self.members + room % self.members;
            while self.flights[room].under_way() < self.in_flight {
                let stamp = Stamp { at: swarm.now(), number: self.flights[room].next(), sender: publisher };
                swarm.client(publisher).send(&stamp.packet("room", Some(&name(room)), self.size));
            }
        }
        u64::MAX
    }

    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally) {
        if let Packet::Event(event) = packet
            && let Some(stamp) = Stamp::of(event, "r")
        {
            let room = index / self.members;
            self.flights[room].received(index % self.members, stamp.number);
            tally.record(stamp.at, client.read_at());
            if self.flights[room].under_way() < self.in_flight {
                self.ready.push(room);
            }
        }
    }

    fn under_way(&self) -> u64 {
        self.flights.iter().map(Flight::missing).sum()
    }

    fn disorders(&self) -> u64 {
        self.flights.iter().map(Flight::disorders).sum()
    }
}
