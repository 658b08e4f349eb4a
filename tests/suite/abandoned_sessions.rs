//! Clients that begin and never come back: nothing of them may stay.

use std::thread;

use natter_tests::{ENGINE_IO, SOCKET_IO, Session, Testbed, WebSocketSession, eventually};

/// Each round leaves this many sessions at each of the five steps.
const OF_EACH_KIND: usize = 200;
const ROUNDS: usize = 10;

/// Rounds that take the pages a round needs: beside other work one of them may have more sessions at once than another.
const WARM: usize = 3;

/// What the other rounds together may keep, for their 7,000 sessions. They kept 0.7 MB when this was written: pages for
/// other orders in which sessions come and go.
const MEMORY_LEFT: u64 = 8 << 20;

#[test]
fn ten_thousand_abandoned_handshakes_and_upgrades_leave_nothing_behind() {
    let testbed = &Testbed::start("protocol");
    let mut witness = testbed.witness();
    witness.echo();
    let descriptors = testbed.process().descriptors();
    let gauges = || (testbed.stats().gauges(), testbed.stats().engine().count("sessions"));
    let before = gauges();
    let mut warm = 0;
    for round in 0..ROUNDS {
        let (held, targets) = abandon_many(testbed);
        // The clients hold their ends open: it is the server that has to let go of them.
        eventually(&format!("round {round}: the server has closed every connection"), || {
            match testbed.process().descriptors().saturating_sub(descriptors) {
                0 => Ok(()),
                left => Err(format!("{left} are left")),
            }
        });
        drop(held);
        for target in targets.iter().step_by(100) {
            testbed.forgets_target(target);
        }
        assert_eq!(gauges(), before, "round {round}");
        if round < WARM {
            warm = warm.max(testbed.process().memory());
        }
    }
    testbed.expect_unharmed();
    witness.echo();
    let stats = testbed.stats();
    let half = (ROUNDS * OF_EACH_KIND * 5 / 2) as u64;
    assert_eq!(
        (stats.count("opened"), stats.count("upgrades")),
        (half + 1, 0),
        "the witness and half of them"
    );
    eventually("memory is where it was after the first rounds", || {
        match testbed.process().memory().saturating_sub(warm) {
            left if left < MEMORY_LEFT => Ok(()),
            left => Err(format!("{left} bytes more")),
        }
    });
}

/// The connections, still open, and the targets by which the sessions can be asked for.
fn abandon_many(testbed: &Testbed) -> (Vec<WebSocketSession>, Vec<String>) {
    let (mut held, mut targets) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let halves = [ENGINE_IO, SOCKET_IO];
        let running: Vec<_> = halves
            .map(|path| {
                scope.spawn(move || {
                    (0..OF_EACH_KIND * 5 / 2).map(|n| abandon(testbed, path, n % 5)).collect::<Vec<_>>()
                })
            })
            .into();
        for thread in running {
            for (target, socket) in thread.join().expect("every client could begin") {
                targets.push(target);
                held.extend(socket);
            }
        }
    });
    (held, targets)
}

/// Goes as far as `steps` and no further.
fn abandon(testbed: &Testbed, path: &str, steps: usize) -> (String, Option<WebSocketSession>) {
    if steps == 0 {
        let session = testbed.open_websocket(path);
        return (session.mismatched_target(), Some(session));
    }
    let mut polling = testbed.open_polling(path);
    let target = polling.mismatched_target();
    let socket = match steps {
        1 => None,
        2 => Some(polling.begin_upgrade()),
        3 => {
            let mut socket = polling.begin_upgrade();
            socket.send_packet("2probe");
            Some(socket)
        }
        _ => Some(polling.probe()),
    };
    (target, socket)
}
