//! Socket.IO 5 packets (protocol: "Exchange protocol"), as a client may send them.

use bytestring::ByteString;

use crate::args::Args;

/// A whole packet, its attachments included. Socket.IO protocol: Exchange protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The namespace, `/` when the packet names none. A query string behind it is cut off.
    pub namespace: ByteString,
    /// What the packet is about.
    pub body: Body,
}

/// What a packet is about. BINARY_EVENT and BINARY_ACK are [`Event`](Self::Event) and [`Ack`](Self::Ack) with
/// attachments.
///
/// Socket.IO protocol: Exchange protocol, and the section that each variant names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Wants to join the namespace; the auth payload is the text of a JSON object. It is valid JSON of any depth, so
    /// that a server which finds it too deep can answer with CONNECT_ERROR instead of closing the connection.
    ///
    /// "Connection to a namespace".
    Connect(Option<ByteString>),
    /// Leaves the namespace. "Disconnection from a namespace".
    Disconnect,
    /// An event. "Sending and receiving data".
    Event {
        /// The client wants an ack with this id (at most 2^53).
        id: Option<u64>,
        /// The name of the event; a numeric name is the text of its number. A surrogate without its other half, which
        /// Rust has no character for, is replaced by U+FFFD.
        name: ByteString,
        /// What was sent with it.
        args: Args,
    },
    /// The answer to an event. "Acknowledgement".
    Ack {
        /// The id of the event, at most 2^53, or [`Body::NO_ACK_ID`].
        id: u64,
        /// What was answered.
        args: Args,
    },
    /// Refuses a client. Only a server says so: [`PacketDecoder`](crate::PacketDecoder) never yields it. "Connection to
    /// a namespace".
    ConnectError(ByteString),
}

impl Body {
    /// The id of an ack that came without one. The reference ignores such an ack as it ignores an unknown id, and no
    /// event ever has this one.
    pub const NO_ACK_ID: u64 = u64::MAX;
}
