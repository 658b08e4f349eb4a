//! Upgrades while packets go both ways: none may be lost, repeated or overtaken.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use natter_tests::{SOCKET_IO, Session, Testbed};

const UPGRADES: usize = 1_000;
const AT_ONCE: usize = 16;

#[test]
fn a_thousand_upgrades_lose_repeat_and_reorder_nothing() {
    let testbed = &Testbed::start("load");
    let done = &AtomicBool::new(false);
    let begun = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let speaker = scope.spawn(|| speak_until(testbed, done));
        let clients: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    while begun.fetch_add(1, Ordering::Relaxed) < UPGRADES {
                        upgrade_while_listening(testbed);
                    }
                })
            })
            .collect();
        let failed = clients.into_iter().filter_map(|client| client.join().err()).count();
        done.store(true, Ordering::Relaxed);
        let spoken = speaker.join().expect("the speaker lives");
        assert_eq!(failed, 0, "of {AT_ONCE} clients this many failed, with {spoken} broadcasts");
    });
    testbed.expect_unharmed();
}

/// Broadcasts numbers, a few hundred a second, without any gap.
fn speak_until(testbed: &Testbed, done: &AtomicBool) -> usize {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.connect_namespace("/");
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        session.send(&format!(r#"2["broadcast",{number}]"#));
        assert_eq!(session.receive_text(), format!(r#"2["b",{number}]"#));
        number += 1;
        thread::sleep(Duration::from_millis(4));
    }
    number
}

/// The numbers that a client hears, whatever the transport, and the acknowledgements of what it sends.
#[derive(Default)]
struct Heard {
    last: Option<u64>,
    broadcasts: usize,
    acks: usize,
}

impl Heard {
    /// Listens until there are this many broadcasts and acks.
    fn listen(&mut self, session: &mut impl Session, broadcasts: usize, acks: usize) {
        while self.broadcasts < broadcasts || self.acks < acks {
            let text = session.receive_text();
            if let Some(number) = text.strip_prefix(r#"2["b","#).and_then(|rest| rest.strip_suffix(']')) {
                let number = number.parse().expect("broadcasts are numbers");
                let expected = self.last.map_or(number, |last| last + 1);
                assert_eq!(number, expected, "lost, repeated or overtaken");
                self.last = Some(number);
                self.broadcasts += 1;
            } else {
                assert_eq!(text, format!("3{0}[{0}]", self.acks), "lost, repeated or overtaken");
                self.acks += 1;
            }
        }
    }
}

fn ask(session: &mut impl Session, number: usize) {
    session.send(&format!(r#"2{number}["echo",{number}]"#));
}

fn upgrade_while_listening(testbed: &Testbed) {
    let mut polling = testbed.open_polling(SOCKET_IO);
    polling.connect_namespace("/");
    let mut heard = Heard::default();
    ask(&mut polling, 0);
    heard.listen(&mut polling, 2, 1);
    // These may be answered before, during or after the upgrade.
    ask(&mut polling, 1);
    ask(&mut polling, 2);
    let mut websocket = polling.upgrade();
    for number in 3..6 {
        ask(&mut websocket, number);
    }
    let broadcasts = heard.broadcasts + 5;
    heard.listen(&mut websocket, broadcasts, 6);
}
