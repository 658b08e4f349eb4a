//! A node that does not take in what NATS has for it.

use std::time::{Duration, Instant};

use natter::Binary;
use natter_tests::NatsConfig;

use crate::harness::{Cluster, eventually, is};

const EVENTS: u64 = 500;

/// How far the sender is ahead of a client that keeps up.
const AHEAD: u64 = 10;

#[tokio::test]
async fn what_a_slow_node_misses_is_counted_there_and_the_others_miss_nothing() {
    // NATS keeps little for a connection that does not read, and then ends it.
    let cluster = Cluster::over_nats(&NatsConfig::open().with("max_pending: 2MB"), 2).await;
    let slow = cluster.process("slow").await;
    let mut ann = cluster.node(1).member_of("news").await;
    let mut ben = slow.member_of("news").await;
    let here = cluster.node(0);
    here.io.to("news").emit("first", ()).unwrap();
    ben.expect("first").await;
    ann.expect("first").await;

    slow.testbed().process().stop();
    let stopped = Instant::now();
    let large = Binary::from(vec![7; 64 * 1024]);
    for nth in 0..EVENTS {
        here.io.to("news").emit("tick", (nth, &large)).unwrap();
        if nth >= AHEAD {
            assert_eq!(ann.expect("tick").await[0], nth - AHEAD);
        }
    }
    for nth in EVENTS - AHEAD..EVENTS {
        assert_eq!(ann.expect("tick").await[0], nth);
    }
    slow.testbed().process().go_on();
    println!("stood still for {:?} and {} MB", stopped.elapsed(), EVENTS / 16);

    // What came through is in order, and the next event shows how much did not.
    eventually("the node to be ready", || is(slow.ready(), Some(200))).await;
    cluster.has(&["slow"]).await;
    eventually("its session to be there or to have ended", || match slow.link("suspensions") {
        Some(_) => Ok(()),
        None => Err("it does not answer".to_owned()),
    })
    .await;
    if slow.link("suspensions") > Some(0) {
        // The machine was so busy that it stood still for longer than others wait; `suspensions.rs` is about that.
        assert!(stopped.elapsed() > Duration::from_millis(2_500));
        return;
    }
    here.io.to("news").emit("last", ()).unwrap();
    let (mut heard, mut next) = (0, 0);
    loop {
        let (name, args) = ben.packet().await.event();
        if name == "last" {
            break;
        }
        let nth = args[0].as_u64().expect("a number");
        assert!(nth >= next, "{nth} after {next}");
        next = nth + 1;
        heard += 1;
    }
    println!("heard {heard} of {EVENTS}");
    assert_eq!(slow.link("lost"), Some(EVENTS - heard));
    assert!(heard < EVENTS, "32 MB are more than NATS keeps");
    let link = cluster.node(1).link();
    assert_eq!((link.lost, link.dropped_slow, here.link().outages), (0, 0, 0));
}
