//! Natter: a Socket.IO server for actix-web in which every connection is an actor.
//!
//! The official `socket.io-client` connects to it unchanged. The vocabulary is Socket.IO's own:
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use natter::{Data, DisconnectReason, Io, Socket};
//!
//! #[actix_web::main]
//! async fn main() -> std::io::Result<()> {
//!     let io = Io::builder().path("/socket.io").build();
//!
//!     io.on_connect(|socket: Socket| async move {
//!         socket.on("reply", |Data(text): Data<String>| async move { println!("{text}") });
//!         socket.on_error(|error| async move { eprintln!("{error}") });
//!         socket.on_disconnect(|socket: Socket, reason: DisconnectReason| async move {
//!             println!("{} left: {reason}", socket.id());
//!         });
//!         socket.emit("message", "Hello World")
//!     });
//!
//!     HttpServer::new(move || App::new().configure(io.routes())).bind(("127.0.0.1", 3000))?.run().await
//! }
//! ```
//!
//! # What is promised
//!
//! - **Order**: from one emitter (a thread) to one client, events arrive in the order in which they were emitted,
//!   whether to the socket, to rooms or to a namespace, on this node or another.
//! - **Delivery**: at most once. What is on its way when a connection breaks is lost.
//! - **Bounds**: every queue has one, and what is dropped is counted ([`Stats`]). A client that does not read is
//!   disconnected once [`Limits::outbox_hard_bytes`] wait for it.
//! - **Isolation**: what one client sends, and what a handler does with it, panics included, costs that client at most.
//!
//! # Several nodes
//!
//! [`IoBuilder::nats`] links servers to one cluster. Whatever goes to rooms, namespaces and socket ids then means the
//! sockets of all nodes, [`local`](BroadcastOperator::local) those of this one. [`ClusterView`] tells how it is doing.
//!
//! # Where behaviour comes from
//!
//! Docs name the section of the [Engine.IO protocol] (revision 4) or of the [Socket.IO protocol] (revision 5) that an
//! item carries out, or its entry in Socket.IO's documentation of its [server API] and its [server options] (version
//! 4). Methods of [`Io`] have the entries of those of [`Namespace`]. "The reference" is Socket.IO 4 on Node.
//!
//! [Engine.IO protocol]: https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md
//! [Socket.IO protocol]: https://github.com/socketio/socket.io/blob/main/docs/socket.io-protocol/v5-current.md
//! [server API]: https://socket.io/docs/v4/server-api/
//! [server options]: https://socket.io/docs/v4/server-options/
//!
//! # The way of a message
//!
//! `transport` -> `natter_protocol` -> `connection` -> `client` -> `dispatch` -> your handler -> `socket` or
//! `broadcast` -> `shard` and `roster` -> `outbox` -> `transport`; beside it `broadcast` -> `cluster` -> `natter_cluster` ->
//! NATS, and back.

mod accept;
mod acks;
mod alarm;
mod broadcast;
mod builder;
mod bundle;
mod client;
mod cluster;
mod collector;
mod connection;
mod cookie;
mod cors;
mod counters;
mod delivery;
mod directory;
mod disconnect;
mod dispatch;
mod drive;
mod emitter;
mod engine;
mod error;
mod extensions;
mod gate;
mod handler;
mod handshake;
mod hooks;
mod ids;
mod io;
mod join;
mod line;
mod listeners;
mod memberships;
mod namespace;
mod namespaces;
mod options;
mod outbox;
mod remote_socket;
mod request;
mod room;
mod roster;
mod server;
mod session;
mod sessions;
mod shard;
mod shared_list;
mod socket;
mod transport;
mod upgrade;
mod writers;

pub use accept::prepare_connection;
pub use acks::{Ack, AckFuture};
pub use broadcast::BroadcastOperator;
pub use builder::IoBuilder;
pub use cluster::{
    Cluster, ClusterChange, ClusterView, JoinClusterError, LinkThread, ServerSideError, ServerSideEvent,
};
pub use cookie::Cookie;
pub use cors::Cors;
pub use counters::Stats;
pub use disconnect::DisconnectReason;
pub use emitter::SocketEmitter;
pub use engine::{Engine, EngineMessage, EngineSocket, EngineView, MessageData};
pub use error::{
    AckError, BroadcastAckError, ConnectRefused, ConnectionError, EmitError, ErrorCode, JoinError,
    SocketError,
};
pub use handler::{
    ArgumentError, ConnectContext, Data, DisconnectContext, EventContext, EventName, FromContext, Handler,
    HasSocket, Outcome, State,
};
pub use handshake::Handshake;
pub use hooks::{Hooks, Refusal};
pub use ids::is_socket_id;
pub use io::Io;
pub use join::{Join, RoomNames};
pub use listeners::{EventRefused, IncomingEvent};
pub use namespace::Namespace;
pub use namespaces::ParentNamespace;
pub use natter_cluster::{
    ClusterStats, Event as ClusterEvent, LinkState, MemoryBus, ProgramError,
    nats::{NatsOptionsError, Secret},
};
pub use natter_protocol::{Args, ArgsError, Binary, EncodeError};
pub use options::{EngineOptions, Limits, TransportKind};
pub use remote_socket::{Counted, FetchedSockets, RemoteSocket};
pub use request::RequestHead;
pub use socket::Socket;
pub use transport::HttpServer;

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
