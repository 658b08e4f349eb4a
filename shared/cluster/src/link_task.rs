//! How a link is made, and what runs it: a thread of its own, or a task of one that also does something else.

use std::{pin::Pin, sync::Arc, time::Instant};

use actix::{AsyncContext, Context};
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

use crate::{
    bus::OpenBus,
    handle::{LinkHandle, LinkState, Shared},
    identity::NodeTag,
    link::{Link, PATIENCE},
    node::Node,
    pulse::Pulse,
    subject::Subjects,
};

/// Opens the bus, at the start and again after a suspension. Called on the link's thread, in its runtime.
pub type OpensBus = Arc<dyn Fn(&Subjects, NodeTag) -> OpenBus + Send + Sync>;

/// What a link needs to know.
#[derive(Clone)]
pub struct LinkOptions {
    /// The cluster's name: nodes of other clusters are not heard.
    pub cluster: String,
    /// This node's name, one for each node of the cluster.
    pub node: String,
    /// Makes the bus.
    pub open: OpensBus,
}

/// A link that has not begun.
pub struct LinkTask(Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>);

impl LinkTask {
    /// Runs it until it has ended, and calls its [`Node`] from nowhere else. It needs a runtime with one thread that can spawn
    /// local tasks. Dropped before, it ends without a goodbye.
    pub fn run(self) -> Pin<Box<dyn Future<Output = ()>>> {
        (self.0)()
    }

    /// Runs it on a thread of its own.
    pub fn run_on_its_own_thread(self) {
        std::thread::Builder::new()
            .name("natter-link".to_owned())
            .spawn(|| actix_rt::System::new().block_on(self.run()))
            .expect("invariant: the system has threads");
    }
}

/// Makes a link, and the way to it.
pub fn link(options: LinkOptions, node: Arc<dyn Node>) -> (LinkHandle, LinkTask) {
    let (sender, mut commands) = mpsc::unbounded_channel();
    let pulse = Pulse::new(PATIENCE, Instant::now());
    let shared = Shared::new(sender, Subjects::of(&options.cluster), NodeTag::of(&options.node), pulse);
    let handle = LinkHandle(shared.clone());
    let ended = handle.clone().closed();
    let cut_short = CutShort(shared.clone());
    let run = move || -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            let _cut_short = cut_short;
            let mut context = Context::new();
            context.add_stream(poll_fn(move |cx| commands.poll_recv(cx)));
            context.into_future(Link::new(options, node, shared)).await;
            ended.await;
        })
    };
    (handle, LinkTask(Box::new(run)))
}

/// Whoever waits for the end of a link learns of it also when its thread ends first.
struct CutShort(Arc<Shared>);

impl Drop for CutShort {
    fn drop(&mut self) {
        self.0.pulse.end();
        // Nothing, if it has ended.
        self.0.set_state(LinkState::Closed);
    }
}
