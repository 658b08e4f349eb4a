//! Arguments that are too deep, too many or too long. What is merely odd comes back unchanged: see `socket_events`.

use natter_tests::{SOCKET_IO, Session, Testbed, Trial, WebSocketSession};

fn entered(testbed: &Testbed) -> WebSocketSession {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    session
}

fn comes_back(testbed: &Testbed, arguments: &str) {
    let mut session = entered(testbed);
    session.send(&format!(r#"2["message",{arguments}]"#));
    let expected = format!(r#"2["message-back",{arguments}]"#);
    assert!(session.receive_text() == expected, "the arguments came back changed");
}

fn ends_the_connection(testbed: &Testbed, packet: &str) {
    let mut session = entered(testbed);
    session.send(packet);
    session.expect_closed();
    testbed.forgets(&session);
}

fn lists(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn objects(depth: usize) -> String {
    r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth)
}

#[test]
fn nesting_ends_at_64() {
    let mut trial = Trial::of("clients");
    trial.case("V-01 64 levels of lists pass", |testbed| comes_back(testbed, &lists(64)));
    trial.case("V-01 64 levels of objects pass", |testbed| comes_back(testbed, &objects(64)));
    for depth in [65, 1_000, 100_000] {
        trial.case(&format!("V-01 {depth} levels of lists in an argument"), |testbed| {
            ends_the_connection(testbed, &format!(r#"2["message",{}]"#, lists(depth)));
        });
        trial.case(&format!("V-01 {depth} levels of objects in an argument"), |testbed| {
            ends_the_connection(testbed, &format!(r#"2["message",{}]"#, objects(depth)));
        });
    }
    trial.case("V-01 900,000 brackets that never close", |testbed| {
        ends_the_connection(testbed, &format!(r#"2["message",{}"#, "[".repeat(900_000)));
    });
    trial.case("V-01 100,000 levels in an acknowledgement", |testbed| {
        ends_the_connection(testbed, &format!("30[{}]", lists(100_000)));
    });
    trial.conclude();
}

#[test]
fn odd_values_are_relayed() {
    let mut trial = Trial::of("clients");
    trial.case("V-02 a lone surrogate", |testbed| comes_back(testbed, r#""\ud800","\udc00\ud800""#));
    trial.case("V-03 numbers beyond a float", |testbed| {
        comes_back(testbed, "1e400,-1e-400,123456789012345678901234567890")
    });
    trial.case("V-04 a key twice", |testbed| comes_back(testbed, r#"{"a":1,"a":2}"#));
    trial.case("V-04 keys like properties", |testbed| {
        comes_back(testbed, r#"{"__proto__":{"a":1},"constructor":2,"toJSON":3}"#);
    });
    trial.conclude();
}

#[test]
fn arguments_end_at_128_and_names_at_255_bytes() {
    let mut trial = Trial::of("clients");
    trial.case("V-06 128 arguments pass", |testbed| comes_back(testbed, &vec!["1"; 128].join(",")));
    for count in [129, 100_000] {
        trial.case(&format!("V-06 {count} arguments"), |testbed| {
            ends_the_connection(testbed, &format!(r#"2["message",{}]"#, vec!["1"; count].join(",")));
        });
    }
    trial.case("V-06 an event name of 255 bytes passes", |testbed| {
        let mut session = entered(testbed);
        session.send(&format!(r#"2["{}"]"#, "x".repeat(255)));
        session.send(r#"2["message"]"#);
        assert_eq!(session.receive_text(), r#"2["message-back"]"#);
    });
    for length in [256, 900_000] {
        trial.case(&format!("V-06 an event name of {length} bytes"), |testbed| {
            ends_the_connection(testbed, &format!(r#"2["{}"]"#, "x".repeat(length)));
        });
    }
    trial.conclude();
}

#[test]
fn rooms_without_end_and_of_any_name_harm_nobody() {
    let mut trial = Trial::of("load");
    let lives_on = |session: &mut WebSocketSession| {
        session.send(r#"29["echo",1]"#);
        loop {
            if session.receive_text() == "39[1]" {
                break;
            }
        }
    };
    trial.case("V-08 a room's name of 300 bytes is not joined", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.connect_namespace("/");
        let room = "r".repeat(300);
        session.send(&format!(r#"21["join","{room}"]"#));
        session.send(&format!(r#"2["room","{room}",1]"#));
        session.send(r#"29["echo",1]"#);
        loop {
            let text = session.receive_text();
            assert_ne!(text, r#"2["r",1]"#, "the room was joined");
            if text == "39[1]" {
                break;
            }
        }
    });
    trial.case("V-08 a room's name of 900,000 bytes", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.connect_namespace("/");
        session.send(&format!(r#"21["join","{}"]"#, "r".repeat(900_000)));
        lives_on(&mut session);
    });
    trial.case("V-09 1,000 rooms", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.connect_namespace("/");
        for n in 0..1_000 {
            session.send(&format!(r#"2{n}["join","room-{n}"]"#));
        }
        lives_on(&mut session);
        let mut other = testbed.open_websocket(SOCKET_IO);
        other.connect_namespace("/");
        for n in 0..1_000 {
            other.send(&format!(r#"2["room","room-{n}",{n}]"#));
        }
        lives_on(&mut other);
        session.send(r#"29["echo",1]"#);
        let mut rooms = 0;
        loop {
            match session.receive_text() {
                text if text == "39[1]" => break,
                text if text.starts_with(r#"2["r","#) => rooms += 1,
                _ => {}
            }
        }
        assert!(rooms <= 128, "the socket is in {rooms} rooms");
    });
    trial.conclude();
}

#[test]
fn auth_payloads_are_bounded() {
    let mut trial = Trial::of("clients");
    trial.case("V-10 an auth payload over the limit", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.send(&format!(r#"0{{"token":"{}"}}"#, "x".repeat(1_000_000)));
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("an auth payload of 16 KiB, and one byte more", |testbed| {
        let auth = |size: usize| format!(r#"{{"token":"{}"}}"#, "x".repeat(size - 12));
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.send(&format!("0{}", auth(16 * 1024)));
        assert!(session.receive_text().starts_with("0{"));
        assert!(session.receive_text().starts_with(r#"2["auth","#));
        session.send(&format!("0/custom,{}", auth(16 * 1024 + 1)));
        assert_eq!(session.receive_text(), r#"4/custom,{"message":"Auth payload too large"}"#);
    });
    trial.case("V-10 a nested auth payload", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.send(&format!("0{}", objects(100_000)));
        // Refused, or the connection closed as for any packet that is too deep.
        match session.listen(std::time::Instant::now() + natter_tests::PATIENCE) {
            natter_tests::Heard::Packet(natter_tests::Message::Text(text)) => {
                assert!(text.starts_with("44"), "{text:.60}")
            }
            natter_tests::Heard::Closed(_) => {}
            other => panic!("expected a refusal, got {other:.200?}"),
        }
    });
    trial.conclude();
}
