//! What the scenarios are told with: nodes in this process and as processes of their own, linked by a NATS server of the
//! test's own, and clients.

mod client;
mod cluster;
mod node;
mod packet;
mod process;
mod wait;

pub use client::Client;
pub use cluster::Cluster;
pub use node::Node;
pub use packet::Packet;
pub use process::NodeProcess;
pub use wait::{PATIENCE, eventually, is, soon, within};
