//! A node that dies without a word.

use std::time::{Duration, Instant};

use crate::harness::{Cluster, is, soon, within};

/// The silence after which a node is gone.
const NOTICED: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_node_that_is_killed_is_noticed_within_3_s_and_leaves_no_ghosts() {
    let cluster = Cluster::of(2).await;
    let doomed = cluster.process("doomed").await;
    let mut ann = cluster.node(0).member_of("news").await;
    let _ghost = doomed.member_of("news").await;
    let _another = doomed.member_of("news").await;
    assert_eq!(cluster.node(0).io.to("news").count().await.count, 3);
    doomed.testbed().kill();
    let killed = Instant::now();
    // Who asks now is told who did not answer as soon as that is known.
    let asked = cluster.node(1).io.except("nobody").fetch_sockets();
    for node in cluster.nodes() {
        let gone = || is(node.view().nodes().len(), 1);
        within(NOTICED, "the node to be missed", gone).await;
        println!("{} noticed after {:?}", node.name(), killed.elapsed());
    }
    assert!(killed.elapsed() < NOTICED, "noticed after {:?}", killed.elapsed());
    let found = soon("the sockets", asked).await;
    assert_eq!((found.len(), found.missing), (1, vec!["doomed".to_owned()]));
    // And from then on it is as if it had never been.
    for node in cluster.nodes() {
        let asked = Instant::now();
        let found = node.io.fetch_sockets().await;
        assert_eq!((found.len(), &found.missing), (1, &vec![]));
        assert_eq!(found[0].id(), ann.id());
        let counted = node.io.to("news").count().await;
        assert_eq!((counted.count, counted.missing), (1, vec![]));
        assert!(asked.elapsed() < NOTICED / 2, "nobody waits for it: {:?}", asked.elapsed());
    }
    let asked = cluster.node(1).io.to("news").emit_with_ack("who", ());
    ann.answer("who", serde_json::json!([])).await;
    assert_eq!(soon("the answers", asked).await.unwrap().len(), 1);
}

/// While the survivors have much to say to each other and to it.
#[tokio::test]
async fn a_node_that_is_killed_under_load_costs_the_others_nothing() {
    const EVENTS: u64 = 20_000;
    let cluster = Cluster::of(2).await;
    let doomed = cluster.process("doomed").await;
    let mut ann = cluster.node(1).member_of("news").await;
    let _ghost = doomed.member_of("news").await;
    for nth in 0..EVENTS {
        if nth == EVENTS / 2 {
            doomed.testbed().kill();
        }
        cluster.node(0).io.to("news").emit("tick", nth).unwrap();
        // Not far ahead of the client.
        if nth >= 200 {
            assert_eq!(ann.expect("tick").await[0], nth - 200);
        }
    }
    for nth in EVENTS - 200..EVENTS {
        assert_eq!(ann.expect("tick").await[0], nth);
    }
    cluster.has(&[]).await;
    assert_eq!(cluster.node(1).link().lost, 0);
}
