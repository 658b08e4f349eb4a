//! When the messages of a subject reach this node.

use std::sync::Arc;

use futures_util::{FutureExt, future::Shared};
use natter_cluster::LinkHandle;
use tokio::sync::oneshot;

/// A subscription as those who wait for it see it: active, or on its way to be. A node without a cluster has nothing to
/// wait for, and neither has one whose bus is away.
#[derive(Clone)]
pub(crate) struct Active(Option<Shared<oneshot::Receiver<()>>>);

impl Active {
    /// Nothing to wait for.
    pub fn nothing() -> Self {
        Self(None)
    }

    /// Subscribes, if there is a link.
    pub fn subscribe(link: Option<&LinkHandle>, subject: Option<&Arc<str>>) -> Self {
        let told = link.zip(subject).map(|(link, subject)| link.subscribe(subject.clone()));
        Self(told.map(FutureExt::shared))
    }

    /// Whether there is nothing to wait for.
    pub fn is_now(&self) -> bool {
        match &self.0 {
            None => true,
            // Looked at first, since only a poll moves it on.
            Some(told) => told.peek().is_some() || told.clone().now_or_never().is_some(),
        }
    }

    /// Resolves when it is active.
    pub async fn wait(self) {
        if let Some(told) = self.0 {
            // A link that has ended tells nobody, and then there is nothing to wait for either.
            drop(told.await);
        }
    }
}
