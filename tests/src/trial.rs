//! A table of bad inputs, each followed by the same questions to the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::testbed::REST;
use crate::{ENGINE_IO, Frame, Session, Testbed, Witness, eventually_within};

/// What one bad input may leave in the server's memory. Allocators keep some of what they once had: of a message of a
/// megabyte that arrived in pieces, several.
const MEMORY_LEFT: u64 = 8 << 20;

/// How long a healthy client's echo may take. A server that is blocked by one client's input takes longer.
const ECHO: Duration = Duration::from_secs(1);

/// A row of cases against one server. After each: the process lives and did not panic, a healthy client that was there
/// before gets its echo, no connection, session, socket or room is left over, memory is where it was. In the end the
/// processor is idle.
pub struct Trial {
    testbed: Arc<Testbed>,
    witness: Witness,
    descriptors: usize,
    gauges: [(&'static str, u64); 3],
    cases: usize,
    failures: Vec<String>,
}

impl Trial {
    /// Starts a server with this profile for these cases alone: their measurements would not bear neighbours.
    #[track_caller]
    pub fn of(profile: &str) -> Self {
        let testbed = Arc::new(Testbed::start(profile));
        let mut witness = testbed.witness();
        witness.echo();
        warm_up(&testbed);
        // In this order: asking for the statistics takes a connection.
        let descriptors = testbed.process().descriptors();
        let gauges = testbed.stats().gauges();
        Self { testbed, witness, descriptors, gauges, cases: 0, failures: Vec::new() }
    }

    /// The server.
    pub fn testbed(&self) -> Arc<Testbed> {
        Arc::clone(&self.testbed)
    }

    /// Runs one case and the common checks; a failure is noted under the case's name and the next case can run.
    pub fn case(&mut self, name: &str, case: impl FnOnce(&Testbed)) {
        self.cases += 1;
        let before = self.testbed.process().memory();
        let run = || {
            case(&self.testbed);
            self.testbed.expect_unharmed();
            let time = self.witness.echo();
            assert!(time < ECHO, "a healthy client's echo took {time:?}");
            eventually_within(REST, "the case's sessions, sockets and rooms are gone", || {
                let now = self.testbed.stats().gauges();
                if now == self.gauges { Ok(()) } else { Err(format!("{now:?}, before {:?}", self.gauges)) }
            });
            eventually_within(REST, "the case's connections are closed", || {
                let now = self.testbed.process().descriptors();
                let left = now.saturating_sub(self.descriptors);
                if left == 0 { Ok(()) } else { Err(format!("{left} more than at the start")) }
            });
            eventually_within(REST, "memory is where it was", || {
                let grown = self.testbed.process().memory().saturating_sub(before);
                if grown < MEMORY_LEFT { Ok(()) } else { Err(format!("{grown} bytes more")) }
            });
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text");
            self.failures.push(format!("{name}: {text}"));
        }
    }

    /// Checks that the server is idle and fails if any case did.
    #[track_caller]
    pub fn conclude(mut self) {
        let testbed = Arc::clone(&self.testbed);
        let idle = catch_unwind(|| {
            eventually_within(REST, "the processor is idle", || {
                let before = testbed.process().processor_time();
                std::thread::sleep(Duration::from_millis(300));
                let used = testbed.process().processor_time() - before;
                if used <= Duration::from_millis(60) {
                    Ok(())
                } else {
                    Err(format!("{used:?} of 300ms used"))
                }
            });
        });
        if idle.is_err() {
            self.failures.push("afterwards the server is not idle".to_owned());
        }
        let (failed, cases) = (self.failures.len(), self.cases);
        assert!(self.failures.is_empty(), "{failed} of {cases} cases failed:\n{}", self.failures.join("\n"));
    }
}

/// Large messages through every thread of the server, so that its allocator has taken the pages that it will keep.
#[track_caller]
fn warm_up(testbed: &Testbed) {
    let descriptors = testbed.process().descriptors();
    let large = Frame::binary(vec![0; 900_000]).masked();
    for _ in 0..4 {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&large);
        session.receive();
        session.send_packet("1");
        session.expect_closed();
    }
    eventually_within(REST, "the large messages' connections are closed", || {
        match testbed.process().descriptors().saturating_sub(descriptors) {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    });
}
