//! Clients that begin something and never finish it.
//!
//! Everything here takes as long as its deadline, so one test runs all of it at the same time. The profile `load` has a
//! heartbeat of 45 s, which can't be what ends a connection here.

use std::thread;
use std::time::{Duration, Instant};

use natter_tests::{Answer, ENGINE_IO, Fill, Frame, Heard, SOCKET_IO, Session, Testbed, Wire};

/// What a deadline may be late on a busy machine.
const LATE: Duration = Duration::from_secs(10);

/// A name, and what a client does until it is cut.
type Scenario = (&'static str, fn(&Testbed));

#[test]
fn whatever_is_begun_and_not_finished_is_cut_at_its_deadline() {
    let testbed = &Testbed::start("load");
    let mut witness = testbed.witness();
    witness.echo();
    let descriptors = testbed.process().descriptors();
    let scenarios: [Scenario; 7] = [
        ("H-14 a body that stops", a_body_that_stops),
        ("H-16 1,000 heads of one byte a second", a_thousand_slow_heads),
        ("H-17 a connection without a byte", a_connection_without_a_byte),
        ("H-24 a probe without an upgrade", a_probe_without_an_upgrade),
        ("H-24 a WebSocket without a probe", a_websocket_without_a_probe),
        ("W-22 a message without its last fragment", a_message_without_its_last_fragment),
        ("S-26 a packet without its attachment", a_packet_without_its_attachment),
    ];
    let failed: Vec<&str> = thread::scope(|scope| {
        let running: Vec<_> =
            scenarios.iter().map(|(name, run)| (*name, scope.spawn(|| run(testbed)))).collect();
        running.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "failed: {failed:#?}");
    testbed.expect_unharmed();
    witness.echo();
    natter_tests::eventually("every connection is closed", || match testbed.process().descriptors() {
        now if now <= descriptors => Ok(()),
        now => Err(format!("{now} descriptors, {descriptors} at the start")),
    });
}

fn expect_between(start: Instant, earliest: u64, what: &str) {
    let took = start.elapsed();
    assert!(took > Duration::from_secs(earliest), "{what} was cut after only {took:?}");
}

fn a_body_that_stops(testbed: &Testbed) {
    let session = testbed.open_polling(ENGINE_IO);
    let mut http = testbed.http();
    let head =
        format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n4012345678", session.target());
    let start = Instant::now();
    http.send(head.as_bytes());
    match http.answer(Duration::from_secs(10) + LATE) {
        Answer::Response(response) => assert!([400, 408].contains(&response.status), "{response:?}"),
        Answer::End => {}
        Answer::Silence => panic!("a body that stopped is still awaited"),
    }
    expect_between(start, 4, "the body");
}

fn a_thousand_slow_heads(testbed: &Testbed) {
    let head =
        format!("GET {ENGINE_IO}?EIO=4&transport=polling HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(1000));
    let start = Instant::now();
    let mut wires: Vec<Wire> = (0..1000).map(|_| Wire::connect(testbed.address())).collect();
    let all_connected = Instant::now();
    for byte in head.as_bytes() {
        let round = Instant::now();
        let open = wires.len();
        wires.retain_mut(|wire| {
            // Whatever it is told, it goes on until it is cut.
            while wire.fill(Instant::now()) == Fill::More {}
            wire.write(&[*byte]).is_ok() && !wire.has_ended()
        });
        if wires.len() < open {
            expect_between(start, 4, "a head");
        }
        if wires.is_empty() {
            return;
        }
        let late = all_connected.elapsed() > Duration::from_secs(5) + LATE;
        assert!(!late, "{} slow heads are still read", wires.len());
        // Meanwhile others are let in: each of these is answered, or fails the test.
        while round.elapsed() < Duration::from_secs(1) {
            testbed.open_polling(ENGINE_IO);
            thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("{} slow heads have come to their end", wires.len());
}

fn a_connection_without_a_byte(testbed: &Testbed) {
    let start = Instant::now();
    let mut wire = Wire::connect(testbed.address());
    loop {
        match wire.fill(start + Duration::from_secs(10) + LATE) {
            Fill::More => {}
            Fill::End => break,
            Fill::Silence => panic!("a connection without a byte is still open"),
        }
    }
}

fn a_probe_without_an_upgrade(testbed: &Testbed) {
    let mut polling = testbed.open_polling(ENGINE_IO);
    let mut socket = polling.probe();
    let start = Instant::now();
    socket.expect_closed_within(Duration::from_secs(10) + LATE);
    expect_between(start, 8, "the upgrade");
    polling.send("unharmed");
    assert_eq!(polling.receive_text(), "unharmed");
}

fn a_websocket_without_a_probe(testbed: &Testbed) {
    let mut polling = testbed.open_polling(ENGINE_IO);
    let mut socket = polling.begin_upgrade();
    let start = Instant::now();
    socket.expect_closed_within(Duration::from_secs(10) + LATE);
    expect_between(start, 8, "the upgrade");
    polling.send("unharmed");
    assert_eq!(polling.receive_text(), "unharmed");
}

fn a_message_without_its_last_fragment(testbed: &Testbed) {
    let mut session = testbed.open_websocket(ENGINE_IO);
    session.socket().send(&Frame::text("4never").unfinished());
    // No ping can be answered inside the message; the heartbeat would end it too, but only after 45 s.
    let deadline = Instant::now() + Duration::from_secs(30) + LATE;
    loop {
        match session.listen(deadline) {
            Heard::Packet(_) => {}
            Heard::Closed(_) => break,
            Heard::Silence => panic!("the message is still awaited"),
        }
    }
    testbed.forgets(&session);
}

fn a_packet_without_its_attachment(testbed: &Testbed) {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.connect_namespace("/");
    session.send(r#"51-["echo",{"_placeholder":true,"num":0}]"#);
    let start = Instant::now();
    // E-06: what is sent meanwhile does not extend it.
    session.socket().send_bytes(&Frame::text("3").masked().repeat(10_000));
    session.expect_closed_within(Duration::from_secs(30) + LATE);
    expect_between(start, 28, "the packet");
    testbed.forgets(&session);
}
