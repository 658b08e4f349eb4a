//! Events between the servers.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use natter::{AckError, Args, EmitError, ServerSideEvent};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{Cluster, Node, PATIENCE, soon};

/// What the listeners of the nodes hear: the node's name, and the arguments.
fn heard_by(nodes: &[Node], namespace: &str, event: &str) -> mpsc::UnboundedReceiver<(String, Value)> {
    let (told, heard) = mpsc::unbounded_channel();
    for node in nodes {
        let (told, name) = (told.clone(), node.name().to_owned());
        node.open(namespace).on_server_side(event, move |event: ServerSideEvent| {
            let args: Value = serde_json::from_str(&format!("[{}]", event.args().json())).expect("JSON");
            told.send((name.clone(), args)).expect("the test listens");
            std::future::ready(())
        });
    }
    heard
}

fn sorted(responses: &[Args]) -> Vec<String> {
    let mut all: Vec<_> = responses.iter().map(|args| args.json().to_owned()).collect();
    all.sort_unstable();
    all
}

fn answers_with_its_name(node: &Node) {
    let name = node.name().to_owned();
    node.io.on_server_side("who", move |event: ServerSideEvent| {
        event.ack(&name).expect("a name has a JSON form");
        std::future::ready(())
    });
}

#[tokio::test]
async fn an_event_reaches_the_listeners_of_all_other_nodes_in_order() {
    let cluster = Cluster::of(3).await;
    let mut heard = heard_by(cluster.nodes(), "/", "hello");
    let mut chat = heard_by(cluster.nodes(), "/chat", "hello");
    for number in 0..100 {
        cluster.node(0).io.server_side_emit("hello", (number, "ä")).unwrap();
    }
    cluster.node(0).io.server_side_emit("unheard", ()).unwrap();
    let mut next = [0, 0];
    for _ in 0..200 {
        let (node, args) = soon("an event", heard.recv()).await.unwrap();
        let nth = ["node-1", "node-2"].iter().position(|name| *name == node).expect("another node");
        assert_eq!(args, json!([next[nth], "ä"]));
        next[nth] += 1;
    }
    cluster.node(1).io.of("/chat").server_side_emit("hello", ()).unwrap();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let (node, args) = soon("an event", chat.recv()).await.unwrap();
        assert_eq!(args, json!([]));
        nodes.push(node);
    }
    nodes.sort();
    assert_eq!(nodes, ["node-0", "node-2"]);
    assert!(heard.try_recv().is_err(), "nobody else was meant");
}

#[tokio::test]
async fn all_other_nodes_acknowledge() {
    let cluster = Cluster::of(3).await;
    cluster.nodes().iter().for_each(answers_with_its_name);
    let answers = soon("the answers", cluster.node(1).io.server_side_emit_with_ack("who", ())).await.unwrap();
    assert_eq!(sorted(&answers), [r#""node-0""#, r#""node-2""#]);
}

#[tokio::test]
async fn a_node_alone_has_nobody_to_wait_for() {
    let cluster = Cluster::of(1).await;
    answers_with_its_name(cluster.node(0));
    let answers = soon("the end", cluster.node(0).io.server_side_emit_with_ack("who", ())).await;
    assert!(answers.unwrap().is_empty());
}

#[tokio::test]
async fn who_does_not_acknowledge_is_named_beside_the_answers_that_came() {
    let cluster = Cluster::with(4, |builder| builder.ack_timeout(Duration::from_millis(600))).await;
    answers_with_its_name(cluster.node(1));
    // It keeps the event, and so the asker waits for it.
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeps = kept.clone();
    cluster.node(2).io.on_server_side("who", move |event: ServerSideEvent| {
        keeps.lock().unwrap().push(event);
        std::future::ready(())
    });
    // It has no listener, which is known at once.
    let asked = Instant::now();
    let error = soon("the end", cluster.node(0).io.server_side_emit_with_ack("who", ())).await.unwrap_err();
    assert!(asked.elapsed() >= Duration::from_millis(600), "after {:?}", asked.elapsed());
    assert!(matches!(error.cause, AckError::Timeout(_)), "{error:?}");
    assert_eq!(sorted(&error.responses), [r#""node-1""#]);
    let mut missing = error.missing_nodes;
    missing.sort();
    assert_eq!(missing, ["node-2", "node-3"]);
    kept.lock().unwrap()[0].ack("late").unwrap();
}

#[tokio::test]
async fn nodes_without_an_answer_are_named_at_once() {
    let cluster = Cluster::of(3).await;
    cluster.node(1).io.on_server_side("who", |_| async { panic!("as the test wants it") });
    let asked = Instant::now();
    let error = soon("the end", cluster.node(0).io.server_side_emit_with_ack("who", ())).await.unwrap_err();
    assert!(asked.elapsed() < PATIENCE / 2, "after {:?}", asked.elapsed());
    let mut missing = error.missing_nodes;
    missing.sort();
    assert_eq!(missing, ["node-1", "node-2"]);
    assert_eq!(cluster.node(1).io.stats().handler_panics, 1);
    // The thread of the listeners has survived it.
    answers_with_its_name(cluster.node(2));
    cluster.node(1).io.on_server_side("again", |event: ServerSideEvent| async move { event.ack(1).unwrap() });
    cluster.node(2).io.on_server_side("again", |event: ServerSideEvent| async move { event.ack(2).unwrap() });
    let answers =
        soon("the answers", cluster.node(0).io.server_side_emit_with_ack("again", ())).await.unwrap();
    assert_eq!(sorted(&answers), ["1", "2"]);
}

#[tokio::test]
async fn only_the_first_acknowledgement_counts_and_what_can_not_be_sent_is_an_error() {
    let cluster = Cluster::of(2).await;
    cluster.node(1).io.on_server_side("who", |event: ServerSideEvent| async move {
        event.ack("first").unwrap();
        event.ack("second").unwrap();
    });
    let here = &cluster.node(0).io;
    let answers = soon("the answers", here.server_side_emit_with_ack("who", ())).await.unwrap();
    assert_eq!(sorted(&answers), [r#""first""#]);
    let bytes = natter::Binary::from(vec![1, 2, 3]);
    assert!(matches!(here.server_side_emit("who", bytes), Err(EmitError::Encode(_))));
}

#[tokio::test]
async fn only_the_names_of_a_servers_own_events_are_reserved() {
    let cluster = Cluster::of(2).await;
    let mut heard = heard_by(&cluster.nodes()[1..], "/", "disconnect");
    let here = &cluster.node(0).io;
    for name in ["connect", "connection", "new_namespace"] {
        assert_eq!(here.server_side_emit(name, ()), Err(EmitError::ReservedName(name.to_owned())));
    }
    let long = "n".repeat(256);
    assert_eq!(here.server_side_emit(&long, ()), Err(EmitError::NameTooLong(255)));
    here.server_side_emit("disconnect", "soon").unwrap();
    assert_eq!(soon("the event", heard.recv()).await.unwrap(), ("node-1".to_owned(), json!(["soon"])));
}
