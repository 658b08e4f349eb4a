//! Where a bus puts what it has to tell, and the task that hands it over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::{
    bus::{BusEvent, Parcel},
    untaken::Untaken,
};

/// What one user of a bus has not taken yet. Putting something in never waits.
pub(crate) struct Outbox {
    /// Nothing once it has ended.
    untaken: Mutex<Option<Untaken>>,
    filled: Notify,
}

impl Outbox {
    /// One that keeps this many bytes of parcels, and a task that hands over what is in it as it is taken. The sender is
    /// for noticing that the taker is gone. Has to be called inside a tokio runtime.
    pub(crate) fn open(most: usize) -> (Arc<Self>, mpsc::Sender<BusEvent>, mpsc::Receiver<BusEvent>) {
        let outbox = Arc::new(Self { untaken: Mutex::new(Some(Untaken::new(most))), filled: Notify::new() });
        // With one place what waits longer grows into one large sweep, which costs less to take than many small ones.
        let (taker, events) = mpsc::channel(1);
        tokio::spawn(hand_over(Arc::clone(&outbox), taker.clone()));
        (outbox, taker, events)
    }

    pub(crate) fn up(&self) {
        self.put(Untaken::up);
    }

    pub(crate) fn down(&self, reason: String, lost: u64) {
        self.put(|untaken| untaken.down(reason, lost));
    }

    pub(crate) fn arrived(&self, parcel: Parcel) {
        self.put(|untaken| untaken.arrived(parcel));
    }

    /// A sweep and what was dropped of it, in one: between its parcels nothing may be taken.
    pub(crate) fn swept(&self, sweep: Untaken) {
        self.put(|untaken| untaken.append(sweep));
    }

    /// Forgets what is in it; nothing is taken in or handed over any more.
    pub(crate) fn end(&self) {
        self.untaken().take();
        self.filled.notify_one();
    }

    fn put(&self, what: impl FnOnce(&mut Untaken)) {
        if let Some(untaken) = self.untaken().as_mut() {
            what(untaken);
        }
        self.filled.notify_one();
    }

    /// The next event, or none once it has ended.
    async fn next(&self) -> Option<BusEvent> {
        loop {
            if let Some(event) = self.untaken().as_mut()?.take() {
                return Some(event);
            }
            self.filled.notified().await;
        }
    }

    fn untaken(&self) -> MutexGuard<'_, Option<Untaken>> {
        self.untaken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the outbox or with the taker, and the outbox with it.
async fn hand_over(outbox: Arc<Outbox>, taker: mpsc::Sender<BusEvent>) {
    while let Ok(place) = taker.reserve().await {
        let event = tokio::select! {
            event = outbox.next() => event,
            () = taker.closed() => None,
        };
        match event {
            Some(event) => place.send(event),
            None => break,
        }
    }
    outbox.end();
}
