//! `Namespace`: a part of the server that clients connect to by name.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytestring::ByteString;
use natter_protocol::Args;
use serde::Serialize;
use tokio::sync::watch;

use crate::{
    Socket,
    broadcast::BroadcastOperator,
    cluster::{Active, ServerSideError, ServerSideEvent, SideListeners, server_side_emit},
    error::{BroadcastAckError, ConnectRefused, EmitError},
    extensions::Extensions,
    handler::{ConnectContext, Erased, Handler, erase},
    join::RoomNames,
    remote_socket::{Counted, FetchedSockets},
    roster::{NamespaceId, Target},
    server::Server,
    shard::LocalShard,
};

type Middleware =
    Arc<dyn Fn(Socket) -> Pin<Box<dyn Future<Output = Result<(), ConnectRefused>>>> + Send + Sync>;

/// A part of the server that clients connect to by name, with middleware, handlers and rooms of its own. A small
/// handle; cloning it is cheap.
///
/// Socket.IO server API: Namespace.
#[derive(Clone)]
pub struct Namespace {
    pub(crate) inner: Arc<NamespaceInner>,
}

pub(crate) struct NamespaceInner {
    pub id: NamespaceId,
    pub name: ByteString,
    pub server: Arc<Server>,
    pub state: Extensions,
    /// Came into being because a client asked for it.
    pub dynamic: bool,
    pub hooks: NamespaceHooks,
    sockets: AtomicUsize,
    leases: Mutex<Leases>,
    /// Listeners for events of other servers.
    pub side: SideListeners,
    /// Whether those who wait for new namespaces have been told.
    pub announced: watch::Sender<bool>,
    next_ack: AtomicU64,
    watched: AtomicBool,
}

/// Sockets, and clients on their way in. While there are any, the namespace is not forgotten, and this node hears what is
/// said to all of it.
struct Leases {
    count: usize,
    active: Active,
}

/// What the user has registered for clients that connect; a dynamic namespace begins with a copy of its parent's.
#[derive(Default)]
pub(crate) struct NamespaceHooks(RwLock<Hooks>);

#[derive(Clone, Default)]
struct Hooks {
    connect: Vec<Erased<ConnectContext>>,
    middlewares: Vec<Middleware>,
}

impl NamespaceHooks {
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<ConnectContext, P>) {
        self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()).connect.push(erase(handler));
    }

    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + 'static,
    {
        let middleware: Middleware = Arc::new(move |socket| Box::pin(middleware(socket)));
        self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()).middlewares.push(middleware);
    }

    fn read(&self) -> Hooks {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub fn connect_handlers(&self) -> Vec<Erased<ConnectContext>> {
        self.read().connect
    }

    pub fn middlewares(&self) -> Vec<Middleware> {
        self.read().middlewares
    }

    pub fn copy(&self) -> Self {
        Self(RwLock::new(self.read()))
    }
}

impl NamespaceInner {
    pub fn new(
        id: NamespaceId,
        name: ByteString,
        server: Arc<Server>,
        state: Extensions,
        hooks: NamespaceHooks,
        dynamic: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            name,
            server,
            state,
            dynamic,
            hooks,
            sockets: AtomicUsize::new(0),
            leases: Mutex::new(Leases { count: 0, active: Active::nothing() }),
            side: SideListeners::default(),
            announced: watch::Sender::new(false),
            next_ack: AtomicU64::new(0),
            watched: AtomicBool::new(false),
        })
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Somebody is on his way in. What comes back tells when he would miss nothing any more.
    pub fn enter(&self) -> Active {
        let mut leases = self.leases();
        leases.count += 1;
        if leases.count == 1 {
            let link = self.server.link();
            let subject = link.map(|link| link.subjects().all(&self.name));
            leases.active = Active::subscribe(link, subject.as_ref());
        }
        leases.active.clone()
    }

    /// Somebody has gone; whether that was the last one.
    pub fn exit(&self) -> bool {
        let mut leases = self.leases();
        leases.count -= 1;
        if leases.count == 0 {
            leases.active = Active::nothing();
            if let Some(link) = self.server.link() {
                link.unsubscribe(link.subjects().all(&self.name));
            }
        }
        leases.count == 0
    }

    pub fn is_deserted(&self) -> bool {
        self.leases().count == 0
    }

    /// One number for all sockets of the namespace, so that a broadcast that asks for acks is encoded once.
    pub fn next_ack_id(&self) -> u64 {
        self.next_ack.fetch_add(1, Ordering::Relaxed)
    }

    pub fn watch_outgoing(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    pub fn has_outgoing_watchers(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub fn socket_came(&self) {
        self.sockets.fetch_add(1, Ordering::AcqRel);
        self.server.counters.sockets.fetch_add(1, Ordering::Relaxed);
    }

    pub fn socket_left(&self) {
        self.server.counters.sockets.fetch_sub(1, Ordering::Relaxed);
        self.sockets.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for NamespaceInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({:?})", self.inner.name)
    }
}

impl Namespace {
    pub(crate) fn new(inner: Arc<NamespaceInner>) -> Self {
        Self { inner }
    }

    /// Its name, beginning with `/`. Socket.IO server API: `namespace.name`.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Calls a handler for each client that connects to the namespace from now on, after the client has been told so
    /// and before anything more is read from it. Its [`Data<T>`](crate::Data) is the auth payload; a client whose
    /// payload has another form stays connected, but the handler is not called for it. To turn clients away there is
    /// [`use_middleware`](Self::use_middleware).
    ///
    /// An `Err` from a handler goes to the socket's [`on_error`](Socket::on_error); a panic ends this client's
    /// connection.
    ///
    /// Socket.IO server API: event `connection`. Socket.IO protocol: Connection to a namespace.
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<ConnectContext, P>) {
        self.inner.hooks.on_connect(handler);
    }

    /// Adds a middleware that each client must pass before it is connected, in the order in which they were added. A
    /// refusal reaches the client as `connect_error` with its message and data; a panic ends its connection.
    ///
    /// A middleware may wait. There is no limit to that but [`connect_timeout`](crate::EngineOptions::connect_timeout),
    /// for clients that are in no other namespace. What the client sends to the namespace meanwhile closes its
    /// connection with `forced server close`.
    ///
    /// Socket.IO server API: `namespace.use()`. Socket.IO protocol: Connection to a namespace.
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + 'static,
    {
        self.inner.hooks.use_middleware(middleware);
    }

    /// Sends an event to the servers of all other nodes, not to clients. At most once; what is dropped is counted in
    /// [`ClusterStats`](crate::ClusterStats), and `Ok` does not say that it was not. Without a cluster there is nobody
    /// to hear it.
    ///
    /// Socket.IO server API: `namespace.serverSideEmit()`.
    ///
    /// # Errors
    /// When the name is `connect`, `connection`, `new_namespace` or too long, or the data has no JSON form or has
    /// attachments.
    pub fn server_side_emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        drop(server_side_emit(&self.inner, event, data, false)?);
        Ok(())
    }

    /// Sends an event to the servers of all other nodes and waits until each has acknowledged it, at most the server's
    /// [`ack_timeout`](crate::EngineOptions::ack_timeout). The event is sent when this is called. Each acknowledgement
    /// is one value. A node that goes meanwhile, or has no listener for the event, is not waited for. Without a cluster
    /// there are no acknowledgements, at once.
    ///
    /// Socket.IO server API: `namespace.serverSideEmitWithAck()`.
    ///
    /// # Errors
    /// When a node did not answer, those that were not waited for among them: the error has the acknowledgements that
    /// came and the names of the nodes that are missing. And for the reasons of
    /// [`server_side_emit`](Self::server_side_emit).
    pub fn server_side_emit_with_ack<T: Serialize>(
        &self,
        event: &str,
        data: T,
    ) -> impl Future<Output = Result<Vec<Args>, ServerSideError>> + Send + use<T> {
        let asked = server_side_emit(&self.inner, event, data, true);
        async move {
            match asked {
                Ok(answers) => answers.await,
                Err(cause) => Err(ServerSideError::not_sent(cause)),
            }
        }
    }

    /// Calls a listener for each event of that name that another node's server emits with
    /// [`server_side_emit`](Self::server_side_emit). Listeners run on a thread of their own, in the order in which they
    /// were added and events came; what one awaits keeps the others of the same event waiting. A panic is logged and
    /// counted.
    ///
    /// Socket.IO server API: `namespace.serverSideEmit()`.
    pub fn on_server_side<F, Fut>(&self, event: impl Into<String>, listener: F)
    where
        F: Fn(ServerSideEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        self.inner.side.add(event.into(), listener);
    }

    /// How many sockets are connected to it on this node. Socket.IO server API: `namespace.sockets`.
    pub fn sockets_count(&self) -> usize {
        self.inner.sockets.load(Ordering::Acquire)
    }

    /// The sockets of this thread's shard; empty outside of the server's worker threads. For all sockets there is
    /// [`fetch_sockets`](Self::fetch_sockets).
    pub fn sockets_here(&self) -> Vec<Socket> {
        let shard = LocalShard::current(&self.inner.server);
        let sockets = shard.map(|shard| shard.select(self.inner.id, &Target::default())).unwrap_or_default();
        sockets.into_iter().map(Socket::new).collect()
    }

    fn all(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.inner.clone())
    }
}

/// The methods of a broadcast operator over everybody, for a type with a method `all`.
macro_rules! broadcasts {
    ($type:ty) => {
        impl $type {
            /// Sockets in any of these rooms. Socket.IO server API: `namespace.to()`.
            pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
                self.all().to(rooms)
            }

            /// The same as [`to`](Self::to) (`in` is a keyword in Rust). Socket.IO server API: `namespace.in()`.
            pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
                self.all().to(rooms)
            }

            /// Everybody but the sockets in these rooms. Socket.IO server API: `namespace.except()`.
            pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
                self.all().except(rooms)
            }

            /// Everybody on this node. Socket.IO server API: namespace, flag `local`.
            pub fn local(&self) -> BroadcastOperator {
                self.all().local()
            }

            /// Everybody, but the event is dropped for clients that are behind. See [`BroadcastOperator::volatile`].
            ///
            /// Socket.IO server API: namespace, flag `volatile`.
            pub fn volatile(&self) -> BroadcastOperator {
                self.all().volatile()
            }

            /// Everybody, with a time for acknowledgements. See [`BroadcastOperator::timeout`].
            ///
            /// Socket.IO server API: `namespace.timeout()`.
            pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
                self.all().timeout(timeout)
            }

            /// Sends an event to everybody. See [`BroadcastOperator::emit`].
            ///
            /// Socket.IO server API: `namespace.emit()`.
            ///
            /// # Errors
            /// Those of [`BroadcastOperator::emit`].
            pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
                self.all().emit(event, data)
            }

            /// Sends an event to everybody and waits for the acknowledgements. See
            /// [`BroadcastOperator::emit_with_ack`].
            ///
            /// Socket.IO server API: `namespace.emitWithAck()`.
            ///
            /// # Errors
            /// Those of [`BroadcastOperator::emit_with_ack`].
            pub fn emit_with_ack<T: Serialize>(
                &self,
                event: &str,
                data: T,
            ) -> impl Future<Output = Result<Vec<Args>, BroadcastAckError>> + Send + 'static + use<T> {
                self.all().emit_with_ack(event, data)
            }

            /// Everybody's sockets. See [`BroadcastOperator::fetch_sockets`].
            ///
            /// Socket.IO server API: `namespace.fetchSockets()`.
            pub fn fetch_sockets(&self) -> impl Future<Output = FetchedSockets> + Send + use<> {
                self.all().fetch_sockets()
            }

            /// How many sockets there are. See [`BroadcastOperator::count`].
            pub fn count(&self) -> impl Future<Output = Counted> + Send + use<> {
                self.all().count()
            }

            /// Makes everybody join rooms. See [`BroadcastOperator::sockets_join`].
            ///
            /// Socket.IO server API: `namespace.socketsJoin()`.
            pub fn sockets_join<R: RoomNames>(&self, rooms: R) -> impl Future<Output = ()> + Send + use<R> {
                self.all().sockets_join(rooms)
            }

            /// Makes everybody leave rooms. See [`BroadcastOperator::sockets_leave`].
            ///
            /// Socket.IO server API: `namespace.socketsLeave()`.
            pub fn sockets_leave<R: RoomNames>(&self, rooms: R) -> impl Future<Output = ()> + Send + use<R> {
                self.all().sockets_leave(rooms)
            }

            /// Disconnects everybody, with `close` their whole connections. See
            /// [`BroadcastOperator::disconnect_sockets`].
            ///
            /// Socket.IO server API: `namespace.disconnectSockets()`.
            pub fn disconnect_sockets(&self, close: bool) {
                self.all().disconnect_sockets(close);
            }
        }
    };
}

pub(crate) use broadcasts;

broadcasts!(Namespace);
