//! A network namespace for one node, with two cables: one for its clients, one for NATS. Dropped, it is removed.
//!
//! ```text
//! here   198.18.N.1 ---- clients ---- 198.18.N.2 \
//!                                                  the node
//!  NATS  198.19.N.1 ----- nats ------ 198.19.N.2 /
//! ```

use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Doing, Failure};

/// A hardware address that nobody has: what goes there is gone, and nobody says so.
const NOBODY: &str = "02:00:00:00:00:01";

/// The namespace and its cables.
pub struct Namespace {
    name: String,
    clients: Cable,
    nats: Cable,
}

struct Cable {
    /// The interface on this side, and the one inside.
    here: String,
    inside: String,
    /// The addresses of this side, and of the inside.
    addresses: [String; 2],
}

impl Namespace {
    /// Makes it. Only root may, and not on every machine.
    pub fn make() -> Result<Self, Failure> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let nth = process::id().wrapping_add(MADE.fetch_add(1, Ordering::Relaxed));
        let cable = |letter: char, net: u8| Cable {
            here: format!("nf{nth}{letter}h"),
            inside: format!("nf{nth}{letter}i"),
            addresses: [1, 2].map(|host| format!("198.{net}.{}.{host}", nth % 250)),
        };
        let namespace =
            Self { name: format!("natter-faults-{nth}"), clients: cable('c', 18), nats: cable('n', 19) };
        let made = namespace.lay();
        made.map_err(|error| Failure::NotHere(format!("no network namespace can be made here: {error}")))?;
        Ok(namespace)
    }

    fn lay(&self) -> Result<(), Failure> {
        ip(&["netns", "add", &self.name])?;
        for cable in [&self.clients, &self.nats] {
            let Cable { here, inside, addresses: [ours, theirs] } = cable;
            ip(&["link", "add", here, "type", "veth", "peer", "name", inside, "netns", &self.name])?;
            ip(&["addr", "add", &format!("{ours}/30"), "dev", here])?;
            ip(&["link", "set", here, "up"])?;
            ip(&["-n", &self.name, "addr", "add", &format!("{theirs}/30"), "dev", inside])?;
            ip(&["-n", &self.name, "link", "set", inside, "up"])?;
        }
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the node has to listen.
    pub fn node(&self) -> String {
        self.clients.addresses[1].clone()
    }

    /// Where NATS has to listen.
    pub fn nats(&self) -> String {
        self.nats.addresses[0].clone()
    }

    /// Everything between the node and NATS is lost from now on, in both directions.
    pub fn cut(&self) -> Result<(), Failure> {
        let Cable { here, inside, addresses: [ours, theirs] } = &self.nats;
        let lost = ["lladdr", NOBODY, "nud", "permanent"];
        ip(&[&["neigh", "replace", theirs, "dev", here], &lost[..]].concat())?;
        ip(&[&["-n", &self.name, "neigh", "replace", ours, "dev", inside], &lost[..]].concat())
    }

    /// It passes again.
    pub fn mend(&self) -> Result<(), Failure> {
        let Cable { here, inside, addresses: [ours, theirs] } = &self.nats;
        ip(&["neigh", "del", theirs, "dev", here])?;
        ip(&["-n", &self.name, "neigh", "del", ours, "dev", inside])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A cable goes with either of its ends; what was never made cannot be removed.
        for cable in [&self.clients, &self.nats] {
            ip(&["link", "del", &cable.here]).ok();
        }
        ip(&["netns", "del", &self.name]).ok();
    }
}

fn ip(words: &[&str]) -> Result<(), Failure> {
    let doing = || format!("ip {}", words.join(" "));
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output().doing(doing())?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::Process(format!("{}: {}", doing(), String::from_utf8_lossy(&output.stderr).trim())))
}
