//! A poll and a POST as the session's own node carries them out, whichever node the request has come to.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::Bytes;
use natter_protocol::{Opcode, encode_payload};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Peer, Refused};
use crate::{
    DisconnectReason,
    connection::{Abort, BeginPoll, BeginPost, Payload, PayloadVerdict, PollEnded, PostEnded},
    error::ErrorCode,
    outbox::Taken,
    request::RequestHead,
    server::Server,
};

/// Time the polls of a client that is behind have, before its POST is answered.
const POLLS_FIRST: Duration = Duration::from_secs(1);

/// Bytes past which no more packets are added to an answer.
pub(super) const ANSWER_BYTES: usize = 512 * 1024;

/// Why a session takes no part in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    /// It is over.
    UnknownSid,
    /// It has another transport, or one such request is under way already.
    TransportMismatch,
    /// A POST brought what is no payload.
    ParseError,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownSid => Self::new(ErrorCode::UnknownSid, "UNKNOWN_SID"),
            Refusal::TransportMismatch => Self::new(ErrorCode::BadRequest, "TRANSPORT_MISMATCH"),
            Refusal::ParseError => Self::new(ErrorCode::BadRequest, "PARSE_ERROR"),
        }
    }
}

fn ended<E>(_: E) -> Refusal {
    Refusal::UnknownSid
}

/// A poll under way; tells the connection when it ends, also when its client goes away before that.
struct Waiting {
    line: Peer,
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.line.connection.do_send(PollEnded { aborted: !self.answered });
    }
}

/// Takes what is queued, or waits for it: the payload of a poll.
pub(crate) async fn poll(server: &Server, line: Peer) -> Result<Bytes, Refusal> {
    // In place before it begins: the client may go away while the connection answers.
    let mut waiting = Waiting { line: line.clone(), answered: false };
    let begun = line.connection.send(BeginPoll).await.map_err(ended)?;
    let writer = match begun {
        Ok(writer) => writer,
        Err(_) => {
            // It is not this one's end that the connection waits for.
            waiting.answered = true;
            return Err(Refusal::TransportMismatch);
        }
    };
    let most = server.options.limits.packets_per_poll;
    let taken = poll_fn(|cx| line.outbox.poll_frames(writer, most, ANSWER_BYTES, cx)).await;
    waiting.answered = true;
    drop(waiting);
    match taken {
        Taken::Some(frames) => Ok(payload(frames)),
        // A WebSocket has taken over.
        Taken::Detached => Ok(payload(vec![(Opcode::Text, Bytes::from_static(b"6"))])),
        Taken::Ended => Err(Refusal::UnknownSid),
    }
}

pub(super) fn payload(frames: Vec<(Opcode, Bytes)>) -> Bytes {
    encode_payload(frames.into_iter())
}

/// A POST under way. Dropped before it is delivered it ends the session, since its body has not come in whole; else it
/// tells the connection when the next one may come.
pub(crate) struct Posting {
    line: Peer,
    stage: Stage,
}

enum Stage {
    Refused,
    Arriving,
    Arrived,
}

impl Drop for Posting {
    fn drop(&mut self) {
        match self.stage {
            Stage::Refused => {}
            Stage::Arriving => {
                self.line.connection.do_send(Abort { reason: DisconnectReason::TransportError })
            }
            Stage::Arrived => self.line.connection.do_send(PostEnded),
        }
    }
}

impl Posting {
    /// Begins one; its body may come.
    pub async fn begin(line: Peer) -> Result<Self, Refusal> {
        let mut posting = Self { line, stage: Stage::Arriving };
        let begun = posting.line.connection.send(BeginPost).await.map_err(ended)?;
        if begun.is_err() {
            posting.stage = Stage::Refused;
            return Err(Refusal::TransportMismatch);
        }
        Ok(posting)
    }

    /// The body has come. Resolves when the next one may.
    pub async fn deliver(
        mut self,
        server: &Server,
        body: Bytes,
        request: Option<Arc<RequestHead>>,
    ) -> Result<(), Refusal> {
        self.stage = Stage::Arrived;
        let line = &self.line;
        let (verdict, told) = oneshot::channel();
        line.connection.do_send(Payload { body, request, verdict });
        match told.await.map_err(ended)? {
            PayloadVerdict::Taken => {
                // A client posts again when it is answered. While too many of its handlers run it is not; and while so much
                // is queued for it that the answers to another body could make it too slow, its polls have a moment to come
                // first. Only a moment, for there are clients that do one thing after the other.
                poll_fn(|cx| line.gate.poll_open(cx)).await;
                let room = server.options.limits.outbox_hard_bytes.saturating_sub(server.options.max_payload);
                let drained = poll_fn(|cx| line.outbox.poll_room(room, cx));
                tokio::select! {
                    () = drained => {}
                    () = tokio::time::sleep(POLLS_FIRST) => {}
                }
                Ok(())
            }
            PayloadVerdict::Invalid => Err(Refusal::ParseError),
            PayloadVerdict::OutOfPlace => Err(Refusal::TransportMismatch),
        }
    }
}
