//! A client that sits in rooms and writes down what arrives. Cut off, it goes to another node and joins again.

use std::time::Duration;

use tokio::time::timeout;

use crate::book::Seat;
use crate::clock::{Clock, Moment};
use crate::seeker::{Phase, Seeker};
use crate::socket::{End, Packet, Socket};

/// A node that does not let it join within this time is left for another one.
const JOINING: Duration = Duration::from_secs(10);

/// One connection, from the moment when all its rooms were joined.
#[derive(Clone, Copy, Debug)]
pub struct Stay {
    pub node: usize,
    pub joined: Moment,
    /// When it ended and how; none for the end of the run.
    pub ended: Option<(Moment, End)>,
}

/// One event that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub emitter: usize,
    pub number: usize,
    /// Which of the emitter's connections it was handed to.
    pub line: u32,
    pub at: Moment,
    /// The node that delivered it.
    pub node: usize,
}

/// What a member has seen.
pub struct MemberLog {
    pub rooms: Vec<usize>,
    pub stays: Vec<Stay>,
    pub arrivals: Vec<Arrival>,
    /// Events that were none of the emitters'.
    pub strange: u64,
}

/// One member.
pub struct Member {
    pub seeker: Seeker,
    pub clock: Clock,
    pub rooms: Vec<usize>,
}

impl Member {
    /// Listens until the run is over.
    pub async fn run(mut self) -> MemberLog {
        let mut log =
            MemberLog { rooms: self.rooms.clone(), stays: Vec::new(), arrivals: Vec::new(), strange: 0 };
        while let Some(mut socket) = self.seeker.connect().await {
            let joined = tokio::select! {
                () = self.seeker.reached(Phase::Over) => return log,
                joined = timeout(JOINING, self.join(&mut socket, &mut log)) => joined,
            };
            if let Ok(Ok(())) = joined {
                log.stays.push(Stay { node: self.seeker.node, joined: self.clock.now(), ended: None });
                let seat = Seat { node: self.seeker.node, id: socket.id().to_owned() };
                self.seeker.book.sit(self.seeker.client, Some(seat));
                let end = tokio::select! {
                    () = self.seeker.reached(Phase::Over) => return log,
                    end = self.listen(&mut socket, &mut log) => end,
                };
                if let Some(stay) = log.stays.last_mut() {
                    stay.ended = Some((self.clock.now(), end));
                }
            }
            self.seeker.cut();
        }
        log
    }

    /// Joins all rooms; over when the last one has been acknowledged.
    async fn join(&self, socket: &mut Socket, log: &mut MemberLog) -> Result<(), End> {
        let mut last = 0;
        for room in &self.rooms {
            last = socket.ask(&format!(r#"["join","room-{room}"]"#)).await?;
        }
        let mut open = self.rooms.len();
        while open > 0 {
            match socket.next().await? {
                Packet::Ack(number, _) if number <= last => open -= 1,
                packet => self.take(socket, packet, log).await?,
            }
        }
        Ok(())
    }

    async fn listen(&self, socket: &mut Socket, log: &mut MemberLog) -> End {
        loop {
            let taken = match socket.next().await {
                Ok(packet) => self.take(socket, packet, log).await,
                Err(end) => Err(end),
            };
            if let Err(end) = taken {
                return end;
            }
        }
    }

    async fn take(&self, socket: &mut Socket, packet: Packet, log: &mut MemberLog) -> Result<(), End> {
        match packet {
            Packet::Ping => socket.pong().await?,
            Packet::Event(text) => {
                match serde_json::from_str::<(&str, (usize, u32, usize, u64, &str))>(&text) {
                    Ok(("r", (emitter, line, number, ..))) => log.arrivals.push(Arrival {
                        emitter,
                        number,
                        line,
                        at: self.clock.now(),
                        node: self.seeker.node,
                    }),
                    _ => log.strange += 1,
                }
            }
            Packet::Ack(..) | Packet::Other => {}
        }
        Ok(())
    }
}
