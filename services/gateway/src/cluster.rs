//! The node's part in its cluster: how it is linked, and what that means for those who watch it.

use std::future::pending;

use natter::{Cluster, ClusterStats, Io, JoinClusterError, LinkState, Secret};
use serde::Serialize;

use crate::settings::Settings;

/// The cluster that the settings name; none for a node alone.
pub fn of(settings: &Settings) -> Option<Cluster> {
    let thread = settings.link_thread.with(settings.workers);
    let mut cluster = Cluster::nats(&settings.nats.given()?).name(&settings.cluster).link_thread(thread);
    if let (Some(user), Some(file)) = (&settings.nats_user, &settings.nats_password_file) {
        cluster = cluster.user(user, Secret::File(file.clone()));
    }
    if let Some(file) = &settings.nats_token_file {
        cluster = cluster.token(Secret::File(file.clone()));
    }
    if let Some(file) = &settings.nats_ca {
        cluster = cluster.tls_ca(file);
    }
    Some(cluster)
}

/// Why the node does not take part in its cluster now; nothing when it does, or has none. Addresses and what NATS has
/// against the node are for the log: everybody can read this.
pub fn apart(io: &Io) -> Option<&'static str> {
    match &*io.cluster()?.state().borrow() {
        LinkState::Ready => None,
        LinkState::Away(_) => Some("NATS is away"),
        LinkState::Joining => Some("joining the cluster"),
        LinkState::NameTaken => Some("another node of the cluster has this one's name"),
        LinkState::Closed => Some("left the cluster"),
    }
}

/// Resolves when another node has this one's name, at the start or after this process was stopped for a while.
pub async fn name_is_taken(io: &Io) {
    if let Some(cluster) = io.cluster() {
        let mut state = cluster.state();
        let ended = |state: &LinkState| matches!(state, LinkState::NameTaken | LinkState::Closed);
        // The server keeps its link.
        drop(state.wait_for(ended).await);
        if cluster.joined().await == Err(JoinClusterError::NameTaken) {
            return;
        }
    }
    pending().await
}

/// What `/stats` shows of the cluster.
#[derive(Serialize)]
pub struct Figures {
    state: &'static str,
    /// Why it is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The names of the other nodes.
    nodes: Vec<String>,
    #[serde(flatten)]
    counters: ClusterStats,
}

/// The figures; none of a node alone.
pub fn figures(io: &Io) -> Option<Figures> {
    let cluster = io.cluster()?;
    let (state, reason) = match &*cluster.state().borrow() {
        LinkState::Ready => ("ready", None),
        LinkState::Away(why) => ("away", Some(why.clone())),
        LinkState::Joining => ("joining", None),
        LinkState::NameTaken => ("name taken", None),
        LinkState::Closed => ("closed", None),
    };
    Some(Figures { state, reason, nodes: cluster.nodes(), counters: cluster.stats() })
}
