//! The events of the profile `load`, which every profile has on `/`.

use std::time::Duration;

use natter::{Ack, Args, Data, EncodeError, Io, Namespace, Socket};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Outcome, rest};

/// Listens for all events of the table.
pub fn listen(socket: &Socket) {
    listen_without_membership(socket);
    socket.on("join", join);
    socket.on("leave", leave);
}

/// The same without `join` and `leave`, for a profile in which these two acknowledge something else.
pub fn listen_without_membership(socket: &Socket) {
    socket.on("echo", echo);
    socket.on("broadcast", broadcast);
    socket.on("room", room);
    socket.on("others", others);
    socket.on("direct", direct);
    socket.on("ask", ask);
    socket.on("fetch", fetch);
    socket.on("move", relocate);
    socket.on("evict", evict);
    socket.on("side", side);
    socket.on("whoami", whoami);
}

async fn echo(args: Args, ack: Ack) -> Outcome {
    Ok(ack.send(args)?)
}

async fn broadcast(namespace: Namespace, args: Args) -> Outcome {
    Ok(namespace.emit("b", args)?)
}

async fn join(socket: Socket, Data(room): Data<String>, ack: Ack) -> Outcome {
    socket.join(room).await?;
    Ok(ack.send(())?)
}

async fn leave(socket: Socket, Data(room): Data<String>, ack: Ack) -> Outcome {
    socket.leave(room);
    Ok(ack.send(())?)
}

async fn room(namespace: Namespace, args: Args) -> Outcome {
    let room: String = args.get(0)?;
    Ok(namespace.to(room).emit("r", rest(&args, 1)?)?)
}

async fn others(socket: Socket, args: Args) -> Outcome {
    let room: String = args.get(0)?;
    Ok(socket.to(room).emit("r", rest(&args, 1)?)?)
}

async fn direct(namespace: Namespace, args: Args) -> Outcome {
    let id: String = args.get(0)?;
    Ok(namespace.to(id).emit("d", rest(&args, 1)?)?)
}

async fn ask(namespace: Namespace, args: Args, ack: Ack) -> Outcome {
    let (room, millis): (String, u64) = (args.get(0)?, args.get(1)?);
    let question = rest(&args, 2)?;
    match namespace.to(room).timeout(Duration::from_millis(millis)).emit_with_ack("q", question).await {
        Ok(responses) => ack.send((Value::Null, first_of_each(&responses)?))?,
        Err(error) => ack.send((error.to_string(), first_of_each(&error.responses)?))?,
    }
    Ok(())
}

/// Of every answer the first argument, as a broadcast with acks reports it; `null` for an answer without one.
fn first_of_each(responses: &[Args]) -> Result<Args, EncodeError> {
    let first = |response: &Args| response.raw(0).unwrap_or("null").to_owned();
    if responses.iter().all(|response| response.attachments().is_empty()) {
        // One text for all: joining a thousand answers one by one would copy the first of them a thousand times.
        let texts: Vec<String> = responses.iter().map(first).collect();
        return Args::from_json(&format!("[{}]", texts.join(",")), Vec::new());
    }
    responses.iter().try_fold(Args::new(), |all, response| {
        let one = Args::from_json(&format!("[{}]", first(response)), response.attachments().to_vec())?;
        all.concat(&one)
    })
}

async fn fetch(namespace: Namespace, Data(room): Data<Option<String>>, ack: Ack) -> Outcome {
    let found = match room {
        Some(room) => namespace.to(room).fetch_sockets().await,
        None => namespace.fetch_sockets().await,
    };
    let sockets: Vec<Value> = found
        .sockets
        .iter()
        .map(|socket| {
            let data: Value = socket.data()?;
            Ok(json!({ "id": socket.id(), "node": socket.node(), "rooms": socket.rooms(), "data": data }))
        })
        .collect::<Result<_, serde_json::Error>>()?;
    Ok(ack.send((sockets, found.missing))?)
}

async fn relocate(namespace: Namespace, Data((from, to)): Data<(String, String)>, ack: Ack) -> Outcome {
    namespace.in_(from).sockets_join(to).await;
    Ok(ack.send(())?)
}

async fn evict(namespace: Namespace, Data(room): Data<String>) {
    namespace.in_(room).disconnect_sockets(true);
}

/// Asks all other nodes for their names.
async fn side(namespace: Namespace, args: Args, ack: Ack) -> Outcome {
    match namespace.server_side_emit_with_ack("side", args).await {
        Ok(answers) => ack.send((Value::Null, first_of_each(&answers)?))?,
        Err(error) => ack.send((error.to_string(), first_of_each(&error.responses)?))?,
    }
    Ok(())
}

/// Answers the other nodes.
pub fn answer_other_nodes(io: &Io) {
    let name = io.node_name().to_owned();
    io.on_server_side("side", move |event| {
        let name = name.clone();
        async move {
            // A name always has a JSON form.
            event.ack(name).ok();
        }
    });
}

#[derive(Serialize)]
struct Whoami {
    id: String,
    node: String,
    shard: usize,
    transport: String,
    rooms: Vec<String>,
}

async fn whoami(socket: Socket, ack: Ack) -> Outcome {
    Ok(ack.send(Whoami {
        id: socket.id().to_owned(),
        node: socket.node().to_owned(),
        shard: socket.shard(),
        transport: socket.transport().to_string(),
        rooms: socket.rooms(),
    })?)
}
