//! A client that asks again and again which sockets there are in the whole cluster.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::book::Seat;
use crate::clock::{Clock, Moment};
use crate::seeker::{Phase, Seeker};
use crate::socket::{End, Packet, Socket};

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(200);
/// Longer than a node waits for the others by far.
const PATIENCE: Duration = Duration::from_secs(20);

/// One answer.
pub struct Answer {
    /// The node that was asked.
    pub node: usize,
    pub asked: Moment,
    pub took: Duration,
    /// Ids of the sockets that it lists.
    pub ids: Vec<String>,
    /// Nodes of which it says that they did not answer.
    pub missing: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// One inquirer.
pub struct Inquirer {
    pub seeker: Seeker,
    pub clock: Clock,
}

impl Inquirer {
    /// Asks until the run is over.
    pub async fn run(mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(mut socket) = self.seeker.connect().await {
            let seat = Seat { node: self.seeker.node, id: socket.id().to_owned() };
            self.seeker.book.sit(self.seeker.client, Some(seat));
            loop {
                let answer = tokio::select! {
                    () = self.seeker.reached(Phase::Over) => return answers,
                    answer = timeout(PATIENCE, self.ask(&mut socket)) => answer,
                };
                match answer {
                    Ok(Ok(answer)) => answers.push(answer),
                    _ => break,
                }
            }
            self.seeker.cut();
        }
        answers
    }

    async fn ask(&self, socket: &mut Socket) -> Result<Answer, End> {
        // Heartbeats that come meanwhile are answered with the next question; there is time enough.
        sleep(PAUSE).await;
        let asked = self.clock.now();
        let number = socket.ask(r#"["fetch",null]"#).await?;
        loop {
            match socket.next().await? {
                Packet::Ping => socket.pong().await?,
                Packet::Ack(answered, body) if answered == number => {
                    let (listed, missing): (Vec<Listed>, Vec<String>) =
                        serde_json::from_str(&body).map_err(|_| End::Torn)?;
                    let ids = listed.into_iter().map(|listed| listed.id).collect();
                    let took = self.clock.now().saturating_sub(asked);
                    return Ok(Answer { node: self.seeker.node, asked, took, ids, missing });
                }
                _ => {}
            }
        }
    }
}
