//! A chat: names from the handshake, rooms, acknowledgements, a list of who is here, and a typing indicator.
//!
//! Run it with
//!
//! ```sh
//! cargo run -p natter --example chat
//! ```
//!
//! and talk to it from a page or from Node with `socket.io-client`:
//!
//! ```js
//! const socket = io("http://localhost:3000/chat", { auth: { name: "Ann", password: "tea" } });
//! socket.on("connect_error", error => console.log(error.message, error.data));
//! socket.on("message", ({ room, from, text }) => console.log(`${room}: ${from}: ${text}`));
//! socket.on("typing", ({ from }) => console.log(`${from} is typing`));
//! socket.on("joined", ({ room, name }) => console.log(`${name} is in ${room}`));
//! socket.on("left", ({ room, name }) => console.log(`${name} has left ${room}`));
//!
//! const { members } = await socket.emitWithAck("join", "kitchen");
//! socket.emit("typing", "kitchen");
//! const { ok, error } = await socket.emitWithAck("message", { room: "kitchen", text: "Hello" });
//! ```

use std::error::Error;

use actix_web::{App, HttpServer};
use natter::{Ack, ConnectRefused, Cors, Data, DisconnectReason, Io, Socket};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What lets a guest in.
const PASSWORD: &str = "tea";

/// What a client sends along when it connects.
#[derive(Deserialize)]
struct Guest {
    name: String,
    password: String,
}

/// Who a socket is, for every handler that asks for `socket.data()`. On a cluster other nodes can read it.
#[derive(Serialize, Deserialize)]
struct Identity {
    name: String,
}

#[derive(Deserialize)]
struct Message {
    room: String,
    text: String,
}

/// An `Err` of a handler goes to the socket's `on_error`.
type Outcome = Result<(), Box<dyn Error>>;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let io = Io::builder().cors(Cors::any()).build();

    let chat = io.of("/chat");
    chat.use_middleware(welcome);
    chat.on_connect(|socket: Socket| async move {
        socket.on("join", join);
        socket.on("leave", leave);
        socket.on("message", message);
        socket.on("typing", typing);
        socket.on_disconnecting(say_goodbye);
    });

    HttpServer::new(move || App::new().configure(io.routes())).bind(("127.0.0.1", 3000))?.run().await
}

/// Lets nobody in without the password and a name. The client sees `message` and `data` on its `connect_error`.
async fn welcome(socket: Socket) -> Result<(), ConnectRefused> {
    let guest: Guest = socket.handshake().auth().map_err(|_| ConnectRefused::new("who are you?"))?;
    if guest.password != PASSWORD {
        return Err(ConnectRefused::new("not authorized").data(json!({ "code": 401 })));
    }
    let name = guest.name.trim();
    if name.is_empty() || name.len() > 40 {
        return Err(ConnectRefused::new("a name has 1 to 40 bytes").data(json!({ "code": 422 })));
    }
    let identity = Identity { name: name.to_owned() };
    socket.set_data(&identity).map_err(|error| ConnectRefused::new(error.to_string()))
}

async fn join(socket: Socket, Data(room): Data<String>, ack: Ack) -> Outcome {
    let Identity { name } = socket.data()?;
    socket.join(&room).await?;
    socket.to(&room).emit("joined", json!({ "room": room, "name": name }))?;

    let found = socket.namespace().in_(&room).fetch_sockets().await;
    let members: Vec<Identity> = found.iter().filter_map(|member| member.data().ok()).collect();
    Ok(ack.send(json!({ "members": members }))?)
}

async fn leave(socket: Socket, Data(room): Data<String>) -> Outcome {
    let Identity { name } = socket.data()?;
    socket.leave(&room);
    Ok(socket.namespace().to(&room).emit("left", json!({ "room": room, "name": name }))?)
}

/// Delivers to everybody in the room, the sender included, and tells the sender whether it did.
async fn message(socket: Socket, Data(Message { room, text }): Data<Message>, ack: Ack) -> Outcome {
    if !socket.rooms().contains(&room) {
        return Ok(ack.send(json!({ "error": "join the room first" }))?);
    }
    let Identity { name } = socket.data()?;
    socket.namespace().in_(&room).emit("message", json!({ "room": room, "from": name, "text": text }))?;
    Ok(ack.send(json!({ "ok": true }))?)
}

/// For everybody in the room but the one who types. Volatile: nobody needs to hear it late.
async fn typing(socket: Socket, Data(room): Data<String>) -> Outcome {
    let Identity { name } = socket.data()?;
    Ok(socket.to(&room).volatile().emit("typing", json!({ "room": room, "from": name }))?)
}

/// While a socket is disconnecting its rooms can still be read; in `on_disconnect` they are gone.
async fn say_goodbye(socket: Socket, _: DisconnectReason) -> Outcome {
    let Identity { name } = socket.data()?;
    for room in socket.rooms().iter().filter(|room| *room != socket.id()) {
        socket.to(room).emit("left", json!({ "room": room, "name": name }))?;
    }
    Ok(())
}
