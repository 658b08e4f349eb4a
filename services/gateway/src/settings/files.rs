//! The limit on open files: each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for the program itself: listeners, logs, bundles being served.
const OWN_FILES: usize = 128;
/// Files of each worker: its event queue, its waker, and room to breathe.
const FILES_PER_WORKER: usize = 8;

const USUAL_CONNECTIONS: usize = 10_000;

/// The files that so many connections and workers need.
pub fn needed_files(connections: usize, workers: usize) -> usize {
    connections.saturating_add(OWN_FILES).saturating_add(workers.saturating_mul(FILES_PER_WORKER))
}

/// How many files this process may open once it has raised its own limit as far as it may.
pub fn most_files() -> usize {
    getrlimit(Resource::Nofile).maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// The default for `max_connections`: a machine with a small limit still starts.
pub fn affordable_connections() -> String {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let left = most_files().saturating_sub(needed_files(0, workers));
    left.clamp(1, USUAL_CONNECTIONS).to_string()
}

/// Raises the process's own limit, which is often 1,024, to what the connections and workers need.
pub fn raise_open_files(connections: usize, workers: usize) -> std::io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let needed = needed_files(connections, workers) as u64;
    match limit.current {
        Some(current) if current < needed => {
            let current = Some(limit.maximum.map_or(needed, |most| most.min(needed)));
            setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).map_err(Into::into)
        }
        _ => Ok(()),
    }
}
