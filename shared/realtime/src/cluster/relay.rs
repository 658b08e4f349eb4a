//! Requests for sessions of this node that have come to other nodes. They run on the link's thread, by the same code as
//! those that have come here.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::{Bytes, BytesMut};
use futures_util::future::{AbortHandle, abortable};
use natter_cluster::{NodeTag, Responder, message::Relay};
use tokio::sync::Notify;

use super::{
    answers::{Reply, encode},
    pipes::Pipes,
};
use crate::{
    connection::ReleasePoll,
    counters::UnderWay,
    line::Line,
    server::Server,
    transport::{
        distant,
        exchange::{self, Posting, Refusal},
    },
};

/// A session, and the node that a request for it has come to.
type Asked = (NodeTag, Box<str>);

/// A poll that waits here for a client elsewhere.
struct Waiting {
    abort: AbortHandle,
    release: Arc<Notify>,
}

/// The requests under way for other nodes.
#[derive(Default)]
pub(crate) struct Relays {
    polls: Mutex<HashMap<Asked, Waiting>>,
    bodies: Mutex<HashMap<Asked, BytesMut>>,
}

/// What has come of the body of a POST.
enum Body {
    Whole(Bytes),
    Unfinished,
    /// A part is missing, or it is more than this node accepts.
    Spoilt,
}

impl Relays {
    fn polls(&self) -> MutexGuard<'_, HashMap<Asked, Waiting>> {
        self.polls.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn bodies(&self) -> MutexGuard<'_, HashMap<Asked, BytesMut>> {
        self.bodies.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Does what another node wants, and answers. Runs on the link's thread.
    pub fn asked(server: &Arc<Server>, relay: Relay<'_>, responder: Responder) {
        match relay {
            Relay::Known { sid } => answer(responder, line_of(server, sid).map(|_| Reply::Done)),
            Relay::Poll { sid } => match line_of(server, sid) {
                Ok(line) => poll(server.clone(), line, (responder.asker(), sid.into()), responder),
                Err(refusal) => answer(responder, Err(refusal)),
            },
            Relay::PollReleased { sid } => {
                if let Some(poll) = server.relays.polls().get(&(responder.asker(), sid.into())) {
                    poll.release.notify_one();
                }
            }
            Relay::PollAborted { sid } => {
                let poll = server.relays.polls().remove(&(responder.asker(), sid.into()));
                if let Some(poll) = poll {
                    poll.abort.abort();
                }
            }
            Relay::Post { sid, at, last, body } => {
                let most = server.options.max_payload;
                let body = server.relays.body((responder.asker(), sid.into()), at, last, body, most);
                match (line_of(server, sid), body) {
                    (_, Body::Unfinished) => {}
                    (Ok(line), Body::Whole(body)) => post(server.clone(), line, body, responder),
                    (Ok(line), Body::Spoilt) => end_by_post(line),
                    (Err(refusal), _) => answer(responder, Err(refusal)),
                }
            }
            Relay::PostAborted { sid } => {
                if let Ok(line) = line_of(server, sid) {
                    end_by_post(line);
                }
            }
            Relay::Upgrade { sid, pipe } => match (line_of(server, sid), server.link()) {
                (Ok(line), Some(link)) => {
                    // There from now on, for the client may be gone before the session agrees.
                    let pipe = Pipes::admit(server, link, responder.asker(), pipe);
                    let agree = |reply| answer(responder, reply);
                    actix_rt::spawn(distant::upgrade(line, pipe, agree));
                }
                (line, _) => answer(responder, line.and(Err(Refusal::UnknownSid))),
            },
        }
    }

    /// Puts the parts of a body together, at most `most` bytes.
    fn body(&self, asked: Asked, at: u64, last: bool, part: &[u8], most: usize) -> Body {
        let mut bodies = self.bodies();
        let before = bodies.remove(&asked).unwrap_or_default();
        if before.len() as u64 != at || before.len() + part.len() > most {
            return Body::Spoilt;
        }
        let mut body = before;
        body.extend_from_slice(part);
        if last {
            return Body::Whole(body.freeze());
        }
        bodies.insert(asked, body);
        Body::Unfinished
    }

    /// That node has ended the requests that it had relayed here, or is gone with their clients.
    pub fn left(&self, node: NodeTag) {
        self.end(|asker| asker == node);
    }

    /// No other node can be reached any more.
    pub fn away(&self) {
        self.end(|_| true);
    }

    fn end(&self, gone: impl Fn(NodeTag) -> bool) {
        self.bodies().retain(|(asker, _), _| !gone(*asker));
        self.polls().retain(|(asker, _), poll| {
            if gone(*asker) {
                poll.abort.abort();
            }
            !gone(*asker)
        });
    }
}

fn line_of(server: &Server, sid: &str) -> Result<Arc<Line>, Refusal> {
    server.sessions.get(sid).ok_or(Refusal::UnknownSid)
}

fn answer(responder: Responder, reply: Result<Reply, Refusal>) {
    responder.answer(encode(&reply.unwrap_or_else(Reply::Refused)));
}

fn poll(server: Arc<Server>, line: Arc<Line>, asked: Asked, responder: Responder) {
    let release = Arc::new(Notify::new());
    let (poll, abort) = abortable({
        let (server, release) = (server.clone(), release.clone());
        async move {
            let mut poll = pin!(exchange::poll(&server, line.clone()));
            tokio::select! {
                // In this order: it has to begin before it can be released.
                biased;
                polled = &mut poll => polled,
                () = release.notified() => {
                    line.connection.do_send(ReleasePoll);
                    poll.await
                }
            }
        }
    });
    // A second one of the same session through the same node ends the session, and both polls with it.
    server.relays.polls().entry(asked.clone()).or_insert(Waiting { abort, release });
    actix_rt::spawn(async move {
        let _under_way = UnderWay::new(&server.counters.relayed_in);
        let polled = poll.await;
        server.relays.polls().remove(&asked);
        // Aborted, there is nobody to be answered.
        if let Ok(polled) = polled {
            answer(responder, polled.map(|payload| Reply::Packets(Vec::from(payload).into())));
        }
    });
}

fn post(server: Arc<Server>, line: Arc<Line>, body: Bytes, responder: Responder) {
    actix_rt::spawn(async move {
        let _under_way = UnderWay::new(&server.counters.relayed_in);
        let posted = match Posting::begin(line).await {
            Ok(posting) => posting.deliver(&server, body, None).await,
            Err(refusal) => Err(refusal),
        };
        answer(responder, posted.map(|()| Reply::Done));
    });
}

/// The body of a POST has not come in whole: the session ends, if it is one of polling.
fn end_by_post(line: Arc<Line>) {
    actix_rt::spawn(async move { drop(Posting::begin(line).await) });
}
