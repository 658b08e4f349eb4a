//! From an occasion to the handlers of it, and from their ends to who must know.

use std::sync::Arc;

use bytestring::ByteString;
use natter_protocol::Args;

use crate::{
    Ack, DisconnectReason, Socket,
    connection::Close,
    counters::bump,
    drive::{End, drive, guarded},
    error::SocketError,
    gate::Gate,
    handler::{ArgumentError, DisconnectContext, Erased, EventContext},
    listeners::{EventRefused, IncomingEvent, Middleware},
    namespace::NamespaceInner,
    socket::SocketInner,
};

/// Runs an event through catch-all handlers, middlewares and its handlers, in this order.
pub(crate) fn event(
    gate: &Arc<Gate>,
    socket: &Arc<SocketInner>,
    id: Option<u64>,
    name: ByteString,
    args: Args,
) {
    let socket = Socket::new(socket.clone());
    let plan = socket.inner.listeners(|listeners| (listeners.any(), listeners.middlewares()));
    let (any, middlewares) = plan;
    let ack = Ack::new(&socket, id);
    let context = EventContext { socket, name, args, ack };
    for handler in &any {
        run_for_event(gate, handler, &context);
    }
    if middlewares.is_empty() {
        return handlers_of_event(gate, &context);
    }
    let event = IncomingEvent {
        socket: context.socket.clone(),
        name: context.name.clone(),
        args: context.args.clone(),
    };
    let inner_gate = gate.clone();
    let passed = pass(middlewares, event);
    drive(gate, passed, move |end| match end {
        End::Returned(Ok(())) => handlers_of_event(&inner_gate, &context),
        End::Returned(Err(EventRefused(message))) => {
            bump(&counters(&context.socket).failed_events);
            report(
                &inner_gate,
                &context.socket,
                SocketError::Refused { event: context.name.to_string(), message },
            );
        }
        End::Panicked(message) => panicked(&context.socket, &context.name, &message),
    });
}

async fn pass(middlewares: Vec<Middleware>, event: IncomingEvent) -> Result<(), EventRefused> {
    for middleware in middlewares {
        middleware(event.clone()).await?;
    }
    Ok(())
}

fn handlers_of_event(gate: &Arc<Gate>, context: &EventContext) {
    let inner = &context.socket.inner;
    // A middleware may have disconnected it, or waited for longer than it was connected.
    if !inner.is_connected() {
        return bump(&counters(&context.socket).late_packets);
    }
    let handlers = inner.listeners(|listeners| listeners.of_event(&context.name));
    if handlers.is_empty() {
        bump(&counters(&context.socket).unknown_events);
    }
    for handler in &handlers {
        run_for_event(gate, handler, context);
    }
}

fn run_for_event(gate: &Arc<Gate>, handler: &Erased<EventContext>, context: &EventContext) {
    let Err(ArgumentError(message)) = run(gate, &context.socket, &context.name, handler, context) else {
        return;
    };
    bump(&counters(&context.socket).invalid_arguments);
    // The client is told no more than that, so that nothing of ours leaks; but it does not wait in vain.
    if context.ack.is_expected()
        && context.ack.send(serde_json::json!({ "error": "invalid arguments" })).is_err()
    {
        tracing::debug!(socket = context.socket.id(), "gone before its error could be acknowledged");
    }
    report(gate, &context.socket, SocketError::Arguments { event: context.name.to_string(), message });
}

/// Runs handlers for which wrong arguments are an error of the server's own (connections, disconnections).
pub(crate) fn run_all<C: 'static>(
    gate: &Arc<Gate>,
    socket: &Socket,
    name: &'static str,
    handlers: &[Erased<C>],
    context: &C,
) {
    let name = ByteString::from_static(name);
    for handler in handlers {
        if let Err(ArgumentError(message)) = run(gate, socket, &name, handler, context) {
            bump(&counters(socket).invalid_arguments);
            report(gate, socket, SocketError::Arguments { event: name.to_string(), message });
        }
    }
}

/// Tells the handlers of a disconnection.
pub(crate) fn disconnection(
    gate: &Arc<Gate>,
    socket: &Arc<SocketInner>,
    reason: DisconnectReason,
    name: &'static str,
    handlers: &[Erased<DisconnectContext>],
) {
    let socket = Socket::new(socket.clone());
    let context = DisconnectContext { socket: socket.clone(), reason };
    run_all(gate, &socket, name, handlers, &context);
}

fn run<C: 'static>(
    gate: &Arc<Gate>,
    socket: &Socket,
    name: &ByteString,
    handler: &Erased<C>,
    context: &C,
) -> Result<(), ArgumentError> {
    let work = match guarded(|| handler.call(context)) {
        End::Returned(work) => work?,
        End::Panicked(message) => {
            panicked(socket, name, &message);
            return Ok(());
        }
    };
    let (socket, name, inner_gate) = (socket.clone(), name.clone(), gate.clone());
    drive(gate, work, move |end| match end {
        End::Returned(Ok(())) => {}
        End::Returned(Err(message)) => {
            bump(&counters(&socket).failed_events);
            report(&inner_gate, &socket, SocketError::Handler { event: name.to_string(), message });
        }
        End::Panicked(message) => panicked(&socket, &name, &message),
    });
    Ok(())
}

/// Hands an error to the socket's error handlers.
fn report(gate: &Arc<Gate>, socket: &Socket, error: SocketError) {
    let handlers = socket.inner.listeners(|listeners| listeners.error());
    if handlers.is_empty() {
        match &error {
            // At the server's own level only what is its own: clients can cause the others as often as they like.
            SocketError::Handler { .. } => {
                tracing::warn!(socket = socket.id(), %error, "nobody handles this error")
            }
            _ => tracing::debug!(socket = socket.id(), %error, "nobody handles this error"),
        }
    }
    for handler in handlers {
        let owner = socket.clone();
        let work = match guarded(|| handler(error.clone())) {
            End::Returned(work) => work,
            End::Panicked(message) => return panicked(socket, "error", &message),
        };
        drive(gate, work, move |end| match end {
            End::Returned(Ok(())) => {}
            // An error of the error handler would go round in circles.
            End::Returned(Err(message)) => {
                tracing::warn!(socket = owner.id(), message, "an error handler failed")
            }
            End::Panicked(message) => panicked(&owner, "error", &message),
        });
    }
}

fn panicked(socket: &Socket, event: &str, message: &str) {
    bump(&counters(socket).handler_panics);
    tracing::error!(socket = socket.id(), event, message, "a handler panicked; its client is disconnected");
    socket.inner.line.connection.do_send(Close { reason: DisconnectReason::HandlerPanicked });
}

fn counters(socket: &Socket) -> &crate::counters::Counters {
    let namespace: &NamespaceInner = &socket.inner.namespace;
    &namespace.server.counters
}
