//! What happened, counted. Every drop and every refusal has its number here.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use serde::Serialize;

use crate::disconnect::DisconnectReason;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The live counters; relaxed atomics, since nothing is ordered by them.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            pub sessions: AtomicI64,
            pub sockets: AtomicI64,
            pub rooms: AtomicI64,
            closed: [AtomicU64; DisconnectReason::ALL.len()],
            $(pub $name: AtomicU64,)*
        }

        /// A snapshot of a server's gauges and counters (since its start).
        #[derive(Clone, Debug, Serialize)]
        #[non_exhaustive]
        pub struct Stats {
            /// Open Engine.IO sessions now.
            pub sessions: i64,
            /// Connected sockets now, over all namespaces.
            pub sockets: i64,
            /// Rooms with members on this node now.
            pub rooms: i64,
            /// Sessions that ended, by reason.
            pub closed: BTreeMap<&'static str, u64>,
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub fn snapshot(&self) -> Stats {
                Stats {
                    sessions: self.sessions.load(Relaxed),
                    sockets: self.sockets.load(Relaxed),
                    rooms: self.rooms.load(Relaxed),
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
    /// Requests refused, for whatever reason: handshakes and those of unknown sessions.
    refused_requests,
    /// Transport upgrades finished.
    upgrades,
    /// Transport upgrades given up.
    failed_upgrades,
    /// Socket.IO packets or raw messages received.
    received,
    /// Packets put into outboxes: one broadcast to ten clients counts ten.
    delivered,
    /// Volatile packets dropped because their client was behind.
    dropped_volatile,
    /// Packets for a client that was already gone.
    dropped_closed,
    /// Broadcasts and emits from other threads dropped because a shard's queue was full.
    dropped_shard_queue,
    /// Events for which the socket has no listener.
    unknown_events,
    /// Packets for a socket that the server had just disconnected.
    late_packets,
    /// Acknowledgements nobody waits for (late, repeated or invented).
    unknown_acks,
    /// Events whose arguments did not fit the handler.
    invalid_arguments,
    /// Events refused by a middleware, and handlers that returned an error.
    failed_events,
    /// Handlers that panicked.
    handler_panics,
    /// Room actors restarted after a panic.
    room_restarts,
    /// Namespaces that refused a client.
    refused_connects,
}

impl Counters {
    pub fn closed(&self, reason: DisconnectReason) {
        self.closed[reason as usize].fetch_add(1, Relaxed);
    }
}

/// Adds one.
pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
