//! What a socket's user has registered. Pure: it only keeps and hands out.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

use bytestring::ByteString;
use natter_protocol::Args;

use crate::{
    Socket,
    error::SocketError,
    handler::{DisconnectContext, Erased, EventContext, Work},
    shared_list::{Plain, SharedList},
};

pub(crate) type EventHandler = Erased<EventContext>;
pub(crate) type Middleware =
    Arc<dyn Fn(IncomingEvent) -> Pin<Box<dyn Future<Output = Result<(), EventRefused>>>> + Send + Sync>;
pub(crate) type Outgoing = Arc<dyn Fn(&str, &Args) + Send + Sync>;
pub(crate) type ErrorHandler = Arc<dyn Fn(SocketError) -> Work + Send + Sync>;

/// An event on its way to the handlers, as a socket's middleware sees it. See [`Socket::use_middleware`].
#[derive(Clone, Debug)]
pub struct IncomingEvent {
    /// The socket it came from.
    pub socket: Socket,
    /// Its name.
    pub name: ByteString,
    /// Its arguments.
    pub args: Args,
}

/// Keeps an event from its handlers. The client is not told; one that asked for an acknowledgement gets none.
///
/// Socket.IO server API: `socket.use()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRefused(pub(crate) String);

impl EventRefused {
    /// A refusal with that message, for the socket's [`on_error`](Socket::on_error).
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

#[derive(Default)]
pub(crate) struct Listeners {
    events: Events,
    rest: Option<Box<Rest>>,
}

/// What most sockets have none of.
#[derive(Default)]
struct Rest {
    any: Vec<EventHandler>,
    outgoing: Vec<Outgoing>,
    middlewares: Vec<Middleware>,
    disconnecting: Vec<Erased<DisconnectContext>>,
    disconnect: Vec<Erased<DisconnectContext>>,
    error: Vec<ErrorHandler>,
}

/// The handlers of events.
enum Events {
    /// As long as all of them are [`Plain`]: shared with all sockets that have the same ones.
    Shared(SharedList),
    #[expect(clippy::box_collection, reason = "one word in every socket")]
    Own(Box<Vec<Listener>>),
}

impl Default for Events {
    fn default() -> Self {
        Self::Shared(SharedList::default())
    }
}

struct Listener {
    event: Cow<'static, str>,
    handler: EventHandler,
    once: bool,
}

impl Listeners {
    pub fn add(&mut self, event: Cow<'static, str>, handler: EventHandler, once: bool) {
        match (&mut self.events, event, handler) {
            (Events::Shared(list), Cow::Borrowed(event), Erased::Plain(call)) if !once => {
                list.push(Plain { event, call });
            }
            (_, event, handler) => {
                let own = self.own();
                if own.len() == own.capacity() {
                    // A few at a time: there are many lists.
                    own.reserve_exact(4);
                }
                own.push(Listener { event, handler, once });
            }
        }
    }

    /// The handlers of an event, in the order in which they were added; those for one time only are taken out.
    pub fn of_event(&mut self, event: &str) -> Vec<EventHandler> {
        match &mut self.events {
            Events::Shared(list) => list.of_event(event).into_iter().map(Erased::Plain).collect(),
            Events::Own(own) => {
                let mut handlers = Vec::new();
                own.retain(|listener| {
                    let matches = listener.event == event;
                    if matches {
                        handlers.push(listener.handler.clone());
                    }
                    !(matches && listener.once)
                });
                handlers
            }
        }
    }

    /// Hands the removed handlers back: dropping them may run user code, which must not happen under a lock.
    pub fn remove(&mut self, event: &str) -> Vec<EventHandler> {
        let own = self.own();
        let (removed, kept): (Vec<_>, Vec<_>) =
            std::mem::take(own).into_iter().partition(|listener| listener.event == event);
        *own = kept;
        removed.into_iter().map(|listener| listener.handler).collect()
    }

    /// The list as one of its own.
    fn own(&mut self) -> &mut Vec<Listener> {
        if let Events::Shared(list) = &self.events {
            let own = list.all().into_iter().map(|Plain { event, call }| Listener {
                event: event.into(),
                handler: Erased::Plain(call),
                once: false,
            });
            self.events = Events::Own(Box::new(own.collect()));
        }
        match &mut self.events {
            Events::Own(own) => own,
            Events::Shared(_) => unreachable!("invariant: replaced above"),
        }
    }
}

/// Lists of which each has a way in, a way to look, and for some a way out. What is taken out is handed back, for the
/// reason given at [`Listeners::remove`].
macro_rules! lists {
    ($($list:ident: $type:ty, $add:ident $(, $remove:ident)?;)*) => {
        impl Listeners {
            $(
                pub fn $add(&mut self, item: $type) {
                    self.rest.get_or_insert_default().$list.push(item);
                }

                pub fn $list(&self) -> Vec<$type> {
                    self.rest.as_ref().map(|rest| rest.$list.clone()).unwrap_or_default()
                }

                $(pub fn $remove(&mut self) -> Vec<$type> {
                    self.rest.as_mut().map(|rest| std::mem::take(&mut rest.$list)).unwrap_or_default()
                })?
            )*
        }
    };
}

lists! {
    any: EventHandler, add_any, remove_any;
    outgoing: Outgoing, add_outgoing, remove_outgoing;
    middlewares: Middleware, add_middleware;
    disconnecting: Erased<DisconnectContext>, add_disconnecting;
    disconnect: Erased<DisconnectContext>, add_disconnect;
    error: ErrorHandler, add_error;
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
        listeners.add(String::from("b").into(), handler(), false);
        assert_eq!(listeners.of_event("a").len(), 2);
        assert_eq!(listeners.of_event("a").len(), 1);
        assert_eq!(listeners.remove("a").len(), 1);
        assert_eq!(listeners.of_event("a").len(), 0);
        assert_eq!(listeners.of_event("b").len(), 1);
    }
}
