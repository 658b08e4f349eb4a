//! `Link`: one per node; it owns the bus, the subscriptions, the inbox and the membership.
//!
//! Receives commands from all threads of its node and events from the bus. Tells its [`Node`] what has come. It lives
//! on one thread together with the bus, its own or one that also does something else, and stops when it is told to close.
//! A panic in a handler is caught and counted; then what is under way with other nodes ends, as if all of them had left,
//! and who is there is learnt anew.

mod inward;
mod lifecycle;
mod outward;

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, SpawnHandle, StreamHandler};

use crate::{
    bus::{Bus, BusEvent, OpenBus},
    claim::Claim,
    counters::bump,
    envelope::Letterhead,
    handle::{Command, LinkState, Shared},
    ledger::{Incoming, Outgoing},
    link_task::LinkOptions,
    membership::Membership,
    message::Message,
    node::Node,
    requests::Requests,
};

/// Time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Time between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// The silence after which a node is gone: with the tick, less than 3 s after its last word.
pub(crate) const PATIENCE: Duration = Duration::from_millis(2_500);

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
