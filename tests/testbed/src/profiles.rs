//! The profiles by name, and what all of them have in common.

mod clients;
mod eio_client;
mod faults;
mod load;
mod protocol;
mod sio_client;

use std::time::Duration;

use clap::ValueEnum;
use natter::{Cors, Engine, EngineOptions, Io, IoBuilder};

use crate::{args::Node, server::Served};

/// A behaviour with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// For the suites of both protocols.
    Protocol,
    /// The same, with clients of Engine.IO 3.
    Protocol3,
    /// For the tests of socket.io-client.
    SioClient,
    /// For the tests of engine.io-client.
    EioClient,
    /// For real clients in any language.
    Clients,
    /// The one to measure.
    Load,
    /// Handlers that panic, fail, dawdle and flood.
    Faults,
}

impl Profile {
    /// What a user of the profile must know because it differs from what its name promises.
    pub fn notice(self) -> Option<&'static str> {
        match self {
            Self::SioClient => Some("notice: sio-client runs without connection state recovery"),
            Self::Clients => Some("notice: clients runs without Engine.IO 3"),
            _ => None,
        }
    }

    /// Makes the servers of the profile.
    pub fn build(self, node: &Node) -> Served {
        match self {
            // `Args` refuses protocol3 before anything is built.
            Self::Protocol | Self::Protocol3 => protocol::build(node),
            Self::SioClient => sio_client::build(node),
            Self::EioClient => eio_client::build(node),
            Self::Clients => clients::build(node),
            Self::Load => load::build(node),
            Self::Faults => faults::build(node),
        }
    }
}

/// The settings in which profiles differ, for both servers.
struct Settings {
    ping_interval: Duration,
    ping_timeout: Duration,
    max_payload: usize,
    connect_timeout: Duration,
}

impl Settings {
    /// The given heartbeat, and the library's defaults for the rest.
    fn heartbeat(interval_ms: u64, timeout_ms: u64) -> Self {
        let defaults = EngineOptions::default();
        Self {
            ping_interval: Duration::from_millis(interval_ms),
            ping_timeout: Duration::from_millis(timeout_ms),
            max_payload: defaults.max_payload,
            connect_timeout: defaults.connect_timeout,
        }
    }

    fn io(&self, node: &Node) -> IoBuilder {
        let builder = Io::builder()
            .path("/socket.io")
            .cors(Cors::any())
            .ping_interval(self.ping_interval)
            .ping_timeout(self.ping_timeout)
            .max_payload(self.max_payload)
            .connect_timeout(self.connect_timeout);
        let builder = match &node.name {
            Some(name) => builder.node_name(name),
            None => builder,
        };
        match &node.cluster {
            Some(cluster) => builder.cluster(cluster.clone()),
            None => builder,
        }
    }

    fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            path: "/engine.io".to_owned(),
            cors: Cors::any(),
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            max_payload: self.max_payload,
            ..EngineOptions::default()
        }
    }

    fn echo_engine(&self) -> Engine {
        let engine = Engine::new(self.engine_options());
        crate::raw_echo::on(&engine);
        engine
    }
}
