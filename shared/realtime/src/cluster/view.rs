//! The cluster as a program sees it.

use std::sync::{Arc, Weak};

use natter_cluster::{ClusterStats, LinkHandle, LinkState};
use tokio::sync::watch;

use super::neighbours::ClusterChange;
use crate::server::Server;

/// The cluster that a server belongs to ([`Io::cluster`](crate::Io::cluster)). A small handle; Natter's own.
#[derive(Clone)]
pub struct ClusterView {
    pub(crate) link: LinkHandle,
    /// Not kept alive by a view of its cluster.
    pub(crate) server: Weak<Server>,
}

/// Why a node has not joined its cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinClusterError {
    /// A node of that name is there already. The link has ended; the server goes on alone.
    #[error("another node of the cluster has this one's name")]
    NameTaken,
    /// The server was closed.
    #[error("the server was closed")]
    Closed,
}

impl ClusterView {
    /// Resolves when the node takes part: NATS is there, all subscriptions are in place, and nobody has objected to the
    /// node's name. It waits as long as NATS is away; put a time around it where that matters.
    ///
    /// # Errors
    /// When the name is taken, or the server is closed meanwhile. Both are final.
    pub async fn joined(&self) -> Result<(), JoinClusterError> {
        let mut state = self.link.state();
        loop {
            match &*state.borrow_and_update() {
                LinkState::Ready => return Ok(()),
                LinkState::NameTaken => return Err(JoinClusterError::NameTaken),
                LinkState::Closed => return Err(JoinClusterError::Closed),
                LinkState::Away(_) | LinkState::Joining => {}
            }
            if state.changed().await.is_err() {
                return Err(JoinClusterError::Closed);
            }
        }
    }

    /// How the node's part in the cluster is going, now and when it changes.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.link.state()
    }

    /// Whether events and questions reach the other nodes now ([`LinkState::Ready`]).
    pub fn is_ready(&self) -> bool {
        *self.link.state().borrow() == LinkState::Ready
    }

    /// The names of the other nodes that are members now, sorted. A node is one until it says goodbye or has been
    /// silent for 2.5 s.
    pub fn nodes(&self) -> Vec<String> {
        self.link.members().iter().map(|member| member.name.clone()).collect()
    }

    /// Calls a function for each node that comes or goes from now on.
    ///
    /// What it emits to this node's own sockets is in order with what the cluster says: after everything that a node said
    /// before it went, before everything that it says once it has come. It runs on the link's thread, so it must not block.
    /// A panic is logged and counted.
    pub fn on_change(&self, listener: impl Fn(&ClusterChange) + Send + Sync + 'static) {
        if let Some(server) = self.server.upgrade() {
            server.neighbours.listen(Arc::new(listener));
        }
    }

    /// What was counted since the start, and a few gauges.
    pub fn stats(&self) -> ClusterStats {
        self.link.stats()
    }
}
