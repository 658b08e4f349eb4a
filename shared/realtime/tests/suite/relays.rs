//! Polling sessions whose requests come to another node than theirs.

use std::{sync::Arc, time::Duration};

use natter::{Ack, Args, Binary, Data, DisconnectReason, LinkState, Socket};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};

use crate::harness::{Journal, PATIENCE, Pair, Poller, Stream, eventually, request, soon};

const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

/// Sockets that answer, and note why they end.
fn answering(pair: &Pair) -> Journal {
    let journal = Journal::default();
    for server in [&pair.ann, &pair.ben] {
        let journal = journal.clone();
        server.io.on_connect(move |socket: Socket| {
            let journal = journal.clone();
            socket.on("echo", |socket: Socket, Data(args): Data<Args>| async move {
                socket.emit("echo", args).unwrap();
            });
            socket
                .on("ask", |Data(number): Data<u64>, ack: Ack| async move { ack.send(number + 1).unwrap() });
            socket.on("bytes", |socket: Socket, Data(bytes): Data<Binary>| async move {
                socket.emit("bytes", bytes).unwrap();
            });
            socket.on_disconnect(move |_: Socket, reason: DisconnectReason| {
                journal.note(reason);
                async {}
            });
            async {}
        });
    }
    journal
}

/// Enters `/` by way of one server.
async fn enter(poller: &Poller) {
    assert_eq!(poller.post("40").await.body, "ok");
    assert!(poller.get().await.body.starts_with("40"));
}

/// Whether somebody polls a session of Ann's through Ben.
async fn poll_waits(pair: &Pair) {
    eventually("relayed polls", (1, 1), || (pair.ben.io.stats().relayed_out, pair.ann.io.stats().relayed_in))
        .await;
}

#[tokio::test]
async fn a_session_can_be_polled_and_posted_to_on_another_node() {
    let pair = Pair::start().await;
    let journal = answering(&pair);
    let (_, through_ben) = pair.poller().await;
    let answer = through_ben.post("40").await;
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = through_ben.get().await;
    assert_eq!((answer.status, &answer.body[..2]), (200, "40"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    through_ben.post(r#"42["echo",1]"#).await;
    assert_eq!(through_ben.get().await.body, r#"42["echo",1]"#);
    assert_eq!((pair.ann.io.stats().sessions, pair.ben.io.stats().sessions), (1, 0));
    through_ben.post("1").await;
    journal.expect("transport close").await;
    assert_eq!(pair.ben.io.stats().failed_relays, 0);
}

#[tokio::test]
async fn every_request_of_a_session_may_come_to_another_node() {
    let pair = Pair::start().await;
    let journal = answering(&pair);
    let (through_ann, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let ways = [&through_ann, &through_ben];
    for number in 0..40 {
        ways[number % 2].post(&format!(r#"42["echo",{number}]"#)).await;
        assert_eq!(ways[number / 2 % 2].get().await.body, format!(r#"42["echo",{number}]"#));
    }
    through_ben.post(r#"427["ask",41]"#).await;
    assert_eq!(through_ann.get().await.body, "437[42]");
    through_ann.post("451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==").await;
    let answer = through_ben.get().await.body;
    assert_eq!(answer, "451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==");
    through_ann.post("41").await;
    journal.expect("client namespace disconnect").await;
}

#[tokio::test]
async fn a_waiting_poll_gets_what_its_socket_is_sent_later() {
    let pair = Pair::start().await;
    answering(&pair);
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let poll = async { through_ben.get().await };
    let emit = async {
        poll_waits(&pair).await;
        // From the node that has the request, not the session.
        pair.ben.io.emit("news", 1).unwrap();
    };
    let (answer, ()) = tokio::join!(poll, emit);
    assert_eq!(answer.body, r#"42["news",1]"#);
    eventually("relayed polls", 0, || pair.ben.io.stats().relayed_out).await;
}

#[tokio::test]
async fn large_bodies_and_answers_travel_in_parts() {
    let pair = Pair::of(|io| io.max_payload(3_000_000)).await;
    answering(&pair);
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    // More than one message of the bus can have.
    let text = "x".repeat(2_500_000);
    let answer = through_ben.post(&format!(r#"42["echo","{text}"]"#)).await;
    assert_eq!(answer.body, "ok");
    assert!(through_ben.get().await.body == format!(r#"42["echo","{text}"]"#));
}

#[tokio::test]
async fn what_is_refused_is_refused_as_on_the_sessions_own_node() {
    let pair = Pair::start().await;
    for known in [true, false] {
        for (line, headers, body) in [
            ("DELETE", &[][..], ""),
            ("POST", &["Content-Type: application/octet-stream"], "4"),
            ("POST", &["Content-Encoding: gzip"], "4"),
            ("POST", &[], "no packet"),
            ("POST", &[], ""),
            ("GET", &["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"], ""),
        ] {
            let mut answers = Vec::new();
            for server in [&pair.ann, &pair.ben] {
                let (through_ann, _) = pair.poller().await;
                let path = match known {
                    true => through_ann.path().to_owned(),
                    // Still of Ann's, by its form.
                    false => {
                        let (path, sid) = through_ann.path().split_at(through_ann.path().len() - 22);
                        format!("{path}{}", sid.chars().rev().collect::<String>())
                    }
                };
                let answer = request(server.address, &format!("{line} {path}"), headers, body).await;
                let kept = ["content-type", "allow", "cache-control", "connection"];
                let headers = kept.map(|name| answer.header(name).map(str::to_owned));
                answers.push((answer.status, answer.body, headers));
            }
            assert_eq!(answers[0], answers[1], "{line} {headers:?} {body:?}, known: {known}");
            assert_eq!(
                answers[0].1.contains("Session ID unknown"),
                !known,
                "{line} {headers:?} {body:?}, known: {known}"
            );
        }
    }
}

/// A balancer may send clients to a node that has just begun to listen.
#[tokio::test]
async fn a_node_that_is_joining_answers_once_it_knows_the_others_and_they_know_it() {
    let pair = Pair::start().await;
    answering(&pair);
    let (_, through_ben) = pair.poller().await;
    let cleo = pair.another("cleo");
    assert_eq!(*cleo.io.cluster().unwrap().state().borrow(), LinkState::Joining);
    enter(&through_ben.through(cleo.address)).await;
    drop(cleo);
    let dave = pair.another("dave");
    let through_ben = dave.poller().await.through(pair.ben.address);
    dave.io.on_connect(async |_: Socket| {});
    enter(&through_ben).await;
}

#[tokio::test]
async fn a_session_of_nobody_in_the_cluster_is_unknown() {
    let pair = Pair::start().await;
    let (through_ann, _) = pair.poller().await;
    let stranger = "AAAAAA1234567890123456789012";
    let path = through_ann.path().replace(through_ann.session(), stranger);
    for sid in [&*path, "/socket.io/?EIO=4&transport=polling&sid=x"] {
        let answer = request(pair.ben.address, &format!("GET {sid}"), &[], "").await;
        assert_eq!((answer.status, &*answer.body), (400, UNKNOWN));
    }
    assert_eq!(pair.ben.io.stats().relayed_requests, 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_where_it_comes_in_and_ends_the_session() {
    let pair = Pair::of(|io| io.max_payload(1_000)).await;
    let journal = answering(&pair);
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    assert_eq!(through_ben.post(&"4".repeat(1_001)).await.status, 413);
    journal.expect("transport error").await;
    let answer = through_ben.get().await;
    assert_eq!((answer.status, &*answer.body), (400, UNKNOWN));
}

#[tokio::test]
async fn a_client_that_goes_away_from_its_poll_ends_the_session() {
    let pair = Pair::start().await;
    let journal = answering(&pair);
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let mut stream = Stream::connect(pair.ben.address).await;
    let head = format!("GET {} HTTP/1.1\r\nHost: ben\r\n\r\n", through_ben.path());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    poll_waits(&pair).await;
    drop(stream);
    journal.expect("transport error").await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_a_body_ends_the_session() {
    let pair = Pair::start().await;
    let journal = answering(&pair);
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let mut stream = Stream::connect(pair.ben.address).await;
    let head = format!("POST {} HTTP/1.1\r\nHost: ben\r\nContent-Length: 9\r\n\r\n42", through_ben.path());
    stream.write_all(head.as_bytes()).await.unwrap();
    // Not dropped: what TLS still has to say would be answered with a reset, before Ben has read any of this.
    stream.shutdown().await.unwrap();
    journal.expect("transport error").await;
}

#[tokio::test]
async fn two_polls_at_once_end_the_session_wherever_they_come_in() {
    let pair = Pair::start().await;
    for both_through_ben in [true, false] {
        let journal = answering(&pair);
        let (through_ann, through_ben) = pair.poller().await;
        enter(&through_ben).await;
        let second = if both_through_ben { &through_ben } else { &through_ann };
        let (first, second) = tokio::join!(through_ben.get(), async {
            poll_waits(&pair).await;
            second.get().await
        });
        let mut seen = [(first.status, first.body), (second.status, second.body)];
        seen.sort();
        assert_eq!(seen[0], (200, "1".to_owned()));
        assert_eq!(seen[1], (400, r#"{"code":3,"message":"Bad request"}"#.to_owned()));
        journal.expect("transport error").await;
        journal.rest();
    }
}

#[tokio::test]
async fn a_poll_is_answered_at_once_when_the_sessions_node_is_gone() {
    let pair = Pair::start().await;
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let begun = Instant::now();
    let (answer, ()) = tokio::join!(through_ben.get(), async {
        poll_waits(&pair).await;
        pair.cut_ann();
    });
    assert_eq!((answer.status, &*answer.body), (400, UNKNOWN));
    assert!(begun.elapsed() < PATIENCE, "not only after a heartbeat");
    assert_eq!(pair.ben.io.stats().failed_relays, 1);
}

#[tokio::test]
async fn a_session_whose_poll_waits_on_a_node_that_is_gone_ends() {
    let pair = Pair::start().await;
    let journal = answering(&pair);
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let (answer, ()) = tokio::join!(through_ben.get(), async {
        poll_waits(&pair).await;
        pair.bus.cut_all();
        journal.expect("transport error").await;
    });
    assert_eq!((answer.status, &*answer.body), (400, UNKNOWN));
}

/// Too short an absence for Ben to give Ann up.
#[tokio::test]
async fn a_poll_is_answered_as_soon_as_the_sessions_node_is_back_that_was_off_the_bus_for_a_moment() {
    let pair = Pair::start().await;
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let (answer, ()) = tokio::join!(through_ben.get(), async {
        poll_waits(&pair).await;
        pair.cut_ann();
        pair.mend_ann().await;
    });
    assert_eq!((answer.status, &*answer.body), (400, UNKNOWN));
}

/// As after an outage of the bus, from which each node comes back in its own time.
#[tokio::test]
async fn a_request_that_a_node_off_the_bus_does_not_hear_is_answered_as_soon_as_it_is_back() {
    let pair = Pair::start().await;
    let (_, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    pair.cut_ann();
    let (answer, ()) = tokio::join!(through_ben.post("3"), async {
        eventually("relayed requests", 1, || pair.ben.io.stats().relayed_out).await;
        pair.bus.mend("ann");
    });
    assert_eq!((answer.status, &*answer.body), (400, UNKNOWN));
}

/// A rolling restart: the session is not on the node that leaves.
#[tokio::test]
async fn a_closing_node_lets_the_polls_of_other_nodes_sessions_go() {
    let pair = Pair::start().await;
    let journal = answering(&pair);
    let (through_ann, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let (answer, ()) = tokio::join!(through_ben.get(), async {
        poll_waits(&pair).await;
        soon("Ben to close", pair.ben.io.close()).await;
    });
    assert_eq!((answer.status, &*answer.body), (200, "6"));
    assert_eq!(answer.header("connection"), Some("close"));
    through_ann.post(r#"42["echo",2]"#).await;
    assert_eq!(through_ann.get().await.body, r#"42["echo",2]"#);
    assert_eq!(journal.rest(), [""; 0]);
}

#[tokio::test]
async fn handlers_that_take_their_time_hold_a_relayed_post_up() {
    let pair =
        Pair::of(|io| io.limits(natter::Limits { pending_handlers: 1, ..natter::Limits::default() })).await;
    let go_on = Arc::new(tokio::sync::Notify::new());
    let waits = go_on.clone();
    pair.ann.io.on_connect(move |socket: Socket| {
        let waits = waits.clone();
        socket.on("slow", move |socket: Socket| {
            let waits = waits.clone();
            async move {
                waits.notified().await;
                socket.emit("done", ()).unwrap();
            }
        });
        async {}
    });
    let (through_ann, through_ben) = pair.poller().await;
    enter(&through_ben).await;
    let (posted, polled) = tokio::join!(through_ben.post(r#"42["slow"]"#), async {
        poll_waits(&pair).await;
        sleep(Duration::from_millis(50)).await;
        assert_eq!(pair.ben.io.stats().relayed_out, 1, "not answered yet");
        go_on.notify_one();
        through_ann.get().await
    });
    assert_eq!((&*posted.body, &*polled.body), ("ok", r#"42["done"]"#));
    assert_eq!(json!(pair.ben.io.stats())["relayed_out"], Value::from(0));
}
