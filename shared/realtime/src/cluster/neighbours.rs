//! Who wants to know of nodes that come and go.

use std::sync::{Arc, RwLock};

use crate::drive::{End, guarded};

/// What has happened to another node; with its name. See [`ClusterView::on_change`](crate::ClusterView::on_change).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterChange {
    /// It takes part from now on. It may have been away for a while, with clients that nobody here has heard of meanwhile.
    NodeCame(String),
    /// It has said goodbye or has not been heard of for 2.5 s. Whatever is known of its clients is over.
    NodeLeft(String),
}

type Listener = Arc<dyn Fn(&ClusterChange) + Send + Sync>;

/// The functions to call.
#[derive(Default)]
pub(crate) struct Neighbours(RwLock<Vec<Listener>>);

impl Neighbours {
    pub fn listen(&self, listener: Listener) {
        self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(listener);
    }

    /// Calls them all; how many panicked.
    pub fn tell(&self, change: &ClusterChange) -> u64 {
        let listeners = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let mut panics = 0;
        for listener in listeners {
            if let End::Panicked(message) = guarded(|| listener(change)) {
                tracing::error!(message, ?change, "a listener for changes of the cluster panicked");
                panics += 1;
            }
        }
        panics
    }
}
