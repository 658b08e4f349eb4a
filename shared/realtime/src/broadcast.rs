//! `BroadcastOperator`: many sockets at once.

use std::{sync::Arc, time::Duration};

use natter_cluster::LinkHandle;
use natter_protocol::Args;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    cluster::{self, AckAnswers, Asking, Counts, Heard, Pictures, Response},
    collector::{Collected, Collector},
    delivery::Delivery,
    emitter::check_event_name,
    error::{AckError, BroadcastAckError, EmitError},
    join::RoomNames,
    namespace::NamespaceInner,
    options::LONGEST,
    remote_socket::{Counted, FetchedSockets},
    roster::Target,
    shard::{LocalShard, Select, Selected, ShardMessage, What},
    socket::Order,
};

/// The time shards of this node, and other nodes, have to answer a question.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that other nodes' answers have to get here when the time for acknowledgements is up everywhere.
const LATE_NODES: Duration = Duration::from_millis(500);

/// Which sockets of a namespace are meant, and how.
///
/// It is a value: each method returns a new one. A socket in several of the rooms is met once. What one thread emits
/// reaches each client in the order in which it was emitted, also mixed with [`Socket::emit`](crate::Socket::emit).
///
/// Socket.IO documentation: "Broadcasting events", "Rooms". Its server API has these methods at the server, the
/// namespace and the socket.
#[derive(Clone, Debug)]
#[must_use = "an operator only says who is meant"]
pub struct BroadcastOperator {
    namespace: Arc<NamespaceInner>,
    target: Target,
    volatile: bool,
    local: bool,
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
        Self { namespace, target: Target::default(), volatile: false, local: false, timeout }
    }

    /// What another node means of this one's sockets.
    pub(crate) fn on_this_node(namespace: Arc<NamespaceInner>, target: Target) -> Self {
        Self { target, local: true, ..Self::new(namespace) }
    }

    /// The way to the other nodes, if they are meant too.
    fn link(&self) -> Option<&LinkHandle> {
        self.namespace.server.link().filter(|_| !self.local)
    }

    /// Adds rooms: sockets in any of them are meant. Without rooms it is the whole namespace.
    ///
    /// Socket.IO server API: `namespace.to()`.
    pub fn to(mut self, rooms: impl RoomNames) -> Self {
        self.target.rooms.extend(rooms.into_names());
        self
    }

    /// The same as [`to`](Self::to) (`in` is a keyword in Rust). Socket.IO server API: `namespace.in()`.
    pub fn in_(self, rooms: impl RoomNames) -> Self {
        self.to(rooms)
    }

    /// Leaves out the sockets in these rooms; a socket's id is a room. Socket.IO server API: `namespace.except()`.
    pub fn except(mut self, rooms: impl RoomNames) -> Self {
        self.target.except.extend(rooms.into_names());
        self
    }

    /// Only sockets on this node. Socket.IO server API: namespace, flag `local`.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Drops the event for clients that are behind by more than [`Limits::outbox_soft_bytes`](crate::Limits), and
    /// counts it. (The reference drops it for clients whose transport takes nothing at this moment.)
    ///
    /// Socket.IO server API: namespace, flag `volatile`.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sets the time acknowledgements may take, a day at most; without it the server's
    /// [`ack_timeout`](crate::EngineOptions::ack_timeout).
    ///
    /// Socket.IO server API: `namespace.timeout()`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
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

    /// Sends an event to all that are meant. It is encoded once; the sockets of this thread have it when this returns, and
    /// it is on its way to those of other threads and nodes.
    ///
    /// Delivery is at most once. What does not reach another node, because NATS is away or too slow, is counted there or
    /// here ([`ClusterStats`](crate::ClusterStats)).
    ///
    /// Socket.IO server API: `namespace.emit()`. Socket.IO protocol: Sending and receiving data.
    ///
    /// # Errors
    /// When the name is reserved or too long, the data has no JSON form, a shard's queue or the link's is full, or the event
    /// is larger than the cluster carries. The last two concern some of the clients: the others get it.
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        let args = self.encode(event, data)?;
        let delivery = self.delivery(event, args, None);
        let here = self.namespace.server.broadcast(delivery.clone());
        let there = match self.link() {
            Some(link) => cluster::publish(link, &self.namespace, &delivery),
            None => Ok(()),
        };
        here.and(there)
    }

    /// Sends an event to all that are meant, and waits until each has acknowledged it or the time is up.
    ///
    /// The event is sent when this is called. The answers come in no particular order, each with all of its arguments.
    /// Those of another node's sockets come together, and a node whose answer is late by more than half a second is
    /// named as missing.
    ///
    /// Socket.IO server API: `namespace.emitWithAck()`. Socket.IO protocol: Acknowledgement.
    ///
    /// # Errors
    /// When somebody did not answer: the error has the answers that came, the ids of the sockets that are missing, and
    /// the names of the nodes that are. A socket that owes [too many](crate::Limits::pending_acks) acknowledgements
    /// already is missing, and does not get the event. And when it could not be sent, for the reasons of
    /// [`emit`](Self::emit).
    pub fn emit_with_ack<T: Serialize>(
        &self,
        event: &str,
        data: T,
    ) -> impl Future<Output = Result<Vec<Args>, BroadcastAckError>> + Send + 'static + use<T> {
        let collector = Arc::new(Collector::new(self.namespace.next_ack_id()));
        let mut elsewhere = None;
        let sent = self.encode(event, data).and_then(|args| {
            let packet = natter_protocol::event(&self.namespace.name, None, event, &args);
            let ack = Some((collector.id(), collector.clone()));
            let here = self.namespace.server.broadcast(self.delivery(event, args, ack));
            let asking = Asking::Acks { packet: packet.as_bytes(), volatile: self.volatile };
            elsewhere = self.elsewhere(&asking, self.timeout, LATE_NODES);
            here
        });
        let collecting = Collecting(collector);
        let timeout = self.timeout;
        let deadline = Instant::now() + timeout;
        async move {
            let failed = |cause: AckError| BroadcastAckError {
                cause,
                responses: Vec::new(),
                missing: Vec::new(),
                missing_nodes: Vec::new(),
            };
            sent.map_err(|error| failed(error.into()))?;
            // Whether it was in time is seen in what was collected.
            let in_time = tokio::time::timeout_at(deadline, collecting.0.completed()).await.is_ok();
            let Collected { mut responses, mut missing, mut timed_out } = collecting.0.end();
            timed_out |= !in_time;
            let mut missing_nodes = Vec::new();
            if let Some(elsewhere) = elsewhere {
                let heard = elsewhere.await;
                let answers = read_answers::<AckAnswers>(heard, &mut missing_nodes);
                for (_, answers) in answers {
                    responses.extend(answers.responses.into_iter().filter_map(Response::into_args));
                    missing.extend(answers.missing);
                    timed_out |= answers.timed_out;
                }
            }
            if missing.is_empty() && missing_nodes.is_empty() && !timed_out {
                return Ok(responses);
            }
            let late = timed_out || !missing_nodes.is_empty();
            let cause = if late { AckError::Timeout(timeout) } else { AckError::Disconnected };
            Err(BroadcastAckError { responses, missing, missing_nodes, ..failed(cause) })
        }
    }

    /// The sockets that are meant, with ids, rooms, data and handshakes. It is asked when this is called. Nodes have
    /// 5 s, and those that do not answer are named.
    ///
    /// Socket.IO server API: `namespace.fetchSockets()`.
    pub fn fetch_sockets(&self) -> impl Future<Output = FetchedSockets> + Send + use<> {
        let here = self.here(What::Describe);
        let elsewhere = self.elsewhere(&Asking::Fetch, QUESTION_TIMEOUT, Duration::ZERO);
        let namespace = self.namespace.clone();
        async move {
            let (answers, mut missing) = here.await;
            let mut sockets: Vec<_> = answers.into_iter().flat_map(|answer| answer.sockets).collect();
            if let Some(elsewhere) = elsewhere {
                for (node, Pictures(pictures)) in read_answers(elsewhere.await, &mut missing) {
                    sockets.extend(
                        pictures.into_iter().filter_map(|picture| picture.into_socket(&namespace, &node)),
                    );
                }
            }
            FetchedSockets { sockets, missing }
        }
    }

    /// How many sockets are meant; nothing else is gathered. It is asked when this is called. Nodes have 5 s, and those
    /// that do not answer are named. Natter's own.
    pub fn count(&self) -> impl Future<Output = Counted> + Send + use<> {
        let here = self.here(What::Count);
        let elsewhere = self.elsewhere(&Asking::Count, QUESTION_TIMEOUT, Duration::ZERO);
        async move {
            let (answers, mut missing) = here.await;
            let mut count = answers.iter().map(|answer| answer.count).sum();
            if let Some(elsewhere) = elsewhere {
                let counts = read_answers::<Counts>(elsewhere.await, &mut missing);
                count += counts.iter().map(|(_, counts)| counts.count).sum::<usize>();
            }
            Counted { count, missing }
        }
    }

    /// Makes the sockets that are meant join rooms. A socket that would be in too many joins none, and with a name that
    /// is too long nobody does ([`Limits`](crate::Limits)). It begins when this is called, and resolves when it is done
    /// and broadcasts from everywhere reach them. There are 5 s for each of the two, and 5 s for other nodes; then it
    /// resolves all the same, and does not say who is missing.
    ///
    /// Socket.IO server API: `namespace.socketsJoin()`.
    pub fn sockets_join<R: RoomNames>(&self, rooms: R) -> impl Future<Output = ()> + Send + use<R> {
        let rooms = rooms.into_names();
        let here = self.here(What::Order(Order::Join(rooms.clone())));
        let elsewhere = self.elsewhere(&Asking::Join(&rooms), QUESTION_TIMEOUT, Duration::ZERO);
        let namespace = self.namespace.clone();
        async move {
            here.await;
            let active = namespace.server.directory.active(namespace.id, &rooms);
            drop(tokio::time::timeout(QUESTION_TIMEOUT, futures_util::future::join_all(active)).await);
            if let Some(elsewhere) = elsewhere {
                elsewhere.await;
            }
        }
    }

    /// Makes the sockets that are meant leave rooms. It begins when this is called, and resolves when it is done, at
    /// most after 5 s.
    ///
    /// Socket.IO server API: `namespace.socketsLeave()`.
    pub fn sockets_leave<R: RoomNames>(&self, rooms: R) -> impl Future<Output = ()> + Send + use<R> {
        let rooms = rooms.into_names();
        let here = self.here(What::Order(Order::Leave(rooms.clone())));
        let elsewhere = self.elsewhere(&Asking::Leave(&rooms), QUESTION_TIMEOUT, Duration::ZERO);
        async move {
            here.await;
            if let Some(elsewhere) = elsewhere {
                elsewhere.await;
            }
        }
    }

    /// Disconnects the sockets that are meant, with `close` their whole connections: see
    /// [`Socket::disconnect`](crate::Socket::disconnect). It is in order with earlier broadcasts: what was emitted
    /// before still reaches them. Nodes that it does not reach are not told again.
    ///
    /// Socket.IO server API: `namespace.disconnectSockets()`.
    pub fn disconnect_sockets(&self, close: bool) {
        drop(self.here(What::Order(Order::Disconnect { close })));
        drop(self.elsewhere(&Asking::Disconnect { close }, QUESTION_TIMEOUT, Duration::ZERO));
    }

    /// Asks the other nodes, if they are meant. They have `timeout`, and their answers `late` more to get here.
    fn elsewhere(
        &self,
        asking: &Asking<'_>,
        timeout: Duration,
        late: Duration,
    ) -> Option<impl Future<Output = Heard> + Send + use<>> {
        self.link().map(|link| cluster::ask(link, &self.namespace, &self.target, asking, timeout, late))
    }

    /// Puts a question to the shards of this node: this thread answers at once, the others when they come to it, whether or
    /// not anybody still waits for the answer then. Resolves to the answers, and the node's name if a shard was silent.
    fn here(&self, what: What) -> impl Future<Output = (Vec<Selected>, Vec<String>)> + Send + use<> {
        let server = &self.namespace.server;
        let question = Select { namespace: self.namespace.id, target: self.target.clone(), what };
        let this_thread = LocalShard::current(server);
        let mut answers = Vec::new();
        let mut asked = Vec::new();
        for shard in server.shards.all().iter() {
            match &this_thread {
                Some(local) if local.index() == shard.index => answers.push(local.answer(&question)),
                _ => {
                    let (reply, answer) = oneshot::channel();
                    shard.send(ShardMessage::Ask { question: question.clone(), reply });
                    asked.push(answer);
                }
            }
        }
        let deadline = Instant::now() + QUESTION_TIMEOUT;
        let namespace = self.namespace.clone();
        async move {
            let mut silent = false;
            for answer in asked {
                match tokio::time::timeout_at(deadline, answer).await {
                    Ok(Ok(answer)) => answers.push(answer),
                    // A shard whose thread has ended has no sockets to speak of.
                    Ok(Err(_)) => {}
                    Err(_) => silent = true,
                }
            }
            let missing = if silent { vec![namespace.server.options.node_name.clone()] } else { Vec::new() };
            (answers, missing)
        }
    }
}

/// The answers of other nodes; who answered something else is missing, like those who did not answer.
fn read_answers<T: DeserializeOwned>(heard: Heard, missing: &mut Vec<String>) -> Vec<(Arc<str>, T)> {
    missing.extend(heard.missing);
    let mut answers = Vec::with_capacity(heard.answers.len());
    for (node, body) in heard.answers {
        match cluster::decode(&body) {
            Some(answer) => answers.push((node, answer)),
            None => missing.push(node.to_string()),
        }
    }
    answers
}
