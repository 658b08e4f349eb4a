//! Several nodes. One line here is one file of scenarios; each scenario has a NATS server of its own.

mod harness;

// What the broadcast operator does, cluster-wide.
mod acks;
mod broadcasts;
mod disconnects;
mod fetches;
mod namespaces;
mod rooms;
mod server_side;

// What does not happen: traffic without a listener, events out of order.
mod interest;
mod order;

// Who is there.
mod goodbyes;
mod lost_nodes;
mod names;
mod suspensions;

// NATS is away, or a node too slow for it.
mod outages;
mod slow_nodes;

// What comes from the bus is not trusted.
mod hostile_envelopes;
mod hostile_messages;
mod stranger;
