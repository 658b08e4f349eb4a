//! Links that are carried by workers: when they begin, and when they end.

use std::sync::{Arc, Mutex, mpsc};

use natter::{Cluster, Io, JoinClusterError, LinkState, LinkThread, MemoryBus, Socket};

use serde_json::json;

use crate::harness::{PATIENCE, Pair, Server, eventually, serve, soon};

fn carried_by_a_worker(bus: &MemoryBus) -> Io {
    let cluster = Cluster::in_memory(bus).link_thread(LinkThread::Worker);
    Io::builder().node_name("eve").cluster(cluster).build()
}

#[tokio::test]
async fn it_begins_when_the_routes_are_mounted() {
    let pair = Pair::start().await;
    let io = carried_by_a_worker(&pair.bus);
    let cluster = io.cluster().unwrap();
    assert_eq!(*cluster.state().borrow(), LinkState::Joining);
    let eve = Server::of(io);
    soon("the node to join", cluster.joined()).await.unwrap();
    let (mut client, mut other) = (eve.client().await, pair.ann.client().await);
    eve.io.emit("of eve", ()).unwrap();
    other.expect("of eve").await;
    pair.ann.io.emit("of ann", ()).unwrap();
    client.expect("of eve").await;
    client.expect("of ann").await;
}

#[tokio::test]
async fn one_that_has_not_begun_ends_at_once() {
    let io = carried_by_a_worker(&MemoryBus::new());
    let cluster = io.cluster().unwrap();
    soon("the end", io.close()).await;
    assert_eq!(cluster.joined().await, Err(JoinClusterError::Closed));
}

#[tokio::test]
async fn one_whose_worker_ends_leaves_nobody_waiting() {
    let pair = Pair::start().await;
    let io = carried_by_a_worker(&pair.bus);
    let cluster = io.cluster().unwrap();
    let routes = io.clone();
    let (_, server) = serve(move |config| routes.routes()(config));
    soon("the node to join", cluster.joined()).await.unwrap();
    eventually("three nodes", 2, || pair.ann.io.cluster().unwrap().nodes().len()).await;

    soon("the workers to end", server.stop(true)).await;
    eventually("the link to have ended", LinkState::Closed, || cluster.state().borrow().clone()).await;
    assert_eq!(soon("an answer", io.count()).await.count, 0);
    soon("the end", io.close()).await;
    // It has said nothing, but is not waited for either.
    eventually("two nodes", 1, || pair.ann.io.cluster().unwrap().nodes().len()).await;
}

/// Of what comes in one go, a worker that carries the link gives its clients a part, and writes it, before the next one.
#[tokio::test]
async fn what_comes_at_once_is_no_burden_to_clients_that_read() {
    const EVENTS: u64 = 300;
    let pair = Pair::start().await;
    let eve = carried_by_a_worker(&pair.bus);
    let (held_up, is_held_up) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let released = Arc::new(Mutex::new(released));
    eve.on_connect(move |socket: Socket| {
        let (held_up, released) = (held_up.clone(), released.clone());
        socket.on("hold up", move || {
            held_up.send(()).unwrap();
            let released = released.lock().unwrap();
            released.recv_timeout(PATIENCE).unwrap();
            std::future::ready(())
        });
        std::future::ready(())
    });
    let eve = Server::of(eve);
    eventually("three nodes", 2, || pair.ann.io.cluster().unwrap().nodes().len()).await;
    // Both workers, and the link with one of them.
    let (mut one, mut other) = eve.two_clients().await;
    for client in [&mut one, &mut other] {
        client.emit("hold up", json!([])).await;
        is_held_up.recv_timeout(PATIENCE).unwrap();
    }
    let before = pair.ann.io.cluster().unwrap().stats().published;
    let large = "x".repeat(10_000);
    for nth in 0..EVENTS {
        pair.ann.io.emit("burst", (nth, &large)).unwrap();
    }
    let published = || pair.ann.io.cluster().unwrap().stats().published >= before + EVENTS;
    eventually("all to be on the bus", true, published).await;
    for _ in 0..2 {
        release.send(()).unwrap();
    }
    for client in [&mut one, &mut other] {
        for nth in 0..EVENTS {
            assert_eq!(client.expect("burst").await[0], nth);
        }
    }
}
