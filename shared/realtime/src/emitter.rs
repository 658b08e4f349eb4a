//! One emit to one socket, with its options.

use std::time::Duration;

use natter_protocol::Args;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Socket,
    acks::AckFuture,
    error::{AckError, EmitError},
    options::LONGEST,
};

/// Emits to one socket with a timeout for the acknowledgement, or volatile. A value: each method returns a new one.
///
/// Socket.IO server API: Socket.
#[derive(Clone, Debug)]
pub struct SocketEmitter {
    socket: Socket,
    volatile: bool,
    timeout: Duration,
}

impl SocketEmitter {
    pub(crate) fn new(socket: Socket) -> Self {
        let timeout = socket.inner.namespace.server.options.ack_timeout;
        Self { socket, volatile: false, timeout }
    }

    /// Sets the time an acknowledgement may take, a day at most; without it the server's
    /// [`ack_timeout`](crate::EngineOptions::ack_timeout).
    ///
    /// Socket.IO server API: `socket.timeout()`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
        self
    }

    /// The event is dropped, and counted, if the client is behind by more than
    /// [`Limits::outbox_soft_bytes`](crate::Limits); then emitting returns `Ok` all the same, and an acknowledgement
    /// does not come in time.
    ///
    /// Socket.IO server API: socket, flag `volatile`.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sends an event to this client. See [`Socket::emit`].
    ///
    /// # Errors
    /// Those of [`Socket::emit`].
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        let args = self.encode(event, data)?;
        self.socket.inner.send_event(event, &args, None, self.volatile)
    }

    /// Sends an event and resolves to the client's acknowledgement. See [`Socket::emit_with_ack`].
    ///
    /// # Errors
    /// Those of [`Socket::emit_with_ack`].
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, data: impl Serialize) -> AckFuture<T> {
        let socket = &self.socket.inner;
        let sent = self
            .encode(event, data)
            .map_err(AckError::from)
            .and_then(|args| socket.send_with_ack(event, &args, self.volatile));
        AckFuture::new(socket.clone(), sent, self.timeout)
    }

    fn encode(&self, event: &str, data: impl Serialize) -> Result<Args, EmitError> {
        check_event_name(event, self.socket.inner.namespace.server.options.limits.name_bytes)?;
        Ok(Args::of(&data)?)
    }
}

/// Refuses names that Socket.IO keeps for itself ("Emit cheatsheet", reserved events), and those that are too long.
pub(crate) fn check_event_name(event: &str, most: usize) -> Result<(), EmitError> {
    if natter_protocol::is_reserved(event) {
        return Err(EmitError::ReservedName(event.to_owned()));
    }
    check_length(event, most)
}

/// Refuses names that are too long.
pub(crate) fn check_length(event: &str, most: usize) -> Result<(), EmitError> {
    if event.len() > most { Err(EmitError::NameTooLong(most)) } else { Ok(()) }
}
