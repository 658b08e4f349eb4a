//! `disconnect_sockets` over several nodes.

use crate::harness::{Client, Cluster, eventually, is};

#[tokio::test]
async fn everybody_on_every_node_is_disconnected_after_what_was_emitted_before() {
    let cluster = Cluster::of(3).await;
    let mut clients = Vec::new();
    for node in cluster.nodes() {
        clients.push(node.member_of("news").await);
    }
    // Under different subjects: a room, the namespace, one socket. Then the question, in the inbox.
    let here = cluster.node(0);
    for nth in 0..50 {
        here.io.to("news").emit("room", nth).unwrap();
        here.io.emit("all", nth).unwrap();
        for client in &clients {
            here.io.to(client.id().to_owned()).emit("you", nth).unwrap();
        }
    }
    here.io.disconnect_sockets(false);
    here.io.to("news").emit("too late", ()).unwrap();
    for client in &mut clients {
        for nth in 0..50 {
            for event in ["room", "all", "you"] {
                assert_eq!(client.expect(event).await[0], nth);
            }
        }
        client.expect_disconnect().await;
    }
    eventually("nobody to be left", || is(cluster.node(2).io.stats().sockets, 0)).await;
    assert_eq!(here.io.count().await.count, 0);
}

#[tokio::test]
async fn with_close_their_connections_end() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = there.member_of("news").await;
    let mut ben = there.connect().await;
    here.io.in_("news").emit("before", ()).unwrap();
    here.io.in_("news").disconnect_sockets(true);
    assert_eq!(ann.closed().await, ["before"]);
    here.nothing_else_came_to(&mut ben).await;
    eventually("one session to be left", || is(there.io.stats().sessions, 1)).await;
}

#[tokio::test]
async fn only_those_who_are_meant_are_disconnected() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = there.member_of("news").await;
    let mut ben = there.member_of("news").await;
    let mut eve = here.member_of("news").await;
    let (ann_id, ben_id) = (ann.id().to_owned(), ben.id().to_owned());
    here.io.in_("news").except([ann_id.as_str(), eve.id()]).disconnect_sockets(false);
    ben.expect_disconnect().await;
    here.io.in_("news").local().disconnect_sockets(false);
    eve.expect_disconnect().await;
    here.nothing_else_came_to(&mut ann).await;
    here.io.in_(ann_id.clone()).fetch_sockets().await[0].disconnect(false);
    ann.expect_disconnect().await;
    // Nobody is there any more, which is no fault.
    here.io.in_([ann_id, ben_id]).disconnect_sockets(true);
    for client in [&mut ann, &mut ben, &mut eve] {
        still_connected(client).await;
    }
}

/// Disconnected from its namespace, it can enter it again over the same connection.
async fn still_connected(client: &mut Client) {
    client.enter_again().await;
}
