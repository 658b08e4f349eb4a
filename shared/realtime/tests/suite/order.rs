//! What one thread emits reaches each client in that order, once, and whole.

use std::{collections::HashMap, thread};

use natter::{Data, Io, Socket};
use serde_json::json;

use crate::{
    harness::{Client, soon},
    rooms::with_sockets,
};

const EMITTERS: u64 = 8;
const EACH: u64 = 2_000;
const BY_HANDLERS: u64 = 2_000;

/// One event in one of the ways that reach every client exactly once.
fn emit(io: &Io, sockets: &[Socket], from: u64, number: u64) {
    let data = (from, number);
    match (number + from) % 5 {
        0 => io.emit("n", data).unwrap(),
        1 => io.to(["everybody", "again"]).emit("n", data).unwrap(),
        2 => sockets.iter().for_each(|socket| socket.emit("n", data).unwrap()),
        3 => sockets.iter().for_each(|socket| io.to(socket.id()).emit("n", data).unwrap()),
        _ => io.except("nobody").volatile().emit("n", data).unwrap(),
    }
}

async fn check(client: &mut Client, expected: u64) {
    let mut next = HashMap::new();
    for seen in 0..expected {
        let args = soon("the next number", client.expect("n")).await;
        let (from, number) = (args[0].as_u64().unwrap(), args[1].as_u64().unwrap());
        let next = next.entry(from).or_insert(0);
        assert_eq!(number, *next, "of emitter {from}, after {seen} events");
        *next += 1;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn eight_threads_and_two_handlers_emit_20_000_events_in_order() {
    let limits = natter::Limits {
        outbox_soft_bytes: 64 << 20,
        outbox_hard_bytes: 64 << 20,
        ..natter::Limits::default()
    };
    let (server, mut sockets) = with_sockets(Io::builder().limits(limits).build());
    let (mut ann, mut ben) = server.two_clients().await;
    let all = [sockets.recv().await.unwrap(), sockets.recv().await.unwrap()];
    server.io.sockets_join(["everybody", "again"]).await;
    for socket in &all {
        let (io, all) = (server.io.clone(), all.clone());
        socket.on("go", move |Data((from, first)): Data<(u64, u64)>| {
            for number in first..first + 50 {
                emit(&io, &all, from, number);
            }
            async {}
        });
    }
    let emitters: Vec<_> = (0..EMITTERS)
        .map(|from| {
            let (io, all) = (server.io.clone(), all.clone());
            thread::spawn(move || (0..EACH).for_each(|number| emit(&io, &all, from, number)))
        })
        .collect();
    for first in (0..BY_HANDLERS).step_by(50) {
        ann.emit("go", json!([EMITTERS, first])).await;
        ben.emit("go", json!([EMITTERS + 1, first])).await;
    }
    let expected = EMITTERS * EACH + 2 * BY_HANDLERS;
    assert_eq!(expected, 20_000);
    tokio::join!(check(&mut ann, expected), check(&mut ben, expected));
    emitters.into_iter().for_each(|it| it.join().unwrap());
    // Nothing twice: behind all of it comes the end.
    server.io.emit("end", ()).unwrap();
    ann.expect("end").await;
    ben.expect("end").await;
    let stats = server.io.stats();
    assert_eq!((stats.dropped_volatile, stats.dropped_closed, stats.dropped_shard_queue), (0, 0, 0));
}

#[tokio::test]
async fn an_acknowledgement_keeps_its_place_among_emits() {
    let (server, mut sockets) = with_sockets(Io::builder().build());
    let mut ann = server.client().await;
    let socket = sockets.recv().await.unwrap();
    let io = server.io.clone();
    socket.on("ask", move |ack: natter::Ack, socket: Socket| {
        let io = io.clone();
        // On a thread of its own all of it goes through the shard's queue.
        thread::spawn(move || {
            io.emit("before", ()).unwrap();
            ack.send("answer").unwrap();
            socket.emit("after", ()).unwrap();
        });
        async {}
    });
    ann.emit_asking("ask", json!([])).await;
    ann.expect("before").await;
    assert_eq!(ann.packet().await.kind, '3');
    ann.expect("after").await;
}
