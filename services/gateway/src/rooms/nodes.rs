//! What other nodes that come and go mean for those who watch rooms.

use natter::{ClusterChange, EmitError, Io, LinkState, Namespace};

use super::people::WATCHERS;

/// Tells the watchers on this node from now on.
///
/// A node tells of its people as long as it can. When it is gone, `node-left` says so in its place, in order with
/// everything that the cluster says before and after. What could not be heard while a node was away nobody repeats: then
/// `look-again` asks the watchers to.
pub fn follow(io: &Io) {
    let Some(cluster) = io.cluster() else { return };
    let namespace = io.of("/");
    cluster.on_change(move |change| {
        let told = match change {
            ClusterChange::NodeLeft(name) => tell(&namespace, "node-left", name),
            _ => tell(&namespace, "look-again", ()),
        };
        complain(told);
    });
    let namespace = io.of("/");
    let mut state = cluster.state();
    actix_web::rt::spawn(async move {
        while state.changed().await.is_ok() {
            // This node itself was away until now.
            if *state.borrow_and_update() == LinkState::Ready {
                complain(tell(&namespace, "look-again", ()));
            }
        }
    });
}

fn tell(namespace: &Namespace, event: &str, data: impl serde::Serialize) -> Result<(), EmitError> {
    namespace.local().to(WATCHERS).emit(event, data)
}

fn complain(told: Result<(), EmitError>) {
    if let Err(error) = told {
        tracing::warn!(%error, "those who watch rooms were not told of a change in the cluster");
    }
}
