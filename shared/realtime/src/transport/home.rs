//! Where the session of a request lives: on this node, or on another one of the cluster. Whatever is asked of it, the
//! answer is the same.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Peer,
    exchange::{self, Posting, Refusal},
    relayed::{Elsewhere, RelayedPost},
};
use crate::{request::RequestHead, server::Server};

pub(super) enum Home {
    Here(Peer),
    Elsewhere(Elsewhere),
}

/// What a poll has brought.
pub(super) struct Polled {
    pub payload: Bytes,
    /// This node is closing, though the session is not: the client should come back over another TCP connection.
    pub leave: bool,
}

impl Home {
    /// None if there is no such session here, and no other node that could have it.
    pub async fn of(server: &Arc<Server>, sid: &str) -> Option<Self> {
        if let Some(line) = server.sessions.get(sid) {
            return Some(Self::Here(line));
        }
        server.joining_is_over().await;
        Elsewhere::of(server, sid).map(Self::Elsewhere)
    }

    /// Asked before a request is refused for what it is, since that its session is unknown is said first.
    pub async fn known(&self) -> Result<(), Refusal> {
        match self {
            Self::Here(_) => Ok(()),
            Self::Elsewhere(session) => session.known().await,
        }
    }

    pub async fn poll(self, server: &Server) -> Result<Polled, Refusal> {
        match self {
            Self::Here(line) => {
                exchange::poll(server, line).await.map(|payload| Polled { payload, leave: false })
            }
            Self::Elsewhere(session) => session.poll().await,
        }
    }

    pub async fn begin_post(self) -> Result<Post, Refusal> {
        match self {
            Self::Here(line) => Posting::begin(line).await.map(Post::Here),
            Self::Elsewhere(session) => Ok(Post::Elsewhere(session.begin_post())),
        }
    }
}

/// A POST whose body is coming in. Dropped before it is delivered, it ends the session.
pub(super) enum Post {
    Here(Posting),
    Elsewhere(RelayedPost),
}

impl Post {
    pub async fn deliver(
        self,
        server: &Server,
        body: Bytes,
        request: Option<Arc<RequestHead>>,
    ) -> Result<(), Refusal> {
        match self {
            Self::Here(posting) => posting.deliver(server, body, request).await,
            Self::Elsewhere(post) => post.deliver(body).await,
        }
    }
}
