//! Threads that get in each other's way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use natter::{Ack, Io, Socket};
use serde_json::{Value, json};

use crate::{
    harness::{Server, eventually, soon},
    rooms::with_sockets,
};

/// Runs a deed on threads of its own until it is told to stop.
struct Nuisance {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Nuisance {
    fn new(threads: usize, deed: impl Fn() + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..threads)
            .map(|_| {
                let (stop, deed) = (stop.clone(), deed.clone());
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        deed();
                        thread::yield_now();
                    }
                })
            })
            .collect();
        Self { stop, threads }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads;
        soon(
            "the threads",
            tokio::task::spawn_blocking(|| threads.into_iter().for_each(|it| it.join().unwrap())),
        )
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn clients_come_and_go_while_other_threads_emit_to_them() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move { socket.join(["room", "other"]).await });
    let io = server.io.clone();
    let emitters = Nuisance::new(2, move || {
        io.emit("all", ()).unwrap();
        io.to(["room", "other"]).emit("room", ()).unwrap();
        drop(io.to("room").emit_with_ack("ask", ()));
        thread::sleep(std::time::Duration::from_micros(200));
    });
    for _ in 0..40 {
        let (mut ann, ben) = server.two_clients().await;
        ann.raw("41").await;
        ben.vanish();
        assert_eq!(ann.enter("/", Value::Null).await.kind, '0');
        ann.close().await;
    }
    emitters.end().await;
    eventually("what is left", (0, 0, 0), || {
        let stats = server.io.stats();
        (stats.sessions, stats.sockets, stats.rooms)
    })
    .await;
    assert_eq!(server.io.stats().handler_panics, 0);
}

#[tokio::test]
async fn sockets_are_disconnected_from_outside_while_their_handlers_work() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.join("room").await.unwrap_or_default();
        socket.on("work", |socket: Socket, ack: Ack| async move {
            for _ in 0..5 {
                drop(socket.join("a"));
                drop(socket.to("room").emit("work", ()));
                tokio::task::yield_now().await;
                socket.leave("a");
            }
            drop(ack.send(()));
        });
    });
    for close in [false, true] {
        for _ in 0..20 {
            let (mut ann, mut ben) = server.two_clients().await;
            ann.emit("work", json!([])).await;
            ben.emit("work", json!([])).await;
            server.io.disconnect_sockets(close);
            while ann.packet().await.kind != '1' {}
            while ben.packet().await.kind != '1' {}
        }
    }
    eventually("what is left", (0, 0), || (server.io.stats().sockets, server.io.stats().rooms)).await;
}

/// However much other threads have for a shard, the clients of its thread have their turns.
#[tokio::test]
async fn a_thread_that_has_no_end_of_orders_for_a_shard_does_not_starve_its_clients() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    socket.on("echo", |ack: Ack| async move { ack.send(()) });
    let orders = Nuisance::new(2, move || {
        // Each is little work for who asks and much for the shard: a room begins and ends.
        for number in 0..100 {
            drop(socket.join(format!("room {number}")));
            socket.leave(format!("room {}", (number + 1) % 100));
        }
    });
    for _ in 0..100 {
        ann.request("echo", json!([])).await;
    }
    orders.end().await;
}

/// A socket that is told to go before it has been let in must not slip through.
#[tokio::test]
async fn a_disconnect_from_another_thread_wins_over_a_pending_admission() {
    let server = Server::start();
    server.io.use_middleware(|socket| async move {
        let (done, is_done) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            socket.disconnect(false);
            done.send(()).ok();
        });
        is_done.await.unwrap();
        // Behind this the order is in the shard's queue; it is carried out before the next packet is.
        tokio::task::yield_now().await;
        Ok(())
    });
    server.io.of("/other");
    for _ in 0..20 {
        let mut ann = server.open().await;
        ann.ask_for("/", Value::Null).await;
        ann.enter("/other", Value::Null).await;
        eventually("sockets of /", 0, || server.io.of("/").sockets_count()).await;
        ann.close().await;
    }
    eventually("sockets", 0, || server.io.stats().sockets).await;
}

#[tokio::test]
async fn questions_from_both_worker_threads_to_each_other_do_not_lock() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.on("count", |socket: Socket, ack: Ack| async move {
            let namespace = socket.namespace();
            namespace.sockets_join("room").await;
            let counted = namespace.to("room").count().await;
            let fetched = namespace.fetch_sockets().await.len();
            namespace.sockets_leave("room").await;
            assert!(counted.missing.is_empty());
            ack.send(fetched)
        });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    for _ in 0..30 {
        let (one, other) = tokio::join!(ann.request("count", json!([])), ben.request("count", json!([])));
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn listeners_change_while_events_arrive() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let changed = socket.clone();
    let changers = Nuisance::new(2, move || {
        changed.on("event", |_: Socket| async {});
        changed.once("event", || async {});
        changed.on_any_outgoing(|_, _| {});
        changed.off("event");
        changed.off_any_outgoing();
    });
    socket.on("fence", |ack: Ack| async move { ack.send(()) });
    for _ in 0..50 {
        for _ in 0..10 {
            ann.emit("event", json!([])).await;
        }
        server.io.emit("news", ()).unwrap();
        ann.request("fence", json!([])).await;
        ann.expect("news").await;
    }
    changers.end().await;
}

/// Handlers hold handles of their own socket; a handle kept by the user holds no handlers.
#[tokio::test]
async fn a_socket_that_is_gone_holds_nothing_of_its_handlers() {
    let alive = Arc::new(());
    let held = alive.clone();
    let server = Server::start();
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    server.io.on_connect(move |socket: Socket| {
        keep.send(socket.clone()).unwrap();
        for event in ["a", "b"] {
            let (held, own) = (held.clone(), socket.clone());
            socket.on(event, move || {
                let _ = (&held, &own);
                async {}
            });
        }
        let (held, own) = (held.clone(), socket.clone());
        socket.on_disconnect(move || {
            let _ = (&held, &own);
            async {}
        });
        async {}
    });
    let ann = server.client().await;
    let socket: Socket = kept.recv().await.unwrap();
    let before = Arc::strong_count(&alive);
    ann.close().await;
    eventually("handlers", before - 3, || Arc::strong_count(&alive)).await;
    // Who registers too late registers nothing that would stay.
    let (late, own) = (alive.clone(), socket.clone());
    socket.on("late", move || {
        let _ = (&late, &own);
        async {}
    });
    drop(socket);
    eventually("handlers registered too late", before - 3, || Arc::strong_count(&alive)).await;
}
