//! Looking at many sockets, and doing something with all of them.

use natter::{Data, DisconnectReason, Io, Socket, State};
use serde_json::{Value, json};

use crate::harness::{Journal, Server, eventually};

#[tokio::test]
async fn sockets_of_all_threads_are_fetched_with_rooms_data_and_handshake() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket, Data(auth): Data<Value>| async move {
        socket.join("everybody").await.unwrap();
        socket.set_data(&auth["name"]).unwrap();
    });
    let mut clients = vec![];
    for name in ["ann", "ben", "cid"] {
        clients.push(server.open().await.enter_first("/", json!({"name": name})).await);
    }
    let fetched = server.io.in_("everybody").fetch_sockets().await;
    assert!(fetched.missing.is_empty());
    let mut seen: Vec<_> = fetched
        .iter()
        .map(|socket| {
            let auth: Value = socket.handshake().auth().unwrap();
            assert_eq!(
                (socket.node(), auth["name"].as_str()),
                ("node", Some(&*socket.data::<String>().unwrap()))
            );
            (socket.id().to_owned(), socket.rooms())
        })
        .collect();
    seen.sort();
    let mut expected: Vec<_> = clients
        .iter()
        .map(|it| (it.id().to_owned(), vec![it.id().to_owned(), "everybody".to_owned()]))
        .collect();
    expected.sort();
    assert_eq!(seen, expected);
    let but_one = server.io.except(clients[0].id()).fetch_sockets().await;
    assert_eq!(but_one.len(), 2);
    assert_eq!(server.io.count().await.count, 3);
    assert_eq!(server.io.of("/empty").fetch_sockets().await.len(), 0);
}

#[tokio::test]
async fn a_fetched_socket_is_a_way_to_the_socket_itself() {
    let server = Server::start();
    let (mut ann, mut ben) = server.two_clients().await;
    for socket in server.io.fetch_sockets().await {
        socket.join(["room", "other"]).await;
        socket.leave("other").await;
        socket.emit("hello", socket.id()).unwrap();
    }
    assert_eq!(ann.expect("hello").await, json!([ann.id()]));
    assert_eq!(ben.expect("hello").await, json!([ben.id()]));
    assert_eq!(server.io.to("room").count().await.count, 2);
    assert_eq!(server.io.to("other").count().await.count, 0);
    let of_ann = server.io.to(ann.id()).fetch_sockets().await;
    of_ann[0].disconnect(false);
    ann.expect_disconnect().await;
    eventually("sockets", 1, || server.io.stats().sockets).await;
    assert!(of_ann[0].emit("too late", ()).is_ok(), "nobody is meant any more, and that is no error");
}

#[tokio::test]
async fn all_that_are_meant_join_and_leave_rooms_before_the_call_resolves() {
    let server = Server::start();
    let (mut ann, mut ben) = server.two_clients().await;
    server.io.sockets_join(["a", "b"]).await;
    server.io.to("a").except(ann.id()).sockets_leave("b").await;
    server.io.to("b").emit("b", ()).unwrap();
    server.io.to("a").emit("a", ()).unwrap();
    ann.expect("b").await;
    ann.expect("a").await;
    ben.expect("a").await;
    server.io.sockets_leave(["a", "b"]).await;
    eventually("rooms", 0, || server.io.stats().rooms).await;
}

#[tokio::test]
async fn what_was_emitted_before_a_disconnect_still_arrives() {
    for close in [false, true] {
        let journal = Journal::default();
        let server = Server::build(Io::builder().state(journal.clone()));
        server.io.on_connect(|socket: Socket| async move {
            socket.on_disconnect(
                |reason: DisconnectReason, log: State<Journal>| async move { log.note(reason) },
            );
        });
        let (mut ann, mut ben) = server.two_clients().await;
        for number in 0..100 {
            server.io.emit("number", number).unwrap();
        }
        server.io.disconnect_sockets(close);
        server.io.emit("too late", ()).unwrap();
        for client in [&mut ann, &mut ben] {
            for number in 0..100 {
                assert_eq!(client.expect("number").await, json!([number]));
            }
            client.expect_disconnect().await;
            journal.expect("server namespace disconnect").await;
        }
        if close {
            ann.closed().await;
            ben.closed().await;
            eventually("sessions", 0, || server.io.stats().sessions).await;
            assert_eq!(server.io.engine().clients_count(), 0);
        } else {
            assert_eq!(ann.enter("/", Value::Null).await.kind, '0', "the connection is still there");
        }
    }
}

#[tokio::test]
async fn a_disconnect_meets_its_targets_only() {
    let server = Server::start();
    server.io.of("/other");
    let (mut ann, mut ben) = server.two_clients().await;
    ann.enter("/other", Value::Null).await;
    server.io.to(ann.id()).disconnect_sockets(false);
    ann.expect_disconnect().await;
    server.io.emit("still here", ()).unwrap();
    ben.expect("still here").await;
    server.io.of("/other").emit("still here", ()).unwrap();
    ann.expect("still here").await;
}

#[tokio::test]
async fn a_worker_thread_sees_its_own_sockets_and_other_threads_none() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    server.io.on_connect(|socket: Socket, log: State<Journal>| async move {
        let here = socket.namespace().sockets_here();
        assert!(here.contains(&socket) && here.iter().all(|it| it.shard() == socket.shard()));
        log.note(here.len());
    });
    let (_ann, _ben) = server.two_clients().await;
    assert!(server.io.of("/").sockets_here().is_empty());
    assert_eq!(server.io.of("/").sockets_count(), server.io.count().await.count);
    journal.expect("1").await;
}
