//! The end of an Engine.IO session.

use natter_tests::{ENGINE_IO, Frame, Session, Testbed, eventually};

#[test]
fn a_close_packet_ends_a_websocket_session_and_its_connection() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    session.send_packet("1");
    session.expect_closed();
    testbed.forgets(&session);
}

#[test]
fn a_close_packet_ends_a_polling_session_and_the_poll_under_way_gets_a_noop() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    session.begin_poll();
    assert_eq!(session.post("1").text(), "ok");
    assert_eq!(session.poll_response().text(), "6");
    testbed.forgets(&session);
}

#[test]
fn what_follows_a_close_packet_is_ignored() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    let mut bytes = Frame::text("4before").masked();
    bytes.extend(Frame::text("1").masked());
    bytes.extend(Frame::text("4after").masked());
    session.socket().send_bytes(&bytes);
    let mut heard = Vec::new();
    loop {
        match session.listen(std::time::Instant::now() + natter_tests::PATIENCE) {
            natter_tests::Heard::Packet(message) => heard.push(message.text()),
            natter_tests::Heard::Closed(_) => break,
            natter_tests::Heard::Silence => panic!("the close packet was ignored"),
        }
    }
    assert!(!heard.contains(&"4after".to_owned()), "{heard:?}");
    testbed.forgets(&session);
}

#[test]
fn a_cut_connection_ends_a_websocket_session_at_once() {
    // The heartbeat of this profile takes 45 s, so only the cut itself can end the session in time.
    let testbed = Testbed::shared("load");
    let session = testbed.open_websocket("/socket.io/");
    let target = session.mismatched_target();
    drop(session);
    testbed.forgets_target(&target);
}

#[test]
fn a_reset_connection_ends_a_websocket_session_at_once() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket("/socket.io/");
    let target = session.mismatched_target();
    // Closing a socket with unread bytes in it sends RST instead of FIN.
    session.socket().send(&Frame::new(9, "unread"));
    eventually("the pong has arrived", || {
        session.socket().wire().has_arrivals().then_some(()).ok_or_else(|| "nothing".to_owned())
    });
    drop(session);
    testbed.forgets_target(&target);
}

#[test]
fn the_end_of_one_session_leaves_the_others_alone() {
    let testbed = Testbed::shared("load");
    let mut ending = testbed.open_websocket(ENGINE_IO);
    let mut staying = testbed.open_websocket(ENGINE_IO);
    ending.send_packet("1");
    ending.expect_closed();
    staying.send("here");
    assert_eq!(staying.receive_text(), "here");
}
