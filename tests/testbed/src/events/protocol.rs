//! The events of the profile `protocol`, which `clients` has as well.

use natter::{Ack, Args, Socket};
use serde_json::value::RawValue;

use super::Outcome;

/// Sends the handshake's auth payload back, `{}` when there was none. It has to be the first thing a client hears.
pub fn greet(socket: &Socket) -> Outcome {
    let auth: Box<RawValue> = socket.handshake().auth()?;
    Ok(socket.emit("auth", auth)?)
}

/// Listens for the two events that come back.
pub fn listen(socket: &Socket) {
    socket.on("message", message);
    socket.on("message-with-ack", message_with_ack);
}

async fn message(socket: Socket, args: Args) -> Outcome {
    Ok(socket.emit("message-back", args)?)
}

async fn message_with_ack(args: Args, ack: Ack) -> Outcome {
    Ok(ack.send(args)?)
}
