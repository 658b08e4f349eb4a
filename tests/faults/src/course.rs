//! What a script says about its fault: whom it concerned, from when to when, and how long what took.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Moment;

/// Ways from the node of an emitter to the node of a member.
#[derive(Clone, Copy, Debug)]
pub enum Paths {
    /// All that begin or end at this node.
    Of(usize),
    /// Those between this node and the others.
    Between(usize),
    /// All between two different nodes.
    Across,
}

impl Paths {
    pub fn include(self, from: usize, to: usize) -> bool {
        match self {
            Self::Of(node) => from == node || to == node,
            Self::Between(node) => (from == node) != (to == node),
            Self::Across => from != to,
        }
    }
}

/// A time in which events on these ways may be lost.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub paths: Paths,
    pub from: Moment,
    pub to: Moment,
}

/// Sockets that no answer may list in a time.
pub struct Gone {
    pub ids: HashSet<String>,
    pub from: Moment,
    pub to: Moment,
    /// The node whose own sockets they are, if it is still entitled to list them.
    pub except: Option<usize>,
}

/// How long something took, and may take.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    pub what: &'static str,
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    #[serde(serialize_with = "seconds")]
    pub limit: Duration,
}

impl Timing {
    pub fn kept(&self) -> bool {
        self.took <= self.limit
    }
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// A fault's course.
#[derive(Default)]
pub struct Course {
    pub windows: Vec<Window>,
    pub gone: Vec<Gone>,
    pub timings: Vec<Timing>,
    /// Nodes whose clients may be cut off.
    pub cut: HashSet<usize>,
    /// Clients of these nodes have to be told that they are cut off.
    pub told: HashSet<usize>,
}

impl Course {
    /// Something took so long, and may take as long as that.
    pub fn took(&mut self, what: &'static str, took: Duration, limit_ms: u64) {
        self.timings.push(Timing { what, took, limit: Duration::from_millis(limit_ms) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_which_ways_a_fault_concerns() {
        assert!(Paths::Of(1).include(1, 1) && Paths::Of(1).include(0, 1) && !Paths::Of(1).include(0, 2));
        assert!(Paths::Between(1).include(1, 0) && !Paths::Between(1).include(1, 1));
        assert!(!Paths::Between(1).include(0, 2));
        assert!(Paths::Across.include(0, 2) && !Paths::Across.include(2, 2));
    }
}
