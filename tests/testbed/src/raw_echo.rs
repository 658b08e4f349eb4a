//! Raw Engine.IO at `/engine.io/`: every message, text or binary, goes back as it came.

use natter::{Engine, EngineSocket, MessageData};

/// Makes the engine of every profile that has no raw behaviour of its own.
pub fn on(engine: &Engine) {
    engine.on_connection(|socket: EngineSocket| {
        let peer = socket.clone();
        socket.on_message(move |message| send_back(&peer, message.data));
    });
}

/// Sends data in the form in which it came.
pub fn send_back(socket: &EngineSocket, data: MessageData) {
    match data {
        MessageData::Text(text) => socket.send_text(&text),
        MessageData::Binary(bytes) => socket.send_binary(bytes),
    }
}
