//! socketioxide with the events that the load generator uses.
//!
//! Defaults throughout, as a user gets them; `TCP_NODELAY` is set because Node and actix-web set it too.

use std::{io, net::SocketAddr};

use axum::{Router, serve::ListenerExt};
use serde_json::Value;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
    socket::Sid,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// The value after `--name` on the command line, if it is there.
fn flag(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

async fn on_connect(socket: SocketRef) {
    socket.on("echo", async |Data(data): Data<Value>, ack: AckSender| {
        report(ack.send(&data));
    });
    socket.on("broadcast", async |Data(data): Data<Value>, io: SocketIo| {
        report(io.emit("b", &data).await);
    });
    socket.on("join", async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
        socket.join(room);
        report(ack.send(&()));
    });
    socket.on("leave", async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
        socket.leave(room);
        report(ack.send(&()));
    });
    socket.on("room", async |Data((room, data)): Data<(String, Value)>, io: SocketIo| {
        report(io.to(room).emit("r", &data).await);
    });
    socket.on("others", async |socket: SocketRef, Data((room, data)): Data<(String, Value)>| {
        report(socket.to(room).emit("r", &data).await);
    });
    // A socket's id is no room here.
    socket.on("direct", async |Data((id, data)): Data<(Sid, Value)>, io: SocketIo| {
        if let Some(other) = io.get_socket(id) {
            report(other.emit("d", &data));
        }
    });
}

/// Says what went wrong instead of hiding it: a full buffer of a slow client ends up here.
fn report<E: std::fmt::Display>(outcome: Result<(), E>) {
    if let Err(error) = outcome {
        eprintln!("send: {error}");
    }
}

async fn serve(host: &str, port: u16) -> io::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", on_connect);
    let app = Router::new().layer(layer);

    let listener = TcpListener::bind((host, port)).await?;
    let address: SocketAddr = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY: {error}");
        }
    });
    let mut terminated = signal(SignalKind::terminate())?;
    println!("ready http://{address}");

    tokio::select! {
        ended = axum::serve(listener, app) => ended,
        _ = terminated.recv() => Ok(()),
    }
}

fn main() -> io::Result<()> {
    let host = flag("--host").unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = flag("--port").and_then(|port| port.parse().ok()).unwrap_or(0);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = flag("--workers").and_then(|workers| workers.parse().ok()) {
        runtime.worker_threads(workers);
    }
    runtime.enable_all().build()?.block_on(serve(&host, port))
}
