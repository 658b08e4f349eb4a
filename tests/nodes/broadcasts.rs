//! Broadcasts reach clients wherever they are connected.

use std::time::Duration;

use natter::{Args, Binary, EmitError, Limits};
use serde_json::json;

use crate::harness::{Cluster, eventually, is};

#[tokio::test]
async fn a_broadcast_reaches_the_members_of_a_room_on_every_node_and_nobody_else() {
    let cluster = Cluster::of(3).await;
    let mut members = Vec::new();
    let mut others = Vec::new();
    for node in cluster.nodes() {
        members.push(node.member_of("news").await);
        members.push(node.member_of("news").await);
        others.push(node.member_of("sport").await);
    }
    for node in cluster.nodes() {
        node.io.to("news").emit("tick", (node.name(), 1)).unwrap();
        for member in &mut members {
            assert_eq!(member.expect("tick").await, json!([node.name(), 1]));
        }
        for other in &mut others {
            node.nothing_else_came_to(other).await;
        }
    }
}

#[tokio::test]
async fn of_several_rooms_each_member_hears_a_broadcast_once() {
    let cluster = Cluster::of(3).await;
    let mut both = cluster.node(1).member_of("a").await;
    both.join("b").await;
    let mut one = cluster.node(2).member_of("b").await;
    let mut here = cluster.node(0).member_of("a").await;
    here.join("b").await;
    let sender = cluster.node(0);
    // Few rooms have a subject each, many go out under the namespace's.
    let many: Vec<String> =
        (0..40).map(|nth| format!("room-{nth}")).chain(["a".into(), "b".into()]).collect();
    for rooms in [vec!["a".to_owned(), "b".into(), "c".into()], many] {
        sender.io.to(rooms).emit("tick", ()).unwrap();
        for client in [&mut both, &mut one, &mut here] {
            client.expect("tick").await;
            sender.nothing_else_came_to(client).await;
        }
    }
    assert_eq!(cluster.node(1).link().lost, 0);
}

#[tokio::test]
async fn a_room_and_a_socket_of_another_node_together_hear_a_broadcast_once() {
    let cluster = Cluster::of(3).await;
    let mut ann = cluster.node(1).member_of("news").await;
    let mut ben = cluster.node(2).connect().await;
    let mut eve = cluster.node(2).connect().await;
    let sender = cluster.node(0);
    sender.io.to("news").to([ann.id(), ben.id()]).emit("tick", ()).unwrap();
    for client in [&mut ann, &mut ben] {
        client.expect("tick").await;
        sender.nothing_else_came_to(client).await;
    }
    sender.nothing_else_came_to(&mut eve).await;
}

#[tokio::test]
async fn excepted_rooms_and_sockets_are_left_out_on_every_node() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut clients = Vec::new();
    for node in [here, there] {
        clients.push(node.member_of("news").await);
        let mut muted = node.member_of("news").await;
        muted.join("muted").await;
        clients.push(muted);
    }
    let named = clients[2].id().to_owned();
    here.io.to("news").except("muted").emit("tick", 1).unwrap();
    here.io.to("news").except(named).emit("tick", 2).unwrap();
    here.io.except(["muted", "nobody"]).emit("tick", 3).unwrap();
    for (client, expected) in clients.iter_mut().zip([vec![1, 2, 3], vec![2], vec![1, 3], vec![2]]) {
        for number in expected {
            assert_eq!(client.expect("tick").await, json!([number]));
        }
        here.nothing_else_came_to(client).await;
    }
}

#[tokio::test]
async fn a_socket_reaches_the_others_of_its_rooms_and_of_its_namespace_but_not_itself() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = here.member_of("news").await;
    let mut ben = here.member_of("news").await;
    let mut eve = there.member_of("news").await;
    let mut zoe = there.connect().await;
    let socket = here.socket(&ann);
    socket.to("news").emit("room", ()).unwrap();
    socket.broadcast().emit("all", ()).unwrap();
    socket.in_("news").emit("others", ()).unwrap();
    for client in [&mut ben, &mut eve] {
        client.expect("room").await;
        client.expect("all").await;
    }
    zoe.expect("all").await;
    // `in` is `to`: both leave out the socket itself.
    for client in [&mut ben, &mut eve] {
        client.expect("others").await;
    }
    for client in [&mut ann, &mut zoe] {
        here.nothing_else_came_to(client).await;
    }
}

#[tokio::test]
async fn an_emit_to_an_id_reaches_that_socket_on_whatever_node() {
    let cluster = Cluster::of(3).await;
    let mut clients = Vec::new();
    for node in cluster.nodes() {
        clients.push(node.connect().await);
        clients.push(node.connect().await);
    }
    for node in cluster.nodes() {
        for client in &mut clients {
            let id = client.id().to_owned();
            node.io.to(id.clone()).emit("you", &id).unwrap();
            assert_eq!(client.expect("you").await, json!([id]));
        }
    }
    // Nobody of that name, and nobody at all.
    let gone = clients.pop().expect("there are six");
    let id = gone.id().to_owned();
    drop(gone);
    cluster.node(0).io.to(id).emit("you", ()).unwrap();
    cluster.node(0).io.to("AAAAAAAAAAAAAAAAAAAAAAAAAAA").emit("you", ()).unwrap();
    for client in &mut clients {
        cluster.node(0).nothing_else_came_to(client).await;
    }
}

#[tokio::test]
async fn local_stays_on_the_node() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = here.member_of("news").await;
    let mut ben = there.member_of("news").await;
    here.io.local().emit("all", ()).unwrap();
    here.io.to("news").local().emit("room", ()).unwrap();
    here.socket(&ann).local().emit("not me", ()).unwrap();
    here.io.local().to(ben.id().to_owned()).emit("you", ()).unwrap();
    ann.expect("all").await;
    ann.expect("room").await;
    for client in [&mut ann, &mut ben] {
        here.nothing_else_came_to(client).await;
    }
    eventually("nothing to have come but what ben has just heard", || is(there.link().delivered, 1)).await;
}

#[tokio::test]
async fn what_is_emitted_arrives_byte_for_byte_attachments_included() {
    let cluster = Cluster::of(2).await;
    let mut ben = cluster.node(1).member_of("news").await;
    let sender = cluster.node(0);
    let text = r#"12345678901234567890123,1.50,"\u00e4é☃\n",{"b":1,"a":[]}"#;
    let args = Args::from_json(&format!("[{text}]"), Vec::new()).unwrap();
    sender.io.to("news").emit("text", args).unwrap();
    assert_eq!(ben.packet().await.json, format!(r#"["text",{text}]"#));

    let bytes: Vec<u8> = (0..=255).collect();
    sender.io.to("news").emit("bytes", (Binary::from(bytes.clone()), "and", Binary::from(vec![]))).unwrap();
    let packet = ben.packet().await;
    assert_eq!(
        packet.event(),
        ("bytes".into(), json!([{"_placeholder": true, "num": 0}, "and", {"_placeholder": true, "num": 1}]))
    );
    assert_eq!((&*packet.attachments[0], packet.attachments[1].len()), (&*bytes, 0));

    let long = "x".repeat(700_000);
    sender.io.to("news").emit("long", &long).unwrap();
    assert_eq!(ben.expect("long").await[0], long);
}

#[tokio::test]
async fn an_event_that_is_too_large_for_nats_is_refused_and_counted_and_disturbs_nothing() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = here.member_of("news").await;
    let mut ben = there.member_of("news").await;
    // One after the other: so large an event passes only alone, whoever it is for.
    here.io.to("news").emit("first", ()).unwrap();
    ann.expect("first").await;
    let refused = here.io.to("news").emit("large", "x".repeat(1 << 20));
    assert!(matches!(refused, Err(EmitError::TooLarge { size, most }) if size > most), "{refused:?}");
    ann.expect("large").await;
    here.io.to("news").emit("last", ()).unwrap();
    ann.expect("last").await;
    ben.expect("first").await;
    ben.expect("last").await;
    assert_eq!((here.link().dropped_too_large, there.link().lost), (1, 0));
}

#[tokio::test]
async fn volatile_events_reach_clients_of_other_nodes_that_keep_up_and_are_dropped_for_those_that_do_not() {
    const EVENTS: usize = 64;
    let limits =
        || Limits { outbox_soft_bytes: 128 * 1024, outbox_hard_bytes: 16 * 1024 * 1024, ..Limits::default() };
    let cluster = Cluster::with(2, |builder| builder.limits(limits())).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = there.member_of("news").await;
    here.io.to("news").volatile().emit("tick", 0).unwrap();
    assert_eq!(ann.expect("tick").await, json!([0]));
    // It does not read: a little is in the kernel's buffers, then the outbox fills.
    let large = "x".repeat(200_000);
    let dropped = || there.io.stats().dropped_volatile;
    let mut emitted = 0;
    while dropped() == 0 {
        assert!(emitted < EVENTS, "nothing was dropped of {emitted} events");
        emitted += 1;
        here.io.to("news").volatile().emit("large", &large).unwrap();
        let all_came = || is(there.link().delivered, 1 + emitted as u64);
        eventually("the event to arrive at its node", all_came).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    here.io.to("news").emit("last", ()).unwrap();
    let mut larges = 0;
    loop {
        match ann.packet().await.event().0.as_str() {
            "large" => larges += 1,
            "last" => break,
            other => panic!("{other}"),
        }
    }
    let dropped = usize::try_from(dropped()).unwrap();
    assert_eq!(larges + dropped, emitted);
}
