//! Clients that do not take what they are sent, and what they leave behind.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use natter::{Binary, Data, Io, IoBuilder, Limits, RequestHead, Socket};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::harness::{Client, PATIENCE, Server, Transport, eventually, request};

/// The requests of connections, gone when nothing of the connection is left in the server.
#[derive(Clone, Default)]
struct Heads(Arc<Mutex<Vec<Weak<RequestHead>>>>);

impl Heads {
    fn watch(&self, io: IoBuilder) -> IoBuilder {
        let heads = self.clone();
        io.allow_request(move |head| {
            heads.0.lock().unwrap().push(Arc::downgrade(&head));
            async { Ok(()) }
        })
    }

    /// Waits until the server has nothing any more of the connection that was opened as that one.
    async fn gone(&self, number: usize) {
        eventually("handles of a connection", 0, || self.0.lock().unwrap()[number].strong_count()).await;
    }
}

fn small() -> Limits {
    Limits { outbox_soft_bytes: 20_000, outbox_hard_bytes: 60_000, ..Limits::default() }
}

/// A mounted WebSocket whose client reads nothing can't be cut: it is given up, and comes to its end when others have
/// come since. An owned one is gone by then.
#[tokio::test]
async fn the_end_of_a_client_that_was_given_up_does_not_stop_the_heartbeat_of_another() {
    let heads = Heads::default();
    let io = Io::builder()
        .limits(small())
        .ping_interval(Duration::from_millis(100))
        .ping_timeout(Duration::from_millis(500));
    let server = Server::build(heads.watch(io));
    let mut deaf = server.client().await;
    // Bytes, for text would take its time to encode, and nobody answers pings meanwhile.
    server.io.emit("large", Binary::from(vec![0; 12 << 20])).unwrap();
    deaf.stop_reading_in_a_large_frame().await;
    for _ in 0..3 {
        server.io.emit("more", "x".repeat(50_000)).unwrap();
    }
    eventually("sessions", (0, 0), || (server.io.stats().sessions, server.io.stats().sockets)).await;
    given_up(&server, deaf.session()).await;
    // One on each thread: one of them has what the other has given back.
    let (mut ann, mut ben) = server.two_clients().await;
    if Transport::of_run() != Transport::Mounted {
        heads.gone(0).await;
        deaf.vanish();
    } else {
        assert!(heads.0.lock().unwrap()[0].strong_count() > 0, "its TCP connection is still there");
        deaf.vanish();
        heads.gone(0).await;
    }
    for client in [&mut ann, &mut ben] {
        client.ignore_pings();
        client.closed().await;
    }
    eventually("closed", 0, || server.io.stats().sessions).await;
}

/// Waits until the server knows nothing of a session any more.
async fn given_up(server: &Server, session: &str) {
    let deadline = Instant::now() + PATIENCE;
    let line = format!("GET /socket.io/?EIO=4&transport=polling&sid={session}");
    while request(server.address, &line, &[], "").await.json()["code"] != 1 {
        assert!(Instant::now() < deadline, "the session is still known");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A server whose sockets send bursts, with what their handlers hold.
fn with_bursts(io: IoBuilder) -> (Server, Arc<()>) {
    // Bodies so small that the answers to one more always have room.
    let server = Server::build(io.limits(small()).max_payload(10_000));
    let held = Arc::new(());
    let captured = held.clone();
    server.io.on_connect(move |socket: Socket| {
        let captured = captured.clone();
        socket.on("burst", move |socket: Socket, Data(count): Data<usize>| {
            let captured = captured.clone();
            async move {
                // More than the kernel takes, for who writes may be another thread that keeps pace.
                let sent = std::iter::repeat_with(|| socket.emit("burst", Binary::from(vec![0; 50_000])));
                sent.take(count).take_while(Result::is_ok).count();
                drop(captured);
            }
        });
        async {}
    });
    (server, held)
}

#[tokio::test]
async fn a_post_whose_own_answers_are_too_many_is_answered() {
    let (server, _) = with_bursts(Io::builder());
    for polls in [false, true] {
        let ann = server.poller().await;
        ann.post("40").await;
        assert!(ann.get().await.body.starts_with("40"));
        let poll = async {
            if polls {
                ann.get().await;
            }
        };
        let (answer, ()) = tokio::join!(ann.post(r#"42["burst",300]"#), poll);
        assert_eq!((answer.status, &*answer.body), (200, "ok"), "polls: {polls}");
    }
    eventually("too slow", (2, 0), || {
        let stats = server.io.stats();
        (stats.closed["too slow"], stats.sessions)
    })
    .await;
}

#[tokio::test]
async fn an_upgraded_client_that_is_too_slow_leaves_nothing_behind() {
    let heads = Heads::default();
    let (server, held) = with_bursts(heads.watch(Io::builder()));
    let before = Arc::strong_count(&held);
    for (number, reads) in [true, false].into_iter().enumerate() {
        let poller = server.poller().await;
        let mut ann = Client::upgrade(server.address, "/socket.io", poller.session()).await;
        let answer = ann.enter("/", Value::Null).await;
        assert_eq!(answer.kind, '0');
        // The answer is sent before the handlers are registered.
        eventually("what its handlers hold", before + 1, || Arc::strong_count(&held)).await;
        ann.emit("burst", serde_json::json!([300])).await;
        eventually("too slow", number as u64 + 1, || server.io.stats().closed["too slow"]).await;
        if reads {
            assert_eq!(ann.closed().await, Some(1008));
        }
        ann.vanish();
        eventually("what its handlers hold", before, || Arc::strong_count(&held)).await;
        heads.gone(number).await;
    }
    assert_eq!(server.io.stats().upgrades, 2);
}
