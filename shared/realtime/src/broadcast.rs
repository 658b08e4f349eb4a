//! `BroadcastOperator`: many sockets at once.

use std::{sync::Arc, time::Duration};

use natter_protocol::Args;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    collector::Collector,
    delivery::Delivery,
    emitter::check_event_name,
    error::{AckError, BroadcastAckError, EmitError},
    join::RoomNames,
    namespace::NamespaceInner,
    remote_socket::{Counted, FetchedSockets},
    roster::Target,
    shard::{LocalShard, Select, Selected, ShardMessage, What},
    socket::Order,
};

/// The time shards of this node have to answer a question.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Which sockets of a namespace are meant, and how (Socket.IO server API, "Broadcasting events").
///
/// It is a value: each method returns a new one. A socket in several of the rooms is met once. What one thread emits
/// reaches each client in the order in which it was emitted, also mixed with [`Socket::emit`](crate::Socket::emit).
#[derive(Clone, Debug)]
#[must_use = "an operator only says who is meant"]
pub struct BroadcastOperator {
    namespace: Arc<NamespaceInner>,
    target: Target,
    volatile: bool,
    timeout: Duration,
}

/// Ends a collection also when nobody waits for its end.
struct Collecting(Arc<Collector>);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl BroadcastOperator {
    pub(crate) fn new(namespace: Arc<NamespaceInner>) -> Self {
        let timeout = namespace.server.options.ack_timeout;
        Self { namespace, target: Target::default(), volatile: false, timeout }
    }

    /// Adds rooms: sockets in any of them are meant. Without rooms it is the whole namespace.
    pub fn to(mut self, rooms: impl RoomNames) -> Self {
        self.target.rooms.extend(rooms.into_names());
        self
    }

    /// The same as [`to`](Self::to) (`in` is a keyword in Rust).
    pub fn in_(self, rooms: impl RoomNames) -> Self {
        self.to(rooms)
    }

    /// Leaves out the sockets in these rooms; a socket's id is a room.
    pub fn except(mut self, rooms: impl RoomNames) -> Self {
        self.target.except.extend(rooms.into_names());
        self
    }

    /// Only sockets on this node. (One node serves all sockets for now, so it changes nothing.)
    pub fn local(self) -> Self {
        self
    }

    /// Drops the event for clients that are behind by more than [`Limits::outbox_soft_bytes`](crate::Limits).
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sets the time acknowledgements may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn encode(&self, event: &str, data: impl Serialize) -> Result<Args, EmitError> {
        check_event_name(event, self.namespace.server.options.limits.name_bytes)?;
        Ok(Args::of(&data)?)
    }

    fn delivery(&self, event: &str, args: Args, ack: Option<(u64, Arc<Collector>)>) -> Arc<Delivery> {
        let id = ack.as_ref().map(|(id, _)| *id);
        Arc::new(Delivery {
            namespace: self.namespace.id,
            target: self.target.clone(),
            frames: natter_protocol::event(&self.namespace.name, id, event, &args),
            volatile: self.volatile,
            ack,
            event: self.namespace.has_outgoing_watchers().then(|| (event.into(), args)),
        })
    }

    /// Sends an event to all that are meant. It is encoded once; the sockets of this thread have it when this returns.
    ///
    /// # Errors
    /// When the name is reserved or too long, the data has no JSON form, or a shard's queue is full.
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        let args = self.encode(event, data)?;
        self.namespace.server.broadcast(self.delivery(event, args, None))
    }

    /// Sends an event to all that are meant, and waits until each has acknowledged it or the time is up.
    ///
    /// The event is sent when this is called. The answers come in no particular order.
    ///
    /// # Errors
    /// When somebody did not answer: the error has the answers that came and the ids of the sockets that are missing.
    pub fn emit_with_ack<T: Serialize>(
        &self,
        event: &str,
        data: T,
    ) -> impl Future<Output = Result<Vec<Args>, BroadcastAckError>> + Send + 'static + use<T> {
        let collector = Arc::new(Collector::new(self.namespace.next_ack_id()));
        let sent = self.encode(event, data).and_then(|args| {
            let ack = Some((collector.id(), collector.clone()));
            self.namespace.server.broadcast(self.delivery(event, args, ack))
        });
        let collecting = Collecting(collector);
        let timeout = self.timeout;
        let deadline = std::time::Instant::now() + timeout;
        async move {
            let failed = |cause: AckError| BroadcastAckError {
                cause,
                responses: Vec::new(),
                missing: Vec::new(),
                missing_nodes: Vec::new(),
            };
            sent.map_err(|error| failed(error.into()))?;
            // Whether it was in time is seen in what was collected.
            let in_time = tokio::time::timeout_at(deadline.into(), collecting.0.completed()).await;
            let collected = collecting.0.end();
            if collected.missing.is_empty() && in_time.is_ok() {
                return Ok(collected.responses);
            }
            let cause = if collected.timed_out { AckError::Timeout(timeout) } else { AckError::Disconnected };
            Err(BroadcastAckError {
                responses: collected.responses,
                missing: collected.missing,
                ..failed(cause)
            })
        }
    }

    /// The sockets that are meant, with ids, rooms, data and handshakes.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        let (sockets, silent) = self.ask(What::Describe).await;
        FetchedSockets {
            sockets: sockets.into_iter().flat_map(|answer| answer.sockets).collect(),
            missing: self.silent(silent),
        }
    }

    /// How many sockets are meant; nothing else is gathered.
    pub async fn count(&self) -> Counted {
        let (answers, silent) = self.ask(What::Count).await;
        Counted { count: answers.iter().map(|answer| answer.count).sum(), missing: self.silent(silent) }
    }

    /// Makes the sockets that are meant join rooms. A socket that is in too many already joins none.
    pub async fn sockets_join(&self, rooms: impl RoomNames) {
        self.ask(What::Order(Order::Join(rooms.into_names()))).await;
    }

    /// Makes the sockets that are meant leave rooms.
    pub async fn sockets_leave(&self, rooms: impl RoomNames) {
        self.ask(What::Order(Order::Leave(rooms.into_names()))).await;
    }

    /// Disconnects the sockets that are meant, with `close` their whole connections. It is in order with earlier
    /// broadcasts: what was emitted before still reaches them.
    pub fn disconnect_sockets(&self, close: bool) {
        drop(self.put(What::Order(Order::Disconnect { close })));
    }

    /// Puts the question to all shards: this thread answers at once, the others when they come to it, whether or not
    /// anybody still waits for the answer then.
    fn put(&self, what: What) -> (Vec<Selected>, Vec<oneshot::Receiver<Selected>>) {
        let server = &self.namespace.server;
        let question = Select { namespace: self.namespace.id, target: self.target.clone(), what };
        let here = LocalShard::current(server);
        let mut answers = Vec::new();
        let mut asked = Vec::new();
        for shard in server.shards.all().iter() {
            match &here {
                Some(local) if local.index() == shard.index => answers.push(local.answer(&question)),
                _ => {
                    let (reply, answer) = oneshot::channel();
                    shard.send(ShardMessage::Ask { question: question.clone(), reply });
                    asked.push(answer);
                }
            }
        }
        (answers, asked)
    }

    /// The answers, and whether a shard did not answer in time.
    async fn ask(&self, what: What) -> (Vec<Selected>, bool) {
        let (mut answers, asked) = self.put(what);
        let deadline = tokio::time::Instant::now() + QUESTION_TIMEOUT;
        let mut silent = false;
        for answer in asked {
            match tokio::time::timeout_at(deadline, answer).await {
                Ok(Ok(answer)) => answers.push(answer),
                // A shard whose thread has ended has no sockets to speak of.
                Ok(Err(_)) => {}
                Err(_) => silent = true,
            }
        }
        (answers, silent)
    }

    fn silent(&self, silent: bool) -> Vec<String> {
        if silent { vec![self.namespace.server.options.node_name.clone()] } else { Vec::new() }
    }
}
