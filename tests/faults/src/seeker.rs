//! How a client finds a node: its own first, and whenever it is cut off the next one that answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::book::Book;
use crate::socket::Socket;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// How far a run is, as its clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everybody does what it is there for.
    Busy,
    /// Nobody emits any more; what is on its way arrives.
    Quiet,
    /// Everybody leaves.
    Over,
}

/// One client's way to a node.
pub struct Seeker {
    pub book: Arc<Book>,
    pub phase: watch::Receiver<Phase>,
    /// Its place in the book.
    pub client: usize,
    /// The node to try.
    pub node: usize,
}

impl Seeker {
    /// Connects to the node whose turn it is, or to one behind it. None when the run is over.
    pub async fn connect(&mut self) -> Option<Socket> {
        let mut phase = self.phase.clone();
        tokio::select! {
            _ = phase.wait_for(|phase| *phase == Phase::Over) => None,
            socket = self.seek() => Some(socket),
        }
    }

    async fn seek(&mut self) -> Socket {
        loop {
            if let Some(address) = self.book.node(self.node)
                && let Some(socket) = Socket::connect(address.at).await
            {
                return socket;
            }
            self.cut();
            sleep(PAUSE).await;
        }
    }

    /// The connection has ended: the next node is to be tried.
    pub fn cut(&mut self) {
        self.book.sit(self.client, None);
        self.node = (self.node + 1) % self.book.names().len();
    }

    /// Resolves when the run has come that far.
    pub async fn reached(&self, wanted: Phase) {
        // Its end is the end of the run.
        self.phase.clone().wait_for(|phase| *phase >= wanted).await.ok();
    }
}
