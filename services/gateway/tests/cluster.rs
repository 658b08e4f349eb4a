//! Nodes in a cluster: when they are ready, what they tell their clients, and how they end. Each test has a NATS server of
//! its own.

mod node;

use std::time::{Duration, Instant};

use natter_tests::{NatsConfig, NatsServer, eventually_within};
use node::{DEADLINE, Folder, Node, Polling, body};
use serde_json::{Value, json};

fn ok() -> Value {
    json!({"ok": true})
}

/// Waits until `/ready` has this status, and gives what it says.
#[track_caller]
fn readiness(node: &Node, status: u16) -> Value {
    eventually_within(DEADLINE, &format!("/ready is {status}"), || {
        let answer = node.get("/ready");
        let said = serde_json::from_str(body(&answer)).map_err(|error| error.to_string())?;
        if answer.starts_with(&format!("HTTP/1.1 {status} ")) { Ok(said) } else { Err(answer) }
    })
}

/// Waits until a node has found that NATS is away; until then one that has just started is joining.
#[track_caller]
fn misses_nats(node: &Node) {
    let away = json!({"ready": false, "node": "test", "reason": "NATS is away"});
    eventually_within(DEADLINE, "NATS to be missed", || match readiness(node, 503) {
        said if said == away => Ok(()),
        said => Err(said.to_string()),
    });
}

/// Two nodes that know of each other.
fn two_nodes(nats: &NatsServer) -> (Node, Node) {
    let url = nats.url();
    let node = |name| Node::start_as(name, &["--nats", &url, "--stats"]);
    let (one, two) = (node("one"), node("two"));
    for node in [&one, &two] {
        readiness(node, 200);
        knows(node, 1);
    }
    (one, two)
}

/// Waits until a node knows of so many others.
#[track_caller]
fn knows(node: &Node, others: usize) {
    eventually_within(DEADLINE, &format!("it knows of {others} other nodes"), || {
        let stats = node.stats();
        let nodes = stats["cluster"]["nodes"].as_array().map(Vec::len);
        if nodes == Some(others) { Ok(()) } else { Err(stats["cluster"].to_string()) }
    });
}

/// The arguments of the next event of that name; others are passed over.
fn next_event(client: &Polling<'_>, name: &str) -> Vec<Value> {
    loop {
        let event: Vec<Value> = serde_json::from_str(&client.receive("42")).expect("an event");
        if event[0] == name {
            return event;
        }
    }
}

/// Waits until a look into the lobby finds this.
#[track_caller]
fn seen_eventually(client: &Polling<'_>, wanted: Value) {
    eventually_within(DEADLINE, "who is in the lobby", || match client.ask(91, r#"["who","lobby"]"#) {
        seen if seen == wanted => Ok(()),
        seen => Err(seen.to_string()),
    });
}

fn named(client: &Polling<'_>, name: &str) -> Value {
    let answer = client.ask(90, &json!(["name", name]).to_string());
    assert_eq!(answer["ok"], true, "{answer}");
    json!({"id": answer["id"], "name": name, "node": answer["node"]})
}

#[test]
fn a_node_serves_at_once_and_is_ready_while_nats_is_there() {
    let mut nats = NatsServer::start();
    nats.kill();
    let node = Node::start_with_log("info,async_nats=off", "test", &["--nats", &nats.url(), "--stats"]);
    let (ann, bob) = (node.client(), node.client());
    for _outage in 0..2 {
        misses_nats(&node);
        assert!(node.get("/health").starts_with("HTTP/1.1 200 "));
        assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
        assert_eq!(ann.ask(1, r#"["publish","lobby","news",1]"#), ok());
        assert_eq!(bob.receive("42"), r#"["news",1]"#);

        nats.restart();
        assert_eq!(readiness(&node, 200), json!({"ready": true, "node": "test"}));
        assert_eq!(node.stats()["cluster"]["state"], "ready");
        nats.kill();
    }
    readiness(&node, 503);
    let log = node.log();
    let said: Vec<_> =
        log.lines().filter_map(|line| line.split_once("the bus is ")).map(|(_, how)| how).collect();
    assert_eq!(said.iter().filter(|how| **how == "there").count(), 2, "each change is in the log: {log}");
    assert!(said.windows(2).all(|two| two[0] != two[1]), "and none twice: {log}");
}

#[test]
fn a_wrong_password_is_tried_again_until_it_is_the_right_one_and_never_shown() {
    let folder = Folder::new("password");
    let file = folder.write("password", "hunter1\n");
    let nats = NatsServer::start_with(&NatsConfig::user("node", "hunter2", "natter.natter"));
    let arguments = ["--nats", &nats.url(), "--nats-user", "node", "--nats-password-file", &file, "--stats"];
    let node = Node::start(&arguments);
    misses_nats(&node);
    let figures = eventually_within(DEADLINE, "NATS has said no", || {
        let figures = node.stats()["cluster"].clone();
        let no = figures["reason"].as_str().is_some_and(|why| why.contains("authorization"));
        if no { Ok(figures) } else { Err(figures.to_string()) }
    });
    folder.write("password", "hunter2\n");
    readiness(&node, 200);
    assert!(!format!("{figures} {}", node.log()).contains("hunter"), "{figures} {}", node.log());
}

#[test]
fn a_node_whose_name_is_taken_ends_with_a_status_of_its_own() {
    let nats = NatsServer::start();
    let url = nats.url();
    let first = Node::start(&["--nats", &url]);
    readiness(&first, 200);
    let mut second = Node::start(&["--nats", &url]);
    assert_eq!(second.wait().code(), Some(69));
    assert!(second.log().contains("another node of the cluster has this one's name"), "{}", second.log());
    readiness(&first, 200);
    // Another cluster may have a node of that name on the same NATS.
    readiness(&Node::start(&["--nats", &url, "--cluster", "another"]), 200);
}

#[test]
fn a_node_that_loses_its_name_while_it_is_stopped_tells_its_clients_and_ends() {
    let nats = NatsServer::start();
    let url = nats.url();
    let mut first = Node::start(&["--nats", &url]);
    readiness(&first, 200);
    let mut websocket = first.websocket();
    let witness = Node::start_as("witness", &["--nats", &url, "--stats"]);
    readiness(&witness, 200);
    knows(&witness, 1);
    first.signal("STOP");
    // It is given up, so its name is free.
    knows(&witness, 0);
    let second = Node::start(&["--nats", &url]);
    readiness(&second, 200);
    knows(&witness, 1);

    first.signal("CONT");
    assert_eq!(first.wait().code(), Some(69), "{}", first.log());
    let rest = node::rest_of(&mut websocket);
    assert!(rest.contains(&0x88), "a close frame in {rest:02x?}");
    readiness(&second, 200);
    knows(&witness, 1);
}

#[test]
fn a_join_that_is_under_way_is_waited_for_and_told_only_if_it_still_holds() {
    let nats = NatsServer::start();
    let (one, two) = two_nodes(&nats);
    let (ann, bob, carl) = (one.client(), two.client(), two.client());
    let carl_seen = named(&carl, "Carl");
    ann.ask(1, r#"["watch","lobby"]"#);
    bob.send("421[\"join\",\"lobby\"]\u{1e}422[\"leave\",\"lobby\"]");
    bob.receive("431");
    carl.ask(1, r#"["join","lobby"]"#);
    assert_eq!(
        next_event(&ann, "joined"),
        json!(["joined", "lobby", carl_seen]).as_array().expect("a list")[..],
        "Bob has left again"
    );

    bob.send("423[\"join\",\"news\"]\u{1e}424[\"join\",\"news\"]");
    assert!(bob.receive("43").starts_with("3["), "who joins again waits like the first time");
    assert_eq!(bob.receive("43"), r#"4[{"ok":true}]"#);
}

#[test]
fn nobody_joins_the_room_of_a_socket_whose_node_is_cut_off() {
    let nats = NatsServer::start();
    let (one, two) = two_nodes(&nats);
    let (ann, bob) = (one.client(), two.client());
    let id = named(&ann, "Ann")["id"].clone();
    one.signal("STOP");
    knows(&two, 0);
    assert_eq!(bob.ask(2, &json!(["join", id]).to_string())["error"], "this room is a socket's own");
    one.signal("CONT");
}

#[test]
fn a_room_spans_the_nodes_and_so_does_who_is_in_it() {
    let nats = NatsServer::start();
    let (one, two) = two_nodes(&nats);
    let (ann, bob, carl) = (one.client(), two.client(), two.client());
    let bob_seen = named(&bob, "Bob");
    assert_eq!(bob_seen["node"], "two");
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());

    let watched = ann.ask(1, r#"["watch","lobby"]"#);
    assert_eq!(watched, json!({"ok": true, "people": [bob_seen], "count": 1}));
    assert_eq!(ann.ask(2, r#"["publish","lobby","news",1e400,"\ud800"]"#), ok());
    assert_eq!(bob.receive("42"), r#"["news",1e400,"\ud800"]"#);

    let carl_seen = named(&carl, "Carl");
    carl.ask(1, r#"["join","lobby"]"#);
    assert_eq!(
        next_event(&ann, "joined"),
        json!(["joined", "lobby", carl_seen]).as_array().expect("a list")[..]
    );
    let carlo_seen = named(&carl, "Carlo");
    assert_eq!(
        next_event(&ann, "renamed"),
        json!(["renamed", "lobby", carlo_seen]).as_array().expect("a list")[..]
    );
    carl.send("1");
    assert_eq!(
        next_event(&ann, "left"),
        json!(["left", "lobby", carlo_seen]).as_array().expect("a list")[..]
    );
    assert_eq!(ann.ask(3, r#"["who","lobby"]"#), json!({"ok": true, "people": [bob_seen], "count": 1}));

    // To one client by its id, and to a room whose name could be an id.
    let id = bob_seen["id"].as_str().expect("an id");
    assert_eq!(ann.ask(4, &json!(["join", id]).to_string())["error"], "this room is a socket's own");
    assert_eq!(ann.ask(5, &json!(["publish", id, "psst"]).to_string()), ok());
    assert_eq!(bob.receive("42"), r#"["psst"]"#);
    let lookalike = "x".repeat(id.len());
    assert_eq!(bob.ask(2, &json!(["join", lookalike]).to_string()), ok());
    assert_eq!(ann.ask(6, &json!(["publish", lookalike, "hello"]).to_string()), ok());
    assert_eq!(bob.receive("42"), r#"["hello"]"#);
}

#[test]
fn who_is_on_a_node_that_dies_is_gone_for_those_who_watch_elsewhere() {
    let nats = NatsServer::start();
    let (one, two) = two_nodes(&nats);
    let (ann, bob) = (one.client(), two.client());
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(ann.ask(1, r#"["watch","lobby"]"#)["count"], 1);
    two.kill();
    assert_eq!(next_event(&ann, "node-left"), ["node-left", "two"]);
    assert_eq!(ann.ask(2, r#"["who","lobby"]"#), json!({"ok": true, "people": [], "count": 0}));
    // Who does not watch any more is not told.
    assert_eq!(ann.ask(3, r#"["unwatch","lobby"]"#), ok());
    let two = Node::start_as("two", &["--nats", &nats.url()]);
    readiness(&two, 200);
    knows(&one, 1);
    ann.send(r#"424["whoami"]"#);
    let next = ann.next();
    assert!(next.starts_with("434"), "{next}");
}

#[test]
fn a_node_that_was_stopped_comes_back_without_the_clients_it_had() {
    let nats = NatsServer::start();
    let (one, two) = two_nodes(&nats);
    let (ann, bob) = (one.client(), two.client());
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(ann.ask(1, r#"["watch","lobby"]"#)["count"], 1);
    two.signal("STOP");
    let stopped = Instant::now();
    assert_eq!(next_event(&ann, "node-left"), ["node-left", "two"]);
    // For longer than others wait for it since its last word, which was a moment before: only then it knows itself.
    eventually_within(DEADLINE, "3 s have passed", || match stopped.elapsed() {
        passed if passed > Duration::from_secs(3) => Ok(()),
        passed => Err(format!("{passed:?}")),
    });
    two.signal("CONT");
    assert_eq!(next_event(&ann, "look-again"), ["look-again"]);
    // It ends their connections first of all; a look in this very moment may still find one that is about to go.
    seen_eventually(&ann, json!({"ok": true, "people": [], "count": 0}));
    readiness(&two, 200);
    let again = two.client();
    assert_eq!(again.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(next_event(&ann, "joined")[2]["node"], "two");
}

#[test]
fn after_an_outage_of_nats_those_who_watch_are_asked_to_look_again() {
    let mut nats = NatsServer::start();
    let (one, two) = two_nodes(&nats);
    let (ann, bob) = (one.client(), two.client());
    assert_eq!(ann.ask(1, r#"["watch","lobby"]"#)["count"], 0);
    nats.kill();
    readiness(&one, 503);
    readiness(&two, 503);
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    let unseen = ann.ask(2, r#"["who","lobby"]"#);
    assert_eq!(unseen, json!({"ok": true, "people": [], "count": 0, "missing": ["two"]}));
    nats.restart();
    assert_eq!(next_event(&ann, "look-again"), ["look-again"]);
    eventually_within(DEADLINE, "both are there again", || match ann.ask(3, r#"["who","lobby"]"#) {
        seen if seen["count"] == 1 && seen["people"][0]["node"] == "two" => Ok(()),
        seen => Err(seen.to_string()),
    });
}

#[test]
fn a_node_that_is_told_to_stop_is_not_ready_first_and_says_goodbye_to_the_cluster_last() {
    let nats = NatsServer::start();
    let (one, spare) = two_nodes(&nats);
    spare.kill();
    let mut two =
        Node::start_as("three", &["--nats", &nats.url(), "--drain", "1500ms", "--close-timeout", "2s"]);
    readiness(&two, 200);
    let (ann, bob) = (one.client(), two.client());
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(ann.ask(1, r#"["watch","lobby"]"#)["count"], 1);
    two.signal("TERM");
    assert_eq!(readiness(&two, 503)["reason"], "shutting down");
    // It still serves.
    assert_eq!(bob.ask(2, r#"["publish","lobby","news"]"#), ok());
    assert_eq!(next_event(&ann, "left")[1], "lobby");
    assert_eq!(next_event(&ann, "node-left"), ["node-left", "three"]);
    drop(bob);
    assert_eq!(two.wait().code(), Some(0));
}

#[test]
fn counters_show_the_cluster() {
    let nats = NatsServer::start();
    let (one, _two) = two_nodes(&nats);
    let cluster = one.stats()["cluster"].clone();
    assert_eq!((&cluster["state"], &cluster["nodes"]), (&json!("ready"), &json!(["two"])));
    assert!(cluster["published"].as_u64().is_some_and(|count| count > 0), "{cluster}");
    assert!(Node::start(&["--stats"]).stats().get("cluster").is_none());
}
