//! `Link`: one per node; it owns the bus, the subscriptions, the inbox and the membership.
//!
//! Receives commands from all threads of its node and events from the bus. Tells its [`Node`] what has come. It lives
//! on one thread together with the bus, its own or one that also does something else, and stops when it is told to close.
//! A panic in a handler is caught and counted; then what is under way with other nodes ends, as if all of them had left,
//! and who is there is learnt anew.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix::{Actor, ActorContext, AsyncContext, Context, SpawnHandle, StreamHandler};
use bytes::Bytes;

use crate::{
    bus::{Bus, BusEvent, Closed, OpenBus, Parcel, PublishError},
    claim::{Claim, Rival},
    counters::bump,
    envelope::{self, Envelope, Letterhead, Received, Stamp},
    handle::{Asked, Command, LinkHandle, LinkState, Shared},
    identity::{Epoch, NodeTag},
    ledger::{Incoming, Outgoing},
    link_task::LinkOptions,
    membership::{Change, Member, Membership, Verdict},
    message::Message,
    node::Node,
    requests::{Part, Requests},
    responder::Responder,
    sweep::{self, Letter},
};

/// Time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Time between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// The silence after which a node is gone: with the tick, less than 3 s after its last word.
pub(crate) const PATIENCE: Duration = Duration::from_millis(2_500);

/// Bytes of one part of an answer.
const PART_BYTES: usize = 256 * 1024;

pub(crate) struct Link {
    shared: Arc<Shared>,
    options: LinkOptions,
    letterhead: Letterhead,
    node: Arc<dyn Node>,
    bus: Option<Box<dyn Bus>>,
    /// The stream of the bus's events.
    events: Option<SpawnHandle>,
    up: bool,
    claim: Claim,
    /// What is queued was queued before a suspension.
    resuming: bool,
    outgoing: Outgoing,
    incoming: Incoming,
    membership: Membership,
    requests: Requests,
    subscriptions: HashSet<Arc<str>>,
    last_tick: Instant,
    last_heartbeat: Instant,
    /// When the bus last brought anything.
    last_heard: Instant,
}

impl Link {
    pub(crate) fn new(options: LinkOptions, node: Arc<dyn Node>, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        shared.pulse.begin(now);
        let own = shared.own;
        let fixed = [shared.subjects.nodes(), shared.subjects.node(own)];
        Self {
            letterhead: Letterhead::of(&options.cluster, &options.node),
            membership: Membership::new(own, PATIENCE),
            shared,
            options,
            node,
            bus: None,
            events: None,
            up: false,
            claim: Claim::new(),
            resuming: false,
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            requests: Requests::default(),
            subscriptions: fixed.into(),
            last_tick: now,
            last_heartbeat: now,
            last_heard: now,
        }
    }

    /// Opens the bus and subscribes to all that is wanted.
    fn open(&mut self, ctx: &mut Context<Self>) {
        let OpenBus { bus, events } = (self.options.open)(&self.shared.subjects, self.shared.own);
        for subject in &self.subscriptions {
            // The bus says that it is up when all of them are in place.
            drop(bus.subscribe(subject.clone()));
        }
        self.bus = Some(bus);
        self.events = Some(ctx.add_stream(events));
    }

    /// Runs a part of the link; when it panics, what may be half changed is made anew.
    fn guarded(&mut self, ctx: &mut Context<Self>, run: impl FnOnce(&mut Self, &mut Context<Self>)) {
        if catch_unwind(AssertUnwindSafe(|| run(self, ctx))).is_err() {
            bump(&self.shared.counters.restarts);
            tracing::error!("the link panicked and starts over");
            let start_over = || {
                self.forget_all();
                self.heartbeat(true);
            };
            if catch_unwind(AssertUnwindSafe(start_over)).is_err() {
                tracing::error!("the link panicked again and ends");
                self.end(LinkState::Closed, ctx);
            }
        }
        let counters = &self.shared.counters;
        counters.requests.store(self.requests.len() as u64, Relaxed);
        counters.subscriptions.store(self.subscriptions.len() as u64, Relaxed);
    }

    // ---- what goes out ----

    /// Puts a message into an envelope and publishes it under each subject; whether it is on its way under all.
    fn publish(&mut self, subjects: &[Arc<str>], message: &[u8]) -> bool {
        let seq = self.outgoing.next();
        let mut whole = true;
        for subject in subjects {
            let nth = self.outgoing.nth(subject);
            let payload = self.letterhead.seal(Stamp { epoch: self.claim.epoch(), seq, nth }, message);
            let published = match &self.bus {
                Some(bus) => bus.publish(subject, payload),
                None => Err(PublishError::Away),
            };
            let counters = &self.shared.counters;
            match published {
                Ok(()) => bump(&counters.published),
                Err(error) => {
                    self.outgoing.withdraw(subject);
                    whole = false;
                    bump(match error {
                        PublishError::Away => &counters.dropped_away,
                        PublishError::Full => &counters.dropped_full,
                        PublishError::TooLarge { .. } | PublishError::LongSubject { .. } => {
                            &counters.dropped_too_large
                        }
                    });
                }
            }
        }
        whole
    }

    fn say(&mut self, subject: Arc<str>, message: &Message<'_>) -> bool {
        self.publish(&[subject], &envelope::encode(message))
    }

    /// Says that this node lives; with `hello`, it wants to know who else does. Before its name is settled it claims it.
    fn heartbeat(&mut self, hello: bool) {
        self.last_heartbeat = Instant::now();
        if self.up {
            let message = if self.claim.is_settled() { Message::Heartbeat { hello } } else { Message::Claim };
            self.say(self.shared.subjects.nodes(), &message);
        }
    }

    fn ask(&mut self, asked: Asked) {
        let Asked { nodes, timeout, late, question, reply } = asked;
        let nodes = nodes.unwrap_or_else(|| self.membership.list().iter().map(|member| member.tag).collect());
        let deadline = Instant::now() + timeout + late;
        let Some(id) = self.requests.begin(nodes.clone(), deadline, reply) else {
            // Too much is being asked; or nobody is, and then this adds nothing.
            self.shared.counters.dropped_full.fetch_add(nodes.len() as u64, Relaxed);
            return;
        };
        let message = envelope::ask(id, timeout, &question);
        for node in nodes {
            let reachable = self.up && self.claim.is_settled() && self.membership.has(node);
            if !reachable || !self.publish(&[self.shared.subjects.node(node)], &message) {
                self.requests.fails(id, node);
            }
        }
    }

    /// Sends an answer in as many parts as it takes.
    fn answer(&mut self, to: NodeTag, id: u64, body: Option<Bytes>) {
        let failed = body.is_none();
        let body = body.unwrap_or_default();
        let subject = self.shared.subjects.node(to);
        let parts = body.len().div_ceil(PART_BYTES).max(1);
        for number in 0..parts {
            let from = number * PART_BYTES;
            let body = &body[from..body.len().min(from + PART_BYTES)];
            let (part, last) = (u32::try_from(number).unwrap_or(u32::MAX), number + 1 == parts);
            self.say(subject.clone(), &Message::Answer { id, part, last, failed, body });
        }
    }

    fn command(&mut self, command: Command, ctx: &mut Context<Self>) {
        // What its threads said before the process was stopped is as old as what has come meanwhile.
        self.has_stood_still(ctx);
        match command {
            Command::Publish { subjects, .. } if self.resuming => {
                self.shared.counters.stale.fetch_add(subjects.len() as u64, Relaxed);
            }
            // Nobody would hear it.
            Command::Publish { subjects, .. } if !self.claim.is_settled() => {
                self.shared.counters.dropped_away.fetch_add(subjects.len() as u64, Relaxed);
            }
            Command::Publish { subjects, message } => drop(self.publish(&subjects, &message)),
            Command::Subscribe { subject, active } => {
                self.subscriptions.insert(subject.clone());
                if let Some(bus) = &self.bus {
                    let in_place = bus.subscribe(subject);
                    // Not as a part of this actor, who would look at all of them each time that anything happens.
                    actix_rt::spawn(async move {
                        // A bus that has been closed leaves nothing to wait for, and whoever joined may have gone.
                        drop(in_place.await);
                        active.send(()).unwrap_or(());
                    });
                }
            }
            Command::Unsubscribe { subject } => {
                self.subscriptions.remove(&subject);
                self.incoming.unsubscribed(&subject);
                if let Some(bus) = &self.bus {
                    bus.unsubscribe(&subject);
                }
            }
            Command::Ask(asked) => self.ask(asked),
            Command::Answer { to, id, body } => self.answer(to, id, body),
            Command::Resumed => self.resuming = false,
            Command::Close => {
                if self.claim.is_settled() {
                    self.say(self.shared.subjects.nodes(), &Message::Goodbye);
                }
                self.end(LinkState::Closed, ctx);
            }
        }
    }

    // ---- what comes in ----

    fn event(&mut self, event: BusEvent, ctx: &mut Context<Self>) {
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

    // ---- who is here ----

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

    fn left(&mut self, member: &Member) {
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

    fn tick(&mut self, ctx: &mut Context<Self>) {
        if self.has_stood_still(ctx) {
            return;
        }
        let now = Instant::now();
        let late = now.duration_since(self.last_tick).saturating_sub(TICK);
        self.last_tick = now;
        self.requests.expire(now);
        if !self.up {
            return;
        }
        // Much has come that is still to be looked at, heartbeats perhaps among it.
        if late > HEARTBEAT {
            self.membership.postpone(late, now);
        }
        for member in self.membership.give_up_silent(now) {
            self.left(&member);
        }
        if self.claim.settle_if_unopposed(now) {
            // From here on the others hear what it says.
            self.heartbeat(true);
            self.shared.set_state(LinkState::Ready);
        }
    }

    // ---- the bus comes and goes ----

    fn came_up(&mut self) {
        self.up = true;
        if let Some(largest) = self.bus.as_ref().and_then(|bus| bus.largest()) {
            self.shared.set_largest(largest.saturating_sub(self.letterhead.overhead()));
        }
        self.membership.excuse(self.last_heard, Instant::now());
        if self.claim.is_settled() && self.last_heard.elapsed() > PATIENCE - HEARTBEAT {
            // As long as it has heard nobody, nobody has heard it, give or take a heartbeat: they have given it up. What it
            // said before and what is still on its way must not count as its own any more.
            self.begin_anew();
        }
        self.heartbeat(true);
        self.claim.begin(Instant::now());
        self.shared.set_state(if self.claim.is_settled() { LinkState::Ready } else { LinkState::Joining });
        tracing::info!("the bus is there");
    }

    fn went_down(&mut self, why: String) {
        if self.up {
            bump(&self.shared.counters.outages);
        }
        // The bus tells each reason once.
        tracing::warn!(why, "the bus is away");
        self.up = false;
        self.claim.pause();
        // Nobody can answer.
        self.requests.clear();
        self.node.away();
        self.shared.set_state(LinkState::Away(why));
    }

    /// Whether the process has stood still for so long that the others have given it up; then it begins anew. Asked before
    /// each step, and so it also says that this node lives when that is due, however much there is to do.
    fn has_stood_still(&mut self, ctx: &mut Context<Self>) -> bool {
        let now = Instant::now();
        if self.shared.pulse.stands_still(now) {
            self.rejoin(ctx);
            return true;
        }
        self.shared.pulse.beat(now);
        if self.up && now.duration_since(self.last_heartbeat) + TICK / 2 >= HEARTBEAT {
            self.heartbeat(false);
        }
        false
    }

    /// Comes back as a new start of this node. What has been waiting, inward and outward, is old and thrown away.
    fn rejoin(&mut self, ctx: &mut Context<Self>) {
        bump(&self.shared.counters.suspensions);
        let silence = self.shared.pulse.silence(Instant::now());
        tracing::warn!(stood_still = ?silence, "this process was stopped; the others have given it up");
        self.node.suspended();
        if let Some(events) = self.events.take() {
            ctx.cancel_future(events);
        }
        self.bus = None;
        self.up = false;
        self.claim.let_go();
        self.begin_anew();
        self.forget_all();
        self.shared.pulse.goes_on(Instant::now());
        self.resuming = true;
        self.shared.send(Command::Resumed);
        self.shared.set_state(LinkState::Joining);
        self.open(ctx);
    }

    /// Becomes a new start of this node, with numbers from the beginning.
    fn begin_anew(&mut self) {
        self.claim.renew();
        self.outgoing = Outgoing::default();
    }

    /// Ends every membership, and all that is under way with other nodes.
    fn forget_all(&mut self) {
        self.incoming.clear();
        self.requests.clear();
        for member in self.membership.clear() {
            self.left(&member);
        }
    }

    /// Leaves the bus for good.
    fn end(&mut self, state: LinkState, ctx: &mut Context<Self>) {
        let up = std::mem::replace(&mut self.up, false);
        self.requests.clear();
        self.node.away();
        let shared = self.shared.clone();
        let closing = self.bus.take().map(|bus| bus.close());
        let ending = async move {
            if let Some(closing) = closing
                && let Closed::Uncertain(why) = closing.await
                && up
            {
                tracing::warn!(why, "the last words to the other nodes may be lost");
            }
            shared.set_state(state);
        };
        actix_rt::spawn(ending);
        ctx.stop();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.pulse.end();
    }
}

impl Actor for Link {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.open(ctx);
        ctx.run_interval(TICK, |link, ctx| link.guarded(ctx, Self::tick));
    }
}

impl StreamHandler<Command> for Link {
    fn handle(&mut self, command: Command, ctx: &mut Self::Context) {
        self.shared.taken(&command);
        self.guarded(ctx, |link, ctx| link.command(command, ctx));
    }
}

impl StreamHandler<BusEvent> for Link {
    fn handle(&mut self, event: BusEvent, ctx: &mut Self::Context) {
        self.guarded(ctx, |link, ctx| link.event(event, ctx));
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}
