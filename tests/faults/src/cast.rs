//! Everybody who is connected in a run: members, emitters, inquirers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::arguments::Load;
use crate::book::Book;
use crate::clock::Clock;
use crate::emitter::{Emitter, EmitterLog};
use crate::failure::Failure;
use crate::inquirer::{Answer, Inquirer};
use crate::member::{Member, MemberLog};
use crate::seeker::{Phase, Seeker};

/// For all of them to write down their last words.
const LEAVING: Duration = Duration::from_secs(30);

/// The tasks of a run's clients.
pub struct Cast {
    phase: watch::Sender<Phase>,
    members: Vec<JoinHandle<MemberLog>>,
    emitters: Vec<JoinHandle<EmitterLog>>,
    inquirers: Vec<JoinHandle<Vec<Answer>>>,
}

/// What they saw.
pub struct Logs {
    pub members: Vec<MemberLog>,
    pub emitters: Vec<EmitterLog>,
    pub answers: Vec<Answer>,
}

impl Cast {
    /// Everybody looks for its node.
    pub fn start(load: &Load, book: &Arc<Book>, clock: Clock) -> Self {
        let (phase, heard) = watch::channel(Phase::Busy);
        let seeker =
            |node| Seeker { book: Arc::clone(book), phase: heard.clone(), client: book.enroll(), node };
        let nodes = book.names().len();
        let period = Duration::from_secs(1) / load.rate;
        let member = |nth: usize| {
            let first = nth % load.rooms;
            let rooms = vec![first, (first + load.rooms / 2) % load.rooms];
            // Of two rooms that are one, one is left.
            let rooms = if rooms[0] == rooms[1] { vec![first] } else { rooms };
            tokio::spawn(Member { seeker: seeker(nth % nodes), clock, rooms }.run())
        };
        let emitter = |number: usize| {
            let seeker = seeker(number % nodes);
            tokio::spawn(Emitter { seeker, clock, number, rooms: load.rooms, period }.run())
        };
        let inquirer = |node| tokio::spawn(Inquirer { seeker: seeker(node), clock }.run());
        Self {
            members: (0..load.members * nodes).map(member).collect(),
            emitters: (0..load.emitters * nodes).map(emitter).collect(),
            inquirers: (0..nodes).map(inquirer).collect(),
            phase,
        }
    }

    /// Nobody emits from now on.
    pub fn quiet(&self) {
        self.phase.send_replace(Phase::Quiet);
    }

    /// Everybody leaves.
    pub async fn leave(self) -> Result<Logs, Failure> {
        self.phase.send_replace(Phase::Over);
        Ok(Logs {
            members: all(self.members).await?,
            emitters: all(self.emitters).await?,
            answers: all(self.inquirers).await?.into_iter().flatten().collect(),
        })
    }
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Result<Vec<T>, Failure> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        match timeout(LEAVING, task).await {
            Ok(Ok(result)) => results.push(result),
            Ok(Err(error)) => return Err(Failure::Process(format!("a client broke: {error}"))),
            Err(_) => {
                return Err(Failure::Late { what: "a client leaving".into(), seconds: LEAVING.as_secs() });
            }
        }
    }
    Ok(results)
}
