//! A node as a process of its own, which can be killed and stopped: a testbed of the profile `load`, one of whose workers
//! carries the link unless it is said otherwise.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use natter::LinkThread;
use natter_tests::Testbed;
use serde_json::Value;

use super::{Client, Cluster, soon};

pub struct NodeProcess {
    testbed: Testbed,
    name: String,
}

impl NodeProcess {
    /// Starts it, and returns when it is a member.
    pub async fn start(cluster: &Cluster, name: &str, link: LinkThread) -> Self {
        let link = if link == LinkThread::Own { "own" } else { "worker" };
        let nats = cluster.nats.url();
        let args = ["--nats", &nats, "--cluster", &cluster.name, "--node", name, "--link-thread", link];
        let args = args.map(str::to_owned);
        let started = tokio::task::spawn_blocking(move || Testbed::start_with("load", &args));
        let testbed = soon("a testbed", started).await.expect("the testbed starts");
        Self { testbed, name: name.to_owned() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn address(&self) -> SocketAddr {
        self.testbed.address()
    }

    pub fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// A client in `/`.
    pub async fn connect(&self) -> Client {
        Client::connect(self.address(), "/", Value::Null).await
    }

    /// A client in `/` that has joined a room.
    pub async fn member_of(&self, room: &str) -> Client {
        let mut client = self.connect().await;
        client.join(room).await;
        client
    }

    /// What it counts; null while it does not answer.
    pub fn stats(&self) -> Value {
        match get(self.address(), "/stats") {
            Some((200, body)) => serde_json::from_str(&body).unwrap_or_default(),
            _ => Value::Null,
        }
    }

    /// A counter of its link; none while it does not answer.
    pub fn link(&self, counter: &str) -> Option<u64> {
        self.stats()["cluster"][counter].as_u64()
    }

    /// The status of `/ready`.
    pub fn ready(&self) -> Option<u16> {
        get(self.address(), "/ready").map(|(status, _)| status)
    }

    /// All that it shows of itself.
    pub fn shows(&self) -> String {
        format!("{}: {}", self.name, self.stats())
    }
}

impl Drop for NodeProcess {
    #[expect(clippy::print_stderr, reason = "a failing test should show what its nodes say")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.shows());
        }
    }
}

/// The status and the body, if there is an answer soon. A node that has been stopped or killed gives none.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let patience = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.get(9..12)?.parse().ok()?, body.to_owned()))
}
