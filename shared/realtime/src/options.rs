//! Every setting of a server, with its default. The struct is the documentation.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{cookie::Cookie, cors::Cors, hooks::Hooks};

/// The longest time that is waited for anything, whatever is asked for.
pub(crate) const LONGEST: Duration = Duration::from_secs(86_400);

/// How a client's bytes travel. Engine.IO protocol: Transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// HTTP long-polling. Engine.IO protocol: HTTP long-polling.
    Polling,
    /// A WebSocket (RFC 6455). Engine.IO protocol: WebSocket.
    Websocket,
}

impl TransportKind {
    /// The name used in the `transport` query parameter. Engine.IO protocol: Query parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Websocket => "websocket",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one client may cost. Past a limit only that client is affected, in the way each field names; but for
/// [`shard_queue_bytes`](Self::shard_queue_bytes), which bounds what the program sends.
///
/// The limits are Natter's own but for [`attachments`](Self::attachments), which is the reference's (`maxAttachments`
/// of its parser). "Closed" means the whole connection, with a [`DisconnectReason`](crate::DisconnectReason).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a handshake's URI and headers, 16 KiB, of which a session keeps a copy. More: answered with 431.
    pub head_bytes: usize,
    /// Bytes of the auth payload of one namespace, 16 KiB, which its socket keeps. More: `connect_error`.
    pub auth_bytes: usize,
    /// Binary attachments of one packet, 10. More: the connection is closed with `forced close`.
    pub attachments: usize,
    /// Time for a packet to be complete once it has begun (fragments, attachments), 30 s. Later: closed with `parse
    /// error`.
    pub packet_timeout: Duration,
    /// Engine.IO packets in the body of one polling POST, 1,000. More: answered with 400 and closed with `parse error`.
    pub packets_per_payload: usize,
    /// Engine.IO packets in one polling answer, 16, or as many as reach 512 KiB; the rest waits for the next poll.
    pub packets_per_poll: usize,
    /// Rooms the sockets of one connection can be in together, besides their own, 128. More: [`Socket::join`] returns
    /// an error, and [`BroadcastOperator::sockets_join`] passes the socket over.
    ///
    /// [`Socket::join`]: crate::Socket::join
    /// [`BroadcastOperator::sockets_join`]: crate::BroadcastOperator::sockets_join
    pub rooms_per_connection: usize,
    /// Namespaces of one connection, 16. More: the client gets a `CONNECT_ERROR`, "Too many namespaces".
    pub namespaces_per_connection: usize,
    /// Bytes of the name of an event, a room or a namespace, 255; in a cluster never more than 600. Longer from a client:
    /// closed with `forced close`; from the server: emitting or joining returns an error, and an emit to such a room
    /// reaches nobody.
    pub name_bytes: usize,
    /// Nesting of each argument from clients, 64 (`[[1]]` is two levels); beyond 256 it has no effect. Deeper: closed
    /// with `forced close`. A deeper auth payload: the client gets a `CONNECT_ERROR`.
    pub json_depth: usize,
    /// Arguments of one event or acknowledgement, 128. More: closed with `forced close`.
    pub arguments: usize,
    /// Acknowledgements one socket can owe the server, 1,024. More: emitting with an ack returns an error, and a
    /// broadcast that asks for acks passes the socket over and names it as missing.
    pub pending_acks: usize,
    /// Fragments of one WebSocket message, 128. More: closed with `parse error` and code 1008.
    pub fragments: usize,
    /// Bytes waiting for a client past which volatile packets are dropped, oldest first, and counted, 256 KiB. A packet
    /// for which nothing else has to wait may be larger.
    pub outbox_soft_bytes: usize,
    /// Bytes waiting for a client past which it is closed with `too slow` and, on a WebSocket, code 1008, 1 MiB.
    /// Volatile packets are dropped first. A packet for which nothing else has to wait may be larger.
    pub outbox_hard_bytes: usize,
    /// Handlers of one connection that have not finished, middleware among them, 1,024. At the limit nothing more is
    /// read from the client.
    pub pending_handlers: usize,
    /// Bytes of broadcasts and orders on their way from other threads to one shard, 64 MiB. Past it emits and joins
    /// from other threads return an error, and are counted.
    pub shard_queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            auth_bytes: 16 * 1024,
            attachments: 10,
            packet_timeout: Duration::from_secs(30),
            packets_per_payload: 1_000,
            packets_per_poll: 16,
            rooms_per_connection: 128,
            namespaces_per_connection: 16,
            name_bytes: 255,
            json_depth: 64,
            arguments: 128,
            pending_acks: 1_024,
            fragments: 128,
            outbox_soft_bytes: 256 * 1024,
            outbox_hard_bytes: 1024 * 1024,
            pending_handlers: 1_024,
            shard_queue_bytes: 64 * 1024 * 1024,
        }
    }
}

/// The settings of the Engine.IO layer, shared by [`Io`](crate::Io) and a raw [`Engine`](crate::Engine).
///
/// The defaults are those of Socket.IO 4 unless a field says otherwise; where a field is one of its server options, the
/// field says so. Durations are announced to clients in whole milliseconds; one that is longer than a day counts as a day.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The path under which the server answers, `/engine.io` (an [`Io`](crate::Io) has `/socket.io`). With and
    /// without a slash at the end; nothing below it but the [client's files](Self::client_bundle).
    ///
    /// Socket.IO server options: `path`. Engine.IO protocol: Request path.
    pub path: String,
    /// Transports a client may use, both. Requests with another one are refused with [`ErrorCode::UnknownTransport`].
    ///
    /// Socket.IO server options: `transports`. Engine.IO protocol: Transports.
    ///
    /// [`ErrorCode::UnknownTransport`]: crate::ErrorCode::UnknownTransport
    pub transports: Vec<TransportKind>,
    /// Whether a polling client may go on over a WebSocket, yes. It is told so with the handshake; one that tries all
    /// the same has its WebSocket closed, and goes on polling.
    ///
    /// Socket.IO server options: `allowUpgrades`. Engine.IO protocol: Upgrade.
    pub allow_upgrades: bool,
    /// Time between the last pong (at first the handshake) and the next ping, 25 s.
    ///
    /// Socket.IO server options: `pingInterval`. Engine.IO protocol: Heartbeat.
    pub ping_interval: Duration,
    /// Time for the pong to come, 20 s. Later the client is gone with `ping timeout`.
    ///
    /// Socket.IO server options: `pingTimeout`. Engine.IO protocol: Heartbeat.
    pub ping_timeout: Duration,
    /// Time for a transport upgrade to finish, 10 s. Later the new transport is dropped; the old one goes on.
    ///
    /// Socket.IO server options: `upgradeTimeout`. Engine.IO protocol: Upgrade.
    pub upgrade_timeout: Duration,
    /// Time for a client to join a first namespace, 45 s. Later it is closed with `forced server close`. Not used by a
    /// raw engine.
    ///
    /// Socket.IO server options: `connectTimeout`. Socket.IO protocol: Connection to a namespace.
    pub connect_timeout: Duration,
    /// Time to deliver what is queued when the server closes a polling connection, 30 s as in the reference (a WebSocket
    /// has 2 s to take its close frame), and the patience of [`Io::close`](crate::Io::close). Later it is dropped, and
    /// counted.
    pub close_timeout: Duration,
    /// Time for an acknowledgement when the caller gives none, 30 s (the reference waits without end, and 5 s for other
    /// servers). Natter's own.
    pub ack_timeout: Duration,
    /// Bytes of one message from a client, 1,000,000: a polling body, a WebSocket message with all of its fragments,
    /// a packet with all of its attachments. Announced to clients as `maxPayload`.
    ///
    /// More: a POST is answered with 413 and a WebSocket closed with code 1009, both with `transport error`; a packet
    /// that is too large only together with its attachments is closed with `forced close`.
    ///
    /// Socket.IO server options: `maxHttpBufferSize`. Engine.IO protocol: Handshake.
    pub max_payload: usize,
    /// Which browser origins may connect; the host's own. (The reference's default sends no CORS headers, and refuses
    /// no WebSocket for its origin.)
    ///
    /// Socket.IO server options: `cors`.
    pub cors: Cors,
    /// A cookie with the session's id on the first answer to a polling client; none.
    ///
    /// Socket.IO server options: `cookie`.
    pub cookie: Option<Cookie>,
    /// The name under which this node shows itself; `node`. Natter's own.
    pub node_name: String,
    /// A folder with the client's files (`socket.io-client/dist`) to serve below the path; none. They are read once,
    /// when the server is made. A file that is not there is answered with 404; when there is none at all, a warning is
    /// logged.
    ///
    /// Socket.IO server options: `serveClient` (which is on by default in the reference).
    pub client_bundle: Option<PathBuf>,
    /// What one client may cost; see each limit for its default.
    pub limits: Limits,
    /// Functions called on handshakes and answers; none.
    pub hooks: Hooks,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            path: "/engine.io".to_owned(),
            transports: vec![TransportKind::Polling, TransportKind::Websocket],
            allow_upgrades: true,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(45),
            close_timeout: Duration::from_secs(30),
            ack_timeout: Duration::from_secs(30),
            max_payload: 1_000_000,
            cors: Cors::same_origin(),
            cookie: None,
            node_name: "node".to_owned(),
            client_bundle: None,
            limits: Limits::default(),
            hooks: Hooks::default(),
        }
    }
}

impl EngineOptions {
    /// With no time so long that a clock could not hold what it is added to.
    pub(crate) fn bounded(mut self) -> Self {
        for time in [
            &mut self.ping_interval,
            &mut self.ping_timeout,
            &mut self.upgrade_timeout,
            &mut self.connect_timeout,
            &mut self.close_timeout,
            &mut self.ack_timeout,
            &mut self.limits.packet_timeout,
        ] {
            *time = LONGEST.min(*time);
        }
        self
    }

    /// Which transports a polling client may be told to upgrade to.
    pub(crate) fn upgrades(&self) -> &'static [&'static str] {
        if self.allow_upgrades && self.transports.contains(&TransportKind::Websocket) {
            &["websocket"]
        } else {
            &[]
        }
    }

    /// The path without a slash at its end, beginning with one.
    pub(crate) fn normalised_path(&self) -> String {
        format!("/{}", self.path.trim_matches('/'))
    }

    pub(crate) fn packet_limits(&self) -> Arc<natter_protocol::PacketLimits> {
        Arc::new(natter_protocol::PacketLimits {
            attachments: self.limits.attachments,
            bytes: self.max_payload,
            depth: self.limits.json_depth,
            args: self.limits.arguments,
            name: self.limits.name_bytes,
        })
    }

    pub(crate) fn websocket_limits(&self) -> natter_protocol::WebSocketLimits {
        natter_protocol::WebSocketLimits {
            max_message: self.max_payload,
            max_fragments: self.limits.fragments,
        }
    }
}
