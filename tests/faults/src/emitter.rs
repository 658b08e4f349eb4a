//! A client that publishes numbered events at a steady rate, to one room after the other.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::book::Seat;
use crate::clock::{Clock, Moment};
use crate::seeker::{Phase, Seeker};
use crate::socket::Packet;

/// What makes an event as long as one that carries something.
const LOAD: &str = "................................................................";

/// One event as it was handed to a connection.
#[derive(Clone, Copy, Debug)]
pub struct Emission {
    /// The node that its connection was to.
    pub node: usize,
    pub room: usize,
    pub at: Moment,
    /// The connection has taken it; else it may have come out or not.
    pub sent: bool,
}

/// Everything that an emitter has sent: the event with number `n` is the `n`th.
#[derive(Default)]
pub struct EmitterLog {
    pub emissions: Vec<Emission>,
}

/// One emitter.
pub struct Emitter {
    pub seeker: Seeker,
    pub clock: Clock,
    pub number: usize,
    pub rooms: usize,
    pub period: Duration,
}

impl Emitter {
    /// Emits until the run is quiet. What it could not send for want of a connection it never sends.
    pub async fn run(mut self) -> EmitterLog {
        let mut log = EmitterLog::default();
        let mut line = 0;
        let mut ticks = interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while let Some(mut socket) = self.seeker.connect().await {
            let seat = Seat { node: self.seeker.node, id: socket.id().to_owned() };
            self.seeker.book.sit(self.seeker.client, Some(seat));
            loop {
                tokio::select! {
                    () = self.seeker.reached(Phase::Quiet) => return log,
                    packet = socket.next() => match packet {
                        Ok(Packet::Ping) => if socket.pong().await.is_err() { break },
                        Ok(_) => {}
                        Err(_) => break,
                    },
                    _ = ticks.tick() => {
                        let (number, at) = (log.emissions.len(), self.clock.now());
                        let room = number % self.rooms;
                        let event = format!(
                            r#"["room","room-{room}",[{},{line},{number},{},"{LOAD}"]]"#,
                            self.number, at.as_micros()
                        );
                        let sent = socket.emit(&event).await;
                        let node = self.seeker.node;
                        log.emissions.push(Emission { node, room, at, sent: sent.is_ok() });
                        if sent.is_err() { break }
                    }
                }
            }
            line += 1;
            self.seeker.cut();
        }
        log
    }
}
