//! More than an outbox holds, emitted in one go: a worker gives its clients a part, and writes it, before the next one.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use futures_util::future::join_all;
use natter::{Io, Limits, Socket};
use serde_json::json;

use crate::harness::{Client, HeldUp, Pair, Server, eventually, soon};

const EVENTS: usize = 300;

async fn expect_all(client: &mut Client) {
    for nth in 0..EVENTS {
        assert_eq!(client.expect("burst").await[0], nth);
    }
}

/// A server with little room in its outboxes.
fn narrow() -> (Server, HeldUp) {
    let limits = Limits { outbox_soft_bytes: 16 * 1024, outbox_hard_bytes: 16 * 1024, ..Limits::default() };
    let io = Io::builder().limits(limits).build();
    let held_up = HeldUp::none(&io);
    (Server::of(io), held_up)
}

#[tokio::test]
async fn broadcasts_to_many_are_no_burden_to_clients_that_read() {
    let (server, mut held_up) = narrow();
    let (ann, ben) = server.two_clients().await;
    let mut clients = vec![ann, ben];
    for _ in 0..100 {
        clients.push(server.client().await);
    }
    for client in &mut clients[..2] {
        held_up.add(client).await;
    }
    let text = "x".repeat(1_000);
    for nth in 0..EVENTS {
        // One that is dropped was to be sent to a client that is behind.
        let io = if nth % 2 == 0 { server.io.volatile() } else { server.io.local() };
        io.emit("burst", (nth, &text)).unwrap();
    }
    held_up.release();
    join_all(clients.iter_mut().map(expect_all)).await;
}

#[tokio::test]
async fn emits_to_one_socket_are_no_burden_to_a_client_that_reads() {
    let (server, mut held_up) = narrow();
    let mut client = server.client().await;
    let socket = held_up.add(&mut client).await;
    let text = "x".repeat(5_000);
    for nth in 0..EVENTS {
        socket.emit("burst", (nth, &text)).unwrap();
    }
    held_up.release();
    expect_all(&mut client).await;
}

#[tokio::test]
async fn small_ones_are_no_burden_to_the_large_ones_behind_them() {
    let (server, mut held_up) = narrow();
    let (mut ann, mut ben) = server.two_clients().await;
    let socket = held_up.add(&mut ann).await;
    held_up.add(&mut ben).await;
    let text = "x".repeat(5_000);
    let sizes = [1, 100, 1_000, 5_000];
    for nth in 0..EVENTS {
        let text = &text[..sizes[nth / 16 % sizes.len()]];
        // More than outboxes hold, which only an empty one takes.
        let large = if nth % 50 == 49 { "x".repeat(20_000) } else { String::new() };
        socket.emit("burst", (nth, text)).unwrap();
        server.io.except(socket.id()).emit("burst", (nth, text, large)).unwrap();
    }
    held_up.release();
    tokio::join!(expect_all(&mut ann), expect_all(&mut ben));
}

#[tokio::test]
async fn what_other_threads_emit_gets_through_while_a_worker_is_never_done_writing() {
    const EVENTS: usize = 50;
    let (server, _) = narrow();
    let noisy = Arc::new(AtomicBool::new(true));
    let goes_on = noisy.clone();
    server.io.on_connect(move |socket: Socket| {
        let goes_on = goes_on.clone();
        socket.on("make noise", move |socket: Socket| {
            let goes_on = goes_on.clone();
            async move {
                while goes_on.load(Relaxed) {
                    socket.broadcast().volatile().emit("noise", ()).unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        ready(())
    });
    let mut ann = server.client().await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(server.client().await);
    }
    ann.emit("make noise", json!([])).await;
    let text = "x".repeat(1_000);
    for nth in 0..EVENTS {
        server.io.except(ann.id()).emit("burst", (nth, &text)).unwrap();
    }
    let all_get_them = join_all(clients.iter_mut().map(async |client| {
        let mut next = 0;
        while next < EVENTS {
            let (event, args) = client.packet().await.event();
            if event == "burst" {
                assert_eq!(args[0], next);
                next += 1;
            }
        }
    }));
    soon("all of them", all_get_them).await;
    noisy.store(false, Relaxed);
}

#[tokio::test]
async fn neither_are_events_of_other_nodes_where_a_worker_carries_the_link() {
    let pair = Pair::start().await;
    let mut held_up = HeldUp::none(&pair.ben.io);
    // Both workers, and the link with one of them.
    let (mut one, mut other) = pair.ben.two_clients().await;
    held_up.add(&mut one).await;
    held_up.add(&mut other).await;
    let before = pair.ann.io.cluster().unwrap().stats().published;
    let text = "x".repeat(10_000);
    for nth in 0..EVENTS {
        pair.ann.io.emit("burst", (nth, &text)).unwrap();
    }
    let published = || pair.ann.io.cluster().unwrap().stats().published >= before + EVENTS as u64;
    eventually("all to be on the bus", true, published).await;
    held_up.release();
    for client in [&mut one, &mut other] {
        expect_all(client).await;
    }
}
