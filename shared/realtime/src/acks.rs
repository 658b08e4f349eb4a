//! Acknowledgements, both ways: those a client owes the server, and the one a handler gives to a client.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use natter_protocol::Args;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use crate::{
    collector::Collector,
    error::{AckError, BroadcastAckError, EmitError},
    socket::SocketInner,
};

/// Who waits for an acknowledgement.
pub(crate) enum PendingAck {
    One(oneshot::Sender<Args>),
    Many(Arc<Collector>),
}

impl PendingAck {
    pub fn answer(self, socket: &Arc<str>, args: Args) {
        match self {
            // Whoever asked may have stopped waiting in this moment; then there is nobody to tell.
            Self::One(asker) => drop(asker.send(args)),
            Self::Many(collector) => collector.answered(socket, args),
        }
    }
}

/// The acknowledgements one socket owes. Nothing is allocated while it owes none.
#[derive(Default)]
#[expect(clippy::box_collection, reason = "one word for each of a million sockets that owe none")]
pub(crate) struct PendingAcks(Option<Box<HashMap<u64, PendingAck>>>);

impl PendingAcks {
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |acks| acks.len())
    }

    pub fn insert(&mut self, id: u64, ack: PendingAck) {
        self.0.get_or_insert_default().insert(id, ack);
    }

    pub fn take(&mut self, id: u64) -> Option<PendingAck> {
        let ack = self.0.as_mut()?.remove(&id);
        if self.len() == 0 {
            self.0 = None;
        }
        ack
    }

    /// The socket is gone: collectors are told; who waits for a single one sees its sender dropped.
    pub fn give_up(self, socket: &Arc<str>) {
        for ack in self.0.into_iter().flat_map(|acks| acks.into_values()) {
            if let PendingAck::Many(collector) = ack {
                collector.gone(socket);
            }
        }
    }
}

/// Resolves to a client's acknowledgement: what it was called with, or why none came.
///
/// The event has been sent already when this exists; dropping it only stops the waiting. Its errors are those of
/// [`Socket::emit_with_ack`](crate::Socket::emit_with_ack) and
/// [`RemoteSocket::emit_with_ack`](crate::RemoteSocket::emit_with_ack).
///
/// Socket.IO protocol: Acknowledgement.
#[must_use = "the event is sent, but nobody waits for its acknowledgement"]
pub struct AckFuture<T>(Pin<Box<dyn Future<Output = Result<T, AckError>> + Send>>);

impl<T: DeserializeOwned> AckFuture<T> {
    pub(crate) fn new(
        socket: Arc<SocketInner>,
        sent: Result<(u64, oneshot::Receiver<Args>), AckError>,
        timeout: Duration,
    ) -> Self {
        // Taken out of the table when the waiting ends in any way, or a client that never answers fills it.
        let sent = sent.map(|(id, answer)| (Waiting { socket, id }, answer));
        let deadline = std::time::Instant::now() + timeout;
        Self(Box::pin(async move {
            let (_waiting, answer) = sent?;
            match tokio::time::timeout_at(deadline.into(), answer).await {
                Ok(Ok(args)) => Ok(args.parse()?),
                Ok(Err(_)) => Err(AckError::Disconnected),
                Err(_) => Err(AckError::Timeout(timeout)),
            }
        }))
    }

    /// Of a broadcast that means one socket.
    pub(crate) fn of_one(
        answers: impl Future<Output = Result<Vec<Args>, BroadcastAckError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(async move {
            match answers.await {
                Ok(answers) => Ok(answers.into_iter().next().ok_or(AckError::Disconnected)?.parse()?),
                Err(error) => Err(error.cause),
            }
        }))
    }
}

struct Waiting {
    socket: Arc<SocketInner>,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.socket.take_ack(self.id));
    }
}

impl<T> Future for AckFuture<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for AckFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AckFuture")
    }
}

/// The client's callback for one event: an extractor for handlers.
///
/// Only the first [`send`](Self::send) counts. If the client asked for none, sending does nothing; if a handler never
/// sends, the client waits until its own timeout.
///
/// Socket.IO protocol: Acknowledgement.
#[derive(Clone, Debug)]
pub struct Ack(Option<Arc<Expected>>);

#[derive(Debug)]
struct Expected {
    socket: crate::Socket,
    id: u64,
    sent: AtomicBool,
}

impl Ack {
    pub(crate) fn new(socket: &crate::Socket, id: Option<u64>) -> Self {
        Self(id.map(|id| Arc::new(Expected { socket: socket.clone(), id, sent: AtomicBool::new(false) })))
    }

    /// Whether the client has asked for it, and nothing was sent yet.
    pub fn is_expected(&self) -> bool {
        self.0.as_ref().is_some_and(|expected| !expected.sent.load(Ordering::Acquire))
    }

    /// Answers: a tuple is several arguments, `()` none, anything else one.
    ///
    /// # Errors
    /// When the socket is gone, the data has no JSON form, or it is sent on another thread than the socket's, whose
    /// queue is full.
    pub fn send<T: Serialize>(&self, data: T) -> Result<(), EmitError> {
        let Some(expected) = &self.0 else { return Ok(()) };
        let args = Args::of(&data)?;
        if expected.sent.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let socket = &expected.socket.inner;
        socket.send(natter_protocol::ack(&socket.namespace.name, expected.id, &args), false)
    }
}
