//! `Socket`: one client in one namespace.

use std::{
    any::Any,
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytestring::ByteString;
use natter_protocol::{Args, Frames};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::{
    acks::{AckFuture, PendingAck, PendingAcks},
    broadcast::BroadcastOperator,
    connection::{Close, LeaveNamespace},
    counters::bump,
    delivery::Delivery,
    disconnect::DisconnectReason,
    drive::{End, guarded},
    emitter::SocketEmitter,
    error::{AckError, EmitError, JoinError, SocketError},
    extensions::Extensions,
    handler::{DisconnectContext, EventContext, Handler, Outcome, erase},
    handshake::Handshake,
    join::{Join, RoomNames},
    line::Line,
    listeners::{EventRefused, IncomingEvent, Listeners},
    memberships::{Memberships, Step},
    namespace::{Namespace, NamespaceInner},
    options::TransportKind,
    outbox::Pushed,
    shard::{LocalShard, ShardMessage},
};

/// One client in one namespace: a small handle that can be cloned and used from any thread.
///
/// What one thread emits to a socket arrives in the order in which it was emitted, also mixed with broadcasts that
/// reach the socket. Delivery is at most once: what is on its way when the connection breaks is lost. (Socket.IO
/// server API, "Socket".)
#[derive(Clone)]
pub struct Socket {
    pub(crate) inner: Arc<SocketInner>,
}

pub(crate) struct SocketInner {
    pub id: Arc<str>,
    pub namespace: Arc<NamespaceInner>,
    pub line: Arc<Line>,
    pub handshake: Handshake,
    phase: AtomicU8,
    slot: AtomicUsize,
    state: Mutex<State>,
}

/// What changes, behind one lock that is held for moments only and never while user code runs.
#[derive(Default)]
struct State {
    rooms: Memberships,
    listeners: Listeners,
    /// The listeners have been dropped, and none is taken any more.
    forgotten: bool,
    acks: PendingAcks,
    data: Option<Box<RawValue>>,
    extensions: Extensions,
}

const ADMITTING: u8 = 0;
const CONNECTED: u8 = 1;
const DISCONNECTED: u8 = 2;
const NO_SLOT: usize = usize::MAX;

/// Something to be done with a socket on its own thread.
#[derive(Clone)]
pub(crate) enum Order {
    Send { frames: Frames, volatile: bool },
    SyncRooms(Vec<Arc<str>>),
    Join(Vec<Arc<str>>),
    Leave(Vec<Arc<str>>),
    Disconnect { close: bool },
}

/// Tells whoever waits for an order to be carried out.
pub(crate) fn tell(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        // Who does not wait has dropped the other end.
        done.send(()).unwrap_or(());
    }
}

impl Order {
    pub fn give(&self, shard: &LocalShard, socket: &Arc<SocketInner>) {
        match self {
            // It may have been disconnected while the order was on its way.
            Self::Send { .. } if socket.is_gone() => bump(&shard.server.counters.dropped_closed),
            Self::Send { frames, volatile } => socket.push(frames, *volatile),
            Self::SyncRooms(rooms) => rooms.iter().for_each(|room| shard.sync_room(socket, room)),
            Self::Join(rooms) => {
                // From an operator: nobody to tell about a socket that is in too many rooms already.
                if socket.note_join(rooms).is_ok() {
                    rooms.iter().for_each(|room| shard.sync_room(socket, room));
                }
            }
            Self::Leave(rooms) => {
                socket.note_leave(rooms);
                rooms.iter().for_each(|room| shard.sync_room(socket, room));
            }
            Self::Disconnect { close } => socket.disconnect_here(*close),
        }
    }

    /// What it weighs in a shard's queue.
    pub fn weight(&self) -> usize {
        match self {
            Self::Send { frames, .. } => frames.len() + 128,
            Self::SyncRooms(rooms) | Self::Join(rooms) | Self::Leave(rooms) => {
                rooms.iter().map(|room| room.len() + 64).sum::<usize>() + 128
            }
            Self::Disconnect { .. } => 128,
        }
    }
}

impl SocketInner {
    pub fn new(
        id: Arc<str>,
        namespace: Arc<NamespaceInner>,
        handshake: Handshake,
        line: Arc<Line>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            namespace,
            line,
            handshake,
            phase: AtomicU8::new(ADMITTING),
            slot: AtomicUsize::new(NO_SLOT),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn is_connected(&self) -> bool {
        self.phase.load(Ordering::Acquire) == CONNECTED
    }

    fn is_gone(&self) -> bool {
        self.phase.load(Ordering::Acquire) == DISCONNECTED
    }

    /// Lets it take part; false if it was disconnected before it was let in.
    pub fn connect(&self) -> bool {
        self.phase.compare_exchange(ADMITTING, CONNECTED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Nothing is sent to it any more.
    pub fn mark_disconnected(&self) {
        self.phase.store(DISCONNECTED, Ordering::Release);
    }

    pub fn set_slot(&self, slot: usize) {
        self.slot.store(slot, Ordering::Release);
    }

    /// Takes its place away, so that nothing it still does later can touch whoever gets the place next.
    pub fn take_slot(&self) -> Option<usize> {
        let slot = self.slot.swap(NO_SLOT, Ordering::AcqRel);
        (slot != NO_SLOT).then_some(slot)
    }

    pub fn slot(&self) -> Option<usize> {
        let slot = self.slot.load(Ordering::Acquire);
        (slot != NO_SLOT).then_some(slot)
    }

    /// The rooms it is in, without that of its id.
    pub fn joined_rooms(&self) -> Vec<Arc<str>> {
        self.state().rooms.names()
    }

    /// What the roster has to do about a room.
    pub fn settle(&self, room: &str) -> Step {
        self.state().rooms.settle(room)
    }

    /// Wants to be in these rooms, and returns those that are new.
    fn note_join(&self, rooms: &[Arc<str>]) -> Result<Vec<Arc<str>>, JoinError> {
        let limits = &self.namespace.server.options.limits;
        if rooms.iter().any(|room| room.len() > limits.name_bytes) {
            return Err(JoinError::NameTooLong(limits.name_bytes));
        }
        // A socket is always in the room of its id.
        let rooms: Vec<_> = rooms.iter().filter(|room| ***room != *self.id).cloned().collect();
        let mut state = self.state();
        // Looked at under the lock: the last step of a disconnect leaves all rooms under it.
        if self.is_gone() {
            return Err(JoinError::Disconnected);
        }
        let new = state.rooms.want(&rooms);
        if !self.line.take_rooms(new.len(), limits.rooms_per_connection) {
            state.rooms.leave(&new);
            return Err(JoinError::TooManyRooms(limits.rooms_per_connection));
        }
        Ok(new)
    }

    /// Returns the rooms it was in.
    fn note_leave(&self, rooms: &[Arc<str>]) -> Vec<Arc<str>> {
        let left = self.state().rooms.leave(rooms);
        self.line.give_rooms_back(left.len());
        left
    }

    /// Leaves all rooms, of which it returns those the roster has to settle, and gives up on the acknowledgements it owes.
    pub fn let_go(&self) -> Vec<Arc<str>> {
        let mut state = self.state();
        self.line.give_rooms_back(state.rooms.count());
        let rooms = state.rooms.leave_all();
        let acks = std::mem::take(&mut state.acks);
        drop(state);
        acks.give_up(&self.id);
        rooms
    }

    /// Drops the user's handlers, which may hold handles of this very socket.
    pub fn forget_listeners(&self) {
        let mut state = self.state();
        state.forgotten = true;
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        drop(listeners);
    }

    /// Adds what the user registers, unless the socket is gone for good: then it would stay for ever.
    fn add_listener(&self, add: impl FnOnce(&mut Listeners)) {
        let mut state = self.state();
        if state.forgotten {
            // What `add` holds may run user code as it goes, which must not happen under the lock.
            drop(state);
            drop(add);
        } else {
            add(&mut state.listeners);
        }
    }

    /// Looks at or takes from what the user has registered. No user code may run inside.
    pub fn listeners<T>(&self, access: impl FnOnce(&mut Listeners) -> T) -> T {
        access(&mut self.state().listeners)
    }

    pub fn take_ack(&self, id: u64) -> Option<PendingAck> {
        self.state().acks.take(id)
    }

    fn expect_ack(&self, id: u64, ack: PendingAck) -> Result<(), AckError> {
        let most = self.namespace.server.options.limits.pending_acks;
        let mut state = self.state();
        if self.is_gone() {
            return Err(AckError::Disconnected);
        }
        if state.acks.len() >= most {
            return Err(AckError::TooMany(most));
        }
        state.acks.insert(id, ack);
        Ok(())
    }

    pub fn data_json(&self) -> Option<Box<RawValue>> {
        self.state().data.clone()
    }

    /// Does it at once on the socket's own thread, else sends it there.
    pub fn order(self: &Arc<Self>, order: Order) -> Result<(), EmitError> {
        self.order_and_tell(order, None)
    }

    /// The same, and tells when it is done.
    fn order_and_tell(
        self: &Arc<Self>,
        order: Order,
        done: Option<oneshot::Sender<()>>,
    ) -> Result<(), EmitError> {
        let server = &self.namespace.server;
        if !LocalShard::is_current(server, self.line.shard.index) {
            let order = ShardMessage::Order { socket: self.clone(), order, done };
            return if self.line.shard.post(server, order) { Ok(()) } else { Err(EmitError::QueueFull) };
        }
        // Sending needs nothing of the shard, and is by far the most frequent.
        if let Order::Send { frames, volatile } = &order {
            self.push(frames, *volatile);
        } else if let Some(local) = LocalShard::current(server) {
            order.give(&local, self);
        }
        tell(done);
        Ok(())
    }

    /// For orders of which a socket can only give so many, as leaving rooms it is in: a full queue does not stop them.
    fn order_in_any_case(self: &Arc<Self>, order: Order) {
        match LocalShard::current(&self.namespace.server) {
            Some(local) if local.index() == self.line.shard.index => order.give(&local, self),
            _ => self.line.shard.send(ShardMessage::Order { socket: self.clone(), order, done: None }),
        }
    }

    pub fn send(self: &Arc<Self>, frames: Frames, volatile: bool) -> Result<(), EmitError> {
        if self.is_gone() {
            return Err(EmitError::Disconnected);
        }
        self.order(Order::Send { frames, volatile })
    }

    pub fn send_event(
        self: &Arc<Self>,
        event: &str,
        args: &Args,
        ack: Option<u64>,
        volatile: bool,
    ) -> Result<(), EmitError> {
        let frames = natter_protocol::event(&self.namespace.name, ack, event, args);
        self.tell_watchers(event, args);
        self.send(frames, volatile)
    }

    fn tell_watchers(&self, event: &str, args: &Args) {
        for watch in self.listeners(|listeners| listeners.outgoing()) {
            if let End::Panicked(message) = guarded(|| watch(event, args)) {
                bump(&self.namespace.server.counters.handler_panics);
                tracing::error!(socket = %self.id, event, message, "a watcher panicked; its client is disconnected");
                self.line.connection.do_send(Close { reason: DisconnectReason::HandlerPanicked });
            }
        }
    }

    /// Asks the client and calls back with its answer.
    pub fn send_with_ack(
        self: &Arc<Self>,
        event: &str,
        args: &Args,
        volatile: bool,
    ) -> Result<(u64, oneshot::Receiver<Args>), AckError> {
        let id = self.namespace.next_ack_id();
        let (answered, answer) = oneshot::channel();
        // Expected before it is asked for: the answer may come from another thread at once.
        self.expect_ack(id, PendingAck::One(answered))?;
        if let Err(error) = self.send_event(event, args, Some(id), volatile) {
            drop(self.take_ack(id));
            return Err(error.into());
        }
        Ok((id, answer))
    }

    /// Its share of a broadcast, on its own thread.
    pub fn receive(self: &Arc<Self>, delivery: &Delivery) -> Option<(Pushed, bool)> {
        if !self.is_connected() {
            return None;
        }
        if let Some((id, collector)) = &delivery.ack {
            if self.expect_ack(*id, PendingAck::Many(collector.clone())).is_err() {
                if collector.asked(self) {
                    collector.gone(&self.id);
                }
                return None;
            }
            // When nobody waits any more, the event is sent all the same, but nothing is owed for it.
            if !collector.asked(self) {
                drop(self.take_ack(*id));
            }
        }
        if let Some((event, args)) = &delivery.event {
            self.tell_watchers(event, args);
        }
        Some(self.line.queue(&delivery.frames, delivery.volatile))
    }

    fn push(&self, frames: &Frames, volatile: bool) {
        self.line.send(&self.namespace.server.counters, frames, volatile);
    }

    /// On its own thread: nothing more is sent; the connection runs the handlers and forgets it.
    fn disconnect_here(self: &Arc<Self>, close: bool) {
        if self.is_gone() {
            return;
        }
        self.mark_disconnected();
        if !close {
            self.push(&natter_protocol::disconnect(&self.namespace.name), false);
        }
        self.line.connection.do_send(LeaveNamespace { socket: self.clone(), close });
    }
}

impl Socket {
    pub(crate) fn new(inner: Arc<SocketInner>) -> Self {
        Self { inner }
    }

    /// The socket's id: 25 characters, unique in the cluster, public. It is also the name of a room in which only this
    /// socket is, so `io.to(socket.id())` reaches it from anywhere.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> Namespace {
        Namespace::new(self.inner.namespace.clone())
    }

    /// What the client said when it connected.
    pub fn handshake(&self) -> &Handshake {
        &self.inner.handshake
    }

    /// The rooms it is in, its own included.
    pub fn rooms(&self) -> Vec<String> {
        let joined = self.inner.joined_rooms();
        std::iter::once(&self.inner.id).chain(&joined).map(|room| room.to_string()).collect()
    }

    /// Whether it is connected now. False in a namespace's middleware and after a disconnect.
    pub fn connected(&self) -> bool {
        self.inner.is_connected()
    }

    /// How the client's bytes travel now.
    pub fn transport(&self) -> TransportKind {
        self.inner.line.transport()
    }

    /// The name of the node it is connected to.
    pub fn node(&self) -> &str {
        &self.inner.namespace.server.options.node_name
    }

    /// The number of the worker thread (shard) it lives on.
    pub fn shard(&self) -> usize {
        self.inner.line.shard.index.into()
    }

    /// Attaches a JSON value that other nodes see in `fetch_sockets` (Socket.IO's `socket.data`).
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

    /// The attached value; JSON's `null` if there is none.
    ///
    /// # Errors
    /// When the value has another form.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self.inner.data_json() {
            Some(json) => serde_json::from_str(json.get()),
            None => serde_json::from_str("null"),
        }
    }

    /// Attaches a value of any type, for this process only; a former one of that type is replaced.
    pub fn insert_extension<T: Any + Send + Sync>(&self, value: T) {
        let old = self.inner.state().extensions.insert(value);
        // Not under the lock: what is replaced may use the socket as it goes.
        drop(old);
    }

    /// The attached value of that type.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.inner.state().extensions.get()
    }

    /// Calls a handler for each event of that name, after those that were added before it.
    ///
    /// Handlers are async functions over [extractors](crate::Data). Each is polled once, in the order in which events
    /// arrive, before the next packet is read; what it awaits goes on concurrently. They run on the connection's own
    /// thread, so their futures need not be `Send`. An `Err` from one goes to [`on_error`](Self::on_error); a panic
    /// ends this client's connection.
    pub fn on<P: 'static>(
        &self,
        event: impl Into<Cow<'static, str>>,
        handler: impl Handler<EventContext, P>,
    ) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add(event.into(), handler, false));
    }

    /// Calls a handler for the next event of that name only.
    pub fn once<P: 'static>(
        &self,
        event: impl Into<Cow<'static, str>>,
        handler: impl Handler<EventContext, P>,
    ) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add(event.into(), handler, true));
    }

    /// Removes all handlers of an event.
    pub fn off(&self, event: &str) {
        let removed = self.inner.listeners(|listeners| listeners.remove(event));
        drop(removed);
    }

    /// Calls a handler for every event, before the event's own (Socket.IO's `onAny`).
    pub fn on_any<P: 'static>(&self, handler: impl Handler<EventContext, P>) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add_any(handler));
    }

    /// Removes all handlers of [`on_any`](Self::on_any).
    pub fn off_any(&self) {
        let removed = self.inner.listeners(Listeners::remove_any);
        drop(removed);
    }

    /// Calls a function for every event that is sent to this client, broadcasts included, acknowledgements not. It
    /// runs where the event is sent, so it must be quick.
    pub fn on_any_outgoing(&self, watch: impl Fn(&str, &Args) + Send + Sync + 'static) {
        self.inner.add_listener(|listeners| listeners.add_outgoing(Arc::new(watch)));
        self.inner.namespace.watch_outgoing();
    }

    /// Removes all functions of [`on_any_outgoing`](Self::on_any_outgoing).
    pub fn off_any_outgoing(&self) {
        let removed = self.inner.listeners(Listeners::remove_outgoing);
        drop(removed);
    }

    /// Adds a middleware that sees every event before its handlers; an error keeps the event from them and goes to
    /// [`on_error`](Self::on_error). Middlewares run in the order in which they were added.
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: Fn(IncomingEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), EventRefused>> + 'static,
    {
        self.inner.add_listener(|listeners| {
            listeners.add_middleware(Arc::new(move |event| Box::pin(middleware(event))));
        });
    }

    /// Calls a handler when the socket is being disconnected and is still in its rooms.
    pub fn on_disconnecting<P: 'static>(&self, handler: impl Handler<DisconnectContext, P>) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add_disconnecting(handler));
    }

    /// Calls a handler when the socket has been disconnected.
    pub fn on_disconnect<P: 'static>(&self, handler: impl Handler<DisconnectContext, P>) {
        let handler = erase(handler);
        self.inner.add_listener(|listeners| listeners.add_disconnect(handler));
    }

    /// Calls a handler for arguments that don't fit, refused events and errors that handlers return. Without one they
    /// are logged.
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
    ///
    /// # Errors
    /// When the socket is gone, the name is reserved or too long, or the data has no JSON form. `Ok` means queued.
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        SocketEmitter::new(self.clone()).emit(event, data)
    }

    /// Sends an event and resolves to the client's acknowledgement, at the latest after the server's `ack_timeout`.
    ///
    /// The event is sent at once, in order with all others, not at the first poll.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, data: impl Serialize) -> AckFuture<T> {
        SocketEmitter::new(self.clone()).emit_with_ack(event, data)
    }

    /// Sets the time an acknowledgement may take, for one emit.
    pub fn timeout(&self, timeout: Duration) -> SocketEmitter {
        SocketEmitter::new(self.clone()).timeout(timeout)
    }

    /// Makes one emit volatile: it is dropped if the client is behind by more than
    /// [`Limits::outbox_soft_bytes`](crate::Limits).
    pub fn volatile(&self) -> SocketEmitter {
        SocketEmitter::new(self.clone()).volatile()
    }

    /// Joins a room or several. It takes effect at once; the returned future resolves when broadcasts from everywhere
    /// reach the socket.
    ///
    /// # Errors
    /// When the socket is gone, in too many rooms, or a name is too long; then no room was joined.
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

    /// Leaves a room or several; those it is not in are ignored, and so is the room of its own id.
    pub fn leave(&self, rooms: impl RoomNames) {
        let left = self.inner.note_leave(&rooms.into_names());
        if !left.is_empty() {
            self.inner.order_in_any_case(Order::SyncRooms(left));
        }
    }

    fn others(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.inner.namespace.clone()).except(self.id())
    }

    /// Everybody else in those rooms.
    pub fn to(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.others().to(rooms)
    }

    /// The same as [`to`](Self::to) (`in` is a keyword in Rust).
    pub fn in_(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Everybody else in the namespace but those in these rooms.
    pub fn except(&self, rooms: impl RoomNames) -> BroadcastOperator {
        self.others().except(rooms)
    }

    /// Everybody else in the namespace.
    pub fn broadcast(&self) -> BroadcastOperator {
        self.others()
    }

    /// Everybody else in the namespace on this node.
    pub fn local(&self) -> BroadcastOperator {
        self.others().local()
    }

    /// Disconnects the client from the namespace, or with `close` from the server: then all of its namespaces end. It
    /// sees `io server disconnect` and does not come back by itself.
    pub fn disconnect(&self, close: bool) {
        self.inner.order_in_any_case(Order::Disconnect { close });
    }

    /// Closes the Engine.IO connection without a word of Socket.IO (`socket.conn.close()`): the client sees
    /// `transport close` and reconnects.
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
