//! The harness of the whole-server tests: a real testbed process, and clients that speak HTTP, WebSocket, Engine.IO and
//! Socket.IO byte by byte over plain sockets, so that they can also be wrong on purpose.
//!
//! Everything blocks and every wait has a deadline. What does not come in time, or comes in the wrong form, is a panic
//! that says what was expected: the callers are tests.

mod eventually;
mod frame;
mod http;
mod message;
mod nats_server;
mod polling;
mod process;
mod session;
mod stats;
mod testbed;
mod trial;
mod websocket;
mod wire;
mod witness;

pub use eventually::{PATIENCE, eventually, eventually_within};
pub use frame::{Frame, from_hex};
pub use http::{Answer, Http, Response};
pub use message::{Message, Open};
pub use nats_server::{NatsConfig, NatsServer, SlowedDown};
pub use polling::Polling;
pub use process::Process;
pub use session::{Heard, Session};
pub use stats::Stats;
pub use testbed::{ENGINE_IO, SOCKET_IO, Testbed};
pub use trial::Trial;
pub use websocket::{Ending, Incoming, WebSocket, WebSocketSession};
pub use wire::{Fill, Wire};
pub use witness::Witness;
