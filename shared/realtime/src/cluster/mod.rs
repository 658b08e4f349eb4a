//! What a node has to do with the other nodes: room -> link -> subject -> bus -> link -> room.
//!
//! `outward.rs` says what goes out, `inward.rs` what is done with what comes in, `answers.rs` what nodes answer each
//! other, `interest.rs` when a room's subscription is active, `neighbours.rs` who wants to know of nodes that come and go.

mod answers;
mod flow;
mod interest;
mod inward;
mod neighbours;
mod options;
mod outward;
mod pipes;
mod relay;
mod side;
mod view;

pub(crate) use answers::{AckAnswers, Counts, Pictures, Reply, Response, decode};
pub(crate) use interest::Active;
pub(crate) use inward::Inward;
pub(crate) use neighbours::Neighbours;
pub(crate) use outward::{Asking, Heard, ask, publish};
pub(crate) use pipes::{Pipe, Pipes};
pub(crate) use relay::Relays;
pub(crate) use side::{SideListeners, SideThread, server_side_emit};

pub use neighbours::ClusterChange;
pub use options::{Cluster, LinkThread};
pub use side::{ServerSideError, ServerSideEvent};
pub use view::{ClusterView, JoinClusterError};

/// The most bytes of a room's or a namespace's name. NATS takes 4 KiB of subject, in which each byte can take three, and
/// ends the connection of who sends more.
pub(crate) const NAME_BYTES: usize = 600;
