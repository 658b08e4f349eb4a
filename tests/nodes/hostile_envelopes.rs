//! What can't be read, or comes from somebody it should not come from, is counted and dropped.

use std::time::Duration;

use natter_cluster::{
    NodeTag,
    message::{Broadcast, Message, Target},
};
use serde_json::json;

use crate::{
    harness::{Node, eventually, is},
    stranger::{Envelope, Scene, epoch_now},
};

/// An event `evil` for the room `news`, which everybody would hear if it came from a node.
fn evil() -> Message<'static> {
    let target = Target { namespace: "/", rooms: vec!["news"], except: vec![] };
    Message::Broadcast(Broadcast { target, volatile: false, packet: b"\x81\x0a42[\"evil\"]" })
}

fn malformed(node: &Node) -> u64 {
    node.link().malformed
}

#[tokio::test]
async fn what_is_no_envelope_is_malformed() {
    let mut scene = Scene::set().await;
    let good = scene.stranger.envelope(evil()).bytes();
    let mut hostile: Vec<Vec<u8>> = Vec::new();
    hostile.extend((0..good.len()).map(|length| good[..length].to_vec()));
    hostile
        .extend([&b"hello"[..], b"\xc1", b"\x00", b"{", b"{}", b"[]", b"\x80", b"\x90"].map(<[u8]>::to_vec));
    // Lengths of 4 GiB: of a map, an array, a text, bytes, an extension.
    hostile.extend([0xdf, 0xdd, 0xdb, 0xc6, 0xc9].map(|first| vec![first, 0xff, 0xff, 0xff, 0xff, 1]));
    // The same inside of the good one, in place of the message.
    let head = good.windows(7).position(|bytes| bytes == b"message").expect("it has one") + 7;
    for first in [0xdf, 0xdd, 0xdb, 0xc6, 0xc9, 0xc1] {
        hostile.push([&good[..head], &[first, 0xff, 0xff, 0xff, 0xff]].concat());
    }
    // Nested deeper than any stack.
    for first in [0x91, 0x81] {
        hostile.push(vec![first; 1_000_000]);
        hostile.push([&good[..head], &vec![first; 500_000][..]].concat());
    }
    hostile.push(
        [b"{\"v\":1,\"event\":\"evil\",\"rooms\":[\"news\"],\"data\":", &vec![b'['; 500_000][..]].concat(),
    );
    hostile.push([b"{\"v\":1,\"event\":\"evil\",\"data\":[", &b"{\"a\":".repeat(100_000)[..]].concat());
    // Pseudo-random bytes of all lengths.
    let mut state = 1_u32;
    hostile.extend((1..200).map(|length| {
        let byte = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..length).map(byte).filter(|byte| *byte != b'{').collect()
    }));
    let count = hostile.len() as u64;
    for payload in hostile {
        scene.stranger.to_news(payload);
    }
    scene.counted([0, 0], count, "malformed", malformed).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn an_envelope_with_values_of_other_types_is_malformed() {
    let mut scene = Scene::set().await;
    let good = json!({"v": 1, "cluster": "test", "node": "mallory", "epoch": 1, "seq": 1, "nth": 1, "message": "goodbye"});
    let mut count = 0;
    for key in ["v", "cluster", "node", "epoch", "seq", "nth", "message"] {
        for wrong in
            [json!(null), json!([]), json!({}), json!(-1), json!(1.5), json!(true), json!({"goodbye": 1})]
        {
            let mut hostile = good.clone();
            hostile[key] = wrong;
            scene.stranger.to_news(rmp_serde::to_vec_named(&hostile).unwrap());
            count += 1;
        }
        let mut hostile = good.clone();
        hostile.as_object_mut().unwrap().remove(key);
        scene.stranger.to_news(rmp_serde::to_vec_named(&hostile).unwrap());
        count += 1;
    }
    for message in [
        json!("broadcast"),
        json!("no such message"),
        json!({"no such message": {}}),
        json!({"broadcast": {"target": 1, "volatile": false, "packet": "text"}}),
        json!({"broadcast": {"target": {"namespace": "/", "rooms": [1], "except": []}, "volatile": 1, "packet": []}}),
        json!({"ask": {"id": 1, "timeout_ms": 1, "question": "no such question"}}),
        json!({"ask": {"id": -1, "timeout_ms": 1.5, "question": {"count": {}}}}),
        json!({"answer": {"id": 1, "part": -1, "last": 1, "failed": false, "body": []}}),
        json!({"pipe": {"pipe": 1, "by_owner": true, "what": {"bytes": 1}}}),
        json!({"heartbeat": {}}),
    ] {
        let mut hostile = good.clone();
        hostile["message"] = message;
        scene.stranger.to_news(rmp_serde::to_vec_named(&hostile).unwrap());
        count += 1;
    }
    scene.counted([0, 0], count, "malformed", malformed).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn events_of_programs_that_make_no_sense_are_malformed() {
    let mut scene = Scene::set().await;
    let good = json!({"v": 1, "rooms": ["news"], "event": "evil", "data": [1]});
    let mut count = 0;
    for (key, wrong) in [
        ("v", json!(0)),
        ("v", json!("1")),
        ("rooms", json!("news")),
        ("rooms", json!([1])),
        ("except", json!({})),
        ("namespace", json!(1)),
        ("volatile", json!("yes")),
        ("event", json!(null)),
        ("event", json!("connect")),
        ("event", json!("disconnect")),
        ("event", json!("x".repeat(100_000))),
        ("data", json!({"not": "an array"})),
        ("data", json!("[1]")),
        ("room", json!("news")),
    ] {
        let mut hostile = good.clone();
        hostile[key] = wrong;
        scene.stranger.to_news(hostile.to_string());
        count += 1;
    }
    // Deeper than clients take it.
    let deep =
        format!(r#"{{"v":1,"rooms":["news"],"event":"evil","data":{}{}}}"#, "[".repeat(400), "]".repeat(400));
    scene.stranger.to_news(deep);
    count += 1;
    scene.counted([0, 0], count, "malformed", malformed).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn a_newer_version_is_counted_as_such_whatever_is_in_it() {
    let mut scene = Scene::set().await;
    let future = json!({"v": 2, "who": "knows", "what": [{"a": [1, 2.5, null]}]});
    let mut newest = scene.stranger.envelope(evil());
    newest.v = u64::MAX;
    let payloads =
        [rmp_serde::to_vec_named(&future).unwrap(), future.to_string().into_bytes(), newest.bytes()];
    for payload in payloads.clone() {
        scene.stranger.to_news(payload);
    }
    scene.counted([0, 0], payloads.len() as u64, "newer", |node| node.link().newer).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn another_clusters_name_is_counted_as_such() {
    let mut scene = Scene::set().await;
    for name in ["other", "", "TEST", "test.>", &"x".repeat(100_000)] {
        let mut foreign = scene.stranger.envelope(evil());
        foreign.cluster = name.to_owned();
        scene.stranger.to_news(foreign.bytes());
    }
    scene.counted([0, 0], 5, "foreign", |node| node.link().foreign).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn who_is_no_member_is_not_heard() {
    let mut scene = Scene::set().await;
    for _ in 0..3 {
        scene.stranger.to_news(scene.stranger.envelope(evil()).bytes());
        let goodbye = scene.stranger.envelope(Message::Goodbye);
        scene.stranger.publish(&scene.stranger.subjects().nodes(), goodbye.bytes());
    }
    scene.counted([0, 0], 6, "unknown senders", |node| node.link().unknown_sender).await;
    scene.nobody_is_disturbed().await;
    assert_eq!(scene.cluster.node(0).view().nodes(), ["node-1"]);
}

#[tokio::test]
async fn a_nodes_own_name_is_forged_and_the_node_stays() {
    let mut scene = Scene::set().await;
    let mut count = 0;
    for epoch in [0, epoch_now(), u64::MAX] {
        for message in [
            evil(),
            Message::Goodbye,
            Message::Heartbeat { hello: true },
            Message::Heartbeat { hello: false },
        ] {
            for node in scene.cluster.nodes() {
                let forged =
                    Envelope { node: node.name().to_owned(), epoch, ..scene.stranger.envelope(&message) };
                let inbox = scene.stranger.subjects().node(NodeTag::of(node.name()));
                scene.stranger.publish(&inbox, forged.bytes());
            }
            count += 1;
        }
    }
    scene.counted([0, 0], count, "forged", |node| node.link().forged).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn only_a_hello_of_a_members_present_start_ends_what_it_was_asked() {
    let scene = Scene::set().await;
    let (stranger, asker) = (&scene.stranger, scene.cluster.node(0));
    let epoch = epoch_now() + (1 << 32);
    let says = |epoch, seq, hello| {
        let heartbeat = stranger.envelope(Message::Heartbeat { hello });
        let envelope = Envelope { node: "node-9".to_owned(), epoch, seq, nth: seq, ..heartbeat };
        stranger.publish(&stranger.subjects().nodes(), envelope.bytes());
    };
    says(epoch, 10, false);
    eventually("a new member", || is(asker.view().nodes().contains(&"node-9".to_owned()), true)).await;
    let asked = asker.io.fetch_sockets();
    says(epoch - 1, 11, true);
    says(epoch, 9, true);
    eventually("both to be counted", || is((asker.link().unknown_sender, asker.link().late), (1, 1))).await;
    eventually("the question to be under way", || is(asker.link().requests, 1)).await;
    says(epoch, 12, true);
    eventually("the question to be over", || is(asker.link().requests, 0)).await;
    assert_eq!(asker.view().nodes(), ["node-1", "node-9"], "it was not given up");
    assert_eq!(asked.await.missing, ["node-9"]);
}

#[tokio::test]
async fn a_members_earlier_start_and_its_earlier_messages_are_not_heard() {
    let mut scene = Scene::set().await;
    let stranger = &scene.stranger;
    let newest = epoch_now() + (1 << 32);
    let says = |subject: &str, epoch, seq, message: Message<'_>| {
        let envelope =
            Envelope { node: "node-9".to_owned(), epoch, seq, nth: seq, ..stranger.envelope(message) };
        stranger.publish(subject, envelope.bytes());
    };
    let (nodes, news) = (stranger.subjects().nodes(), stranger.subjects().room("/", "news"));
    says(&nodes, newest, 100, Message::Heartbeat { hello: false });
    scene.cluster.has(&["node-9"]).await;
    // Late, late, earlier start, later start without a heartbeat.
    says(&news, newest, 99, evil());
    says(&news, newest, 0, evil());
    says(&news, newest - 1, 101, evil());
    says(&news, newest + 1, 101, evil());
    scene.counted([0, 0], 2, "late", |node| node.link().late).await;
    scene.counted([0, 0], 2, "unknown senders", |node| node.link().unknown_sender).await;
    scene.nobody_is_disturbed().await;
    // Silent, it is gone.
    tokio::time::timeout(Duration::from_secs(10), scene.cluster.has(&[])).await.expect("it is missed");
}
