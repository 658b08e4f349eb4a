//! Members that say what no node would say. Whoever can publish is believed to be what it says it is, but nothing it says
//! may disturb a node or its clients.

use natter_cluster::message::{Broadcast, Message, Pipe, Question, Relay, Target};

use crate::{harness::Node, stranger::Scene};

fn target<'a>(namespace: &'a str, rooms: &[&'a str]) -> Target<'a> {
    Target { namespace, rooms: rooms.to_vec(), except: vec![] }
}

/// A text frame as a server sends it.
fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(u8::try_from(length).expect("it fits")),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend(u16::try_from(length).expect("it fits").to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

fn malformed(node: &Node) -> u64 {
    node.link().malformed
}

#[tokio::test]
async fn a_broadcast_that_is_no_event_of_its_namespace_reaches_no_client() {
    let mut scene = Scene::set().await;
    let deep = format!("42[\"evil\",{}{}]", "[".repeat(10_000), "]".repeat(10_000));
    let texts = [
        // Engine.IO's own packets, and what is none.
        "",
        "0{}",
        "1",
        "2",
        "2probe",
        "3",
        "5",
        "6",
        "7",
        "evil",
        "b4AAA",
        "é",
        // Socket.IO's packets that are no events, and events that ask for an acknowledgement.
        "4",
        "40",
        "40{\"sid\":\"evil\"}",
        "41",
        "43",
        "431[]",
        "44",
        "44{\"message\":\"evil\"}",
        "45",
        "46",
        "47",
        "421[\"evil\"]",
        "42/other,[\"evil\"]",
        "42/,1[\"evil\"]",
        // Events that clients would take for something else or choke on.
        "42",
        "42[]",
        "42[null]",
        "42{}",
        "42[\"evil\"",
        "42[\"evil\",]",
        "42[\"evil\"]x",
        "42[\"evil\",NaN]",
        "42[\"connect\"]",
        "42[\"connect_error\"]",
        "42[\"disconnect\"]",
        "42[\"disconnecting\"]",
        "42[\"newListener\"]",
        "42[\"removeListener\"]",
        &deep,
        // Attachments that do not come, and placeholders of none.
        "451-[\"evil\",{\"_placeholder\":true,\"num\":0}]",
        "4599999999999-[\"evil\"]",
        "4518446744073709551615-[\"evil\",{\"_placeholder\":true,\"num\":0}]",
    ];
    let mut packets: Vec<Vec<u8>> = texts.iter().map(|it| text(it)).collect();
    // Two packets, a packet and a half, attachments that nobody has announced or too many of them.
    packets.push([text("42[\"evil\"]"), text("42[\"evil\"]")].concat());
    packets.push([text("42[\"evil\"]"), vec![0x81]].concat());
    packets.push([text("42[\"evil\"]"), frame(0x82, b"evil")].concat());
    packets.push(frame(0x82, b"evil"));
    let one = text("451-[\"evil\",{\"_placeholder\":true,\"num\":0}]");
    packets.push([one.clone(), frame(0x82, b"1"), frame(0x82, b"2")].concat());
    packets.push([text("451-[\"evil\",{\"_placeholder\":true,\"num\":7}]"), frame(0x82, b"1")].concat());
    packets.push([one, text("42[\"evil\"]")].concat());
    // Frames that are none: fragments, control frames, reserved bits and opcodes, masks, lengths without end.
    packets.push(frame(0x01, b"42[\"evil\"]"));
    packets.push(frame(0x80, b"42[\"evil\"]"));
    packets.push(frame(0xc1, b"42[\"evil\"]"));
    packets.push(frame(0x83, b"42[\"evil\"]"));
    packets.push(frame(0x88, b"\x03\xe8evil"));
    packets.push(frame(0x89, b"evil"));
    packets.push(frame(0x81, b"42[\"\xff\"]"));
    packets.push(b"\x81\x8a\x00\x00\x00\x0042[\"evil\"]".to_vec());
    packets.push(vec![]);
    packets.push(vec![0x81]);
    packets.push(vec![0x81, 126]);
    packets.push(vec![0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, b'4']);
    packets.push(vec![0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, b'4']);
    let count = packets.len() as u64;
    for packet in packets {
        scene.stranger.broadcasts(&packet);
    }
    scene.counted([0, 0], count, "malformed", malformed).await;
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn targets_without_measure_and_of_nothing_disturb_nobody() {
    let mut scene = Scene::set().await;
    let names: Vec<String> = (0..60_000).map(|nth| format!("room-{nth}")).collect();
    let rooms: Vec<&str> = names.iter().map(String::as_str).collect();
    let long = "x".repeat(500_000);
    let packet = &text("42[\"evil\"]");
    let before = [scene.cluster.node(0).link().delivered, scene.cluster.node(1).link().delivered];
    let targets = [
        target("/", &rooms),
        Target {
            namespace: "/",
            rooms: vec!["news"],
            except: rooms.iter().copied().chain(["news"]).collect(),
        },
        target("/", &[&long]),
        target("/", &["", "\0", "news\r\n", "natter.test.>"]),
        target("/nowhere", &[]),
        target("", &[]),
    ];
    for node in scene.cluster.nodes() {
        for target in &targets {
            let packet: &[u8] =
                if target.namespace == "/nowhere" { &text("42/nowhere,[\"evil\"]") } else { packet };
            scene
                .stranger
                .says(node, Message::Broadcast(Broadcast { target: target.clone(), volatile: true, packet }));
        }
    }
    // The last one names no namespace, and so its packet is none of it.
    scene.counted(before, targets.len() as u64 - 1, "delivered", |node| node.link().delivered).await;
    scene.counted([0, 0], 1, "malformed", malformed).await;
    for node in scene.cluster.nodes() {
        assert_eq!(node.io.stats().rooms, 1, "naming rooms makes none");
    }
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn questions_that_make_no_sense_are_answered_and_disturb_nobody() {
    let mut scene = Scene::set().await;
    let names: Vec<String> = (0..60_000).map(|nth| format!("room-{nth}")).collect();
    let rooms: Vec<&str> = names.iter().map(String::as_str).collect();
    let garbage = [0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, b'4'];
    let broadcast = |packet| Broadcast { target: target("/", &["news"]), volatile: false, packet };
    let published = |node: &Node| node.link().published;
    let before = [published(scene.cluster.node(0)), published(scene.cluster.node(1))];
    let questions = || {
        [
            Question::Count(target("/nowhere", &[])),
            Question::Fetch(target("", &["", "news"])),
            // More than a socket may be in: it joins none of them.
            Question::Join { target: target("/", &["news"]), rooms: rooms.clone() },
            Question::Leave { target: target("/", &["news"]), rooms: rooms.clone() },
            Question::Disconnect { target: target("/nowhere", &[]), close: true },
            Question::Acks(broadcast(&garbage)),
            Question::Acks(broadcast(b"")),
            Question::Acks(broadcast(b"\x81\x0b421[\"evil\"]")),
            Question::ServerSideEmit {
                namespace: "/nowhere",
                event: "evil",
                arguments: "[]",
                wants_ack: true,
            },
            Question::ServerSideEmit {
                namespace: "/",
                event: "evil",
                arguments: "{not JSON",
                wants_ack: true,
            },
            Question::ServerSideEmit { namespace: "/", event: "", arguments: "[]", wants_ack: false },
            Question::Relay(Relay::Poll { sid: "" }),
            Question::Relay(Relay::Poll { sid: "AAAAAAAAAAAAAAAAAAAAAA" }),
            Question::Relay(Relay::Post {
                sid: "AAAAAAAAAAAAAAAAAAAAAA",
                at: u64::MAX,
                last: true,
                body: &garbage,
            }),
            Question::Relay(Relay::Upgrade { sid: "AAAAAAAAAAAAAAAAAAAAAA", pipe: u64::MAX }),
        ]
    };
    for node in scene.cluster.nodes() {
        for (id, question) in questions().into_iter().enumerate() {
            let timeout_ms = if id % 2 == 0 { u64::MAX } else { 0 };
            scene.stranger.says(node, Message::Ask { id: u64::MAX - id as u64, timeout_ms, question });
        }
    }
    for (node, before) in scene.cluster.nodes().iter().zip(before) {
        // Its heartbeats count too.
        crate::harness::eventually("an answer to each question", || match published(node) - before {
            more if more >= questions().len() as u64 => Ok(()),
            other => Err(other.to_string()),
        })
        .await;
        assert!(node.io.stats().rooms <= 1, "{}", node.shows());
    }
    scene.nobody_is_disturbed().await;
}

#[tokio::test]
async fn answers_that_nobody_waits_for_and_pipes_that_nobody_has_are_dropped() {
    let mut scene = Scene::set().await;
    for node in scene.cluster.nodes() {
        for id in [0, 1, 2, u64::MAX] {
            for (part, last, failed) in [(0, true, false), (7, false, false), (u32::MAX, true, true)] {
                scene.stranger.says(node, Message::Answer { id, part, last, failed, body: b"evil" });
            }
        }
        for by_owner in [true, false] {
            let at = u64::MAX;
            for what in [Pipe::Bytes { at, bytes: b"evil" }, Pipe::Taken(u64::MAX), Pipe::Taken(0), Pipe::End]
            {
                scene.stranger.says(node, Message::Pipe { pipe: 1, by_owner, what });
            }
        }
    }
    scene.counted([0, 0], 12, "unasked", |node| node.link().unasked).await;
    scene.nobody_is_disturbed().await;
}

/// Many names that come and go, and names without measure.
#[tokio::test]
async fn a_crowd_of_members_that_never_were_is_forgotten() {
    let mut scene = Scene::set().await;
    let nodes = scene.stranger.subjects().nodes();
    let long = "x".repeat(200_000);
    let names =
        (0..500).map(|nth| format!("ghost-{nth}")).chain([String::new(), long, "natter.>\r\n".into()]);
    for name in names {
        let mut envelope = scene.stranger.envelope(Message::Heartbeat { hello: true });
        envelope.node = name;
        scene.stranger.publish(&nodes, envelope.bytes());
    }
    let count = |node: &Node| node.view().nodes().len() as u64;
    scene.counted([0, 0], 504, "members", count).await;
    scene.counted([0, 0], 1, "members", count).await;
    scene.nobody_is_disturbed().await;
}
