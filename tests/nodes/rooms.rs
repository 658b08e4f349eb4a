//! Rooms over several nodes: joining, leaving, and from when on a join counts.

use std::collections::BTreeSet;

use natter::{JoinError, Limits};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::harness::{Client, Cluster, Node, soon};

/// Emits to a room from a node, and returns which of the clients have heard it.
async fn who_hears<'a>(
    from: &Node,
    room: &str,
    clients: impl IntoIterator<Item = (&'a str, &'a mut Client)>,
) -> BTreeSet<String> {
    from.io.to(room.to_owned()).emit("tick", ()).expect("there is room");
    let mut heard = BTreeSet::new();
    for (name, client) in clients {
        from.io.to(client.id().to_owned()).emit("end", ()).expect("there is room");
        let listening = async {
            while client.packet().await.event().0 == "tick" {
                assert!(heard.insert(name.to_owned()), "{name} has heard it twice");
            }
        };
        soon("the end", listening).await;
    }
    heard
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn sockets_on_every_node_are_made_to_join_and_to_leave() {
    let cluster = Cluster::of(3).await;
    let here = cluster.node(0);
    let mut ann = here.connect().await;
    let mut ben = cluster.node(1).member_of("staff").await;
    let mut eve = cluster.node(2).member_of("staff").await;
    macro_rules! heard {
        ($node:expr, $room:expr) => {
            who_hears($node, $room, [("ann", &mut ann), ("ben", &mut ben), ("eve", &mut eve)]).await
        };
    }
    here.io.sockets_join(["news", "sport"]).await;
    // It has resolved, so every subscription is active.
    assert_eq!(heard!(cluster.node(1), "news"), names(["ann", "ben", "eve"]));
    assert_eq!(heard!(cluster.node(2), "sport"), names(["ann", "ben", "eve"]));
    here.io.in_("staff").sockets_leave("news").await;
    assert_eq!(heard!(cluster.node(1), "news"), names(["ann"]));
    assert_eq!(heard!(cluster.node(2), "sport"), names(["ann", "ben", "eve"]));
    here.io.in_("staff").except(eve.id().to_owned()).sockets_join("night").await;
    assert_eq!(heard!(cluster.node(2), "night"), names(["ben"]));
    here.io.local().sockets_join("local").await;
    assert_eq!(heard!(cluster.node(2), "local"), names(["ann"]));
    here.io.local().sockets_leave("sport").await;
    assert_eq!(heard!(here, "sport"), names(["ben", "eve"]));
    cluster.node(2).io.sockets_leave(["sport", "staff", "night"]).await;
    for room in ["sport", "staff", "night"] {
        assert_eq!(heard!(here, room), names([]));
    }
}

#[tokio::test]
async fn one_socket_of_another_node_is_made_to_join_and_to_leave_by_its_id() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = there.connect().await;
    let mut ben = there.connect().await;
    let id = ann.id().to_owned();
    here.io.in_(id.clone()).sockets_join("news").await;
    assert_eq!(who_hears(here, "news", [("ann", &mut ann), ("ben", &mut ben)]).await, names(["ann"]));
    let found = here.io.in_(id).fetch_sockets().await;
    found[0].leave("news").await;
    assert_eq!(who_hears(here, "news", [("ann", &mut ann), ("ben", &mut ben)]).await, names([]));
    found[0].join("sport").await;
    assert_eq!(who_hears(here, "sport", [("ann", &mut ann), ("ben", &mut ben)]).await, names(["ann"]));
    found[0].emit("you", 1).unwrap();
    assert_eq!(ann.expect("you").await[0], 1);
}

/// A thousand times, in rooms that nobody has been in and in rooms that were left just before.
#[tokio::test]
async fn who_has_joined_misses_nothing_that_another_node_emits_from_then_on() {
    const CLIENTS: usize = 10;
    let cluster = Cluster::of(2).await;
    let comes_and_goes = (0..CLIENTS).map(|nth| {
        let (here, there) = (cluster.node(nth % 2), cluster.node(1 - nth % 2));
        async move {
            let mut ann = here.connect().await;
            for round in 0..1_000 / CLIENTS {
                let room = format!("room-{}-{nth}", round % 30);
                ann.join(&room).await;
                there.io.to(room.clone()).emit("tick", round).unwrap();
                assert_eq!(ann.expect("tick").await[0], round);
                ann.leave(&room).await;
            }
        }
    });
    futures_util::future::join_all(comes_and_goes).await;
}

#[tokio::test]
async fn who_has_connected_misses_nothing_that_another_node_says_to_its_namespace() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let (_, elsewhere) = (here.open("/chat"), there.open("/chat"));
    for round in 0..200 {
        let mut ann = here.connect_to("/chat").await;
        elsewhere.emit("tick", round).unwrap();
        assert_eq!(ann.expect("tick").await[0], round);
    }
}

/// What would mean something in a subject of NATS, or in its protocol.
const ODD_NAMES: [&str; 9] = ["a.>", "*", ">", "a.*", "\r\nPUB x 0", " ", "", "a..b", "%2E"];

#[tokio::test]
async fn rooms_of_any_name_are_safe_subjects_and_disturb_nobody() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    // A stranger to the cluster, who would hear of what gets out of it.
    let mut stranger = tokio::net::TcpStream::connect(cluster.nats.address()).await.expect("NATS listens");
    stranger.write_all(b"CONNECT {\"verbose\":false}\r\nSUB x 1\r\nSUB a.> 2\r\n").await.expect("NATS reads");

    let mut bystander = there.member_of("a.b").await;
    for room in ODD_NAMES {
        let mut ann = there.member_of(room).await;
        let clients = [("ann", &mut ann), ("bystander", &mut bystander)];
        assert_eq!(who_hears(here, room, clients).await, names(["ann"]), "room {room:?}");
        let found = here.io.in_(room).count().await;
        assert_eq!((found.count, found.missing), (1, vec![]), "room {room:?}");
        ann.leave(room).await;
        assert_eq!(who_hears(here, room, [("ann", &mut ann)]).await, names([]), "room {room:?}");
    }
    assert_eq!(who_hears(here, "a.b", [("bystander", &mut bystander)]).await, names(["bystander"]));

    stranger.write_all(b"PING\r\n").await.expect("NATS reads");
    let mut heard = BufReader::new(stranger).lines();
    loop {
        let line = soon("a line", heard.next_line()).await.expect("NATS answers").expect("another line");
        match &line[..4] {
            "INFO" | "PING" => {}
            "PONG" => break,
            _ => panic!("the stranger has heard {line:?}"),
        }
    }
    undisturbed(&cluster);
}

#[tokio::test]
async fn a_room_whose_name_is_too_long_is_refused_and_disturbs_nobody() {
    let cluster = Cluster::of(2).await;
    let (here, there) = (cluster.node(0), cluster.node(1));
    let mut ann = there.member_of("news").await;
    for length in [256, 5_000, 1_000_000] {
        let room = "r".repeat(length);
        let refused = there.socket(&ann).join(room.clone()).await;
        assert_eq!(refused, Err(JoinError::NameTooLong(255)), "{length} bytes");
        assert_eq!(who_hears(here, &room, [("ann", &mut ann)]).await, names([]), "{length} bytes");
        assert_eq!(who_hears(there, &room, [("ann", &mut ann)]).await, names([]), "{length} bytes");
        here.io.to("news").sockets_join(room.clone()).await;
        assert_eq!(here.io.in_(room).count().await.count, 0, "{length} bytes");
        assert_eq!(who_hears(here, "news", [("ann", &mut ann)]).await, names(["ann"]));
    }
    // The longest ones take three bytes of a subject for each of their own.
    for longest in ["r".repeat(255), ".".repeat(255)] {
        let mut ben = there.member_of(&longest).await;
        assert_eq!(who_hears(here, &longest, [("ben", &mut ben)]).await, names(["ben"]));
    }
    undisturbed(&cluster);
}

#[tokio::test]
async fn a_larger_limit_for_names_ends_where_the_subjects_of_nats_do() {
    let limits = Limits { name_bytes: 5_000, ..Limits::default() };
    let cluster = Cluster::with(2, |builder| builder.limits(limits.clone())).await;
    let namespace = format!("/{}", ".".repeat(599));
    for node in cluster.nodes() {
        node.open(&namespace);
    }
    let mut ann = cluster.node(1).connect_to(&namespace).await;
    let longest = ".".repeat(600);
    ann.join(&longest).await;
    cluster.node(0).io.of(&namespace).to(longest.clone()).emit("tick", ()).unwrap();
    ann.expect("tick").await;
    let refused = cluster.node(1).socket(&ann).join(longest + ".").await;
    assert_eq!(refused, Err(JoinError::NameTooLong(600)));
    undisturbed(&cluster);
}

/// Nothing was lost, nobody had to connect to NATS again.
fn undisturbed(cluster: &Cluster) {
    for node in cluster.nodes() {
        assert!(node.view().is_ready(), "{}", node.shows());
        let link = node.link();
        let harm = [link.outages, link.restarts, link.lost, link.malformed];
        assert_eq!(harm, [0; 4], "{}", node.shows());
    }
}
