//! The catalogue of reasons for which a client can be cut off.

use std::fmt;

use natter_protocol::CloseCode;

/// Why a socket was disconnected, or a session ended ([`Stats::closed`](crate::Stats::closed)), with the words of
/// Socket.IO. Clients are not told; they have words of their own.
///
/// Socket.IO server API: event `disconnect`. [`TooSlow`](Self::TooSlow) and [`HandlerPanicked`](Self::HandlerPanicked)
/// are Natter's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server disconnected the socket, alone or [with its connection](crate::Socket::disconnect). The client does
    /// not reconnect by itself.
    ServerNamespaceDisconnect,
    /// The client left the namespace. It does not reconnect by itself. Socket.IO protocol: Disconnection from a
    /// namespace.
    ClientNamespaceDisconnect,
    /// The server is [closing](crate::Io::close).
    ServerShuttingDown,
    /// No pong came [in time](crate::EngineOptions::ping_timeout). Engine.IO protocol: Heartbeat.
    PingTimeout,
    /// The connection was closed by the client or the network; or by a node of a cluster that had stood still for so
    /// long that the others had given it up.
    TransportClose,
    /// The connection failed, or broke the rules of its transport (two polls at once, a ping from a client, a body that
    /// did not come in, more than [`max_payload`](crate::EngineOptions::max_payload)).
    TransportError,
    /// The client sent something that is no Engine.IO packet or no WebSocket frame, too many of them at once, or a
    /// packet that was not complete [in time](crate::Limits::packet_timeout).
    ParseError,
    /// The server closed the connection: after an invalid Socket.IO packet, or with
    /// [`close_connection`](crate::Socket::close_connection).
    ForcedClose,
    /// The server closed the connection: no namespace was joined in time, a packet came for a namespace the client is
    /// not in, or it joined one twice. Also the end of a session on which
    /// [`disconnect(true)`](crate::Socket::disconnect) was called (its sockets see
    /// [`ServerNamespaceDisconnect`](Self::ServerNamespaceDisconnect)), or
    /// [`EngineSocket::close`](crate::EngineSocket::close).
    ForcedServerClose,
    /// More bytes were waiting for the client than [`Limits::outbox_hard_bytes`](crate::Limits).
    TooSlow,
    /// A handler or middleware that ran for the client panicked.
    HandlerPanicked,
}

impl DisconnectReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::ServerNamespaceDisconnect,
        Self::ClientNamespaceDisconnect,
        Self::ServerShuttingDown,
        Self::PingTimeout,
        Self::TransportClose,
        Self::TransportError,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
        Self::TooSlow,
        Self::HandlerPanicked,
    ];

    /// The reference's text; `too slow` and `handler panicked` for those that it does not have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerShuttingDown => "server shutting down",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::TooSlow => "too slow",
            Self::HandlerPanicked => "handler panicked",
        }
    }

    /// The WebSocket close code a client sees when the server closes for this reason.
    pub(crate) fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::ServerShuttingDown => Some(CloseCode::GoingAway),
            Self::TooSlow => Some(CloseCode::Policy),
            Self::HandlerPanicked => Some(CloseCode::Internal),
            Self::ParseError | Self::TransportError => Some(CloseCode::Protocol),
            _ => None,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
