//! Events between the servers of a cluster (Socket.IO server API, "Inter-server communication").

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, RwLock},
    time::Duration,
};

use actix_rt::ArbiterHandle;
use futures_util::FutureExt;
use natter_cluster::{Responder, message::Question};
use natter_protocol::{Args, ArgsError};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    answers::{Response, decode, encode},
    outward::{Heard, hear},
};
use crate::{
    counters::{Counters, bump},
    emitter::check_length,
    error::{AckError, EmitError},
    namespace::NamespaceInner,
};

/// The events that a server has itself. Names that are reserved between server and client are free between servers.
const RESERVED: [&str; 3] = ["connect", "connection", "new_namespace"];

/// An event that another node has emitted with [`server_side_emit`](crate::Namespace::server_side_emit).
///
/// Socket.IO server API: `namespace.serverSideEmit()`.
#[derive(Clone)]
pub struct ServerSideEvent {
    event: String,
    args: Args,
    responder: Arc<Mutex<Option<Responder>>>,
}

impl ServerSideEvent {
    /// Its name.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Its arguments.
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// Its arguments as a type: a tuple for several. See [`Args::parse`].
    ///
    /// # Errors
    /// When they have another form.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ArgsError> {
        self.args.parse()
    }

    /// Acknowledges it with one value, if the other node wants to know; only the first answer counts, of all listeners.
    /// Whether it arrives is not told. If all of them drop the event without an answer, the other node is told that
    /// there will be none.
    ///
    /// # Errors
    /// When the data has no JSON form.
    pub fn ack<T: Serialize>(&self, data: T) -> Result<(), EmitError> {
        let args = Args::one(&data)?;
        let responder = self.responder.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(responder) = responder {
            responder.answer(encode(&Response::of(&args)));
        }
        Ok(())
    }
}

/// Why not every other node has acknowledged an event, with what came.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
#[non_exhaustive]
pub struct ServerSideError {
    /// What went wrong: [`AckError::Emit`] if the event could not be sent, else [`AckError::Timeout`], also when a node
    /// was missing before that.
    pub cause: AckError,
    /// The acknowledgements that came.
    pub responses: Vec<Args>,
    /// The names of the nodes that did not answer: gone, without a listener, or not in time.
    pub missing_nodes: Vec<String>,
}

impl ServerSideError {
    pub(crate) fn not_sent(cause: EmitError) -> Self {
        Self { cause: cause.into(), responses: Vec::new(), missing_nodes: Vec::new() }
    }
}

/// Sends an event to all other nodes, when this is called; what comes back resolves to their acknowledgements.
pub(crate) fn server_side_emit<T: Serialize>(
    namespace: &Arc<NamespaceInner>,
    event: &str,
    data: T,
    wants_ack: bool,
) -> Result<impl Future<Output = Result<Vec<Args>, ServerSideError>> + Send + use<T>, EmitError> {
    if RESERVED.contains(&event) {
        return Err(EmitError::ReservedName(event.to_owned()));
    }
    check_length(event, namespace.server.options.limits.name_bytes)?;
    let args = Args::of(&data)?;
    if !args.attachments().is_empty() {
        return Err(EmitError::Encode("events between servers carry no attachments".to_owned()));
    }
    let arguments = format!("[{}]", args.json());
    let question =
        Question::ServerSideEmit { namespace: &namespace.name, event, arguments: &arguments, wants_ack };
    let timeout = namespace.server.options.ack_timeout;
    let heard = namespace.server.link().map(|link| hear(link, None, &question, timeout, Duration::ZERO));
    Ok(async move {
        let Heard { answers, mut missing } = match heard {
            Some(heard) => heard.await,
            None => Heard::default(),
        };
        let mut responses = Vec::new();
        for (node, body) in answers {
            match decode::<Response>(&body).and_then(Response::into_args) {
                Some(args) => responses.push(args),
                None => missing.push(node.to_string()),
            }
        }
        if missing.is_empty() {
            return Ok(responses);
        }
        Err(ServerSideError { cause: AckError::Timeout(timeout), responses, missing_nodes: missing })
    })
}

type Listener = Arc<dyn Fn(ServerSideEvent) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// A namespace's listeners. They run on a thread of their own, since their events belong to no client's thread and the
/// link's must not wait for them.
#[derive(Default)]
pub(crate) struct SideListeners(RwLock<HashMap<String, Vec<Listener>>>);

impl SideListeners {
    pub fn add<F, Fut>(&self, event: String, listener: F)
    where
        F: Fn(ServerSideEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let listener: Listener = Arc::new(move |event| Box::pin(listener(event)));
        self.0
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .entry(event)
            .or_default()
            .push(listener);
    }

    /// Hands an event to its listeners, and the answer to whoever asks, if anybody does. Without a listener there is no
    /// answer, and the asker is told so.
    pub fn call(
        &self,
        thread: &SideThread,
        counters: impl Fn() -> Option<Arc<crate::server::Server>> + Send + 'static,
        event: &str,
        args: Args,
        responder: Option<Responder>,
    ) {
        let listeners = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(event).cloned();
        let Some(listeners) = listeners else { return };
        let event =
            ServerSideEvent { event: event.to_owned(), args, responder: Arc::new(Mutex::new(responder)) };
        thread.run(move || async move {
            for listener in listeners {
                // A panic ends this one's turn only.
                let work = AssertUnwindSafe(async { listener(event.clone()).await }).catch_unwind();
                if work.await.is_err()
                    && let Some(server) = counters()
                {
                    let counters: &Counters = &server.counters;
                    bump(&counters.handler_panics);
                    tracing::error!(event = event.event, "a listener for events of other servers panicked");
                }
            }
        });
    }
}

/// The thread of the listeners, started with the first event.
#[derive(Default)]
pub(crate) struct SideThread(OnceLock<ArbiterHandle>);

impl SideThread {
    fn run<Fut: Future<Output = ()> + 'static>(&self, work: impl FnOnce() -> Fut + Send + 'static) {
        let thread = self.0.get_or_init(|| actix_rt::Arbiter::new().handle());
        let begun = thread.spawn_fn(move || {
            actix_rt::spawn(work());
        });
        if !begun {
            tracing::error!("the thread for events of other servers has ended");
        }
    }
}

impl Drop for SideThread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.get() {
            thread.stop();
        }
    }
}
