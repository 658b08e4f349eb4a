//! One emit to one socket, with its options.

use std::time::Duration;

use natter_protocol::Args;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Socket,
    acks::{self, AckFuture},
    error::{AckError, EmitError},
};

/// Emits to one socket with a timeout for the acknowledgement, or volatile.
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

    /// Sets the time an acknowledgement may take, a day at most.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(acks::LONGEST);
        self
    }

    /// The event is dropped, and counted, if the client is behind by more than
    /// [`Limits::outbox_soft_bytes`](crate::Limits).
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// See [`Socket::emit`].
    ///
    /// # Errors
    /// Those of [`Socket::emit`].
    pub fn emit<T: Serialize>(&self, event: &str, data: T) -> Result<(), EmitError> {
        let args = self.encode(event, data)?;
        self.socket.inner.send_event(event, &args, None, self.volatile)
    }

    /// See [`Socket::emit_with_ack`].
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
    if event.len() > most {
        return Err(EmitError::NameTooLong(most));
    }
    Ok(())
}
