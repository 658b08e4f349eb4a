//! Engine.IO packets and payloads that make no sense.

use std::time::{Duration, Instant};

use natter_tests::{ENGINE_IO, Frame, Heard, PATIENCE, SOCKET_IO, Session, Testbed, Trial, WebSocketSession};

/// The POST is refused, or taken and the session closed: either way the session is gone.
fn ends_by_post(testbed: &Testbed, body: &[u8]) {
    let session = &mut testbed.open_polling(ENGINE_IO);
    let response = session.post(body);
    assert!([200, 400].contains(&response.status), "{response:?}");
    session.expect_closed();
    testbed.forgets(session);
}

fn ends_by_websocket(testbed: &Testbed, packet: &str) {
    let mut session = testbed.open_websocket(ENGINE_IO);
    session.send_packet(packet);
    session.expect_closed();
    testbed.forgets(&session);
}

#[test]
fn packets_of_unknown_types_end_the_session() {
    let mut trial = Trial::of("load");
    for packet in ["abc", "7", "9", ":", "é", "😀", "\u{0}", " 4x", "-1", "", "\u{feff}4x"] {
        trial.case(&format!("E-01 POST of {packet:?}"), |testbed| ends_by_post(testbed, packet.as_bytes()));
        trial.case(&format!("E-01 WebSocket text {packet:?}"), |testbed| ends_by_websocket(testbed, packet));
    }
    for packet in ["2", "2probe"] {
        trial.case(&format!("E-04 the client pings with {packet}"), |testbed| {
            ends_by_websocket(testbed, packet);
            ends_by_post(testbed, packet.as_bytes());
        });
    }
    trial.conclude();
}

#[test]
fn payloads_that_cannot_be_split_into_packets_end_the_session() {
    let mut trial = Trial::of("load");
    let cases: [(&str, &[u8]); 10] = [
        ("E-02 an empty body", b""),
        ("E-03 only a separator", b"\x1e"),
        ("E-03 a separator in front", b"\x1e4x"),
        ("E-03 a separator behind", b"4x\x1e"),
        ("E-03 two separators", b"4x\x1e\x1e4y"),
        ("E-05 no UTF-8", b"4\xff\xfe"),
        ("E-05 half a character", b"4\xe2\x82"),
        ("E-10 binary that is no base64", b"b!!!!"),
        ("E-10 base64 behind its end", b"bAQ==AQ=="),
        ("E-10 base64 of an impossible length", b"bAQIDBA=A"),
    ];
    for (name, body) in cases {
        trial.case(name, |testbed| ends_by_post(testbed, body));
    }
    trial.case("E-10 base64 without its padding is taken or refused", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        if session.post("bAQIDBA").status == 200 {
            assert_eq!(session.receive().binary(), [1, 2, 3, 4]);
        } else {
            testbed.forgets(&session);
        }
    });
    trial.case("E-10 1.4 MB of base64", |testbed| {
        let session = &mut testbed.open_polling(ENGINE_IO);
        assert_eq!(session.post(format!("b{}", "AAAA".repeat(350_000))).status, 413);
        testbed.forgets(session);
    });
    trial.conclude();
}

#[test]
fn a_payload_of_too_many_packets_ends_the_session_and_costs_little() {
    let mut trial = Trial::of("load");
    trial.case("E-12 1,000 packets pass", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        session.send_packet(&vec!["4"; 1_000].join("\u{1e}"));
        for _ in 0..1_000 {
            assert_eq!(session.receive_text(), "");
        }
    });
    trial.case("E-12 1,001 packets do not", |testbed| {
        ends_by_post(testbed, vec!["4"; 1_001].join("\u{1e}").as_bytes());
    });
    trial.case("E-12 500,000 packets cost next to nothing", |testbed| {
        let body = vec!["4"; 500_000].join("\u{1e}");
        let before = testbed.process().processor_time();
        ends_by_post(testbed, body.as_bytes());
        let used = testbed.process().processor_time() - before;
        // Separators are counted up to the one too many, and nothing is read.
        assert!(used < Duration::from_millis(50), "{used:?}");
    });
    trial.conclude();
}

fn closed_without_answering(session: &mut WebSocketSession) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match session.listen(deadline) {
            Heard::Packet(_) => {}
            Heard::Closed(_) => break,
            Heard::Silence => panic!("still open after {PATIENCE:?}"),
        }
    }
}

#[test]
fn packets_that_mean_nothing_here_are_ignored() {
    let mut trial = Trial::of("load");
    trial.case("E-06 10,000 pongs that nobody asked for", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&Frame::text("3").masked().repeat(10_000));
        session.send("alive");
        assert_eq!(session.receive_text(), "alive");
    });
    trial.case("E-06 they do not stand for the pong that is asked for later", |_| {
        let testbed = Testbed::start("protocol");
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.enter("/");
        session.socket().send_bytes(&Frame::text("3").masked().repeat(10_000));
        closed_without_answering(&mut session);
        assert_eq!(testbed.stats().closed("ping timeout"), 1);
    });
    trial.case("E-06 they do not give more time to join a namespace", |_| {
        let testbed = Testbed::start("protocol");
        let mut session = testbed.open_websocket(SOCKET_IO);
        let begun = Instant::now();
        let pongs = Frame::text("3").masked().repeat(100);
        while session.socket().try_send_bytes(&pongs).is_ok() {
            assert!(begun.elapsed() < PATIENCE, "it may send for ever");
            if let Heard::Closed(_) = session.listen(Instant::now() + Duration::from_millis(10)) {
                break;
            }
        }
        assert_eq!(testbed.stats().closed("forced server close"), 1);
    });
    trial.case("E-06 pongs that nobody asked for in a payload", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        session.send_packet(&vec!["3"; 500].join("\u{1e}"));
        session.send("alive");
        assert_eq!(session.receive_text(), "alive");
    });
    trial.case("E-11 a packet of revision 3, which reads as a noop here", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        session.send_packet("6:4hello");
        session.send("alive");
        assert_eq!(session.receive_text(), "alive");
    });
    trial.case("E-07 a noop from the client harms nobody else", |testbed| {
        testbed.open_websocket(ENGINE_IO).send_packet("6");
        testbed.open_websocket(ENGINE_IO).send_packet("0{}");
        testbed.open_websocket(ENGINE_IO).send_packet("5");
    });
    trial.conclude();
}

#[test]
fn a_close_packet_ends_whatever_else_is_under_way() {
    let mut trial = Trial::of("load");
    trial.case("E-08 over WebSocket", |testbed| ends_by_websocket(testbed, "1"));
    trial.case("E-08 over polling, with a poll under way", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        session.begin_poll();
        assert_eq!(session.post("1").text(), "ok");
        assert_eq!(session.poll_response().text(), "6");
        testbed.forgets(&session);
    });
    trial.case("E-08 over polling, with an upgrade under way", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        let mut socket = session.probe();
        assert_eq!(session.post("1").text(), "ok");
        socket.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("E-18 packets behind it in the same write", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        let bytes = [Frame::text("1").masked(), Frame::text("4after").masked().repeat(100)].concat();
        session.socket().send_bytes(&bytes);
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("E-18 packets behind it in the same payload", |testbed| {
        let session = &mut testbed.open_polling(ENGINE_IO);
        session.post("1\u{1e}4after");
        testbed.forgets(session);
    });
    trial.conclude();
}
