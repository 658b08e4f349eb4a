//! Links that are carried by workers: when they begin, and when they end.

use natter::{Cluster, Io, JoinClusterError, LinkState, LinkThread, MemoryBus};

use crate::harness::{Pair, Server, eventually, serve, soon};

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
