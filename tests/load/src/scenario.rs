//! The scenarios. Each takes a fresh server and returns its figures.

mod broadcast;
mod chat;
mod churn;
mod direct;
mod echo;
mod idle;
mod rooms;
mod slow;
mod storm;

use crate::{failure::Failure, report::Report, servers::Servers, swarm::Swarm};

/// One of the scenarios with its settings.
#[derive(clap::Subcommand)]
pub enum Scenario {
    /// Clients that do nothing but answer heartbeats: memory of each
    Idle(idle::Idle),
    /// Clients that connect all at once: CPU and time of each connect
    Storm(storm::Storm),
    /// Events with acks: CPU and round trip of each
    Echo(echo::Echo),
    /// One client broadcasts to all, so many at a time or at a rate: CPU and latency of each delivery
    Broadcast(broadcast::Broadcast),
    /// One publisher, all others read, at a rate: CPU and latency of each delivery
    Feed(broadcast::Feed),
    /// Broadcasts of large events: CPU of each delivery, the server's memory
    Large(broadcast::Large),
    /// Many small rooms, each with a member that publishes: CPU and latency of each delivery
    Rooms(rooms::Rooms),
    /// Clients that join and leave rooms all the time while these are published to: CPU of each change
    Churn(churn::Churn),
    /// Events from socket to socket by id: CPU and latency of each
    Direct(direct::Direct),
    /// What a chat does: events to one's room, echoes, private messages, at a rate
    Chat(chat::Chat),
    /// Members of a room that stop reading: when they are cut off, and at whose cost
    Slow(slow::Slow),
}

impl Scenario {
    /// Runs it. A quiet one shows no progress.
    pub fn run(&self, swarm: &mut Swarm, servers: &mut Servers, quiet: bool) -> Result<Report, Failure> {
        match self {
            Scenario::Idle(idle) => idle.run(swarm, servers, quiet),
            Scenario::Storm(storm) => storm.run(swarm, servers),
            Scenario::Echo(echo) => echo.run(swarm, servers, quiet),
            Scenario::Broadcast(broadcast) => broadcast.run(swarm, servers, quiet),
            Scenario::Feed(feed) => feed.run(swarm, servers, quiet),
            Scenario::Large(large) => large.run(swarm, servers, quiet),
            Scenario::Rooms(rooms) => rooms.run(swarm, servers, quiet),
            Scenario::Churn(churn) => churn.run(swarm, servers, quiet),
            Scenario::Direct(direct) => direct.run(swarm, servers, quiet),
            Scenario::Chat(chat) => chat.run(swarm, servers, quiet),
            Scenario::Slow(slow) => slow.run(swarm, servers),
        }
    }
}

/// Refuses settings that contradict each other.
fn demand(holds: bool, why: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Arguments(why.to_owned())) }
}
