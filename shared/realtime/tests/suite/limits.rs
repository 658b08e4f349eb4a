//! What one client may cost.

use std::time::{Duration, Instant};

use natter::{Ack, Data, Io, Limits, Socket, State};
use serde_json::{Value, json};

use crate::harness::{Journal, Server, eventually};

#[tokio::test]
async fn a_connection_is_in_as_many_namespaces_as_the_limit_says() {
    let server =
        Server::build(Io::builder().limits(Limits { namespaces_per_connection: 3, ..Limits::default() }));
    server.io.of_dynamic(|_, _| async { true });
    let mut ann = server.open().await;
    for name in ["/1", "/2", "/3"] {
        assert_eq!(ann.enter(name, Value::Null).await.kind, '0');
    }
    let refused = ann.enter("/4", Value::Null).await;
    assert_eq!((refused.kind, refused.value()), ('4', json!({"message": "Too many namespaces"})));
    ann.raw("41/2,").await;
    assert_eq!(ann.enter("/4", Value::Null).await.kind, '0', "one has been left");
    assert_eq!(server.io.stats().sockets, 3);
}

#[tokio::test]
async fn a_time_without_end_counts_as_a_day() {
    let limits = Limits { packet_timeout: Duration::MAX, ..Limits::default() };
    let server = Server::build(
        Io::builder()
            .ping_interval(Duration::MAX)
            .ping_timeout(Duration::MAX)
            .upgrade_timeout(Duration::MAX)
            .connect_timeout(Duration::MAX)
            .close_timeout(Duration::MAX)
            .ack_timeout(Duration::MAX)
            .limits(limits),
    );
    server.io.on_connect(|socket: Socket| async move {
        socket.emit_with_ack::<()>("ask", ()).await.unwrap();
    });
    let mut ann = server.client().await;
    let ask = ann.packet().await;
    ann.acknowledge(&ask, json!([null])).await;
    let poller = server.poller().await;
    assert_eq!(poller.post("40").await.body, "ok");
    assert_eq!(server.io.stats().handler_panics, 0);
}

#[tokio::test]
async fn a_name_from_a_client_is_not_longer_than_the_limit() {
    let server = Server::start();
    server.io.of_dynamic(|_, _| async { true });
    let mut ann = server.open().await;
    let longest = format!("/{}", "n".repeat(254));
    assert_eq!(ann.enter(&longest, Value::Null).await.kind, '0');
    ann.ask_for(&format!("{longest}n"), Value::Null).await;
    ann.closed().await;
    let mut ben = server.client().await;
    ben.emit(&"e".repeat(255), json!([])).await;
    ben.emit(&"e".repeat(256), json!([])).await;
    ben.closed().await;
    assert_eq!(server.io.stats().unknown_events, 1);
}

/// A handler that emits a burst does not let its client read meanwhile, so it is behind by all of it.
async fn with_bursts(limits: Limits) -> Server {
    let server = Server::build(Io::builder().limits(limits));
    server.io.on_connect(|socket: Socket| async move {
        socket.on(
            "burst",
            |socket: Socket, Data((count, volatile)): Data<(u32, bool)>, ack: Ack| async move {
                let data = "x".repeat(1_000);
                for number in 0..count {
                    let sent = match volatile {
                        true => socket.volatile().emit("burst", (number, &data)),
                        false => socket.emit("burst", (number, &data)),
                    };
                    if sent.is_err() {
                        break;
                    }
                }
                ack.send(())
            },
        );
        socket.on("room burst", |socket: Socket, Data(count): Data<u32>| async move {
            socket.join("room").await.unwrap();
            let data = "x".repeat(1_000);
            for number in 0..count {
                socket.namespace().to("room").emit("burst", (number, &data)).unwrap();
            }
        });
    });
    server
}

fn small() -> Limits {
    Limits { outbox_soft_bytes: 20_000, outbox_hard_bytes: 60_000, ..Limits::default() }
}

#[tokio::test]
async fn a_client_that_is_behind_by_more_than_the_hard_bound_is_too_slow() {
    let server = with_bursts(small()).await;
    let mut other = server.client().await;
    for event in ["burst", "room burst"] {
        let mut ann = server.client().await;
        let args = if event == "burst" { json!([200, false]) } else { json!([200]) };
        ann.emit(event, args).await;
        assert_eq!(ann.closed().await, Some(1008));
    }
    eventually("too slow", 2, || server.io.stats().closed["too slow"]).await;
    eventually("sockets", 1, || server.io.stats().sockets).await;
    // Under the bound nobody is cut and nothing is lost.
    other.emit("burst", json!([50, false])).await;
    for number in 0..50 {
        assert_eq!(other.expect("burst").await[0], number);
    }
}

#[tokio::test]
async fn volatile_events_are_dropped_for_a_client_that_is_behind_and_counted() {
    let server = with_bursts(small()).await;
    let mut ann = server.client().await;
    ann.emit_asking("burst", json!([100, true])).await;
    let mut last = -1;
    let mut arrived = 0;
    loop {
        let packet = ann.packet().await;
        if packet.kind == '3' {
            break;
        }
        let number = packet.event().1[0].as_i64().unwrap();
        assert!(number > last, "in order");
        (last, arrived) = (number, arrived + 1);
    }
    assert_eq!(last, 99, "the newest are kept");
    assert!(arrived < 30, "{arrived} of 100 are more than the soft bound allows");
    let stats = server.io.stats();
    assert_eq!((stats.dropped_volatile, stats.closed["too slow"]), (100 - arrived, 0));
}

#[tokio::test]
async fn a_client_that_keeps_up_gets_all_volatile_events() {
    let server = with_bursts(small()).await;
    let mut ann = server.client().await;
    for _ in 0..30 {
        ann.request("burst", json!([5, true])).await;
    }
    for number in (0..30).flat_map(|_| 0..5) {
        assert_eq!(ann.expect("burst").await[0], number);
    }
    assert_eq!(server.io.stats().dropped_volatile, 0);
}

#[tokio::test]
async fn one_packet_may_be_larger_than_the_bound() {
    let server = with_bursts(small()).await;
    let mut ann = server.client().await;
    server.io.emit("large", "x".repeat(200_000)).unwrap();
    assert_eq!(ann.expect("large").await[0].as_str().unwrap().len(), 200_000);
}

#[tokio::test]
async fn nothing_more_is_read_from_a_client_while_too_many_of_its_handlers_run() {
    let (release, _) = tokio::sync::broadcast::channel::<()>(1);
    let server = Server::build(
        Io::builder().limits(Limits { pending_handlers: 2, ..Limits::default() }).state(release.clone()),
    );
    server.io.on_connect(|socket: Socket| async move {
        socket.on(
            "wait",
            |release: natter::State<tokio::sync::broadcast::Sender<()>>, ack: Ack| async move {
                let mut released = release.subscribe();
                ack.send(()).unwrap();
                released.recv().await.ok();
            },
        );
        socket.on("echo", |ack: Ack| async move { ack.send(()) });
    });
    let (mut ann, mut ben) = server.two_clients().await;
    ann.request("wait", json!([])).await;
    ann.request("wait", json!([])).await;
    let before = server.io.stats().received;
    let late = ann.emit_asking("echo", json!([])).await;
    ben.request("echo", json!([])).await;
    assert_eq!(server.io.stats().received, before + 1, "only the other client was heard");
    release.send(()).unwrap();
    assert_eq!(ann.packet().await.id, Some(late));
}

/// A text frame as a client sends it; a mask of zeros leaves the payload as it is.
fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).expect("a short text");
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

#[tokio::test]
async fn the_time_for_a_message_runs_for_each_anew_also_when_the_next_has_always_begun() {
    let packet_timeout = Duration::from_millis(700);
    let journal = Journal::default();
    let limits = Limits { packet_timeout, ..Limits::default() };
    let server = Server::build(Io::builder().limits(limits).state(journal.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.on("part", |Data(number): Data<u32>, log: State<Journal>| async move { log.note(number) });
    });
    let mut ann = server.client().await;
    let (begun, mut number) = (Instant::now(), 0);
    let mut rest = masked(r#"42["part",0]"#);
    while begun.elapsed() < 2 * packet_timeout {
        let mut next = masked(&format!(r#"42["part",{}]"#, number + 1));
        let second_half = next.split_off(10);
        rest.extend_from_slice(&next);
        ann.wire(&rest).await;
        journal.expect(&number.to_string()).await;
        (rest, number) = (second_half, number + 1);
    }
    assert_eq!(server.io.stats().sessions, 1);
    // The last one is never finished.
    assert_eq!(ann.closed().await, Some(1002));
    assert_eq!(server.io.stats().closed["parse error"], 1);
}
