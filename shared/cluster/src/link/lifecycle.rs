//! The bus comes and goes, others fall silent, this process stands still, the link ends.

use std::time::Instant;

use actix::{ActorContext, AsyncContext, Context};

use super::{HEARTBEAT, Link, PATIENCE, TICK};
use crate::{
    bus::Closed,
    counters::bump,
    handle::{Command, LinkState},
    ledger::Outgoing,
};

impl Link {
    pub(super) fn tick(&mut self, ctx: &mut Context<Self>) {
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

    pub(super) fn came_up(&mut self) {
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

    pub(super) fn went_down(&mut self, why: String) {
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
    pub(super) fn has_stood_still(&mut self, ctx: &mut Context<Self>) -> bool {
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
    pub(super) fn forget_all(&mut self) {
        self.incoming.clear();
        self.requests.clear();
        for member in self.membership.clear() {
            self.left(&member);
        }
    }

    /// Leaves the bus for good.
    pub(super) fn end(&mut self, state: LinkState, ctx: &mut Context<Self>) {
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
