//! What the command line can say, and which of it is refused for now.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use natter::{Cluster, LinkThread};

use crate::profiles::Profile;

/// `EX_USAGE` of sysexits.h: the command was called in a way it cannot serve.
pub const USAGE: u8 = 64;

/// The small app that suites, clients and load tools drive.
#[derive(Debug, Parser)]
#[command(name = "testbed")]
pub struct Args {
    /// Which behaviour to show.
    #[arg(long, value_enum)]
    pub profile: Profile,
    /// Port to listen on; 0 takes any free one (the `ready` line has the real number).
    #[arg(long)]
    pub port: u16,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// NATS server that links several testbeds to one cluster.
    #[arg(long)]
    pub nats: Option<String>,
    /// Name of that cluster; without `--nats` it has no effect.
    #[arg(long)]
    pub cluster: Option<String>,
    /// Name under which this node shows itself.
    #[arg(long)]
    pub node: Option<String>,
    /// Which thread carries the link to the other nodes.
    #[arg(long, value_enum, default_value_t = Carrier::Own)]
    pub link_thread: Carrier,
    /// How WebSockets are carried.
    #[arg(long, value_enum, default_value_t = Transport::Mounted)]
    pub transport: Transport,
    /// Worker threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
}

/// Who carries the link of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Carrier {
    /// A thread of its own.
    Own,
    /// A worker of the HTTP server.
    Worker,
}

/// Who writes to the TCP connection of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// A streaming response inside the actix-web app.
    Mounted,
    /// The library itself.
    Owned,
}

/// Who this testbed is.
pub struct Node {
    /// Its name; without one the library's.
    pub name: Option<String>,
    /// The cluster it belongs to, if it does.
    pub cluster: Option<Cluster>,
}

impl Args {
    /// Who it is to be.
    pub fn node(&self) -> Node {
        let thread = match self.link_thread {
            Carrier::Own => LinkThread::Own,
            Carrier::Worker => LinkThread::Worker,
        };
        let cluster = self.nats.as_deref().map(|nats| Cluster::nats(nats).link_thread(thread));
        let named = |cluster: Cluster| match &self.cluster {
            Some(name) => cluster.name(name),
            None => cluster,
        };
        Node { name: self.node.clone(), cluster: cluster.map(named) }
    }

    /// Reads the command line. What cannot be served comes back as the exit status, after a message on standard error.
    pub fn read() -> Result<Self, ExitCode> {
        let args = Self::try_parse().map_err(|error| {
            let wrong = error.use_stderr();
            // Nothing is left to tell anybody if even standard error is closed.
            error.print().ok();
            if wrong { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        })?;
        match args.refusal() {
            None => Ok(args),
            Some(why) => {
                crate::complain(why);
                Err(ExitCode::from(USAGE))
            }
        }
    }

    fn refusal(&self) -> Option<&'static str> {
        if self.profile == Profile::Protocol3 {
            Some("profile protocol3 needs clients of Engine.IO 3, which this server does not serve")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> Option<&'static str> {
        let words = ["testbed", "--port", "0"].into_iter().chain(line.split_whitespace());
        Args::try_parse_from(words).expect("the line parses").refusal()
    }

    #[test]
    fn what_the_server_can_do_is_accepted() {
        for profile in ["protocol", "eio-client", "sio-client", "clients", "load", "faults"] {
            assert_eq!(refusal(&format!("--profile {profile}")), None, "{profile}");
        }
        assert_eq!(refusal("--profile load --nats nats://127.0.0.1:4222 --cluster blue --node a"), None);
    }

    #[test]
    fn what_the_server_cannot_do_is_refused_with_a_message() {
        assert!(refusal("--profile protocol3").is_some());
    }
}
