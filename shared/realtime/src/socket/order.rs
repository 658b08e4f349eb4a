//! `Order`: something to be done with a socket on its own thread.

use std::sync::Arc;

use natter_protocol::Frames;
use tokio::sync::oneshot;

use super::SocketInner;
use crate::{counters::bump, shard::LocalShard};

/// In one channel with broadcasts, so that both keep the order in which one thread gave them.
#[derive(Clone)]
pub(crate) enum Order {
    Send { frames: Frames, volatile: bool },
    SyncRooms(Vec<Arc<str>>),
    Join(Vec<Arc<str>>),
    Leave(Vec<Arc<str>>),
    Disconnect { close: bool },
}

/// Tells whoever waits for an order to be carried out.
pub(crate) fn tell(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        // Who does not wait has dropped the other end.
        done.send(()).unwrap_or(());
    }
}

impl Order {
    pub fn give(&self, shard: &LocalShard, socket: &Arc<SocketInner>) {
        match self {
            // It may have been disconnected while the order was on its way.
            Self::Send { .. } if socket.is_gone() => bump(&shard.server.counters.dropped_closed),
            Self::Send { frames, volatile } => socket.push(frames, *volatile),
            Self::SyncRooms(rooms) => rooms.iter().for_each(|room| shard.sync_room(socket, room)),
            Self::Join(rooms) => {
                // From an operator: nobody to tell about a socket that is in too many rooms already.
                if socket.note_join(rooms).is_ok() {
                    rooms.iter().for_each(|room| shard.sync_room(socket, room));
                }
            }
            Self::Leave(rooms) => {
                socket.note_leave(rooms);
                rooms.iter().for_each(|room| shard.sync_room(socket, room));
            }
            Self::Disconnect { close } => socket.disconnect_here(*close),
        }
    }

    /// What it weighs in a shard's queue.
    pub fn weight(&self) -> usize {
        match self {
            Self::Send { frames, .. } => frames.len() + 128,
            Self::SyncRooms(rooms) | Self::Join(rooms) | Self::Leave(rooms) => {
                rooms.iter().map(|room| room.len() + 64).sum::<usize>() + 128
            }
            Self::Disconnect { .. } => 128,
        }
    }
}
