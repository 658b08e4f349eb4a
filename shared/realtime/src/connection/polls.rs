//! What HTTP requests ask of their connection: polls, posts, and the permission to upgrade.

use std::{sync::Arc, time::Instant};

use actix::{Handler, Message};
use bytes::Bytes;
use natter_protocol::{WebSocketDecoder, decode_payload};
use tokio::sync::oneshot;

use super::{Connection, ConnectionContext, TransportId};
use crate::{
    DisconnectReason,
    options::TransportKind,
    outbox::WriterId,
    request::RequestHead,
    session::PollRefused,
    upgrade::{Candidate, Slot},
};

/// A polling GET wants to wait for packets.
#[derive(Message)]
#[rtype(result = "Result<WriterId, PollRefused>")]
pub(crate) struct BeginPoll;

impl Handler<BeginPoll> for Connection {
    type Result = Result<WriterId, PollRefused>;

    fn handle(&mut self, _: BeginPoll, ctx: &mut ConnectionContext) -> Self::Result {
        // A client that comes when its time is up has none left, though the alarm may ring a moment later.
        self.look_at_the_clock(ctx);
        match self.session.begin_poll() {
            Ok(()) => Ok(self.wire.line.outbox.attach()),
            Err(PollRefused::Overlap) => {
                self.overlap(ctx);
                Err(PollRefused::Overlap)
            }
            Err(refused) => Err(refused),
        }
    }
}

/// A poll has been answered, or its client has gone before it was.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct PollEnded {
    pub aborted: bool,
}

impl Handler<PollEnded> for Connection {
    type Result = ();

    fn handle(&mut self, PollEnded { aborted }: PollEnded, ctx: &mut ConnectionContext) {
        if self.session.transport() == TransportKind::Websocket {
            return;
        }
        self.session.end_poll();
        if aborted {
            self.lost(DisconnectReason::TransportError, ctx);
        } else if self.session.is_closing() && self.wire.line.outbox.is_empty() {
            self.end(ctx);
        }
    }
}

/// A polling POST has begun; its body follows as a [`Payload`] and then [`PostEnded`], or [`Abort`].
#[derive(Message)]
#[rtype(result = "Result<(), PollRefused>")]
pub(crate) struct BeginPost;

impl Handler<BeginPost> for Connection {
    type Result = Result<(), PollRefused>;

    fn handle(&mut self, _: BeginPost, ctx: &mut ConnectionContext) -> Self::Result {
        if self.session.is_closing() {
            return Err(PollRefused::OtherTransport);
        }
        let begun = self.session.begin_post();
        if begun == Err(PollRefused::Overlap) {
            self.overlap(ctx);
        }
        begun
    }
}

/// A polling POST has been answered, or its client has gone after its body had come.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct PostEnded;

impl Handler<PostEnded> for Connection {
    type Result = ();

    fn handle(&mut self, _: PostEnded, _: &mut ConnectionContext) {
        self.session.end_post();
    }
}

/// The body of a polling POST. It has come, so it is taken whether or not anybody still waits for the verdict; a message
/// that actix answers is passed over when its sender has gone.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Payload {
    pub body: Bytes,
    pub request: Option<Arc<RequestHead>>,
    pub verdict: oneshot::Sender<PayloadVerdict>,
}

/// What became of a polling POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadVerdict {
    /// The next may come when the gate is open and the outbox has room for its answers.
    Taken,
    /// It was no payload; the session is over.
    Invalid,
    /// The session has another transport, or is closing.
    OutOfPlace,
}

impl Handler<Payload> for Connection {
    type Result = ();

    fn handle(&mut self, Payload { body, request, verdict }: Payload, ctx: &mut ConnectionContext) {
        // Whoever posted may have gone.
        verdict.send(self.payload(body, request, ctx)).ok();
    }
}

impl Connection {
    fn payload(
        &mut self,
        body: Bytes,
        request: Option<Arc<RequestHead>>,
        ctx: &mut ConnectionContext,
    ) -> PayloadVerdict {
        self.end_if_process_stood_still();
        if self.session.transport() != TransportKind::Polling || self.session.is_closing() {
            return PayloadVerdict::OutOfPlace;
        }
        let Ok(packets) = decode_payload(body, self.wire.shard.server.options.limits.packets_per_payload)
        else {
            self.close(DisconnectReason::ParseError, ctx);
            return PayloadVerdict::Invalid;
        };
        for packet in packets {
            if self.session.is_closing() {
                break;
            }
            self.packet(packet, request.as_ref(), ctx);
            self.note_unfinished();
        }
        self.arm();
        PayloadVerdict::Taken
    }
}

/// A WebSocket wants to take a polling session over. None: it may not.
#[derive(Message)]
#[rtype(result = "Option<(TransportId, Arc<Slot>)>")]
pub(crate) struct BeginUpgrade;

impl Handler<BeginUpgrade> for Connection {
    type Result = Option<(TransportId, Arc<Slot>)>;

    fn handle(&mut self, _: BeginUpgrade, _: &mut ConnectionContext) -> Self::Result {
        if self.wire.shard.server.options.upgrades().is_empty() || !self.session.begin_upgrade(Instant::now())
        {
            return None;
        }
        let transport = self.next_transport;
        self.next_transport += 1;
        let slot = Arc::new(Slot::new());
        let decoder = WebSocketDecoder::new(self.wire.shard.server.websocket_limits);
        self.candidate = Some(Box::new(Candidate { transport, decoder, slot: slot.clone() }));
        self.arm();
        Some((transport, slot))
    }
}
