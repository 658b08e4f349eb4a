//! From polling to WebSocket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use natter_tests::{Answer, ENGINE_IO, Heard, Message, PATIENCE, Polling, Session, Testbed, WebSocket};

fn open() -> (Arc<Testbed>, Polling) {
    let testbed = Testbed::shared("load");
    let session = testbed.open_polling(ENGINE_IO);
    (testbed, session)
}

#[test]
fn after_an_upgrade_messages_go_over_the_websocket() {
    let (_testbed, mut session) = open();
    session.send("polling");
    assert_eq!(session.receive_text(), "polling");
    let mut session = session.upgrade();
    session.send("websocket");
    assert_eq!(session.receive_text(), "websocket");
    session.send_binary(&[1, 2, 3]);
    assert_eq!(session.receive().binary(), [1, 2, 3]);
}

#[test]
fn the_poll_under_way_is_ended_with_a_noop() {
    let (_testbed, mut session) = open();
    session.begin_poll();
    let mut socket = session.probe();
    let response = session.poll_response();
    // A ping may have been faster on a busy machine.
    assert!(["6", "2"].contains(&response.text()), "the poll got {}", response.text());
    socket.send_packet("5");
    socket.send("over");
    assert_eq!(socket.receive_text(), "over");
}

#[test]
fn what_waited_for_a_poll_is_sent_over_the_websocket_in_order() {
    let (_testbed, mut session) = open();
    let mut socket = session.probe();
    session.send_packet("4one\u{1e}4two\u{1e}bAw==");
    socket.send_packet("5");
    socket.send("four");
    assert_eq!(socket.receive_text(), "one");
    assert_eq!(socket.receive_text(), "two");
    assert_eq!(socket.receive().binary(), [3]);
    assert_eq!(socket.receive_text(), "four");
}

#[test]
fn polling_goes_on_until_the_upgrade_packet() {
    let (_testbed, mut session) = open();
    let mut socket = session.probe();
    session.send("still polling");
    let text = loop {
        match session.listen(Instant::now() + PATIENCE) {
            // With a probe under way every poll is ended quickly with a noop, so a message may take a second poll.
            Heard::Packet(Message::Text(text)) if text == "6" => {}
            Heard::Packet(Message::Text(text)) if text == "2" => session.send_packet("3"),
            Heard::Packet(message) => break message.text(),
            other => panic!("expected the message, got {other:?}"),
        }
    };
    assert_eq!(text, "4still polling");
    socket.send_packet("5");
    socket.send("now here");
    assert_eq!(socket.receive_text(), "now here");
}

#[test]
fn after_an_upgrade_polling_is_refused_and_the_websocket_lives() {
    let testbed = Testbed::shared("load");
    let session = testbed.open_polling(ENGINE_IO);
    let target = session.target().to_owned();
    let mut socket = session.upgrade();
    socket.send("in place");
    assert_eq!(socket.receive_text(), "in place");
    for response in [testbed.http().get(&target), testbed.http().post(&target, "4x")] {
        assert_eq!((response.status, response.error_code()), (400, Some(3)));
    }
    socket.send("unharmed");
    assert_eq!(socket.receive_text(), "unharmed");
}

#[test]
fn a_second_websocket_for_an_upgraded_session_is_refused_and_the_first_lives() {
    let testbed = Testbed::shared("load");
    let session = testbed.open_polling(ENGINE_IO);
    let target = session.websocket_target();
    let mut socket = session.upgrade();
    socket.send("first");
    assert_eq!(socket.receive_text(), "first");
    expect_second_refused(&testbed, &target);
    socket.send("unharmed");
    assert_eq!(socket.receive_text(), "unharmed");
}

#[test]
fn a_second_websocket_for_an_upgrading_session_is_refused_and_the_first_lives() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    let mut socket = session.probe();
    expect_second_refused(&testbed, &session.websocket_target());
    socket.send_packet("5");
    socket.send("unharmed");
    assert_eq!(socket.receive_text(), "unharmed");
}

#[test]
fn a_websocket_for_a_session_that_began_as_websocket_is_refused() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    let target = format!("{ENGINE_IO}?EIO=4&transport=websocket&sid={}", session.open().sid);
    expect_second_refused(&testbed, &target);
    session.send("unharmed");
    assert_eq!(session.receive_text(), "unharmed");
}

#[test]
fn a_cut_websocket_before_the_upgrade_packet_leaves_polling_alone() {
    let (testbed, mut session) = open();
    drop(session.probe());
    session.send("alive");
    assert_eq!(session.receive_text(), "alive");
    // And another attempt may succeed. Until the server has seen the cut, it may refuse.
    let mut socket = natter_tests::eventually("a second attempt succeeds", || {
        let target = session.websocket_target();
        let mut socket =
            WebSocket::try_open(testbed.address(), &target).map_err(|answer| format!("{answer:?}"))?;
        socket.send(&natter_tests::Frame::text("2probe"));
        match socket.incoming(Instant::now() + Duration::from_millis(200)) {
            natter_tests::Incoming::Frame(frame) if frame.payload == b"3probe" => Ok(socket),
            other => Err(format!("{other:?}")),
        }
    });
    socket.send(&natter_tests::Frame::text("5"));
    socket.send(&natter_tests::Frame::text("4again"));
    loop {
        match socket.receive().payload {
            payload if payload == b"4again" => break,
            payload => assert_eq!(payload, b"2", "only a ping may come before the message"),
        }
    }
}

fn expect_second_refused(testbed: &Testbed, target: &str) {
    match WebSocket::try_open(testbed.address(), target) {
        Err(Answer::Response(response)) => assert_eq!(response.status, 400),
        Err(other) => panic!("expected a refusal, got {other:?}"),
        Ok(mut socket) => {
            // Accepted and closed at once, which the protocol allows too. A probe must not be answered.
            let _ = socket.try_send_bytes(&natter_tests::Frame::text("2probe").masked());
            match socket.incoming(Instant::now() + PATIENCE) {
                natter_tests::Incoming::End => {}
                natter_tests::Incoming::Frame(frame) if frame.opcode == 8 => {
                    socket.expect_end_after_close(&frame);
                }
                other => panic!("expected the end, got {other:?}"),
            }
        }
    }
}
