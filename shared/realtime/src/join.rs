//! Names of rooms as arguments, and the future of a join.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use crate::error::JoinError;

/// One room or several: `"a"`, `String`, `["a", "b"]`, `vec![..]`, `&[..]`. A name has
/// [255 bytes](crate::Limits::name_bytes) at most for a socket to join it.
pub trait RoomNames {
    #[doc(hidden)]
    fn into_names(self) -> Vec<Arc<str>>;
}

impl RoomNames for &str {
    fn into_names(self) -> Vec<Arc<str>> {
        vec![self.into()]
    }
}

impl RoomNames for String {
    fn into_names(self) -> Vec<Arc<str>> {
        vec![self.into()]
    }
}

impl RoomNames for &String {
    fn into_names(self) -> Vec<Arc<str>> {
        vec![self.as_str().into()]
    }
}

impl RoomNames for Arc<str> {
    fn into_names(self) -> Vec<Arc<str>> {
        vec![self]
    }
}

impl<S: AsRef<str>, const N: usize> RoomNames for [S; N] {
    fn into_names(self) -> Vec<Arc<str>> {
        self.iter().map(|name| name.as_ref().into()).collect()
    }
}

impl<S: AsRef<str>> RoomNames for Vec<S> {
    fn into_names(self) -> Vec<Arc<str>> {
        self.iter().map(|name| name.as_ref().into()).collect()
    }
}

impl<S: AsRef<str>> RoomNames for &[S] {
    fn into_names(self) -> Vec<Arc<str>> {
        self.iter().map(|name| name.as_ref().into()).collect()
    }
}

impl<S: AsRef<str>> RoomNames for &Vec<S> {
    fn into_names(self) -> Vec<Arc<str>> {
        self.as_slice().into_names()
    }
}

/// Resolves when a joined room's broadcasts reach the socket. The join goes on whether or not anybody waits. Its errors
/// are those of [`Socket::join`](crate::Socket::join).
#[derive(Debug)]
#[must_use = "the join may have failed, and is complete when this resolves"]
pub struct Join(State);

#[derive(Debug)]
enum State {
    Failed(Option<JoinError>),
    Underway(oneshot::Receiver<()>),
}

impl Join {
    pub(crate) fn failed(error: JoinError) -> Self {
        Self(State::Failed(Some(error)))
    }

    pub(crate) fn underway(done: oneshot::Receiver<()>) -> Self {
        Self(State::Underway(done))
    }
}

impl Future for Join {
    type Output = Result<(), JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Failed(error) => Poll::Ready(Err(error
                .take()
                .expect("invariant: a future is not polled after it has resolved"))),
            // The shard has gone with its thread, and the socket with it.
            State::Underway(done) => Pin::new(done).poll(cx).map_err(|_| JoinError::Disconnected),
        }
    }
}
