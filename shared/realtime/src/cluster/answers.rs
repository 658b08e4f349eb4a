//! What nodes answer each other, as MessagePack.

use std::sync::Arc;

use bytes::Bytes;
use natter_protocol::Args;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    handshake::WireHandshake, namespace::NamespaceInner, remote_socket::RemoteSocket,
    transport::exchange::Refusal,
};

/// To `count`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub count: usize,
}

/// To `fetch`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pictures(pub Vec<Picture>);

/// A socket, as another node sees it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub id: String,
    pub rooms: Vec<String>,
    /// JSON, if there is any.
    pub data: Option<String>,
    pub handshake: WireHandshake,
}

/// To `acks`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct AckAnswers {
    pub responses: Vec<Response>,
    /// Sockets that did not answer.
    pub missing: Vec<String>,
    /// Whether one of them could still have.
    pub timed_out: bool,
}

/// To a relayed request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The session is there; the POST was taken; the WebSocket may try to take over.
    Done,
    /// The payload of a poll.
    Packets(serde_bytes::ByteBuf),
    /// The session takes no part in it.
    Refused(Refusal),
    /// The WebSocket may not try: it is opened and closed.
    Occupied,
}

/// The arguments of an acknowledgement.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Response {
    /// A JSON array.
    json: String,
    attachments: Vec<serde_bytes::ByteBuf>,
}

impl Response {
    pub fn of(args: &Args) -> Self {
        Self {
            json: format!("[{}]", args.json()),
            attachments: args
                .attachments()
                .iter()
                .map(|bytes| serde_bytes::ByteBuf::from(bytes.to_vec()))
                .collect(),
        }
    }

    /// None if it is not what it should be.
    pub fn into_args(self) -> Option<Args> {
        let attachments = self.attachments.into_iter().map(|bytes| Bytes::from(bytes.into_vec())).collect();
        Args::from_json(&self.json, attachments).ok()
    }
}

impl Picture {
    pub fn of(socket: &RemoteSocket) -> Self {
        Self {
            id: socket.id.to_string(),
            rooms: socket.rooms.iter().map(|room| room.to_string()).collect(),
            data: socket.data.as_ref().map(|data| data.get().to_owned()),
            handshake: WireHandshake::of(&socket.handshake),
        }
    }

    /// None if it is not what a node would send.
    pub fn into_socket(self, namespace: &Arc<NamespaceInner>, node: &Arc<str>) -> Option<RemoteSocket> {
        Some(RemoteSocket {
            namespace: namespace.clone(),
            node: node.clone(),
            id: self.id.into(),
            rooms: self.rooms.into_iter().map(Arc::from).collect(),
            // What is no JSON is nothing.
            data: self.data.and_then(|data| serde_json::value::RawValue::from_string(data).ok()),
            handshake: self.handshake.into_handshake()?,
        })
    }
}

/// Encodes an answer.
pub(crate) fn encode<T: Serialize>(answer: &T) -> Bytes {
    rmp_serde::to_vec_named(answer)
        .expect("invariant: texts, bytes and numbers have a MessagePack form")
        .into()
}

/// Reads an answer; none if it is not what was asked for.
pub(crate) fn decode<T: DeserializeOwned>(answer: &[u8]) -> Option<T> {
    natter_cluster::decode(answer).ok()
}
