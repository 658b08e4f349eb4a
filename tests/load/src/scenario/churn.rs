//! Clients that join a room, leave it, join the next one, as fast as acks come, while rooms are published to.
//!
//! What a client gets from a room after the ack of its leave is a stray. What it misses cannot be told from outside: a
//! leave and an event cross each other on their ways.

use std::collections::VecDeque;

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
pub struct Churn {
    /// Clients, each in one room at most
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Rooms
    #[arg(long, default_value_t = 100)]
    rooms: usize,
    /// Joins and leaves that are not acknowledged yet
    #[arg(long, default_value_t = 100)]
    in_flight: usize,
    /// Events published per second, to the rooms in turn
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Bytes of the event's one string argument
    #[arg(long, default_value_t = 64)]
    size: usize,
    #[command(flatten)]
    stretch: Stretch,
}

impl Churn {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        demand(self.rooms > 0 && self.in_flight > 0, "churn needs a room and a change under way")?;
        demand(
            self.in_flight <= self.clients,
            "a client has one change under way, so --in-flight <= --clients",
        )?;
        // The last one publishes.
        swarm.connect(self.clients + 1)?;
        let mut changes = Changes {
            members: vec![Member::default(); self.clients],
            ready: (0..self.clients).collect(),
            under_way: 0,
            published: 0,
            events: 0,
            strays: 0,
            order: Order::default(),
            random: Random::new(3),
            pace: Pace::new(self.rate, swarm.now()),
            settings: self,
        };
        let measured = measure(&mut changes, swarm, servers, self.stretch, quiet)?;
        let mut report = Report::new("churn");
        report.setting("clients", self.clients);
        report.setting("rooms", self.rooms);
        report.setting("in_flight", self.in_flight);
        report.setting("rate", self.rate);
        measured.report(&mut report, servers, "join or leave");
        report.figure("events", changes.events as f64, "events that members received, warm-up included");
        report.figure("strays", changes.strays as f64, "of them received after the ack of a leave");
        Ok(report)
    }
}

/// Where a client is. While a change is under way it may be there or not.
#[derive(Clone, Default)]
struct Member {
    room: Option<usize>,
    changing: bool,
    since: u64,
}

struct Changes<'a> {
    members: Vec<Member>,
    /// Clients that have no change under way; the one that waited longest comes first.
    ready: VecDeque<usize>,
    under_way: usize,
    published: u64,
    events: u64,
    strays: u64,
    order: Order,
    random: Random,
    pace: Pace,
    settings: &'a Churn,
}

impl Changes<'_> {
    fn change(&mut self, swarm: &mut Swarm, index: usize) {
        let member = &mut self.members[index];
        member.changing = true;
        member.since = swarm.now();
        let packet = match member.room {
            Some(room) => format!("421[\"leave\",\"room-{room}\"]"),
            None => {
                let room = self.random.below(self.settings.rooms);
                member.room = Some(room);
                // The ack tells a join from a leave.
                format!("422[\"join\",\"room-{room}\"]")
            }
        };
        self.under_way += 1;
        swarm.client(index).send(packet.as_bytes());
    }
}

impl Load for Changes<'_> {
    fn send(&mut self, swarm: &mut Swarm) -> u64 {
        let now = swarm.now();
        while let Some(at) = self.pace.take(now) {
            let room = format!("room-{}", self.published as usize % self.settings.rooms);
            let publisher = self.settings.clients;
            let stamp = Stamp { at, number: self.published, sender: publisher };
            swarm.client(publisher).send(&stamp.packet("room", Some(&room), self.settings.size));
            self.published += 1;
        }
        while self.under_way < self.settings.in_flight
            && let Some(index) = self.ready.pop_front()
        {
            self.change(swarm, index);
        }
        self.pace.next()
    }

    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally) {
        match packet {
            Packet::Ack(id) => {
                let Some(member) = self.members.get_mut(index).filter(|member| member.changing) else {
                    return;
                };
                member.changing = false;
                if id == 1 {
                    member.room = None;
                }
                self.under_way -= 1;
                self.ready.push_back(index);
                tally.record(member.since, client.read_at());
            }
            Packet::Event(event) => {
                let Some(stamp) = Stamp::of(event, "r") else { return };
                self.events += 1;
                self.order.received(index, stamp.sender, stamp.number);
                let room = stamp.number as usize % self.settings.rooms;
                self.strays +=
                    u64::from(self.members.get(index).is_none_or(|member| member.room != Some(room)));
            }
            Packet::Ready => {}
        }
    }

    fn under_way(&self) -> u64 {
        self.under_way as u64
    }

    fn disorders(&self) -> u64 {
        self.order.disorders()
    }
}
