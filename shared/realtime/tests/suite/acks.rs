//! Acknowledgements that clients owe the server.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use natter::{Ack, AckError, EmitError, Io, Limits, Socket};
use serde_json::{Value, json};

use crate::{
    harness::{PATIENCE, eventually, soon},
    rooms::with_sockets,
};

#[tokio::test]
async fn a_client_answers_with_one_value_several_or_none() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let one = socket.emit_with_ack::<String>("one", "x");
    let two = socket.emit_with_ack::<(u8, bool)>("two", ());
    let none = socket.emit_with_ack::<()>("none", ());
    // Sent in order, before anybody awaits, and answered in another order.
    let mut asked = vec![];
    for name in ["one", "two", "none"] {
        let packet = ann.packet().await;
        assert_eq!(packet.event().0, name);
        asked.push(packet);
    }
    ann.acknowledge(&asked[2], json!([])).await;
    ann.acknowledge(&asked[1], json!([2, true])).await;
    ann.acknowledge(&asked[0], json!(["x"])).await;
    assert_eq!(soon("one", one).await.unwrap(), "x");
    assert_eq!(soon("two", two).await.unwrap(), (2, true));
    soon("none", none).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_another_form_is_an_error_of_that_acknowledgement() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let number = socket.emit_with_ack::<u8>("number", ());
    let asked = ann.packet().await;
    ann.acknowledge(&asked, json!(["seven"])).await;
    assert!(matches!(soon("an answer", number).await, Err(AckError::Data(_))));
}

#[tokio::test]
async fn a_client_that_does_not_answer_in_time_is_not_waited_for() {
    let (server, mut sockets) = with_sockets(Io::builder().ack_timeout(Duration::from_millis(30)).build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let begun = Instant::now();
    let error = soon("the default timeout", socket.emit_with_ack::<()>("ask", ())).await.unwrap_err();
    assert!(matches!(error, AckError::Timeout(_)) && begun.elapsed() >= Duration::from_millis(30));
    assert_eq!(error.to_string(), "operation has timed out");
    let own = socket.timeout(Duration::from_millis(5)).emit_with_ack::<()>("ask", ());
    assert!(matches!(soon("its own timeout", own).await, Err(AckError::Timeout(_))));
    // What comes too late, or was never asked for, is nothing but counted.
    let asked = ann.packet().await;
    ann.acknowledge(&asked, json!([])).await;
    ann.raw("43123456[]").await;
    eventually("unknown acks", 2, || server.io.stats().unknown_acks).await;
}

#[tokio::test]
async fn an_answer_given_twice_counts_once() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let answer = socket.emit_with_ack::<u8>("ask", ());
    let asked = ann.packet().await;
    ann.acknowledge(&asked, json!([1])).await;
    ann.acknowledge(&asked, json!([2])).await;
    assert_eq!(soon("an answer", answer).await.unwrap(), 1);
    eventually("unknown acks", 1, || server.io.stats().unknown_acks).await;
}

#[tokio::test]
async fn a_client_that_leaves_owes_nothing_any_more() {
    for politely in [true, false] {
        let (server, mut sockets) = with_sockets(Io::builder().build());
        let mut ann = server.client().await;
        let socket = sockets.recv().await.unwrap();
        let answers = [socket.emit_with_ack::<()>("a", ()), socket.emit_with_ack::<()>("b", ())];
        ann.expect("a").await;
        if politely {
            ann.raw("41").await;
        } else {
            ann.vanish();
        }
        for answer in answers {
            let error = soon("the end of a wait", answer).await.unwrap_err();
            assert!(matches!(error, AckError::Disconnected), "{error}");
        }
        let late = soon("an error", socket.emit_with_ack::<()>("late", ())).await.unwrap_err();
        assert!(matches!(late, AckError::Disconnected | AckError::Emit(EmitError::Disconnected)), "{late}");
    }
}

#[tokio::test]
async fn a_socket_owes_as_many_acknowledgements_as_the_limit_says() {
    let limits = Limits { pending_acks: 3, ..Limits::default() };
    let (server, mut sockets) = with_sockets(Io::builder().limits(limits).build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let mut waiting: Vec<_> = (0..3).map(|number| socket.emit_with_ack::<Value>("ask", number)).collect();
    let refused = socket.emit_with_ack::<Value>("ask", 3).await.unwrap_err();
    assert!(matches!(refused, AckError::TooMany(3)), "{refused}");
    // Who stops waiting makes room.
    drop(waiting.pop());
    waiting.push(socket.emit_with_ack("ask", 4));
    let mut asked = vec![];
    for number in [0, 1, 2, 4] {
        asked.push(ann.packet().await);
        assert_eq!(asked.last().unwrap().event().1, json!([number]), "the refused one was never sent");
    }
    for packet in &asked {
        ann.acknowledge(packet, json!(["ok"])).await;
    }
    for answer in waiting {
        assert_eq!(soon("an answer", answer).await.unwrap(), "ok");
    }
}

#[tokio::test]
async fn forgotten_futures_leave_nothing_behind() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    for _ in 0..3_000 {
        drop(socket.emit_with_ack::<()>("ask", ()));
    }
    for _ in 0..3_000 {
        ann.expect("ask").await;
    }
    let answer = socket.emit_with_ack::<()>("last", ());
    let asked = ann.packet().await;
    ann.acknowledge(&asked, json!([])).await;
    soon("the last answer", answer).await.unwrap();
}

/// An event that could not be sent is not waited for, so it must not count as owed.
#[tokio::test]
async fn an_event_that_found_no_room_in_a_shards_queue_owes_no_acknowledgement() {
    let limits = Limits { shard_queue_bytes: 200, pending_acks: 8, ..Limits::default() };
    let (server, mut sockets) = with_sockets(Io::builder().limits(limits).build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let (occupied, is_occupied) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    socket.on("occupy", move || {
        occupied.send(()).unwrap();
        released.lock().unwrap().recv_timeout(PATIENCE).ok();
        async {}
    });
    ann.emit("occupy", json!([])).await;
    tokio::task::spawn_blocking(move || is_occupied.recv_timeout(PATIENCE).unwrap()).await.unwrap();
    let mut waiting = vec![];
    let mut refused = 0;
    for _ in 0..30 {
        let mut answer = socket.emit_with_ack::<()>("ask", "x".repeat(60));
        match futures_util::FutureExt::now_or_never(&mut answer) {
            None => waiting.push(answer),
            Some(error) => {
                assert!(matches!(error, Err(AckError::Emit(EmitError::QueueFull))), "{error:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 8 && !waiting.is_empty(), "{refused} refused, {} sent", waiting.len());
    release.send(()).unwrap();
    for answer in waiting {
        let asked = ann.packet().await;
        ann.acknowledge(&asked, json!([])).await;
        soon("an answer", answer).await.unwrap();
    }
    assert_eq!(server.io.stats().dropped_shard_queue, refused);
}

#[tokio::test]
async fn a_handler_can_await_an_acknowledgement_of_its_own_client() {
    let (server, _sockets) = with_sockets(Io::builder().build());
    server.io.on_connect(|socket: Socket| async move {
        socket.on("start", |socket: Socket, ack: Ack| async move {
            let answer: String = socket.emit_with_ack("question", ()).await.unwrap();
            ack.send(answer)
        });
    });
    let mut ann = server.client().await;
    let id = ann.emit_asking("start", json!([])).await;
    let question = ann.packet().await;
    ann.acknowledge(&question, json!(["42"])).await;
    let answer = ann.packet().await;
    assert_eq!((answer.kind, answer.id, answer.value()), ('3', Some(id), json!(["42"])));
}
