//! `Io`: a Socket.IO server, its builder and its namespaces.

use std::{
    any::Any,
    collections::HashMap,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use actix_web::{http::header::HeaderMap, web::ServiceConfig};
use bytestring::ByteString;
use natter_cluster::LinkOptions;
use natter_protocol::Args;
use regex::Regex;
use serde::Serialize;

use crate::{
    Cookie, Cors, Socket,
    broadcast::BroadcastOperator,
    cluster::{Active, Cluster, ClusterView, Inward, ServerSideError, ServerSideEvent},
    counters::{Stats, bump},
    drive::{End, guarded},
    engine::EngineView,
    error::{BroadcastAckError, ConnectRefused, ConnectionError, EmitError},
    extensions::Extensions,
    handler::{ConnectContext, Handler},
    hooks::Refusal,
    join::RoomNames,
    namespace::{Namespace, NamespaceHooks, NamespaceInner, broadcasts},
    options::{EngineOptions, Limits, TransportKind},
    remote_socket::{Counted, FetchedSockets},
    request::RequestHead,
    server::{Application, Server},
    transport,
};

/// A Socket.IO server: mounted into any actix-web `App` with [`routes`](Self::routes), used from anywhere.
///
/// A small handle; cloning it is cheap. Its own methods for handlers and emits are those of the namespace `/`.
#[derive(Clone)]
pub struct Io {
    inner: Arc<IoInner>,
    main: Namespace,
}

pub(crate) struct IoInner {
    pub server: Arc<Server>,
    state: Extensions,
    namespaces: RwLock<HashMap<ByteString, Arc<NamespaceInner>>>,
    parents: RwLock<Vec<Arc<Parent>>>,
    on_new: RwLock<Vec<OnNew>>,
    cleanup: bool,
    next_id: AtomicU32,
}

type OnNew = Arc<dyn Fn(Namespace) + Send + Sync>;

struct Parent {
    admits: Admits,
    hooks: NamespaceHooks,
    children: RwLock<Vec<Arc<NamespaceInner>>>,
}

type Asks = Arc<dyn Fn(String, serde_json::Value) -> Pin<Box<dyn Future<Output = bool>>> + Send + Sync>;

enum Admits {
    Matching(Regex),
    By(Asks),
}

/// Namespaces that come into being when clients ask for them (Socket.IO server API, "Dynamic namespaces").
///
/// Handlers and middleware are copied to each child when it is made, so they are registered before.
#[derive(Clone)]
pub struct ParentNamespace {
    inner: Arc<Parent>,
}

impl ParentNamespace {
    /// Calls a handler for each client that connects to a child. See [`Namespace::on_connect`].
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<ConnectContext, P>) {
        self.inner.hooks.on_connect(handler);
    }

    /// Adds a middleware to each child. See [`Namespace::use_middleware`].
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + 'static,
    {
        self.inner.hooks.use_middleware(middleware);
    }

    /// The children that exist now.
    pub fn children(&self) -> Vec<Namespace> {
        let children = self.inner.children.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        children.iter().cloned().map(Namespace::new).collect()
    }

    /// Sends an event to everybody in all children.
    ///
    /// # Errors
    /// Those of [`BroadcastOperator::emit`]; the first one ends it.
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        let args = Args::of(&data)?;
        self.children().iter().try_for_each(|child| child.emit(event, &args))
    }

    /// Disconnects everybody in all children, with `close` their whole connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.children().iter().for_each(|child| child.disconnect_sockets(close));
    }
}

impl IoInner {
    /// A namespace that exists.
    pub fn existing(&self, name: &str) -> Option<Arc<NamespaceInner>> {
        self.namespaces.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned()
    }

    /// A place in the namespace a client asks for: one that exists, or a child of the first parent that admits its name.
    pub async fn find(self: &Arc<Self>, name: &ByteString, auth: &str) -> Option<Lease> {
        if let Some(lease) = self.lease(name) {
            return Some(lease.announced().await);
        }
        let parents = self.parents.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        for parent in parents {
            let admitted = match &parent.admits {
                Admits::Matching(pattern) => pattern.is_match(name),
                Admits::By(asks) => {
                    let auth = serde_json::from_str(auth).unwrap_or(serde_json::Value::Null);
                    asks(name.to_string(), auth).await
                }
            };
            if admitted {
                loop {
                    self.create(name, Some(&parent));
                    // It may have been emptied and forgotten between these two lines; then it is made again.
                    if let Some(lease) = self.lease(name) {
                        return Some(lease.announced().await);
                    }
                }
            }
        }
        None
    }

    /// A place in a namespace that exists. Taken under the lock under which an empty one is forgotten.
    fn lease(self: &Arc<Self>, name: &str) -> Option<Lease> {
        let namespaces = self.namespaces.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let namespace = namespaces.get(name)?.clone();
        let active = namespace.enter();
        Some(Lease { io: self.clone(), namespace, active })
    }

    /// Makes a namespace, or returns the one that another thread has just made.
    fn create(&self, name: &ByteString, parent: Option<&Arc<Parent>>) -> Arc<NamespaceInner> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(namespace) = namespaces.get(name) {
            return namespace.clone();
        }
        let namespace = NamespaceInner::new(
            self.next_id.fetch_add(1, Ordering::Relaxed),
            name.clone(),
            self.server.clone(),
            self.state.clone(),
            parent.map(|parent| parent.hooks.copy()).unwrap_or_default(),
            parent.is_some(),
        );
        namespaces.insert(name.clone(), namespace.clone());
        drop(namespaces);
        if let Some(parent) = parent {
            parent.children.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(namespace.clone());
        }
        let listeners = self.on_new.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        // A panic in one of them must not keep clients waiting for ever.
        for listener in listeners {
            if let End::Panicked(message) = guarded(|| listener(Namespace::new(namespace.clone()))) {
                bump(&self.server.counters.handler_panics);
                tracing::error!(namespace = %name, message, "a listener for new namespaces panicked");
            }
        }
        namespace.announced.send_replace(true);
        namespace
    }

    /// Nobody is in the namespace or on his way to it.
    fn emptied(&self, namespace: &Arc<NamespaceInner>) {
        if !self.cleanup || !namespace.dynamic {
            return;
        }
        let mut namespaces = self.namespaces.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let current = namespaces.get(&namespace.name).is_some_and(|it| Arc::ptr_eq(it, namespace));
        // Somebody may have come meanwhile.
        if !current || !namespace.is_deserted() {
            return;
        }
        namespaces.remove(&namespace.name);
        drop(namespaces);
        for parent in self.parents.read().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
            let mut children = parent.children.write().unwrap_or_else(|poisoned| poisoned.into_inner());
            children.retain(|child| !Arc::ptr_eq(child, namespace));
        }
    }
}

/// A place in a namespace, for a socket or a client on its way in. A dynamic namespace without any is forgotten, if the
/// server is told to.
pub(crate) struct Lease {
    io: Arc<IoInner>,
    pub namespace: Arc<NamespaceInner>,
    active: Active,
}

impl Lease {
    /// Waits until those who want to know of new namespaces have been told of this one (they add its handlers), and until
    /// what other nodes say to the namespace reaches this one.
    async fn announced(self) -> Self {
        if !self.active.is_now() {
            self.active.clone().wait().await;
        }
        if !*self.namespace.announced.borrow() {
            // The sender lives in the namespace itself.
            drop(self.namespace.announced.subscribe().wait_for(|announced| *announced).await);
        }
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.namespace.exit() {
            self.io.emptied(&self.namespace);
        }
    }
}

/// `chat`, `/chat` -> `/chat`, as the reference does.
fn normalised(name: &str) -> ByteString {
    if name.starts_with('/') { name.into() } else { format!("/{name}").into() }
}

impl Io {
    /// Begins a server with the defaults of Socket.IO 4.
    pub fn builder() -> IoBuilder {
        IoBuilder {
            options: EngineOptions { path: "/socket.io".to_owned(), ..EngineOptions::default() },
            state: Extensions::default(),
            cleanup: false,
            cluster: None,
        }
    }

    /// Mounts the server into an actix-web `App`: `App::new().configure(io.routes())`, inside the closure of
    /// `HttpServer::new`. Each worker thread gets a shard of its own.
    ///
    /// Set `HttpServer::h1_allow_half_closed(false)` so that a poll whose client has gone is noticed at once.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let inner = self.inner.clone();
        move |config| transport::configure(config, inner.server.clone(), Some(inner))
    }

    /// The namespace of that name, made if it does not exist. A missing `/` at the beginning is added. A name that a
    /// dynamic namespace's pattern matches becomes its child.
    pub fn of(&self, name: &str) -> Namespace {
        let name = normalised(name);
        if let Some(namespace) = self.inner.existing(&name) {
            return Namespace::new(namespace);
        }
        let parents = self.inner.parents.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let parent = parents
            .iter()
            .find(|parent| matches!(&parent.admits, Admits::Matching(it) if it.is_match(&name)));
        Namespace::new(self.inner.create(&name, parent))
    }

    fn parent(&self, admits: Admits) -> ParentNamespace {
        let inner =
            Arc::new(Parent { admits, hooks: NamespaceHooks::default(), children: RwLock::default() });
        self.inner.parents.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(inner.clone());
        ParentNamespace { inner }
    }

    /// Namespaces whose names match a pattern (anchor it: `^/room-\d+$`), made when clients ask for them.
    pub fn of_matching(&self, pattern: Regex) -> ParentNamespace {
        self.parent(Admits::Matching(pattern))
    }

    /// Namespaces that an async function admits by name and auth payload (`{}` if there is none).
    pub fn of_dynamic<F, Fut>(&self, admits: F) -> ParentNamespace
    where
        F: Fn(String, serde_json::Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + 'static,
    {
        self.parent(Admits::By(Arc::new(move |name, auth| Box::pin(admits(name, auth)))))
    }

    /// Calls a function for each namespace that is made from now on (Socket.IO's `new_namespace`).
    pub fn on_new_namespace(&self, listener: impl Fn(Namespace) + Send + Sync + 'static) {
        self.inner.on_new.write().unwrap_or_else(|poisoned| poisoned.into_inner()).push(Arc::new(listener));
    }

    /// Calls a handler for each client that connects to `/`. See [`Namespace::on_connect`].
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<ConnectContext, P>) {
        self.main.on_connect(handler);
    }

    /// Adds a middleware to `/`. See [`Namespace::use_middleware`].
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(Socket) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectRefused>> + 'static,
    {
        self.main.use_middleware(middleware);
    }

    /// The Engine.IO server below.
    pub fn engine(&self) -> EngineView {
        EngineView::new(self.inner.server.clone())
    }

    /// Gauges and counters since the start.
    pub fn stats(&self) -> Stats {
        self.inner.server.counters.snapshot()
    }

    /// This node's name.
    pub fn node_name(&self) -> &str {
        &self.inner.server.options.node_name
    }

    /// The cluster it belongs to, if it does.
    pub fn cluster(&self) -> Option<ClusterView> {
        self.inner.server.link().cloned().map(|link| ClusterView { link })
    }

    /// See [`Namespace::server_side_emit`].
    ///
    /// # Errors
    /// Those of [`Namespace::server_side_emit`].
    pub fn server_side_emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        self.main.server_side_emit(event, data)
    }

    /// See [`Namespace::server_side_emit_with_ack`].
    ///
    /// # Errors
    /// Those of [`Namespace::server_side_emit_with_ack`].
    pub fn server_side_emit_with_ack<T: Serialize>(
        &self,
        event: &str,
        data: T,
    ) -> impl Future<Output = Result<Vec<Args>, ServerSideError>> + Send + use<T> {
        self.main.server_side_emit_with_ack(event, data)
    }

    /// See [`Namespace::on_server_side`].
    pub fn on_server_side<F, Fut>(&self, event: impl Into<String>, listener: F)
    where
        F: Fn(ServerSideEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        self.main.on_server_side(event, listener);
    }

    /// Closes the server: handshakes are refused, every socket is disconnected with `server shutting down`, WebSockets
    /// get a close frame with code 1001. Resolves when all sessions are gone, at most after `close_timeout`.
    pub async fn close(&self) {
        self.inner.server.close(self.inner.server.options.close_timeout).await;
    }

    #[cfg(test)]
    pub(crate) fn server(&self) -> Arc<Server> {
        self.inner.server.clone()
    }

    fn all(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.main.inner.clone())
    }
}

broadcasts!(Io);

/// Settings of an [`Io`]; see [`EngineOptions`] for defaults and units.
pub struct IoBuilder {
    options: EngineOptions,
    state: Extensions,
    cleanup: bool,
    cluster: Option<Cluster>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {
        impl IoBuilder {
            $($(#[$doc])*
            pub fn $name(mut self, $name: $type) -> Self {
                self.options.$name = $name;
                self
            })*
        }
    };
}

settings! {
    /// Whether a polling client may go on over a WebSocket.
    allow_upgrades: bool,
    /// Time between the last pong and the next ping.
    ping_interval: Duration,
    /// Time for a pong to come.
    ping_timeout: Duration,
    /// Time for a transport upgrade to finish.
    upgrade_timeout: Duration,
    /// Time for a client to join a first namespace.
    connect_timeout: Duration,
    /// Time to deliver what is queued when a connection is closed.
    close_timeout: Duration,
    /// Time for an acknowledgement when the caller gives none.
    ack_timeout: Duration,
    /// Bytes of one message from a client.
    max_payload: usize,
    /// What one client may cost.
    limits: Limits,
    /// Which browser origins may connect.
    cors: Cors,
}

impl IoBuilder {
    /// The path under which the server answers.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.options.path = path.into();
        self
    }

    /// The transports clients may use.
    pub fn transports(mut self, transports: &[TransportKind]) -> Self {
        self.options.transports = transports.to_vec();
        self
    }

    /// A cookie with the session's id on the first answer.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.options.cookie = Some(cookie);
        self
    }

    /// The name under which this node shows itself.
    pub fn node_name(mut self, name: impl Into<String>) -> Self {
        self.options.node_name = name.into();
        self
    }

    /// Links this server with others by NATS, in the cluster `natter`: `nats://127.0.0.1:4222`, or several addresses of one
    /// NATS cluster with commas between. Shorthand for [`cluster`](Self::cluster).
    pub fn nats(self, servers: &str) -> Self {
        self.cluster(Cluster::nats(servers))
    }

    /// Links this server with others. Everything that goes to rooms, namespaces and socket ids then reaches them on all
    /// nodes. The node needs a [name](Self::node_name) of its own; without one it makes one up.
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// A folder with the client's files to serve below the path.
    pub fn client_bundle(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.client_bundle = Some(folder.into());
        self
    }

    /// Decides about each handshake. See [`Hooks::allow_request`](crate::Hooks::allow_request).
    pub fn allow_request<F, Fut>(mut self, allows: F) -> Self
    where
        F: Fn(Arc<RequestHead>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + 'static,
    {
        self.options.hooks = self.options.hooks.allow_request(allows);
        self
    }

    /// Edits the first answer of each session. See [`Hooks::initial_headers`](crate::Hooks::initial_headers).
    pub fn initial_headers(
        mut self,
        edit: impl Fn(&mut HeaderMap, &RequestHead) + Send + Sync + 'static,
    ) -> Self {
        self.options.hooks = self.options.hooks.initial_headers(edit);
        self
    }

    /// Edits every answer. See [`Hooks::headers`](crate::Hooks::headers).
    pub fn headers(mut self, edit: impl Fn(&mut HeaderMap, &RequestHead) + Send + Sync + 'static) -> Self {
        self.options.hooks = self.options.hooks.headers(edit);
        self
    }

    /// Sees refused requests. See [`Hooks::on_connection_error`](crate::Hooks::on_connection_error).
    pub fn on_connection_error(mut self, see: impl Fn(&ConnectionError) + Send + Sync + 'static) -> Self {
        self.options.hooks = self.options.hooks.on_connection_error(see);
        self
    }

    /// Whether dynamic namespaces are forgotten when their last socket leaves (off, as in the reference).
    pub fn cleanup_empty_namespaces(mut self, yes: bool) -> Self {
        self.cleanup = yes;
        self
    }

    /// Gives a value to all handlers, who ask for it with [`State<T>`](crate::State). One value of each type.
    pub fn state<T: Any + Send + Sync>(mut self, value: T) -> Self {
        drop(self.state.insert(value));
        self
    }

    /// Makes the server. It has the namespace `/` and serves once its routes are mounted.
    ///
    /// With a cluster it starts a thread for the link, which connects in the background:
    /// [`ClusterView::joined`](crate::ClusterView::joined) tells when it has.
    pub fn build(mut self) -> Io {
        if self.cluster.is_some() && self.options.node_name == EngineOptions::default().node_name {
            self.options.node_name = format!("node-{}", uuid::Uuid::new_v4().simple());
        }
        let server = Server::new(self.options);
        let inner = Arc::new(IoInner {
            server: server.clone(),
            state: self.state,
            namespaces: RwLock::default(),
            parents: RwLock::default(),
            on_new: RwLock::default(),
            cleanup: self.cleanup,
            next_id: AtomicU32::new(0),
        });
        server.set_application(Application::SocketIo(Arc::downgrade(&inner)));
        if let Some(cluster) = self.cluster {
            let node = server.options.node_name.clone();
            let (cluster, open) = cluster.into_parts(&node);
            let options = LinkOptions { cluster, node, open };
            server.set_link(natter_cluster::link(options, Arc::new(Inward::new(Arc::downgrade(&inner)))));
        }
        let main = Namespace::new(inner.create(&ByteString::from_static("/"), None));
        Io { inner, main }
    }
}
