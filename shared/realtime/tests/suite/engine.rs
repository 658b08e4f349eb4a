//! Raw Engine.IO: messages without events.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use natter::{Engine, EngineOptions, MessageData};
use std::net::SocketAddr;

use crate::harness::{Client, Journal, Poller, eventually, serve, soon};

struct Raw {
    engine: Engine,
    address: SocketAddr,
    handle: ServerHandle,
}

impl Drop for Raw {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Sends everything back, notes how connections end.
fn echo(journal: &Journal, options: EngineOptions) -> Raw {
    let engine = Engine::new(options);
    let journal = journal.clone();
    engine.on_connection(move |socket| {
        let (closed, noted) = (journal.clone(), journal.clone());
        socket.on_close(move |reason| closed.note(reason));
        noted.note(format!("{} {}", socket.transport(), socket.request().path()));
        let peer = socket.clone();
        socket.send_text("welcome");
        socket.on_message(move |message| match message.data {
            MessageData::Text(text) if &*text == "close" => peer.close(),
            MessageData::Text(text) if &*text == "panic" => panic!("a fault put in by a test"),
            MessageData::Text(text) => peer.send_text(&text),
            MessageData::Binary(bytes) => peer.send_binary(bytes),
        });
    });
    let routes = engine.clone();
    let (address, handle) = serve(move |config| routes.routes()(config));
    Raw { engine, address, handle }
}

#[tokio::test]
async fn messages_come_and_go_over_a_websocket() {
    let journal = Journal::default();
    let server = echo(&journal, EngineOptions::default());
    let mut ann = Client::open(server.address, "/engine.io").await;
    journal.expect("websocket /engine.io/").await;
    assert_eq!(ann.text().await, "welcome");
    ann.raw("4hello").await;
    assert_eq!(ann.text().await, "hello");
    ann.raw_bytes(&[1, 2, 3]).await;
    assert_eq!(ann.bytes().await, vec![1, 2, 3]);
    assert_eq!(server.engine.stats().received, 2);
    ann.raw("4close").await;
    ann.closed().await;
    journal.expect("forced server close").await;
    eventually("sessions", 0, || server.engine.stats().sessions).await;
}

#[tokio::test]
async fn messages_come_and_go_over_polling() {
    let journal = Journal::default();
    let server = echo(&journal, EngineOptions::default());
    let ann = Poller::open(server.address, "/engine.io").await;
    journal.expect("polling /engine.io/").await;
    assert_eq!(ann.get().await.body, "4welcome");
    assert_eq!(ann.post("4hello\u{1e}bAQID").await.body, "ok");
    assert_eq!(ann.get().await.body, "4hello\u{1e}bAQID");
    ann.post("1").await;
    journal.expect("transport close").await;
}

#[tokio::test]
async fn a_panic_ends_its_connection_and_no_other() {
    let journal = Journal::default();
    let server = echo(&journal, EngineOptions::default());
    let mut ann = Client::open(server.address, "/engine.io").await;
    let mut ben = Client::open(server.address, "/engine.io").await;
    for client in [&mut ann, &mut ben] {
        assert_eq!(client.text().await, "welcome");
        journal.expect("websocket /engine.io/").await;
    }
    ann.raw("4panic").await;
    assert_eq!(ann.closed().await, Some(1011));
    journal.expect("handler panicked").await;
    ben.raw("4still here").await;
    assert_eq!(ben.text().await, "still here");
    assert_eq!(server.engine.stats().handler_panics, 1);
}

#[tokio::test]
async fn a_raw_connection_may_stay_silent_and_ends_with_its_engine() {
    let journal = Journal::default();
    let options = EngineOptions { connect_timeout: Duration::from_millis(1), ..EngineOptions::default() };
    let server = echo(&journal, options);
    let mut ann = Client::open(server.address, "/engine.io").await;
    assert_eq!(ann.text().await, "welcome");
    journal.expect("websocket /engine.io/").await;
    ann.raw("4still here").await;
    assert_eq!(ann.text().await, "still here");
    let (code, ()) = tokio::join!(ann.closed(), async { soon("the end", server.engine.close()).await });
    assert_eq!(code, Some(1001));
    journal.expect("server shutting down").await;
}
