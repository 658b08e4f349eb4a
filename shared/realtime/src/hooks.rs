//! Functions of the user's that see handshakes and answers.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use actix_web::http::header::HeaderMap;

use crate::{error::ConnectionError, request::RequestHead};

type LocalBox<T> = Pin<Box<dyn Future<Output = T>>>;
type AllowRequest = Arc<dyn Fn(Arc<RequestHead>) -> LocalBox<Result<(), Refusal>> + Send + Sync>;
type EditHeaders = Arc<dyn Fn(&mut HeaderMap, &RequestHead) + Send + Sync>;
type SeeError = Arc<dyn Fn(&ConnectionError) + Send + Sync>;

/// Why a handshake is refused. The message goes to the client. See [`Hooks::allow_request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub(crate) String);

impl Refusal {
    /// A refusal with that message. A polling client gets status 403 and `{"code":4,"message":…}`; a WebSocket's
    /// handshake status 400 and the message as text, as in the reference.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Functions called on handshakes and answers of one server. All are optional, and a second one of a kind replaces the
/// first. A panic in one is counted as that of a handler, and its request answered with 500.
#[derive(Clone, Default)]
pub struct Hooks {
    pub(crate) allow_request: Option<AllowRequest>,
    pub(crate) initial_headers: Option<EditHeaders>,
    pub(crate) headers: Option<EditHeaders>,
    pub(crate) connection_error: Option<SeeError>,
}

impl Hooks {
    /// Decides about each handshake (a request without a session id) before a session exists, on polling and
    /// WebSocket alike. The client waits for it, without a limit of the server's own. Origins have been judged before.
    ///
    /// Socket.IO server options: `allowRequest`.
    pub fn allow_request<F, Fut>(mut self, allows: F) -> Self
    where
        F: Fn(Arc<RequestHead>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + 'static,
    {
        self.allow_request = Some(Arc::new(move |head| Box::pin(allows(head))));
        self
    }

    /// Edits the headers of the first answer of each session, on polling and WebSocket alike, after a cookie was put
    /// on it and before [`headers`](Self::headers).
    ///
    /// Socket.IO server API: event `initial_headers` of the engine.
    pub fn initial_headers(
        mut self,
        edit: impl Fn(&mut HeaderMap, &RequestHead) + Send + Sync + 'static,
    ) -> Self {
        self.initial_headers = Some(Arc::new(edit));
        self
    }

    /// Edits the headers of every answer, refusals and preflights among them; not those of the client's files.
    ///
    /// Socket.IO server API: event `headers` of the engine.
    pub fn headers(mut self, edit: impl Fn(&mut HeaderMap, &RequestHead) + Send + Sync + 'static) -> Self {
        self.headers = Some(Arc::new(edit));
        self
    }

    /// Sees every request that is refused with an [`ErrorCode`](crate::ErrorCode). Those that HTTP itself has an answer
    /// for are not among them: another method (405), a body that does not come in as it should (400, 408, 413, 415,
    /// 503), a WebSocket handshake with a wrong version or key (426, 400).
    ///
    /// Socket.IO server API: event `connection_error` of the engine.
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
