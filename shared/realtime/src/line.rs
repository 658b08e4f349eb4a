//! `Line`: what is known of a connection outside of its actor.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use actix::Addr;
use natter_protocol::Frames;

use crate::{
    connection::{Connection, TooSlow},
    counters::Counters,
    gate::Gate,
    options::TransportKind,
    outbox::{Outbox, Pushed},
    request::RequestHead,
    shard::ShardHandle,
};

/// The way to one client: shared by its connection, its sockets, its transports, the alarm and the table of sessions.
pub(crate) struct Line {
    /// Where the connection lives.
    pub shard: Arc<ShardHandle>,
    pub connection: Addr<Connection>,
    pub outbox: Outbox,
    pub gate: Arc<Gate>,
    /// The request that opened it.
    pub request: Arc<RequestHead>,
    transport: AtomicU8,
    /// How many rooms its sockets are in, together.
    rooms: AtomicUsize,
}

impl Line {
    pub fn new(
        shard: Arc<ShardHandle>,
        connection: Addr<Connection>,
        outbox: Outbox,
        gate: Arc<Gate>,
        request: Arc<RequestHead>,
        transport: TransportKind,
    ) -> Arc<Self> {
        Arc::new(Self {
            shard,
            connection,
            outbox,
            gate,
            request,
            transport: AtomicU8::new(transport as u8),
            rooms: AtomicUsize::new(0),
        })
    }

    /// The transport at work.
    pub fn transport(&self) -> TransportKind {
        if self.transport.load(Ordering::Relaxed) == TransportKind::Polling as u8 {
            TransportKind::Polling
        } else {
            TransportKind::Websocket
        }
    }

    pub fn set_transport(&self, transport: TransportKind) {
        self.transport.store(transport as u8, Ordering::Relaxed);
    }

    /// Takes room for so many rooms; false if there would be more than `most`.
    pub fn take_rooms(&self, count: usize, most: usize) -> bool {
        let taken = |rooms: usize| rooms.checked_add(count).filter(|&rooms| rooms <= most);
        self.rooms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    pub fn give_rooms_back(&self, count: usize) {
        self.rooms.fetch_sub(count, Ordering::Relaxed);
    }

    /// Queues a packet, and says whether it is for the caller to wake the writer. A client that is too slow for it is
    /// disconnected.
    pub fn queue(&self, frames: &Frames, volatile: bool) -> (Pushed, bool) {
        let queued = self.outbox.queue(frames, volatile);
        if queued.0.too_slow {
            self.connection.do_send(TooSlow);
        }
        queued
    }

    /// Queues a packet and counts what became of it.
    pub fn send(&self, counters: &Counters, frames: &Frames, volatile: bool) {
        let (outcome, _) = self.queue(frames, volatile);
        self.outbox.wake();
        counters.pushed(&outcome.into());
    }
}
