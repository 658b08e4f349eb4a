//! What the scenarios are told with: a server in this process, clients, and a journal of what handlers saw.

mod client;
mod held_up;
mod http;
mod journal;
mod packet;
mod pair;
mod poller;
mod raw;
mod server;
mod stream;
pub mod tls;
mod wait;

pub use client::Client;
pub use held_up::HeldUp;
pub use http::{Answer, request};
pub use journal::Journal;
pub use packet::Packet;
pub use pair::Pair;
pub use poller::Poller;
pub use raw::{RawSocket, polling_session, text_frame, upgrade_request, websocket_request};
pub use server::{Server, Transport, serve, start};
pub use stream::Stream;
pub use wait::{PATIENCE, eventually, soon};
