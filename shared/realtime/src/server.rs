//! The Engine.IO server that an [`Io`](crate::Io) or a raw [`Engine`](crate::Engine) stands on: what its threads share.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use natter_cluster::{LinkHandle, LinkState, LinkTask, NodeTag};
use natter_protocol::{PacketLimits, WebSocketLimits};
use tokio::{sync::watch, time::timeout};

use crate::{
    DisconnectReason,
    bundle::Bundle,
    cluster::{Neighbours, Pipes, Relays, SideThread},
    connection::{Close, Shutdown},
    counters::Counters,
    delivery::Delivery,
    directory::Directory,
    engine::RawApp,
    error::EmitError,
    ids::{self, Place, ShardIndex},
    namespaces::Namespaces,
    options::EngineOptions,
    room::RoomKey,
    session::Timing,
    sessions::Sessions,
    shard::{LocalShard, ShardHandle, ShardMessage, Shards},
};

/// How long clients wait for a node that is joining its cluster.
const JOINING: Duration = Duration::from_secs(3);

/// Shared by all threads of one server.
pub(crate) struct Server {
    /// Tells servers of one process apart.
    pub id: u64,
    pub options: EngineOptions,
    pub timing: Arc<Timing>,
    pub packet_limits: Arc<PacketLimits>,
    pub websocket_limits: WebSocketLimits,
    pub sessions: Sessions,
    pub shards: Shards,
    pub directory: Directory,
    pub counters: Counters,
    pub bundle: Option<Bundle>,
    pub node_name: Arc<str>,
    /// What stands for this node in ids.
    pub tag: NodeTag,
    /// Where listeners for events of other servers run.
    pub side_thread: SideThread,
    /// Requests that other nodes relay to this one.
    pub relays: Relays,
    pub pipes: Pipes,
    /// Who wants to know of nodes that come and go.
    pub neighbours: Neighbours,
    link: OnceLock<LinkHandle>,
    /// The link, until a worker carries it.
    uncarried: Mutex<Option<LinkTask>>,
    application: OnceLock<Application>,
    closing: watch::Sender<bool>,
}

/// Who gets the messages of a session.
#[derive(Clone)]
pub(crate) enum Application {
    SocketIo(Weak<Namespaces>),
    Raw(Arc<RawApp>),
}

impl Server {
    pub fn new(options: EngineOptions) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let options = options.bounded();
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            timing: Arc::new(Timing::of(&options)),
            packet_limits: options.packet_limits(),
            websocket_limits: options.websocket_limits(),
            sessions: Sessions::default(),
            shards: Shards::default(),
            directory: Directory::default(),
            counters: Counters::default(),
            bundle: options.client_bundle.as_deref().map(Bundle::load),
            node_name: options.node_name.as_str().into(),
            tag: NodeTag::of(&options.node_name),
            side_thread: SideThread::default(),
            relays: Relays::default(),
            pipes: Pipes::default(),
            neighbours: Neighbours::default(),
            link: OnceLock::new(),
            uncarried: Mutex::default(),
            options,
            application: OnceLock::new(),
            closing: watch::Sender::new(false),
        })
    }

    /// Set once, by whoever made the server, before it serves.
    pub fn set_application(&self, application: Application) {
        if self.application.set(application).is_err() {
            unreachable!("invariant: a server has one application");
        }
    }

    pub fn application(&self) -> Application {
        self.application.get().expect("invariant: set when the server was made").clone()
    }

    /// Set once, by whoever made the server, before it serves.
    pub fn set_link(&self, link: LinkHandle) {
        if self.link.set(link).is_err() {
            unreachable!("invariant: a server is linked once");
        }
    }

    pub fn leave_link_to_a_worker(&self, task: LinkTask) {
        *self.uncarried.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// The link that waits for a worker, if it does.
    fn uncarried_link(&self) -> Option<LinkTask> {
        self.uncarried.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// This thread is a worker, which carries the link if it is to.
    pub fn carry_link(&self) {
        if let Some(task) = self.uncarried_link() {
            actix_rt::spawn(LocalShard::elsewhere(task.run()));
        }
    }

    /// The way to the other nodes; none without a cluster.
    pub fn link(&self) -> Option<&LinkHandle> {
        self.link.get()
    }

    /// Resolves when the node is not on its way into the cluster any more; until then the others do not know its sessions,
    /// nor it theirs, though a balancer may send it clients already. At most [`JOINING`].
    pub async fn joining_is_over(&self) {
        let Some(link) = self.link() else { return };
        let mut state = link.state();
        drop(timeout(JOINING, state.wait_for(|state| *state != LinkState::Joining)).await);
    }

    /// Where a socket of that shard lives.
    pub fn place(&self, shard: ShardIndex) -> Place {
        Place { node: self.tag, shard }
    }

    /// How often this process has stood still for so long that the other nodes have given it up.
    pub fn standstills(&self) -> u64 {
        self.link().map_or(0, LinkHandle::standstills)
    }

    /// Ends every session, so that its client comes back and starts over.
    pub fn end_all_sessions(&self) {
        for line in self.sessions.all() {
            line.connection.do_send(Close { reason: DisconnectReason::TransportClose });
        }
    }

    pub fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Resolves when the server begins to close.
    pub async fn closes(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives as long as the server does.
        drop(closing.wait_for(|closing| *closing).await);
    }

    /// Delivers to all members on this node: on this thread at once, to each other thread with one message.
    pub fn broadcast(self: &Arc<Self>, delivery: Arc<Delivery>) -> Result<(), EmitError> {
        let here = LocalShard::current(self);
        let shards = self.shards_of(&delivery);
        delivery.expect_shards(shards.len());
        let mut outcome = Ok(());
        for shard in shards {
            match &here {
                Some(local) if local.index() == shard.index => local.deliver(&delivery),
                _ => {
                    if !shard.post(self, ShardMessage::Deliver(delivery.clone())) {
                        delivery.shard_is_done();
                        outcome = Err(EmitError::QueueFull);
                    }
                }
            }
        }
        outcome
    }

    /// The shards that can have sockets a delivery is meant for.
    fn shards_of(&self, delivery: &Delivery) -> Vec<Arc<ShardHandle>> {
        let all = self.shards.all();
        match self.target_shards(delivery.namespace, &delivery.target.rooms) {
            None => all.to_vec(),
            Some(indices) => all.iter().filter(|shard| indices.contains(&shard.index)).cloned().collect(),
        }
    }

    /// None means all of them.
    fn target_shards(&self, namespace: u32, rooms: &[Arc<str>]) -> Option<Vec<ShardIndex>> {
        if rooms.is_empty() {
            return None;
        }
        let mut indices = Vec::new();
        for room in rooms {
            // A room somebody joined, and besides, if its name has the form of a socket id, that socket's shard.
            let joined =
                self.directory.shards(&RoomKey { namespace, room: room.clone() }).unwrap_or_default();
            indices.extend(joined);
            indices
                .extend(ids::place_of(room).filter(|place| place.node == self.tag).map(|place| place.shard));
        }
        Some(indices)
    }

    /// Refuses handshakes from now on, closes every session and waits until they are gone, at most `patience`.
    pub async fn close(&self, patience: Duration) {
        self.closing.send_replace(true);
        // It ends here, if nobody has come to carry it.
        drop(self.uncarried_link());
        for line in self.sessions.all() {
            line.connection.do_send(Shutdown);
        }
        self.pipes.close();
        let deadline = Instant::now() + patience;
        // Requests for sessions of other nodes are under way only until these have answered, and then their clients go on
        // with the next node.
        let busy = || !self.sessions.is_empty() || self.counters.relayed_out.load(Ordering::Relaxed) > 0;
        while busy() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if let Some(link) = self.link() {
            // Last, so that what handlers have emitted at the end still goes out.
            link.close().await;
        }
    }

    /// Whether messages should carry the requests that brought them.
    pub fn wants_requests(&self) -> bool {
        matches!(self.application.get(), Some(Application::Raw(_)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The link's thread ends with its server.
        if let Some(link) = self.link() {
            drop(link.close());
        }
    }
}
