//! The bus over NATS, and the only place that knows async-nats.
//!
//! ```text
//! publish ----> queue ----> write ----\                        /---> barrier
//!                                      connection <----> NATS <
//! subscribe --> wishes ---> follow ---/                        \---> streams --> sweep --> outbox --> events
//! ```
//!
//! A subscription is told to be active when the server has answered a message that was sent after it. With several servers
//! linked to each other that is true of the one that this bus is connected to; the others learn of it a little later.
//!
//! One task, the session, does all of that for one connection after the other. It has to share its thread with the
//! client of async-nats, so it belongs in a current-thread runtime.

mod barrier;
mod connection;
mod outgoing;
mod session;
mod sweep;
mod wishes;

use std::{fmt, fs, path::PathBuf, pin::Pin, sync::Arc};

use async_nats::{ServerAddr, Subject};
use bytes::Bytes;
use tokio::{sync::oneshot, time::timeout};

use self::{
    outgoing::Queue,
    session::{CLOSING, SLOW, Shared, User, run},
    wishes::Wishes,
};
use crate::{
    bus::{Bus, Closed, OpenBus, PublishError},
    outbox::Outbox,
};

/// How NATS is reached.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Addresses, `nats://HOST:PORT` or `tls://HOST:PORT`, tried in turn beginning with any. Servers that these tell of
    /// are not used.
    pub servers: Vec<String>,
    /// How the bus proves who it is.
    pub credentials: Option<Credentials>,
    /// A file of the certificates that a server's certificate may be signed with. With it TLS is required; without it
    /// `tls://` trusts the system's.
    pub tls_ca: Option<PathBuf>,
    /// What the server calls this connection in its own reports.
    pub name: String,
    /// A subject that only this user of the bus has. It publishes and subscribes below it, and nowhere else unless asked.
    pub private: String,
    /// Bytes of published messages that may wait to be written, 16 MiB by default.
    pub queue: usize,
    /// Bytes of messages that may wait to be taken, 16 MiB by default. As many again may be in the event that waits.
    pub untaken: usize,
}

/// Who a bus is to the server.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A user with a password.
    User {
        /// The user's name.
        name: String,
        /// Its password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
}

/// Something that is not shown.
#[derive(Clone)]
pub enum Secret {
    /// The secret itself.
    Text(String),
    /// A file with nothing in it but the secret, and perhaps a newline. It is read at each attempt to connect, so it may
    /// change.
    File(PathBuf),
}

/// What is wrong with [`NatsOptions`].
#[derive(Debug, thiserror::Error)]
pub enum NatsOptionsError {
    /// There is no server.
    #[error("there is no server")]
    NoServer,
    /// It is no address of a server.
    #[error("`{address}` is no address of a NATS server: {reason}")]
    BadServer {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a user, a password or a token in an address, where none is looked for (it would be shown).
    #[error("credentials belong in settings of their own, not in the address of a NATS server")]
    CredentialsInAddress,
    /// It cannot be the beginning of subjects.
    #[error("`{0}` cannot be the beginning of subjects")]
    BadPrivate(String),
}

impl NatsOptions {
    /// These servers, without credentials and TLS. See [`NatsOptions::private`].
    pub fn new(servers: Vec<String>, private: String) -> Self {
        Self {
            servers,
            credentials: None,
            tls_ca: None,
            name: "natter".to_owned(),
            private,
            queue: 16 << 20,
            untaken: 16 << 20,
        }
    }

    /// Whether these options can be right.
    ///
    /// # Errors
    /// When they cannot, whatever the servers say to them. A bus that is opened with them all the same stays down.
    pub fn check(&self) -> Result<(), NatsOptionsError> {
        if self.servers.is_empty() {
            return Err(NatsOptionsError::NoServer);
        }
        self.servers.iter().try_for_each(|address| check_server(address))?;
        let wildcard = self.private.split('.').any(|token| token == "*" || token == ">");
        match Subject::from(self.private.as_str()).is_valid() && !wildcard {
            true => Ok(()),
            false => Err(NatsOptionsError::BadPrivate(self.private.clone())),
        }
    }
}

fn check_server(address: &str) -> Result<(), NatsOptionsError> {
    let bad = |reason: &str| NatsOptionsError::BadServer { address: address.into(), reason: reason.into() };
    let server: ServerAddr = match address.parse() {
        Ok(server) => server,
        // It is not repeated: the part that makes it none may be a password.
        Err(_) if address.contains('@') => return Err(NatsOptionsError::CredentialsInAddress),
        Err(error) => return Err(bad(&error.to_string())),
    };
    if server.has_user_pass() {
        return Err(NatsOptionsError::CredentialsInAddress);
    }
    match server.scheme() {
        "nats" | "tls" if server.host().is_empty() => Err(bad("it has no host")),
        "nats" | "tls" => Ok(()),
        _ => Err(bad("it begins with nats:// or tls://")),
    }
}

impl Secret {
    fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            // Blocking, but of one line, and only before a connection.
            Self::File(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => formatter.write_str("Text(..)"),
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Opens a bus over NATS and begins to connect. It goes on trying for ever, whatever the reason is that it can't.
///
/// Has to be called inside a tokio runtime, a current-thread one.
pub fn open(options: NatsOptions) -> OpenBus {
    let (outbox, events, dropped) = Outbox::open(options.untaken);
    let shared = Arc::new(Shared { queue: Queue::new(options.queue), wishes: Wishes::default(), outbox });
    let (close, closed) = oneshot::channel();
    tokio::spawn(run(options, Arc::clone(&shared), User { close: closed, dropped }));
    OpenBus { bus: Box::new(NatsBus { shared, close }), events }
}

/// The user's end. Dropped without being closed, it ends the session without writing anything more.
struct NatsBus {
    shared: Arc<Shared>,
    close: oneshot::Sender<oneshot::Sender<Closed>>,
}

impl Bus for NatsBus {
    fn publish(&self, subject: &str, payload: Bytes) -> Result<(), PublishError> {
        self.shared.queue.publish(subject, payload)
    }

    fn largest(&self) -> Option<usize> {
        self.shared.queue.largest()
    }

    fn subscribe(&self, subject: Arc<str>) -> oneshot::Receiver<()> {
        self.shared.wishes.subscribe(subject)
    }

    fn unsubscribe(&self, subject: &str) {
        self.shared.wishes.unsubscribe(subject);
    }

    fn close(self: Box<Self>) -> Pin<Box<dyn Future<Output = Closed> + Send>> {
        let (done, closed) = oneshot::channel();
        // A session that has ended already has dropped its end.
        let _ = self.close.send(done);
        Box::pin(async move {
            match timeout(CLOSING, closed).await {
                Ok(Ok(how)) => how,
                Ok(Err(_)) => Closed::Uncertain("it had ended before".to_owned()),
                Err(_) => Closed::Uncertain(SLOW.to_owned()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(address: &str) -> String {
        match NatsOptions::new(vec![address.into()], "natter.c.node.n".into()).check() {
            Ok(()) => "right".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_checked_before_anything_is_opened() {
        for right in ["nats://nats:4222", "tls://10.0.0.1:4222", "nats", "nats:4222", "nats://[::1]:4222"] {
            assert_eq!(checked(right), "right", "{right}");
        }
        for wrong in ["", "http://nats", "ws://nats", "nats://", "nats://a b"] {
            assert!(
                checked(wrong).starts_with(&format!("`{wrong}` is no addr")),
                "{wrong}: {}",
                checked(wrong)
            );
        }
        for shown in ["nats://user:password@nats", "nats://token@nats", "nats://user:p#w@nats", "u:p@nats:x"]
        {
            assert!(checked(shown).starts_with("credentials belong"), "{shown}: {}", checked(shown));
        }
    }

    #[test]
    fn options_need_a_server_and_a_subject_of_their_own() {
        let options = |servers: &[&str], private: &str| {
            let servers = servers.iter().map(|&it| it.into()).collect();
            NatsOptions::new(servers, private.into()).check()
        };
        assert!(matches!(options(&[], "a"), Err(NatsOptionsError::NoServer)));
        for bad in ["", "a b", "a..b", ".a", "a.", "a.*", ">"] {
            assert!(matches!(options(&["nats"], bad), Err(NatsOptionsError::BadPrivate(_))), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let password = Secret::Text("hunter2".into());
        let mut options = NatsOptions::new(vec!["nats".into()], "a".into());
        options.credentials = Some(Credentials::User { name: "ann".into(), password });
        let shown = format!("{options:?}");
        assert!(shown.contains("ann") && !shown.contains("hunter2"), "{shown}");
    }
}
