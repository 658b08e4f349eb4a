//! `protocol`: short deadlines, two namespaces, and what both protocol suites send comes back.

use std::time::Duration;

use natter::Socket;

use super::Settings;
use crate::{args::Node, events, server::Served};

pub fn build(node: &Node) -> Served {
    let settings = Settings {
        max_payload: 1_000_000,
        connect_timeout: Duration::from_millis(1_000),
        ..Settings::heartbeat(300, 200)
    };
    let io = settings.io(node).build();
    io.on_connect(|socket: Socket| async move {
        events::protocol::listen(&socket);
        events::load::listen(&socket);
        events::protocol::greet(&socket)
    });
    io.of("/custom").on_connect(|socket: Socket| async move {
        events::protocol::listen(&socket);
        events::protocol::greet(&socket)
    });
    Served { io, engine: settings.echo_engine(), handshake_delay: Duration::ZERO }
}
