//! Namespaces over several nodes.

use regex::Regex;

use crate::harness::{Cluster, eventually, is};

#[tokio::test]
async fn rooms_of_one_name_in_two_namespaces_have_nothing_to_do_with_each_other() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let (chat, _) = (here.open("/chat"), there.open("/chat"));
    let mut in_main = there.member_of("news").await;
    let mut in_chat = there.connect_to("/chat").await;
    in_chat.join("news").await;
    here.io.to("news").emit("of main", ()).unwrap();
    chat.to("news").emit("of chat", ()).unwrap();
    here.io.emit("all of main", ()).unwrap();
    chat.emit("all of chat", ()).unwrap();
    for event in ["of main", "all of main"] {
        in_main.expect(event).await;
    }
    for event in ["of chat", "all of chat"] {
        in_chat.expect(event).await;
    }
    chat.to(in_chat.id().to_owned()).emit("end", ()).unwrap();
    in_chat.expect("end").await;
    here.nothing_else_came_to(&mut in_main).await;
    assert_eq!((chat.count().await.count, here.io.count().await.count), (1, 1));
    // An id means one namespace only.
    here.io.to(in_chat.id().to_owned()).emit("wrong namespace", ()).unwrap();
    chat.to(in_chat.id().to_owned()).emit("end", ()).unwrap();
    in_chat.expect("end").await;
}

#[tokio::test]
async fn namespaces_that_come_into_being_on_one_node_are_reached_from_another() {
    let cluster = Cluster::with(2, |builder| builder.cleanup_empty_namespaces(true)).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let pattern = Regex::new("^/match-[0-9]+$").unwrap();
    for node in cluster.nodes() {
        node.io.of_matching(pattern.clone()).on_connect(node.connected());
    }
    let mut ann = there.connect_to("/match-1").await;
    let mut ben = there.connect_to("/match-2").await;
    ann.join("red").await;
    let subscriptions = there.link().subscriptions;
    // On this node nobody has asked for it yet: it is made by asking for its name.
    let first = here.io.of("/match-1");
    first.emit("all", 1).unwrap();
    first.to("red").emit("room", 1).unwrap();
    assert_eq!(ann.expect("all").await[0], 1);
    assert_eq!(ann.expect("room").await[0], 1);
    let found = first.fetch_sockets().await;
    assert_eq!(
        (found.len(), found[0].node(), found[0].rooms()),
        (1, "node-1", vec![ann.id().to_owned(), "red".into()])
    );
    here.io.of("/match-2").emit("end", ()).unwrap();
    ben.expect("end").await;
    // Its last client takes it along, and with it the subscriptions.
    drop(ann);
    eventually("the subscriptions to end", || is(there.link().subscriptions, subscriptions - 2)).await;
    assert!(first.fetch_sockets().await.is_empty());
    // And it comes again, as good as new.
    let mut eve = there.connect_to("/match-1").await;
    first.emit("again", ()).unwrap();
    eve.expect("again").await;
}

#[tokio::test]
async fn a_node_hears_nothing_of_a_namespace_that_nobody_is_in() {
    let cluster = Cluster::of(3).await;
    let chat: Vec<_> = cluster.nodes().iter().map(|node| node.open("/chat")).collect();
    let mut ann = cluster.node(1).connect_to("/chat").await;
    let _ben = cluster.node(2).connect().await;
    for nth in 0..1_000 {
        chat[0].emit("tick", nth).unwrap();
    }
    for nth in 0..1_000 {
        assert_eq!(ann.expect("tick").await[0], nth);
    }
    let heard = || is([0, 1, 2].map(|nth| cluster.node(nth).link().delivered), [0, 1_000, 0]);
    eventually("what each has heard", heard).await;
    assert!(cluster.node(2).link().received < 200, "heartbeats: {}", cluster.node(2).link().received);
}
