//! Pipes: a WebSocket that ends at one node and has its session on another. The node that has accepted it hands bytes to
//! and fro and understands none of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use natter_cluster::{
    LinkHandle, NodeTag,
    message::{self, Message},
};

use super::flow::{Broken, Flow};
use crate::{counters::bump, server::Server};

/// Bytes of one message.
pub(crate) const PIECE: usize = 64 * 1024;

/// Names a pipe among those of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PipeKey {
    /// The other node.
    pub peer: NodeTag,
    /// Its number among those of the node that has accepted the WebSocket.
    pub number: u64,
    /// Whether that is this node.
    pub accepted_here: bool,
}

/// One end of a pipe.
pub(crate) struct Pipe {
    key: PipeKey,
    inbox: Arc<str>,
    link: LinkHandle,
    server: Weak<Server>,
    flow: Mutex<Flow>,
}

/// The pipes of one server that are not over.
#[derive(Default)]
pub(crate) struct Pipes {
    open: Mutex<HashMap<PipeKey, Arc<Pipe>>>,
    opened: AtomicU64,
}

impl Pipes {
    fn open(&self) -> MutexGuard<'_, HashMap<PipeKey, Arc<Pipe>>> {
        self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The end of a new pipe to a session on that node.
    pub fn accept(server: &Arc<Server>, link: &LinkHandle, owner: NodeTag) -> Arc<Pipe> {
        let number = server.pipes.opened.fetch_add(1, Relaxed);
        Self::add(server, link, PipeKey { peer: owner, number, accepted_here: true })
    }

    /// The session's end of a pipe that the other node has named. A name that is taken is that node's mistake: what has it
    /// ends.
    pub fn admit(server: &Arc<Server>, link: &LinkHandle, from: NodeTag, number: u64) -> Arc<Pipe> {
        let key = PipeKey { peer: from, number, accepted_here: false };
        if let Some(former) = server.pipes.get(&key) {
            former.cut();
        }
        Self::add(server, link, key)
    }

    fn add(server: &Arc<Server>, link: &LinkHandle, key: PipeKey) -> Arc<Pipe> {
        let pipe = Arc::new(Pipe {
            key,
            inbox: link.subjects().node(key.peer),
            link: link.clone(),
            server: Arc::downgrade(server),
            flow: Mutex::default(),
        });
        server.pipes.open().insert(key, pipe.clone());
        server.counters.pipes.fetch_add(1, Relaxed);
        pipe
    }

    fn get(&self, key: &PipeKey) -> Option<Arc<Pipe>> {
        self.open().get(key).cloned()
    }

    /// Something has come from another node.
    pub fn heard(server: &Server, link: &LinkHandle, key: PipeKey, what: &message::Pipe<'_>) {
        match server.pipes.get(&key) {
            Some(pipe) => pipe.heard(what),
            // Its end may be on its way, or be lost.
            None if matches!(what, message::Pipe::Bytes { .. }) => {
                bump(&server.counters.stray_pieces);
                let end = Message::Pipe {
                    pipe: key.number,
                    by_owner: !key.accepted_here,
                    what: message::Pipe::End,
                };
                // Dropped, and counted there, it is said again at the next piece.
                let _ = link.publish(vec![link.subjects().node(key.peer)], &end);
            }
            None => {}
        }
    }

    /// That node has ended all pipes to it, or is gone.
    pub fn left(&self, node: NodeTag) {
        self.cut(|key| key.peer == node);
    }

    /// No other node can be reached any more.
    pub fn away(&self) {
        self.cut(|_| true);
    }

    fn cut(&self, gone: impl Fn(&PipeKey) -> bool) {
        let pipes: Vec<_> =
            self.open().iter().filter(|(key, _)| gone(key)).map(|(_, pipe)| pipe.clone()).collect();
        pipes.iter().for_each(|pipe| pipe.cut());
    }

    /// This node is closing: the WebSockets that it has accepted end, and their sessions learn of it.
    pub fn close(&self) {
        let pipes: Vec<_> = self.open().values().filter(|pipe| pipe.key.accepted_here).cloned().collect();
        pipes.iter().for_each(|pipe| pipe.end());
    }
}

impl Pipe {
    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Names it in the request for it.
    pub fn number(&self) -> u64 {
        self.key.number
    }

    /// The next bytes from the other side; none when the pipe is over.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.flow().poll_take(cx)
    }

    /// Ready when the pipe is over, for who takes from it.
    pub fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.flow().poll_over(cx)
    }

    /// What was taken has found its place: as much more may come.
    pub fn took(&self, length: usize) {
        let tell = self.flow().took(length);
        if let Some(total) = tell
            && !self.say(message::Pipe::Taken(total))
        {
            self.cut();
        }
    }

    /// How many bytes may be sent now, at most [`PIECE`]; none when the pipe is over.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        self.flow().poll_room(cx).map(|room| room.map(|room| room.min(PIECE)))
    }

    /// Sends no more bytes than there is room for.
    pub fn send(&self, bytes: &[u8]) {
        let at = self.flow().send(bytes.len());
        if let Some(at) = at
            && !self.say(message::Pipe::Bytes { at, bytes })
        {
            self.cut();
        }
    }

    /// Ends it, and tells the other side.
    pub fn end(&self) {
        if self.is_over_now() {
            self.say(message::Pipe::End);
        }
    }

    /// Ends it since something was lost. The other side is told, if it is there.
    fn cut(&self) {
        if self.is_over_now() {
            self.count_cut();
            self.say(message::Pipe::End);
        }
    }

    fn count_cut(&self) {
        if let Some(server) = self.server.upgrade() {
            bump(&server.counters.broken_pipes);
        }
    }

    /// Whether it was this call that has ended it.
    fn is_over_now(&self) -> bool {
        let ended = self.flow().end();
        let Some(wake) = ended else { return false };
        if let Some(server) = self.server.upgrade() {
            server.pipes.open().remove(&self.key);
            server.counters.pipes.fetch_sub(1, Relaxed);
        }
        wake.all();
        true
    }

    fn heard(&self, what: &message::Pipe<'_>) {
        let heard = match *what {
            message::Pipe::Bytes { at, bytes } => self.flow().came(at, bytes),
            message::Pipe::Taken(total) => self.flow().acknowledged(total),
            message::Pipe::End => {
                self.is_over_now();
                return;
            }
        };
        match heard {
            Ok(wake) => wake.all(),
            Err(Broken) => self.cut(),
        }
    }

    /// Whether it could be said, as far as this node knows.
    fn say(&self, what: message::Pipe<'_>) -> bool {
        let by_owner = !self.key.accepted_here;
        let message = Message::Pipe { pipe: self.key.number, by_owner, what };
        self.link.publish(vec![self.inbox.clone()], &message).is_ok()
    }
}
