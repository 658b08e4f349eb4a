//! What travels through an Engine.IO session.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// One Engine.IO packet: text with its type in front, or the bytes of a binary message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text packet, type included: `4hello`, `2`, `6`.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

/// The content of the open packet.
#[derive(Clone, Debug)]
pub struct Open {
    /// The session's id.
    pub sid: String,
    /// The whole object.
    pub json: Value,
}

impl Message {
    /// One packet of a polling payload.
    #[track_caller]
    pub fn from_payload(text: &str) -> Self {
        match text.strip_prefix('b') {
            Some(base64) => {
                Self::Binary(BASE64_STANDARD.decode(base64).expect("binary packets are valid base64"))
            }
            None => Self::Text(text.to_owned()),
        }
    }

    /// The text packet, type included.
    #[track_caller]
    pub fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Binary(bytes) => panic!("expected text, got {} bytes of binary", bytes.len()),
        }
    }

    /// The bytes of a binary message.
    #[track_caller]
    pub fn binary(self) -> Vec<u8> {
        match self {
            Self::Binary(bytes) => bytes,
            Self::Text(text) => panic!("expected binary, got {text:.200}"),
        }
    }
}

impl Open {
    /// Reads `0{...}`.
    #[track_caller]
    pub fn parse(packet: &str) -> Self {
        let json = packet.strip_prefix('0').unwrap_or_else(|| panic!("not an open packet: {packet:.200}"));
        let json: Value = serde_json::from_str(json).expect("the open packet carries JSON");
        let sid = json["sid"].as_str().expect("the sid is a string").to_owned();
        Self { sid, json }
    }
}
