//! What a node has to do with the other nodes: room -> link -> subject -> bus -> link -> room.
//!
//! `outward.rs` says what goes out, `inward.rs` what is done with what comes in, `answers.rs` what nodes answer each
//! other, `interest.rs` when a room's subscription is active.

mod answers;
mod interest;
mod inward;
mod options;
mod outward;
mod side;
mod view;

pub(crate) use answers::{AckAnswers, Counts, Pictures, Response, decode};
pub(crate) use interest::Active;
pub(crate) use inward::Inward;
pub(crate) use outward::{Asking, Heard, ask, publish};
pub(crate) use side::{SideListeners, SideThread, server_side_emit};

pub use options::Cluster;
pub use side::{ServerSideError, ServerSideEvent};
pub use view::{ClusterView, JoinClusterError};
