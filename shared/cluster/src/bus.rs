//! `Bus`: the narrow waist between the cluster and what carries its messages.
//!
//! A bus knows subjects and bytes and nothing else: neither nodes nor rooms nor sockets. There are two, NATS
//! (`nats.rs`) and one inside a process (`memory.rs`), and one contract suite that both pass (`tests/cluster/bus.rs`).

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::outbox::Events;

/// Something on its way under a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The subject it was published under.
    pub subject: Arc<str>,
    /// What was published.
    pub payload: Bytes,
}

/// What a bus tells its user.
#[derive(Debug)]
pub enum BusEvent {
    /// What was found waiting in one sweep over all subscriptions. Of one publisher's messages, whatever their
    /// subjects, a later one is never in an earlier sweep than an earlier one; inside a sweep only messages of one
    /// subject are in order.
    Parcels(Vec<Parcel>),
    /// Connected, and all subscriptions are in place.
    Up,
    /// Not connected any more, or not yet, and why. It goes on trying; nothing is published and nothing comes meanwhile.
    Down(String),
    /// So many messages were not delivered, since they were not taken fast enough.
    Dropped(u64),
    /// So many messages that [`Bus::publish`] had accepted were never written, since the bus went down before. It stands
    /// before the [`BusEvent::Down`]. What had been written and did not arrive is not in it: nobody knows of it.
    Lost(u64),
}

/// Bytes that a subject may have, with the rest of a line of the protocol of NATS beside it.
pub(crate) const LONGEST_SUBJECT: usize = 4_000;

/// Why something was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The bus is down.
    #[error("the bus is away")]
    Away,
    /// Too many bytes wait to be written.
    #[error("the queue of the bus is full")]
    Full,
    /// The payload is larger than the bus carries.
    #[error("{size} bytes are more than the {most} that the bus carries")]
    TooLarge {
        /// Bytes of the payload.
        size: usize,
        /// Bytes that a payload may have.
        most: usize,
    },
    /// The subject is longer than the bus carries. NATS ends the connection of who names one of more than 4 KiB.
    #[error("a subject of {size} bytes is longer than the {LONGEST_SUBJECT} that the bus carries")]
    LongSubject {
        /// Bytes of the subject.
        size: usize,
    },
}

/// Carries bytes between nodes. Nothing in it blocks, and each of its queues has a bound.
///
/// Delivery is at most once. What one user publishes arrives in order at each subscriber, across subjects too (see
/// [`BusEvent::Parcels`]). A user does not get what it has published itself.
pub trait Bus: Send {
    /// Queues a payload for everyone who has subscribed to the subject.
    ///
    /// # Errors
    /// When the bus is down, its queue is full or the payload is too large. Nothing is queued then.
    fn publish(&self, subject: &str, payload: Bytes) -> Result<(), PublishError>;

    /// Bytes that a payload may have at most; none while the bus is down, for each server may have a limit of its own.
    fn largest(&self) -> Option<usize>;

    /// Subscribes to one subject, no wildcards; a second time is nothing. It stays subscribed through outages. The
    /// receiver is told when messages published from now on by anybody arrive here; it is told at once while the bus
    /// is down, since there is nobody to miss then.
    fn subscribe(&self, subject: Arc<str>) -> oneshot::Receiver<()>;

    /// Ends a subscription. What has arrived already may still be delivered.
    fn unsubscribe(&self, subject: &str);

    /// Writes out what is queued, at most for a second, and ends: no event comes after it.
    fn close(self: Box<Self>) -> Pin<Box<dyn Future<Output = Closed> + Send>>;
}

/// How a bus has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Everything that was published has reached the server, and it had nothing against it.
    Written,
    /// Something that was published may not have reached the server, and why.
    Uncertain(String),
}

/// A bus that has been opened, and what it tells.
pub struct OpenBus {
    /// The way out.
    pub bus: Box<dyn Bus>,
    /// The way in. The first event is [`BusEvent::Up`] or [`BusEvent::Down`]. Whoever does not take them fast enough
    /// loses messages, which a [`BusEvent::Dropped`] counts, but never memory.
    pub events: Events,
}

/// What every bus says before anything else.
pub(crate) fn check_subject(subject: &str) -> Result<(), PublishError> {
    match subject.len() {
        size if size > LONGEST_SUBJECT => Err(PublishError::LongSubject { size }),
        _ => Ok(()),
    }
}
