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
    // It is to hear nothing but the last one: a burst of what has waited is more than one client may cost.
    let mut ben = slow.member_of("news").await;
    ben.join("quiet").await;
    let here = cluster.node(0);
    here.io.to("news").emit("first", ()).unwrap();
    ben.expect("first").await;
    ann.expect("first").await;

    slow.testbed().process().stop();
    let stopped = Instant::now();
    let large = Binary::from(vec![7; 64 * 1024]);
    for nth in 0..EVENTS {
        here.io.to("news").except("quiet").emit("tick", (nth, &large)).unwrap();
        if nth >= AHEAD {
            assert_eq!(ann.expect("tick").await[0], nth - AHEAD);
        }
    }
    for nth in EVENTS - AHEAD..EVENTS {
        assert_eq!(ann.expect("tick").await[0], nth);
    }
    slow.testbed().process().go_on();
    println!("stood still for {:?} and {} MB", stopped.elapsed(), EVENTS / 16);

    let mut suspended = false;
    eventually("NATS to have ended its connection", || {
        let stats = slow.stats();
        suspended = stats["cluster"]["suspensions"] == 1;
        if suspended || stats["cluster"]["outages"] == 1 { Ok(()) } else { Err(stats.to_string()) }
    })
    .await;
    if suspended {
        // The machine was so busy that it stood still for longer than others wait; `suspensions.rs` is about that.
        assert!(stopped.elapsed() > Duration::from_millis(2_400), "{}", slow.shows());
        return;
    }
    eventually("the node to be ready again", || is(slow.ready(), Some(200))).await;
    cluster.has(&["slow"]).await;
    // The next event shows how many were missed.
    here.io.to("news").emit("last", ()).unwrap();
    ben.expect("last").await;
    let stats = slow.stats();
    let count = |name: &str| stats["cluster"][name].as_u64().expect("a counter");
    println!("delivered {}, lost {}, dropped {}", count("delivered"), count("lost"), count("dropped_slow"));
    let missed = EVENTS + 2 - count("delivered");
    assert!(missed > 0, "31 MB are more than NATS keeps: {stats}");
    // A few heartbeats are lost too.
    assert!((missed..missed + 50).contains(&count("lost")), "{missed} were missed: {stats}");
    let link = cluster.node(1).link();
    assert_eq!((link.dropped_slow, link.outages, here.link().outages), (0, 0, 0));
}
