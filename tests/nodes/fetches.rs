//! `fetch_sockets` and `count` over several nodes.

use std::collections::BTreeSet;

use natter::FetchedSockets;
use serde_json::{Value, json};

use crate::harness::Cluster;

fn ids(found: &FetchedSockets) -> BTreeSet<&str> {
    assert!(found.missing.is_empty(), "{:?} did not answer", found.missing);
    let ids: BTreeSet<_> = found.iter().map(natter::RemoteSocket::id).collect();
    assert_eq!(ids.len(), found.len(), "each once");
    ids
}

#[tokio::test]
async fn sockets_of_every_node_are_found_with_all_there_is_to_know_of_them() {
    let cluster = Cluster::of(3).await;
    let here = cluster.node(0);
    let mut ann = cluster.node(1).connect_with("/", json!({"token": "☃"})).await;
    ann.join("news").await;
    ann.join("sport").await;
    ann.request("data", json!([{"name": "ann", "big": 12345678901234567890_u64}])).await;
    let mut ben = cluster.node(2).connect().await;
    let eve = here.connect().await;

    let found = here.io.fetch_sockets().await;
    assert_eq!(ids(&found), [ann.id(), ben.id(), eve.id()].into());
    let of = |id: &str| found.iter().find(|socket| socket.id() == id).unwrap();
    let picture = of(ann.id());
    assert_eq!(picture.node(), "node-1");
    assert_eq!(picture.rooms(), [ann.id(), "news", "sport"]);
    assert_eq!(picture.data::<Value>().unwrap(), json!({"name": "ann", "big": 12345678901234567890_u64}));
    let handshake = picture.handshake();
    assert_eq!(handshake.auth::<Value>().unwrap(), json!({"token": "☃"}));
    assert_eq!(handshake.query()["transport"], "websocket");
    assert_eq!(handshake.headers()["host"], cluster.node(1).address().to_string());
    assert!(handshake.url().starts_with("/socket.io/?EIO=4"), "{}", handshake.url());
    assert!(handshake.address().starts_with("127.0.0.1"), "{}", handshake.address());
    let there = cluster.node(1).socket(&ann);
    assert_eq!(
        (handshake.issued(), handshake.time()),
        (there.handshake().issued(), there.handshake().time())
    );
    assert_eq!(of(ben.id()).data::<Value>().unwrap(), Value::Null);
    assert_eq!((of(ben.id()).node(), of(eve.id()).node()), ("node-2", "node-0"));

    of(ben.id()).emit("found", ()).unwrap();
    ben.expect("found").await;
}

#[tokio::test]
async fn only_those_who_are_meant_are_found_and_counted() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = here.member_of("a").await;
    ann.join("b").await;
    let ben = there.member_of("a").await;
    let mut eve = there.member_of("b").await;
    eve.join("muted").await;
    let zoe = there.connect().await;
    let all = || here.io.except("nobody");
    for (operator, expected) in [
        (all(), vec![&ann, &ben, &eve, &zoe]),
        (all().to("a"), vec![&ann, &ben]),
        (all().to(["a", "b"]), vec![&ann, &ben, &eve]),
        (all().to(["a", "b"]).except("muted"), vec![&ann, &ben]),
        (all().except(["a", "muted"]), vec![&zoe]),
        (all().to("a").local(), vec![&ann]),
        (all().local(), vec![&ann]),
        (all().to([eve.id(), ann.id()]), vec![&ann, &eve]),
        (all().to(eve.id().to_owned()).to("a"), vec![&ann, &ben, &eve]),
        (all().to("empty"), vec![]),
    ] {
        let expected: BTreeSet<_> = expected.into_iter().map(|client| client.id()).collect();
        assert_eq!(ids(&operator.fetch_sockets().await), expected);
        let counted = operator.count().await;
        assert_eq!((counted.count, counted.missing.len()), (expected.len(), 0));
    }
}

/// An answer of many parts.
#[tokio::test]
async fn an_answer_that_is_larger_than_a_message_of_nats_arrives() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let text = "x".repeat(300_000);
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = there.connect().await;
        client.request("data", json!([text])).await;
        clients.push(client);
    }
    let found = here.io.fetch_sockets().await;
    assert_eq!(ids(&found).len(), 5);
    assert!(found.iter().all(|socket| socket.data::<String>().unwrap() == text));
}

#[tokio::test]
async fn questions_at_the_same_time_do_not_mix() {
    let cluster = Cluster::of(3).await;
    let mut clients = Vec::new();
    for (nth, node) in cluster.nodes().iter().enumerate() {
        for room in 0..=nth {
            clients.push(node.member_of(&format!("room-{room}")).await);
        }
    }
    let questions = (0..300).map(|nth| {
        let node = cluster.node(nth % 3);
        let room = nth / 3 % 3;
        async move { (room, node.io.to(format!("room-{room}")).count().await) }
    });
    for (room, counted) in futures_util::future::join_all(questions).await {
        assert_eq!((counted.count, counted.missing), (3 - room, vec![]), "room {room}");
    }
}
