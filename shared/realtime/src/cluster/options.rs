//! Which cluster a server belongs to.

use std::{path::PathBuf, sync::Arc, time::Duration};

use natter_cluster::{
    Event as ClusterEvent, LinkOptions, MemoryBus, OpenBus, OpensBus, ProgramError, Subjects,
    nats::{self, Credentials, NatsOptions, NatsOptionsError, Secret},
};

use crate::is_socket_id;

/// Which cluster a server belongs to, and what links its nodes.
///
/// Every node of a cluster needs a name of its own ([`IoBuilder::node_name`](crate::IoBuilder::node_name)).
///
/// What travels between nodes is Natter's own; it takes the place of Socket.IO's adapters (Socket.IO server options:
/// `adapter`).
#[derive(Clone)]
pub struct Cluster {
    name: String,
    thread: LinkThread,
    bus: Kind,
}

/// The thread that carries the link between a node and the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkThread {
    /// One of its own, from [`IoBuilder::build`](crate::IoBuilder::build) on. Nothing that handlers do holds it up.
    #[default]
    Own,
    /// A worker of the HTTP server: the first one that mounts the routes ([`Io::routes`](crate::Io::routes)).
    ///
    /// What goes from client to client across nodes wakes fewer threads: on nodes with one or two workers it costs about
    /// a quarter less CPU and arrives sooner. In return
    /// - no handler may block: a worker that is held up for 2.5 s is a node that the others give up, and its clients have to
    ///   connect again;
    /// - nothing is linked before the routes are mounted, so [`ClusterView::joined`](crate::ClusterView::joined) must not be
    ///   waited for before the server runs;
    /// - [`Io::close`](crate::Io::close) belongs before the stop of the HTTP server. Its workers end with their last
    ///   connection, and the link with one of them, for good: without a goodbye the others notice after 2.5 s.
    Worker,
}

#[derive(Clone)]
enum Kind {
    Nats(NatsOptions),
    Memory(MemoryBus),
}

impl Cluster {
    /// Nodes that are linked by NATS, in the cluster `natter`: `nats://127.0.0.1:4222`, or several addresses of one
    /// NATS cluster with commas between; `tls://` for TLS. They are tried in turn, for ever. [`check`](Self::check)
    /// finds those that cannot be right.
    pub fn nats(servers: &str) -> Self {
        let servers = servers.split(',').map(|server| server.trim().to_owned()).collect();
        Self::of(Kind::Nats(NatsOptions::new(servers, String::new())))
    }

    /// Nodes inside this process, in the cluster `natter`: for tests, and for programs that want several servers to act
    /// as one.
    pub fn in_memory(bus: &MemoryBus) -> Self {
        Self::of(Kind::Memory(bus.clone()))
    }

    fn of(bus: Kind) -> Self {
        Self { name: "natter".to_owned(), thread: LinkThread::default(), bus }
    }

    /// The name of the cluster, `natter` if none is given: several of them can share a NATS server.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The thread that carries the link, [`LinkThread::Own`] without this.
    pub fn link_thread(mut self, thread: LinkThread) -> Self {
        self.thread = thread;
        self
    }

    /// The user that the node is to NATS. It needs leave to publish and to subscribe to `natter.NAME.>`, where `NAME`
    /// is the cluster's name (each byte but ASCII letters, digits, `-` and `_` as `%` and two hexadecimal digits), and
    /// to nothing else. It replaces a [token](Self::token). A cluster in memory ignores it.
    pub fn user(self, name: impl Into<String>, password: Secret) -> Self {
        self.credentials(Credentials::User { name: name.into(), password })
    }

    /// The token with which the node comes to NATS. It replaces a [user](Self::user). A cluster in memory ignores it.
    pub fn token(self, token: Secret) -> Self {
        self.credentials(Credentials::Token(token))
    }

    fn credentials(mut self, credentials: Credentials) -> Self {
        if let Kind::Nats(options) = &mut self.bus {
            options.credentials = Some(credentials);
        }
        self
    }

    /// A file of the certificates that NATS's own may be signed with. With it TLS is required; without it `tls://`
    /// trusts the system's. A cluster in memory ignores it.
    pub fn tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        if let Kind::Nats(options) = &mut self.bus {
            options.tls_ca = Some(file.into());
        }
        self
    }

    /// Whether NATS can be reached like this, as far as can be said without trying.
    ///
    /// # Errors
    /// When there is no address, one is none, or one has a user, a password or a token in it.
    pub fn check(&self) -> Result<(), NatsOptionsError> {
        match &self.bus {
            Kind::Nats(options) => NatsOptions { private: "natter".to_owned(), ..options.clone() }.check(),
            Kind::Memory(_) => Ok(()),
        }
    }

    /// Emits an event into the cluster from a program that is no node, and waits until NATS has it. Whether anybody was
    /// there to hear it is not told. Has to be called inside a tokio runtime, a current-thread one.
    ///
    /// It takes `patience` to connect, and up to a second more for NATS to say that it has the event.
    ///
    /// Socket.IO's emitters do this with its adapters.
    ///
    /// # Errors
    /// When NATS is not there within `patience`, does not take the event (it may have as many bytes as NATS's
    /// `max_payload`, 1 MiB by default), or has not said in time that it has it; then it may have arrived or not.
    pub async fn emit(&self, event: &ClusterEvent, patience: Duration) -> Result<(), ProgramError> {
        let subjects = Subjects::of(&self.name);
        natter_cluster::emit(self.open_for_program(&subjects), &subjects, event, patience).await
    }

    /// As [`emit`](Self::emit), to the socket of that id, whatever rooms the event names.
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit), and when it is no socket's id.
    pub async fn emit_to_socket(
        &self,
        socket: &str,
        event: ClusterEvent,
        patience: Duration,
    ) -> Result<(), ProgramError> {
        if !is_socket_id(socket) {
            return Err(ProgramError::NoSocket(socket.to_owned()));
        }
        let subjects = Subjects::of(&self.name);
        let bus = self.open_for_program(&subjects);
        natter_cluster::emit_to_socket(bus, &subjects, socket, event, patience).await
    }

    fn open_for_program(&self, subjects: &Subjects) -> OpenBus {
        match &self.bus {
            Kind::Memory(bus) => bus.open("program"),
            Kind::Nats(options) => {
                let private = subjects.program(&uuid::Uuid::new_v4().simple().to_string()).to_string();
                nats::open(NatsOptions { private, name: "natter emit".to_owned(), ..options.clone() })
            }
        }
    }

    /// What the link of the node of that name needs to know, and where it lives.
    pub(crate) fn link_options(self, node: &str) -> (LinkOptions, LinkThread) {
        let open: OpensBus = match self.bus {
            Kind::Memory(bus) => {
                let name = node.to_owned();
                Arc::new(move |_, _| bus.open(&name))
            }
            Kind::Nats(options) => {
                let options = NatsOptions { name: format!("natter {node}"), ..options };
                Arc::new(move |subjects, own| {
                    let private = subjects.node(own).to_string();
                    nats::open(NatsOptions { private, ..options.clone() })
                })
            }
        };
        (LinkOptions { cluster: self.name, node: node.to_owned(), open }, self.thread)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({:?})", self.name)
    }
}
