//! Pings of the server and pongs of the client. The profiles differ in their deadlines: `protocol` has 300 ms between pings
//! and 200 ms for the pong, for clients that die; `clients` a second each; `eio-client` 500 ms and 20 s, for clients that
//! live, also on a machine that has no time for them.

use std::time::{Duration, Instant};

use natter_tests::{ENGINE_IO, Heard, Message, PATIENCE, Session, Testbed};

/// From the opening to the end of a session that never answers: one interval and one timeout.
const LIFE_WITHOUT_PONG: Duration = Duration::from_millis(500);

fn take_ping(session: &mut impl Session) {
    loop {
        match session.listen(Instant::now() + PATIENCE) {
            Heard::Packet(Message::Text(text)) if text == "2" => return,
            Heard::Packet(Message::Text(text)) if text == "6" => {}
            other => panic!("expected a ping, got {other:?}"),
        }
    }
}

fn answers_pings_for_a_while(session: &mut impl Session) {
    assert_eq!(session.receive_text(), "hi");
    take_ping(session);
    session.send_packet("3");
    let first = Instant::now();
    for _ in 0..3 {
        take_ping(session);
        session.send_packet("3");
    }
    // Three intervals, less what the first ping may have been late.
    let lasted = first.elapsed();
    assert!(lasted >= Duration::from_millis(1250), "three more pings came within {lasted:?}");
    session.send("alive");
    assert_eq!(session.receive_text(), "alive");
}

#[test]
fn pings_come_at_the_interval_and_pongs_keep_a_websocket_session() {
    let testbed = Testbed::shared("eio-client");
    answers_pings_for_a_while(&mut testbed.open_websocket(ENGINE_IO));
}

#[test]
fn pings_come_at_the_interval_and_pongs_keep_a_polling_session() {
    let testbed = Testbed::shared("eio-client");
    answers_pings_for_a_while(&mut testbed.open_polling(ENGINE_IO));
}

#[test]
fn a_websocket_client_without_pong_is_closed_after_the_timeout() {
    let testbed = Testbed::shared("protocol");
    let mut session = testbed.open_websocket(ENGINE_IO);
    let opened = Instant::now();
    take_ping(&mut session);
    match session.listen(Instant::now() + PATIENCE) {
        Heard::Closed(_) => {}
        other => panic!("expected the end, got {other:?}"),
    }
    let lived = opened.elapsed();
    assert!(lived > LIFE_WITHOUT_PONG - Duration::from_millis(50), "cut after only {lived:?}");
    assert!(lived < Duration::from_secs(5), "cut only after {lived:?}");
    testbed.forgets(&session);
}

#[test]
fn a_polling_client_without_pong_is_closed_after_the_timeout() {
    let testbed = Testbed::shared("protocol");
    let mut session = testbed.open_polling(ENGINE_IO);
    let opened = Instant::now();
    take_ping(&mut session);
    session.begin_poll();
    testbed.forgets(&session);
    let lived = opened.elapsed();
    assert!(lived > LIFE_WITHOUT_PONG - Duration::from_millis(50), "cut after only {lived:?}");
    assert!(lived < Duration::from_secs(5), "cut only after {lived:?}");
    // The poll that was under way does not hang.
    session.poll_response();
}

#[test]
fn a_polling_client_that_never_comes_back_is_forgotten() {
    let testbed = Testbed::shared("protocol");
    let session = testbed.open_polling(ENGINE_IO);
    testbed.forgets(&session);
}

#[test]
fn what_came_before_a_late_pong_is_not_lost() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(ENGINE_IO);
    take_ping(&mut session);
    session.send("last words");
    let mut heard = Vec::new();
    loop {
        match session.listen(Instant::now() + PATIENCE) {
            Heard::Packet(message) => heard.push(message.text()),
            Heard::Closed(_) => break,
            Heard::Silence => panic!("a client without pong was never cut"),
        }
    }
    assert_eq!(heard, ["4last words"]);
}

#[test]
fn pongs_that_nobody_asked_for_change_nothing() {
    let testbed = Testbed::shared("eio-client");
    let mut session = testbed.open_websocket(ENGINE_IO);
    assert_eq!(session.receive_text(), "hi");
    let opened = Instant::now();
    let mut pings = 0;
    // Were the interval counted from the last pong, no ping would ever come here.
    while pings < 3 {
        assert!(opened.elapsed() < PATIENCE, "only {pings} pings came while pongs were sent without end");
        session.send_packet("3");
        match session.listen(Instant::now() + Duration::from_millis(50)) {
            Heard::Packet(Message::Text(text)) if text == "2" => pings += 1,
            Heard::Silence => {}
            other => panic!("expected pings, got {other:?}"),
        }
    }
    session.send("alive");
    assert_eq!(session.receive_text(), "alive");
}

#[test]
fn heartbeats_go_on_after_an_upgrade() {
    let testbed = Testbed::shared("eio-client");
    answers_pings_for_a_while(&mut testbed.open_polling(ENGINE_IO).upgrade());
}
