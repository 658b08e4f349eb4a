//! What comes from the bus: read, judged, and handed to the node.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix::Context;
use bytes::Bytes;

use super::Link;
use crate::{
    bus::{BusEvent, Parcel},
    claim::Rival,
    counters::bump,
    envelope::{Envelope, Received, Stamp},
    handle::{LinkHandle, LinkState},
    identity::{Epoch, NodeTag},
    membership::{Change, Member, Verdict},
    message::Message,
    requests::Part,
    responder::Responder,
    sweep::{self, Letter},
};

impl Link {
    pub(super) fn event(&mut self, event: BusEvent, ctx: &mut Context<Self>) {
        let stood_still = self.has_stood_still(ctx);
        match event {
            BusEvent::Parcels(parcels) if stood_still => self.stale(parcels.len()),
            // What the connection that was left behind had to tell.
            _ if stood_still => {}
            BusEvent::Parcels(parcels) => self.parcels(&parcels, ctx),
            BusEvent::Up => self.came_up(),
            BusEvent::Down(why) => self.went_down(why),
            BusEvent::Lost(count) => {
                self.shared.counters.unwritten.fetch_add(count, Relaxed);
            }
            BusEvent::Dropped(count) => {
                self.shared.counters.dropped_slow.fetch_add(count, Relaxed);
                tracing::warn!(count, "the bus brings more than is taken");
            }
        }
    }

    fn stale(&self, count: usize) {
        self.shared.counters.stale.fetch_add(count as u64, Relaxed);
    }

    fn parcels(&mut self, parcels: &[Parcel], ctx: &mut Context<Self>) {
        self.last_heard = Instant::now();
        let shared = self.shared.clone();
        let letters = sweep::read(parcels, &self.options.cluster, &shared.counters, || {
            shared.pulse.beat(Instant::now());
        });
        let count = letters.len();
        for (nth, Letter { subject, payload, received }) in letters.into_iter().enumerate() {
            if self.has_stood_still(ctx) {
                return self.stale(count - nth);
            }
            match received {
                // It may have been on its way when the subscription ended.
                _ if !self.subscriptions.contains(subject) => {}
                Received::Program(event) => {
                    let sensible = self.node.event(event);
                    bump(if sensible { &shared.counters.delivered } else { &shared.counters.malformed });
                }
                Received::Node(envelope) => self.letter(subject, payload, envelope, ctx),
            }
        }
    }

    /// Judges what a node says: whether it is a member, and this its next message.
    fn letter(
        &mut self,
        subject: &Arc<str>,
        payload: &Bytes,
        envelope: Envelope<'_>,
        ctx: &mut Context<Self>,
    ) {
        let Envelope { node, tag, stamp: Stamp { epoch, seq, nth }, message } = envelope;
        let now = Instant::now();
        let mut is_new = false;
        match message {
            Message::Claim | Message::Heartbeat { .. } if tag == self.shared.own => {
                return self.own_name(epoch, message == Message::Claim, ctx);
            }
            Message::Claim => {
                if self.claim.is_settled() {
                    self.heartbeat(false);
                }
                return;
            }
            Message::Heartbeat { hello } => {
                let change = self.membership.heartbeat(node, tag, epoch, seq, now);
                is_new = self.changed(tag, change, hello);
            }
            _ => {}
        }
        let counters = &self.shared.counters;
        match self.membership.judge(tag, epoch, seq, now) {
            Verdict::Own => return bump(&counters.forged),
            Verdict::Unknown => return bump(&counters.unknown_sender),
            Verdict::Late => return bump(&counters.late),
            verdict => {
                counters.lost.fetch_add(self.incoming.came(subject, tag, nth), Relaxed);
                if verdict == Verdict::Copy {
                    return;
                }
            }
        }
        self.heed(tag, message, payload, is_new);
    }

    /// Does what a member's next message asks for. `is_new`: it has become a member with it.
    fn heed(&mut self, tag: NodeTag, message: Message<'_>, payload: &Bytes, is_new: bool) {
        let counters = &self.shared.counters;
        match message {
            Message::Heartbeat { hello: true } if !is_new => {
                // It was off the bus for less time than it takes to be given up: what it was asked may not have reached it, and it
                // has ended what was under way with this node.
                self.requests.left(tag);
                self.node.interrupted(tag);
            }
            Message::Claim | Message::Heartbeat { .. } => {}
            Message::Goodbye => {
                if let Some(member) = self.membership.leaves(tag) {
                    self.left(&member);
                }
            }
            Message::Broadcast(broadcast) => {
                let sensible = self.node.broadcast(&broadcast, payload.slice_ref(broadcast.packet));
                bump(if sensible { &counters.delivered } else { &counters.malformed });
            }
            // Meant for the one who has the name.
            Message::Ask { .. } if !self.claim.is_settled() => bump(&counters.early),
            Message::Ask { id, timeout_ms, question } => {
                let link = LinkHandle(self.shared.clone());
                let timeout = Duration::from_millis(timeout_ms);
                self.node.asked(question, Responder { link, to: tag, id, answered: false, timeout });
            }
            Message::Answer { id, part, last, failed, body } => {
                if !self.requests.answered(id, tag, Part { number: part, last, failed, body }) {
                    bump(&counters.unasked);
                }
            }
            Message::Pipe { pipe, by_owner, what } => self.node.piped(tag, pipe, by_owner, what),
        }
    }

    /// Whether the node is a new member.
    fn changed(&mut self, tag: NodeTag, change: Change, hello: bool) -> bool {
        let came = match change {
            Change::Nothing => false,
            Change::Came => true,
            Change::CameAgain(earlier) => {
                self.left(&earlier);
                true
            }
        };
        if came {
            let members = self.membership.list();
            if let Some(member) = members.iter().find(|member| member.tag == tag) {
                tracing::info!(node = member.name, "a node has come");
                self.node.came(member);
            }
            self.shared.set_members(members);
        }
        // Whoever has just come does not know of this node either.
        if self.claim.is_settled() && (hello || came) {
            self.heartbeat(false);
        }
        came
    }

    pub(super) fn left(&mut self, member: &Member) {
        tracing::info!(node = member.name, "a node is gone");
        self.requests.left(member.tag);
        self.incoming.left(member.tag);
        self.shared.set_members(self.membership.list());
        self.node.left(member);
    }

    /// Somebody claims this node's name, or has it.
    fn own_name(&mut self, epoch: Epoch, claims: bool, ctx: &mut Context<Self>) {
        let rival = self.claim.judge(epoch, claims);
        if matches!(rival, Rival::Claims | Rival::Has { .. }) {
            bump(&self.shared.counters.forged);
        }
        match rival {
            Rival::Own | Rival::Has { first: false } => {}
            Rival::Prevails => {
                tracing::error!(node = self.options.node, "another node has this one's name");
                self.end(LinkState::NameTaken, ctx);
            }
            Rival::Claims => self.heartbeat(false),
            Rival::Has { first: true } => {
                tracing::error!(node = self.options.node, "somebody else speaks under this node's name");
            }
        }
    }
}
