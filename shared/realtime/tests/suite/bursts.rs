//! More than an outbox holds, emitted in one go: a worker gives its clients a part, and writes it, before the next one.

use futures_util::future::join_all;
use natter::{Io, Limits};

use crate::harness::{Client, HeldUp, Pair, Server, eventually};

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
