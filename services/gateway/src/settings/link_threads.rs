//! The thread that carries a node's link to the others.

use natter::LinkThread;

use super::value::{Kind, Value};

/// Which one it is, or that it depends on the number of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkThreads {
    Auto,
    This(LinkThread),
}

/// Workers up to which it pays that one of them carries the link. With more of them the link would take a good part of
/// that one's time, and its clients would wait.
const FEW: usize = 2;

const NAMES: [(&str, LinkThreads); 3] = [
    ("auto", LinkThreads::Auto),
    ("own", LinkThreads::This(LinkThread::Own)),
    ("worker", LinkThreads::This(LinkThread::Worker)),
];

impl LinkThreads {
    /// The one for a node with so many workers.
    pub fn with(self, workers: usize) -> LinkThread {
        match self {
            Self::This(thread) => thread,
            Self::Auto if workers <= FEW => LinkThread::Worker,
            Self::Auto => LinkThread::Own,
        }
    }
}

impl Value for LinkThreads {
    const KIND: Kind = Kind::Text;

    fn parse(text: &str) -> Result<Self, String> {
        let named = NAMES.iter().find(|(name, _)| *name == text);
        named.map(|(_, threads)| *threads).ok_or_else(|| "it is none of auto, own and worker".to_owned())
    }

    fn show(&self) -> String {
        NAMES.iter().find(|(_, threads)| threads == self).map_or("", |(name, _)| name).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_carries_the_link_of_a_small_node_unless_told_otherwise() {
        let of = |text: &str, workers| LinkThreads::parse(text).map(|threads| threads.with(workers));
        assert_eq!(of("auto", 2), Ok(LinkThread::Worker));
        assert_eq!(of("auto", 3), Ok(LinkThread::Own));
        assert_eq!(of("own", 1), Ok(LinkThread::Own));
        assert_eq!(of("worker", 64), Ok(LinkThread::Worker));
        assert!(of("none", 1).is_err());
        for (name, threads) in NAMES {
            assert_eq!(threads.show(), name);
        }
    }
}
