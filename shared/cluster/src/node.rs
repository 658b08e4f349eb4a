//! `Node`: what the link needs of the node it works for.

use bytes::Bytes;

use crate::{
    envelope::Event,
    identity::NodeTag,
    membership::Member,
    message::{Broadcast, Pipe, Question},
    responder::Responder,
};

/// What has come for this node. All of it is called on the link's thread, in the order in which each sender sent it, so
/// nothing in it may block.
pub trait Node: Send + Sync + 'static {
    /// A broadcast; `packet` is that of the broadcast, sharing the bytes of what came. False if it makes no sense.
    fn broadcast(&self, broadcast: &Broadcast<'_>, packet: Bytes) -> bool;

    /// An event of a program that is no node. False if it makes no sense.
    fn event(&self, event: Event) -> bool;

    /// A question. A responder that is dropped says that there will be no answer.
    fn asked(&self, question: Question<'_>, responder: Responder);

    /// Something has happened in a pipe with that node; `own` says that this node has accepted the WebSocket.
    fn piped(&self, from: NodeTag, pipe: u64, own: bool, what: Pipe<'_>);

    /// A node has come.
    fn came(&self, member: &Member);

    /// A node is gone.
    fn left(&self, member: &Member);

    /// A node that has not left has begun anew with the others, most often since it was off the bus for a moment: what was on
    /// its way to it or from it may be lost, and it has ended what was under way.
    fn interrupted(&self, tag: NodeTag);

    /// The bus is away, and with it every other node, members though they are: what was on its way may be lost.
    fn away(&self);

    /// This process was stopped for so long that the others have given it up: what its clients were to hear meanwhile
    /// is lost, and they should be told, by ending their connections.
    fn suspended(&self);
}
