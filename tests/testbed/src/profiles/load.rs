//! `load`: the library's defaults, and the events that are measured.

use std::time::Duration;

use natter::Socket;

use super::Settings;
use crate::{args::Node, events, server::Served};

pub fn build(node: &Node) -> Served {
    let settings = Settings::heartbeat(25_000, 20_000);
    let io = settings.io(node).build();
    io.on_connect(|socket: Socket| async move { events::load::listen(&socket) });
    Served { io, engine: settings.echo_engine(), handshake_delay: Duration::ZERO }
}
