//! The broadcast operator: who is met, once, from wherever it is used.

use natter::{Ack, Args, Data, Socket};
use serde_json::{Value, json};

use crate::harness::{Client, Server};

/// Clients with the rooms they are in, spread over both worker threads.
async fn cast<const N: usize>(server: &Server, rooms: [&[&str]; N]) -> [Client; N] {
    server.io.on_connect(|socket: Socket, Data(auth): Data<Value>| async move {
        let rooms: Vec<String> = serde_json::from_value(auth["rooms"].clone()).unwrap();
        socket.join(rooms).await.unwrap();
    });
    let mut clients = Vec::new();
    for rooms in rooms {
        clients.push(server.open().await.enter_first("/", json!({"rooms": rooms})).await);
    }
    assert!(clients.iter().any(|client| client.shard() != clients[0].shard()), "both threads have clients");
    clients.try_into().ok().unwrap()
}

/// Which of the clients got the event between two marks, each at most once.
async fn reached<const N: usize>(server: &Server, clients: &mut [Client; N]) -> Vec<usize> {
    server.io.emit("mark", ()).unwrap();
    let mut reached = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let mut times = 0;
        while client.packet().await.event().0 != "mark" {
            times += 1;
        }
        assert!(times < 2, "client {number} got it {times} times");
        reached.extend((times == 1).then_some(number));
    }
    reached
}

#[tokio::test]
async fn a_target_is_the_union_of_its_rooms_without_the_excepted_and_each_is_met_once() {
    let server = Server::start();
    let io = server.io.clone();
    let mut all =
        cast(&server, [&["red"], &["red", "blue"], &["blue", "green"], &[], &["red", "green"]]).await;
    let ben = all[1].id().to_owned();
    let none: [&str; 0] = [];
    for (target, expected) in [
        (io.to("red"), vec![0, 1, 4]),
        (io.to("red").to("blue"), vec![0, 1, 2, 4]),
        (io.to(["red", "blue"]).in_("green"), vec![0, 1, 2, 4]),
        (io.in_("blue"), vec![1, 2]),
        (io.to("red").except("green"), vec![0, 1]),
        (io.to(["red", "blue"]).except("red").except("nobody"), vec![2]),
        (io.except(["red", "blue"]), vec![3]),
        (io.except(none), vec![0, 1, 2, 3, 4]),
        (io.except(&ben), vec![0, 2, 3, 4]),
        (io.to(&ben), vec![1]),
        (io.to(["green", ben.as_str()]), vec![1, 2, 4]),
        (io.to("red").except(&ben), vec![0, 4]),
        (io.to("nowhere"), vec![]),
        (io.to("red").except("red"), vec![]),
        (io.local(), vec![0, 1, 2, 3, 4]),
        (io.to("green").local(), vec![2, 4]),
        (io.volatile(), vec![0, 1, 2, 3, 4]),
        (io.to("blue").volatile(), vec![1, 2]),
    ] {
        target.emit("event", ()).unwrap();
        assert_eq!(reached(&server, &mut all).await, expected, "{target:?}");
        assert_eq!(target.count().await.count, expected.len(), "{target:?}");
    }
}

#[tokio::test]
async fn a_socket_speaks_to_others_and_never_to_itself() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.on("tell", |socket: Socket, Data(how): Data<String>, ack: Ack| async move {
            match &*how {
                "to" => socket.to("red"),
                "in" => socket.in_(["red", "blue"]),
                "except" => socket.except("blue"),
                "broadcast" => socket.broadcast(),
                "local" => socket.local(),
                "itself" => socket.to(socket.id()),
                _ => unreachable!(),
            }
            .emit("event", how)
            .unwrap();
            ack.send(())
        });
    });
    let mut all = cast(&server, [&["red"], &["red"], &["blue"], &[]]).await;
    for (how, expected) in [
        ("to", vec![1]),
        ("in", vec![1, 2]),
        ("except", vec![1, 3]),
        ("broadcast", vec![1, 2, 3]),
        ("local", vec![1, 2, 3]),
        ("itself", vec![]),
    ] {
        all[0].request("tell", json!([how])).await;
        assert_eq!(reached(&server, &mut all).await, expected, "{how}");
    }
}

#[tokio::test]
async fn an_operator_is_a_value() {
    let server = Server::start();
    let mut all = cast(&server, [&["red"], &["blue"]]).await;
    let red = server.io.to("red");
    let both = red.clone().to("blue");
    red.emit("red", ()).unwrap();
    both.emit("both", ()).unwrap();
    all[0].expect("red").await;
    all[0].expect("both").await;
    all[1].expect("both").await;
}

#[tokio::test]
async fn a_sockets_id_is_a_room_that_is_reached_from_every_thread() {
    let server = Server::start();
    server.io.on_connect(|socket: Socket| async move {
        socket.on("whisper", |socket: Socket, Data((to, text)): Data<(String, String)>| async move {
            socket.to(to).emit("whisper", text)
        });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    let (to_ann, to_ben) = (ann.id().to_owned(), ben.id().to_owned());
    ann.emit("whisper", json!([to_ben, "psst"])).await;
    assert_eq!(ben.expect("whisper").await, json!(["psst"]));
    ben.emit("whisper", json!([to_ann, "what?"])).await;
    assert_eq!(ann.expect("whisper").await, json!(["what?"]));
    let io = server.io.clone();
    let targets = [to_ann, to_ben];
    std::thread::spawn(move || {
        targets.iter().for_each(|id| io.to(id).emit("whisper", "from outside").unwrap())
    })
    .join()
    .unwrap();
    for client in [&mut ann, &mut ben] {
        assert_eq!(client.expect("whisper").await, json!(["from outside"]));
    }
}

/// Rooms whose names look like socket ids are rooms like any other.
#[tokio::test]
async fn a_room_may_have_the_form_of_a_socket_id() {
    let server = Server::start();
    let name = format!("abcdefAAC{}", "x".repeat(22));
    let mut all = cast(&server, [&[&name], &[&name], &[]]).await;
    server.io.to(&name).emit("event", ()).unwrap();
    assert_eq!(reached(&server, &mut all).await, [0, 1]);
}

#[tokio::test]
async fn one_client_cannot_be_excepted_by_anothers_event_in_flight() {
    let server = Server::start();
    let mut all = cast(&server, [&["red"], &["red"]]).await;
    for _ in 0..50 {
        for number in [0, 1] {
            let id = all[number].id().to_owned();
            server.io.to("red").except(id).emit("event", number).unwrap();
        }
    }
    for _ in 0..50 {
        assert_eq!(all[0].expect("event").await, json!([1]));
        assert_eq!(all[1].expect("event").await, json!([0]));
    }
}

#[tokio::test]
async fn arguments_are_encoded_as_one_several_or_none() {
    let server = Server::start();
    let mut ann = server.client().await;
    let args = Args::from_json(r#"[1e400,"as it came"]"#, vec![]).unwrap();
    server.io.emit("none", ()).unwrap();
    server.io.emit("one", vec![1, 2]).unwrap();
    server.io.emit("several", ("a", 2, json!({"c": null}))).unwrap();
    server.io.emit("args", &args).unwrap();
    server.io.emit("binary", natter::Binary::from(vec![9])).unwrap();
    assert_eq!(ann.packet().await.json, r#"["none"]"#);
    assert_eq!(ann.packet().await.json, r#"["one",[1,2]]"#);
    assert_eq!(ann.packet().await.json, r#"["several","a",2,{"c":null}]"#);
    assert_eq!(ann.packet().await.json, r#"["args",1e400,"as it came"]"#);
    assert_eq!(ann.packet().await.attachments, [vec![9]]);
}
