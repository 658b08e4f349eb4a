//! `Io`: a Socket.IO server, as a program holds it.

use std::{sync::Arc, time::Duration};

use actix_web::web::ServiceConfig;
use natter_protocol::Args;
use regex::Regex;
use serde::Serialize;

use crate::{
    Socket,
    broadcast::BroadcastOperator,
    builder::IoBuilder,
    cluster::{ClusterView, ServerSideError, ServerSideEvent},
    counters::Stats,
    engine::EngineView,
    error::{BroadcastAckError, ConnectRefused, EmitError},
    handler::{ConnectContext, Handler},
    join::RoomNames,
    namespace::{Namespace, broadcasts},
    namespaces::{Admits, Namespaces, ParentNamespace},
    remote_socket::{Counted, FetchedSockets},
    transport,
};

/// A Socket.IO server: mounted into any actix-web `App` with [`routes`](Self::routes), used from anywhere.
///
/// A small handle; cloning it is cheap. Its own methods for handlers and emits are those of the namespace `/`.
///
/// Socket.IO server API: Server.
#[derive(Clone)]
pub struct Io {
    inner: Arc<Namespaces>,
    main: Namespace,
}

impl Io {
    pub(crate) fn new(inner: Arc<Namespaces>) -> Self {
        let main = Namespace::new(inner.named("/"));
        Self { inner, main }
    }

    /// Begins a server with the defaults of Socket.IO 4, but for those of which [`EngineOptions`](crate::EngineOptions)
    /// says otherwise.
    pub fn builder() -> IoBuilder {
        IoBuilder::new()
    }

    /// Mounts the server into an actix-web `App`: `App::new().configure(io.routes())`, inside the closure of
    /// `HttpServer::new`. Each worker thread gets a shard of its own.
    ///
    /// With actix-web's own `HttpServer` set `h1_allow_half_closed(false)`, so that a poll whose client has gone is
    /// noticed at once; it is the default of Natter's [`HttpServer`](crate::HttpServer).
    ///
    /// Socket.IO server API: `server.attach()`. Engine.IO protocol: Request path.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let inner = self.inner.clone();
        move |config| transport::configure(config, inner.server.clone(), Some(inner))
    }

    /// The namespace of that name, made if it does not exist. A missing `/` at the beginning is added. A name that a
    /// dynamic namespace's pattern matches becomes its child.
    ///
    /// Socket.IO server API: `server.of()`.
    pub fn of(&self, name: &str) -> Namespace {
        Namespace::new(self.inner.named(name))
    }

    /// Namespaces whose names match a pattern (anchor it: `^/room-\d+$`), made when clients ask for them. The first
    /// parent that admits a name gets it; one that none admits is answered with a `CONNECT_ERROR`, "Invalid namespace".
    ///
    /// How many namespaces clients can make like this has no limit, and they stay unless
    /// [`cleanup_empty_namespaces`](crate::IoBuilder::cleanup_empty_namespaces) says otherwise.
    ///
    /// Socket.IO server API: `server.of()`. Socket.IO protocol: Connection to a namespace.
    pub fn of_matching(&self, pattern: Regex) -> ParentNamespace {
        self.inner.add_parent(Admits::Matching(pattern))
    }

    /// Namespaces that an async function admits by name and auth payload (`{}` if there is none). Like
    /// [`of_matching`](Self::of_matching) otherwise. A panic of the function ends that client's connection.
    ///
    /// Socket.IO server API: `server.of()`.
    pub fn of_dynamic<F, Fut>(&self, admits: F) -> ParentNamespace
    where
        F: Fn(String, serde_json::Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + 'static,
    {
        self.inner.add_parent(Admits::By(Arc::new(move |name, auth| Box::pin(admits(name, auth)))))
    }

    /// Calls a function for each namespace that is made from now on, before a client is let into it. It runs where the
    /// namespace is made, so it must be quick; a panic is logged and counted.
    ///
    /// Socket.IO server API: event `new_namespace`.
    pub fn on_new_namespace(&self, listener: impl Fn(Namespace) + Send + Sync + 'static) {
        self.inner.on_new(Arc::new(listener));
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

    /// The Engine.IO server below. Socket.IO server API: `server.engine`.
    pub fn engine(&self) -> EngineView {
        EngineView::new(self.inner.server.clone())
    }

    /// Gauges now, and counters since the start.
    pub fn stats(&self) -> Stats {
        self.inner.server.counters.snapshot()
    }

    /// This node's name. See [`IoBuilder::node_name`].
    pub fn node_name(&self) -> &str {
        &self.inner.server.options.node_name
    }

    /// The cluster it belongs to, if it does.
    pub fn cluster(&self) -> Option<ClusterView> {
        let server = &self.inner.server;
        server.link().cloned().map(|link| ClusterView { link, server: Arc::downgrade(server) })
    }

    /// Sends an event to the servers of all other nodes. See [`Namespace::server_side_emit`].
    ///
    /// # Errors
    /// Those of [`Namespace::server_side_emit`].
    pub fn server_side_emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        self.main.server_side_emit(event, data)
    }

    /// Sends an event to the servers of all other nodes and waits for them. See
    /// [`Namespace::server_side_emit_with_ack`].
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

    /// Calls a listener for events of other nodes' servers. See [`Namespace::on_server_side`].
    pub fn on_server_side<F, Fut>(&self, event: impl Into<String>, listener: F)
    where
        F: Fn(ServerSideEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        self.main.on_server_side(event, listener);
    }

    /// Closes the server: handshakes are refused, every socket is disconnected with `server shutting down`, WebSockets
    /// get a close frame with code 1001, polls that wait a close packet. Resolves when all sessions are gone, at most
    /// after [`close_timeout`](crate::EngineOptions::close_timeout), and the node has left its cluster, which takes
    /// NATS up to a second more. The HTTP server is not stopped.
    ///
    /// Socket.IO server API: `server.close()`.
    pub async fn close(&self) {
        self.inner.server.close(self.inner.server.options.close_timeout).await;
    }

    #[cfg(test)]
    pub(crate) fn server(&self) -> Arc<crate::server::Server> {
        self.inner.server.clone()
    }

    fn all(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.main.inner.clone())
    }
}

broadcasts!(Io);
