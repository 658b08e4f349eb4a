//! One connection to one server, from its beginning to its end.
//!
//! A client of async-nats connects again by itself when it loses its connection, and then first writes the commands that
//! are still in its queue. Here each connection has a client of its own, which connects once: so nothing written for one
//! connection ever appears on the next one, a password is read again for each, and none of async-nats's reasons to give
//! up for good ends the bus.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Auth, AuthError, Client, ConnectOptions, Event, ServerAddr};
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{Credentials, NatsOptions};

/// For TCP, TLS and the server's consent together, for each address of a server.
const CONNECTING: Duration = Duration::from_secs(2);

/// With the third that is due and not answered the connection is given up: 2 to 3 s after the server's last sign of life.
const PING: Duration = Duration::from_secs(1);

/// Commands between the bus and its client. Their payloads are no more than a chunk (see `outgoing.rs`).
const COMMANDS: usize = 1_024;

/// Messages between the client and the bus, for each subscription: more than can come. Client and bus share a thread, and
/// the client gives it up after 128 reads of some 64 KiB, whereupon all that it has read is swept. That is what bounds
/// the memory; what is dropped then is counted exactly, which the client's own notices of dropped messages are not.
const MESSAGES: usize = 1 << 20;

/// How long a client may take to end that nobody uses any more: to give up its connection and one attempt at another.
const RETIRING: Duration = Duration::from_secs(6);

/// An established connection.
pub(super) struct Connection {
    pub(super) client: Client,
    signals: Arc<Signals>,
    /// Resolves when the client's task has ended.
    ended: oneshot::Receiver<()>,
}

/// What the client tells.
#[derive(Default)]
struct Signals {
    lost: AtomicBool,
    error: Mutex<Option<String>>,
    broken: Notify,
    dropped: AtomicU64,
    slow: Notify,
}

/// Tries each server once, beginning with any of them.
pub(super) async fn connect(options: &NatsOptions) -> Result<Connection, String> {
    let count = options.servers.len();
    // Any start will do when there is no randomness to be had.
    let start = getrandom::u32().unwrap_or(0) as usize;
    let mut reasons = Vec::new();
    for nth in 0..count {
        let server = &options.servers[(start % count + nth) % count];
        match connect_to(server, options).await {
            Ok(connection) => return Ok(connection),
            Err(reason) => reasons.push(format!("{server}: {reason}")),
        }
    }
    // In an order of their own, so that the same reasons are the same text.
    reasons.sort_unstable();
    Err(reasons.join("; "))
}

async fn connect_to(server: &str, options: &NatsOptions) -> Result<Connection, String> {
    let address: ServerAddr = server.parse().map_err(|error| format!("{error}"))?;
    let signals = Arc::new(Signals::default());
    let (alive, ended) = oneshot::channel();
    let connect = configure(once(authorization(options)?, &signals, alive), options);
    let client = connect.connect(address).await.map_err(|error| describe(&error))?;
    Ok(Connection { client, signals, ended })
}

/// An error with what caused it, where it does not say so itself.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let detail = cause.to_string();
        if !text.contains(&detail) {
            text = format!("{text}: {detail}");
        }
        source = cause.source();
    }
    text
}

fn authorization(options: &NatsOptions) -> Result<Auth, String> {
    let mut auth = Auth::new();
    match &options.credentials {
        None => {}
        Some(Credentials::User { name, password }) => {
            auth.username = Some(name.clone());
            auth.password = Some(password.read()?);
        }
        Some(Credentials::Token(token)) => auth.token = Some(token.read()?),
    }
    Ok(auth)
}

/// Options of a client that gives up when it has lost its connection. `alive` is dropped with it.
fn once(auth: Auth, signals: &Arc<Signals>, alive: oneshot::Sender<()>) -> ConnectOptions {
    let (told, lost) = (Arc::clone(signals), Arc::clone(signals));
    let (begun, authorized) = (AtomicBool::new(false), AtomicBool::new(false));
    // One attempt at another connection is always made. Should it reach a server, it goes no further than this.
    let connect = ConnectOptions::with_auth_callback(move |_| {
        let first = !authorized.swap(true, Ordering::SeqCst);
        let answer = if first { Ok(auth.clone()) } else { Err(AuthError::new("a client connects once")) };
        std::future::ready(answer)
    });
    connect
        .max_reconnects(1)
        // Called before each attempt, so with the second one the connection is lost. An event is less certain: they go
        // through a queue that drops them when it is full.
        .reconnect_delay_callback(move |_| {
            let _ = &alive;
            if begun.swap(true, Ordering::SeqCst) {
                lost.lose();
            }
            Duration::ZERO
        })
        .event_callback(move |event| {
            told.hear(event);
            std::future::ready(())
        })
}

fn configure(connect: ConnectOptions, options: &NatsOptions) -> ConnectOptions {
    let connect = connect
        .name(&options.name)
        .no_echo()
        .ping_interval(PING)
        .connection_timeout(CONNECTING)
        .client_capacity(COMMANDS)
        .subscription_capacity(MESSAGES)
        .ignore_discovered_servers();
    match &options.tls_ca {
        Some(authority) => connect.add_root_certificates(authority.clone()).require_tls(true),
        None => connect,
    }
}

impl Connection {
    /// Why it can be used no more, if that is so.
    pub(super) fn is_broken(&self) -> Option<String> {
        self.signals.broken_by()
    }

    /// Waits until it can be used no more, and says why.
    pub(super) async fn broken(&self) -> String {
        loop {
            if let Some(reason) = self.signals.broken_by() {
                return reason;
            }
            self.signals.broken.notified().await;
        }
    }

    /// Waits until the client has dropped messages since they were not taken fast enough: so many.
    pub(super) async fn dropped(&self) -> u64 {
        loop {
            match self.signals.dropped.swap(0, Ordering::SeqCst) {
                0 => self.signals.slow.notified().await,
                count => return count,
            }
        }
    }

    /// Waits until nothing of it is left that could write anything, which none of its users must wish for any more.
    pub(super) async fn retire(self) {
        let Self { client, ended, .. } = self;
        drop(client);
        // Resolved by being dropped.
        if timeout(RETIRING, ended).await.is_err() {
            tracing::warn!("a connection to NATS that is given up has not ended");
        }
    }
}

impl Signals {
    fn lose(&self) {
        self.lost.store(true, Ordering::SeqCst);
        self.broken.notify_one();
    }

    fn hear(&self, event: Event) {
        match event {
            Event::SlowConsumer(_) => {
                self.dropped.fetch_add(1, Ordering::SeqCst);
                self.slow.notify_one();
            }
            // Whatever a server has to complain about, a bus that goes on would not do what it is asked to: a subject
            // that is forbidden or a subscription too many would just never hear anything.
            Event::ServerError(error) => {
                *self.error() = Some(error.to_string());
                self.broken.notify_one();
            }
            // `lose` has told it already, or the server will end the connection in its own time.
            Event::Connected
            | Event::Disconnected
            | Event::Closed
            | Event::Draining
            | Event::ClientError(_)
            | Event::LameDuckMode => {}
        }
    }

    fn broken_by(&self) -> Option<String> {
        if let Some(error) = &*self.error() {
            return Some(format!("the server says: {error}"));
        }
        let lost = self.lost.load(Ordering::SeqCst);
        lost.then(|| "the server closed the connection or answers no more".to_owned())
    }

    fn error(&self) -> MutexGuard<'_, Option<String>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
