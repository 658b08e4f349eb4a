//! Sessions whose WebSocket ends at another node than theirs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use natter::{Binary, Data, DisconnectReason, Limits, Socket};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::sleep};

use crate::harness::{Client, Journal, Pair, eventually, request};

/// Both nodes' sockets answer, and note why they end.
fn echoing(pair: &Pair) -> Journal {
    let journal = Journal::default();
    for server in [&pair.ann, &pair.ben] {
        let journal = journal.clone();
        server.io.on_connect(move |socket: Socket| {
            let journal = journal.clone();
            socket.on("echo", |socket: Socket, Data(value): Data<Value>| async move {
                socket.emit("echo", value).unwrap();
            });
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

/// A client in `/` through a pipe.
async fn connected(pair: &Pair) -> Client {
    pair.piped().await.enter_first("/", Value::Null).await
}

async fn no_pipes(pair: &Pair) {
    eventually("pipes", (0, 0), || (pair.ann.io.stats().pipes, pair.ben.io.stats().pipes)).await;
}

#[tokio::test]
async fn an_upgrade_may_come_to_another_node() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let (poller, through_ben) = pair.poller().await;
    assert_eq!(poller.post("40").await.body, "ok");
    assert!(through_ben.get().await.body.starts_with("40"));
    let mut client = Client::upgrade(pair.ben.address, "/socket.io", poller.session()).await;
    client.emit("echo", json!([1])).await;
    assert_eq!(client.expect("echo").await, json!([1]));
    // From either node.
    for (number, server) in [&pair.ann, &pair.ben].into_iter().enumerate() {
        server.io.emit("news", number).unwrap();
        assert_eq!(client.expect("news").await, json!([number]));
    }
    let stats = [pair.ann.io.stats(), pair.ben.io.stats()];
    assert_eq!(
        stats.each_ref().map(|stats| (stats.sessions, stats.pipes, stats.upgrades)),
        [(1, 1, 1), (0, 1, 0)]
    );
    assert!(pair.ben.io.stats().stray_pieces + pair.ann.io.stats().broken_pipes == 0);
    client.close().await;
    journal.expect("transport close").await;
    no_pipes(&pair).await;
}

#[tokio::test]
async fn a_poll_that_waits_elsewhere_is_let_go_for_the_upgrade() {
    let pair = Pair::start().await;
    echoing(&pair);
    let (through_ann, through_ben) = pair.poller().await;
    let (answer, mut client) = tokio::join!(
        async {
            // The handshake was the first answer, so this one waits.
            through_ben.get().await
        },
        async {
            eventually("a relayed poll", 1, || pair.ben.io.stats().relayed_out).await;
            Client::upgrade(pair.ben.address, "/socket.io", through_ann.session()).await
        }
    );
    assert_eq!((answer.status, &*answer.body), (200, "6"));
    assert_eq!(client.enter("/", Value::Null).await.kind, '0');
    let answer = through_ben.get().await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!(3)));
}

#[tokio::test]
async fn events_stay_in_order_both_ways() {
    let pair = Pair::start().await;
    echoing(&pair);
    let mut client = connected(&pair).await;
    for from in (0..2_000).step_by(500) {
        for number in from..from + 500 {
            client.emit("echo", json!([number])).await;
        }
        for number in from..from + 500 {
            assert_eq!(client.expect("echo").await, json!([number]));
        }
    }
}

#[tokio::test]
async fn large_messages_pass_both_ways() {
    let pair = Pair::of(|io| io.max_payload(2_000_000)).await;
    echoing(&pair);
    let mut client = connected(&pair).await;
    let text = "x".repeat(1 << 20);
    let bytes: Bytes = (0..1_u32 << 20).map(|number| number as u8).collect::<Vec<_>>().into();
    for _ in 0..3 {
        client.emit("echo", json!([text])).await;
        assert!(client.expect("echo").await == json!([text]));
        client.raw(r#"451-["bytes",{"_placeholder":true,"num":0}]"#).await;
        client.raw_bytes(&bytes).await;
        assert!(client.packet().await.attachments == [bytes.clone()]);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_too_slow_and_leaves_nothing_behind() {
    let limits = Limits { outbox_soft_bytes: 20_000, outbox_hard_bytes: 60_000, ..Limits::default() };
    let pair = Pair::of(|io| io.limits(limits.clone()).max_payload(10_000)).await;
    let journal = echoing(&pair);
    for (number, reads) in [true, false].into_iter().enumerate() {
        let mut client = connected(&pair).await;
        // Until no buffer of the kernel and no window takes more.
        eventually("too slow", number as u64 + 1, || {
            pair.ann.io.emit("burst", Binary::from(vec![0; 50_000])).unwrap();
            pair.ann.io.stats().closed["too slow"]
        })
        .await;
        journal.expect("too slow").await;
        if reads {
            assert_eq!(client.closed().await, Some(1008));
        }
        client.vanish();
        no_pipes(&pair).await;
        eventually("sessions", 0, || pair.ann.io.stats().sessions).await;
    }
    assert_eq!(pair.ben.io.stats().broken_pipes, 0);
}

#[tokio::test]
async fn a_session_that_does_not_read_holds_its_client_back() {
    let pair = Pair::of(|io| io.limits(Limits { pending_handlers: 1, ..Limits::default() })).await;
    let (gate, journal) = (Arc::new(Semaphore::new(0)), Journal::default());
    let (waits, notes) = (gate.clone(), journal.clone());
    pair.ann.io.on_connect(move |socket: Socket| {
        let (waits, notes) = (waits.clone(), notes.clone());
        socket.on("large", move |Data((number, _)): Data<(usize, Value)>| {
            let (waits, notes) = (waits.clone(), notes.clone());
            async move {
                drop(waits.acquire().await.unwrap());
                notes.note(number);
            }
        });
        async {}
    });
    let mut client = connected(&pair).await;
    let text = Value::from("x".repeat(100_000));
    let written = async {
        // More than all buffers on the way.
        for number in 0..300 {
            client.emit("large", json!([number, text])).await;
        }
    };
    let mut written = std::pin::pin!(written);
    tokio::select! {
        () = &mut written => panic!("30 MB have gone somewhere"),
        () = sleep(Duration::from_millis(500)) => {}
    }
    let read = pair.ann.io.stats().received;
    assert!(read < 20, "{read} packets were read");
    gate.add_permits(1);
    written.await;
    for number in 0..300 {
        journal.expect(&number.to_string()).await;
    }
}

#[tokio::test]
async fn the_servers_close_frame_reaches_the_client() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let mut client = connected(&pair).await;
    pair.ben.io.emit("last", ()).unwrap();
    pair.ben.io.disconnect_sockets(true);
    client.expect("last").await;
    client.expect_disconnect().await;
    client.closed().await;
    journal.expect("server namespace disconnect").await;
    no_pipes(&pair).await;
    let mut client = connected(&pair).await;
    pair.ann.io.close().await;
    assert_eq!(client.closed().await, Some(1001));
    journal.expect("server shutting down").await;
}

#[tokio::test]
async fn a_client_that_vanishes_is_gone_from_its_session() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let mut client = connected(&pair).await;
    client.emit("echo", json!([1])).await;
    client.expect("echo").await;
    client.vanish();
    journal.expect("transport close").await;
    no_pipes(&pair).await;
}

#[tokio::test]
async fn what_a_client_says_last_is_heard() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let notes = journal.clone();
    pair.ann.io.on_connect(move |socket: Socket| {
        let notes = notes.clone();
        socket.on("bye", move |Data(number): Data<u32>| {
            notes.note(number);
            async {}
        });
        async {}
    });
    for number in 0..20 {
        let mut client = connected(&pair).await;
        client.emit("bye", json!([number])).await;
        client.vanish();
        journal.expect(&number.to_string()).await;
        journal.expect("transport close").await;
    }
}

#[tokio::test]
async fn a_node_that_is_gone_ends_the_websockets_of_its_sessions() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let mut client = connected(&pair).await;
    pair.cut_ann();
    journal.expect("transport close").await;
    assert_eq!(client.closed().await, None);
    no_pipes(&pair).await;
    // Counted right after the pipe has ended.
    let broken = || (pair.ann.io.stats().broken_pipes, pair.ben.io.stats().broken_pipes);
    eventually("broken pipes", (1, 1), broken).await;
}

#[tokio::test]
async fn a_node_that_was_off_the_bus_for_a_moment_ends_the_websockets_of_its_sessions() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let mut client = connected(&pair).await;
    pair.cut_ann();
    journal.expect("transport close").await;
    pair.mend_ann().await;
    assert_eq!(client.closed().await, None);
    no_pipes(&pair).await;
}

#[tokio::test]
async fn an_outage_of_the_bus_ends_what_goes_through_it_and_nothing_else() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let mut piped = connected(&pair).await;
    let mut own = pair.ann.client().await;
    pair.bus.cut_all();
    journal.expect("transport close").await;
    assert_eq!(piped.closed().await, None);
    own.emit("echo", json!([1])).await;
    assert_eq!(own.expect("echo").await, json!([1]));
    no_pipes(&pair).await;
}

#[tokio::test]
async fn a_closing_node_ends_the_websockets_it_has_accepted() {
    let pair = Pair::start().await;
    let journal = echoing(&pair);
    let mut client = connected(&pair).await;
    pair.ben.io.close().await;
    client.closed().await;
    journal.expect("transport close").await;
    no_pipes(&pair).await;
}

#[tokio::test]
async fn an_upgrade_is_refused_as_on_the_sessions_own_node() {
    let pair = Pair::start().await;
    let (poller, _) = pair.poller().await;
    let _first = Client::upgrade(pair.ben.address, "/socket.io", poller.session()).await;
    let key = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="];
    let unknown = poller.session().chars().take(6).chain("x".repeat(22).chars()).collect::<String>();
    for (sid, version) in [
        // It has a WebSocket already.
        (poller.session(), "Sec-WebSocket-Version: 13"),
        (poller.session(), "Sec-WebSocket-Version: 8"),
        (&unknown, "Sec-WebSocket-Version: 13"),
        (&unknown, "Sec-WebSocket-Version: 8"),
    ] {
        let mut answers = Vec::new();
        for server in [&pair.ann, &pair.ben] {
            let line = format!("GET /socket.io/?EIO=4&transport=websocket&sid={sid}");
            let headers = [&key[..], &[version]].concat();
            let answer = request(server.address, &line, &headers, "").await;
            let upgraded = answer.header("sec-websocket-accept").map(str::to_owned);
            answers.push((answer.status, answer.body, upgraded));
        }
        assert_eq!(answers[0], answers[1], "{sid} {version}");
    }
    assert_eq!(pair.ben.io.stats().pipes, 1);
}

#[tokio::test]
async fn an_upgrade_that_is_not_finished_is_given_up_and_polling_goes_on() {
    let pair = Pair::of(|io| io.upgrade_timeout(Duration::from_millis(200))).await;
    echoing(&pair);
    let (poller, through_ben) = pair.poller().await;
    let mut idle = Client::try_upgrade(pair.ben.address, "/socket.io", poller.session()).await;
    idle.closed().await;
    eventually("failed upgrades", 1, || pair.ann.io.stats().failed_upgrades).await;
    through_ben.post("40").await;
    assert!(through_ben.get().await.body.starts_with("40"));
    no_pipes(&pair).await;
}
