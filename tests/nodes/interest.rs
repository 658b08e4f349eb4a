//! A node gets a room's traffic only while it has members there.

use crate::harness::{Client, Cluster, Node, eventually, is};

const EVENTS: u64 = 1_000;

/// A node has handed so many events to its sockets, and besides them only heartbeats have come, far fewer than there were
/// events.
async fn has_heard(node: &Node, events: u64) {
    let heard = || is(node.link().delivered, events);
    eventually(&format!("what {} has heard", node.name()), heard).await;
    let link = node.link();
    assert!(link.received - link.delivered < EVENTS / 4, "{link:?}");
}

async fn hears_all(client: &mut Client, event: &str) {
    for nth in 0..EVENTS {
        assert_eq!(client.expect(event).await[0], nth);
    }
}

#[tokio::test]
async fn nodes_without_members_of_a_room_receive_nothing_of_it() {
    let cluster = Cluster::of(3).await;
    let mut ann = cluster.node(0).member_of("news").await;
    // They have members elsewhere, so it is the room that counts.
    let _ben = cluster.node(1).member_of("sport").await;
    let _eve = cluster.node(2).member_of("sport").await;
    for nth in 0..EVENTS {
        cluster.node(0).io.to("news").emit("tick", nth).unwrap();
    }
    hears_all(&mut ann, "tick").await;
    for nth in 0..EVENTS {
        cluster.node(1).io.to("news").emit("tick", nth).unwrap();
    }
    hears_all(&mut ann, "tick").await;
    has_heard(cluster.node(0), EVENTS).await;
    has_heard(cluster.node(1), 0).await;
    has_heard(cluster.node(2), 0).await;
}

#[tokio::test]
async fn an_emit_to_one_socket_goes_to_one_node() {
    let cluster = Cluster::of(3).await;
    let mut ann = cluster.node(1).connect().await;
    let mut ben = cluster.node(0).connect().await;
    let _eve = cluster.node(2).connect().await;
    for nth in 0..EVENTS {
        cluster.node(0).io.to(ann.id().to_owned()).emit("tick", nth).unwrap();
        // To one of its own it says nothing to anybody.
        cluster.node(0).io.to(ben.id().to_owned()).emit("tick", nth).unwrap();
    }
    hears_all(&mut ann, "tick").await;
    hears_all(&mut ben, "tick").await;
    has_heard(cluster.node(0), 0).await;
    has_heard(cluster.node(1), EVENTS).await;
    has_heard(cluster.node(2), 0).await;
    let published = cluster.node(0).link().published;
    assert!((EVENTS..EVENTS + EVENTS / 4).contains(&published), "{published}");
}

#[tokio::test]
async fn after_the_last_member_has_left_nothing_comes_any_more() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let before = there.link().subscriptions;
    let mut ann = there.member_of("news").await;
    let mut ben = there.member_of("news").await;
    assert_eq!(there.link().subscriptions, before + 2, "the room, and the namespace they are in");
    here.io.to("news").emit("tick", ()).unwrap();
    ann.expect("tick").await;
    ben.expect("tick").await;
    ann.leave("news").await;
    here.io.to("news").emit("tick", ()).unwrap();
    ben.expect("tick").await;
    // One leaves by itself, one with its connection.
    drop(ben);
    eventually("the subscription to end", || is(there.link().subscriptions, before + 1)).await;
    // Since the subscription counts as ended before NATS knows of it, something comes behind it that is heard.
    ann.join("fence").await;
    let delivered = there.link().delivered;
    for nth in 0..EVENTS {
        here.io.to("news").emit("tick", nth).unwrap();
    }
    here.nothing_else_came_to(&mut ann).await;
    has_heard(there, delivered + 1).await;
    // And again.
    ann.join("news").await;
    here.io.to("news").emit("again", ()).unwrap();
    ann.expect("again").await;
}

#[tokio::test]
async fn a_room_is_subscribed_to_once_whoever_joins_and_leaves_at_the_same_time() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(there.connect().await);
    }
    let before = there.link().subscriptions;
    let comes_and_goes = clients.iter_mut().map(|client| async {
        for _ in 0..100 {
            client.join("news").await;
            client.leave("news").await;
        }
        client.join("news").await;
    });
    futures_util::future::join_all(comes_and_goes).await;
    assert_eq!(there.link().subscriptions, before + 1);
    here.io.to("news").emit("tick", ()).unwrap();
    for client in &mut clients {
        client.expect("tick").await;
        here.nothing_else_came_to(client).await;
        client.leave("news").await;
    }
    eventually("the subscription to end", || is(there.link().subscriptions, before)).await;
}
