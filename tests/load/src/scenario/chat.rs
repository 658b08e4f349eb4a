//! What a chat does, at a rate: of 20 events 15 go to the others in one's room, 1 to the whole room, 2 to one member and
//! 2 are echoes with an ack. One sender's events to one receiver have one order, whichever way they go.

use std::collections::HashMap;

use crate::{
    client::{Client, Packet},
    driver::{Load, Stretch, Tally, measure},
    failure::Failure,
    order::Order,
    pace::Pace,
    random::Random,
    report::Report,
    scenario::demand,
    servers::Servers,
    stamp::Stamp,
    swarm::Swarm,
};

/// Settings of the scenario.
#[derive(clap::Args)]
pub struct Chat {
    /// Rooms
    #[arg(long, default_value_t = 50)]
    rooms: usize,
    /// Members of each. With several servers they are at all of them
    #[arg(long, default_value_t = 20)]
    members: usize,
    /// Events sent per second by all together
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    /// Bytes of the event's string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Seconds to measure
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

impl Chat {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        demand(self.rooms > 0 && self.members > 1, "a chat needs a room with two members")?;
        let clients = self.rooms * self.members;
        swarm.connect(clients)?;
        swarm.ask_each(clients, |index| format!("421[\"join\",\"{}\"]", name(index / self.members)))?;
        let mut talk = Talk {
            ids: swarm.clients().iter().map(|client| client.id().to_owned()).collect(),
            sent: vec![0; clients],
            asked: HashMap::new(),
            order: Order::default(),
            random: Random::new(1),
            pace: Pace::new(self.rate, swarm.now()),
            under_way: 0,
            members: self.members,
            size: self.size,
        };
        let stretch = Stretch { cpu: f64::MAX, seconds: self.seconds };
        let measured = measure(&mut talk, swarm, servers, stretch, quiet)?;
        let mut report = Report::new("chat");
        report.setting("rooms", self.rooms);
        report.setting("members", self.members);
        report.setting("rate", self.rate);
        report.setting("bytes", self.size);
        measured.report(&mut report, servers, "delivery or ack");
        Ok(report)
    }
}

fn name(room: usize) -> String {
    format!("room-{room}")
}

struct Talk {
    ids: Vec<String>,
    /// How many events each client has sent.
    sent: Vec<u64>,
    /// When the echoes were due that are not acknowledged yet, by client and ack id.
    asked: HashMap<(usize, u64), u64>,
    order: Order,
    random: Random,
    pace: Pace,
    under_way: i64,
    members: usize,
    size: usize,
}

impl Talk {
    fn say(&mut self, swarm: &mut Swarm, at: u64) {
        let sender = self.random.below(self.ids.len());
        let room = sender / self.members;
        let number = self.sent[sender];
        self.sent[sender] += 1;
        let stamp = Stamp { at, number, sender };
        let (packet, deliveries) = match self.random.below(20) {
            0..15 => (stamp.packet("others", Some(&name(room)), self.size), self.members - 1),
            15 => (stamp.packet("room", Some(&name(room)), self.size), self.members),
            16 | 17 => {
                let to = room * self.members + self.random.below(self.members);
                (stamp.packet("direct", Some(&self.ids[to]), self.size), 1)
            }
            _ => {
                self.asked.insert((sender, number), at);
                (stamp.packet_with_ack(number, "echo", self.size), 1)
            }
        };
        self.under_way += deliveries as i64;
        swarm.client(sender).send(&packet);
    }
}

impl Load for Talk {
    fn send(&mut self, swarm: &mut Swarm) -> u64 {
        let now = swarm.now();
        while let Some(at) = self.pace.take(now) {
            self.say(swarm, at);
        }
        self.pace.next()
    }

    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally) {
        let due = match packet {
            Packet::Event(event) => Stamp::of(event, "r").or_else(|| Stamp::of(event, "d")).map(|stamp| {
                self.order.received(index, stamp.sender, stamp.number);
                stamp.at
            }),
            Packet::Ack(id) => self.asked.remove(&(index, id)),
            Packet::Ready => None,
        };
        if let Some(due) = due {
            self.under_way -= 1;
            tally.record(due, client.read_at());
        }
    }

    fn under_way(&self) -> u64 {
        self.under_way.max(0) as u64
    }

    fn disorders(&self) -> u64 {
        self.order.disorders()
    }
}
