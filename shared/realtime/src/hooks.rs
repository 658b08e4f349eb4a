//! Functions of the user's that see handshakes and answers.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use actix_web::http::header::HeaderMap;

use crate::{error::ConnectionError, request::RequestHead};

type LocalBox<T> = Pin<Box<dyn Future<Output = T>>>;
type AllowRequest = Arc<dyn Fn(Arc<RequestHead>) -> LocalBox<Result<(), Refusal>> + Send + Sync>;
type EditHeaders = Arc<dyn Fn(&mut HeaderMap, &RequestHead) + Send + Sync>;
type SeeError = Arc<dyn Fn(&ConnectionError) + Send + Sync>;

/// Why a handshake is refused. The message goes to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub(crate) String);

impl Refusal {
    /// A refusal with that message; the client gets status 403 and `{"code":4,"message":…}`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Functions called on handshakes and answers of one server. All are optional.
#[derive(Clone, Default)]
pub struct Hooks {
    pub(crate) allow_request: Option<AllowRequest>,
    pub(crate) initial_headers: Option<EditHeaders>,
    pub(crate) headers: Option<EditHeaders>,
    pub(crate) connection_error: Option<SeeError>,
}

impl Hooks {
    /// Decides about each handshake (a request without a session id) before a session exists, on polling and
    /// WebSocket alike (Socket.IO's `allowRequest`).
    pub fn allow_request<F, Fut>(mut self, allows: F) -> Self
    where
        F: Fn(Arc<RequestHead>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + 'static,
    {
        self.allow_request = Some(Arc::new(move |head| Box::pin(allows(head))));
        self
    }

    /// Edits the headers of the first answer of each session (Engine.IO's `initial_headers`).
    pub fn initial_headers(
        mut self,
        edit: impl Fn(&mut HeaderMap, &RequestHead) + Send + Sync + 'static,
    ) -> Self {
        self.initial_headers = Some(Arc::new(edit));
        self
    }

    /// Edits the headers of every answer (Engine.IO's `headers`).
    pub fn headers(mut self, edit: impl Fn(&mut HeaderMap, &RequestHead) + Send + Sync + 'static) -> Self {
        self.headers = Some(Arc::new(edit));
        self
    }

    /// Sees every request that was refused (Engine.IO's `connection_error`).
    pub fn on_connection_error(mut self, see: impl Fn(&ConnectionError) + Send + Sync + 'static) -> Self {
        self.connection_error = Some(Arc::new(see));
        self
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("allow_request", &self.allow_request.is_some())
            .field("initial_headers", &self.initial_headers.is_some())
            .field("headers", &self.headers.is_some())
            .field("connection_error", &self.connection_error.is_some())
            .finish()
    }
}
