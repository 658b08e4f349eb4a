//! `clients`: everything a client in any language can do, on static, guarded and dynamic namespaces.

use std::time::Duration;

use natter::{Ack, AckError, Args, ConnectRefused, Data, DisconnectReason, Socket};
use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use super::Settings;
use crate::args::Node;
use crate::{
    events::{self, Outcome},
    server::Served,
};

pub fn build(node: &Node) -> Served {
    // Only the tests of one node wait for these to pass. A cluster has time, for its nodes share the machine.
    let beat = if node.cluster.is_some() { 10_000 } else { 1_000 };
    let settings = Settings {
        max_payload: 1_000_000,
        connect_timeout: Duration::from_millis(2 * beat),
        ..Settings::heartbeat(beat, beat)
    };
    let io = settings.io(node).build();
    io.on_connect(|socket: Socket| async move {
        events::load::listen_without_membership(&socket);
        connected(&socket)
    });
    io.of("/custom").on_connect(|socket: Socket| async move { connected(&socket) });

    let guarded = io.of("/guarded");
    guarded.use_middleware(guard);
    guarded.on_connect(|socket: Socket| async move { connected(&socket) });

    let dynamic = Regex::new(r"^/dynamic-\d+$").expect("invariant: the pattern is valid");
    io.of_matching(dynamic).on_connect(|socket: Socket| async move { connected(&socket) });
    Served { io, engine: settings.echo_engine(), handshake_delay: Duration::ZERO }
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn guard(socket: Socket) -> Result<(), ConnectRefused> {
    match socket.handshake().auth::<Token>() {
        Ok(Token { token }) if token == "secret" => Ok(()),
        _ => Err(ConnectRefused::new("not authorized").data(json!({ "code": 401, "reason": "bad token" }))),
    }
}

fn connected(socket: &Socket) -> Outcome {
    events::protocol::listen(socket);
    socket.on("my-id", my_id);
    socket.on("join", join);
    socket.on("leave", leave);
    socket.on("rooms", rooms);
    socket.on("to-room", to_room);
    socket.on("in-room", in_room);
    socket.on("to-all-but-me", to_all_but_me);
    socket.on("to-all", to_all);
    socket.on("ask-me", ask_me);
    socket.on("ask-me-in", ask_me_in);
    socket.on("kick", |socket: Socket| async move { socket.disconnect(false) });
    socket.on("kick-hard", |socket: Socket| async move { socket.disconnect(true) });
    socket.on("drop", |socket: Socket| async move { socket.close_connection() });
    socket.on_disconnect(left);
    events::protocol::greet(socket)
}

async fn my_id(socket: Socket, ack: Ack) -> Outcome {
    Ok(ack.send(socket.id())?)
}

async fn join(socket: Socket, Data(room): Data<String>, ack: Ack) -> Outcome {
    socket.join(&room).await?;
    Ok(ack.send(("joined", room))?)
}

async fn leave(socket: Socket, Data(room): Data<String>, ack: Ack) -> Outcome {
    socket.leave(&room);
    Ok(ack.send(("left", room))?)
}

async fn rooms(socket: Socket, ack: Ack) -> Outcome {
    let mut rooms = socket.rooms();
    rooms.retain(|room| room != socket.id());
    rooms.sort();
    // A list of one argument that is a list, not one argument for each room.
    Ok(ack.send((rooms,))?)
}

async fn to_room(socket: Socket, args: Args) -> Outcome {
    let room: String = args.get(0)?;
    Ok(socket.to(room).emit("room-message", args)?)
}

async fn in_room(socket: Socket, args: Args) -> Outcome {
    let room: String = args.get(0)?;
    Ok(socket.namespace().in_(room).emit("room-message", args)?)
}

async fn to_all_but_me(socket: Socket, args: Args) -> Outcome {
    Ok(socket.broadcast().emit("all-message", args)?)
}

async fn to_all(socket: Socket, args: Args) -> Outcome {
    Ok(socket.namespace().emit("all-message", args)?)
}

async fn ask_me(socket: Socket, args: Args) -> Outcome {
    let answer: Args = socket.emit_with_ack("question", args).await?;
    Ok(socket.emit("answer", answer)?)
}

async fn ask_me_in(socket: Socket, Data(millis): Data<u64>) -> Outcome {
    let patience = socket.timeout(Duration::from_millis(millis));
    let timed_out = match patience.emit_with_ack::<Args>("question-in", ()).await {
        Ok(_) => false,
        Err(AckError::Timeout(_)) => true,
        Err(gone) => return Err(gone.into()),
    };
    Ok(socket.emit("answer-in", timed_out)?)
}

async fn left(socket: Socket, reason: DisconnectReason) -> Outcome {
    let leaver = (socket.id(), reason.to_string());
    Ok(socket.namespace().to("observers").emit("peer-left", leaver)?)
}
