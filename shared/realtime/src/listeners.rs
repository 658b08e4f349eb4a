//! What a socket's user has registered. Pure: it only keeps and hands out.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

use bytestring::ByteString;
use natter_protocol::Args;

use crate::{
    Socket,
    error::SocketError,
    handler::{DisconnectContext, Erased, EventContext, Work},
};

pub(crate) type EventHandler = Erased<EventContext>;
pub(crate) type Middleware =
    Arc<dyn Fn(IncomingEvent) -> Pin<Box<dyn Future<Output = Result<(), EventRefused>>>> + Send + Sync>;
pub(crate) type Outgoing = Arc<dyn Fn(&str, &Args) + Send + Sync>;
pub(crate) type ErrorHandler = Arc<dyn Fn(SocketError) -> Work + Send + Sync>;

/// An event on its way to the handlers, as a socket's middleware sees it.
#[derive(Clone, Debug)]
pub struct IncomingEvent {
    /// The socket it came from.
    pub socket: Socket,
    /// Its name.
    pub name: ByteString,
    /// Its arguments.
    pub args: Args,
}

/// Keeps an event from its handlers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRefused(pub(crate) String);

impl EventRefused {
    /// A refusal with that message, for the socket's `on_error`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

#[derive(Default)]
pub(crate) struct Listeners {
    events: Vec<Listener>,
    any: Vec<EventHandler>,
    outgoing: Vec<Outgoing>,
    middlewares: Vec<Middleware>,
    pub disconnecting: Vec<Erased<DisconnectContext>>,
    pub disconnect: Vec<Erased<DisconnectContext>>,
    pub error: Vec<ErrorHandler>,
}

struct Listener {
    event: Cow<'static, str>,
    handler: EventHandler,
    once: bool,
}

impl Listeners {
    pub fn add(&mut self, event: Cow<'static, str>, handler: EventHandler, once: bool) {
        self.events.push(Listener { event, handler, once });
    }

    /// The handlers of an event, in the order in which they were added; those for one time only are taken out.
    pub fn of_event(&mut self, event: &str) -> Vec<EventHandler> {
        let mut handlers = Vec::new();
        self.events.retain(|listener| {
            let matches = listener.event == event;
            if matches {
                handlers.push(listener.handler.clone());
            }
            !(matches && listener.once)
        });
        handlers
    }

    /// Hands the removed handlers back: dropping them may run user code, which must not happen under a lock.
    pub fn remove(&mut self, event: &str) -> Vec<EventHandler> {
        let (removed, kept) =
            std::mem::take(&mut self.events).into_iter().partition(|listener| listener.event == event);
        self.events = kept;
        let removed: Vec<Listener> = removed;
        removed.into_iter().map(|listener| listener.handler).collect()
    }

    pub fn add_any(&mut self, handler: EventHandler) {
        self.any.push(handler);
    }

    pub fn any(&self) -> &[EventHandler] {
        &self.any
    }

    pub fn remove_any(&mut self) -> Vec<EventHandler> {
        std::mem::take(&mut self.any)
    }

    pub fn add_outgoing(&mut self, watch: Outgoing) {
        self.outgoing.push(watch);
    }

    pub fn outgoing(&self) -> &[Outgoing] {
        &self.outgoing
    }

    pub fn remove_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    pub fn add_middleware(&mut self, middleware: Middleware) {
        self.middlewares.push(middleware);
    }

    pub fn middlewares(&self) -> &[Middleware] {
        &self.middlewares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() -> EventHandler {
        crate::handler::erase(|| async {})
    }

    #[test]
    fn a_handler_for_one_time_is_taken_out_and_others_stay() {
        let mut listeners = Listeners::default();
        listeners.add("a".into(), handler(), true);
        listeners.add("a".into(), handler(), false);
        listeners.add("b".into(), handler(), false);
        assert_eq!(listeners.of_event("a").len(), 2);
        assert_eq!(listeners.of_event("a").len(), 1);
        assert_eq!(listeners.remove("a").len(), 1);
        assert_eq!(listeners.of_event("a").len(), 0);
        assert_eq!(listeners.of_event("b").len(), 1);
    }
}
