//! What Natter's nodes say to each other, whatever it is about: the bus and NATS, the envelope and the messages,
//! membership, questions with partial answers, and the order of each sender.
//!
//! It knows nothing of sockets: a [`Node`] is told what has come, and a [`LinkHandle`] takes what goes out.
//!
//! # Guarantees
//! - **At most once.** What is lost is counted ([`ClusterStats`]).
//! - **In order.** What one thread of a node says arrives at each other node in that order, across all subjects.
//! - **Members only.** A node is a member from its first heartbeat until its goodbye or until it has been silent for 2.5 s;
//!   what others say is not heard.
//! - **Nothing waits for ever.** A question ends when all members have answered, have gone, or its time is up.

#![forbid(unsafe_code)]

mod bus;
mod claim;
mod counters;
mod envelope;
mod handle;
mod identity;
mod ledger;
mod link;
mod link_task;
mod membership;
mod memory;
pub mod message;
pub mod nats;
mod node;
mod outbox;
mod program;
mod pulse;
mod requests;
mod responder;
mod subject;
mod sweep;
mod untaken;

pub use bus::{Bus, BusEvent, Closed, OpenBus, Parcel, PublishError};
pub use counters::ClusterStats;
pub use envelope::{Event, VERSION, decode};
pub use handle::{LinkHandle, LinkState};
pub use identity::{Epoch, NodeTag};
pub use link_task::{LinkOptions, LinkTask, OpensBus, link};
pub use membership::Member;
pub use memory::MemoryBus;
pub use node::Node;
pub use outbox::Events;
pub use program::{ProgramError, emit, emit_to_socket};
pub use requests::Answers;
pub use responder::Responder;
pub use subject::Subjects;
