//! A bus inside one process: several nodes in one test, or one node alone.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    bus::{Bus, Closed, OpenBus, Parcel, PublishError, check_subject},
    outbox::Outbox,
};

/// Bytes that a payload may have, as many as a NATS server takes when nothing else is configured.
const PAYLOAD: usize = 1 << 20;

/// Bytes that may wait for a user who does not take them.
const UNTAKEN: usize = 16 << 20;

/// A hub that nodes of one process open; a clone is the same hub.
///
/// A payload goes straight from the publisher to what waits for each subscriber, so nothing is ever queued on the way
/// out: publishing never finds a queue full, and closing has nothing to write. A payload has 1 MiB at most, as with
/// NATS; more is refused. 16 MiB may wait for a user; what comes then is dropped, and counted.
#[derive(Clone, Default)]
pub struct MemoryBus {
    hub: Arc<Mutex<Hub>>,
}

impl MemoryBus {
    /// A hub that nobody has opened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it under a name, which [`MemoryBus::cut`] needs and which several may share.
    pub fn open(&self, name: &str) -> OpenBus {
        let (outbox, events, _) = Outbox::open(UNTAKEN);
        let id = self.hub().enter(name, outbox);
        OpenBus { bus: Box::new(MemoryUser { bus: self.clone(), id }), events }
    }

    /// Takes everyone of that name off the bus, also who opens it later, until [`MemoryBus::mend`].
    pub fn cut(&self, name: &str) {
        let mut hub = self.hub();
        hub.cut.insert(name.to_owned());
        hub.tell_changes();
    }

    /// Takes those of that name on again.
    pub fn mend(&self, name: &str) {
        let mut hub = self.hub();
        hub.cut.remove(name);
        hub.tell_changes();
    }

    /// Takes everybody off the bus, as an outage of all of it does.
    pub fn cut_all(&self) {
        let mut hub = self.hub();
        hub.all_cut = true;
        hub.tell_changes();
    }

    /// Ends an outage of all of it. Who was cut by name stays so.
    pub fn mend_all(&self) {
        let mut hub = self.hub();
        hub.all_cut = false;
        hub.tell_changes();
    }

    fn hub(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Hub {
    users: HashMap<u64, User>,
    subscribers: HashMap<Arc<str>, BTreeSet<u64>>,
    cut: HashSet<String>,
    all_cut: bool,
    opened: u64,
}

struct User {
    name: String,
    up: bool,
    outbox: Arc<Outbox>,
}

impl Hub {
    fn enter(&mut self, name: &str, outbox: Arc<Outbox>) -> u64 {
        self.opened += 1;
        let up = !self.all_cut && !self.cut.contains(name);
        let user = User { name: name.to_owned(), up, outbox };
        user.tell_state();
        self.users.insert(self.opened, user);
        self.opened
    }

    fn leave(&mut self, id: u64) {
        let Some(user) = self.users.remove(&id) else { return };
        user.outbox.end();
        self.subscribers.retain(|_, ids| {
            ids.remove(&id);
            !ids.is_empty()
        });
    }

    fn tell_changes(&mut self) {
        for user in self.users.values_mut() {
            let up = !self.all_cut && !self.cut.contains(&user.name);
            if user.up != up {
                user.up = up;
                user.tell_state();
            }
        }
    }

    fn is_up(&self, id: u64) -> bool {
        self.users.get(&id).is_some_and(|user| user.up)
    }

    fn publish(&self, id: u64, subject: &str, payload: &Bytes) {
        let Some((subject, ids)) = self.subscribers.get_key_value(subject) else { return };
        for other in ids.iter().filter(|other| **other != id) {
            if let Some(user) = self.users.get(other)
                && user.up
            {
                user.outbox.arrived(Parcel { subject: Arc::clone(subject), payload: payload.clone() });
            }
        }
    }

    fn unsubscribe(&mut self, id: u64, subject: &str) {
        if let Some(ids) = self.subscribers.get_mut(subject) {
            ids.remove(&id);
            if ids.is_empty() {
                self.subscribers.remove(subject);
            }
        }
    }
}

impl User {
    fn tell_state(&self) {
        match self.up {
            true => self.outbox.up(),
            false => self.outbox.down("cut off".to_owned(), 0),
        }
    }
}

struct MemoryUser {
    bus: MemoryBus,
    id: u64,
}

impl Bus for MemoryUser {
    fn publish(&self, subject: &str, payload: Bytes) -> Result<(), PublishError> {
        check_subject(subject)?;
        let hub = self.bus.hub();
        if !hub.is_up(self.id) {
            return Err(PublishError::Away);
        }
        if payload.len() > PAYLOAD {
            return Err(PublishError::TooLarge { size: payload.len(), most: PAYLOAD });
        }
        hub.publish(self.id, subject, &payload);
        Ok(())
    }

    fn largest(&self) -> Option<usize> {
        self.bus.hub().is_up(self.id).then_some(PAYLOAD)
    }

    fn subscribe(&self, subject: Arc<str>) -> oneshot::Receiver<()> {
        let (active, told) = oneshot::channel();
        self.bus.hub().subscribers.entry(subject).or_default().insert(self.id);
        // The receiver is two lines above, so it cannot be gone.
        let _ = active.send(());
        told
    }

    fn unsubscribe(&self, subject: &str) {
        self.bus.hub().unsubscribe(self.id, subject);
    }

    fn close(self: Box<Self>) -> Pin<Box<dyn Future<Output = Closed> + Send>> {
        drop(self);
        Box::pin(std::future::ready(Closed::Written))
    }
}

impl Drop for MemoryUser {
    fn drop(&mut self) {
        self.bus.hub().leave(self.id);
    }
}
