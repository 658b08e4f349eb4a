//! A session that lives on another node, as the requests see it that have come here: they are relayed to that node, and
//! its answers are theirs.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use natter_cluster::{
    LinkHandle, NodeTag,
    message::{Question, Relay},
};

use super::{exchange::Refusal, home::Polled};
use crate::{
    cluster::{Reply, decode},
    counters::{UnderWay, bump},
    ids,
    server::Server,
};

/// Time for an answer to get here after the owner's time is up.
const LATE: Duration = Duration::from_secs(1);

/// Time for the owner to say whether it has a session.
const KNOWN: Duration = Duration::from_secs(5);

/// Time beyond that of a session without a pong. Only if an answer is lost does it take so long.
const SPARE: Duration = Duration::from_secs(5);

/// Bytes of a POST that travel in one message.
const PART: usize = 256 * 1024;

pub(super) struct Elsewhere {
    pub server: Arc<Server>,
    pub link: LinkHandle,
    pub owner: NodeTag,
    pub sid: String,
}

impl Elsewhere {
    /// None if the id does not name another member of the cluster.
    pub fn of(server: &Arc<Server>, sid: &str) -> Option<Self> {
        let owner = ids::owner_of(sid)?;
        let link = server.link()?;
        let member = owner != link.own() && link.members().iter().any(|member| member.tag == owner);
        member.then(|| Self { server: server.clone(), link: link.clone(), owner, sid: sid.to_owned() })
    }

    pub async fn known(&self) -> Result<(), Refusal> {
        match self.ask(Relay::Known { sid: &self.sid }, KNOWN).await {
            Some(Reply::Done) => Ok(()),
            reply => Err(refused(reply)),
        }
    }

    /// The client's going away ends the session, as it does on its own node.
    pub async fn poll(self) -> Result<Polled, Refusal> {
        let mut client = Client { session: &self, waits: true };
        let mut reply = pin!(self.ask(Relay::Poll { sid: &self.sid }, self.patience()));
        let mut leave = false;
        let reply = tokio::select! {
            reply = &mut reply => reply,
            () = self.server.closes() => {
                leave = true;
                self.tell(Relay::PollReleased { sid: &self.sid });
                reply.await
            }
        };
        client.waits = reply.is_none();
        match reply {
            Some(Reply::Packets(payload)) => Ok(Polled { payload: payload.into_vec().into(), leave }),
            reply => Err(refused(reply)),
        }
    }

    pub fn begin_post(self) -> RelayedPost {
        RelayedPost { session: self, arrived: false }
    }

    /// No session lives longer without a pong, and then nobody waits for it.
    fn patience(&self) -> Duration {
        self.server.options.ping_interval + self.server.options.ping_timeout + SPARE
    }

    /// None if the owner is gone, cannot be reached, or does not answer.
    pub async fn ask(&self, relay: Relay<'_>, timeout: Duration) -> Option<Reply> {
        let under_way = UnderWay::new(&self.server.counters.relayed_out);
        bump(&self.server.counters.relayed_requests);
        let owner = Some([self.owner].into());
        let answers = self.link.ask(owner, &Question::Relay(relay), timeout, LATE).await;
        drop(under_way);
        let reply = answers.and_then(|answers| decode(&answers.answers.first()?.1));
        if reply.is_none() {
            bump(&self.server.counters.failed_relays);
        }
        reply
    }

    /// Says something that has no answer.
    pub fn tell(&self, relay: Relay<'_>) {
        drop(self.link.ask(Some([self.owner].into()), &Question::Relay(relay), LATE, LATE));
    }
}

pub(super) fn refused(reply: Option<Reply>) -> Refusal {
    match reply {
        Some(Reply::Refused(refusal)) => refusal,
        // A session whose node can't be asked has ended for its client: it begins another one, where somebody is.
        _ => Refusal::UnknownSid,
    }
}

/// The client of a poll that waits; tells the owner when it goes away.
struct Client<'a> {
    session: &'a Elsewhere,
    waits: bool,
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.session.tell(Relay::PollAborted { sid: &self.session.sid });
        }
    }
}

/// A POST whose body is coming in. Dropped before it is delivered, it ends the session.
pub(super) struct RelayedPost {
    session: Elsewhere,
    arrived: bool,
}

impl Drop for RelayedPost {
    fn drop(&mut self) {
        if !self.arrived {
            self.session.tell(Relay::PostAborted { sid: &self.session.sid });
        }
    }
}

impl RelayedPost {
    pub async fn deliver(mut self, mut body: Bytes) -> Result<(), Refusal> {
        self.arrived = true;
        let session = &self.session;
        let mut at = 0;
        while body.len() > PART {
            let part = body.split_to(PART);
            session.tell(Relay::Post { sid: &session.sid, at, last: false, body: &part });
            at += part.len() as u64;
        }
        let last = Relay::Post { sid: &session.sid, at, last: true, body: &body };
        match session.ask(last, session.patience()).await {
            Some(Reply::Done) => Ok(()),
            reply => Err(refused(reply)),
        }
    }
}
