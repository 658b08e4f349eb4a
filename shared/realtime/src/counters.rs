//! What happened, counted. Every drop and every refusal has its number here.

use std::{
    collections::BTreeMap,
    ops::AddAssign,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use serde::Serialize;

use crate::{disconnect::DisconnectReason, outbox::Pushed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The live counters; relaxed atomics, since nothing is ordered by them.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            pub sessions: AtomicI64,
            pub sockets: AtomicI64,
            pub rooms: AtomicI64,
            pub relayed_out: AtomicI64,
            pub relayed_in: AtomicI64,
            pub pipes: AtomicI64,
            closed: [AtomicU64; DisconnectReason::ALL.len()],
            $(pub $name: AtomicU64,)*
        }

        /// A snapshot of a server's gauges and counters (since its start). Natter's own; each gauge says "now".
        #[derive(Clone, Debug, Serialize)]
        #[non_exhaustive]
        pub struct Stats {
            /// Open Engine.IO sessions now.
            pub sessions: i64,
            /// Connected sockets now, over all namespaces.
            pub sockets: i64,
            /// Rooms with members on this node now.
            pub rooms: i64,
            /// Requests under way now that have come to this node for sessions of others.
            pub relayed_out: i64,
            /// Polls and POSTs under way now that have come to other nodes for sessions of this one.
            pub relayed_in: i64,
            /// WebSockets now that end at this node and have their sessions on another, and the other way round.
            pub pipes: i64,
            /// Sessions that ended, by [reason](DisconnectReason::as_str); all reasons are there, with 0 too.
            pub closed: BTreeMap<&'static str, u64>,
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub fn snapshot(&self) -> Stats {
                Stats {
                    sessions: self.sessions.load(Relaxed),
                    sockets: self.sockets.load(Relaxed),
                    rooms: self.rooms.load(Relaxed),
                    relayed_out: self.relayed_out.load(Relaxed),
                    relayed_in: self.relayed_in.load(Relaxed),
                    pipes: self.pipes.load(Relaxed),
                    closed: DisconnectReason::ALL
                        .iter()
                        .map(|&reason| (reason.as_str(), self.closed[reason as usize].load(Relaxed)))
                        .collect(),
                    $($name: self.$name.load(Relaxed),)*
                }
            }
        }
    };
}

counters! {
    /// Sessions opened.
    opened,
    /// Requests refused with an [`ErrorCode`](crate::ErrorCode), and handshakes that HTTP refused as no WebSocket's.
    refused_requests,
    /// Transport upgrades finished.
    upgrades,
    /// Transport upgrades given up.
    failed_upgrades,
    /// Socket.IO packets or raw messages received.
    received,
    /// Packets put into outboxes: one broadcast to ten clients counts ten. Those of Engine.IO, as pings, are among
    /// them.
    delivered,
    /// Volatile packets dropped because their client was behind.
    dropped_volatile,
    /// Packets that never reached a writer: for a client that was already gone, or queued for one that was closed.
    dropped_closed,
    /// Broadcasts, emits and joins from other threads dropped because a shard's queue was full.
    dropped_shard_queue,
    /// Events for which the socket has no listener.
    unknown_events,
    /// Packets for a socket that the server had just disconnected.
    late_packets,
    /// Acknowledgements nobody waits for (late, repeated or invented).
    unknown_acks,
    /// Times that a handler was not called, since what it asks for was not there or had another form.
    invalid_arguments,
    /// Events refused by a middleware, and handlers that returned an error.
    failed_events,
    /// Handlers, middlewares, listeners and functions that see requests that panicked.
    handler_panics,
    /// Room actors restarted after a panic.
    room_restarts,
    /// Times that a client was refused by a namespace (`CONNECT_ERROR`), for whatever reason.
    refused_connects,
    /// Requests relayed to the nodes of their sessions.
    relayed_requests,
    /// Relayed requests that were not answered: their node was gone or could not be reached.
    failed_relays,
    /// WebSockets between nodes that were cut: a node was gone or could not be reached, or something was lost between them.
    broken_pipes,
    /// What came through such a WebSocket after its end, in pieces.
    stray_pieces,
}

/// What became of many packets, to be counted at once: an atomic for each client would cost as much as its delivery.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    queued: u64,
    volatile: u64,
    lost: u64,
}

impl From<Pushed> for Tally {
    fn from(pushed: Pushed) -> Self {
        Self { queued: pushed.queued.into(), volatile: pushed.volatile.into(), lost: pushed.lost.into() }
    }
}

impl AddAssign<Pushed> for Tally {
    fn add_assign(&mut self, pushed: Pushed) {
        let more = Self::from(pushed);
        self.queued += more.queued;
        self.volatile += more.volatile;
        self.lost += more.lost;
    }
}

impl Counters {
    pub fn pushed(&self, tally: &Tally) {
        self.delivered.fetch_add(tally.queued, Relaxed);
        if tally.volatile > 0 {
            self.dropped_volatile.fetch_add(tally.volatile, Relaxed);
        }
        if tally.lost > 0 {
            self.dropped_closed.fetch_add(tally.lost, Relaxed);
        }
    }

    pub fn closed(&self, reason: DisconnectReason) {
        self.closed[reason as usize].fetch_add(1, Relaxed);
    }
}

/// One of those that a gauge counts, until it is dropped.
pub(crate) struct UnderWay<'a>(&'a AtomicI64);

impl<'a> UnderWay<'a> {
    pub fn new(gauge: &'a AtomicI64) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Adds one.
pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
