//! A node's pages and probes, and how it ends.

mod node;

use std::time::Instant;

use node::{DEADLINE, Folder, Node, body, rest_of};
use serde_json::{Value, json};

fn parsed(answer: &str) -> Value {
    serde_json::from_str(body(answer)).expect("JSON")
}

#[test]
fn the_probes_say_that_the_node_is_up_and_ready() {
    let node = Node::start(&[]);
    let health = node.get("/health");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert_eq!(parsed(&health)["node"], "test");
    let ready = node.get("/ready");
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    assert_eq!(parsed(&ready), json!({"ready": true, "node": "test"}));
}

#[test]
fn a_node_is_full_of_clients_and_not_of_sessions_that_nobody_takes_further() {
    let node = Node::start(&["--max-connections", "3"]);
    for _ in 0..4 {
        assert!(node.get("/socket.io/?EIO=4&transport=polling").starts_with("HTTP/1.1 200"));
    }
    assert!(node.get("/ready").starts_with("HTTP/1.1 200"));
    let _clients = [node.client(), node.client(), node.client()];
    let full = node.get("/ready");
    assert!(full.starts_with("HTTP/1.1 503"), "{full}");
    assert_eq!(parsed(&full)["reason"], "full: 3 of 3 connections");
}

#[test]
fn counters_are_shown_only_when_asked_for() {
    assert!(Node::start(&[]).get("/stats").starts_with("HTTP/1.1 404 "));
    let stats = Node::start(&["--stats"]).get("/stats");
    assert!(stats.starts_with("HTTP/1.1 200 ") && parsed(&stats).is_object(), "{stats}");
}

#[test]
fn the_page_is_served_with_a_strict_policy_and_the_path_of_the_settings() {
    let node = Node::start(&["--path", "/rt/io/"]);
    let page = node.get("/");
    let head = page.split("\r\n\r\n").next().expect("a head").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{head}");
    assert!(!head.contains("unsafe-inline"), "{head}");
    assert!(page.contains("data-path=\"/rt/io\""), "{page}");
    for asset in ["/chat.js", "/chat.css"] {
        assert!(node.get(asset).starts_with("HTTP/1.1 200 "), "{asset}");
    }
    assert!(node.get("/rt/io/?EIO=4&transport=polling").starts_with("HTTP/1.1 200 "));
    assert!(Node::start(&["--chat=false"]).get("/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn the_clients_bundle_comes_from_the_folder_of_the_settings() {
    let folder = Folder::new("bundle");
    folder.write("socket.io.esm.min.js", "export const io = 1;");
    let node = Node::start(&["--client-bundle", &folder.path()]);
    let bundle = node.get("/socket.io/socket.io.esm.min.js");
    assert!(bundle.starts_with("HTTP/1.1 200 ") && body(&bundle).contains("export const io"), "{bundle}");
}

#[test]
fn a_node_that_is_told_to_stop_says_goodbye_and_ends_with_status_0() {
    for name in ["TERM", "INT"] {
        let mut node = Node::start(&[]);
        let mut websocket = node.websocket();
        node.signal(name);
        let rest = rest_of(&mut websocket);
        assert!(rest.contains(&0x88), "{name}: a close frame in {rest:02x?}");
        assert_eq!(node.wait().code(), Some(0), "{name}");
    }
}

#[test]
fn a_client_that_does_not_read_cannot_hold_the_node_beyond_its_grace_period() {
    let mut node = Node::start(&["--close-timeout", "200ms", "--grace-period", "1s"]);
    let client = node.client();
    let start = Instant::now();
    node.signal("TERM");
    // The session stays without a poll; nobody fetches the goodbye.
    drop(client);
    assert_eq!(node.wait().code(), Some(0));
    assert!(start.elapsed() < DEADLINE);
}

#[test]
fn a_second_signal_ends_the_node_at_once() {
    let mut node = Node::start(&[]);
    // Stopped, it finds both when it goes on; which of them counts as the first is the system's choice.
    for name in ["STOP", "TERM", "INT", "CONT"] {
        node.signal(name);
    }
    let status = node.wait().code();
    assert!(matches!(status, Some(130 | 143)), "{status:?}");
}
