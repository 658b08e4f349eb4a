//! Clients that stop reading, among others that do read.

use std::time::{Duration, Instant};

use natter_tests::{Incoming, SOCKET_IO, Session, Testbed, WebSocketSession, eventually_within};

const SLOW: usize = 20;

/// How long the server may read on. A client has 2 s to take its close frame, whatever it sends meanwhile.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// What the server may keep for each client that does not read: a full outbox and some change.
const MEMORY_OF_ONE: u64 = 5 << 18;

/// How long a client that does not read may keep its connection. The server waits 10 s for such a peer to take anything.
const CUT_WITHIN: Duration = Duration::from_secs(30);

/// What comes and goes for other reasons.
const MEMORY_OF_ALL: u64 = 8 << 20;

fn connected(testbed: &Testbed) -> WebSocketSession {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.connect_namespace("/");
    session
}

/// One broadcast of 16 KiB with a number.
fn packet(number: usize) -> String {
    format!(r#"2["broadcast",[{number},"{}"]]"#, "x".repeat(16 * 1024))
}

fn number(event: &str) -> usize {
    let number = event.strip_prefix(r#"2["b",["#).and_then(|rest| rest.split(',').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("not a broadcast: {event:.60}"))
}

#[test]
fn readers_that_stop_are_cut_and_the_others_get_everything_in_order() {
    let testbed = Testbed::start("load");
    let mut reader = connected(&testbed);
    let mut speaker = connected(&testbed);
    let descriptors = testbed.process().descriptors();
    let mut slow: Vec<WebSocketSession> = (0..SLOW).map(|_| connected(&testbed)).collect();
    let before = testbed.process().memory();

    let start = Instant::now();
    let (mut sent, mut highest) = (0, before);
    let mut slowest = Duration::ZERO;
    let mut speak = || {
        let begin = Instant::now();
        speaker.send(&packet(sent));
        assert_eq!(number(&reader.receive_text()), sent);
        assert_eq!(number(&speaker.receive_text()), sent);
        slowest = slowest.max(begin.elapsed());
        sent += 1;
        highest = highest.max(testbed.process().memory());
    };
    while testbed.stats().closed("too slow") < SLOW as u64 {
        assert!(start.elapsed() < CUT_WITHIN, "some that do not read are still served");
        (0..8).for_each(|_| speak());
    }
    // Their sessions are over; the kernel ends the connections a little later, while the others go on talking.
    eventually_within(CUT_WITHIN, "the connections of those that do not read are ended", || {
        speak();
        match testbed.process().descriptors().saturating_sub(descriptors) {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    });
    assert!(slowest < Duration::from_secs(2), "a broadcast took {slowest:?} to reach a client that reads");
    let grown = highest - before;
    let allowed = SLOW as u64 * MEMORY_OF_ONE + MEMORY_OF_ALL;
    assert!(grown < allowed, "memory grew by {grown} bytes, {allowed} are allowed for {SLOW} clients");

    for session in &mut slow {
        gets_a_beginning_without_gaps(session, sent);
        testbed.forgets(session);
    }
    let stats = testbed.stats();
    assert_eq!(
        (stats.closed("too slow"), stats.count("sessions"), stats.count("sockets")),
        (SLOW as u64, 2, 2)
    );
    testbed.expect_unharmed();
}

/// What a slow reader finds when it reads at last: the first broadcasts in order, then the end.
fn gets_a_beginning_without_gaps(session: &mut WebSocketSession, sent: usize) {
    let mut next = 0;
    loop {
        match session.socket().incoming(Instant::now() + Duration::from_secs(5)) {
            Incoming::Frame(frame) if frame.opcode == 1 => {
                let text = String::from_utf8(frame.payload).expect("text frames are UTF-8");
                if text != "2" {
                    assert_eq!(number(&text[1..]), next);
                    next += 1;
                }
            }
            Incoming::Frame(_) => {}
            Incoming::End => break,
            Incoming::Silence => panic!("the connection is open after all"),
        }
    }
    assert!(next < sent, "it was not slow: it got all {sent}");
}

#[test]
fn a_polling_client_that_never_polls_is_cut_too() {
    let testbed = Testbed::start("load");
    let mut absent = testbed.open_polling(SOCKET_IO);
    absent.connect_namespace("/");
    let mut speaker = connected(&testbed);
    // 4 MiB are more than any client may leave waiting, and the heartbeat comes much later.
    for n in 0..256 {
        speaker.send(&packet(n));
        assert_eq!(number(&speaker.receive_text()), n);
    }
    testbed.forgets(&absent);
    assert_eq!(testbed.stats().closed("too slow"), 1);
    testbed.expect_unharmed();
}

#[test]
fn a_client_that_never_reads_its_own_echoes_is_cut() {
    let testbed = Testbed::start("load");
    let descriptors = testbed.process().descriptors();
    let mut session = connected(&testbed);
    let before = testbed.process().memory();
    let event = natter_tests::Frame::text(&format!(r#"421["echo","{}"]"#, "x".repeat(60_000))).masked();
    let begin = Instant::now();
    // The server either reads no more or cuts the connection; both end this loop, the first by a timeout of the write.
    while session.socket().try_send_bytes(&event).is_ok() {
        assert!(begin.elapsed() < READ_WITHIN, "the server still reads from a client that reads nothing");
        let grown = testbed.process().memory().saturating_sub(before);
        assert!(grown < MEMORY_OF_ONE + MEMORY_OF_ALL, "the server kept {grown} bytes");
    }
    eventually_within(CUT_WITHIN, "the connection is ended", || {
        match testbed.process().descriptors().saturating_sub(descriptors) {
            0 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    });
    let stats = testbed.stats();
    assert_eq!((stats.closed("too slow"), stats.count("sessions"), stats.count("sockets")), (1, 0, 0));
    testbed.expect_unharmed();
    connected(&testbed);
}
