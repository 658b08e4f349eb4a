//! Messages over WebSocket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use natter_tests::{ENGINE_IO, Frame, Heard, Incoming, Session, Testbed, WebSocketSession};

fn open() -> (Arc<Testbed>, WebSocketSession) {
    let testbed = Testbed::shared("load");
    let session = testbed.open_websocket(ENGINE_IO);
    (testbed, session)
}

#[test]
fn text_and_binary_come_back() {
    let (_testbed, mut session) = open();
    for text in ["hello", "", "€ 😀 \u{1e}\u{2028}\u{0}", "3"] {
        session.send(text);
        assert_eq!(session.receive_text(), text);
    }
    for bytes in [&[1, 2, 3, 4][..], &[], &[0; 126], &[9; 70_000]] {
        session.send_binary(bytes);
        assert_eq!(session.receive().binary(), bytes);
    }
}

#[test]
fn many_frames_in_one_segment_keep_their_order() {
    let (_testbed, mut session) = open();
    let bytes: Vec<u8> = (0..500).flat_map(|n| Frame::text(&format!("4{n}")).masked()).collect();
    session.socket().send_bytes(&bytes);
    for n in 0..500 {
        assert_eq!(session.receive_text(), n.to_string());
    }
}

#[test]
fn a_frame_that_arrives_byte_by_byte_is_a_frame() {
    let (_testbed, mut session) = open();
    for byte in Frame::text("4slowly").masked() {
        session.socket().send_bytes(&[byte]);
    }
    assert_eq!(session.receive_text(), "slowly");
}

#[test]
fn frames_behind_the_handshake_in_one_segment_are_not_lost() {
    let testbed = Testbed::shared("load");
    let mut request = format!("GET {ENGINE_IO}?EIO=4&transport=websocket HTTP/1.1\r\nhost: a\r\n");
    for (name, value) in natter_tests::WebSocket::headers() {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend(Frame::text("4eager").masked());
    let mut http = testbed.http();
    http.send(&bytes);
    assert_eq!(http.response().status, 101);
    let mut wire = http.into_wire();
    let deadline = Instant::now() + natter_tests::PATIENCE;
    while !wire.unread().windows(6).any(|six| six == b"4eager") {
        assert_eq!(wire.fill(deadline), natter_tests::Fill::More, "the message did not come back");
    }
}

#[test]
fn a_message_may_come_in_fragments_with_control_frames_between() {
    let (_testbed, mut session) = open();
    session.socket().send(&Frame::text("4fra").unfinished());
    session.socket().send(&Frame::new(9, "between"));
    session.socket().send(&Frame::new(0, "gmen").unfinished());
    session.socket().send(&Frame::new(0, "ts"));
    // The pong may not wait for the end of the message, so it comes first.
    let pong = loop {
        match session.socket().receive() {
            frame if frame.opcode == 10 => break frame,
            ping => assert_eq!(ping, Frame::text("2")),
        }
    };
    assert_eq!(pong, Frame::new(10, "between"));
    session.send_packet("3");
    assert_eq!(session.receive_text(), "fragments");
}

#[test]
fn a_message_in_128_fragments_passes() {
    let (_testbed, mut session) = open();
    let mut bytes = Frame::binary([0]).unfinished().masked();
    for n in 1..127 {
        bytes.extend(Frame::new(0, [n]).unfinished().masked());
    }
    bytes.extend(Frame::new(0, [127]).masked());
    session.socket().send_bytes(&bytes);
    assert_eq!(session.receive().binary(), (0..128).collect::<Vec<u8>>());
}

#[test]
fn a_websocket_ping_gets_its_pong() {
    let (_testbed, mut session) = open();
    for payload in ["", "hello", &"x".repeat(125)] {
        session.socket().send(&Frame::new(9, payload));
        loop {
            match session.socket().receive() {
                frame if frame.opcode == 10 => {
                    assert_eq!(frame.payload, payload.as_bytes());
                    break;
                }
                ping => assert_eq!(ping, Frame::text("2")),
            }
        }
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let (_testbed, mut session) = open();
    let text = "x".repeat(999_999);
    session.send(&text);
    assert!(session.receive_text() == text, "the text came back changed");
    let bytes = vec![42; 1_000_000];
    session.send_binary(&bytes);
    assert!(session.receive().binary() == bytes, "the bytes came back changed");
}

#[test]
fn the_close_handshake_is_answered_with_the_same_code_and_ends_the_connection() {
    for code in [1000, 1001, 3000, 4999] {
        let testbed = Testbed::shared("load");
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send(&Frame::close(code, "bye"));
        let ending = session.expect_closed();
        assert!(
            [Some(code), Some(1000)].contains(&ending.code),
            "closed with {code}, answered with {ending:?}"
        );
        testbed.forgets(&session);
    }
}

#[test]
fn a_close_frame_without_a_code_is_legal() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    session.socket().send(&Frame::new(8, ""));
    let ending = session.expect_closed();
    assert!([None, Some(1000)].contains(&ending.code), "{ending:?}");
    testbed.forgets(&session);
}

#[test]
fn a_client_that_answers_no_close_frame_is_cut_all_the_same() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    session.send_packet("1");
    let mut close = None;
    loop {
        match session.socket().incoming(Instant::now() + natter_tests::PATIENCE) {
            Incoming::Frame(frame) if frame.opcode == 8 => close = Some(frame),
            Incoming::Frame(frame) => assert!(close.is_none(), "{frame:?} behind the close frame"),
            Incoming::End => break,
            Incoming::Silence => panic!("the server keeps its side open"),
        }
    }
    assert!(close.is_some(), "cut without a close frame");
}

#[test]
fn a_client_that_only_ends_its_side_is_gone() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    session.socket().wire().finish_writing();
    loop {
        match session.socket().incoming(Instant::now() + Duration::from_secs(5)) {
            Incoming::Frame(_) => {}
            Incoming::End => break,
            Incoming::Silence => panic!("the server keeps its side open"),
        }
    }
    testbed.forgets(&session);
}

#[test]
fn the_header_names_and_values_of_the_handshake_may_have_any_case() {
    let testbed = Testbed::shared("load");
    let target = format!("{ENGINE_IO}?EIO=4&transport=websocket");
    let headers = [
        ("CONNECTION", "keep-alive, UPGRADE"),
        ("Upgrade", "WebSocket"),
        ("Sec-WebSocket-Version", "13"),
        ("SEC-WEBSOCKET-KEY", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("Origin", "http://elsewhere.example"),
    ];
    let (answer, _) = natter_tests::WebSocket::handshake(testbed.address(), &target, &headers);
    let natter_tests::Answer::Response(response) = answer else { panic!("no response") };
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-extensions"), None, "compression is off");
}

#[test]
fn a_polling_request_into_a_websocket_session_is_refused_and_harms_nothing() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_websocket(ENGINE_IO);
    let target = format!("{ENGINE_IO}?EIO=4&transport=polling&sid={}", session.open().sid);
    let response = testbed.http().get(&target);
    assert_eq!((response.status, response.error_code()), (400, Some(3)));
    session.send("still here");
    assert_eq!(session.receive_text(), "still here");
    assert!(matches!(session.listen(Instant::now()), Heard::Silence | Heard::Packet(_)));
}
