//! What a client must pass to enter a namespace.

use std::sync::Arc;

use natter::{Ack, AckError, ConnectRefused, EmitError, Io, Socket, State};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::harness::{Journal, Server, eventually, soon};

#[tokio::test]
async fn middlewares_run_in_order_and_before_the_connection_handler() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    for step in ["first", "second", "third"] {
        let journal = journal.clone();
        server.io.use_middleware(move |socket| {
            let journal = journal.clone();
            async move {
                tokio::task::yield_now().await;
                journal.note(format!("{step} {}", socket.connected()));
                Ok(())
            }
        });
    }
    server.io.on_connect(|socket: Socket, journal: State<Journal>| async move {
        journal.note(format!("connection {}", socket.connected()));
    });
    let _ann = server.client().await;
    for line in ["first false", "second false", "third false", "connection true"] {
        journal.expect(line).await;
    }
}

#[tokio::test]
async fn a_refusal_reaches_the_client_with_message_and_data_and_ends_nothing_else() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.use_middleware(|socket| async move {
        let auth: Value = socket.handshake().auth().unwrap();
        match auth["token"].as_str() {
            Some("xyzzy") => Ok(()),
            Some(_) => Err(ConnectRefused::new("not authorized").data(json!({"code": 401, "retry": [1, 2]}))),
            None => Err(ConnectRefused::new("no \"token\"")),
        }
    });
    let after = journal.clone();
    server.io.use_middleware(move |_| {
        after.note("second middleware");
        async { Ok(()) }
    });
    server.io.on_connect(|journal: State<Journal>| async move { journal.note("connection") });
    let mut ann = server.open().await;
    let refused = ann.enter("/", Value::Null).await;
    assert_eq!((refused.kind, refused.value()), ('4', json!({"message": "no \"token\""})));
    let refused = ann.enter("/", json!({"token": "plugh"})).await.value();
    assert_eq!(refused, json!({"message": "not authorized", "data": {"code": 401, "retry": [1, 2]}}));
    assert!(journal.rest().is_empty());
    assert_eq!(ann.enter("/", json!({"token": "xyzzy"})).await.kind, '0');
    journal.expect("second middleware").await;
    journal.expect("connection").await;
    let stats = server.io.stats();
    assert_eq!((stats.refused_connects, stats.sockets), (2, 1));
}

#[tokio::test]
async fn a_slow_middleware_holds_up_its_namespace_only() {
    let server = Server::start();
    let go_on = Arc::new(Notify::new());
    let slow = server.io.of("/slow");
    let gate = go_on.clone();
    slow.use_middleware(move |_| {
        let gate = gate.clone();
        async move {
            gate.notified().await;
            Ok(())
        }
    });
    server.io.on_connect(|socket: Socket| async move {
        socket.on("echo", |args: natter::Args, ack: natter::Ack| async move { ack.send(args) });
    });
    let mut ann = server.client().await;
    ann.ask_for("/slow", Value::Null).await;
    assert_eq!(ann.request("echo", json!(["still here"])).await, json!(["still here"]));
    assert_eq!(slow.sockets_count(), 0);
    go_on.notify_one();
    let answer = ann.packet().await;
    assert_eq!((answer.kind, &*answer.namespace), ('0', "/slow"));
}

#[tokio::test]
async fn a_panic_in_a_middleware_ends_that_client_and_no_other() {
    let server = Server::start();
    server.io.use_middleware(|socket| {
        let auth: Value = socket.handshake().auth().unwrap();
        assert_ne!(auth["panic"], "at once", "a fault put in by a test");
        async move {
            tokio::task::yield_now().await;
            assert_ne!(auth["panic"], "later", "a fault put in by a test");
            Ok(())
        }
    });
    let mut ann = server.client().await;
    for when in ["at once", "later"] {
        let mut ben = server.open().await;
        ben.ask_for("/", json!({"panic": when})).await;
        assert_eq!(ben.closed().await, Some(1011));
    }
    server.io.emit("still here", ()).unwrap();
    ann.expect("still here").await;
    let stats = server.io.stats();
    assert_eq!((stats.handler_panics, stats.closed["handler panicked"], stats.sessions), (2, 2, 1));
}

#[tokio::test]
async fn what_a_middleware_emits_arrives_and_rooms_it_joins_are_joined() {
    let server = Server::start();
    server.io.use_middleware(|socket| async move {
        socket.emit("welcome", "from the middleware").unwrap();
        socket.join(["early", "birds"]).await.unwrap();
        Ok(())
    });
    let mut ann = server.client().await;
    assert_eq!(ann.expect("welcome").await, json!(["from the middleware"]));
    server.io.to("birds").emit("sing", ()).unwrap();
    ann.expect("sing").await;
    let fetched = server.io.fetch_sockets().await;
    assert_eq!(fetched[0].rooms(), [ann.id(), "early", "birds"]);
}

#[tokio::test]
async fn a_client_that_leaves_while_its_middleware_works_leaves_no_trace() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    let go_on = Arc::new(Notify::new());
    let (arrived, gate) = (journal.clone(), go_on.clone());
    server.io.use_middleware(move |socket| {
        let (arrived, gate) = (arrived.clone(), gate.clone());
        async move {
            socket.join("waiting").await.unwrap();
            arrived.note("waits");
            gate.notified().await;
            arrived.note("goes on");
            Ok(())
        }
    });
    server.io.on_connect(|journal: State<Journal>| async move { journal.note("connection") });
    let mut ann = server.open().await;
    ann.ask_for("/", Value::Null).await;
    journal.expect("waits").await;
    ann.vanish();
    eventually("sessions", 0, || server.io.stats().sessions).await;
    go_on.notify_one();
    journal.expect("goes on").await;
    // Whoever comes next on both threads finds everything as it should be.
    for _ in 0..2 {
        let mut ben = server.open().await;
        ben.ask_for("/", Value::Null).await;
        journal.expect("waits").await;
        go_on.notify_one();
        journal.expect("goes on").await;
        journal.expect("connection").await;
        assert_eq!(ben.packet().await.kind, '0');
        assert_eq!(server.io.to("waiting").count().await.count, 1);
        ben.close().await;
        eventually("sockets", 0, || server.io.stats().sockets).await;
    }
    eventually("rooms", 0, || server.io.stats().rooms).await;
}

#[tokio::test]
async fn a_socket_that_is_disconnected_in_its_middleware_does_not_get_in() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.use_middleware(|socket| async move {
        socket.disconnect(false);
        Ok(())
    });
    server.io.on_connect(|journal: State<Journal>| async move { journal.note("connection") });
    server.io.of("/other");
    let mut ann = server.open().await;
    ann.ask_for("/", Value::Null).await;
    assert_eq!(ann.enter("/other", Value::Null).await.kind, '0');
    assert!(journal.rest().is_empty());
    assert_eq!(server.io.of("/").sockets_count(), 0);
}

#[tokio::test]
async fn a_middleware_can_close_the_whole_connection() {
    let server = Server::start();
    server.io.use_middleware(|socket| async move {
        socket.disconnect(true);
        Ok(())
    });
    let mut ann = server.open().await;
    ann.ask_for("/", Value::Null).await;
    ann.closed().await;
    eventually("sessions", 0, || server.io.stats().sessions).await;
    assert_eq!(server.io.stats().sockets, 0);
}

#[tokio::test]
async fn a_refused_socket_is_no_way_to_its_client() {
    let server = Server::start();
    let (keep, mut kept) = mpsc::unbounded_channel();
    server.io.use_middleware(move |socket| {
        keep.send(socket).unwrap();
        async { Err(ConnectRefused::new("no")) }
    });
    let mut ann = server.open().await;
    assert_eq!(ann.enter("/", Value::Null).await.kind, '4');
    let socket: Socket = kept.recv().await.unwrap();
    assert_eq!(socket.emit("psst", ()), Err(EmitError::Disconnected));
    assert!(socket.join("anywhere").await.is_err());
}

#[tokio::test]
async fn an_acknowledgement_awaited_in_a_middleware_fails_when_the_client_leaves() {
    let server = Server::start();
    let (ended, mut end) = mpsc::unbounded_channel();
    server.io.use_middleware(move |socket| {
        let ended = ended.clone();
        async move {
            ended.send(socket.emit_with_ack::<()>("challenge", "who are you?").await).unwrap();
            Ok(())
        }
    });
    let mut ann = server.open().await;
    ann.ask_for("/", Value::Null).await;
    ann.expect("challenge").await;
    ann.vanish();
    let end = soon("the end of the wait", end.recv()).await.unwrap();
    assert!(matches!(end, Err(AckError::Disconnected)), "{end:?}");
}

#[tokio::test]
async fn a_client_that_leaves_while_its_namespace_is_decided_upon_meets_no_middleware() {
    let (journal, go_on) = (Journal::default(), Arc::new(Notify::new()));
    let server = Server::start();
    let (asked, decide) = (journal.clone(), go_on.clone());
    let parent = server.io.of_dynamic(move |_, _| {
        let (asked, decide) = (asked.clone(), decide.clone());
        async move {
            asked.note("asked");
            decide.notified().await;
            asked.note("decided");
            true
        }
    });
    let met = journal.clone();
    parent.use_middleware(move |_| {
        met.note("middleware");
        async { Ok(()) }
    });
    server.io.on_connect(|socket: Socket| async move {
        socket.on("fence", |ack: Ack| async move { ack.send(()) });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    // New names, for a namespace that exists is not decided upon again.
    for name in ["/1", "/2", "/3", "/4"] {
        let mut visitor = server.open().await;
        visitor.ask_for(name, Value::Null).await;
        journal.expect("asked").await;
        visitor.vanish();
        eventually("sessions", 2, || server.io.stats().sessions).await;
        go_on.notify_one();
        journal.expect("decided").await;
        // Whichever thread decided has gone on when both have answered.
        ann.request("fence", json!([])).await;
        ben.request("fence", json!([])).await;
        assert!(journal.rest().is_empty());
    }
    // Who stays meets it.
    let mut visitor = server.open().await;
    go_on.notify_one();
    assert_eq!(visitor.enter("/5", Value::Null).await.kind, '0');
    assert_eq!(journal.rest(), ["asked", "decided", "middleware"]);
}
