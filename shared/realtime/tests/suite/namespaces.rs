//! Namespaces: static ones, those a pattern or a function admits, and how they come and go.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use natter::{ConnectRefused, Data, Io, Socket, State};
use regex::Regex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{Journal, PATIENCE, Server, eventually, soon};

fn rooms_by_number() -> Regex {
    Regex::new(r"^/room-\d+$").unwrap()
}

#[tokio::test]
async fn a_client_enters_a_namespace_that_was_made_and_no_other() {
    let server = Server::start();
    let chat = server.io.of("chat");
    assert_eq!(chat.name(), "/chat");
    let mut ann = server.client_in("/chat").await;
    assert_eq!(chat.sockets_count(), 1);
    let refused = ann.enter("/unknown", Value::Null).await;
    assert_eq!((refused.kind, refused.value()), ('4', json!({"message": "Invalid namespace"})));
    assert_eq!(server.io.stats().refused_connects, 1);
}

#[tokio::test]
async fn one_connection_is_in_several_namespaces_that_know_nothing_of_each_other() {
    let server = Server::start();
    let [red, blue] = ["/red", "/blue"].map(|name| server.io.of(name));
    let mut ann = server.client_in("/red").await;
    assert_eq!(ann.enter("/blue", Value::Null).await.kind, '0');
    red.emit("colour", "red").unwrap();
    blue.emit("colour", "blue").unwrap();
    let first = ann.packet().await;
    let second = ann.packet().await;
    assert_eq!((&*first.namespace, first.event().1), ("/red", json!(["red"])));
    assert_eq!((&*second.namespace, second.event().1), ("/blue", json!(["blue"])));
    ann.raw("41/red,").await;
    eventually("sockets in /red", 0, || red.sockets_count()).await;
    assert_eq!(blue.sockets_count(), 1);
}

#[tokio::test]
async fn a_pattern_admits_names_and_its_children_have_its_handlers_and_middleware() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    let rooms = server.io.of_matching(rooms_by_number());
    rooms.use_middleware(|socket| async move {
        let allowed = socket.namespace().name() != "/room-13";
        if allowed { Ok(()) } else { Err(ConnectRefused::new("unlucky")) }
    });
    rooms.on_connect(|socket: Socket, journal: State<Journal>| async move {
        journal.note(socket.namespace().name());
    });
    let mut ann = server.client_in("/room-1").await;
    assert_eq!(ann.enter("/room-2", Value::Null).await.kind, '0');
    assert_eq!(ann.enter("/room-13", Value::Null).await.value()["message"], "unlucky");
    assert_eq!(ann.enter("/room-x", Value::Null).await.value()["message"], "Invalid namespace");
    journal.expect("/room-1").await;
    journal.expect("/room-2").await;
}

#[tokio::test]
async fn an_async_function_admits_by_name_and_auth_payload() {
    let server = Server::start();
    server.io.of_dynamic(|name, auth| async move {
        tokio::task::yield_now().await;
        name == "/secret" && auth["token"] == "xyzzy"
    });
    let mut ann = server.open().await;
    assert_eq!(ann.enter("/secret", Value::Null).await.kind, '4');
    assert_eq!(ann.enter("/secret", json!({"token": "plugh"})).await.kind, '4');
    assert_eq!(ann.enter("/secret", json!({"token": "xyzzy"})).await.kind, '0');
}

#[tokio::test]
async fn parents_are_asked_in_the_order_in_which_they_were_registered() {
    let server = Server::start();
    let first = server.io.of_matching(Regex::new("^/a").unwrap());
    let second = server.io.of_dynamic(|_, _| async { true });
    let _ann = server.client_in("/abc").await;
    let _ben = server.client_in("/xyz").await;
    let names = |parent: &natter::ParentNamespace| -> Vec<String> {
        parent.children().iter().map(|child| child.name().to_owned()).collect()
    };
    assert_eq!(names(&first), ["/abc"]);
    assert_eq!(names(&second), ["/xyz"]);
}

#[tokio::test]
async fn a_namespace_made_by_name_becomes_a_child_of_the_pattern_that_matches_it() {
    let server = Server::start();
    let rooms = server.io.of_matching(rooms_by_number());
    server.io.of("/room-7");
    assert_eq!(rooms.children().len(), 1);
    let mut ann = server.client_in("/room-7").await;
    rooms.emit("to all children", ()).unwrap();
    ann.expect("to all children").await;
    rooms.disconnect_sockets(false);
    ann.expect_disconnect().await;
}

#[tokio::test]
async fn every_new_namespace_is_announced_once() {
    let journal = Journal::default();
    let server = Server::start();
    server.io.of_matching(rooms_by_number());
    let announced = journal.clone();
    server.io.on_new_namespace(move |namespace| announced.note(namespace.name()));
    server.io.of("/chat");
    server.io.of("/chat");
    let _ann = server.client_in("/room-1").await;
    let _ben = server.client_in("/room-1").await;
    let _cid = server.client_in("/room-2").await;
    assert_eq!(journal.rest(), ["/chat", "/room-1", "/room-2"]);
}

/// Who listens for new namespaces gives them their middleware there, so nobody may slip in before.
#[tokio::test]
async fn nobody_enters_a_namespace_before_it_has_been_announced() {
    let server = Server::start();
    server.io.of_matching(rooms_by_number());
    let (announcing, announced) = mpsc::channel();
    let (let_in, entered) = mpsc::channel::<()>();
    let entered = std::sync::Mutex::new(entered);
    server.io.on_new_namespace(move |namespace| {
        // Told once: nobody listens for the second namespace.
        announcing.send(()).ok();
        // Time for the second client to slip in, if it can.
        entered.lock().unwrap().recv_timeout(Duration::from_millis(500)).ok();
        namespace.use_middleware(|_| async { Err(ConnectRefused::new("members only")) });
    });
    // On each worker thread one client; the first of them to ask makes the namespace and is busy announcing it.
    let (mut ann, mut ben) = {
        let (ann, ben) = server.two_clients().await;
        (ann, ben)
    };
    ann.ask_for("/room-1", Value::Null).await;
    tokio::task::spawn_blocking(move || announced.recv_timeout(PATIENCE).unwrap()).await.unwrap();
    let answer = ben.enter("/room-1", Value::Null).await;
    drop(let_in);
    assert_eq!(answer.value()["message"], "members only");
    assert_eq!(ann.enter("/room-2", Value::Null).await.value()["message"], "members only");
}

#[tokio::test]
async fn an_empty_dynamic_namespace_is_forgotten_if_that_is_wanted() {
    for cleanup in [true, false] {
        let journal = Journal::default();
        let server = Server::build(Io::builder().cleanup_empty_namespaces(cleanup));
        let rooms = server.io.of_matching(rooms_by_number());
        let announced = journal.clone();
        server.io.on_new_namespace(move |namespace| announced.note(namespace.name()));
        let ann = server.client_in("/room-1").await;
        let ben = server.client_in("/room-1").await;
        ann.close().await;
        eventually("sockets", 1, || server.io.stats().sockets).await;
        assert_eq!(rooms.children().len(), 1, "somebody is still there");
        ben.close().await;
        eventually("children", usize::from(!cleanup), || rooms.children().len()).await;
        let _cid = server.client_in("/room-1").await;
        assert_eq!(journal.rest().len(), 1 + usize::from(cleanup));
    }
}

#[tokio::test]
async fn a_static_namespace_stays_when_it_is_empty() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().cleanup_empty_namespaces(true).state(journal.clone()));
    server.io.of("/chat").on_connect(|journal: State<Journal>| async move { journal.note("connected") });
    for _ in 0..2 {
        server.client_in("/chat").await.close().await;
        eventually("sockets", 0, || server.io.stats().sockets).await;
        journal.expect("connected").await;
    }
}

#[tokio::test]
async fn a_refused_client_leaves_no_empty_namespace_behind() {
    let server = Server::build(Io::builder().cleanup_empty_namespaces(true));
    let rooms = server.io.of_matching(rooms_by_number());
    rooms.use_middleware(|_| async { Err(ConnectRefused::new("closed")) });
    let mut ann = server.open().await;
    for number in 0..20 {
        assert_eq!(ann.enter(&format!("/room-{number}"), Value::Null).await.kind, '4');
    }
    eventually("children", 0, || rooms.children().len()).await;
}

/// A parent whose middleware lets a client with `{"wait":true}` wait until it is told to go on.
fn with_waiting_room(server: &Server) -> (natter::ParentNamespace, Journal, Arc<Notify>) {
    let (journal, go_on) = (Journal::default(), Arc::new(Notify::new()));
    let rooms = server.io.of_matching(rooms_by_number());
    let (arrived, admitted) = (journal.clone(), go_on.clone());
    rooms.use_middleware(move |socket| {
        let (arrived, admitted) = (arrived.clone(), admitted.clone());
        async move {
            let auth: Value = socket.handshake().auth().unwrap();
            if auth["wait"] == true {
                arrived.note("waits");
                admitted.notified().await;
            }
            Ok(())
        }
    });
    (rooms, journal, go_on)
}

#[tokio::test]
async fn a_client_that_comes_while_its_namespace_is_cleaned_up_gets_in_all_the_same() {
    let server = Server::build(Io::builder().cleanup_empty_namespaces(true));
    let (rooms, journal, go_on) = with_waiting_room(&server);
    let mut late = server.open().await;
    late.ask_for("/room-1", json!({"wait": true})).await;
    journal.expect("waits").await;
    server.client_in("/room-1").await.close().await;
    eventually("sockets", 0, || server.io.stats().sockets).await;
    go_on.notify_one();
    let answer = late.packet().await;
    assert_eq!(answer.kind, '0', "{answer:?}");
    rooms.emit("to all children", ()).unwrap();
    late.expect("to all children").await;
    server.io.of("/room-1").emit("by name", ()).unwrap();
    late.expect("by name").await;
}

#[tokio::test]
async fn a_client_gets_in_also_when_its_namespace_was_made_anew_meanwhile() {
    let server = Server::build(Io::builder().cleanup_empty_namespaces(true));
    let (_rooms, journal, go_on) = with_waiting_room(&server);
    let mut late = server.open().await;
    late.ask_for("/room-1", json!({"wait": true})).await;
    journal.expect("waits").await;
    server.client_in("/room-1").await.close().await;
    eventually("sockets", 0, || server.io.stats().sockets).await;
    let mut other = server.client_in("/room-1").await;
    go_on.notify_one();
    let answer = late.packet().await;
    assert_eq!(answer.kind, '0', "{answer:?}");
    server.io.of("/room-1").emit("to both", ()).unwrap();
    late.expect("to both").await;
    other.expect("to both").await;
}

#[tokio::test]
async fn nobody_is_refused_while_clients_come_and_go_in_dynamic_namespaces() {
    let server = Server::build(Io::builder().cleanup_empty_namespaces(true));
    let rooms = server.io.of_matching(rooms_by_number());
    rooms.use_middleware(|_| async {
        tokio::task::yield_now().await;
        Ok(())
    });
    let visitors = (0..6).map(|_| async {
        let mut visitor = server.open().await;
        for round in 0..60 {
            let name = format!("/room-{}", round % 2);
            let answer = visitor.enter(&name, Value::Null).await;
            assert_eq!(answer.kind, '0', "{answer:?}");
            visitor.raw(format!("41{name},")).await;
        }
        visitor.close().await;
    });
    soon("all visits", futures_util::future::join_all(visitors)).await;
    eventually("sockets", 0, || server.io.stats().sockets).await;
    eventually("children", 0, || rooms.children().len()).await;
}

#[tokio::test]
async fn a_connection_handler_gets_the_auth_payload() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server
        .io
        .on_connect(|Data(auth): Data<Value>, journal: State<Journal>| async move { journal.note(auth) });
    let _ann = server.client().await;
    journal.expect("{}").await;
    let _ben = server.open().await.enter_first("/", json!({"name": "Ben"})).await;
    journal.expect(r#"{"name":"Ben"}"#).await;
}
