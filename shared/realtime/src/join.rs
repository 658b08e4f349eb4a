//! Names of rooms as arguments, and the future of a join.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::error::JoinError;

/// One room or several: `"a"`, `String`, `["a", "b"]`, `vec![..]`, `&[..]`.
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

/// Resolves when a joined room's broadcasts reach the socket. The join itself has been done already.
#[derive(Debug)]
#[must_use = "the join may have failed, and is complete when this resolves"]
pub struct Join(Option<Result<(), JoinError>>);

impl Join {
    pub(crate) fn new(outcome: Result<(), JoinError>) -> Self {
        Self(Some(outcome))
    }
}

impl Future for Join {
    type Output = Result<(), JoinError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.0.take().expect("invariant: a future is not polled after it has resolved"))
    }
}
