//! Acknowledgements of many.

use std::time::Duration;

use natter::{AckError, BroadcastAckError, Io, Limits};
use serde_json::{Value, json};

use crate::{
    harness::{Client, Server, eventually, soon},
    rooms::with_sockets,
};

fn sorted(responses: &[natter::Args]) -> Vec<&str> {
    let mut all: Vec<_> = responses.iter().map(natter::Args::json).collect();
    all.sort_unstable();
    all
}

async fn answer(client: &mut Client, args: Value) {
    let asked = client.packet().await;
    client.acknowledge(&asked, args).await;
}

#[tokio::test]
async fn everybody_on_all_threads_answers() {
    let server = Server::start();
    let (mut ann, mut ben) = server.two_clients().await;
    let id = ann.id().to_owned();
    let asked = server.io.except("nobody").emit_with_ack("who", "?");
    answer(&mut ann, json!(["ann"])).await;
    answer(&mut ben, json!(["ben", 2])).await;
    let answers = soon("the answers", asked).await.unwrap();
    assert_eq!(sorted(&answers), [r#""ann""#, r#""ben",2"#]);
    let asked = server.io.to(id).emit_with_ack("who", ());
    answer(&mut ann, json!([])).await;
    assert_eq!(soon("one answer", asked).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_empty_room_answers_at_once() {
    let server = Server::start();
    let _ann = server.client().await;
    assert!(soon("nobody", server.io.to("empty").emit_with_ack("who", ())).await.unwrap().is_empty());
    let nobody = server.io.of("/nobody").emit_with_ack("who", ()).await;
    assert!(nobody.unwrap().is_empty());
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_named_beside_the_answers_that_came() {
    let server = Server::start();
    let (mut ann, ben) = server.two_clients().await;
    let asked = server.io.timeout(Duration::from_millis(400)).emit_with_ack("who", ());
    answer(&mut ann, json!(["here"])).await;
    let error: BroadcastAckError = soon("the timeout", asked).await.unwrap_err();
    assert!(matches!(error.cause, AckError::Timeout(_)), "{error:?}");
    assert_eq!(error.to_string(), "operation has timed out");
    assert_eq!(sorted(&error.responses), [r#""here""#]);
    assert_eq!((error.missing, error.missing_nodes), (vec![ben.id().to_owned()], vec![]));
}

#[tokio::test]
async fn a_member_that_leaves_meanwhile_is_missing_and_nobody_waits_for_the_timeout() {
    let server = Server::start();
    let (mut ann, mut ben) = server.two_clients().await;
    let id = ben.id().to_owned();
    let asked =
        server.io.to([ann.id(), ben.id()]).timeout(Duration::from_secs(3_600)).emit_with_ack("who", ());
    ben.expect("who").await;
    ben.vanish();
    answer(&mut ann, json!(["here"])).await;
    let error = soon("the end", asked).await.unwrap_err();
    assert!(matches!(error.cause, AckError::Disconnected), "{error:?}");
    assert_eq!((sorted(&error.responses), error.missing), (vec![r#""here""#], vec![id]));
}

/// The event is on its way when the call returns, as with a single socket, whoever holds the future.
#[tokio::test]
async fn a_broadcast_that_asks_is_sent_before_anybody_awaits() {
    let server = Server::start();
    let mut ann = server.client().await;
    let by_operator = server.io.except("nobody").emit_with_ack("first", ());
    let by_server = server.io.emit_with_ack("second", ());
    server.io.emit("third", ()).unwrap();
    let first = ann.packet().await;
    let second = ann.packet().await;
    assert_eq!((first.event().0, second.event().0), ("first".into(), "second".into()));
    ann.acknowledge(&first, json!([])).await;
    ann.acknowledge(&second, json!([])).await;
    soon("the first answer", by_operator).await.unwrap();
    soon("the second answer", by_server).await.unwrap();
}

/// Nobody waits any more, so the client does not owe it any more.
#[tokio::test]
async fn acknowledgements_that_nobody_waits_for_do_not_fill_a_sockets_table() {
    let limits = Limits { pending_acks: 4, ..Limits::default() };
    let (server, mut sockets) = with_sockets(Io::builder().limits(limits).build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    for round in 0..6 {
        let asked = server.io.timeout(Duration::from_millis(1)).emit_with_ack("who", round);
        soon("the timeout", asked).await.unwrap_err();
        assert_eq!(ann.expect("who").await, json!([round]));
    }
    for round in 6..12 {
        drop(server.io.except("nobody").emit_with_ack("who", round));
        assert_eq!(ann.expect("who").await, json!([round]));
    }
    let asked = socket.emit_with_ack::<()>("last", ());
    answer(&mut ann, json!([])).await;
    soon("the last answer", asked).await.unwrap();
}

#[tokio::test]
async fn a_socket_that_owes_too_much_is_missing_and_the_others_answer() {
    let limits = Limits { pending_acks: 1, ..Limits::default() };
    let (server, mut sockets) = with_sockets(Io::builder().limits(limits).build());
    let mut ann = server.client().await;
    let full = sockets.recv().await.unwrap();
    let mut ben = server.client().await;
    let _owed = full.emit_with_ack::<()>("owed", ());
    ann.expect("owed").await;
    let asked = server.io.except("nobody").emit_with_ack("who", ());
    answer(&mut ben, json!([])).await;
    let error = soon("the end", asked).await.unwrap_err();
    assert_eq!((error.responses.len(), error.missing), (1, vec![full.id().to_owned()]));
}

#[tokio::test]
async fn many_broadcasts_at_once_get_their_own_answers() {
    let server = Server::start();
    let (mut ann, mut ben) = server.two_clients().await;
    let asked: Vec<_> =
        (0..100).map(|number| server.io.except("nobody").emit_with_ack("echo", number)).collect();
    for client in [&mut ann, &mut ben] {
        for _ in 0..100 {
            let packet = client.packet().await;
            client.acknowledge(&packet, packet.event().1).await;
        }
    }
    for (number, asked) in asked.into_iter().enumerate() {
        let answers = soon("answers", asked).await.unwrap();
        assert!(
            answers.len() == 2 && answers.iter().all(|it| it.json() == number.to_string()),
            "{answers:?}"
        );
    }
    eventually("unknown acks", 0, || server.io.stats().unknown_acks).await;
}

#[tokio::test]
async fn a_fetched_socket_acknowledges_or_it_is_said_why_not() {
    let server = Server::start();
    let (mut ann, mut ben) = server.two_clients().await;
    let of_ann = server.io.to(ann.id()).fetch_sockets().await.into_iter().next().unwrap();
    let asked = of_ann.emit_with_ack::<(String, u8)>("who", "?");
    answer(&mut ann, json!(["ann", 7])).await;
    assert_eq!(soon("the answer", asked).await.unwrap(), ("ann".to_owned(), 7));

    let asked = of_ann.emit_with_ack::<u8>("who", "?");
    answer(&mut ann, json!(["ann"])).await;
    let error = soon("the answer", asked).await.unwrap_err();
    assert!(matches!(error, AckError::Data(_)), "{error:?}");

    let error = soon("the timeout", of_ann.timeout(Duration::from_millis(50)).emit_with_ack("who", ())).await;
    assert!(matches!(error.unwrap_err().cause, AckError::Timeout(_)));

    let asked = of_ann.emit_with_ack::<u8>("who", ());
    of_ann.disconnect(false);
    let error = soon("the end", asked).await.unwrap_err();
    assert!(matches!(error, AckError::Disconnected), "{error:?}");
    let error = soon("nobody", of_ann.emit_with_ack::<u8>("who", ())).await.unwrap_err();
    assert!(matches!(error, AckError::Disconnected), "{error:?}");
    let error = soon("no event", of_ann.emit_with_ack::<u8>("connect", ())).await.unwrap_err();
    assert!(matches!(error, AckError::Emit(_)), "{error:?}");
    server.io.emit("last", ()).unwrap();
    ben.expect("last").await;
}
