//! One name, one node.

use std::time::Instant;

use natter::JoinClusterError;

use crate::harness::{Cluster, Node, soon};

#[tokio::test]
async fn of_two_nodes_with_one_name_the_second_refuses_and_the_first_is_not_disturbed() {
    let cluster = Cluster::of(2).await;
    let (first, other) = (cluster.node(0), cluster.node(1));
    let mut ann = first.member_of("news").await;
    let before = other.link();
    let second = Node::start(cluster.builder("node-0"));
    let view = second.view();
    let begun = Instant::now();
    let mut refused = Box::pin(view.joined());
    let mut rounds = 0;
    // Meanwhile and for some time after it: both ways, questions included.
    let mut outcome = None;
    while outcome.is_none() || rounds < 100 {
        other.io.to("news").emit("tick", rounds).unwrap();
        assert_eq!(ann.expect("tick").await[0], rounds);
        other.io.to(ann.id().to_owned()).emit("you", rounds).unwrap();
        assert_eq!(ann.expect("you").await[0], rounds);
        let counted = other.io.to("news").count().await;
        assert_eq!((counted.count, counted.missing), (1, vec![]), "in round {rounds}");
        let counted = first.io.count().await;
        assert_eq!((counted.count, counted.missing), (1, vec![]), "in round {rounds}");
        rounds += 1;
        if outcome.is_none() {
            outcome = tokio::time::timeout(std::time::Duration::from_millis(10), &mut refused).await.ok();
        }
        assert!(begun.elapsed() < crate::harness::PATIENCE, "the second does not refuse");
    }
    assert_eq!(outcome, Some(Err(JoinClusterError::NameTaken)));
    println!("refused after {:?}", begun.elapsed());
    let after = other.link();
    assert_eq!(
        (after.unknown_sender, after.lost, after.late),
        (before.unknown_sender, before.lost, before.late)
    );
    assert_eq!((first.view().is_ready(), first.view().nodes()), (true, vec!["node-1".to_owned()]));
    cluster.has(&[]).await;
    // What it is told has no effect, and nobody waits for it.
    second.io.emit("tick", ()).unwrap();
    let counted = soon("an answer", second.io.count()).await;
    assert_eq!(counted.count, 0);
    first.nothing_else_came_to(&mut ann).await;
}

#[tokio::test]
async fn of_two_nodes_that_start_at_once_with_one_name_one_stays() {
    let cluster = Cluster::of(1).await;
    let both = [Node::start(cluster.builder("twin")), Node::start(cluster.builder("twin"))];
    let views = both.each_ref().map(Node::view);
    let joined =
        soon("both to know", futures_util::future::join_all(views.iter().map(|view| view.joined()))).await;
    let stays = joined.iter().position(Result::is_ok).expect("one of them joins");
    assert_eq!(joined[1 - stays], Err(JoinClusterError::NameTaken));
    cluster.has(&["twin"]).await;
    let _ann = both[stays].connect().await;
    let counted = cluster.node(0).io.count().await;
    assert_eq!((counted.count, counted.missing), (1, vec![]));
}

#[tokio::test]
async fn a_node_that_is_killed_and_started_again_under_its_name_takes_its_place() {
    let cluster = Cluster::of(1).await;
    let here = cluster.node(0);
    let first = cluster.process("phoenix").await;
    let _ann = first.member_of("news").await;
    first.testbed().kill();
    // Long before anybody could miss the first one.
    let second = cluster.process("phoenix").await;
    let mut ben = second.member_of("news").await;
    here.io.to("news").emit("tick", ()).unwrap();
    ben.expect("tick").await;
    let found = here.io.fetch_sockets().await;
    assert_eq!((found.len(), found[0].id(), found.missing.len()), (1, ben.id(), 0));
    // Events the other way, and none of it is taken for the first one's.
    let mut eve = here.member_of("news").await;
    ben.emit("room", serde_json::json!(["news", 1])).await;
    assert_eq!(eve.expect("r").await[0], 1);
    let link = here.link();
    assert_eq!((link.unknown_sender, link.lost, link.late), (0, 0, 0));
}

#[tokio::test]
async fn nodes_of_another_cluster_on_the_same_server_are_not_heard() {
    let cluster = Cluster::of(1).await;
    let here = cluster.node(0);
    let foreign = |cluster: &Cluster| natter::Cluster::nats(&cluster.nats.url()).name("other");
    let other = Node::start(natter::Io::builder().node_name("node-0").cluster(foreign(&cluster)));
    other.joined().await;
    let mut ann = here.member_of("news").await;
    let mut ben = other.member_of("news").await;
    here.io.to("news").emit("of the first", ()).unwrap();
    other.io.to("news").emit("of the other", ()).unwrap();
    ann.expect("of the first").await;
    ben.expect("of the other").await;
    here.nothing_else_came_to(&mut ann).await;
    other.nothing_else_came_to(&mut ben).await;
    assert_eq!((here.link().foreign, here.view().nodes().len(), here.io.count().await.count), (0, 0, 1));
}
