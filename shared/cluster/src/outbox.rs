//! Where a bus puts what it has to tell, and the end at which it is taken.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use tokio::sync::oneshot;

use crate::{
    bus::{BusEvent, Parcel},
    untaken::Untaken,
};

/// What one user of a bus has not taken yet. Putting something in never waits.
pub(crate) struct Outbox(Mutex<State>);

struct State {
    /// Nothing once it has ended.
    untaken: Option<Untaken>,
    /// Who waits for the next event.
    taker: Option<Waker>,
}

/// What a bus tells, in order; it ends with the bus. What waits longer grows into one large sweep, which costs less to take
/// than many small ones. Dropped, it ends the bus.
pub struct Events {
    outbox: Arc<Outbox>,
    /// Dropped with this.
    _taken: oneshot::Sender<()>,
}

impl Outbox {
    /// One that keeps this many bytes of parcels. The receiver resolves when the events are dropped.
    pub(crate) fn open(most: usize) -> (Arc<Self>, Events, oneshot::Receiver<()>) {
        let outbox = Arc::new(Self(Mutex::new(State { untaken: Some(Untaken::new(most)), taker: None })));
        let (taken, dropped) = oneshot::channel();
        (Arc::clone(&outbox), Events { outbox, _taken: taken }, dropped)
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
        self.change(|state| drop(state.untaken.take()));
    }

    fn put(&self, what: impl FnOnce(&mut Untaken)) {
        self.change(|state| {
            if let Some(untaken) = &mut state.untaken {
                what(untaken);
            }
        });
    }

    fn change(&self, what: impl FnOnce(&mut State)) {
        let mut state = self.state();
        what(&mut state);
        let taker = state.taker.take();
        drop(state);
        if let Some(taker) = taker {
            taker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Events {
    type Item = BusEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<BusEvent>> {
        let mut state = self.outbox.state();
        let Some(untaken) = &mut state.untaken else { return Poll::Ready(None) };
        if let Some(event) = untaken.take() {
            return Poll::Ready(Some(event));
        }
        state.taker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.outbox.end();
    }
}
