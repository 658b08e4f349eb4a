//! NATS goes away and comes back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Client, Cluster, NodeProcess, eventually, is, soon, within};

/// Within this time every node has to notice.
const NOTICED: Duration = Duration::from_secs(5);

/// Waits until each node has noticed, and says so to probes.
#[expect(clippy::print_stdout, reason = "how long it took is worth knowing")]
async fn all_notice(cluster: &Cluster, process: &NodeProcess, since: Instant) {
    for node in cluster.nodes() {
        within(NOTICED, "the outage to be noticed", || is(node.view().is_ready(), false)).await;
    }
    within(NOTICED, "the outage to be noticed", || is(process.ready(), Some(503))).await;
    println!("noticed by all after {:?}", since.elapsed());
    assert!(since.elapsed() < NOTICED, "noticed after {:?}", since.elapsed());
}

#[expect(clippy::print_stdout, reason = "how long it took is worth knowing")]
async fn all_are_back(cluster: &Cluster, process: &NodeProcess, since: Instant) {
    for node in cluster.nodes() {
        eventually("the node to be ready again", || is(node.view().is_ready(), true)).await;
    }
    eventually("the process to be ready again", || is(process.ready(), Some(200))).await;
    println!("all ready again after {:?}", since.elapsed());
    cluster.has(&[process.name()]).await;
}

#[tokio::test]
async fn nodes_serve_their_own_clients_while_nats_is_away_and_everything_works_after_it_without_joining_again()
 {
    let mut cluster = Cluster::of(2).await;
    let process = cluster.process("process").await;
    let mut ann = cluster.node(0).member_of("news").await;
    let mut ben = cluster.node(1).member_of("news").await;
    let mut eve = process.member_of("news").await;
    cluster.nats.kill();
    let killed = Instant::now();
    all_notice(&cluster, &process, killed).await;

    let here = cluster.node(0);
    let dropped = here.link().dropped_away;
    for nth in 0..100 {
        here.io.to("news").emit("away", nth).unwrap();
        assert_eq!(ann.expect("away").await[0], nth);
    }
    eventually("what could not be said to be counted", || is(here.link().dropped_away, dropped + 100)).await;
    // Joining and coming do not wait, and count as soon as NATS is back.
    soon("a join", ann.join("new")).await;
    let mut zoe = soon("a member", process.member_of("new")).await;
    // Questions are answered at once, by those who can be asked.
    let asked = Instant::now();
    let found = here.io.fetch_sockets().await;
    assert_eq!((found.len(), found.missing), (1, vec!["node-1".to_owned(), "process".to_owned()]));
    assert!(asked.elapsed() < NOTICED / 2, "{:?}", asked.elapsed());

    cluster.nats.restart();
    let restarted = Instant::now();
    all_are_back(&cluster, &process, restarted).await;
    for node in cluster.nodes() {
        node.io.to("news").emit("room", node.name()).unwrap();
        node.io.to(ann.id().to_owned()).emit("you", ()).unwrap();
        node.io.to("new").emit("new", ()).unwrap();
        for client in [&mut ann, &mut ben, &mut eve] {
            assert_eq!(client.expect("room").await[0], node.name());
        }
        ann.expect("you").await;
        ann.expect("new").await;
        zoe.expect("new").await;
        let found = node.io.fetch_sockets().await;
        assert_eq!((found.len(), found.missing), (4, vec![]));
    }
    assert_eq!((cluster.node(0).link().outages, cluster.node(1).link().outages), (1, 1));
    // Nothing of what was said meanwhile has come after all.
    cluster.node(0).nothing_else_came_to(&mut ben).await;
}

#[tokio::test]
async fn a_nats_that_stands_still_is_noticed_within_5_s() {
    let cluster = Cluster::of(2).await;
    let process = cluster.process("process").await;
    let mut ann = cluster.node(0).member_of("news").await;
    let mut ben = cluster.node(1).member_of("news").await;
    for round in 0..2 {
        cluster.nats.stop();
        all_notice(&cluster, &process, Instant::now()).await;
        cluster.node(0).io.to("news").emit("local", round).unwrap();
        assert_eq!(ann.expect("local").await[0], round);
        cluster.nats.go_on();
        all_are_back(&cluster, &process, Instant::now()).await;
        cluster.node(0).io.to("news").emit("tick", round).unwrap();
        assert_eq!(ann.expect("tick").await[0], round);
        assert_eq!(ben.expect("tick").await[0], round);
    }
}

/// Events of a client whose room has members on no node: what they cost is the link's alone. Returns the most memory that
/// the process had meanwhile.
async fn flood(process: &NodeProcess, client: &mut Client, events: usize) -> u64 {
    let large = "x".repeat(16_000);
    let mut most = 0;
    for nth in 0..events {
        client.emit("room", json!(["nobody", large])).await;
        if nth % 100 == 99 {
            client.request("echo", json!([nth])).await;
            most = most.max(process.testbed().process().memory());
        }
    }
    most
}

const FLOOD: usize = 3_000;

/// Far less than the flood's 48 MB, and more than the 16 MiB that may wait for NATS and what goes with it.
const MEMORY: u64 = 30 << 20;

#[tokio::test]
async fn memory_stays_bounded_while_much_is_said_and_nats_is_away() {
    let mut cluster = Cluster::of(1).await;
    let process = cluster.process("process").await;
    let mut client = process.connect().await;
    let before = flood(&process, &mut client, 300).await;
    cluster.nats.kill();
    all_notice(&cluster, &process, Instant::now()).await;
    let grown = flood(&process, &mut client, FLOOD).await.saturating_sub(before);
    // And perhaps a heartbeat of the moment in which NATS went.
    let dropped = || match process.link("dropped_away") {
        Some(count) if count >= FLOOD as u64 => Ok(()),
        other => Err(format!("{other:?}")),
    };
    eventually("all of it to be counted", dropped).await;
    println!("grown by {} KiB", grown >> 10);
    assert!(grown < MEMORY, "grown by {grown} bytes");
    cluster.nats.restart();
    all_are_back(&cluster, &process, Instant::now()).await;
}

#[tokio::test]
async fn memory_stays_bounded_while_much_is_said_and_nats_stands_still() {
    let cluster = Cluster::of(1).await;
    let process = cluster.process("process").await;
    let mut client = process.connect().await;
    let before = flood(&process, &mut client, 300).await;
    cluster.nats.stop();
    let stopped = Instant::now();
    // Before it is noticed the queue to NATS fills.
    let grown = flood(&process, &mut client, FLOOD).await.saturating_sub(before);
    println!("grown by {} KiB", grown >> 10);
    assert!(grown < MEMORY, "grown by {grown} bytes");
    within(
        NOTICED.saturating_sub(stopped.elapsed()).max(Duration::from_secs(1)),
        "the outage to be noticed",
        || is(process.ready(), Some(503)),
    )
    .await;
    let stats = process.stats();
    let counted: u64 = ["dropped_full", "dropped_away", "unwritten"]
        .iter()
        .map(|name| stats["cluster"][name].as_u64().expect("a counter"))
        .sum();
    println!("of {FLOOD}: {counted} counted as dropped: {}", stats["cluster"]);
    assert!(counted > FLOOD as u64 / 2, "{stats}");
    cluster.nats.go_on();
    all_are_back(&cluster, &process, Instant::now()).await;
}
