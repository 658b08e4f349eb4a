//! What polling clients send.

use std::sync::Arc;

use natter::{Io, Limits, Socket, State};
use tokio::sync::Notify;

use crate::harness::{Journal, Server, eventually};

#[tokio::test]
async fn a_second_post_before_the_first_is_answered_is_refused_and_ends_the_session() {
    let (journal, release) = (Journal::default(), Arc::new(Notify::new()));
    let limits = Limits { pending_handlers: 1, ..Limits::default() };
    let server = Server::build(Io::builder().limits(limits).state(journal.clone()).state(release.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.on("wait", |log: State<Journal>, release: State<Arc<Notify>>| async move {
            log.note("waits");
            release.notified().await;
            log.note("released");
        });
        socket.on("event", |log: State<Journal>| async move { log.note("event") });
    });
    let ann = server.poller().await;
    ann.post("40").await;
    ann.get().await;
    let first = {
        let ann = ann.clone();
        tokio::spawn(async move { ann.post(r#"42["wait"]"#).await })
    };
    journal.expect("waits").await;
    let second = ann.post(r#"42["event"]"#).await;
    assert_eq!((second.status, &second.json()["code"]), (400, &3.into()));
    eventually("sessions", (0, 1), || {
        let stats = server.io.stats();
        (stats.sessions, stats.closed["transport error"])
    })
    .await;
    assert_eq!(first.await.unwrap().status, 200, "it was taken, and is not left without an answer");
    assert_eq!(ann.get().await.json()["code"], 1, "the session is unknown");
    release.notify_one();
    journal.expect("released").await;
    assert!(journal.rest().is_empty());
}
