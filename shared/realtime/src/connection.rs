//! `Connection`: one per client; it owns the Engine.IO session, the client's sockets and its outbox.
//!
//! Receives bytes, polls and the ends of transports from `transport/`, orders to close from sockets, the time from the
//! shard's alarm. Sends through its [`Outbox`], never through a mailbox. It lives on the thread that accepted the
//! client's first request and stops when the session is over. It is an ordinary actor: a WebSocket whose peer does
//! not read keeps neither its heartbeat nor its end from coming.

mod ending;
mod orders;
mod polls;
mod sockets;
mod task;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use actix::{Actor, Handler, Message, dev::Mailbox};
use natter_protocol::{CloseCode, EnginePacket, Frames, Message as WebSocketMessage, Open, WebSocketDecoder};

use crate::{
    DisconnectReason,
    alarm::AlarmKey,
    client::{Client, Wire},
    counters::bump,
    drive::{End, guarded},
    engine::{EngineMessage, EngineSocket, MessageData, RawApp},
    gate::Gate,
    ids,
    line::Line,
    options::TransportKind,
    outbox::{Bounds, Outbox},
    request::RequestHead,
    server::{Application, Server},
    session::{Due, Session},
    shard::LocalShard,
    upgrade::Candidate,
};

pub(crate) use orders::{Abort, Admitted, Close, LeaveNamespace, ReleasePoll, Shutdown, TooSlow};
pub(crate) use polls::{BeginPoll, BeginPost, BeginUpgrade, Payload, PayloadVerdict, PollEnded, PostEnded};
pub(crate) use sockets::{HandOver, Received, TransportClosed};
pub(crate) use task::{ConnectionContext, ConnectionTask};

/// Names a transport of one connection.
pub(crate) type TransportId = u32;

pub(crate) struct Connection {
    sid: Arc<str>,
    session: Session,
    wire: Wire,
    alarm: AlarmKey,
    /// What reads the WebSocket at work.
    inbound: Option<(TransportId, WebSocketDecoder)>,
    /// A WebSocket that wants to take over.
    candidate: Option<Box<Candidate>>,
    /// The peer of the WebSocket at work has said goodbye.
    peer_closed: bool,
    app: App,
    next_transport: TransportId,
    /// How often the process had stood still when the session began.
    standstills: u64,
}

/// Who gets the messages.
enum App {
    SocketIo(Client),
    Raw(Arc<RawApp>, EngineSocket),
}

/// A new connection, as the transport that accepted it needs it.
pub(crate) struct Opened {
    pub sid: Arc<str>,
    pub line: Arc<Line>,
    /// The actor, to be run on this thread.
    pub task: ConnectionTask,
}

/// The WebSocket a connection began with.
pub(crate) const FIRST_TRANSPORT: TransportId = 0;

impl Connection {
    /// Makes a connection, to be run on this thread.
    ///
    /// None if the server is no longer there.
    pub fn open(server: &Arc<Server>, request: Arc<RequestHead>, transport: TransportKind) -> Option<Opened> {
        let application = server.application();
        let io = match &application {
            Application::SocketIo(io) => Some(io.upgrade()?),
            Application::Raw(_) => None,
        };
        let shard = LocalShard::of(server);
        let limits = &server.options.limits;
        let sid = ids::session_id(server.tag);
        let mailbox = Mailbox::default();
        let outbox = Outbox::new(Bounds::new(limits.outbox_soft_bytes, limits.outbox_hard_bytes));
        let gate = Arc::new(Gate::new(limits.pending_handlers));
        let line = Line::new(shard.handle.clone(), mailbox.address(), outbox, gate, request, transport);
        let connect_timeout = io.as_ref().map(|_| server.options.connect_timeout);
        let app = match (io, application) {
            (Some(io), _) => App::SocketIo(Client::new(io)),
            (None, Application::Raw(app)) => {
                App::Raw(app, EngineSocket::new(sid.clone(), server.clone(), line.clone()))
            }
            (None, Application::SocketIo(_)) => unreachable!("invariant: upgraded above"),
        };
        let connection = Self {
            sid: sid.clone(),
            session: Session::open(server.timing.clone(), transport, connect_timeout, Instant::now()),
            alarm: shard.alarm.add(line.clone()),
            wire: Wire { line: line.clone(), shard: shard.clone() },
            inbound: (transport == TransportKind::Websocket)
                .then(|| (FIRST_TRANSPORT, WebSocketDecoder::new(server.websocket_limits))),
            candidate: None,
            peer_closed: false,
            app,
            next_transport: FIRST_TRANSPORT + 1,
            standstills: server.standstills(),
        };
        let task = ConnectionTask::new(connection.greet(transport), mailbox);
        server.sessions.insert(sid.clone(), line.clone());
        if server.is_closing() {
            // Whoever closes the server may have looked before this session was there.
            line.connection.do_send(Shutdown);
        }
        Some(Opened { sid, line, task })
    }

    /// The first packet (protocol section "Handshake").
    fn greet(self, transport: TransportKind) -> Self {
        let options = &self.wire.shard.server.options;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let open = natter_protocol::open(&Open {
            sid: &self.sid,
            upgrades: if transport == TransportKind::Polling { options.upgrades() } else { &[] },
            ping_interval: millis(options.ping_interval),
            ping_timeout: millis(options.ping_timeout),
            max_payload: options.max_payload,
        });
        self.push(&open);
        bump(&self.wire.shard.server.counters.opened);
        self.wire.shard.server.counters.sessions.fetch_add(1, Ordering::Relaxed);
        self
    }

    fn push(&self, frames: &Frames) {
        self.wire.push(frames);
    }

    /// Sees to it that the alarm rings at the session's next deadline.
    fn arm(&self) {
        self.wire.shard.alarm.set(self.alarm, self.session.next());
    }

    /// Does what is due.
    fn look_at_the_clock(&mut self, ctx: &mut ConnectionContext) {
        let now = Instant::now();
        while let Some(due) = self.session.due(now) {
            match due {
                Due::Ping => self.push(&natter_protocol::ping()),
                Due::PingTimeout => self.close(DisconnectReason::PingTimeout, ctx),
                Due::ConnectTimeout => self.close(DisconnectReason::ForcedServerClose, ctx),
                Due::PacketTimeout => self.close(DisconnectReason::ParseError, ctx),
                Due::UpgradeTimeout => self.abandon(None),
                Due::ReleasePoll => self.release_poll(),
                Due::CloseTimeout => return self.give_up(ctx),
            }
        }
        self.arm();
    }

    // ---- what the client says ----

    /// What a client sent to a process that stood still is old, and the client has missed what it can't be told any more:
    /// it is to come back and start over. The link tells all connections, but this one may read before it is told.
    fn end_if_process_stood_still(&mut self) {
        if self.standstills != self.wire.shard.server.standstills() {
            self.close_gracefully(DisconnectReason::TransportClose);
        }
    }

    /// Bytes from one of the connection's WebSockets, while there may be two.
    fn received(&mut self, transport: TransportId, bytes: &[u8], ctx: &mut ConnectionContext) {
        self.end_if_process_stood_still();
        if self.candidate.as_ref().is_some_and(|candidate| candidate.transport == transport) {
            self.probe(bytes, ctx);
        } else if self.inbound.as_ref().is_some_and(|(it, _)| *it == transport) {
            self.read(bytes, ctx);
        }
        self.arm();
    }

    fn read(&mut self, mut bytes: &[u8], ctx: &mut ConnectionContext) {
        loop {
            let Some((_, decoder)) = &mut self.inbound else { return };
            match decoder.decode(&mut bytes) {
                Ok(None) => return self.note_unfinished(),
                Ok(Some(message)) => {
                    self.message(message, ctx);
                    // After each one, or a client that never pauses would seem never to finish.
                    self.note_unfinished();
                }
                Err(error) => {
                    tracing::debug!(%error, "a client broke the WebSocket protocol");
                    let reason = match error.close_code() {
                        CloseCode::TooBig => DisconnectReason::TransportError,
                        _ => DisconnectReason::ParseError,
                    };
                    return self.close_with(reason, Some(error.close_code()), ctx);
                }
            }
        }
    }

    fn note_unfinished(&mut self) {
        if self.session.is_closing() {
            return;
        }
        let fragments = self.inbound.as_ref().is_some_and(|(_, decoder)| decoder.has_partial());
        let attachments = matches!(&self.app, App::SocketIo(client) if client.is_waiting());
        self.session.packet_unfinished(fragments || attachments, Instant::now);
    }

    fn message(&mut self, message: WebSocketMessage, ctx: &mut ConnectionContext) {
        if self.session.is_closing() {
            // Only the answer to the close frame is awaited (RFC 6455 section 5.5.1).
            if let WebSocketMessage::Close(_) = message {
                self.end(ctx);
            }
            return;
        }
        match message {
            WebSocketMessage::Text(text) => match EnginePacket::from_text(text) {
                Ok(packet) => self.packet(packet, None, ctx),
                Err(_) => self.close(DisconnectReason::ParseError, ctx),
            },
            WebSocketMessage::Binary(bytes) => self.packet(EnginePacket::Binary(bytes), None, ctx),
            WebSocketMessage::Ping(payload) => self.push(&Frames::pong(&payload)),
            WebSocketMessage::Pong(_) => {}
            WebSocketMessage::Close(code) => {
                self.peer_closed = true;
                self.leave(DisconnectReason::TransportClose);
                self.finish_websocket(code.map(|_| CloseCode::Normal));
            }
        }
    }

    fn packet(
        &mut self,
        packet: EnginePacket,
        request: Option<&Arc<RequestHead>>,
        ctx: &mut ConnectionContext,
    ) {
        match packet {
            EnginePacket::Message(text) => self.deliver(MessageData::Text(text), request, ctx),
            EnginePacket::Binary(bytes) => self.deliver(MessageData::Binary(bytes), request, ctx),
            EnginePacket::Pong(_) => self.session.pong(Instant::now()),
            EnginePacket::Close => self.closed_by_client(ctx),
            // In revision 4 the server pings.
            EnginePacket::Ping(_) => self.close(DisconnectReason::TransportError, ctx),
            EnginePacket::Open(_) | EnginePacket::Upgrade | EnginePacket::Noop => {}
        }
    }

    fn deliver(
        &mut self,
        data: MessageData,
        request: Option<&Arc<RequestHead>>,
        ctx: &mut ConnectionContext,
    ) {
        let verdict = match &mut self.app {
            App::SocketIo(client) => {
                let verdict = match data {
                    MessageData::Text(text) => client.text(&self.wire, text),
                    MessageData::Binary(bytes) => client.binary(&self.wire, bytes),
                };
                if self.session.awaits_namespace() && client.is_connected() {
                    self.session.connected();
                }
                verdict
            }
            App::Raw(_, socket) => {
                bump(&self.wire.shard.server.counters.received);
                let message = EngineMessage { data, request: request.cloned() };
                match guarded(|| socket.receive(message)) {
                    End::Returned(()) => Ok(()),
                    End::Panicked(message) => Err(panicked(&self.wire.shard.server, &message)),
                }
            }
        };
        if let Err(reason) = verdict {
            self.close(reason, ctx);
        }
    }

    // ---- an upgrade (protocol section "Upgrade") ----

    fn probe(&mut self, mut bytes: &[u8], ctx: &mut ConnectionContext) {
        while let Some(candidate) = &mut self.candidate {
            match candidate.decoder.decode(&mut bytes) {
                Ok(None) => return,
                Ok(Some(WebSocketMessage::Text(text))) if text == "2probe" => {
                    candidate.slot.push(&natter_protocol::pong_probe());
                    self.session.probed(Instant::now());
                }
                Ok(Some(WebSocketMessage::Text(text))) if text == "5" && self.session.finish_upgrade() => {
                    self.take_over();
                    // What the client has sent behind it is for the session already.
                    return self.read(bytes, ctx);
                }
                Ok(Some(WebSocketMessage::Ping(payload))) => candidate.slot.push(&Frames::pong(&payload)),
                Ok(Some(WebSocketMessage::Pong(_))) => {}
                Ok(Some(_)) => self.abandon(None),
                Err(error) => self.abandon(Some(error.close_code())),
            }
        }
    }

    fn take_over(&mut self) {
        let Some(candidate) = self.candidate.take() else { return };
        // A poll that still waits finds itself detached and is answered with a noop.
        candidate.slot.take_over(self.wire.line.outbox.attach());
        self.inbound = Some((candidate.transport, candidate.decoder));
        self.wire.line.set_transport(TransportKind::Websocket);
        bump(&self.wire.shard.server.counters.upgrades);
    }

    fn abandon(&mut self, code: Option<CloseCode>) {
        self.session.abandon_upgrade();
        if let Some(candidate) = self.candidate.take() {
            candidate.slot.abandon(code);
            bump(&self.wire.shard.server.counters.failed_upgrades);
        }
    }

    /// Answers a waiting poll with a noop, so that the client can go on.
    fn release_poll(&self) {
        if self.session.poll_waits() && self.wire.line.outbox.is_empty() {
            self.push(&natter_protocol::noop());
        }
    }
}

/// Counts and logs a panic of a raw engine's function.
fn panicked(server: &Server, message: &str) -> DisconnectReason {
    bump(&server.counters.handler_panics);
    tracing::error!(message, "a handler panicked; its client is disconnected");
    DisconnectReason::HandlerPanicked
}

impl Actor for Connection {
    type Context = ConnectionContext;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let App::Raw(app, socket) = &self.app
            && let End::Panicked(message) = guarded(|| app.connected(socket))
        {
            let reason = panicked(&self.wire.shard.server, &message);
            self.close(reason, ctx);
        }
        self.arm();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Also the way out after a panic of our own: whatever happened, no trace of the session stays.
        let cleaned = guarded(|| {
            self.wire.shard.server.sessions.remove(&self.sid);
            self.wire.shard.alarm.remove(self.alarm);
            self.leave(DisconnectReason::TransportError);
            self.wire.line.outbox.finish();
            self.wire.line.gate.end();
        });
        if let End::Panicked(message) = cleaned {
            tracing::error!(message, "a connection could not be cleaned up");
        }
    }
}

/// The alarm rings.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Tick;

impl Handler<Tick> for Connection {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        self.look_at_the_clock(ctx);
    }
}
