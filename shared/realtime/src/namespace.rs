//! `Namespace`: a part of the server that clients connect to by name.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, RwLock,
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

/// A part of the server that clients connect to by name, with middleware, handlers and rooms of its own (Socket.IO
/// server API, "Namespace"). A small handle; cloning it is cheap.
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
    /// Sockets, and clients on their way in: while there are any the namespace is not forgotten.
    pub leases: AtomicUsize,
    /// Whether those who wait for new namespaces have been told.
    pub announced: watch::Sender<bool>,
    next_ack: AtomicU64,
    watched: AtomicBool,
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
            leases: AtomicUsize::new(0),
            announced: watch::Sender::new(false),
            next_ack: AtomicU64::new(0),
            watched: AtomicBool::new(false),
        })
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

    /// Its name, beginning with `/`.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Calls a handler for each client that connects to the namespace, after the client has been told so and before
    /// anything more is read from it. Its [`Data<T>`](crate::Data) is the auth payload.
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<ConnectContext, P>) {
        self.inner.hooks.on_connect(handler);
    }

    /// Adds a middleware that each client must pass before it is connected, in the order in which they were added. A
    /// refusal reaches the client as `connect_error` with its message and data.
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + 'static,
    {
        self.inner.hooks.use_middleware(middleware);
    }

    /// How many sockets are connected to it on this node.
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
            /// Sockets in these rooms.
            pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
                self.all().to(rooms)
            }

            /// The same as [`to`](Self::to) (`in` is a keyword in Rust).
            pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
                self.all().to(rooms)
            }

            /// Everybody but the sockets in these rooms.
            pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
                self.all().except(rooms)
            }

            /// Everybody on this node.
            pub fn local(&self) -> BroadcastOperator {
                self.all().local()
            }

            /// Everybody, but the event is dropped for clients that are behind.
            pub fn volatile(&self) -> BroadcastOperator {
                self.all().volatile()
            }

            /// Everybody, with a time for acknowledgements.
            pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
                self.all().timeout(timeout)
            }

            /// Sends an event to everybody. See [`BroadcastOperator::emit`].
            ///
            /// # Errors
            /// Those of [`BroadcastOperator::emit`].
            pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
                self.all().emit(event, data)
            }

            /// Sends an event to everybody and waits for the acknowledgements. See
            /// [`BroadcastOperator::emit_with_ack`].
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
            pub async fn fetch_sockets(&self) -> FetchedSockets {
                self.all().fetch_sockets().await
            }

            /// How many sockets there are. See [`BroadcastOperator::count`].
            pub async fn count(&self) -> Counted {
                self.all().count().await
            }

            /// Makes everybody join rooms. See [`BroadcastOperator::sockets_join`].
            pub async fn sockets_join(&self, rooms: impl RoomNames) {
                self.all().sockets_join(rooms).await;
            }

            /// Makes everybody leave rooms.
            pub async fn sockets_leave(&self, rooms: impl RoomNames) {
                self.all().sockets_leave(rooms).await;
            }

            /// Disconnects everybody, with `close` their whole connections.
            pub fn disconnect_sockets(&self, close: bool) {
                self.all().disconnect_sockets(close);
            }
        }
    };
}

pub(crate) use broadcasts;

broadcasts!(Namespace);
