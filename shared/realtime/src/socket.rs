//! `Socket`: one client in one namespace.

mod inner;
mod order;

use std::{any::Any, borrow::Cow, sync::Arc, time::Duration};

use bytestring::ByteString;
use natter_protocol::Args;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use crate::{
    acks::AckFuture,
    broadcast::BroadcastOperator,
    connection::Close,
    disconnect::DisconnectReason,
    emitter::SocketEmitter,
    error::{EmitError, JoinError, SocketError},
    handler::{DisconnectContext, EventContext, Handler, Outcome, erase},
    handshake::Handshake,
    join::{Join, RoomNames},
    listeners::{EventRefused, IncomingEvent, Listeners},
    namespace::Namespace,
    options::TransportKind,
};

pub(crate) use inner::SocketInner;
pub(crate) use order::Order;

/// One client in one namespace: a small handle that can be cloned and used from any thread.
///
/// What one thread emits to a socket arrives in the order in which it was emitted, also mixed with broadcasts that
/// reach the socket. Delivery is at most once: what is on its way when the connection breaks is lost.
///
/// Socket.IO server API: Socket.
#[derive(Clone)]
pub struct Socket {
    pub(crate) inner: Arc<SocketInner>,
}

impl Socket {
    pub(crate) fn new(inner: Arc<SocketInner>) -> Self {
        Self { inner }
    }

    /// The socket's id: 31 characters, unique in the cluster, public. It is also the name of a room in which only this
    /// socket is, so `io.to(socket.id())` reaches it from anywhere.
    ///
    /// Socket.IO server API: `socket.id`. Socket.IO protocol: Connection to a namespace (`sid`).
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The namespace it is in (the reference's `socket.nsp`).
    pub fn namespace(&self) -> Namespace {
        Namespace::new(self.inner.namespace.clone())
    }

    /// What the client said when it connected. Socket.IO server API: `socket.handshake`.
    pub fn handshake(&self) -> &Handshake {
        &self.inner.handshake
    }

    /// The rooms it is in, its own included; after a disconnect that one alone. Socket.IO server API: `socket.rooms`.
    pub fn rooms(&self) -> Vec<String> {
        let joined = self.inner.joined_rooms();
        std::iter::once(&self.inner.id).chain(&joined).map(|room| room.to_string()).collect()
    }

    /// Whether it is connected now. False in a namespace's middleware and after a disconnect (the reference's
    /// `socket.connected`).
    pub fn connected(&self) -> bool {
        self.inner.is_connected()
    }

    /// How the client's bytes travel now: an upgrade changes it. Socket.IO server API: `socket.conn`.
    pub fn transport(&self) -> TransportKind {
        self.inner.line.transport()
    }

    /// The name of the node it is connected to.
    pub fn node(&self) -> &str {
        &self.inner.namespace.server.options.node_name
    }

    /// The number of the worker thread (shard) it lives on, counted from 0.
    pub fn shard(&self) -> usize {
        self.inner.line.shard.index.into()
    }

    /// Attaches a JSON value that other nodes see in [`fetch_sockets`](BroadcastOperator::fetch_sockets), in place of a
    /// former one. It lives as long as the socket.
    ///
    /// Socket.IO server API: `socket.data`.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn set_data<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), EmitError> {
        let json =
            serde_json::value::to_raw_value(data).map_err(|error| EmitError::Encode(error.to_string()))?;
        let old = self.inner.state().data.replace(json);
        drop(old);
        Ok(())
    }

    /// The attached value; JSON's `null` if there is none. Socket.IO server API: `socket.data`.
    ///
    /// # Errors
    /// When the value has another form.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self.inner.data_json() {
            Some(json) => serde_json::from_str(json.get()),
            None => serde_json::from_str("null"),
        }
    }

    /// Attaches a value of any type, for this process only; a former one of that type is replaced. It lives as long as
    /// the last handle of the socket. Natter's own.
    pub fn insert_extension<T: Any + Send + Sync>(&self, value: T) {
        let old = self.inner.state().extensions.insert(value);
        // Not under the lock: what is replaced may use the socket as it goes.
        drop(old);
    }

    /// The attached value of that type. Natter's own.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.inner.state().extensions.get()
    }

    /// Calls a handler for each event of that name, after those that were added before it.
    ///
    /// Handlers are async functions over [extractors](crate::Data). Each is polled once, in the order in which events
    /// arrive, before the next packet is read; what it awaits goes on concurrently. They run on the connection's own
    /// thread, so their futures need not be `Send`. An `Err` from one goes to [`on_error`](Self::on_error); a panic
    /// ends this client's connection. While [`Limits::pending_handlers`](crate::Limits) have not finished, nothing more
    /// is read. Events without a handler are counted; what is added to a socket that is gone is dropped.
    ///
    /// Socket.IO server API: `socket.on()`. Socket.IO protocol: Sending and receiving data.
    pub fn on<P: 'static>(
        &self,
        event: impl Into<Cow<'static, str>>,
        handler: impl Handler<EventContext, P>,
    ) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add(event.into(), handler, false));
    }

    /// Calls a handler for the next event of that name only. See [`on`](Self::on). Socket.IO server API:
    /// `socket.once()`.
    pub fn once<P: 'static>(
        &self,
        event: impl Into<Cow<'static, str>>,
        handler: impl Handler<EventContext, P>,
    ) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add(event.into(), handler, true));
    }

    /// Removes all handlers of an event; those that run go on. Socket.IO server API: `socket.removeAllListeners()`.
    pub fn off(&self, event: &str) {
        let removed = self.inner.listeners(|listeners| listeners.remove(event));
        drop(removed);
    }

    /// Calls a handler for every event, before middlewares and the event's own handlers. See [`on`](Self::on).
    ///
    /// Socket.IO server API: `socket.onAny()`.
    pub fn on_any<P: 'static>(&self, handler: impl Handler<EventContext, P>) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add_any(handler));
    }

    /// Removes all handlers of [`on_any`](Self::on_any). Socket.IO server API: `socket.offAny()`.
    pub fn off_any(&self) {
        let removed = self.inner.listeners(Listeners::remove_any);
        drop(removed);
    }

    /// Calls a function for every event that is sent to this client, broadcasts included, acknowledgements not. It
    /// runs where the event is sent, so it must be quick; it sees events that are dropped then, too. A panic ends this
    /// client's connection.
    ///
    /// Socket.IO server API: `socket.onAnyOutgoing()`.
    pub fn on_any_outgoing(&self, watch: impl Fn(&str, &Args) + Send + Sync + 'static) {
        self.inner.add_listener(|listeners| listeners.add_outgoing(Arc::new(watch)));
        self.inner.namespace.watch_outgoing();
    }

    /// Removes all functions of [`on_any_outgoing`](Self::on_any_outgoing).
    ///
    /// Socket.IO server API: `socket.offAnyOutgoing()`.
    pub fn off_any_outgoing(&self) {
        let removed = self.inner.listeners(Listeners::remove_outgoing);
        drop(removed);
    }

    /// Adds a middleware that sees every event before its handlers; an error keeps the event from them and goes to
    /// [`on_error`](Self::on_error). Middlewares run in the order in which they were added. One that waits lets later
    /// events go by.
    ///
    /// Socket.IO server API: `socket.use()`.
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(IncomingEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), EventRefused>> + 'static,
    {
        self.inner.add_listener(|listeners| {
            listeners.add_middleware(Arc::new(move |event| Box::pin(middleware(event))));
        });
    }

    /// Calls a handler when the socket is being disconnected and is still in its rooms. Nothing can be sent to it any
    /// more.
    ///
    /// Socket.IO server API: event `disconnecting`. Socket.IO protocol: Disconnection from a namespace.
    pub fn on_disconnecting<P: 'static>(&self, handler: impl Handler<DisconnectContext, P>) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add_disconnecting(handler));
    }

    /// Calls a handler when the socket has been disconnected and has left its rooms; once, for each socket that was
    /// connected.
    ///
    /// Socket.IO server API: event `disconnect`. Socket.IO protocol: Disconnection from a namespace.
    pub fn on_disconnect<P: 'static>(&self, handler: impl Handler<DisconnectContext, P>) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add_disconnect(handler));
    }

    /// Calls a handler for arguments that don't fit, refused events and errors that handlers return. Without one they
    /// are logged: those of handlers as warnings, what clients cause at level debug.
    ///
    /// Socket.IO documentation: The Socket instance, "Socket middlewares" (event `error`).
    pub fn on_error<F, Fut>(&self, handler: F)
    where
        F: Fn(SocketError) -> Fut + Send + Sync + 'static,
        Fut: Future + 'static,
        Fut::Output: Outcome,
    {
        self.inner.add_listener(|listeners| {
            listeners.add_error(Arc::new(move |error| {
                let work = handler(error);
                Box::pin(async move { work.await.into_result() })
            }));
        });
    }

    /// Sends an event to this client.
    ///
    /// `data` is one argument; a tuple is several, `()` none, [`Args`] as they came. (A fixed-size array is a tuple to
    /// serde; for a JSON array use a slice or a `Vec`.) [`Binary`](crate::Binary) and `Bytes` travel as attachments.
    /// Its size has no limit of its own, but counts to what may [wait](crate::Limits::outbox_hard_bytes) for the
    /// client.
    ///
    /// Socket.IO server API: `socket.emit()`. Socket.IO protocol: Sending and receiving data.
    ///
    /// # Errors
    /// When the socket is gone, the name is reserved or too long, the data has no JSON form, or it is emitted on
    /// another thread than the socket's, whose queue is full. `Ok` means queued.
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        SocketEmitter::new(self.clone()).emit(event, data)
    }

    /// Sends an event and resolves to the client's acknowledgement, at the latest after the server's
    /// [`ack_timeout`](crate::EngineOptions::ack_timeout).
    ///
    /// The event is sent at once, in order with all others, not at the first poll. The acknowledgement's arguments
    /// become `T` as those of an event do: its first one, or with a tuple several.
    ///
    /// Socket.IO server API: `socket.emitWithAck()`. Socket.IO protocol: Acknowledgement.
    ///
    /// # Errors
    /// The future's: when no acknowledgement comes in time, the socket is gone or goes meanwhile, it owes [too
    /// many](crate::Limits::pending_acks) already, the event cannot be sent ([`emit`](Self::emit)), or what comes has
    /// another form than `T`.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, data: impl Serialize) -> AckFuture<T> {
        SocketEmitter::new(self.clone()).emit_with_ack(event, data)
    }

    /// Sets the time an acknowledgement may take, for one emit; a day at most. Socket.IO server API:
    /// `socket.timeout()`.
    pub fn timeout(&self, timeout: Duration) -> SocketEmitter {
        SocketEmitter::new(self.clone()).timeout(timeout)
    }

    /// Makes one emit volatile: it is dropped, and counted, if the client is behind by more than
    /// [`Limits::outbox_soft_bytes`](crate::Limits). (The reference drops it if the transport takes nothing at this
    /// moment.)
    ///
    /// Socket.IO server API: socket, flag `volatile`.
    pub fn volatile(&self) -> SocketEmitter {
        SocketEmitter::new(self.clone()).volatile()
    }

    /// Joins a room or several. It takes effect at once; the returned future resolves when broadcasts from everywhere
    /// reach the socket. Middleware and handlers of connections may join as well.
    ///
    /// Socket.IO server API: `socket.join()`.
    ///
    /// # Errors
    /// The future's: when the socket is gone, its connection would be in too many rooms, a name is too long
    /// ([`Limits`](crate::Limits)), or the queue of the socket's thread is full; then no room was joined.
    pub fn join(&self, rooms: impl RoomNames) -> Join {
        let rooms = rooms.into_names();
        let new = match self.inner.note_join(&rooms) {
            Ok(new) => new,
            Err(error) => return Join::failed(error),
        };
        let (done, joined) = oneshot::channel();
        // All of them, not only the new ones: a join that is under way already is waited for as well.
        match self.inner.order_and_tell(Order::SyncRooms(rooms), Some(done)) {
            Ok(()) => Join::underway(joined),
            Err(_) => {
                self.inner.note_leave(&new);
                Join::failed(JoinError::QueueFull)
            }
        }
    }

    /// Leaves a room or several; those it is not in are ignored, and so is the room of its own id. What is broadcast to
    /// the rooms from this thread after that does not reach it.
    ///
    /// Socket.IO server API: `socket.leave()`.
    pub fn leave(&self, rooms: impl RoomNames) {
        let left = self.inner.note_leave(&rooms.into_names());
        if !left.is_empty() {
            self.inner.order_in_any_case(Order::SyncRooms(left));
        }
    }

    fn others(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.inner.namespace.clone()).except(self.id())
    }

    /// Everybody else in any of those rooms. Socket.IO server API: `socket.to()`.
    pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.others().to(rooms)
    }

    /// The same as [`to`](Self::to) (`in` is a keyword in Rust). Socket.IO server API: `socket.in()`.
    pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Everybody else in the namespace but those in these rooms. Socket.IO server API: `socket.except()`.
    pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.others().except(rooms)
    }

    /// Everybody else in the namespace. Socket.IO server API: socket, flag `broadcast`.
    pub fn broadcast(&self) -> BroadcastOperator {
        self.others()
    }

    /// Everybody else in the namespace on this node. Socket.IO server API: namespace, flag `local`.
    pub fn local(&self) -> BroadcastOperator {
        self.others().local()
    }

    /// Disconnects the client from the namespace, or with `close` from the server: then all of its namespaces end. It
    /// sees `io server disconnect` and does not come back by itself. What this thread emitted to it before still
    /// reaches it. Handlers here see `server namespace disconnect`, in both cases.
    ///
    /// Socket.IO server API: `socket.disconnect()`. Socket.IO protocol: Disconnection from a namespace.
    pub fn disconnect(&self, close: bool) {
        self.inner.order_in_any_case(Order::Disconnect { close });
    }

    /// Closes the Engine.IO connection without a word of Socket.IO, after what is queued has been delivered: the client
    /// sees `transport close` and reconnects. Handlers here see `forced close`.
    ///
    /// Socket.IO server API: `socket.conn` (`socket.conn.close()`).
    pub fn close_connection(&self) {
        self.inner.line.connection.do_send(Close { reason: DisconnectReason::ForcedClose });
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        self.inner.id == other.inner.id
    }
}

impl Eq for Socket {}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let namespace: &ByteString = &self.inner.namespace.name;
        f.debug_struct("Socket")
            .field("id", &self.inner.id)
            .field("namespace", namespace)
            .finish_non_exhaustive()
    }
}
