//! The first page of every Socket.IO tutorial: connection, an event each way, errors, and a disconnect.
//!
//! Run it with
//!
//! ```sh
//! cargo run -p natter --example hello
//! ```
//!
//! and talk to it from a page or from Node with `socket.io-client`:
//!
//! ```js
//! const socket = io("http://localhost:3000");
//! socket.on("message", data => console.log(data)); // Hello World
//! socket.emit("reply", "hello back");
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to whoever runs it")]

use actix_web::{App, HttpServer};
use natter::{Cors, Data, DisconnectReason, Io, Socket, SocketError};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let io = Io::builder().cors(Cors::any()).build();

    io.on_connect(|socket: Socket| async move {
        println!("{} is here", socket.id());

        socket.on("reply", |Data(text): Data<String>| async move { println!("{text}") });
        // What a handler cannot take, or an error it returns, ends here: `socket.emit("reply", 42)` does.
        socket.on_error(|error: SocketError| async move { eprintln!("{error}") });
        socket.on_disconnect(|socket: Socket, reason: DisconnectReason| async move {
            println!("{} left: {reason}", socket.id());
        });

        socket.emit("message", "Hello World")
    });

    println!("listening on http://localhost:3000");
    HttpServer::new(move || App::new().configure(io.routes())).bind(("127.0.0.1", 3000))?.run().await
}
