//! What the crate promises, through its public names only: bad input and good, then properties over random input.

// Helpers of tests are outside of the test functions that clippy excepts by itself.
#![allow(clippy::unwrap_used)]

mod args;
mod encode;
mod engine;
mod frames;
mod packets;
mod properties;
mod random;
mod websocket;
