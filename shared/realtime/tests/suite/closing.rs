//! The end of a server.

use std::{sync::Arc, time::Duration};

use natter::{DisconnectReason, Io, Socket, State};
use serde_json::Value;
use tokio::sync::Notify;

use crate::harness::{Client, Journal, Server, request, soon};

#[tokio::test]
async fn a_closing_server_tells_everybody_and_refuses_newcomers() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.on_disconnect(|reason: DisconnectReason, log: State<Journal>| async move { log.note(reason) });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    let poller = server.poller().await;
    poller.post("40").await;
    poller.get().await;
    server.io.emit("last words", ()).unwrap();
    poller.get().await;
    let poll = async {
        let mut said = String::new();
        loop {
            let answer = poller.get().await;
            if answer.status != 200 {
                return said;
            }
            said.push_str(&answer.body);
            if answer.body.ends_with('1') {
                return said;
            }
        }
    };
    let clients = async {
        ann.expect("last words").await;
        ben.expect("last words").await;
        assert_eq!(ann.closed().await, Some(1001));
        assert_eq!(ben.closed().await, Some(1001));
    };
    let (_, (), ()) = tokio::join!(poll, clients, async {
        soon("the end", server.io.close()).await;
    });
    for _ in 0..3 {
        journal.expect("server shutting down").await;
    }
    let stats = server.io.stats();
    assert_eq!((stats.sessions, stats.sockets, stats.closed["server shutting down"]), (0, 0, 3));
    let late = request(server.address, "GET /socket.io/?EIO=4&transport=polling", &[], "").await;
    assert_eq!((late.status, &late.json()["code"]), (403, &Value::from(4)));
    soon("a second close", server.io.close()).await;
}

#[tokio::test]
async fn a_polling_client_that_is_away_does_not_hold_the_end_up() {
    let server = Server::build(Io::builder().close_timeout(Duration::from_secs(3_600)));
    let ann = server.poller().await;
    ann.post("40").await;
    soon("the end", server.io.close()).await;
    assert_eq!(ann.get().await.json()["message"], "Session ID unknown");
}

/// It was asked before the end began and answers after it.
#[tokio::test]
async fn a_handshake_that_is_decided_while_the_server_closes_is_refused() {
    for websocket in [false, true] {
        let (journal, go_on) = (Journal::default(), Arc::new(Notify::new()));
        let (asked, decided) = (journal.clone(), go_on.clone());
        let server =
            Server::build(Io::builder().close_timeout(Duration::from_secs(3_600)).allow_request(move |_| {
                let (asked, decided) = (asked.clone(), decided.clone());
                async move {
                    asked.note("asked");
                    decided.notified().await;
                    Ok(())
                }
            }));
        let address = server.address;
        let handshake = tokio::spawn(async move {
            if websocket {
                let upgrade = [
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                ];
                request(address, "GET /socket.io/?EIO=4&transport=websocket", &upgrade, "").await.status
            } else {
                request(address, "GET /socket.io/?EIO=4&transport=polling", &[], "").await.status
            }
        });
        journal.expect("asked").await;
        soon("the end", server.io.close()).await;
        go_on.notify_one();
        assert_eq!(soon("an answer", handshake).await.unwrap(), if websocket { 400 } else { 403 });
        assert_eq!(server.io.stats().sessions, 0);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_hold_the_end_up() {
    let server = Server::build(Io::builder().close_timeout(Duration::from_secs(3_600)));
    let _ann: Client = server.client().await;
    soon("the end", server.io.close()).await;
    assert_eq!(server.io.stats().sessions, 0);
}

#[tokio::test]
async fn handlers_may_use_the_server_while_it_closes() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.join("room").await.unwrap();
        socket.on_disconnecting(|socket: Socket| async move {
            socket.to("room").emit("farewell", socket.id()).unwrap();
            socket.namespace().disconnect_sockets(true);
            socket.disconnect(true);
        });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    tokio::join!(async { ann.closed().await }, async { ben.closed().await }, async {
        soon("the end", server.io.close()).await
    });
    assert_eq!((server.io.stats().sessions, server.io.stats().sockets), (0, 0));
}
