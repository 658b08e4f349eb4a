//! Looks at every node all the time, from outside: its probes and its memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::book::{Address, Book};
use crate::clock::{Clock, Moment};
use crate::http;
use crate::process::memory;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(40);

/// What a node shows of itself.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// When this was asked for.
    pub asked: Moment,
    /// Its `/ready`; none when there is no answer.
    pub ready: Option<bool>,
    /// The other nodes that it knows.
    pub nodes: Option<Vec<String>>,
}

/// The memory of one node's processes in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// When the fault was made.
    pub before: u64,
    /// The most from then on.
    pub peak: u64,
    /// The last look.
    pub after: u64,
}

#[derive(Default)]
struct Seen {
    sight: Sight,
    memory: Memory,
    /// Of every process of the node, by its id: the counters of the cluster as they were last seen.
    counters: BTreeMap<u32, BTreeMap<String, u64>>,
}

/// The watch over all nodes.
pub struct Watch {
    seen: Arc<Vec<Mutex<Seen>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Watch {
    pub fn start(book: &Arc<Book>, clock: Clock) -> Self {
        let seen: Arc<Vec<_>> = Arc::new(book.names().iter().map(|_| Mutex::default()).collect());
        let look = |node| {
            let (book, seen) = (Arc::clone(book), Arc::clone(&seen));
            tokio::spawn(async move {
                loop {
                    let asked = clock.now();
                    if let Some(address) = book.node(node) {
                        look(address, asked, &seen[node]).await;
                    } else {
                        held(&seen[node]).sight = Sight { asked, ..Sight::default() };
                    }
                    sleep(PERIOD).await;
                }
            })
        };
        let tasks = (0..book.names().len()).map(look).collect();
        Self { seen, tasks }
    }

    /// The last look at a node.
    pub fn sight(&self, node: usize) -> Sight {
        held(&self.seen[node]).sight.clone()
    }

    /// From here on memory is compared with what it is now.
    pub fn mark_memory(&self) {
        for seen in self.seen.iter() {
            let memory = &mut held(seen).memory;
            *memory = Memory { before: memory.after, peak: memory.after, after: memory.after };
        }
    }

    pub fn memory(&self, node: usize) -> Memory {
        held(&self.seen[node]).memory
    }

    /// The counters of all processes that the node has had, added up.
    pub fn counters(&self, node: usize) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for counters in held(&self.seen[node]).counters.values() {
            for (name, count) in counters {
                *sum.entry(name.clone()).or_default() += count;
            }
        }
        sum
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn look(address: Address, asked: Moment, seen: &Mutex<Seen>) {
    if let Some(bytes) = memory(address.pid) {
        let memory = &mut held(seen).memory;
        memory.after = bytes;
        memory.peak = memory.peak.max(bytes);
    }
    let (ready, stats) = tokio::join!(http::get(address.at, "/ready"), http::get(address.at, "/stats"));
    let cluster =
        stats.and_then(|(_, body)| serde_json::from_str::<Value>(&body).ok()?.get("cluster").cloned());
    let nodes = cluster.as_ref().and_then(|cluster| serde_json::from_value(cluster["nodes"].clone()).ok());
    let mut seen = held(seen);
    seen.sight = Sight { asked, ready: ready.map(|(status, _)| status == 200), nodes };
    if let Some(Value::Object(cluster)) = cluster {
        let counters = cluster.iter().filter_map(|(name, value)| Some((name.clone(), value.as_u64()?)));
        seen.counters.insert(address.pid, counters.collect());
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
