//! Broadcasts that ask for acknowledgements, over several nodes.

use std::time::{Duration, Instant};

use natter::{AckError, Args};
use serde_json::json;

use crate::harness::{Cluster, PATIENCE, soon};

/// Longer than any test waits: what resolves has not waited for it.
const LONG: Duration = Duration::from_secs(3_600);

fn sorted(responses: &[Args]) -> Vec<String> {
    let mut all: Vec<_> = responses.iter().map(|args| args.json().to_owned()).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn clients_on_every_node_acknowledge() {
    let cluster = Cluster::of(3).await;
    let here = cluster.node(0);
    let mut ann = here.member_of("news").await;
    let mut ben = cluster.node(1).member_of("news").await;
    let mut eve = cluster.node(1).member_of("news").await;
    let asked = here.io.to("news").emit_with_ack("who", "?");
    ann.answer("who", json!(["ann"])).await;
    ben.answer("who", json!(["ben", {"n": 2}])).await;
    eve.answer("who", json!([])).await;
    let answers = soon("the answers", asked).await.unwrap();
    assert_eq!(sorted(&answers), ["", r#""ann""#, r#""ben",{"n":2}"#]);
}

#[tokio::test]
async fn one_client_of_another_node_acknowledges_and_a_room_without_members_does_at_once() {
    let cluster = Cluster::of(2).await;
    let here = cluster.node(0);
    let mut ben = cluster.node(1).connect().await;
    let asked = here.io.to(ben.id().to_owned()).emit_with_ack("who", ());
    ben.answer("who", json!(["ben"])).await;
    assert_eq!(sorted(&soon("the answer", asked).await.unwrap()), [r#""ben""#]);
    assert!(soon("nobody", here.io.to("empty").emit_with_ack("who", ())).await.unwrap().is_empty());
    let asked = here.io.local().timeout(LONG).emit_with_ack("who", ());
    assert!(soon("nobody here", asked).await.unwrap().is_empty());
    here.nothing_else_came_to(&mut ben).await;
}

#[tokio::test]
async fn a_fetched_socket_of_another_node_acknowledges() {
    let cluster = Cluster::of(2).await;
    let here = cluster.node(0);
    let mut ben = cluster.node(1).connect().await;
    let found = here.io.fetch_sockets().await;
    let asked = found[0].emit_with_ack::<(String, u8)>("who", "?");
    ben.answer("who", json!(["ben", 7])).await;
    assert_eq!(soon("the answer", asked).await.unwrap(), ("ben".to_owned(), 7));

    let late = found[0].timeout(Duration::from_millis(50)).emit_with_ack("who", ());
    assert!(matches!(soon("the timeout", late).await.unwrap_err().cause, AckError::Timeout(_)));
    ben.expect("who").await;

    let asked = found[0].emit_with_ack::<String>("who", ());
    ben.expect("who").await;
    drop(ben);
    let error = soon("the end", asked).await.unwrap_err();
    assert!(matches!(error, AckError::Disconnected), "{error:?}");
    let error = soon("nobody", found[0].emit_with_ack::<String>("who", ())).await.unwrap_err();
    assert!(matches!(error, AckError::Disconnected), "{error:?}");
}

#[tokio::test]
async fn who_does_not_acknowledge_in_time_is_named_beside_the_answers_of_all_nodes() {
    let cluster = Cluster::of(3).await;
    let mut ann = cluster.node(0).connect().await;
    let mut ben = cluster.node(1).connect().await;
    let eve = cluster.node(1).connect().await;
    let zoe = cluster.node(2).connect().await;
    let asked = cluster.node(0).io.timeout(Duration::from_millis(1_000)).emit_with_ack("who", ());
    ann.answer("who", json!(["ann"])).await;
    ben.answer("who", json!(["ben"])).await;
    let mut error = soon("the timeout", asked).await.unwrap_err();
    assert!(matches!(error.cause, AckError::Timeout(_)), "{error:?}");
    assert_eq!(sorted(&error.responses), [r#""ann""#, r#""ben""#]);
    error.missing.sort();
    let mut missing = [eve.id(), zoe.id()];
    missing.sort_unstable();
    assert_eq!(error.missing, missing);
    assert!(error.missing_nodes.is_empty(), "the nodes themselves have answered: {error:?}");
}

#[tokio::test]
async fn a_client_of_another_node_that_leaves_meanwhile_is_named_and_nobody_waits_for_the_timeout() {
    let cluster = Cluster::of(2).await;
    let mut ann = cluster.node(0).connect().await;
    let mut ben = cluster.node(1).connect().await;
    let id = ben.id().to_owned();
    let asked = cluster.node(0).io.timeout(LONG).emit_with_ack("who", ());
    ben.expect("who").await;
    drop(ben);
    ann.answer("who", json!(["ann"])).await;
    let error = soon("the end", asked).await.unwrap_err();
    assert!(matches!(error.cause, AckError::Disconnected), "{error:?}");
    assert_eq!((sorted(&error.responses), error.missing), (vec![r#""ann""#.to_owned()], vec![id]));
}

#[tokio::test]
async fn a_node_that_dies_midway_is_named_and_the_answers_of_the_others_come_without_it() {
    let cluster = Cluster::of(2).await;
    let doomed = cluster.process("doomed").await;
    let mut ann = cluster.node(0).connect().await;
    let mut ben = cluster.node(1).connect().await;
    let mut eve = doomed.connect().await;
    let asked = cluster.node(0).io.timeout(LONG).emit_with_ack("who", ());
    let fetching = {
        ann.answer("who", json!(["ann"])).await;
        ben.answer("who", json!(["ben"])).await;
        eve.expect("who").await;
        doomed.testbed().kill();
        cluster.node(0).io.except("nobody").fetch_sockets()
    };
    let killed = Instant::now();
    let error = soon("the end", asked).await.unwrap_err();
    assert!(killed.elapsed() < PATIENCE / 2, "after {:?}", killed.elapsed());
    println!("resolved {:?} after the node was killed", killed.elapsed());
    assert_eq!(sorted(&error.responses), [r#""ann""#, r#""ben""#]);
    assert_eq!((error.missing, error.missing_nodes), (vec![], vec!["doomed".to_owned()]));
    let found = soon("the sockets", fetching).await;
    assert_eq!((found.len(), found.missing), (2, vec!["doomed".to_owned()]));
}

#[tokio::test]
async fn a_node_that_says_goodbye_midway_is_named_at_once() {
    let cluster = Cluster::of(1).await;
    let leaving = cluster.another("leaving").await;
    let mut ann = cluster.node(0).connect().await;
    let mut eve = leaving.connect().await;
    let asked = cluster.node(0).io.timeout(LONG).emit_with_ack("who", ());
    ann.answer("who", json!(["ann"])).await;
    eve.expect("who").await;
    let closing = leaving.io.close();
    let (answered, ()) = tokio::join!(soon("the end", asked), closing);
    let error = answered.unwrap_err();
    assert_eq!(sorted(&error.responses), [r#""ann""#]);
    // Its last word may be that its client is gone, or its goodbye.
    let by_client = error.missing == [eve.id()] && error.missing_nodes.is_empty();
    let by_node = error.missing.is_empty() && error.missing_nodes == ["leaving"];
    assert!(by_client || by_node, "{error:?}");
}

#[tokio::test]
async fn acknowledgements_by_the_hundred_do_not_mix() {
    let cluster = Cluster::of(2).await;
    let mut ann = cluster.node(0).connect().await;
    let mut ben = cluster.node(1).connect().await;
    let asked: Vec<_> =
        (0..200).map(|nth| cluster.node(nth % 2).io.timeout(LONG).emit_with_ack("echo", nth)).collect();
    for client in [&mut ann, &mut ben] {
        for _ in 0..200 {
            let packet = client.packet().await;
            let (_, args) = packet.event();
            client.acknowledge(&packet, args).await;
        }
    }
    for (nth, asked) in asked.into_iter().enumerate() {
        let answers = soon("the answers", asked).await.unwrap();
        assert_eq!(sorted(&answers), [nth.to_string(), nth.to_string()]);
    }
}
