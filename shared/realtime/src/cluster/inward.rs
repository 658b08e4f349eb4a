//! What comes in from the other nodes. All of it runs on the link's thread and waits for nothing.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bytes::Bytes;
use bytestring::ByteString;
use natter_cluster::{
    Event, Member, Node, NodeTag, Responder,
    message::{self, Broadcast, Pipe, Question},
};
use natter_protocol::{Args, Body, EnginePacket, Frames, PacketDecoder, PacketLimits, split_frame};

use super::{
    answers::{AckAnswers, Counts, Picture, Pictures, Response, encode},
    neighbours::ClusterChange,
    pipes::{PipeKey, Pipes},
    relay::Relays,
};
use crate::{
    broadcast::BroadcastOperator,
    delivery::Delivery,
    error::{AckError, EmitError},
    namespace::NamespaceInner,
    namespaces::Namespaces,
    options::LONGEST,
    roster::Target,
};

/// The nesting of JSON that nodes take from each other.
const DEPTH: usize = 256;

/// The server as its link sees it.
pub(crate) struct Inward {
    io: std::sync::Weak<Namespaces>,
    /// For what other nodes send: whoever emitted it has no limits but memory.
    limits: Arc<PacketLimits>,
}

impl Inward {
    pub fn new(io: std::sync::Weak<Namespaces>) -> Self {
        let limits = PacketLimits {
            attachments: usize::MAX,
            bytes: usize::MAX,
            depth: DEPTH,
            args: usize::MAX,
            name: usize::MAX,
        };
        Self { io, limits: Arc::new(limits) }
    }

    fn namespace(&self, name: &str) -> Option<Arc<NamespaceInner>> {
        self.io.upgrade()?.existing(name)
    }

    /// The event in a packet, if that is what it is, of that namespace, in one piece. What a client would choke on
    /// comes from somebody who should not be on the bus.
    fn event_in(&self, namespace: &str, frames: &Frames) -> Option<(ByteString, Args)> {
        let mut bytes = frames.as_bytes().clone();
        let mut decoder = PacketDecoder::new(self.limits.clone());
        let mut packet = None;
        while !bytes.is_empty() {
            if packet.is_some() {
                return None;
            }
            let (opcode, payload) = split_frame(&mut bytes)?;
            packet = match opcode {
                natter_protocol::Opcode::Text => {
                    let text = ByteString::try_from(payload).ok()?;
                    let EnginePacket::Message(text) = EnginePacket::from_text(text).ok()? else {
                        return None;
                    };
                    decoder.text(text).ok()?
                }
                natter_protocol::Opcode::Binary => decoder.binary(payload).ok()?,
                _ => return None,
            };
        }
        let packet = packet.filter(|packet| packet.namespace == namespace)?;
        match packet.body {
            Body::Event { id: None, name, args } => Some((name, args)),
            _ => None,
        }
    }

    /// An operator for the sockets on this node.
    fn here(&self, target: &message::Target<'_>) -> Option<BroadcastOperator> {
        let namespace = self.namespace(target.namespace)?;
        Some(BroadcastOperator::on_this_node(namespace, target_of(target)))
    }
}

fn target_of(target: &message::Target<'_>) -> Target {
    Target { rooms: names(&target.rooms), except: names(&target.except) }
}

fn names(rooms: &[&str]) -> Vec<Arc<str>> {
    rooms.iter().map(|&room| room.into()).collect()
}

/// Answers when the work is done. It has begun already.
fn answer_after(responder: Responder, work: impl Future<Output = Bytes> + 'static) {
    actix_rt::spawn(async move { responder.answer(work.await) });
}

impl Node for Inward {
    fn broadcast(&self, broadcast: &Broadcast<'_>, packet: Bytes) -> bool {
        let Some(frames) = Frames::from_bytes(packet) else { return false };
        let Some(event) = self.event_in(broadcast.target.namespace, &frames) else { return false };
        // A namespace that nobody is in here.
        let Some(namespace) = self.namespace(broadcast.target.namespace) else { return true };
        let delivery = Delivery {
            namespace: namespace.id,
            target: target_of(&broadcast.target),
            frames,
            volatile: broadcast.volatile,
            ack: None,
            event: namespace.has_outgoing_watchers().then_some(event),
        };
        // A full queue of a shard is counted there.
        drop(namespace.server.broadcast(Arc::new(delivery)));
        true
    }

    fn event(&self, event: Event) -> bool {
        let Ok(args) = Args::from_json(event.data.get(), Vec::new()) else { return false };
        let rooms = event.rooms.iter().map(String::as_str).collect();
        let except = event.except.iter().map(String::as_str).collect();
        let target = message::Target { namespace: &event.namespace, rooms, except };
        let Some(operator) = self.here(&target) else { return true };
        let operator = if event.volatile { operator.volatile() } else { operator };
        match operator.emit(&event.event, args) {
            // The event is sensible; a full queue of a shard is counted there.
            Ok(()) | Err(EmitError::QueueFull) => true,
            Err(_) => false,
        }
    }

    fn asked(&self, question: Question<'_>, responder: Responder) {
        match question {
            Question::Count(target) => match self.here(&target) {
                Some(here) => {
                    let counted = here.count();
                    answer_after(responder, async move { encode(&Counts { count: counted.await.count }) });
                }
                None => responder.answer(encode(&Counts { count: 0 })),
            },
            Question::Fetch(target) => match self.here(&target) {
                Some(here) => {
                    let fetched = here.fetch_sockets();
                    let encoded =
                        async move { encode(&Pictures(fetched.await.iter().map(Picture::of).collect())) };
                    answer_after(responder, encoded);
                }
                None => responder.answer(encode(&Pictures(Vec::new()))),
            },
            Question::Join { target, rooms } => match self.here(&target) {
                Some(here) => {
                    let joined = here.sockets_join(names(&rooms));
                    answer_after(responder, async move {
                        joined.await;
                        Bytes::new()
                    });
                }
                None => responder.answer(Bytes::new()),
            },
            Question::Leave { target, rooms } => match self.here(&target) {
                Some(here) => {
                    let left = here.sockets_leave(names(&rooms));
                    answer_after(responder, async move {
                        left.await;
                        Bytes::new()
                    });
                }
                None => responder.answer(Bytes::new()),
            },
            Question::Disconnect { target, close } => {
                if let Some(here) = self.here(&target) {
                    here.disconnect_sockets(close);
                }
                responder.answer(Bytes::new());
            }
            Question::Acks(broadcast) => self.acks(&broadcast, responder),
            Question::ServerSideEmit { namespace, event, arguments, wants_ack } => {
                let Some(namespace) = self.namespace(namespace) else { return };
                let Ok(args) = Args::from_json(arguments, Vec::new()) else { return };
                let server = Arc::downgrade(&namespace.server);
                let thread = &namespace.server.side_thread;
                let responder = wants_ack.then_some(responder);
                namespace.side.call(thread, move || server.upgrade(), event, args, responder);
            }
            Question::Relay(relay) => {
                if let Some(io) = self.io.upgrade() {
                    Relays::asked(&io.server, relay, responder);
                }
            }
        }
    }

    fn piped(&self, from: NodeTag, pipe: u64, own: bool, what: Pipe<'_>) {
        let Some(io) = self.io.upgrade() else { return };
        let Some(link) = io.server.link() else { return };
        let key = PipeKey { peer: from, number: pipe, accepted_here: own };
        Pipes::heard(&io.server, link, key, &what);
    }

    fn came(&self, member: &Member) {
        self.tell(ClusterChange::NodeCame(member.name.clone()));
    }

    fn left(&self, member: &Member) {
        self.interrupted(member.tag);
        self.tell(ClusterChange::NodeLeft(member.name.clone()));
    }

    fn interrupted(&self, tag: NodeTag) {
        if let Some(io) = self.io.upgrade() {
            io.server.relays.left(tag);
            io.server.pipes.left(tag);
        }
    }

    fn away(&self) {
        if let Some(io) = self.io.upgrade() {
            io.server.relays.away();
            io.server.pipes.away();
        }
    }

    fn suspended(&self) {
        if let Some(io) = self.io.upgrade() {
            io.server.end_all_sessions();
        }
    }
}

impl Inward {
    fn tell(&self, change: ClusterChange) {
        if let Some(io) = self.io.upgrade() {
            let panics = io.server.neighbours.tell(&change);
            io.server.counters.handler_panics.fetch_add(panics, Relaxed);
        }
    }

    fn acks(&self, broadcast: &Broadcast<'_>, responder: Responder) {
        let packet = Bytes::copy_from_slice(broadcast.packet);
        let event =
            Frames::from_bytes(packet).and_then(|frames| self.event_in(broadcast.target.namespace, &frames));
        // Dropped, the responder says that there will be no answer.
        let Some((event, args)) = event else { return };
        let Some(here) = self.here(&broadcast.target) else {
            return responder.answer(encode(&AckAnswers::default()));
        };
        let here = if broadcast.volatile { here.volatile() } else { here };
        let timeout = responder.timeout().min(LONGEST);
        let acknowledged = here.timeout(timeout).emit_with_ack(&event, args);
        answer_after(responder, async move {
            let answers = match acknowledged.await {
                Ok(responses) => AckAnswers {
                    responses: responses.iter().map(Response::of).collect(),
                    ..AckAnswers::default()
                },
                Err(error) => AckAnswers {
                    responses: error.responses.iter().map(Response::of).collect(),
                    missing: error.missing,
                    timed_out: matches!(error.cause, AckError::Timeout(_)),
                },
            };
            encode(&answers)
        });
    }
}
