//! `sio-client`: what the tests of socket.io-client expect, with handshakes that take their time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use natter::{Ack, Args, Binary, ConnectRefused, Io, Socket};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Settings;
use crate::args::Node;
use crate::{
    events::{self, Outcome},
    server::Served,
};

pub fn build(node: &Node) -> Served {
    let settings = Settings::heartbeat(2_000, 20_000);
    let io = settings.io(node).build();
    io.use_middleware(refuse_fail);
    io.on_connect(|socket: Socket| async move {
        events::load::listen(&socket);
        listen(&socket);
    });
    namespaces(&io);
    Served { io, engine: settings.echo_engine(), handshake_delay: Duration::from_millis(10) }
}

fn namespaces(io: &Io) {
    io.of("/foo").on_connect(|socket: Socket| async move { socket.on("getId", get_id) });
    io.of("/abc").on_connect(|socket: Socket| async move { socket.emit("handshake", socket.handshake()) });
    io.of("/no").use_middleware(|_: Socket| async {
        Err::<(), _>(ConnectRefused::new("Auth failed (custom namespace)"))
    });
    for name in ["/asd", "/valid", "/timeout_socket"] {
        io.of(name);
    }
}

async fn refuse_fail(socket: Socket) -> Result<(), ConnectRefused> {
    match socket.handshake().request().query("fail") {
        Some(fail) if !fail.is_empty() => Err(ConnectRefused::new("Auth failed (main namespace)")),
        _ => Ok(()),
    }
}

/// The events on `/`. `echo` is among those of `load`; `unknown`, `event` and `my-event` have no listener on purpose.
fn listen(socket: &Socket) {
    socket.on("hi", |socket: Socket| async move { socket.emit("hi", ()) });
    socket.on("ack", ask_for_ack);
    socket.on("getAckDate", |ack: Ack| async move { ack.send(now()) });
    socket.on("getDate", |socket: Socket| async move { socket.emit("takeDate", now()) });
    socket.on(
        "getDateObj",
        |socket: Socket| async move { socket.emit("takeDateObj", json!({ "date": now() })) },
    );
    socket.on("getUtf8", take_utf8);
    socket.on("false", |socket: Socket| async move { socket.emit("false", false) });
    socket.on("doge", |socket: Socket| async move { socket.emit("doge", bytes()) });
    socket.on("getbin", |socket: Socket| async move { socket.emit("takebin", bytes()) });
    socket.on("buffa", buffa);
    socket.on("jsonbuff", jsonbuff);
    binary_then_text(socket);
    socket.on("getHandshake", |socket: Socket, ack: Ack| async move { ack.send(socket.handshake()) });
    socket.on("getId", get_id);
}

async fn get_id(socket: Socket, ack: Ack) -> Outcome {
    Ok(ack.send(socket.id())?)
}

async fn ask_for_ack(socket: Socket) -> Outcome {
    let answer: Args = socket.emit_with_ack("ack", ()).await?;
    if answer.get::<Value>(0)? == json!(5) && answer.get::<Value>(1)? == json!({ "test": true }) {
        socket.emit("got it", ())?;
    }
    Ok(())
}

async fn take_utf8(socket: Socket) -> Outcome {
    for text in ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"] {
        socket.emit("takeUtf8", text)?;
    }
    Ok(())
}

async fn buffa(socket: Socket, args: Args) -> Outcome {
    if is_binary(&args, 0) {
        socket.emit("buffack", ())?;
    }
    Ok(())
}

/// A binary among texts; one that is not binary does not deserialize.
#[derive(Deserialize)]
struct JsonBuff {
    hello: String,
    #[serde(rename = "message")]
    _message: Binary,
    goodbye: String,
}

async fn jsonbuff(socket: Socket, args: Args) -> Outcome {
    let came: JsonBuff = args.get(0)?;
    if came.hello == "lol" && came.goodbye == "gotcha" {
        socket.emit("jsonbuff-ack", ())?;
    }
    Ok(())
}

/// `abuff2` is answered only after a binary `abuff1`: the order on the wire is the order of the handlers.
fn binary_then_text(socket: &Socket) {
    let binary_came = Arc::new(AtomicBool::new(false));
    let seen = binary_came.clone();
    socket.on("abuff1", move |args: Args| {
        seen.store(is_binary(&args, 0), Ordering::Relaxed);
        async {}
    });
    socket.on("abuff2", move |socket: Socket| {
        let answer = binary_came.load(Ordering::Relaxed);
        async move { if answer { socket.emit("abuff2-ack", ()) } else { Ok(()) } }
    });
}

fn is_binary(args: &Args, position: usize) -> bool {
    args.get::<Binary>(position).is_ok()
}

fn bytes() -> Binary {
    Binary("asdfasdf".into())
}

/// The time as ISO 8601 in UTC, to the second and its fraction.
fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).expect("invariant: the present has a year of four digits")
}
