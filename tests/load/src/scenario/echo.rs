//! Clients that send an event and wait for its ack before the next: server CPU and round trip of each.

use crate::{
    client::{Client, Packet},
    driver::{Load, Stretch, Tally, measure},
    failure::Failure,
    report::Report,
    scenario::demand,
    servers::Servers,
    stamp::Stamp,
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

impl Echo {
    /// Runs the scenario.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        demand(self.clients > 0, "somebody has to send")?;
        swarm.connect(self.clients)?;
        let mut echoes = Echoes {
            waiting: Vec::with_capacity(self.clients),
            unanswered: 0,
            wrong: 0,
            size: self.size,
            stopped: false,
        };
        let measured = measure(&mut echoes, swarm, servers, self.stretch, quiet)?;
        let mut report = Report::new("echo");
        report.setting("clients", self.clients);
        report.setting("bytes", self.size);
        measured.report(&mut report, servers, "acked echo");
        Ok(report)
    }
}

struct Echoes {
    /// For each client the ack id that it waits for, and since when.
    waiting: Vec<(u64, u64)>,
    unanswered: u64,
    /// Acks with an id that nobody waited for.
    wrong: u64,
    size: usize,
    stopped: bool,
}

impl Echoes {
    fn ask(&mut self, index: usize, client: &mut Client, id: u64, now: u64) {
        self.waiting[index] = (id, now);
        self.unanswered += 1;
        let stamp = Stamp { at: now, number: id, sender: index };
        client.send(&stamp.packet_with_ack(id, "echo", self.size));
    }
}

impl Load for Echoes {
    fn send(&mut self, swarm: &mut Swarm) -> u64 {
        // Only the first one; the others follow their acks.
        for index in self.waiting.len()..swarm.len() {
            let now = swarm.now();
            self.waiting.push((0, now));
            self.ask(index, swarm.client(index), 0, now);
        }
        u64::MAX
    }

    fn take(&mut self, index: usize, client: &mut Client, packet: Packet<'_>, tally: &mut Tally) {
        let Packet::Ack(id) = packet else { return };
        let (expected, since) = self.waiting[index];
        if id != expected {
            self.wrong += 1;
            return;
        }
        self.unanswered -= 1;
        let now = client.read_at();
        tally.record(since, now);
        if !self.stopped {
            self.ask(index, client, id + 1, now);
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn under_way(&self) -> u64 {
        self.unanswered
    }

    fn disorders(&self) -> u64 {
        self.wrong
    }
}
