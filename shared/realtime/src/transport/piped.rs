//! A WebSocket that ends at this node and has its session on another one: bytes go there and come from there, and nobody
//! here understands them. Its pipe holds both directions back.

use std::{
    future::{poll_fn, ready},
    pin::Pin,
    sync::Arc,
    task::{self, Context, Poll},
};

use actix_web::{HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::once};
use natter_cluster::message::Relay;
use natter_protocol::{CloseCode, Frames};

use super::{
    exchange::Refusal,
    relayed::{Elsewhere, refused},
};
use crate::cluster::{Pipe, Pipes, Reply};

/// Lets a WebSocket try to take over a session of another node, if that agrees.
pub(super) async fn upgrade(
    session: Elsewhere,
    payload: web::Payload,
    mut switching: HttpResponseBuilder,
) -> Result<HttpResponse, Refusal> {
    // There before the owner is asked, for its bytes come right behind its answer.
    let end = End(Pipes::accept(&session.server, &session.link, session.owner));
    let relay = Relay::Upgrade { sid: &session.sid, pipe: end.0.number() };
    match session.ask(relay, session.server.options.upgrade_timeout).await {
        Some(Reply::Done) => {
            actix_rt::spawn(read(end.0.clone(), payload));
            Ok(switching.streaming(Body(end)))
        }
        Some(Reply::Occupied) => {
            let close = Frames::close(Some((CloseCode::Policy, ""))).into_bytes();
            Ok(switching.streaming(once(ready(Ok::<_, actix_web::Error>(close)))))
        }
        reply => Err(refused(reply)),
    }
}

/// Ends the pipe when the client has gone.
struct End(Arc<Pipe>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// From the client to the session.
async fn read(pipe: Arc<Pipe>, mut payload: web::Payload) {
    let mut unsent = Bytes::new();
    let mut next = |cx: &mut Context<'_>| {
        let Some(room) = task::ready!(pipe.poll_room(cx)) else { return Poll::Ready(None) };
        while unsent.is_empty() {
            match task::ready!(payload.poll_next_unpin(cx)) {
                Some(Ok(bytes)) => unsent = bytes,
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(unsent.split_to(room.min(unsent.len()))))
    };
    while let Some(bytes) = poll_fn(&mut next).await {
        pipe.send(&bytes);
    }
    pipe.end();
}

/// From the session to the client.
struct Body(End);

impl Stream for Body {
    type Item = Result<Bytes, actix_web::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pipe = &self.0.0;
        let taken = task::ready!(pipe.poll_take(cx));
        if let Some(bytes) = &taken {
            // actix asks only while it has room.
            pipe.took(bytes.len());
        }
        Poll::Ready(taken.map(Ok))
    }
}
