//! Everything that nodes say to each other, on one page.
//!
//! It travels in an envelope (`envelope.rs`) as MessagePack: a variant is a map with one entry, its name in snake case
//! and its fields as a map; a variant without fields is its name alone. Texts and bytes are borrowed from the payload.

use serde::{Deserialize, Serialize};

/// What one node says to others.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message<'a> {
    /// On `nodes`: the sender is about to come, and no member yet. Whoever hears it says at once that it lives, and whoever
    /// has the sender's name objects by that.
    Claim,
    /// On `nodes`, every 500 ms: the sender lives. Whoever hears a `hello` says so at once too.
    Heartbeat {
        /// The sender has just come, or come back, and wants to know who is here. It has ended
        /// what was under way with others, and answers to what it asked before are not waited for.
        hello: bool,
    },
    /// On `nodes`: the sender leaves and answers no more.
    Goodbye,
    /// On a room's or a namespace's subject or in an inbox: to be delivered to the sockets that are meant.
    #[serde(borrow)]
    Broadcast(Broadcast<'a>),
    /// In an inbox: wants an [`Answer`](Self::Answer).
    Ask {
        /// Names the question among those of the sender.
        id: u64,
        /// How long the sender waits.
        timeout_ms: u64,
        /// What it wants.
        #[serde(borrow)]
        question: Question<'a>,
    },
    /// In an inbox: the answer, or a part of a long one.
    Answer {
        /// Of the question.
        id: u64,
        /// Counts the parts, from 0.
        part: u32,
        /// Whether it is the last one.
        last: bool,
        /// Whether there is no answer and will be none.
        failed: bool,
        /// This part of the answer. What is in it depends on the question.
        #[serde(with = "serde_bytes")]
        body: &'a [u8],
    },
    /// In an inbox: bytes of a WebSocket that one node has accepted for a session of another.
    Pipe {
        /// Names the pipe among those of the node that accepted the WebSocket.
        pipe: u64,
        /// Whether it comes from the session's owner, so that the pipe is one of the receiver's own.
        by_owner: bool,
        /// What happens.
        #[serde(borrow)]
        what: Pipe<'a>,
    },
}

/// Which sockets of a namespace are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Target<'a> {
    /// Its name, with the `/` at its start.
    pub namespace: &'a str,
    /// Sockets in any of these; none means all of the namespace. A socket's id is a room.
    #[serde(borrow)]
    pub rooms: Vec<&'a str>,
    /// But not those in any of these.
    #[serde(borrow)]
    pub except: Vec<&'a str>,
}

/// An event for many sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broadcast<'a> {
    /// Who is meant.
    #[serde(borrow)]
    pub target: Target<'a>,
    /// Whether clients that are behind may miss it.
    pub volatile: bool,
    /// The encoded event: WebSocket frames as a server sends them.
    #[serde(with = "serde_bytes")]
    pub packet: &'a [u8],
}

/// What one node wants of others.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question<'a> {
    /// How many sockets are meant?
    #[serde(borrow)]
    Count(Target<'a>),
    /// Which sockets are they?
    #[serde(borrow)]
    Fetch(Target<'a>),
    /// Let them join rooms.
    Join {
        /// Who is meant.
        #[serde(borrow)]
        target: Target<'a>,
        /// The rooms.
        #[serde(borrow)]
        rooms: Vec<&'a str>,
    },
    /// Let them leave rooms.
    Leave {
        /// Who is meant.
        #[serde(borrow)]
        target: Target<'a>,
        /// The rooms.
        #[serde(borrow)]
        rooms: Vec<&'a str>,
    },
    /// Disconnect them.
    Disconnect {
        /// Who is meant.
        #[serde(borrow)]
        target: Target<'a>,
        /// Not only from the namespace: close their connections.
        close: bool,
    },
    /// Deliver an event and gather the acknowledgements.
    #[serde(borrow)]
    Acks(Broadcast<'a>),
    /// An event for the nodes themselves.
    ServerSideEmit {
        /// The namespace whose listeners hear it.
        namespace: &'a str,
        /// Its name.
        event: &'a str,
        /// Its arguments, a JSON array.
        arguments: &'a str,
        /// Whether an acknowledgement is waited for.
        wants_ack: bool,
    },
    /// A polling request, or the request of a WebSocket, for a session of the receiver's.
    #[serde(borrow)]
    Relay(Relay<'a>),
}

/// A client's request that has reached another node than its session's.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relay<'a> {
    /// Is there such a session? Asked about requests that are refused for another reason if there is.
    Known {
        /// The session's id.
        sid: &'a str,
    },
    /// A GET that takes what is queued or waits for it.
    Poll {
        /// The session's id.
        sid: &'a str,
    },
    /// The node that has that poll is closing: it wants an answer now, even if there is nothing to say. There is no answer
    /// to this itself.
    PollReleased {
        /// The session's id.
        sid: &'a str,
    },
    /// The client of that poll has gone; there is no answer to this.
    PollAborted {
        /// The session's id.
        sid: &'a str,
    },
    /// A POST that brings packets, or a part of a long one.
    Post {
        /// The session's id.
        sid: &'a str,
        /// Bytes of the body before this part.
        at: u64,
        /// Whether it is the last part, which alone is answered.
        last: bool,
        /// This part of the body.
        #[serde(with = "serde_bytes")]
        body: &'a [u8],
    },
    /// The body of a POST did not come in whole: the session ends.
    PostAborted {
        /// The session's id.
        sid: &'a str,
    },
    /// A WebSocket wants to take the session over.
    Upgrade {
        /// The session's id.
        sid: &'a str,
        /// Names the pipe.
        pipe: u64,
    },
}

/// What happens in a pipe.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipe<'a> {
    /// Bytes of the WebSocket, as they were read or are to be written.
    Bytes {
        /// Bytes that this side has sent before these. What does not go on where the last ones ended is not taken: something
        /// was lost, and with it the WebSocket.
        at: u64,
        /// The bytes.
        #[serde(with = "serde_bytes")]
        bytes: &'a [u8],
    },
    /// So many bytes have been taken in since the pipe began; 256 KiB more than that may be sent.
    Taken(u64),
    /// The pipe is over. What has been sent before is still taken in.
    End,
}
