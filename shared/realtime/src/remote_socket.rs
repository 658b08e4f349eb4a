//! `RemoteSocket`: a socket as others see it.

use std::{ops::Deref, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    AckFuture, Handshake, broadcast::BroadcastOperator, error::EmitError, join::RoomNames,
    namespace::NamespaceInner, socket::SocketInner,
};

/// A socket as [`fetch_sockets`](BroadcastOperator::fetch_sockets) found it: a picture of that moment, and a way to
/// reach the socket itself. What goes to it when it is gone reaches nobody, and is no error.
///
/// Socket.IO server API: `namespace.fetchSockets()`.
#[derive(Clone, Debug)]
pub struct RemoteSocket {
    pub(crate) namespace: Arc<NamespaceInner>,
    pub(crate) node: Arc<str>,
    pub(crate) id: Arc<str>,
    /// Without that of its id.
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) data: Option<Box<RawValue>>,
    pub(crate) handshake: Handshake,
}

impl RemoteSocket {
    pub(crate) fn of(socket: &SocketInner) -> Self {
        Self {
            namespace: socket.namespace.clone(),
            node: socket.namespace.server.node_name.clone(),
            id: socket.id.clone(),
            rooms: socket.joined_rooms(),
            data: socket.data_json(),
            handshake: socket.handshake.clone(),
        }
    }

    /// Its id. See [`Socket::id`](crate::Socket::id).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of its node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The rooms it was in, its own included.
    pub fn rooms(&self) -> Vec<String> {
        std::iter::once(&self.id).chain(&self.rooms).map(|room| room.to_string()).collect()
    }

    /// What [`Socket::set_data`](crate::Socket::set_data) attached to it; JSON's `null` if nothing.
    ///
    /// # Errors
    /// When the value has another form.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data.as_ref().map_or("null", |data| data.get()))
    }

    /// What the client said when it connected.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    fn itself(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.namespace.clone()).to(self.id.clone())
    }

    /// Sends it an event.
    ///
    /// # Errors
    /// Those of [`BroadcastOperator::emit`].
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        self.itself().emit(event, data)
    }

    /// Sends it an event and resolves to its client's acknowledgement, at the latest after the server's
    /// [`ack_timeout`](crate::EngineOptions::ack_timeout), or half a second later if its node does not answer. The event is
    /// sent when this is called. The acknowledgement's arguments become `T` as with
    /// [`Socket::emit_with_ack`](crate::Socket::emit_with_ack).
    ///
    /// Socket.IO server API: `socket.emitWithAck()`. Socket.IO protocol: Acknowledgement.
    ///
    /// # Errors
    /// The future's: when no acknowledgement comes in time, the socket is gone or goes meanwhile or owes [too
    /// many](crate::Limits::pending_acks), the event cannot be sent ([`BroadcastOperator::emit`]), or what comes has another
    /// form than `T`.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, data: impl Serialize) -> AckFuture<T> {
        AckFuture::of_one(self.itself().emit_with_ack(event, data))
    }

    /// Sets the time the acknowledgement of what is emitted next may take. What comes of it is that of a broadcast to this
    /// one socket: a list of answers.
    ///
    /// Socket.IO server API: `socket.timeout()`.
    pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
        self.itself().timeout(timeout)
    }

    /// Makes it join rooms. See [`BroadcastOperator::sockets_join`].
    pub fn join<R: RoomNames>(&self, rooms: R) -> impl Future<Output = ()> + Send + use<R> {
        self.itself().sockets_join(rooms)
    }

    /// Makes it leave rooms, whichever of them it is in. See [`BroadcastOperator::sockets_leave`].
    pub fn leave<R: RoomNames>(&self, rooms: R) -> impl Future<Output = ()> + Send + use<R> {
        self.itself().sockets_leave(rooms)
    }

    /// Disconnects it, with `close` its whole connection. See [`BroadcastOperator::disconnect_sockets`].
    pub fn disconnect(&self, close: bool) {
        self.itself().disconnect_sockets(close);
    }
}

/// The sockets that were found, in no particular order, and who did not answer.
#[derive(Clone, Debug, Default)]
pub struct FetchedSockets {
    /// The sockets.
    pub sockets: Vec<RemoteSocket>,
    /// The names of the nodes that did not answer within 5 s; their sockets are not among those found. This node's is
    /// among them if one of its threads did not.
    pub missing: Vec<String>,
}

impl Deref for FetchedSockets {
    type Target = [RemoteSocket];

    fn deref(&self) -> &[RemoteSocket] {
        &self.sockets
    }
}

impl IntoIterator for FetchedSockets {
    type Item = RemoteSocket;
    type IntoIter = std::vec::IntoIter<RemoteSocket>;

    fn into_iter(self) -> Self::IntoIter {
        self.sockets.into_iter()
    }
}

/// How many sockets there are, and who did not answer. Natter's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The sockets of the nodes that answered.
    pub count: usize,
    /// The names of the nodes that did not answer within 5 s.
    pub missing: Vec<String>,
}
