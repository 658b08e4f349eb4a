//! `eio-client`: raw Engine.IO as the tests of engine.io-client expect it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::http::header::{HeaderMap, HeaderValue, HttpDate, SET_COOKIE};
use natter::{Engine, EngineMessage, EngineSocket, MessageData, Refusal, RequestHead, Socket};

use super::Settings;
use crate::{args::Node, events, raw_echo::send_back, server::Served};

pub fn build(node: &Node) -> Served {
    let settings = Settings { max_payload: 100, ..Settings::heartbeat(500, 20_000) };
    let io = settings.io(node).build();
    io.on_connect(|socket: Socket| async move { events::load::listen(&socket) });

    let mut options = settings.engine_options();
    options.hooks = options.hooks.allow_request(allow).initial_headers(add_cookies);
    let engine = Engine::new(options);
    engine.on_connection(|socket: EngineSocket| {
        socket.send_text("hi");
        let peer = socket.clone();
        socket.on_message(move |message| answer(&peer, message));
    });
    Served { io, engine, handshake_delay: Duration::ZERO }
}

async fn allow(request: Arc<RequestHead>) -> Result<(), Refusal> {
    match request.query("deny") {
        None => Ok(()),
        Some(_) => Err(Refusal::new("denied")),
    }
}

/// Cookies for the first answer of a polling session; a WebSocket's answer carries none.
fn add_cookies(headers: &mut HeaderMap, request: &RequestHead) {
    if request.is_websocket() {
        return;
    }
    let expired = format!("4=4; Expires={}", HttpDate::from(SystemTime::now()));
    for cookie in
        ["1=1; Max-Age=86400", "2=2; Path=/; HttpOnly; Secure; SameSite=Strict", "3=3; Max-Age=0", &expired]
    {
        let value = HeaderValue::from_str(cookie).expect("invariant: cookies and dates are visible ASCII");
        headers.append(SET_COOKIE, value);
    }
}

fn answer(socket: &EngineSocket, message: EngineMessage) {
    let asked = match &message.data {
        MessageData::Text(text) => &**text,
        MessageData::Binary(_) => "",
    };
    match asked {
        "give binary" => socket.send_binary([0, 1, 2, 3, 4]),
        "give utf8" => socket.send_text("пойду спать всем спокойной ночи"),
        "sendHeaders" => socket.send_text(&carrier_headers(&message)),
        _ => send_back(socket, message.data),
    }
}

/// The headers of the polling POST that carried the message as a JSON object; an empty one over a WebSocket.
fn carrier_headers(message: &EngineMessage) -> String {
    let headers: BTreeMap<String, String> =
        message.request.as_ref().map(|request| request.headers()).unwrap_or_default();
    serde_json::to_string(&headers).expect("invariant: strings are JSON")
}
