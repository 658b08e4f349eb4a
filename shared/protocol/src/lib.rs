//! Engine.IO 4, Socket.IO 5 and WebSocket frames as pure functions: bytes to packets and back.
//!
//! Nothing here knows a socket, a task or a clock. Timers (how long an unfinished frame or a packet without its
//! attachments may take) belong to the caller, who asks [`WebSocketDecoder::has_partial`] and
//! [`PacketDecoder::is_waiting`] whether one has to run.
//!
//! # The way of bytes
//!
//! ```text
//! from the client                                        to the client
//!
//! bytes of the TCP stream      body of a polling POST    event, ack, connect ...     packet.rs -> encode.rs
//!        |                              |                      |
//! WebSocketDecoder (websocket.rs)       |                Frames (frame.rs): complete WebSocket frames,
//!        |                              |                      |            encoded once, shared by all receivers
//! EnginePacket::from_text       decode_payload (engine.rs)     +--> WebSocket: written as they are
//!        |______________________________|                      +--> polling: split_frame, then encode_payload
//!        |
//! PacketDecoder (packet.rs) -> Packet -> Args (args.rs) -> the types of a handler
//! ```
//!
//! ```
//! use natter_protocol::{Args, Body, EnginePacket, PacketDecoder, PacketLimits, event, split_frame};
//!
//! // What a server emits is encoded once, for all of its receivers.
//! let frames = event("/chat", None, "message", &Args::of(&("ann", 7))?);
//! let (_, payload) = split_frame(&mut frames.into_bytes()).expect("one text frame");
//! assert_eq!(payload, r#"42/chat,["message","ann",7]"#);
//!
//! // A client's event has the same form; its arguments become types when a handler asks.
//! let EnginePacket::Message(text) = EnginePacket::from_text(payload.try_into()?)? else { unreachable!() };
//! let packet = PacketDecoder::new(PacketLimits::default()).text(text)?.expect("nothing is attached");
//! assert_eq!(packet.namespace, "/chat");
//! let Body::Event { name, args, .. } = packet.body else { unreachable!() };
//! assert_eq!(name, "message");
//! assert_eq!(args.parse::<(String, u32)>()?, ("ann".to_owned(), 7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything a client sends that breaks a rule is refused by an error, never by a panic, and every limit is checked before the
//! memory it protects is taken.
//!
//! # Where it comes from
//!
//! Each item names the section that it carries out: of the [Engine.IO protocol], revision 4, of the [Socket.IO
//! protocol], revision 5, or of [RFC 6455] for WebSocket frames. "The reference" is Socket.IO 4 on Node.
//!
//! [Engine.IO protocol]: https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md
//! [Socket.IO protocol]: https://github.com/socketio/socket.io/blob/main/docs/socket.io-protocol/v5-current.md
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455

#![forbid(unsafe_code)]

mod args;
mod binary;
mod code;
mod decoder;
mod encode;
mod engine;
mod error;
mod frame;
mod json;
mod packet;
mod placeholder;
mod scope;
mod spread;
mod take;
mod websocket;

pub use args::Args;
pub use binary::Binary;
pub use code::{CloseCode, Opcode};
pub use decoder::{PacketDecoder, PacketLimits, is_reserved};
pub use encode::{ack, connect, connect_error, disconnect, event};
pub use engine::{EnginePacket, Open, close, decode_payload, encode_payload, noop, open, ping, pong_probe};
pub use error::{ArgsError, DecodeError, EncodeError, EngineError, WebSocketError};
pub use frame::{FrameBuilder, Frames, split_frame};
pub use json::is_within_depth;
pub use packet::{Body, Packet};
pub use websocket::{Message, WebSocketDecoder, WebSocketLimits};
