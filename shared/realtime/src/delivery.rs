//! One broadcast on its way to the shards: encoded once, shared by all.

use std::sync::Arc;

use bytestring::ByteString;
use natter_protocol::{Args, Frames};

use crate::{
    collector::Collector,
    roster::{NamespaceId, Target},
};

/// What is delivered to whom.
pub(crate) struct Delivery {
    pub namespace: NamespaceId,
    pub target: Target,
    pub frames: Frames,
    pub volatile: bool,
    /// Who collects acknowledgements, and their number on the wire.
    pub ack: Option<(u64, Arc<Collector>)>,
    /// For sockets with catch-all listeners for what they are sent; kept only if there are any.
    pub event: Option<(ByteString, Args)>,
}

impl Delivery {
    /// What it weighs in a shard's queue.
    pub fn weight(&self) -> usize {
        self.frames.len() + 64
    }

    pub fn expect_shards(&self, shards: usize) {
        if let Some((_, collector)) = &self.ack {
            collector.expect_shards(shards);
        }
    }

    pub fn shard_is_done(&self) {
        if let Some((_, collector)) = &self.ack {
            collector.shard_is_done();
        }
    }
}
