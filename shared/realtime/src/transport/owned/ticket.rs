//! What a request that may become a WebSocket carries through the application.

use std::{cell::RefCell, pin::Pin, rc::Rc};

use bytes::Bytes;

use super::flow::Flow;

/// How a TCP connection goes on.
pub(super) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// A TCP connection that actix-http has let go of.
pub(crate) struct Arrival {
    pub flow: Flow,
    /// The answer to the request, not yet written.
    pub head: Bytes,
    /// What came in behind the request.
    pub early: Bytes,
    pub desk: Desk,
}

type Plan = Box<dyn FnOnce(Arrival) -> Running>;

/// Whoever grants the WebSocket writes on it how the TCP connection goes on. If somebody else then answers something
/// else (a middleware), it is dropped, and the session that was to be with it.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Rc<RefCell<Option<Plan>>>);

impl Ticket {
    pub fn write(&self, plan: impl FnOnce(Arrival) -> Running + 'static) {
        *self.0.borrow_mut() = Some(Box::new(plan));
    }

    pub fn redeem(&self) -> Option<Plan> {
        self.0.borrow_mut().take()
    }
}

/// Where a future that ends leaves what its TCP connection goes on with. It is taken from there in the same poll, so a
/// worker needs only one.
#[derive(Clone, Default)]
pub(crate) struct Desk(Rc<RefCell<Option<Running>>>);

impl Desk {
    pub fn leave(&self, running: Running) {
        *self.0.borrow_mut() = Some(running);
    }

    pub fn take(&self) -> Option<Running> {
        self.0.borrow_mut().take()
    }
}
