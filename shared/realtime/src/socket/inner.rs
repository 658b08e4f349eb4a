//! What all handles of one socket share.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use natter_protocol::{Args, Frames};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::order::Order;
use crate::{
    DisconnectReason, Handshake,
    acks::{PendingAck, PendingAcks},
    connection::{Close, LeaveNamespace},
    counters::bump,
    delivery::Delivery,
    drive::{End, guarded},
    error::{AckError, EmitError, JoinError},
    extensions::Extensions,
    line::Line,
    listeners::Listeners,
    memberships::{Memberships, Step},
    namespace::NamespaceInner,
    outbox::Pushed,
    shard::{LocalShard, ShardMessage},
};

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
pub(super) struct State {
    rooms: Memberships,
    listeners: Listeners,
    /// The listeners have been dropped, and none is taken any more.
    forgotten: bool,
    acks: PendingAcks,
    pub(super) data: Option<Box<RawValue>>,
    pub(super) extensions: Extensions,
}

const ADMITTING: u8 = 0;
const CONNECTED: u8 = 1;
const DISCONNECTED: u8 = 2;
const NO_SLOT: usize = usize::MAX;

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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn is_connected(&self) -> bool {
        self.phase.load(Ordering::Acquire) == CONNECTED
    }

    pub(super) fn is_gone(&self) -> bool {
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
    pub(super) fn note_join(&self, rooms: &[Arc<str>]) -> Result<Vec<Arc<str>>, JoinError> {
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
        let most = limits.rooms_per_connection;
        let Some(new) = state.rooms.want(&rooms, most) else { return Err(JoinError::TooManyRooms(most)) };
        if !self.line.take_rooms(new.len(), most) {
            state.rooms.leave(&new);
            return Err(JoinError::TooManyRooms(most));
        }
        Ok(new)
    }

    /// Returns the rooms it was in.
    pub(super) fn note_leave(&self, rooms: &[Arc<str>]) -> Vec<Arc<str>> {
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
    pub(super) fn add_listener(&self, add: impl FnOnce(&mut Listeners)) {
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
    pub(super) fn order_and_tell(
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
        order.tell(self, done);
        Ok(())
    }

    /// For orders of which a socket can only give so many, as leaving rooms it is in: a full queue does not stop them.
    pub(super) fn order_in_any_case(self: &Arc<Self>, order: Order) {
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

    pub(super) fn push(&self, frames: &Frames, volatile: bool) {
        self.line.send(&self.namespace.server.counters, frames, volatile);
    }

    /// On its own thread: nothing more is sent; the connection runs the handlers and forgets it.
    pub(super) fn disconnect_here(self: &Arc<Self>, close: bool) {
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
