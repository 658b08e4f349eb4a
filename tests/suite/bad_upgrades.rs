//! WebSocket handshakes and upgrades that go wrong.
//!
//! In the profile `load`, whose slow heartbeat leaves a polling session alone while a test watches its WebSocket.

use std::time::Duration;

use natter_tests::{
    Answer, ENGINE_IO, Frame, Incoming, PATIENCE, Polling, SOCKET_IO, Session, Testbed, Trial, WebSocket,
    eventually,
};

/// The headers of a good handshake with one changed, or left out.
fn headers_with(name: &str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let change = |(known, good): (&'static str, &'static str)| match value {
        Some(value) if known == name => Some((known, value)),
        None if known == name => None,
        _ => Some((known, good)),
    };
    WebSocket::headers().into_iter().filter_map(change).collect()
}

fn expect_status(testbed: &Testbed, target: &str, headers: &[(&str, &str)], statuses: &[u16]) {
    match WebSocket::handshake(testbed.address(), target, headers).0 {
        Answer::Response(response) => assert!(statuses.contains(&response.status), "{response:?}"),
        other => panic!("expected one of {statuses:?}, got {other:?}"),
    }
}

#[test]
fn handshakes_that_are_no_websocket_handshakes_are_refused() {
    let mut trial = Trial::of("load");
    let cases = [
        ("H-20 no key", "sec-websocket-key", None, &[400][..]),
        ("H-20 a short key", "sec-websocket-key", Some("c2hvcnQ="), &[400]),
        ("H-20 a key that is no base64", "sec-websocket-key", Some("!!!!!!!!!!!!!!!!!!!!!!=="), &[400]),
        ("H-20 version 8", "sec-websocket-version", Some("8"), &[426]),
        ("H-20 no version", "sec-websocket-version", None, &[400, 426]),
        ("H-20 a connection to keep", "connection", Some("keep-alive"), &[400]),
        ("H-20 no Connection", "connection", None, &[400]),
        ("H-20 an upgrade to something else", "upgrade", Some("h2c"), &[400]),
        ("H-20 no Upgrade", "upgrade", None, &[400]),
    ];
    for (name, header, value, statuses) in cases {
        trial.case(name, |testbed| {
            let target = format!("{ENGINE_IO}?EIO=4&transport=websocket");
            expect_status(testbed, &target, &headers_with(header, value), statuses);
        });
        trial.case(&format!("{name}, for a session that exists"), |testbed| {
            let mut session = testbed.open_polling(ENGINE_IO);
            expect_status(testbed, &session.websocket_target(), &headers_with(header, value), statuses);
            session.send("unharmed");
            assert_eq!(session.receive_text(), "unharmed");
        });
    }
    trial.conclude();
}

#[test]
fn handshakes_with_a_wrong_query_are_refused() {
    let mut trial = Trial::of("load");
    let queries = [
        ("no revision", "transport=websocket"),
        ("revision 3", "EIO=3&transport=websocket"),
        ("no transport", "EIO=4"),
        ("an unknown transport", "EIO=4&transport=carrier-pigeon"),
        ("a transport that cannot be upgraded to", "EIO=4&transport=polling"),
        ("H-06 an unknown session", "EIO=4&transport=websocket&sid=unknown"),
        ("H-06 an empty session", "EIO=4&transport=websocket&sid="),
        ("H-06 a session named like a property", "EIO=4&transport=websocket&sid=__proto__"),
    ];
    for (name, query) in queries {
        for path in [ENGINE_IO, SOCKET_IO] {
            trial.case(&format!("{name} at {path}"), |testbed| {
                expect_status(testbed, &format!("{path}?{query}"), &WebSocket::headers(), &[400]);
            });
        }
    }
    for (name, change) in [("revision 3", "EIO=3"), ("no revision", "x=4")] {
        trial.case(&format!("an upgrade with {name} of a session of revision 4"), |testbed| {
            let mut session = testbed.open_polling(ENGINE_IO);
            let target = session.websocket_target().replace("EIO=4", change);
            expect_status(testbed, &target, &WebSocket::headers(), &[400]);
            session.send("unharmed");
            assert_eq!(session.receive_text(), "unharmed");
        });
    }
    trial.conclude();
}

#[test]
fn upgrades_with_the_wrong_packet_are_closed_and_polling_lives() {
    let mut trial = Trial::of("load");
    let polling_lives = |session: &mut Polling| {
        session.send("unharmed");
        assert_eq!(session.receive_text(), "unharmed");
    };
    for packet in ["5", "4hello", "2", "2prob", "2probes", "3probe", "1", "6", "0", "x", ""] {
        trial.case(&format!("H-24 `{packet}` instead of the probe"), |testbed| {
            let mut session = testbed.open_polling(ENGINE_IO);
            let mut socket = session.begin_upgrade();
            socket.send_packet(packet);
            socket.expect_closed();
            polling_lives(&mut session);
        });
    }
    trial.case("H-24 binary instead of the probe", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        let mut socket = session.begin_upgrade();
        socket.send_binary(b"2probe");
        socket.expect_closed();
        polling_lives(&mut session);
    });
    for packet in ["4hello", "3", "x", ""] {
        trial.case(&format!("H-24 `{packet}` after the probe instead of the upgrade"), |testbed| {
            let mut session = testbed.open_polling(ENGINE_IO);
            let mut socket = session.probe();
            socket.send_packet(packet);
            socket.expect_closed();
            polling_lives(&mut session);
        });
    }
    trial.conclude();
}

#[test]
fn a_second_websocket_does_not_disturb_the_first() {
    let mut trial = Trial::of("load");
    let refused = |testbed: &Testbed, target: &str| match WebSocket::try_open(testbed.address(), target) {
        Err(Answer::Response(response)) => assert_eq!(response.status, 400),
        Err(other) => panic!("expected a refusal, got {other:?}"),
        // Taken and closed at once is a refusal too.
        Ok(mut socket) => match socket.incoming(std::time::Instant::now() + PATIENCE) {
            Incoming::End => {}
            Incoming::Frame(frame) if frame.opcode == 8 => {}
            other => panic!("expected the end, got {other:?}"),
        },
    };
    trial.case("H-22 while the session upgrades", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        let mut first = session.probe();
        for _ in 0..10 {
            refused(testbed, &session.websocket_target());
        }
        first.send_packet("5");
        first.send("first");
        assert_eq!(first.receive_text(), "first");
    });
    trial.case("H-22 after the session upgraded", |testbed| {
        let session = testbed.open_polling(ENGINE_IO);
        let target = session.websocket_target();
        let mut first = session.upgrade();
        for _ in 0..10 {
            refused(testbed, &target);
        }
        first.send("first");
        assert_eq!(first.receive_text(), "first");
    });
    trial.conclude();
}

#[test]
fn connections_that_are_reset_at_any_step_are_forgotten() {
    let mut trial = Trial::of("load");
    // Closing a socket that holds unread bytes resets the connection. So each step waits for the server's answer and drops it.
    let reset = |socket: &mut WebSocket| {
        eventually("the answer has arrived", || {
            socket.wire().has_arrivals().then_some(()).ok_or_else(|| "nothing".to_owned())
        });
    };
    trial.case("after a WebSocket handshake", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send(&Frame::new(9, "unread"));
        reset(session.socket());
        let target = session.mismatched_target();
        drop(session);
        testbed.forgets_target(&target);
    });
    trial.case("after a probe", |testbed| {
        let mut polling = testbed.open_polling(ENGINE_IO);
        let mut socket = polling.begin_upgrade();
        socket.send_packet("2probe");
        reset(socket.socket());
        drop(socket);
        polling.send("unharmed");
        assert_eq!(polling.receive_text(), "unharmed");
    });
    trial.case("after an upgrade", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO).upgrade();
        session.socket().send(&Frame::text("4unread"));
        reset(session.socket());
        let target = session.mismatched_target();
        drop(session);
        testbed.forgets_target(&target);
    });
    trial.case("after half a request", |testbed| {
        let mut http = testbed.http();
        http.send(format!("GET {ENGINE_IO}?EIO=4&transport=webso").as_bytes());
        assert!(matches!(http.answer(Duration::from_millis(50)), Answer::Silence));
    });
    trial.conclude();
}
