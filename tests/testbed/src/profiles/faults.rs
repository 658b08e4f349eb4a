//! `faults`: handlers that panic, fail, dawdle and flood, to see that nobody else notices.
//!
//! Settings and events of `load`, and on `/`:
//!
//! | event | what the server does |
//! |---|---|
//! | `panic` | panic in the handler before its first await |
//! | `panic-late` | panic in the handler after an await |
//! | `slow` (ms, ack) | ack(ms) after that time |
//! | `throw` | the handler fails; every failure of the socket's handlers is told: emit `error-seen` (text) |
//! | `typed` ({id: number}, ack) | ack(id); anything else does not fit and is told as `error-seen` |
//! | `flood` (count, bytes) | emit `f` (n, padding of so many bytes) for n from 0 up to count, all in one go |
//! | `number-stream` (count, ms) | a task emits `n` (i) for i from 0 up to count, one every ms; 0: a yield in between |

use std::time::Duration;

use natter::{Ack, Data, Socket, SocketError};
use serde::Deserialize;

use super::Settings;
use crate::args::Node;
use crate::{
    events::{self, Outcome},
    server::Served,
};

pub fn build(node: &Node) -> Served {
    let settings = Settings::heartbeat(25_000, 20_000);
    let io = settings.io(node).build();
    io.on_connect(|socket: Socket| async move {
        events::load::listen(&socket);
        listen(&socket);
    });
    Served { io, engine: settings.echo_engine(), handshake_delay: Duration::ZERO }
}

fn listen(socket: &Socket) {
    socket.on("panic", panic_at_once);
    socket.on("panic-late", panic_late);
    socket.on("slow", slow);
    socket.on("throw", throw);
    socket.on("typed", typed);
    socket.on("flood", flood);
    socket.on("number-stream", number_stream);
    let teller = socket.clone();
    socket.on_error(move |error: SocketError| {
        let told = teller.emit("error-seen", error.to_string());
        async move { told }
    });
}

async fn panic_at_once() {
    panic!("asked to panic");
}

async fn panic_late() {
    tokio::task::yield_now().await;
    panic!("asked to panic after an await");
}

async fn slow(Data(millis): Data<u64>, ack: Ack) -> Outcome {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(ack.send(millis)?)
}

async fn throw() -> Result<(), &'static str> {
    Err("asked to fail")
}

#[derive(Deserialize)]
struct Typed {
    id: f64,
}

async fn typed(Data(Typed { id }): Data<Typed>, ack: Ack) -> Outcome {
    Ok(ack.send(id)?)
}

async fn flood(socket: Socket, Data((count, bytes)): Data<(u64, usize)>) -> Outcome {
    let padding = "x".repeat(bytes);
    for number in 0..count {
        socket.emit("f", (number, &padding))?;
    }
    Ok(())
}

/// The numbers come from a task of their own, so that they run beside whatever the connection is doing.
async fn number_stream(socket: Socket, Data((count, millis)): Data<(u64, u64)>) {
    actix_rt::spawn(async move {
        for number in 0..count {
            // The client has gone: there is nobody left to count for.
            if socket.emit("n", number).is_err() {
                return;
            }
            if millis == 0 {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
        }
    });
}
