//! The settings: one table, from which come the struct, the flags, the variables, the file's keys and `natter config`.
//!
//! A value given on the command line wins over one in the environment, that over one in the file, that over the default.

mod check;
mod entries;
mod file;
mod files;
mod link_threads;
mod mount;
mod nats;
mod nearest;
mod origins;
mod refusal;
mod report;
mod secret;
mod setting;
mod transports;
mod value;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

pub use check::warnings;
pub use entries::{Entries, Given, Source};
pub use file::read as read_file;
pub use files::raise_open_files;
pub use link_threads::LinkThreads;
pub use mount::MountPath;
pub use nats::Servers;
pub use origins::Origins;
pub use refusal::Refusal;
pub use report::report;
pub use setting::{Fallback, Setting, VARIABLE_PREFIX};
pub use transports::Transports;
pub use value::{Kind, Size, Value, parts};

use natter::{EngineOptions, Limits};

use crate::policy::Policy;
use Fallback::{Found, Library, Text};

setting::settings! {
    /// The address to listen on: 127.0.0.1 is this machine only, 0.0.0.0 every network it is on.
    host: IpAddr = Text("127.0.0.1");
    /// The TCP port to listen on; 0 takes a free one, which the line `ready http://…` on standard output names.
    port: u16 = Text("3000");
    /// The certificate with its chain, a PEM file, if the node is to speak TLS itself; `none`: it does not. It is read
    /// again at SIGHUP, for the connections that come then.
    tls_certificate: Option<PathBuf> = Text("none"), |file| present(file.as_deref());
    /// The certificate's private key, a PEM file.
    tls_key: Option<PathBuf> = Text("none"), |file| present(file.as_deref());
    /// Threads that serve connections.
    workers: usize = Found("one for each core", cores), |count| within(*count, 1..=1024);
    /// The node's name, as clients, probes and logs show it; each node of a cluster needs its own.
    node: String = Found("the machine's host name", host_name), |name| named(name, 64);
    /// The path that Socket.IO answers on.
    path: MountPath = Text("/socket.io");
    /// The transports offered: polling, websocket, or both.
    transports: Transports = Text("polling, websocket");
    /// Whether a client that began with polling may go over to WebSocket.
    allow_upgrades: bool = Text("true");
    /// Who may do what in which room. `local`: everyone everything, and the node refuses to listen beyond this machine.
    /// `open`: everyone everything. Or rules `PATTERN=RIGHTS`, of which the first whose pattern matches the room decides;
    /// `*` stands for any text, `?` for one character, rights are `join`, `publish`, `join+publish` and `none`, and a room
    /// that no rule matches is refused. Example: "lobby=join+publish, news-*=join".
    policy: Policy = Text("local");

    /// What links this node with others: addresses of one NATS cluster, `nats://HOST:PORT` or `tls://HOST:PORT`, of which
    /// any is used that answers. `none` is a node alone.
    nats: Servers = Text("none");
    /// The user that the node is to NATS; it needs a password file.
    nats_user: Option<String> = Text("none"), |name| named(name.as_deref().unwrap_or("none"), 255);
    /// The file with that user's password and nothing else. It is read again for each connection.
    nats_password_file: Option<PathBuf> = Text("none"), |file| secret::holds_one_line(file.as_deref());
    /// The file with the token to show to NATS, instead of a user and a password. It is read again for each connection.
    nats_token_file: Option<PathBuf> = Text("none"), |file| secret::holds_one_line(file.as_deref());
    /// The file with the certificates that NATS's own may be signed with; with it TLS is required. Without it `tls://` trusts
    /// those of the system.
    nats_ca: Option<PathBuf> = Text("none"), |file| secret::holds_certificates(file.as_deref());
    /// The cluster that the node belongs to; several can share NATS. In NATS everything of it is below `natter.CLUSTER.`.
    cluster: String = Text("natter"), |name| token(name, 64);
    /// The thread that carries the link to the other nodes: one of its `own`, or a `worker`, which costs about a quarter less CPU
    /// as long as that worker has time for it. `auto`: a worker where there are at most two.
    link_thread: LinkThreads = Text("auto");

    /// Time between two heartbeats of the server.
    ping_interval: Duration = Library(|| options().ping_interval.show()), |time| lasting(*time);
    /// How long a client may take to answer a heartbeat.
    ping_timeout: Duration = Library(|| options().ping_timeout.show()), |time| lasting(*time);
    /// How long going over to WebSocket may take.
    upgrade_timeout: Duration = Library(|| options().upgrade_timeout.show()), |time| lasting(*time);
    /// How long a connection may stay without joining a namespace.
    connect_timeout: Duration = Library(|| options().connect_timeout.show()), |time| lasting(*time);
    /// How long the node waits for a client's acknowledgement.
    ack_timeout: Duration = Library(|| options().ack_timeout.show()), |time| lasting(*time);
    /// How long the goodbye to clients may take at the end; shorter than the grace period.
    close_timeout: Duration = Text("3s"), |time| lasting(*time);
    /// How long the node may take to leave after SIGTERM or SIGINT. Docker kills after 10 s, Kubernetes after 30 s.
    grace_period: Duration = Text("8s"), |time| lasting(*time);
    /// How long of the grace period the node goes on as before, but with `/ready` at 503, so that a load balancer has sent the
    /// last client before the listener closes.
    drain: Duration = Text("0s"), |time| within(time.as_secs(), 0..=86_400);

    /// Connections at most, spread over the workers; more wait in the backlog. Each takes an open file.
    max_connections: usize = Found("10000, or what the open-file limit leaves", files::affordable_connections), |count| within(*count, 1..=10_000_000);
    /// Connections that the system may hold until a worker takes them.
    backlog: u32 = Text("1024"), |count| within(*count, 1..=65_535);
    /// How long a client may take to send the head of a request.
    request_timeout: Duration = Text("5s"), |time| lasting(*time);
    /// How long an idle HTTP connection stays open; longer than that of a proxy in front.
    keep_alive: Duration = Text("75s"), |time| lasting(*time);

    /// The largest message, also over all attachments and fragments together.
    max_payload: Size = Library(|| Size(options().max_payload).show()), |size| within(size.0, 1..=1 << 30);
    /// Binary attachments of one packet at most.
    max_attachments: usize = Library(|| limits().attachments.show()), |count| within(*count, 0..=1_000);
    /// How long a packet may take to arrive with all its attachments and fragments.
    packet_timeout: Duration = Library(|| limits().packet_timeout.show()), |time| lasting(*time);
    /// Packets in the body of one polling request at most.
    max_packets_per_payload: usize = Library(|| limits().packets_per_payload.show()), |count| within(*count, 1..=1_000_000);
    /// Packets in one answer to a poll at most; python-engineio refuses more than 16.
    max_packets_per_poll: usize = Library(|| limits().packets_per_poll.show()), |count| within(*count, 1..=100_000);
    /// The longest URI and headers of a handshake, together.
    max_head: Size = Library(|| Size(limits().head_bytes).show()), |size| within(size.0, 1_024..=131_072);
    /// The largest auth payload.
    max_auth: Size = Library(|| Size(limits().auth_bytes).show()), |size| within(size.0, 64..=1 << 20);
    /// Rooms that one connection may be in; watching a room counts as one, and as one more for all that are watched.
    max_rooms: usize = Library(|| limits().rooms_per_connection.show()), |count| within(*count, 1..=1_000_000);
    /// Namespaces that one connection may be in.
    max_namespaces: usize = Library(|| limits().namespaces_per_connection.show()), |count| within(*count, 1..=10_000);
    /// The longest name of a room, an event or a namespace.
    max_name: Size = Library(|| Size(limits().name_bytes).show()), |size| within(size.0, 32..=65_536);
    /// The deepest nesting of JSON.
    max_json_depth: usize = Library(|| limits().json_depth.show()), |count| within(*count, 1..=1_000);
    /// Arguments of one event at most.
    max_arguments: usize = Library(|| limits().arguments.show()), |count| within(*count, 1..=100_000);
    /// Acknowledgements that may be outstanding from one socket.
    max_pending_acks: usize = Library(|| limits().pending_acks.show()), |count| within(*count, 1..=1_000_000);
    /// WebSocket fragments of one message at most.
    max_fragments: usize = Library(|| limits().fragments.show()), |count| within(*count, 1..=100_000);
    /// Handlers of one connection that may be running at the same time.
    max_pending_handlers: usize = Library(|| limits().pending_handlers.show()), |count| within(*count, 1..=1_000_000);
    /// Bytes that may wait for a client that reads slowly before volatile packets are dropped.
    outbox_soft: Size = Library(|| Size(limits().outbox_soft_bytes).show()), |size| within(size.0, 1_024..=1 << 32);
    /// Bytes that may wait for a client that reads slowly before it is disconnected.
    outbox_hard: Size = Library(|| Size(limits().outbox_hard_bytes).show()), |size| within(size.0, 1_024..=1 << 32);
    /// Bytes that may wait between two workers.
    max_shard_queue: Size = Library(|| Size(limits().shard_queue_bytes).show()), |size| within(size.0, 65_536..=1 << 36);

    /// Web pages of which origins may connect: `same-origin`, `*`, or a list such as "https://a.example, http://localhost:8080".
    cors_origins: Origins = Text("same-origin");
    /// Whether pages of other origins may send cookies.
    cors_credentials: bool = Text("false");
    /// The folder of the official client's bundles (socket.io-client/dist), served below the path; `none` serves none.
    client_bundle: Option<PathBuf> = Found("the npm install of `make`, if it is there", installed_bundle), |folder| readable(folder.as_deref());
    /// Whether `/` shows the chat page.
    chat: bool = Text("true");
    /// Whether `/stats` shows the node's counters, to anyone who can reach the port.
    stats: bool = Text("false");
    /// What is logged, to standard error: a level (error, warn, info, debug, trace), or levels by module such as "info,natter=debug".
    log: String = Text("info,actix_server=warn,async_nats=off"), |filter| loggable(filter);
}

impl Settings {
    /// Checks each value alone, then all together; every problem is reported, not only the first.
    pub fn of(entries: &Entries) -> Result<Self, Refusal> {
        let settings = Self::of_checked_texts(entries.iter().map(|entry| entry.text.as_str()));
        let problems = check::problems(&settings, entries);
        if problems.is_empty() { Ok(settings) } else { Err(Refusal(problems)) }
    }
}

fn options() -> EngineOptions {
    EngineOptions::default()
}

fn limits() -> Limits {
    Limits::default()
}

fn within<N: PartialOrd + std::fmt::Display>(
    number: N,
    range: std::ops::RangeInclusive<N>,
) -> Result<(), String> {
    match range.contains(&number) {
        true => Ok(()),
        false => Err(format!("it is not from {} to {}", range.start(), range.end())),
    }
}

/// A day is longer than any of these waits makes sense, and far below where adding to a clock overflows.
fn lasting(time: Duration) -> Result<(), String> {
    match time {
        Duration::ZERO => Err("it must be more than 0".to_owned()),
        time if time > Duration::from_secs(86_400) => Err("it is more than a day".to_owned()),
        _ => Ok(()),
    }
}

fn named(name: &str, most: usize) -> Result<(), String> {
    match name.len() {
        0 => Err("it is empty".to_owned()),
        length if length > most => Err(format!("it is longer than {most} bytes")),
        _ => Ok(()),
    }
}

/// A name that stands in a subject of NATS as it is.
fn token(name: &str, most: usize) -> Result<(), String> {
    named(name, most)?;
    match name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)) {
        true => Ok(()),
        false => Err("it may have letters, digits, - and _".to_owned()),
    }
}

fn readable(folder: Option<&Path>) -> Result<(), String> {
    match folder {
        Some(folder) if !folder.is_dir() => Err("there is no such folder".to_owned()),
        _ => Ok(()),
    }
}

fn present(file: Option<&Path>) -> Result<(), String> {
    match file {
        Some(file) if !file.is_file() => Err("there is no such file".to_owned()),
        _ => Ok(()),
    }
}

fn loggable(filter: &str) -> Result<(), String> {
    tracing_subscriber::EnvFilter::builder().parse(filter).map(|_| ()).map_err(|_| {
        "it is not a level (error, warn, info, debug, trace, off) or a list of TARGET=LEVEL".to_owned()
    })
}

fn cores() -> String {
    thread::available_parallelism().map_or(1, usize::from).min(1024).to_string()
}

fn host_name() -> String {
    let name = rustix::system::uname();
    let name =
        name.nodename().to_string_lossy().chars().filter(|letter| !letter.is_control()).collect::<String>();
    if named(&name, 64).is_ok() { name } else { "natter".to_owned() }
}

/// Where `make` puts the official client, seen from the folder that the node is started in.
const INSTALLED_BUNDLE: &str = ".tools/client/node_modules/socket.io-client/dist";

fn installed_bundle() -> String {
    if Path::new(INSTALLED_BUNDLE).is_dir() { INSTALLED_BUNDLE } else { "none" }.to_owned()
}

#[cfg(test)]
mod tests;
