//! What can go wrong, by who can do something about it.

use std::{sync::Arc, time::Duration};

use natter_protocol::{Args, ArgsError, EncodeError};

use crate::request::RequestHead;

/// Why an event was not sent, or not to all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket is no longer connected.
    #[error("the socket is not connected")]
    Disconnected,
    /// The name belongs to Socket.IO itself: `connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener`,
    /// `removeListener`; between servers `connect`, `connection`, `new_namespace`.
    #[error("{0:?} is a reserved event name")]
    ReservedName(String),
    /// The name is longer than [`Limits::name_bytes`](crate::Limits).
    #[error("the event's name is longer than {0} bytes")]
    NameTooLong(usize),
    /// The data has no JSON form.
    #[error("the data can't be encoded: {0}")]
    Encode(String),
    /// A shard's queue is full ([`Limits::shard_queue_bytes`](crate::Limits)), and its clients did not get it; or the
    /// one to the other nodes is (64 MiB), and their clients did not. The drop was counted.
    #[error("a queue is full")]
    QueueFull,
    /// The event is larger than the cluster carries: the clients of other nodes did not get it, those of this one did. The
    /// drop was counted.
    #[error("{size} bytes are more than the {most} that the cluster carries")]
    TooLarge {
        /// Bytes of the message to the other nodes: the event, encoded, with its rooms and its namespace.
        size: usize,
        /// Bytes that it may have: what the NATS server takes (`max_payload`, 1 MiB by default) without the envelope.
        most: usize,
    },
}

impl From<EncodeError> for EmitError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error.to_string())
    }
}

/// Why a room was not joined. See [`Socket::join`](crate::Socket::join).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The socket is no longer connected.
    #[error("the socket is not connected")]
    Disconnected,
    /// The sockets of the connection are in as many rooms as [`Limits::rooms_per_connection`](crate::Limits) allows.
    #[error("a connection can be in at most {0} rooms")]
    TooManyRooms(usize),
    /// A room's name is longer than [`Limits::name_bytes`](crate::Limits).
    #[error("a room's name has at most {0} bytes")]
    NameTooLong(usize),
    /// The queue of the socket's thread is full ([`Limits::shard_queue_bytes`](crate::Limits)). The drop was counted.
    #[error("a shard's queue is full")]
    QueueFull,
}

/// Why no acknowledgement came. The texts of the first two are the reference's. Socket.IO protocol: Acknowledgement.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// Nothing came within the time it has.
    #[error("operation has timed out")]
    Timeout(Duration),
    /// The socket was disconnected meanwhile.
    #[error("socket has been disconnected")]
    Disconnected,
    /// The socket owes as many acknowledgements as [`Limits::pending_acks`](crate::Limits) allows.
    #[error("the socket owes {0} acknowledgements already")]
    TooMany(usize),
    /// The event could not be sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The answer does not have the asked-for form.
    #[error("the acknowledgement has another form: {0}")]
    Data(String),
}

impl From<ArgsError> for AckError {
    fn from(error: ArgsError) -> Self {
        Self::Data(error.to_string())
    }
}

/// Why a broadcast's acknowledgements are not complete, with what came.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
#[non_exhaustive]
pub struct BroadcastAckError {
    /// What went wrong: [`AckError::Disconnected`] if all that are missing have gone or owe too many,
    /// [`AckError::Emit`] if the event could not be sent, else [`AckError::Timeout`].
    pub cause: AckError,
    /// The answers that came.
    pub responses: Vec<Args>,
    /// The ids of the sockets that did not answer.
    pub missing: Vec<String>,
    /// The names of the nodes that did not answer. Of their sockets nothing is known.
    pub missing_nodes: Vec<String>,
}

/// A middleware's refusal to let a client into a namespace: the client gets a `connect_error` with the message and,
/// if given, the data. Its connection stays, for other namespaces.
///
/// Socket.IO protocol: Connection to a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectRefused {
    pub(crate) message: String,
    pub(crate) data: Option<serde_json::Value>,
}

impl ConnectRefused {
    /// A refusal with that message (the client's `error.message`).
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// Adds details (the client's `error.data`).
    pub fn data(mut self, data: impl Into<serde_json::Value>) -> Self {
        self.data = Some(data.into());
        self
    }
}

/// What a socket's [`on_error`](crate::Socket::on_error) handler gets.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The event's arguments do not have the form its handler asks for. If the client asked for an acknowledgement it
    /// got `{"error":"invalid arguments"}`.
    #[error("event {event:?}: {message}")]
    Arguments {
        /// The event.
        event: String,
        /// What is wrong with its arguments.
        message: String,
    },
    /// A middleware of the socket refused the event. The client was not told.
    #[error("event {event:?} refused: {message}")]
    Refused {
        /// The event.
        event: String,
        /// The middleware's words.
        message: String,
    },
    /// A handler returned an error. The client was not told.
    #[error("{message}")]
    Handler {
        /// The event; `connection`, `disconnecting` or `disconnect` for the handlers of these.
        event: String,
        /// The error's text.
        message: String,
    },
}

/// The numbers of Engine.IO for refused requests. The answer has status 400, or 403 for [`Forbidden`](Self::Forbidden),
/// and the body `{"code":…,"message":…}`; that to a WebSocket's handshake always 400 and the message as text.
///
/// Engine.IO protocol: HTTP long-polling, for the status. Socket.IO server API: event `connection_error` of the engine,
/// for numbers and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// The transport is unknown or [not offered](crate::EngineOptions::transports).
    UnknownTransport = 0,
    /// No session has that id.
    UnknownSid = 1,
    /// A handshake must be a GET.
    BadHandshakeMethod = 2,
    /// The request does not fit the session or the protocol.
    BadRequest = 3,
    /// Refused by `allow_request` or for its origin, or the server is closing.
    Forbidden = 4,
    /// Another revision of the protocol than 4.
    UnsupportedProtocolVersion = 5,
}

impl ErrorCode {
    /// The reference's text.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedProtocolVersion => "Unsupported protocol version",
        }
    }
}

/// A request that was refused, as [`Hooks::on_connection_error`](crate::Hooks::on_connection_error) sees it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message} ({context})")]
pub struct ConnectionError {
    /// The number.
    pub code: ErrorCode,
    /// What the client was told: the code's own text, or that of a [`Refusal`](crate::Refusal).
    pub message: String,
    /// More, for the log, as `INVALID_ORIGIN` or `TRANSPORT_MISMATCH`: never sent to the client.
    pub context: &'static str,
    /// The request.
    pub request: Arc<RequestHead>,
}
