//! One error for each concern. Every message names the mistake, so that it can be logged as it is; none repeats
//! what the client sent.

use crate::code::CloseCode;

/// Why the bytes of a WebSocket client were refused (RFC 6455). The connection is over: send a close frame with
/// [`close_code`](Self::close_code), then close the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// A client must mask every frame (5.1).
    #[error("the frame is not masked")]
    Unmasked,
    /// No extension is ever negotiated, so RSV1 to RSV3 must be zero (5.2).
    #[error("a reserved bit is set")]
    ReservedBits,
    /// The opcode is one of 3-7 or 11-15 (5.2).
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// A control frame is fragmented or longer than 125 bytes (5.5).
    #[error("a control frame is fragmented or longer than 125 bytes")]
    ControlFrame,
    /// A continuation without a start, or a new message inside an unfinished one (5.4).
    #[error("a continuation frame is missing or has no message to continue")]
    Continuation,
    /// A length that is not in its shortest form or has its top bit set (5.2).
    #[error("the payload length is malformed")]
    Length,
    /// A close payload of one byte or a code that must not be sent (5.5.1, 7.4).
    #[error("the close payload is malformed")]
    ClosePayload,
    /// A text message or the reason of a close frame is not UTF-8 (8.1).
    #[error("the text is not valid UTF-8")]
    Utf8,
    /// The message would be longer than [`WebSocketLimits::max_message`](crate::WebSocketLimits::max_message).
    #[error("the message is longer than the limit")]
    TooBig,
    /// The message has more frames than [`WebSocketLimits::max_fragments`](crate::WebSocketLimits::max_fragments).
    #[error("the message has too many fragments")]
    TooManyFragments,
}

impl WebSocketError {
    /// The code of the close frame to answer with (RFC 6455, 7.4.1).
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::Utf8 => CloseCode::InvalidPayload,
            Self::TooBig => CloseCode::TooBig,
            Self::TooManyFragments => CloseCode::Policy,
            _ => CloseCode::Protocol,
        }
    }
}

/// Why an Engine.IO packet or payload was refused. The session is closed with the reason `parse error`.
///
/// Engine.IO protocol: Packet encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A packet (or a whole payload) without a single byte.
    #[error("the packet is empty")]
    Empty,
    /// The first character is not one of `0` to `6` (or `b` in a payload).
    #[error("the packet type is unknown")]
    UnknownType,
    /// A payload that is not UTF-8.
    #[error("the payload is not valid UTF-8")]
    Utf8,
    /// What follows a `b` is not base64 in the standard alphabet with its padding.
    #[error("the binary packet is not valid base64")]
    Base64,
    /// More packets in one payload than allowed.
    #[error("the payload has more than {0} packets")]
    TooManyPackets(usize),
}

/// Why a Socket.IO packet of a client was refused. The whole connection is closed, as the reference does, with the
/// reason `forced close`.
///
/// Socket.IO protocol: Packet encoding; what makes a packet invalid stands in the section of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A text without a packet type.
    #[error("the packet is empty")]
    Empty,
    /// The packet type is not one of `0` to `6`.
    #[error("the packet type is unknown")]
    UnknownType,
    /// CONNECT_ERROR is only ever sent by a server.
    #[error("a client cannot send CONNECT_ERROR")]
    ConnectError,
    /// The number of attachments is missing, zero or no number.
    #[error("the number of attachments is malformed")]
    Attachments,
    /// More attachments than [`PacketLimits::attachments`](crate::PacketLimits::attachments).
    #[error("the packet has more than {0} attachments")]
    TooManyAttachments(usize),
    /// The namespace is longer than [`PacketLimits::name`](crate::PacketLimits::name).
    #[error("the namespace is longer than {0} bytes")]
    NamespaceTooLong(usize),
    /// The ack id is greater than 2^53, the last integer JavaScript counts to.
    #[error("the ack id is too large")]
    AckId,
    /// The auth payload of a CONNECT is there but no JSON object.
    #[error("the auth payload is no JSON object")]
    Auth,
    /// Something follows a DISCONNECT.
    #[error("a DISCONNECT carries no data")]
    DisconnectData,
    /// The data of an event or an ack is no JSON array.
    #[error("the data is no valid JSON array (byte {0} of it)")]
    Json(usize),
    /// An argument is nested deeper than [`PacketLimits::depth`](crate::PacketLimits::depth).
    #[error("an argument is nested deeper than {0} levels")]
    TooDeep(usize),
    /// More arguments than [`PacketLimits::args`](crate::PacketLimits::args).
    #[error("the packet has more than {0} arguments")]
    TooManyArgs(usize),
    /// The first item of an event is neither a string nor a number.
    #[error("the event name is neither a string nor a number")]
    Name,
    /// The event name is longer than [`PacketLimits::name`](crate::PacketLimits::name).
    #[error("the event name is longer than {0} bytes")]
    NameTooLong(usize),
    /// The event name is one that means something to the library itself, such as `disconnect`.
    #[error("the event name is reserved")]
    ReservedName,
    /// Text and attachments together exceed [`PacketLimits::bytes`](crate::PacketLimits::bytes).
    #[error("the packet is longer than {0} bytes")]
    TooBig(usize),
    /// A placeholder points to no attachment of its packet.
    #[error("a placeholder names no attachment")]
    Placeholder,
    /// A text packet while attachments of the last one are missing.
    #[error("a text packet came while attachments were awaited")]
    TextWhileWaiting,
    /// A binary frame that no packet announced.
    #[error("a binary frame came that no packet announced")]
    UnexpectedBinary,
}

/// Why values could not become the arguments of an event.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The value has no JSON form: its `Serialize` failed, or a map key is no string.
    #[error("the value has no JSON form: {0}")]
    Json(#[from] serde_json::Error),
    /// The text that should become arguments is no JSON array, or is nested deeper than 256 levels.
    #[error("the text is no JSON array, or is nested too deep")]
    NotAnArray,
    /// The text holds an object that looks like a placeholder (`{"_placeholder":true,"num":N}`) beside real
    /// attachments and names none of them; a receiver would close its connection over it.
    #[error("an object with \"_placeholder\" names no attachment")]
    Placeholder,
}

/// Why arguments could not become the types a handler asked for.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// There are fewer arguments than asked for; counted from 0.
    #[error("missing argument {0}")]
    Missing(usize),
    /// The argument is of another type; counted from 0.
    #[error("argument {index}: {source}")]
    Invalid {
        /// Which argument, counted from 0.
        index: usize,
        /// What was expected of it.
        source: serde_json::Error,
    },
    /// The arguments as a whole do not fit the type.
    #[error("{0}")]
    Other(String),
}

impl serde::de::Error for ArgsError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}
