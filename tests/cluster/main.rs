//! Several nodes. One line here is one file of scenarios.

mod raw_nats;
mod user;

// The bus: the same promises of NATS and of the one inside a process.
mod bus;
mod memory_outage;
mod nats_outage;
mod nats_refusals;

// The link above it.
mod link_panics;
