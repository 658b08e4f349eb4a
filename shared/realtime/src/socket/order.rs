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

impl Order {
    pub fn give(&self, shard: &LocalShard, socket: &Arc<SocketInner>) {
        match self {
            // It may have been disconnected while the order was on its way.
            Self::Send { .. } if socket.is_gone() => bump(&shard.server.counters.dropped_closed),
            Self::Send { frames, volatile } => shard.send(socket, frames, *volatile),
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

    /// Tells whoever waits for it to be carried out. A join is, when what other nodes say to the rooms comes here.
    pub fn tell(&self, socket: &SocketInner, done: Option<oneshot::Sender<()>>) {
        let Some(done) = done else { return };
        let active = match self {
            Self::SyncRooms(rooms) => socket.namespace.server.directory.active(socket.namespace.id, rooms),
            _ => Vec::new(),
        };
        // Who does not wait has dropped the other end.
        if active.is_empty() {
            done.send(()).unwrap_or(());
            return;
        }
        actix_rt::spawn(async move {
            futures_util::future::join_all(active).await;
            done.send(()).unwrap_or(());
        });
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
