//! Catch-all functions for what a client is sent.

use natter::{Ack, Io, Socket, State};
use serde_json::json;

use crate::harness::{Journal, Server, eventually};

#[tokio::test]
async fn a_watcher_sees_emits_and_broadcasts_but_no_acknowledgements() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket, journal: State<Journal>| async move {
        socket.on_any_outgoing(move |event, args| journal.note(format!("{event} {}", args.json())));
        socket.on("ask", |ack: Ack| async move { ack.send("answer") });
        socket.on("stop", |socket: Socket, ack: Ack| async move {
            socket.off_any_outgoing();
            ack.send(())
        });
        socket.join("room").await.unwrap();
        socket.emit("single", (1, 2)).unwrap();
    });
    let mut ann = server.client().await;
    ann.expect("single").await;
    ann.request("ask", json!([])).await;
    server.io.to("room").emit("to the room", "x").unwrap();
    ann.expect("to the room").await;
    server.io.except("room").emit("to others", ()).unwrap();
    server.io.emit("to all", ()).unwrap();
    ann.expect("to all").await;
    assert_eq!(journal.rest(), ["single 1,2", r#"to the room "x""#, "to all "]);
    ann.request("stop", json!([])).await;
    server.io.emit("unseen", ()).unwrap();
    ann.expect("unseen").await;
    assert!(journal.rest().is_empty());
}

#[tokio::test]
async fn a_watcher_may_itself_emit_to_everybody() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        let watcher = socket.clone();
        socket.on_any_outgoing(move |event, _| {
            if event == "news" {
                watcher.namespace().emit("echo", watcher.id()).unwrap();
                drop(watcher.join("reached"));
            }
        });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    server.io.emit("news", ()).unwrap();
    for client in [&mut ann, &mut ben] {
        let mut names = vec![];
        for _ in 0..3 {
            names.push(client.packet().await.event().0);
        }
        names.sort();
        assert_eq!(names, ["echo", "echo", "news"]);
    }
    eventually("rooms", 1, || server.io.stats().rooms).await;
    assert_eq!(server.io.to("reached").count().await.count, 2);
}

/// Whoever emits, and wherever: the fault is of the watcher's socket, and nobody else pays for it.
#[tokio::test]
async fn a_watcher_that_panics_costs_its_client_at_most() {
    for from_a_handler in [false, true] {
        let server = Server::start();
        server.io.on_connect(|socket: Socket| async move {
            socket.on("watch", |socket: Socket, ack: Ack| async move {
                socket.on_any_outgoing(|event, _| assert_ne!(event, "news", "a fault put in by a test"));
                ack.send(())
            });
            socket.on("tell", |socket: Socket| async move { socket.broadcast().emit("news", ()) });
        });
        let (mut ann, mut ben) = server.two_clients().await;
        let mut same_thread_as_ann = server.client().await;
        while same_thread_as_ann.shard() != ann.shard() {
            same_thread_as_ann = server.client().await;
        }
        ann.request("watch", json!([])).await;
        if from_a_handler {
            ben.emit("tell", json!([])).await;
        } else {
            server.io.emit("news", ()).unwrap();
            ben.expect("news").await;
        }
        same_thread_as_ann.expect("news").await;
        server.io.emit("still here", ()).unwrap();
        ben.expect("still here").await;
        same_thread_as_ann.expect("still here").await;
        eventually("panics", 1, || server.io.stats().handler_panics).await;
    }
}
