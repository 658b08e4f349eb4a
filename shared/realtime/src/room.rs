//! `Room`: one per room with members on this node; it supervises the room and is not on the way of a message.
//!
//! Owns which shards hold members. Receives [`Occupied`] and [`Vacated`] from the directory, in the order in which
//! the shards changed. Starts with the first join, stops after the last leave. A panic in a handler is caught and
//! counted, and the state is built anew from the shards' rosters ([`Census`](crate::shard::Census)).

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message};

use crate::{counters::bump, ids::ShardIndex, roster::NamespaceId, server::Server, shard::Census};

/// Names a room on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    pub namespace: NamespaceId,
    pub room: Arc<str>,
}

/// A shard has members of the room now. If it is lost, the room stops too early and starts again with the next join.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Occupied {
    pub shard: ShardIndex,
}

/// A shard has no members of the room any more. If it is lost, the room's actor stays behind.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Vacated {
    pub shard: ShardIndex,
}

/// The pure part: which shards hold members.
#[derive(Debug, Default, PartialEq, Eq)]
struct RoomState {
    shards: BTreeSet<ShardIndex>,
}

impl RoomState {
    fn occupied(&mut self, shard: ShardIndex) {
        self.shards.insert(shard);
    }

    /// Whether the room is empty now.
    fn vacated(&mut self, shard: ShardIndex) -> bool {
        self.shards.remove(&shard);
        self.shards.is_empty()
    }
}

pub(crate) struct Room {
    server: Arc<Server>,
    key: RoomKey,
    state: RoomState,
}

impl Room {
    pub fn start_for(server: Arc<Server>, key: RoomKey) -> actix::Addr<Self> {
        server.counters.rooms.fetch_add(1, Relaxed);
        Self { server, key, state: RoomState::default() }.start()
    }

    /// Changes the state; when that panics, starts over with what the rosters say.
    ///
    /// actix's own supervisor does not restart after a panic: the task is gone with the actor, and the address answers
    /// "closed" for ever.
    fn guarded<T: Default>(
        &mut self,
        ctx: &mut Context<Self>,
        change: impl FnOnce(&mut RoomState) -> T,
    ) -> T {
        let state = &mut self.state;
        match catch_unwind(AssertUnwindSafe(|| change(state))) {
            Ok(outcome) => outcome,
            Err(_) => {
                bump(&self.server.counters.room_restarts);
                tracing::error!(room = %self.key.room, "a room panicked and starts over");
                self.state = RoomState::default();
                for shard in self.server.shards.all().iter() {
                    shard.addr.do_send(Census { key: self.key.clone(), room: ctx.address() });
                }
                // If nobody has members any more nobody answers, and no leave will come to stop it.
                ctx.run_later(Duration::from_secs(1), |room, ctx| {
                    if room.state.shards.is_empty() && room.server.directory.retire(&room.key) {
                        ctx.stop();
                    }
                });
                T::default()
            }
        }
    }
}

impl Actor for Room {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.server.counters.rooms.fetch_sub(1, Relaxed);
    }
}

impl Handler<Occupied> for Room {
    type Result = ();

    fn handle(&mut self, Occupied { shard }: Occupied, ctx: &mut Self::Context) {
        self.guarded(ctx, |state| state.occupied(shard));
    }
}

impl Handler<Vacated> for Room {
    type Result = ();

    fn handle(&mut self, Vacated { shard }: Vacated, ctx: &mut Self::Context) {
        let empty = self.guarded(ctx, |state| state.vacated(shard));
        if empty && self.server.directory.retire(&self.key) {
            ctx.stop();
        }
    }
}

#[cfg(test)]
pub(crate) mod faults {
    use super::*;

    /// Makes the state panic half-way through a change.
    #[derive(Message)]
    #[rtype(result = "()")]
    pub(crate) struct Explode;

    impl Handler<Explode> for Room {
        type Result = ();

        fn handle(&mut self, _: Explode, ctx: &mut Self::Context) {
            self.guarded(ctx, |state| -> () {
                state.shards.clear();
                panic!("a fault put in by a test");
            });
        }
    }

    /// What the room shows of itself.
    #[derive(Message)]
    #[rtype(result = "Vec<ShardIndex>")]
    pub(crate) struct Shards;

    impl Handler<Shards> for Room {
        type Result = Vec<ShardIndex>;

        fn handle(&mut self, _: Shards, _: &mut Self::Context) -> Vec<ShardIndex> {
            self.state.shards.iter().copied().collect()
        }
    }
}
