//! Faults in handlers cost the client whose handler it is, at most.

use natter::{Ack, Cors, Data, Io, RequestHead, Socket, State};
use serde_json::{Value, json};

use crate::harness::{Journal, Server, eventually, request, soon};

/// Handlers that panic where the client says, at once or after an await.
fn faulty(journal: &Journal) -> Server {
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket, Data(auth): Data<Value>| {
        let place = auth["panic in"].as_str().unwrap_or_default().to_owned();
        assert_ne!(place, "connection, at once", "a fault put in by a test");
        async move {
            socket.join("room").await.unwrap();
            for (event, later) in [("event, at once", false), ("event, later", true)] {
                socket.on(event, move || {
                    assert!(later, "a fault put in by a test");
                    async move {
                        tokio::task::yield_now().await;
                        assert!(!later, "a fault put in by a test");
                    }
                });
            }
            socket.on("fail", || async { Err::<(), _>("an error") });
            let here = place.clone();
            socket.on_error(move |_| {
                assert_ne!(here, "error", "a fault put in by a test");
                async {}
            });
            let here = place.clone();
            socket.on_disconnecting(move |log: State<Journal>| {
                log.note("disconnecting");
                assert_ne!(here, "disconnecting", "a fault put in by a test");
                async {}
            });
            let here = place.clone();
            socket.on_disconnect(move |log: State<Journal>| {
                log.note("disconnect");
                let here = here.clone();
                async move {
                    tokio::task::yield_now().await;
                    assert_ne!(here, "disconnect", "a fault put in by a test");
                }
            });
            socket.on("echo", |ack: Ack| async move { ack.send(()) });
            tokio::task::yield_now().await;
            assert_ne!(place, "connection, later", "a fault put in by a test");
        }
    });
    server
}

#[tokio::test]
async fn a_panic_anywhere_in_a_handler_ends_its_client_and_no_other() {
    let journal = Journal::default();
    let server = faulty(&journal);
    let (mut other, mut third) = server.two_clients().await;
    for (count, place) in [
        "connection, at once",
        "connection, later",
        "event, at once",
        "event, later",
        "error",
        "disconnecting",
        "disconnect",
    ]
    .into_iter()
    .enumerate()
    {
        let mut ann = server.open().await.enter_first("/", json!({"panic in": place})).await;
        match place {
            "event, at once" | "event, later" => ann.emit(place, json!([])).await,
            "error" => ann.emit("fail", json!([])).await,
            "disconnecting" | "disconnect" => ann.raw("41").await,
            _ => {}
        }
        assert_eq!(ann.closed().await, Some(1011), "{place}");
        eventually(place, count as u64 + 1, || server.io.stats().handler_panics).await;
        eventually(place, (2, 2), || (server.io.stats().sessions, server.io.stats().sockets)).await;
        if place != "connection, at once" {
            journal.expect("disconnecting").await;
            journal.expect("disconnect").await;
        }
        for client in [&mut other, &mut third] {
            client.request("echo", json!([])).await;
        }
        assert_eq!(server.io.to("room").count().await.count, 2);
    }
    assert_eq!(server.io.stats().closed["handler panicked"], 7);
}

#[tokio::test]
async fn a_panic_in_one_handler_does_not_keep_an_event_from_the_others() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.on("event", async || -> () { panic!("a fault put in by a test") });
        socket.on("event", |log: State<Journal>| async move { log.note("second") });
    });
    let mut ann = server.client().await;
    ann.emit("event", json!([])).await;
    journal.expect("second").await;
    assert_eq!(ann.closed().await, Some(1011));
}

#[tokio::test]
async fn a_panic_in_a_function_that_sees_requests_refuses_that_request_only() {
    const WEBSOCKET: [&str; 4] = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    fn fault(head: &RequestHead, place: &str) {
        assert_ne!(head.query("panic").as_deref(), Some(place), "a fault put in by a test");
    }
    let server = Server::build(
        Io::builder()
            .cors(Cors::by(|origin| {
                assert_ne!(origin, "https://panic.example", "a fault put in by a test");
                true
            }))
            .allow_request(|head| async move {
                tokio::task::yield_now().await;
                fault(&head, "allow_request");
                Ok(())
            })
            .initial_headers(|_, head| fault(head, "initial_headers"))
            .headers(|_, head| fault(head, "headers"))
            .on_connection_error(|error| fault(&error.request, "connection_error")),
    );
    let mut ann = server.client().await;
    let requests = [
        ("transport=polling&panic=allow_request", &[][..]),
        ("transport=polling&panic=initial_headers", &[]),
        ("transport=polling&panic=headers", &[]),
        ("transport=carrier-pigeon&panic=connection_error", &[]),
        ("transport=polling", &["Origin: https://panic.example"]),
        ("transport=websocket&panic=allow_request", &WEBSOCKET),
        ("transport=websocket&panic=initial_headers", &WEBSOCKET),
        ("transport=websocket&panic=headers", &WEBSOCKET),
    ];
    for (query, headers) in requests {
        let line = format!("GET /socket.io/?EIO=4&{query}");
        let answer = request(server.address, &line, headers, "").await;
        assert_eq!((answer.status, &*answer.body), (500, ""), "{query}");
    }
    assert_eq!(server.io.stats().handler_panics, 8);
    // Two have a session, of which their clients know nothing; those of WebSockets end with these.
    eventually("sessions", 3, || server.io.stats().sessions).await;
    server.io.emit("still here", ()).unwrap();
    ann.expect("still here").await;
    soon("two more", server.two_clients()).await;
}

#[tokio::test]
async fn a_panic_while_data_is_encoded_is_the_emitters_own() {
    struct Bad;
    impl serde::Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("a fault put in by a test")
        }
    }
    let server = Server::start();
    let mut ann = server.client().await;
    let io = server.io.clone();
    assert!(std::thread::spawn(move || io.emit("bad", Bad)).join().is_err());
    server.io.emit("good", natter::Binary::from(vec![1])).unwrap();
    assert_eq!(ann.packet().await.attachments.len(), 1);
}
