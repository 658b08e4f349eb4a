//! A WebSocket of a session here that ends at another node: what has come through its pipe is read, and what is queued
//! for it is sent through. Both run on the link's thread.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{self, Context, Poll},
};

use bytes::BytesMut;

use super::{exchange::Refusal, source::Source};
use crate::{
    cluster::{Pipe, Reply},
    connection::{BeginUpgrade, Received, TransportClosed, TransportId},
    gate::Passage,
    line::Line,
};

/// Lets a WebSocket of another node try to take a session over. `agree` says what is to be answered.
pub(crate) async fn upgrade(line: Arc<Line>, pipe: Arc<Pipe>, agree: impl FnOnce(Result<Reply, Refusal>)) {
    match line.connection.send(BeginUpgrade).await {
        Ok(Some((transport, slot))) => {
            agree(Ok(Reply::Done));
            actix_rt::spawn(read(line.clone(), transport, pipe.clone()));
            write(line, Source::Candidate(slot), pipe).await;
        }
        Ok(None) => {
            agree(Ok(Reply::Occupied));
            pipe.end();
        }
        Err(_) => {
            agree(Err(Refusal::UnknownSid));
            pipe.end();
        }
    }
}

/// From the client to the session.
async fn read(line: Arc<Line>, transport: TransportId, pipe: Arc<Pipe>) {
    // What came before the end of a pipe is read even if handlers still run: it is no more than a window.
    let may_read = |cx: &mut Context<'_>| match pipe.poll_over(cx) {
        Poll::Ready(()) => Poll::Ready(Passage::Open),
        Poll::Pending => line.gate.poll_open(cx),
    };
    while poll_fn(may_read).await == Passage::Open {
        let Some(bytes) = poll_fn(|cx| pipe.poll_take(cx)).await else { break };
        let length = bytes.len();
        if line.connection.send(Received { transport, bytes }).await.is_err() {
            break;
        }
        pipe.took(length);
    }
    pipe.end();
    line.connection.do_send(TransportClosed { transport });
}

/// From the session to the client.
async fn write(line: Arc<Line>, mut source: Source, pipe: Arc<Pipe>) {
    let mut unsent = BytesMut::new();
    let mut next = |cx: &mut Context<'_>| {
        // Without room nothing is taken: it waits in the outbox, which has the bounds.
        let Some(room) = task::ready!(pipe.poll_room(cx)) else { return Poll::Ready(None) };
        // Many small packets are one piece.
        while unsent.len() < room {
            match source.poll_packet(&line, cx) {
                Poll::Ready(Some(packet)) => unsent.extend_from_slice(&packet),
                Poll::Ready(None) if unsent.is_empty() => return Poll::Ready(None),
                Poll::Pending if unsent.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(unsent.split_to(room.min(unsent.len()))))
    };
    while let Some(bytes) = poll_fn(&mut next).await {
        pipe.send(&bytes);
    }
    // Its reader tells the session.
    pipe.end();
}
