//! What the link counts: every message that went or came, and every one that was dropped, with the reason.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub $name: AtomicU64,)*
        }

        /// Counters of the link since its start, and a few gauges.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct ClusterStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub fn snapshot(&self) -> ClusterStats {
                ClusterStats { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Other nodes that are members now.
    members,
    /// Subjects subscribed to now.
    subscriptions,
    /// Questions to other nodes under way now.
    requests,
    /// Messages published, heartbeats included.
    published,
    /// Messages that have come, heartbeats included.
    received,
    /// Broadcasts and events of programs that have come and were handed to this node's sockets.
    delivered,
    /// Messages not published because the bus was away, or the node not a member yet.
    dropped_away,
    /// Messages that were queued and not written when the bus went away.
    unwritten,
    /// Messages not published because too much was queued, or too many questions were under way.
    dropped_full,
    /// Messages not published because they are larger than the bus carries.
    dropped_too_large,
    /// Messages that the bus did not hand over because they were not taken fast enough.
    dropped_slow,
    /// Messages of other nodes that were published and never came: the gaps in their numbers.
    lost,
    /// Messages that came after later ones of the same sender.
    late,
    /// Messages that could not be read.
    malformed,
    /// Messages of a newer version.
    newer,
    /// Messages of another cluster.
    foreign,
    /// Messages under this node's own name.
    forged,
    /// Messages of senders that are no members, or not any more.
    unknown_sender,
    /// Messages that were thrown away because they had waited while this process was stopped.
    stale,
    /// Questions that came before this node's name was its own, meant for whoever had it.
    early,
    /// Answers that nobody waited for.
    unasked,
    /// Times that the bus went away.
    outages,
    /// Times that this process had been stopped for longer than the others wait for it.
    suspensions,
    /// Times that the link panicked and started over.
    restarts,
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
