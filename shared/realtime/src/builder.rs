//! `IoBuilder`: the settings of a server.

use std::{any::Any, path::PathBuf, sync::Arc, time::Duration};

use actix_web::http::header::HeaderMap;
use natter_cluster::LinkOptions;

use crate::{
    Cookie, Cors, Io,
    cluster::{self, Cluster, Inward},
    error::ConnectionError,
    extensions::Extensions,
    hooks::Refusal,
    namespaces::Namespaces,
    options::{EngineOptions, Limits, TransportKind},
    request::RequestHead,
    server::{Application, Server},
};

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
    pub(crate) fn new() -> Self {
        Self {
            options: EngineOptions { path: "/socket.io".to_owned(), ..EngineOptions::default() },
            state: Extensions::default(),
            cleanup: false,
            cluster: None,
        }
    }

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
        if self.cluster.is_some() {
            let longest = &mut self.options.limits.name_bytes;
            *longest = cluster::NAME_BYTES.min(*longest);
        }
        let server = Server::new(self.options);
        let namespaces = Arc::new(Namespaces::new(server.clone(), self.state, self.cleanup));
        server.set_application(Application::SocketIo(Arc::downgrade(&namespaces)));
        if let Some(cluster) = self.cluster {
            let node = server.options.node_name.clone();
            let (cluster, open) = cluster.into_parts(&node);
            let options = LinkOptions { cluster, node, open };
            server
                .set_link(natter_cluster::link(options, Arc::new(Inward::new(Arc::downgrade(&namespaces)))));
        }
        Io::new(namespaces)
    }
}
