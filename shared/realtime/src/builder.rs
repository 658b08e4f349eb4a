//! `IoBuilder`: the settings of a server.

use std::{any::Any, path::PathBuf, sync::Arc, time::Duration};

use actix_web::http::header::HeaderMap;

use crate::{
    Cookie, Cors, Io,
    cluster::{self, Cluster, Inward, LinkThread},
    error::ConnectionError,
    extensions::Extensions,
    hooks::Refusal,
    namespaces::Namespaces,
    options::{EngineOptions, Limits, TransportKind},
    request::RequestHead,
    server::{Application, Server},
};

/// Settings of an [`Io`]. The field of [`EngineOptions`] that has a setting's name says what happens at its limit, and
/// which of Socket.IO's server options it is.
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
    /// Whether a polling client may go on over a WebSocket, yes. See [`EngineOptions::allow_upgrades`].
    allow_upgrades: bool,
    /// Time between the last pong and the next ping, 25 s. See [`EngineOptions::ping_interval`].
    ping_interval: Duration,
    /// Time for a pong to come, 20 s. See [`EngineOptions::ping_timeout`].
    ping_timeout: Duration,
    /// Time for a transport upgrade to finish, 10 s. See [`EngineOptions::upgrade_timeout`].
    upgrade_timeout: Duration,
    /// Time for a client to join a first namespace, 45 s. See [`EngineOptions::connect_timeout`].
    connect_timeout: Duration,
    /// Time to deliver what is queued when a connection is closed, 30 s. See [`EngineOptions::close_timeout`].
    close_timeout: Duration,
    /// Time for an acknowledgement when the caller gives none, 30 s. See [`EngineOptions::ack_timeout`].
    ack_timeout: Duration,
    /// Bytes of one message from a client, 1,000,000. See [`EngineOptions::max_payload`].
    max_payload: usize,
    /// What one client may cost. See [`Limits`] for each one's default.
    limits: Limits,
    /// Which browser origins may connect, the host's own. See [`EngineOptions::cors`].
    cors: Cors,
}

impl IoBuilder {
    pub(crate) fn new() -> Self {
        Self {
            options: EngineOptions { path: "/socket.io".to_owned(), ..EngineOptions::default() },
            state: Extensions::default(),
            cleanup: false,
            cluster: None,
        }
    }

    /// The path under which the server answers, `/socket.io`. See [`EngineOptions::path`].
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.options.path = path.into();
        self
    }

    /// The transports clients may use, both. See [`EngineOptions::transports`].
    pub fn transports(mut self, transports: &[TransportKind]) -> Self {
        self.options.transports = transports.to_vec();
        self
    }

    /// A cookie with the session's id on the first answer to a polling client, none. See [`EngineOptions::cookie`].
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.options.cookie = Some(cookie);
        self
    }

    /// The name under which this node shows itself, `node`; in a cluster a random one. See
    /// [`EngineOptions::node_name`].
    pub fn node_name(mut self, name: impl Into<String>) -> Self {
        self.options.node_name = name.into();
        self
    }

    /// Links this server with others by NATS, in the cluster `natter`: `nats://127.0.0.1:4222`, or several addresses of one
    /// NATS cluster with commas between. Shorthand for [`cluster`](Self::cluster) with [`Cluster::nats`].
    pub fn nats(self, servers: &str) -> Self {
        self.cluster(Cluster::nats(servers))
    }

    /// Links this server with others. Everything that goes to rooms, namespaces and socket ids then reaches them on all
    /// nodes. The node needs a [name](Self::node_name) of its own; without one it makes one up.
    ///
    /// A cluster that cannot be reached is no error: the node serves its own clients and goes on trying
    /// ([`LinkState::Away`](crate::LinkState::Away)). [`Cluster::check`] finds addresses that cannot be right.
    ///
    /// Socket.IO server options: `adapter`.
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// A folder with the client's files to serve below the path, none. See [`EngineOptions::client_bundle`].
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

    /// Whether dynamic namespaces are forgotten when their last socket leaves (off, as in the reference). Handlers and
    /// listeners that were added to such a namespace are forgotten with it; who comes next gets a new one of that name.
    ///
    /// Socket.IO server options: `cleanupEmptyChildNamespaces`.
    pub fn cleanup_empty_namespaces(mut self, yes: bool) -> Self {
        self.cleanup = yes;
        self
    }

    /// Gives a value to all handlers, who ask for it with [`State<T>`](crate::State). One value of each type: a second
    /// one replaces the first.
    pub fn state<T: Any + Send + Sync>(mut self, value: T) -> Self {
        drop(self.state.insert(value));
        self
    }

    /// Makes the server. It has the namespace `/` and serves once its routes are mounted.
    ///
    /// With a cluster it starts a thread for the link, unless a worker is to carry it ([`Cluster::link_thread`]). The link
    /// connects in the background: [`ClusterView::joined`](crate::ClusterView::joined) tells when it has.
    ///
    /// Socket.IO server API: `new Server(options)`.
    pub fn build(mut self) -> Io {
        if self.cluster.is_some() && self.options.node_name == EngineOptions::default().node_name {
            self.options.node_name = format!("node-{}", uuid::Uuid::new_v4().simple());
        }
        if self.cluster.is_some() {
            let longest = &mut self.options.limits.name_bytes;
            *longest = cluster::NAME_BYTES.min(*longest);
        }
        let server = Server::new(self.options);
        let namespaces = Arc::new(Namespaces::new(server.clone(), self.state, self.cleanup));
        server.set_application(Application::SocketIo(Arc::downgrade(&namespaces)));
        if let Some(cluster) = self.cluster {
            let (options, thread) = cluster.link_options(&server.options.node_name);
            let inward = Inward::new(Arc::downgrade(&namespaces));
            let (link, task) = natter_cluster::link(options, Arc::new(inward));
            server.set_link(link);
            match thread {
                LinkThread::Own => task.run_on_its_own_thread(),
                LinkThread::Worker => server.leave_link_to_a_worker(task),
            }
        }
        Io::new(namespaces)
    }
}
