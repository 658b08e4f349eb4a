//! A node that is closed says goodbye.

use std::time::{Duration, Instant};

use natter::{DisconnectReason, Socket};

use crate::harness::{Cluster, NodeProcess, is, soon, within};

/// Long before anybody could have missed it.
const AT_ONCE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_node_that_is_closed_is_gone_at_once_for_all_others() {
    let cluster = Cluster::of(2).await;
    let leaving = cluster.another("leaving").await;
    let mut ann = leaving.member_of("news").await;
    let mut ben = cluster.node(0).member_of("news").await;
    soon("the end", leaving.io.close()).await;
    for node in cluster.nodes() {
        let alone = || is(node.view().nodes().len(), 1);
        within(AT_ONCE, "the node to be gone", alone).await;
    }
    assert!(ann.closed().await.is_empty());
    // Questions do not wait for it, nor name it.
    let asked = Instant::now();
    let found = cluster.node(0).io.fetch_sockets().await;
    assert_eq!((found.len(), found.missing), (1, vec![]));
    assert!(
        cluster
            .node(1)
            .io
            .server_side_emit_with_ack("unheard", ())
            .await
            .is_err_and(|error| error.missing_nodes == ["node-0"])
    );
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    cluster.node(1).io.to("news").emit("tick", ()).unwrap();
    ben.expect("tick").await;
    // What is closed can still be told things; it says nothing any more.
    leaving.io.emit("from beyond", ()).unwrap();
    assert_eq!(soon("an answer", leaving.io.count()).await.count, 0);
    cluster.node(1).nothing_else_came_to(&mut ben).await;
    assert_eq!(cluster.node(0).link().unknown_sender, 0);
}

/// The reference's servers tell others of those who leave in their `disconnect` handlers.
#[tokio::test]
async fn what_handlers_say_while_their_node_is_closed_reaches_the_others_before_its_goodbye() {
    let cluster = Cluster::of(1).await;
    let mut ben = cluster.node(0).member_of("observers").await;
    let leaving = cluster.another("leaving").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let client = leaving.connect().await;
        leaving.socket(&client).on_disconnect(|socket: Socket, reason: DisconnectReason| async move {
            socket
                .namespace()
                .to("observers")
                .emit("left", (socket.id(), reason.to_string()))
                .expect("there is room");
        });
        clients.push(client);
    }
    soon("the end", leaving.io.close()).await;
    let mut left = Vec::new();
    for _ in 0..20 {
        let args = ben.expect("left").await;
        assert_eq!(args[1], "server shutting down");
        left.push(args[0].as_str().unwrap().to_owned());
    }
    left.sort();
    let mut expected: Vec<_> = clients.iter().map(|client| client.id().to_owned()).collect();
    expected.sort();
    assert_eq!(left, expected);
    cluster.has(&[]).await;
}

#[tokio::test]
async fn a_process_that_is_terminated_says_goodbye() {
    let cluster = Cluster::of(1).await;
    let leaving: NodeProcess = cluster.process("leaving").await;
    let mut ann = leaving.member_of("news").await;
    let terminated = Instant::now();
    let ended = tokio::task::spawn_blocking(move || leaving.testbed().terminate());
    let gone = || is(cluster.node(0).view().nodes().len(), 0);
    // It waits, for a moment, for clients that do not close their side; this one does.
    let (heard, ()) = tokio::join!(ann.closed(), within(AT_ONCE, "the node to be gone", gone));
    println!("gone {:?} after SIGTERM", terminated.elapsed());
    assert!(heard.is_empty());
    assert!(soon("the process to end", ended).await.unwrap().success());
}
