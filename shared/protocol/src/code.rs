//! The numbers of the WebSocket protocol that have a meaning here.

/// What a frame is (RFC 6455, 5.2). Opcodes 3 to 7 and 11 to 15 are reserved, and have no variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further part of a message. A server of this crate never sends one.
    Continuation = 0,
    /// A text message, or its first part.
    Text = 1,
    /// A binary message, or its first part.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// A sign of life to be answered with a pong.
    Ping = 9,
    /// The answer to a ping, or an unasked sign of life.
    Pong = 10,
}

impl Opcode {
    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(crate) fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// Why a WebSocket is closed (RFC 6455, 7.4.1): the codes this server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The purpose of the connection is fulfilled.
    Normal = 1000,
    /// The server goes down.
    GoingAway = 1001,
    /// The client broke the WebSocket protocol.
    Protocol = 1002,
    /// Text that is not UTF-8.
    InvalidPayload = 1007,
    /// The client broke a rule of this server that has no code of its own.
    Policy = 1008,
    /// A message beyond the limit.
    TooBig = 1009,
    /// The server failed.
    Internal = 1011,
}
