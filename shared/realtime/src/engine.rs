//! `Engine`: raw Engine.IO, messages without events, rooms or namespaces.

use std::sync::{Arc, Mutex, OnceLock, atomic::Ordering};

use actix_web::web::ServiceConfig;
use bytes::Bytes;
use bytestring::ByteString;
use natter_protocol::Frames;

use crate::{
    DisconnectReason,
    connection::Close,
    counters::Stats,
    line::Line,
    options::{EngineOptions, TransportKind},
    request::RequestHead,
    server::{Application, Server},
    shard::LocalShard,
    transport,
};

/// What can be seen of the Engine.IO server below an [`Io`](crate::Io). Socket.IO server API: Engine.
#[derive(Clone)]
pub struct EngineView(Arc<Server>);

impl EngineView {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self(server)
    }

    /// How many clients are connected to this node. Socket.IO server API: `engine.clientsCount`.
    pub fn clients_count(&self) -> usize {
        usize::try_from(self.0.counters.sessions.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// A raw Engine.IO server (protocol revision 4): mounted like an [`Io`](crate::Io), for programs that speak messages.
///
/// Engine.IO protocol: Protocol.
#[derive(Clone)]
pub struct Engine {
    server: Arc<Server>,
    app: Arc<RawApp>,
}

type OnConnection = Box<dyn Fn(EngineSocket) + Send + Sync>;
type OnMessage = Arc<dyn Fn(EngineMessage) + Send + Sync>;
type OnClose = Box<dyn FnOnce(DisconnectReason) + Send>;

#[derive(Default)]
pub(crate) struct RawApp {
    on_connection: OnceLock<OnConnection>,
}

impl RawApp {
    pub fn connected(&self, socket: &EngineSocket) {
        if let Some(handler) = self.on_connection.get() {
            handler(socket.clone());
        }
    }
}

impl Engine {
    /// A server with these settings.
    pub fn new(options: EngineOptions) -> Self {
        let (server, app) = (Server::new(options), Arc::new(RawApp::default()));
        server.set_application(Application::Raw(app.clone()));
        Self { server, app }
    }

    /// Calls a function for each new connection, before anything is read from it, on the connection's thread. A panic
    /// ends the connection. Set it once, before serving; a second call changes nothing, and is logged.
    ///
    /// Engine.IO protocol: Handshake.
    pub fn on_connection(&self, handler: impl Fn(EngineSocket) + Send + Sync + 'static) {
        if self.app.on_connection.set(Box::new(handler)).is_err() {
            tracing::warn!("the engine has a connection handler already");
        }
    }

    /// Mounts the server. See [`Io::routes`](crate::Io::routes).
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let server = self.server.clone();
        move |config| transport::configure(config, server, ())
    }

    /// Gauges now, and counters since the start.
    pub fn stats(&self) -> Stats {
        self.server.counters.snapshot()
    }

    /// Closes the server. See [`Io::close`](crate::Io::close).
    pub async fn close(&self) {
        self.server.close(self.server.options.close_timeout).await;
    }
}

/// A message of a raw Engine.IO client, of [`max_payload`](EngineOptions::max_payload) bytes at most.
///
/// Engine.IO protocol: Message.
#[derive(Clone, Debug)]
pub struct EngineMessage {
    /// What it says.
    pub data: MessageData,
    /// The polling POST that carried it; none over a WebSocket.
    pub request: Option<Arc<RequestHead>>,
}

/// Text or bytes. Engine.IO protocol: Packet encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageData {
    /// Text.
    Text(ByteString),
    /// Bytes.
    Binary(Bytes),
}

/// One raw Engine.IO connection. A small handle that can be used from any thread.
///
/// Delivery is at most once: what is on its way when the connection breaks is lost.
#[derive(Clone)]
pub struct EngineSocket {
    inner: Arc<EngineSocketInner>,
}

struct EngineSocketInner {
    id: Arc<str>,
    server: Arc<Server>,
    line: Arc<Line>,
    on_message: Mutex<Option<OnMessage>>,
    on_close: Mutex<Option<OnClose>>,
}

impl EngineSocket {
    pub(crate) fn new(id: Arc<str>, server: Arc<Server>, line: Arc<Line>) -> Self {
        let (on_message, on_close) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(EngineSocketInner { id, server, line, on_message, on_close }) }
    }

    /// The session's id, 28 characters. It is a secret between server and client: whoever has it may poll the session.
    ///
    /// Engine.IO protocol: Handshake (`sid`).
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// How the client's bytes travel now: an upgrade changes it.
    pub fn transport(&self) -> TransportKind {
        self.inner.line.transport()
    }

    /// The request that opened the connection.
    pub fn request(&self) -> &RequestHead {
        &self.inner.line.request
    }

    /// Calls a function for each message, in order, on the connection's thread, so it must not block. A new one
    /// replaces the old one; without one messages are dropped. A panic ends the connection.
    ///
    /// Engine.IO protocol: Message.
    pub fn on_message(&self, handler: impl Fn(EngineMessage) + Send + Sync + 'static) {
        let old =
            self.inner.on_message.lock().unwrap_or_else(|it| it.into_inner()).replace(Arc::new(handler));
        drop(old);
    }

    /// Calls a function once, when the connection is closed. A new one replaces the old one; one that comes after the
    /// end is not called.
    pub fn on_close(&self, handler: impl FnOnce(DisconnectReason) + Send + 'static) {
        let old = self.inner.on_close.lock().unwrap_or_else(|it| it.into_inner()).replace(Box::new(handler));
        drop(old);
    }

    /// Sends text. Messages sent by one thread arrive in order; they are dropped, and counted, if the client is gone. A
    /// client for which more than [`outbox_hard_bytes`](crate::Limits::outbox_hard_bytes) would wait is disconnected.
    ///
    /// Engine.IO protocol: Message.
    pub fn send_text(&self, text: &str) {
        let message = Frames::text_with(text.len() + 1, |buffer| {
            buffer.extend_from_slice(b"4");
            buffer.extend_from_slice(text.as_bytes());
        });
        self.send(&message);
    }

    /// Sends bytes, like [`send_text`](Self::send_text).
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) {
        self.send(&Frames::binary(bytes.as_ref()));
    }

    /// Closes the connection when what is queued has been delivered, at most after
    /// [`close_timeout`](EngineOptions::close_timeout), or 2 s over a WebSocket. [`on_close`](Self::on_close) is told
    /// at once: `forced server close`.
    pub fn close(&self) {
        self.inner.line.connection.do_send(Close { reason: DisconnectReason::ForcedServerClose });
    }

    // There are no broadcasts here that a message could overtake, so any thread may push.
    fn send(&self, frames: &Frames) {
        self.inner.line.send(&self.inner.server.counters, frames, false);
    }

    pub(crate) fn receive(&self, message: EngineMessage) {
        debug_assert!(LocalShard::is_current(&self.inner.server, self.inner.line.shard.index));
        let handler = self.inner.on_message.lock().unwrap_or_else(|it| it.into_inner()).clone();
        if let Some(handler) = handler {
            handler(message);
        }
    }

    pub(crate) fn closed(&self, reason: DisconnectReason) {
        let handler = self.inner.on_close.lock().unwrap_or_else(|it| it.into_inner()).take();
        // Handlers hold the socket; without this neither would ever go.
        drop(self.inner.on_message.lock().unwrap_or_else(|it| it.into_inner()).take());
        if let Some(handler) = handler {
            handler(reason);
        }
    }
}
