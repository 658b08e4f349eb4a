//! A WebSocket whose TCP connection belongs to the library: read into one buffer per thread, written straight from the
//! outbox, ended when the session ends.
//!
//! [`HttpServer`] accepts connections and lets actix-http read their requests. One that asks for a WebSocket goes
//! through the application like all others, so that middleware, CORS and hooks see it, but with a [`Ticket`]. When the
//! application grants the WebSocket it writes on the ticket how things go on, and once the answer is there, the TCP
//! connection leaves actix-http for good.

mod buffer;
mod candidate;
mod flow;
mod foreign;
mod http_server;
mod pump;
mod ticket;
mod worker;

use std::sync::Arc;

use actix_web::{HttpResponse, HttpResponseBuilder};

use super::{Chunk, Inbound, Incoming, Peer};
use crate::{
    connection::{Opened, TransportId},
    outbox::WriterId,
    upgrade::Slot,
};

pub(crate) use buffer::SharedBuffer;
pub(crate) use candidate::Handed;
pub use http_server::HttpServer;
pub(crate) use pump::Pump;
use ticket::Arrival;
pub(super) use ticket::Ticket;
pub(super) use worker::note;

/// A session that begins with a WebSocket. Its actor reads and writes itself, in the task of the TCP connection.
pub(super) fn open(
    opened: Opened,
    writer: WriterId,
    ticket: &Ticket,
    mut switching: HttpResponseBuilder,
) -> HttpResponse {
    ticket.write(move |Arrival { flow, head, early, .. }| {
        let Opened { line, mut task, .. } = opened;
        // The answer and the session's first packet are one write.
        line.outbox.lead_with(&head);
        task.context().read_from(Incoming::Owned(Pump::of_session(flow, line, writer, early)));
        Box::pin(task)
    });
    switching.finish()
}

/// A WebSocket that is to take a session over.
pub(super) fn upgrade(
    line: Peer,
    transport: TransportId,
    slot: Arc<Slot>,
    ticket: &Ticket,
    mut switching: HttpResponseBuilder,
) -> HttpResponse {
    ticket.write(move |arrival| candidate::run(line, transport, slot, arrival));
    switching.finish()
}

/// A WebSocket that may not try: it is opened and closed.
pub(super) fn turn_away(line: Peer, ticket: &Ticket, mut switching: HttpResponseBuilder) -> HttpResponse {
    ticket.write(move |arrival| candidate::turn_away(line, arrival));
    switching.finish()
}
