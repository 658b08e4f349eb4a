//! Rooms: joining, leaving, limits, and the end of a membership.

use natter::{Ack, Data, DisconnectReason, Io, JoinError, Limits, Socket, State};
use serde_json::json;
use tokio::sync::mpsc;

use crate::harness::{Journal, PATIENCE, Server, eventually, soon};

/// A server that hands its sockets to the test.
pub fn with_sockets(io: Io) -> (Server, mpsc::UnboundedReceiver<Socket>) {
    let (keep, kept) = mpsc::unbounded_channel();
    io.on_connect(move |socket: Socket| {
        keep.send(socket).unwrap();
        async {}
    });
    (Server::of(io), kept)
}

#[tokio::test]
async fn a_socket_joins_and_leaves_one_room_or_several() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.on("walk", |socket: Socket, ack: Ack| async move {
            socket.join("a").await.unwrap();
            socket.join(["b", "c"]).await.unwrap();
            socket.join(vec![String::from("c"), String::from("d")]).await.unwrap();
            socket.leave("a");
            socket.leave(["c", "never joined"]);
            ack.send(socket.rooms())
        });
    });
    let mut ann = server.client().await;
    let id = ann.id().to_owned();
    assert_eq!(ann.request("walk", json!([])).await, json!([[id, "b", "d"]]));
    for room in ["a", "b", "c", "d"] {
        server.io.to(room).emit("in", room).unwrap();
    }
    assert_eq!(ann.expect("in").await, json!(["b"]));
    assert_eq!(ann.expect("in").await, json!(["d"]));
    eventually("rooms", 2, || server.io.stats().rooms).await;
    ann.close().await;
    eventually("rooms", 0, || server.io.stats().rooms).await;
}

#[tokio::test]
async fn a_join_past_the_limit_joins_nothing() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let names: Vec<_> = (0..127).map(|number| format!("room {number}")).collect();
    socket.join(&names).await.unwrap();
    assert_eq!(socket.join(["one", "too many"]).await, Err(JoinError::TooManyRooms(128)));
    assert_eq!(socket.rooms().len(), 128, "with its own");
    socket.join(["one", "one", "room 3"]).await.unwrap();
    assert_eq!(socket.join("too many").await, Err(JoinError::TooManyRooms(128)));
    socket.leave("one");
    socket.join("another").await.unwrap();
    server.io.to(["one", "too many"]).emit("wrong", ()).unwrap();
    server.io.to("another").emit("right", ()).unwrap();
    ann.expect("right").await;
}

#[tokio::test]
async fn a_rooms_name_has_at_most_255_bytes() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let longest = "x".repeat(255);
    let too_long = format!("{}é", "x".repeat(254));
    assert_eq!(socket.join(["fine", &too_long]).await, Err(JoinError::NameTooLong(255)));
    assert_eq!(socket.rooms(), [ann.id()]);
    socket.join(&longest).await.unwrap();
    server.io.to(&longest).emit("reached", ()).unwrap();
    ann.expect("reached").await;
    server.io.sockets_join(&too_long).await;
    assert_eq!(socket.rooms().len(), 2);
}

#[tokio::test]
async fn the_room_of_its_id_can_neither_be_joined_twice_nor_left() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    socket.join(ann.id()).await.unwrap();
    socket.leave(ann.id());
    assert_eq!(socket.rooms(), [ann.id()]);
    server.io.to([ann.id(), ann.id()]).emit("once", ()).unwrap();
    server.io.emit("then", ()).unwrap();
    ann.expect("once").await;
    ann.expect("then").await;
}

#[tokio::test]
async fn rooms_of_one_name_in_two_namespaces_are_two_rooms() {
    let server = Server::start();
    for name in ["/red", "/blue"] {
        server.io.of(name).on_connect(|socket: Socket| async move { socket.join("room").await });
    }
    let mut ann = server.client_in("/red").await;
    let mut ben = server.client_in("/blue").await;
    server.io.of("/red").to("room").emit("red", ()).unwrap();
    server.io.of("/blue").to("room").emit("blue", ()).unwrap();
    ann.expect("red").await;
    ben.expect("blue").await;
}

#[tokio::test]
async fn rooms_are_still_there_in_disconnecting_and_gone_in_disconnect() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.join("room").await.unwrap();
        socket.on_disconnecting(|socket: Socket, reason: DisconnectReason, log: State<Journal>| async move {
            log.note(format!("disconnecting {reason} {}", socket.rooms().len()));
            socket.to("room").emit("farewell", socket.id()).unwrap();
            log.note(socket.join("too late").await.unwrap_err());
        });
        socket.on_disconnect(|socket: Socket, reason: DisconnectReason, log: State<Journal>| async move {
            log.note(format!("disconnect {reason} {}", socket.rooms().len()));
            log.note(socket.join("too late").await.unwrap_err());
            log.note(socket.emit("too late", ()).unwrap_err());
            socket.leave("room");
        });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    let id = ann.id().to_owned();
    ann.raw("41").await;
    assert_eq!(ben.expect("farewell").await, json!([id]));
    journal.expect("disconnecting client namespace disconnect 2").await;
    journal.expect("the socket is not connected").await;
    journal.expect("disconnect client namespace disconnect 1").await;
    journal.expect("the socket is not connected").await;
    journal.expect("the socket is not connected").await;
    assert_eq!(server.io.to("room").count().await.count, 1);
    assert_eq!(server.io.to("too late").count().await.count, 0);
}

/// A join from a thread that is not the socket's own: what the same thread emits after it must find the member.
#[tokio::test]
async fn a_join_from_another_thread_is_complete_when_its_future_resolves() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    for number in 0..200 {
        let room = format!("room {number}");
        socket.join(&room).await.unwrap();
        server.io.to(&room).emit("joined", number).unwrap();
        assert_eq!(ann.expect("joined").await, json!([number]));
        socket.leave(&room);
    }
}

#[tokio::test]
async fn a_leave_from_another_thread_is_in_order_with_what_that_thread_emits() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    server.io.sockets_join("room").await;
    server.io.to("room").emit("member", ()).unwrap();
    socket.leave("room");
    server.io.to("room").emit("stranger", ()).unwrap();
    server.io.emit("end", ()).unwrap();
    ann.expect("member").await;
    ann.expect("end").await;
}

#[tokio::test]
async fn joins_and_leaves_from_many_threads_end_in_what_the_socket_says() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    drop(socket.join(["a", "b"]));
                    socket.leave("a");
                }
            })
        })
        .collect();
    soon(
        "the threads",
        tokio::task::spawn_blocking(|| threads.into_iter().for_each(|it| it.join().unwrap())),
    )
    .await
    .unwrap();
    // Answered by the socket's thread behind all that is under way.
    assert_eq!(server.io.to("a").count().await.count, 0);
    assert_eq!(server.io.to("b").count().await.count, 1);
    server.io.to(["a", "b"]).emit("once", ()).unwrap();
    server.io.emit("end", ()).unwrap();
    ann.expect("once").await;
    ann.expect("end").await;
    ann.close().await;
    eventually("rooms", 0, || server.io.stats().rooms).await;
}

#[tokio::test]
async fn a_join_that_races_with_the_end_leaves_no_member_behind() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    for _ in 0..20 {
        let ann = server.client().await;
        let socket = sockets.recv().await.unwrap();
        let runtime = tokio::runtime::Handle::current();
        let joiner = std::thread::spawn(move || {
            for number in (0..100).cycle() {
                match runtime.block_on(socket.join(format!("room {number}"))) {
                    Ok(()) => socket.leave(format!("room {}", (number + 1) % 100)),
                    Err(error) => return assert_eq!(error, JoinError::Disconnected),
                }
            }
        });
        ann.vanish();
        soon("the joiner", tokio::task::spawn_blocking(|| joiner.join().unwrap())).await.unwrap();
    }
    eventually("sockets", 0, || server.io.stats().sockets).await;
    eventually("rooms", 0, || server.io.stats().rooms).await;
    assert_eq!(server.io.count().await.count, 0);
}

#[tokio::test]
async fn a_room_is_reached_again_after_it_was_empty() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.on("go", |socket: Socket, Data(inside): Data<bool>, ack: Ack| async move {
            if inside {
                socket.join("room").await.unwrap();
            } else {
                socket.leave("room");
            }
            ack.send(())
        });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    for round in 0..30 {
        let (goer, other) = if round % 2 == 0 { (&mut ann, &mut ben) } else { (&mut ben, &mut ann) };
        goer.request("go", json!([true])).await;
        other.request("go", json!([false])).await;
        server.io.to("room").emit("round", round).unwrap();
        assert_eq!(goer.expect("round").await, json!([round]));
    }
}

/// The room's list must not keep the place of a socket that is gone: whoever gets the place next would be in the room.
#[tokio::test]
async fn a_leave_from_another_thread_just_before_the_end_leaves_no_member_behind() {
    let (server, _sockets) = with_sockets(Io::builder().build());
    server.io.on_connect(|socket: Socket| async move {
        socket.on("go", |socket: Socket| async move {
            let leaver = socket.clone();
            std::thread::spawn(move || leaver.leave("secret")).join().unwrap();
            socket.disconnect(false);
        });
    });
    let mut ann = server.client().await;
    let (_on_one_thread, _on_the_other) = server.two_clients().await;
    let others = server.io.stats().sockets - 1;
    server.io.to(ann.id()).sockets_join("secret").await;
    ann.emit("go", json!([])).await;
    ann.expect_disconnect().await;
    eventually("sockets", others, || server.io.stats().sockets).await;
    // Another socket, on the same thread, in no room.
    assert_eq!(ann.enter("/", serde_json::Value::Null).await.kind, '0');
    server.io.to("secret").emit("secret", ()).unwrap();
    server.io.emit("public", ()).unwrap();
    ann.expect("public").await;
    assert_eq!(server.io.to("secret").count().await.count, 0);
    eventually("rooms", 0, || server.io.stats().rooms).await;
}

#[tokio::test]
async fn joins_and_leaves_hold_also_when_a_shards_queue_is_full() {
    let limits = Limits { shard_queue_bytes: 300, ..Limits::default() };
    let (server, mut sockets) = with_sockets(Io::builder().limits(limits).build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    server.io.sockets_join("old").await;
    let (occupied, is_occupied) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    socket.on("occupy", move || {
        occupied.send(()).unwrap();
        released.lock().unwrap().recv_timeout(PATIENCE).ok();
        async {}
    });
    ann.emit("occupy", json!([])).await;
    tokio::task::spawn_blocking(move || is_occupied.recv_timeout(PATIENCE).unwrap()).await.unwrap();
    while server.io.to(ann.id()).emit("filling", ()).is_ok() {}
    socket.leave("old");
    let joining = socket.join("new");
    release.send(()).unwrap();
    let joined = usize::from(soon("the join", joining).await.is_ok());
    assert_eq!(server.io.to("old").count().await.count, 0);
    assert_eq!(server.io.to("new").count().await.count, joined);
    assert_eq!(socket.rooms().len(), 1 + joined);
    ann.close().await;
    eventually("sockets", 0, || server.io.stats().sockets).await;
    eventually("rooms", 0, || server.io.stats().rooms).await;
}
