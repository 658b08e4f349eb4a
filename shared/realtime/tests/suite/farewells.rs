//! What is on its way when the server disconnects a socket: it reaches nobody on either side.

use std::{sync::mpsc, thread};

use natter::{Ack, Io, Socket, State};
use serde_json::{Value, json};

use crate::harness::{Journal, Server, eventually};

/// A server whose sockets note all events, and leave with `leave`.
fn noting(journal: &Journal) -> Server {
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.on("leave", |socket: Socket| async move { socket.disconnect(false) });
        socket.on("event", |log: State<Journal>| async move { log.note("event") });
        socket.on_any(|log: State<Journal>| async move { log.note("any") });
    });
    server
}

#[tokio::test]
async fn events_in_the_same_write_behind_a_disconnection_reach_no_handler() {
    let journal = Journal::default();
    let server = noting(&journal);
    let mut ann = server.client().await;
    ann.raw_at_once([r#"42["event"]"#, r#"42["leave"]"#, r#"42["event"]"#, r#"42["unknown"]"#]).await;
    ann.expect_disconnect().await;
    assert_eq!(ann.enter("/", Value::Null).await.kind, '0', "the connection stays");
    let stats = server.io.stats();
    assert_eq!((stats.late_packets, stats.unknown_events, stats.sockets), (2, 0, 1));
    assert_eq!(journal.rest(), ["any", "event", "any"]);
}

#[tokio::test]
async fn events_in_the_same_post_behind_a_disconnection_reach_no_handler() {
    let journal = Journal::default();
    let server = noting(&journal);
    let ann = server.poller().await;
    ann.post("40").await;
    ann.get().await;
    let body = ["event", "leave", "event", "unknown"].map(|event| format!(r#"42["{event}"]"#)).join("\u{1e}");
    assert_eq!(ann.post(&body).await.body, "ok");
    assert_eq!(ann.get().await.body, "41");
    assert_eq!(ann.post("40").await.body, "ok");
    assert!(ann.get().await.body.starts_with("40"), "the connection stays");
    let stats = server.io.stats();
    assert_eq!((stats.late_packets, stats.unknown_events, stats.sockets), (2, 0, 1));
    assert_eq!(journal.rest(), ["any", "event", "any"]);
}

/// The socket's thread is held while another one emits, so the events are under way for sure when it disconnects.
#[tokio::test]
async fn what_another_thread_emits_does_not_come_behind_the_disconnect_packet() {
    const ROUNDS: u64 = 200;
    let server = Server::start();
    let (hand_over, handed_over) = mpsc::channel::<Socket>();
    let (say, said) = mpsc::channel();
    let said = std::sync::Mutex::new(said);
    let said = std::sync::Arc::new(said);
    thread::spawn(move || {
        for socket in handed_over {
            for number in 0..6 {
                // From the fourth on it may be disconnected already.
                let sent = socket.emit("late", number);
                assert!(number >= 3 || sent.is_ok());
                if number == 2 {
                    say.send(()).unwrap();
                }
            }
        }
    });
    server.io.on_connect(move |socket: Socket| {
        let (hand_over, said) = (hand_over.clone(), said.clone());
        socket.on("leave", move |socket: Socket| {
            hand_over.send(socket.clone()).unwrap();
            said.lock().unwrap().recv().unwrap();
            socket.disconnect(false);
            async {}
        });
        socket.on("fence", |ack: Ack| async move { ack.send(()) });
        async {}
    });
    let mut ann = server.client().await;
    for _ in 0..ROUNDS {
        ann.emit("leave", json!([])).await;
        ann.expect_disconnect().await;
        ann.ask_for("/", Value::Null).await;
        let answer = ann.packet().await;
        assert_eq!(answer.kind, '0', "{answer:?}");
        ann.emit_asking("fence", json!([])).await;
        let fence = ann.packet().await;
        assert_eq!(fence.kind, '3', "{fence:?}");
    }
    eventually("events dropped", true, || server.io.stats().dropped_closed >= 3 * ROUNDS).await;
}
