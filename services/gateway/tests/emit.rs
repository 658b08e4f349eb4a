//! `natter emit`: an event from a shell. Each test has a NATS server of its own.

mod node;

use std::process::Output;

use natter_tests::{NatsConfig, NatsServer, eventually_within};
use node::{DEADLINE, Folder, Node, natter};
use serde_json::json;

/// The form of a socket's id, of a node that is not here.
const NOBODYS: &str = "cqHGkMAAABTR1XfpYQkOSaUQutSjZSg";

fn emit(nats: &str, line: &[&str]) -> Output {
    natter().args(["emit", "--nats", nats]).args(line).output().expect("the binary runs")
}

#[track_caller]
fn emits(nats: &str, line: &[&str]) {
    let output = emit(nats, line);
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(output.status.code(), Some(0), "{line:?}: {}", String::from_utf8_lossy(&said));
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[track_caller]
fn fails(output: &Output, status: i32, because: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(because), "{because}: {said}");
}

fn ready(name: &str, nats: &str) -> Node {
    let node = Node::start_as(name, &["--nats", nats]);
    eventually_within(DEADLINE, "it is ready", || match node.get("/ready") {
        answer if answer.starts_with("HTTP/1.1 200 ") => Ok(()),
        answer => Err(answer),
    });
    node
}

#[test]
fn an_event_reaches_those_whom_it_is_for_on_every_node_once() {
    let nats = NatsServer::start();
    let nodes = [ready("one", &nats.url()), ready("two", &nats.url())];
    let clients: Vec<_> = nodes.iter().flat_map(|node| [node.client(), node.client()]).collect();
    for client in &clients {
        assert_eq!(client.ask(1, r#"["join","news"]"#)["ok"], true);
    }
    // One of each node is in a second room.
    for client in clients.iter().step_by(2) {
        assert_eq!(client.ask(2, r#"["join","chat"]"#)["ok"], true);
    }
    let id = clients[3].ask(3, r#"["whoami"]"#)["id"].clone();
    let id = id.as_str().expect("an id");

    let url = nats.url();
    emits(&url, &["--room", "news", "--event", "tick", r#"{"price":1}"#, "1e400", "-1", r#""\ud800""#]);
    emits(&url, &["--event", "all"]);
    emits(&url, &["--room", "news", "--room", "chat", "--event", "both", "--volatile", "2"]);
    emits(&url, &["--room", "news", "--except", "chat", "--event", "news-only"]);
    emits(&url, &["--to", id, "--event", "one"]);
    // Somebody else's namespace.
    emits(&url, &["--namespace", "/other", "--event", "nobody"]);
    emits(&url, &["--room", "news", "--event", "end"]);
    for (nth, client) in clients.iter().enumerate() {
        let mut wanted = vec![r#"["tick",{"price":1},1e400,-1,"\ud800"]"#, r#"["all"]"#, r#"["both",2]"#];
        if nth % 2 == 1 {
            wanted.push(r#"["news-only"]"#);
        }
        if nth == 3 {
            wanted.push(r#"["one"]"#);
        }
        wanted.push(r#"["end"]"#);
        let mut heard: Vec<_> = wanted.iter().map(|_| client.receive("42")).collect();
        // What is published under several subjects has no order.
        heard.sort();
        wanted.sort();
        assert_eq!(heard, wanted, "client {nth}");
        // And nothing more.
        client.send(r#"424["whoami"]"#);
        let next = client.next();
        assert!(next.starts_with("434"), "client {nth}: {next}");
    }
}

#[test]
fn an_event_that_does_not_reach_nats_is_an_error_that_says_why() {
    let mut nats = NatsServer::start();
    let large = json!("x".repeat(100 << 10)).to_string();
    let large: Vec<&str> =
        ["--event", "x"].into_iter().chain(std::iter::repeat_n(large.as_str(), 11)).collect();
    fails(&emit(&nats.url(), &large), 1, "more than the 1048576 that the bus carries");
    nats.kill();
    fails(&emit(&nats.url(), &["--event", "x"]), 1, "no connection within 5s");
}

#[test]
fn what_nats_forbids_is_an_error() {
    let folder = Folder::new("forbidden");
    let password = folder.write("password", "secret");
    let nats = NatsServer::start_with(&NatsConfig::user("program", "secret", "natter.mine"));
    let user = ["--event", "x", "--nats-user", "program", "--nats-password-file", &password];
    emits(&nats.url(), &[&user[..], &["--cluster", "mine"]].concat());
    let other = emit(&nats.url(), &[&user[..], &["--cluster", "other"]].concat());
    fails(&other, 1, "ermission");
    let wrong = folder.write("wrong", "hunter2");
    let wrong =
        emit(&nats.url(), &["--event", "x", "--nats-user", "program", "--nats-password-file", &wrong]);
    fails(&wrong, 1, "authorization");
    assert!(!String::from_utf8_lossy(&wrong.stderr).contains("hunter2"));
}

#[test]
fn a_program_needs_few_rights() {
    let folder = Folder::new("few_rights");
    let password = folder.write("password", "secret");
    let own = r#""natter.natter.program.>""#;
    let publish =
        format!(r#"["natter.natter.room.>", "natter.natter.all.>", "natter.natter.node.*", {own}]"#);
    let program = format!(
        r#"authorization {{ users = [ {{ user: "program", password: "secret", permissions: {{ publish: {publish}, subscribe: {own} }} }} ] }}"#
    );
    let nats = NatsServer::start_with(&NatsConfig::open().with(&program));
    let user = ["--event", "x", "--nats-user", "program", "--nats-password-file", &password];
    for target in [&[][..], &["--room", "größe"], &["--room", "a", "--room", "b"], &["--to", NOBODYS]] {
        emits(&nats.url(), &[&user[..], target].concat());
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    let nats = "nats://127.0.0.1:1";
    fails(&emit(nats, &["--event", "x", "{price:1}"]), 78, "\"{price:1}\" is not JSON");
    fails(&emit(nats, &["x"]), 78, "--event");
    for id in ["lobby", "cqHGkM", &NOBODYS[1..], &format!("{NOBODYS}A")] {
        fails(&emit(nats, &["--event", "x", "--to", id]), 78, &format!("{id:?} is no socket's id"));
    }
    fails(&emit(nats, &["--event", "connect"]), 78, "reserved");
    fails(&emit("none", &["--event", "x"]), 78, "--nats");
    fails(&emit("nats://ann:hunter2@a", &["--event", "x"]), 78, "`nats_password_file`");
}
