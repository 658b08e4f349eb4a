//! Programs against Natter's public API, with clients that speak the protocol over real connections. One file for each topic, one binary to link.
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod harness;

mod acks;
mod broadcast_acks;
mod broadcasts;
mod bundle;
mod bursts;
mod closing;
mod disconnects;
mod engine;
mod farewells;
mod handlers;
mod handshakes;
mod http_server;
mod limits;
mod link_threads;
mod many_sockets;
mod middleware;
mod namespaces;
mod order;
mod outgoing;
mod owned_sockets;
mod panics;
mod pipes;
mod posts;
mod races;
mod relays;
mod rooms;
mod slow_peers;
