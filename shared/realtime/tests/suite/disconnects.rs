//! Why a socket was disconnected, as the server sees it.

use std::time::Duration;

use natter::{DisconnectReason, Io, Limits, Socket, State};
use serde_json::{Value, json};

use crate::harness::{Journal, Server, eventually};

fn observed(journal: &Journal, io: natter::IoBuilder) -> Server {
    let server = Server::build(io.state(journal.clone()));
    server.io.on_connect(|socket: Socket| async move {
        socket.on_disconnecting(|reason: DisconnectReason, log: State<Journal>| async move {
            log.note(format!("disconnecting {reason}"));
        });
        socket.on_disconnect(|reason: DisconnectReason, log: State<Journal>| async move {
            log.note(format!("disconnect {reason}"));
        });
        socket.on("leave", |socket: Socket| async move { socket.disconnect(false) });
        socket.on("close", |socket: Socket| async move { socket.disconnect(true) });
        socket.on("hang up", |socket: Socket| async move { socket.close_connection() });
        socket.on("panic", async || -> () { panic!("a fault put in by a test") });
        socket.on("flood", |socket: Socket| async move {
            let sent = std::iter::repeat_with(|| socket.emit("flood", "x".repeat(10_000)));
            sent.take(1_000).take_while(Result::is_ok).count();
        });
    });
    server
}

/// What a client does, the reason both events have, whether the session ends with it, and the close code.
#[tokio::test]
async fn each_way_to_go_has_its_reason() {
    let journal = Journal::default();
    let limits = Limits { outbox_soft_bytes: 16 << 10, outbox_hard_bytes: 64 << 10, ..Limits::default() };
    let server = observed(&journal, Io::builder().limits(limits));
    for (deed, reason, close) in [
        ("41", "client namespace disconnect", None),
        (r#"42["leave"]"#, "server namespace disconnect", None),
        (r#"42["close"]"#, "server namespace disconnect", Some(None)),
        ("1", "transport close", Some(None)),
        (r#"42["hang up"]"#, "forced close", Some(None)),
        (r#"42["panic"]"#, "handler panicked", Some(Some(1011))),
        (r#"42["flood"]"#, "too slow", Some(Some(1008))),
        ("2", "transport error", Some(Some(1002))),
        ("9 is no packet type", "parse error", Some(Some(1002))),
        ("49 is no packet type", "forced close", Some(None)),
        (r#"42{"not":"an array"}"#, "forced close", Some(None)),
        ("40", "forced server close", Some(None)),
        (r#"42/elsewhere,["event"]"#, "forced server close", Some(None)),
    ] {
        let mut ann = server.client().await;
        ann.raw(deed).await;
        journal.expect(&format!("disconnecting {reason}")).await;
        journal.expect(&format!("disconnect {reason}")).await;
        if let Some(code) = close {
            let seen = ann.closed().await;
            // A close frame without a code is read as 1005.
            assert_eq!(seen.filter(|code| *code != 1005), code, "after {deed}");
        } else {
            assert_eq!(ann.enter("/", Value::Null).await.kind, '0', "after {deed}");
            ann.close().await;
            journal.expect("disconnecting transport close").await;
            journal.expect("disconnect transport close").await;
        }
        eventually("sessions", (0, 0), || (server.io.stats().sessions, server.io.stats().sockets)).await;
    }
    assert!(journal.rest().is_empty(), "each of them once");
}

#[tokio::test]
async fn a_connection_that_breaks_or_closes_is_a_transport_close() {
    let journal = Journal::default();
    let server = observed(&journal, Io::builder());
    server.client().await.vanish();
    journal.expect("disconnecting transport close").await;
    journal.expect("disconnect transport close").await;
    server.client().await.close().await;
    journal.expect("disconnecting transport close").await;
    journal.expect("disconnect transport close").await;
    eventually("closed", 2, || server.io.stats().closed["transport close"]).await;
}

#[tokio::test]
async fn a_client_without_a_pulse_is_a_ping_timeout() {
    let journal = Journal::default();
    let io = Io::builder().ping_interval(Duration::from_millis(40)).ping_timeout(Duration::from_millis(200));
    let server = observed(&journal, io);
    let mut ann = server.client().await;
    ann.ignore_pings();
    ann.closed().await;
    journal.expect("disconnecting ping timeout").await;
    journal.expect("disconnect ping timeout").await;
    assert_eq!(server.io.stats().closed["ping timeout"], 1);
}

#[tokio::test]
async fn a_client_that_enters_no_namespace_in_time_is_closed() {
    let server = Server::build(Io::builder().connect_timeout(Duration::from_millis(50)));
    let mut ann = server.open().await;
    ann.closed().await;
    eventually("closed", 1, || server.io.stats().closed["forced server close"]).await;
    assert_eq!(server.io.stats().sessions, 0);
}

#[tokio::test]
async fn two_polls_at_once_are_a_transport_error() {
    let journal = Journal::default();
    let server = observed(&journal, Io::builder());
    let ann = server.poller().await;
    assert_eq!(ann.post("40").await.body, "ok");
    assert!(ann.get().await.body.starts_with("40"));
    let (first, second) = tokio::join!(ann.get(), ann.get());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    journal.expect("disconnecting transport error").await;
    journal.expect("disconnect transport error").await;
}

#[tokio::test]
async fn a_polling_client_says_goodbye_or_talks_nonsense() {
    let journal = Journal::default();
    let server = observed(&journal, Io::builder());
    for (payload, status, reason) in
        [("1", 200, "transport close"), ("nonsense", 400, "parse error"), ("42{}", 200, "forced close")]
    {
        let ann = server.poller().await;
        ann.post("40").await;
        ann.get().await;
        assert_eq!(ann.post(payload).await.status, status);
        journal.expect(&format!("disconnecting {reason}")).await;
        journal.expect(&format!("disconnect {reason}")).await;
    }
}

#[tokio::test]
async fn a_connection_that_ends_takes_all_of_its_sockets_along() {
    let journal = Journal::default();
    let server = Server::build(Io::builder().state(journal.clone()));
    for name in ["/", "/a", "/b"] {
        server.io.of(name).on_connect(|socket: Socket| async move {
            socket.on_disconnect(
                |socket: Socket, reason: DisconnectReason, log: State<Journal>| async move {
                    log.note(format!("{} {reason}", socket.namespace().name()));
                },
            );
            socket.on("close", |socket: Socket| async move { socket.disconnect(true) });
        });
    }
    let mut ann = server.client().await;
    ann.enter("/a", Value::Null).await;
    ann.enter("/b", Value::Null).await;
    ann.emit("close", json!([])).await;
    for namespace in ["/", "/a", "/b"] {
        let told = ann.packet().await;
        assert_eq!((told.kind, &*told.namespace), ('1', namespace));
        journal.expect(&format!("{namespace} server namespace disconnect")).await;
    }
    ann.closed().await;
}

#[tokio::test]
async fn a_socket_is_disconnected_from_any_thread_and_only_once() {
    let journal = Journal::default();
    let server = observed(&journal, Io::builder());
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel();
    server.io.on_connect(move |socket: Socket| {
        keep.send(socket).unwrap();
        async {}
    });
    let mut ann = server.client().await;
    let socket: Socket = kept.recv().await.unwrap();
    socket.emit("last words", ()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket.clone();
            std::thread::spawn(move || socket.disconnect(false))
        })
        .collect();
    threads.into_iter().for_each(|it| it.join().unwrap());
    ann.expect("last words").await;
    ann.expect_disconnect().await;
    assert_eq!(ann.enter("/", Value::Null).await.kind, '0');
    assert!(!socket.connected());
    journal.expect("disconnecting server namespace disconnect").await;
    journal.expect("disconnect server namespace disconnect").await;
    assert!(journal.rest().is_empty());
    // The one that has come back is another socket; the old handle can't touch it.
    socket.disconnect(true);
    server.io.emit("still here", ()).unwrap();
    ann.expect("still here").await;
}
