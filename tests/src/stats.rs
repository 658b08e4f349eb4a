//! What the server counts.

use serde_json::Value;

/// Gauges and counters of a testbed's Socket.IO server, from its `/stats`.
#[derive(Clone, Debug)]
pub struct Stats(Value);

impl Stats {
    #[track_caller]
    pub(crate) fn parse(json: &str) -> Self {
        Self(serde_json::from_str(json).expect("the statistics are JSON"))
    }

    /// A gauge or a counter, such as `sessions` or `handler_panics`.
    #[track_caller]
    pub fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no count {name} in {}", self.0))
    }

    /// Sessions that ended for this reason, such as `too slow`.
    #[track_caller]
    pub fn closed(&self, reason: &str) -> u64 {
        self.0["closed"][reason].as_u64().unwrap_or_else(|| panic!("no reason {reason} in {}", self.0))
    }

    /// Those of the testbed's raw Engine.IO server.
    #[track_caller]
    pub fn engine(&self) -> Self {
        Self(self.0["engine"].clone())
    }

    /// What is there now, by name: sessions, sockets, rooms. After whatever came and went these are as before.
    #[track_caller]
    pub fn gauges(&self) -> [(&'static str, u64); 3] {
        ["sessions", "sockets", "rooms"].map(|name| (name, self.count(name)))
    }
}
