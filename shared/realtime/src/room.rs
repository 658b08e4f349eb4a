//! `Room`: one per room with members on this node; it supervises the room and is not on the way of a message.
//!
//! Owns which shards hold members. Receives [`Occupied`] and [`Vacated`] from the directory, in the order in which
//! the shards changed. Starts with the first join, stops after the last leave. A panic in a handler is caught and
//! counted, and the state is built anew from the shards' rosters ([`Census`](crate::shard::ShardMessage::Census)).

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message};

use crate::{counters::bump, ids::ShardIndex, roster::NamespaceId, server::Server, shard::ShardMessage};

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
                    shard.send(ShardMessage::Census { key: self.key.clone(), room: ctx.address() });
                }
                // If nobody has members any more nobody answers, and no leave will come to stop it.
                ctx.run_later(Duration::from_secs(1), |room, ctx| {
                    if room.state.shards.is_empty() && room.server.directory.retire(&room.server, &room.key) {
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
        if empty && self.server.directory.retire(&self.server, &self.key) {
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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{SocketAddr, TcpStream},
        time::Instant,
    };

    use actix_web::{App, test as http};

    use super::{faults::*, *};
    use crate::{Io, Socket};

    #[test]
    fn a_room_is_empty_when_the_last_shard_has_left() {
        let mut state = RoomState::default();
        state.occupied(1);
        state.occupied(2);
        assert!(!state.vacated(1));
        assert!(state.vacated(2));
    }

    #[actix_web::test]
    async fn a_room_that_panics_is_back_within_100_ms_with_its_members() {
        let io = Io::builder().build();
        io.on_connect(|socket: Socket| async move { socket.join("red").await });
        let app = http::init_service(App::new().configure(io.routes())).await;
        let opened = http::TestRequest::get().uri("/socket.io/?EIO=4&transport=polling").to_request();
        let opened = http::call_and_read_body(&app, opened).await;
        let opened: serde_json::Value = serde_json::from_slice(&opened[1..]).unwrap();
        let uri = format!("/socket.io/?EIO=4&transport=polling&sid={}", opened["sid"].as_str().unwrap());
        let joined = http::TestRequest::post().uri(&uri).set_payload("40").to_request();
        assert_eq!(http::call_and_read_body(&app, joined).await, "ok");

        let server = io.server();
        let key = RoomKey { namespace: 0, room: "red".into() };
        let room = server.directory.room(&key).expect("the room has a member");
        assert_eq!(room.send(Shards).await.unwrap(), [0]);
        room.send(Explode).await.unwrap();
        let exploded = Instant::now();
        while room.send(Shards).await.unwrap() != [0] {
            assert!(exploded.elapsed() < Duration::from_millis(100), "its members are not back");
        }
        assert_eq!(server.counters.snapshot().room_restarts, 1);
        assert_eq!(server.counters.snapshot().rooms, 1);

        let left = http::TestRequest::post().uri(&uri).set_payload("41").to_request();
        assert_eq!(http::call_and_read_body(&app, left).await, "ok");
        while room.connected() {
            assert!(exploded.elapsed() < Duration::from_secs(5), "it stops after the last leave");
            tokio::task::yield_now().await;
        }
        assert_eq!(server.counters.snapshot().rooms, 0);
        assert!(server.directory.room(&key).is_none());
    }
    /// One request on a connection of its own; the body of its answer.
    async fn ask(address: SocketAddr, line: String, body: &'static str) -> String {
        let head =
            format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}", body.len());
        let asked = actix_web::rt::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = asked.await.unwrap();
        answer.split_once("\r\n\r\n").expect("an answer has a head").1.to_owned()
    }

    #[actix_web::test]
    async fn a_room_that_panics_has_its_members_on_all_shards_again() {
        const WORKERS: usize = 3;
        const PATIENCE: Duration = Duration::from_secs(10);
        let io = Io::builder().build();
        io.on_connect(|socket: Socket| async move { socket.join("red").await });
        let routes = io.clone();
        let listening = crate::HttpServer::new(move || App::new().configure(routes.routes()))
            .workers(WORKERS)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let address = listening.addrs()[0];
        let running = listening.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);

        // Connections go to the workers in turn.
        let (mut members, begun) = (0, Instant::now());
        let server = io.server();
        let key = RoomKey { namespace: 0, room: "red".into() };
        let (room, shards) = loop {
            let path = "/socket.io/?EIO=4&transport=polling";
            let opened = ask(address, format!("GET {path}"), "").await;
            let opened: serde_json::Value = serde_json::from_str(&opened[1..]).unwrap();
            let sid = opened["sid"].as_str().unwrap();
            assert_eq!(ask(address, format!("POST {path}&sid={sid}"), "40").await, "ok");
            members += 1;
            let room = server.directory.room(&key).expect("the room has a member");
            let shards = room.send(Shards).await.unwrap();
            if shards.len() == WORKERS {
                break (room, shards);
            }
            assert!(begun.elapsed() < PATIENCE, "{members} clients have come to the shards {shards:?}");
        };

        room.send(Explode).await.unwrap();
        let exploded = Instant::now();
        loop {
            let now = room.send(Shards).await.unwrap();
            if now == shards {
                break;
            }
            assert!(exploded.elapsed() < PATIENCE, "it knows of members on {now:?}, before on {shards:?}");
        }
        assert_eq!(server.counters.snapshot().room_restarts, 1);
        assert_eq!(io.to("red").count().await.count, members);

        // It knows them well enough to see the last one leave.
        io.to("red").disconnect_sockets(true);
        while room.connected() {
            assert!(exploded.elapsed() < PATIENCE, "it does not stop after the last leave");
            tokio::task::yield_now().await;
        }
        assert_eq!(server.counters.snapshot().rooms, 0);
        assert!(server.directory.room(&key).is_none());
        handle.stop(false).await;
    }
}
