//! `Client`: the Socket.IO side of one connection, from its messages to its sockets.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use bytes::Bytes;
use bytestring::ByteString;
use natter_protocol::{Body, Frames, Packet, PacketDecoder};

use crate::{
    DisconnectReason, Handshake, Socket,
    connection::Admitted,
    counters::bump,
    dispatch,
    drive::{End, begin},
    error::ConnectRefused,
    handler::ConnectContext,
    ids,
    line::Line,
    namespaces::{Lease, Namespaces},
    shard::LocalShard,
    socket::SocketInner,
};

pub(crate) struct Client {
    io: Arc<Namespaces>,
    decoder: PacketDecoder,
    entries: Vec<Entry>,
}

/// One namespace of the connection.
enum Entry {
    /// Its middleware is at work; the socket is there once the namespace is known.
    Admitting(ByteString, Rc<OnceCell<Arc<SocketInner>>>),
    Connected(
        Arc<SocketInner>,
        #[expect(dead_code, reason = "held: the namespace is not forgotten while it is")] Lease,
    ),
}

impl Entry {
    fn namespace(&self) -> &ByteString {
        match self {
            Self::Admitting(name, _) => name,
            Self::Connected(socket, _) => &socket.namespace.name,
        }
    }
}

/// What the client needs of its connection.
pub(crate) struct Wire {
    pub line: Arc<Line>,
    pub shard: Rc<LocalShard>,
}

impl Wire {
    pub fn push(&self, frames: &Frames) {
        self.line.send(&self.shard.server.counters, frames, false);
    }
}

/// What a packet asks of the connection.
pub(crate) type Verdict = Result<(), DisconnectReason>;

/// The outcome of a namespace's middleware.
pub(crate) type Admission = End<Result<(Arc<SocketInner>, Lease), ConnectRefused>>;

impl Client {
    pub fn new(io: Arc<Namespaces>) -> Self {
        let decoder = PacketDecoder::new(io.server.packet_limits.clone());
        Self { io, decoder, entries: Vec::new() }
    }

    /// Whether attachments of a packet are still to come.
    pub fn is_waiting(&self) -> bool {
        self.decoder.is_waiting()
    }

    /// Whether it is in any namespace.
    pub fn is_connected(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry, Entry::Connected(..)))
    }

    pub fn text(&mut self, wire: &Wire, text: ByteString) -> Verdict {
        let packet = self.decoder.text(text);
        self.decoded(wire, packet)
    }

    pub fn binary(&mut self, wire: &Wire, bytes: Bytes) -> Verdict {
        let packet = self.decoder.binary(bytes);
        self.decoded(wire, packet)
    }

    fn decoded(
        &mut self,
        wire: &Wire,
        packet: Result<Option<Packet>, natter_protocol::DecodeError>,
    ) -> Verdict {
        match packet {
            Ok(None) => Ok(()),
            Ok(Some(packet)) => self.packet(wire, packet),
            Err(error) => {
                tracing::debug!(%error, "a client sent an invalid packet");
                Err(DisconnectReason::ForcedClose)
            }
        }
    }

    fn packet(&mut self, wire: &Wire, Packet { namespace, body }: Packet) -> Verdict {
        bump(&self.io.server.counters.received);
        if let Body::Connect(auth) = body {
            return self.connect(wire, namespace, auth);
        }
        // Anything else is for a socket that is there.
        let Some(socket) = self.socket(&namespace) else { return Err(DisconnectReason::ForcedServerClose) };
        if !socket.is_connected() {
            // The server has just disconnected it; what was on its way is nobody's any more.
            bump(&self.io.server.counters.late_packets);
            return Ok(());
        }
        match body {
            Body::Disconnect => self.leave(wire, &socket, DisconnectReason::ClientNamespaceDisconnect),
            Body::Event { id, name, args } => dispatch::event(&wire.line.gate, &socket, id, name, args),
            Body::Ack { id, args } => match socket.take_ack(id) {
                Some(ack) => ack.answer(&socket.id, args),
                None => bump(&self.io.server.counters.unknown_acks),
            },
            Body::Connect(_) | Body::ConnectError(_) => return Err(DisconnectReason::ForcedClose),
        }
        Ok(())
    }

    fn socket(&self, namespace: &str) -> Option<Arc<SocketInner>> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Connected(socket, _) if socket.namespace.name == namespace => Some(socket.clone()),
            _ => None,
        })
    }

    fn connect(&mut self, wire: &Wire, name: ByteString, auth: Option<ByteString>) -> Verdict {
        if self.entries.iter().any(|entry| entry.namespace() == &name) {
            return Err(DisconnectReason::ForcedServerClose);
        }
        if self.entries.len() >= self.io.server.options.limits.namespaces_per_connection {
            self.refuse(wire, &name, &ConnectRefused::new("Too many namespaces"));
            return Ok(());
        }
        // Most clients are in one namespace, and there are many clients.
        self.entries.reserve_exact(1);
        let place = Rc::new(OnceCell::new());
        self.entries.push(Entry::Admitting(name.clone(), place.clone()));
        let admission = admit(self.io.clone(), name.clone(), auth, wire.line.clone(), place);
        let line = wire.line.clone();
        let later = name.clone();
        let admitted = begin(&wire.line.gate, admission, move |admission| {
            line.connection.do_send(Admitted { name: later, admission })
        });
        match admitted {
            Some((admission, _)) => self.admitted(wire, &name, admission),
            None => Ok(()),
        }
    }

    /// A namespace's middleware has decided.
    pub fn admitted(&mut self, wire: &Wire, name: &ByteString, admission: Admission) -> Verdict {
        let at = self.entries.iter().position(|entry| matches!(entry, Entry::Admitting(it, _) if it == name));
        // The connection was closed meanwhile.
        let Some(at) = at else { return Ok(()) };
        let (socket, lease) = match admission {
            End::Returned(Ok(admitted)) => admitted,
            End::Returned(Err(refused)) => {
                turn_away(&self.entries.remove(at));
                self.refuse(wire, name, &refused);
                return Ok(());
            }
            End::Panicked(message) => {
                bump(&self.io.server.counters.handler_panics);
                tracing::error!(namespace = %name, message, "a middleware panicked; its client is disconnected");
                return Err(DisconnectReason::HandlerPanicked);
            }
        };
        if !socket.connect() {
            turn_away(&self.entries.remove(at));
            self.refuse(wire, name, &ConnectRefused::new("Disconnected"));
            return Ok(());
        }
        socket.namespace.socket_came();
        self.entries[at] = Entry::Connected(socket.clone(), lease);
        // The client knows of it before any handler can emit (protocol section "Connection to a namespace").
        wire.push(&natter_protocol::connect(name, &format!(r#"{{"sid":"{}"}}"#, socket.id)));
        wire.shard.add(&socket);
        let handlers = socket.namespace.hooks.connect_handlers();
        let context = ConnectContext { socket: Socket::new(socket.clone()) };
        dispatch::run_all(&wire.line.gate, &context.socket, "connection", &handlers, &context);
        Ok(())
    }

    fn refuse(&self, wire: &Wire, name: &str, refused: &ConnectRefused) {
        bump(&self.io.server.counters.refused_connects);
        let data = refused.data.as_ref().map(ToString::to_string);
        wire.push(&natter_protocol::connect_error(name, &refused.message, data.as_deref()));
    }

    /// Takes a socket out of its rooms and out of the shard, and runs its handlers around that.
    pub fn leave(&mut self, wire: &Wire, socket: &Arc<SocketInner>, reason: DisconnectReason) {
        let at = self
            .entries
            .iter()
            .position(|entry| matches!(entry, Entry::Connected(it, _) if Arc::ptr_eq(it, socket)));
        let Some(at) = at else { return };
        // Its place in the namespace is given back at the end of this function.
        let _entry = self.entries.remove(at);
        socket.mark_disconnected();
        let handlers = socket.listeners(|listeners| listeners.disconnecting());
        dispatch::disconnection(&wire.line.gate, socket, reason, "disconnecting", &handlers);
        for room in socket.let_go() {
            wire.shard.sync_room(socket, &room);
        }
        wire.shard.remove(socket);
        let handlers = socket.listeners(|listeners| listeners.disconnect());
        dispatch::disconnection(&wire.line.gate, socket, reason, "disconnect", &handlers);
        socket.forget_listeners();
        socket.namespace.socket_left();
    }

    /// The connection is closed: all of its sockets leave.
    pub fn closed(&mut self, wire: &Wire, reason: DisconnectReason) {
        for socket in self.sockets() {
            self.leave(wire, &socket, reason);
        }
        self.entries.drain(..).for_each(|entry| turn_away(&entry));
    }

    /// The server disconnects the client as a whole: each namespace is told, as the reference does.
    pub fn disconnect_all(&mut self, wire: &Wire) {
        for socket in self.sockets() {
            wire.push(&natter_protocol::disconnect(&socket.namespace.name));
            self.leave(wire, &socket, DisconnectReason::ServerNamespaceDisconnect);
        }
        self.entries.drain(..).for_each(|entry| turn_away(&entry));
    }

    fn sockets(&self) -> Vec<Arc<SocketInner>> {
        let connected = self.entries.iter().filter_map(|entry| match entry {
            Entry::Connected(socket, _) => Some(socket.clone()),
            Entry::Admitting(..) => None,
        });
        connected.collect()
    }
}

/// A client that does not get in, or leaves before it has: its socket is no way to it, and owes nothing.
fn turn_away(entry: &Entry) {
    if let Entry::Admitting(_, place) = entry
        && let Some(socket) = place.get()
    {
        socket.mark_disconnected();
        socket.let_go();
        socket.forget_listeners();
    }
}

/// Finds the namespace and passes its middleware.
async fn admit(
    io: Arc<Namespaces>,
    name: ByteString,
    auth: Option<ByteString>,
    line: Arc<Line>,
    place: Rc<OnceCell<Arc<SocketInner>>>,
) -> Result<(Arc<SocketInner>, Lease), ConnectRefused> {
    let limits = &io.server.options.limits;
    if auth.as_deref().is_some_and(|auth| auth.len() > limits.auth_bytes) {
        return Err(ConnectRefused::new("Auth payload too large"));
    }
    if auth.as_deref().is_some_and(|auth| !natter_protocol::is_within_depth(auth, limits.json_depth)) {
        return Err(ConnectRefused::new("Auth payload nested too deep"));
    }
    let handshake = Handshake::new(line.request.clone(), auth);
    let lease = io.find(&name, handshake.auth_json()).await;
    let lease = lease.ok_or_else(|| ConnectRefused::new("Invalid namespace"))?;
    if Rc::strong_count(&place) == 1 {
        // The client has gone meanwhile, and nobody would tell the socket so.
        return Err(ConnectRefused::new("Disconnected"));
    }
    let namespace = lease.namespace.clone();
    let middlewares = namespace.hooks.middlewares();
    let socket = SocketInner::new(
        ids::socket_id(namespace.server.place(line.shard.index)),
        namespace,
        handshake,
        line,
    );
    place.get_or_init(|| socket.clone());
    for middleware in middlewares {
        middleware(Socket::new(socket.clone())).await?;
    }
    Ok((socket, lease))
}
