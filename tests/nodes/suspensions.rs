//! A process that stands still and goes on.

use std::time::{Duration, Instant};

use natter::LinkThread;

use crate::harness::{Client, Cluster, eventually, is, within};

/// Emits to a room until some time has passed, and returns how many events that were.
async fn emits_for(cluster: &Cluster, first: u64, time: Duration) -> u64 {
    let until = Instant::now() + time;
    let mut nth = first;
    while Instant::now() < until {
        cluster.node(0).io.to("news").emit("tick", nth).expect("there is room");
        cluster.node(0).io.emit("all", nth).expect("there is room");
        nth += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    nth
}

async fn hears(client: &mut Client, numbers: std::ops::Range<u64>) {
    for nth in numbers {
        assert_eq!(client.expect("tick").await[0], nth);
        assert_eq!(client.expect("all").await[0], nth);
    }
}

#[tokio::test]
async fn a_node_that_stood_still_for_5_s_ends_its_sessions_delivers_nothing_stale_and_comes_back() {
    stands_still_for_5_s(LinkThread::Own).await;
}

#[tokio::test]
async fn so_does_one_whose_link_is_carried_by_a_worker() {
    stands_still_for_5_s(LinkThread::Worker).await;
}

async fn stands_still_for_5_s(link: LinkThread) {
    let cluster = Cluster::of(2).await;
    let sleeper = cluster.process_linked_by(link, "sleeper").await;
    let mut ann = sleeper.member_of("news").await;
    let mut ben = cluster.node(1).member_of("news").await;
    let before = emits_for(&cluster, 0, Duration::from_millis(200)).await;
    hears(&mut ann, 0..before).await;

    sleeper.testbed().process().stop();
    let after = emits_for(&cluster, before, Duration::from_secs(5)).await;
    // The others have given it up long before, and what they know of it with it.
    cluster.has(&[]).await;
    let found = cluster.node(0).io.fetch_sockets().await;
    assert_eq!((found.len(), found.missing), (1, vec![]));
    sleeper.testbed().process().go_on();

    let late = ann.closed().await;
    assert!(late.is_empty(), "{} events of when it stood still, the first: {:?}", late.len(), late.first());
    cluster.has(&["sleeper"]).await;
    eventually("the node to be ready", || is(sleeper.ready(), Some(200))).await;
    assert_eq!(sleeper.link("suspensions"), Some(1));

    // As good as new: both ways, questions included.
    let mut eve = sleeper.member_of("news").await;
    let end = emits_for(&cluster, after, Duration::from_millis(200)).await;
    hears(&mut eve, after..end).await;
    eve.emit("room", serde_json::json!(["news", "of eve"])).await;
    let found = cluster.node(1).io.fetch_sockets().await;
    assert_eq!((found.len(), found.missing), (2, vec![]), "{} and {}", ben.id(), eve.id());
    // The others have noticed nothing.
    hears(&mut ben, 0..end).await;
    assert_eq!(ben.expect("r").await[0], "of eve");
    assert_eq!(cluster.node(1).link().lost, 0);
}

#[tokio::test]
async fn a_node_that_stood_still_for_a_moment_has_missed_nothing() {
    let cluster = Cluster::of(1).await;
    let sleeper = cluster.process("sleeper").await;
    let mut ann = sleeper.member_of("news").await;
    sleeper.testbed().process().stop();
    let end = emits_for(&cluster, 0, Duration::from_millis(1_200)).await;
    sleeper.testbed().process().go_on();
    hears(&mut ann, 0..end).await;
    assert_eq!(sleeper.link("suspensions"), Some(0));
    assert_eq!(sleeper.link("lost"), Some(0));
    within(Duration::from_secs(1), "it to be a member", || {
        is(cluster.node(0).view().nodes(), vec!["sleeper".to_owned()])
    })
    .await;
}
