//! Socket.IO packets that make no sense, or come at the wrong time.

use std::time::Instant;

use natter_tests::{Heard, Message, PATIENCE, SOCKET_IO, Session, Testbed, Trial, WebSocketSession};

fn entered(testbed: &Testbed) -> WebSocketSession {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    session
}

/// Runs a case for each packet: after it the whole connection is gone.
fn each_ends_the_connection(trial: &mut Trial, id: &str, packets: &[&str]) {
    for packet in packets {
        trial.case(&format!("{id} {packet:.60}"), |testbed| {
            let mut session = entered(testbed);
            session.send(packet);
            session.expect_closed();
            testbed.forgets(&session);
        });
    }
}

fn lives_on(session: &mut impl Session) {
    session.send(r#"2["message","alive"]"#);
    assert_eq!(session.receive_text(), r#"2["message-back","alive"]"#);
}

#[test]
fn packets_that_cannot_be_read_end_the_connection() {
    let mut trial = Trial::of("clients");
    each_ends_the_connection(&mut trial, "S-01", &["8", "abc", "", "-1", "é", "7[\"x\"]", "\u{0}"]);
    each_ends_the_connection(
        &mut trial,
        "S-06",
        &["0/custom,\"x\"", "0/custom,[]", "0/custom,{", "0/custom,null", "0/custom,1"],
    );
    each_ends_the_connection(&mut trial, "S-10", &["4{\"message\":\"x\"}", "4\"x\"", "4"]);
    each_ends_the_connection(&mut trial, "S-11", &["1[]", "1{}", "1x"]);
    each_ends_the_connection(
        &mut trial,
        "S-12",
        &[
            "2[true]",
            "2[null]",
            "2[{}]",
            "2[[]]",
            "2[{\"toString\":\"foo\"}]",
            "2[]",
            "2{}",
            "2\"x\"",
            "2",
            "2null",
        ],
    );
    each_ends_the_connection(
        &mut trial,
        "S-13 broken JSON",
        &[
            "2[\"x\"",
            "2[\"x\",]",
            "2[\"x\"]]",
            "2[\"x\"] x",
            "2[\"x\",NaN]",
            "2['x']",
            "2[\"x\",01]",
            "2[\"\\x\"]",
            "2[\"x\n\"]",
        ],
    );
    each_ends_the_connection(
        &mut trial,
        "S-15 a reserved name",
        &[
            "2[\"connect\"]",
            "2[\"connect_error\"]",
            "2[\"disconnect\"]",
            "2[\"disconnecting\"]",
            "2[\"newListener\"]",
            "2[\"removeListener\"]",
        ],
    );
    let digits = format!("2{}[\"message-with-ack\"]", "9".repeat(400));
    each_ends_the_connection(
        &mut trial,
        "S-16",
        &[
            "2-1[\"x\"]",
            "21.5[\"x\"]",
            "21e3[\"x\"]",
            "29007199254740993[\"x\"]",
            "2 1[\"x\"]",
            "218446744073709551617[\"x\"]",
            &digits,
        ],
    );
    each_ends_the_connection(&mut trial, "S-19", &["3", "31", "31{}", "31\"x\"", "3x[]", "31["]);
    trial.conclude();
}

#[test]
fn binary_packets_with_impossible_attachments_end_the_connection() {
    let mut trial = Trial::of("clients");
    each_ends_the_connection(
        &mut trial,
        "S-20",
        &[
            "5[\"x\"]",
            "5-[\"x\"]",
            "5a-[\"x\"]",
            "51.5-[\"x\"]",
            "5-1-[\"x\"]",
            "518446744073709551616-[\"x\"]",
            "51[\"x\"]",
            "51",
            "51-",
            "50-[\"x\"]",
            "60-1[]",
            "5999999-[\"x\"]",
        ],
    );
    let eleven: Vec<String> = (0..11).map(|n| format!(r#"{{"_placeholder":true,"num":{n}}}"#)).collect();
    each_ends_the_connection(
        &mut trial,
        "S-22 11 attachments",
        &[&format!("511-[\"message\",{}]", eleven.join(","))],
    );

    for num in ["1", "-1", "\"splice\"", "0.5", "null", "\"0\"", "1e9", "18446744073709551616"] {
        trial.case(&format!("S-23 a placeholder for attachment {num}"), |testbed| {
            let mut session = entered(testbed);
            session.send(&format!(r#"51-["message",{{"_placeholder":true,"num":{num}}}]"#));
            session.send_binary(b"x");
            session.expect_closed();
            testbed.forgets(&session);
        });
    }
    trial.case("S-25 binary that no packet announced", |testbed| {
        let mut session = entered(testbed);
        session.send_binary(b"x");
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("S-25 binary before CONNECT", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.send_binary(b"x");
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("E-10 `b` alone, which no packet announced, over polling", |testbed| {
        let session = &mut testbed.open_polling(SOCKET_IO);
        session.enter("/");
        session.post("b");
        session.expect_closed();
        testbed.forgets(session);
    });
    trial.case("S-27 text instead of the attachment", |testbed| {
        let mut session = entered(testbed);
        session.send(r#"51-["message",{"_placeholder":true,"num":0}]"#);
        session.send(r#"2["message"]"#);
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("S-28 two namespaces interleave binary packets", |testbed| {
        let mut session = entered(testbed);
        session.enter("/custom");
        session.send(r#"51-["message",{"_placeholder":true,"num":0}]"#);
        session.send(r#"51-/custom,["message",{"_placeholder":true,"num":0}]"#);
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("S-29 attachments whose sum is over the limit", |testbed| {
        let mut session = entered(testbed);
        session.send(r#"52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        session.send_binary(&vec![0; 600_000]);
        session.send_binary(&vec![0; 600_000]);
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.conclude();
}

#[test]
fn packets_at_the_wrong_time_end_the_connection() {
    let mut trial = Trial::of("clients");
    for packet in [r#"2["x"]"#, "1", "31[]", r#"51-["x",{"_placeholder":true,"num":0}]"#] {
        trial.case(&format!("S-02 {packet} before CONNECT"), |testbed| {
            let mut session = testbed.open_websocket(SOCKET_IO);
            session.send(packet);
            if packet.starts_with('5') {
                session.send_binary(b"x");
            }
            session.expect_closed();
            testbed.forgets(&session);
        });
    }
    each_ends_the_connection(
        &mut trial,
        "S-03",
        &[r#"2/custom,["x"]"#, "1/custom,", "3/custom,1[]", r#"2/other,["x"]"#],
    );
    each_ends_the_connection(&mut trial, "S-04 CONNECT again", &["0", "0{}"]);
    trial.case("S-04 CONNECT again at once", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.send("0");
        session.send("0");
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.case("S-04 CONNECT again over polling", |testbed| {
        let session = &mut testbed.open_polling(SOCKET_IO);
        session.post("40\u{1e}40");
        session.expect_closed();
        testbed.forgets(session);
    });
    trial.conclude();
}

#[test]
fn namespaces_without_end_are_refused() {
    let mut trial = Trial::of("clients");
    trial.case("S-08 10,000 CONNECTs to dynamic namespaces", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        let (mut joined, mut refused) = (0, 0);
        for batch in 0..100 {
            for n in 0..100 {
                session.send(&format!("0/dynamic-{},", batch * 100 + n));
            }
            let mut answers = 0;
            while answers < 100 {
                let answer = session.receive_text();
                match &answer[..1] {
                    "0" => joined += 1,
                    "4" => refused += 1,
                    // The greeting of a namespace.
                    _ => continue,
                }
                answers += 1;
            }
        }
        assert_eq!((joined, refused), (16, 9_984));
    });
    trial.case("S-09 a namespace's name of 300 bytes", |testbed| {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.connect_namespace("/");
        session.receive_text();
        let name = format!("/dynamic-{}", "1".repeat(300));
        session.send(&format!("0{name},"));
        // Refused, or the connection closed as for any name that is too long.
        match session.listen(Instant::now() + PATIENCE) {
            Heard::Packet(Message::Text(answer)) => assert!(answer.starts_with("44/dynamic-"), "{answer}"),
            Heard::Closed(_) => {}
            other => panic!("expected a refusal, got {other:?}"),
        }
    });
    trial.conclude();
}

#[test]
fn what_is_unusual_but_legal_passes() {
    let mut trial = Trial::of("clients");
    for packet in [r#"2[1,"x"]"#, r#"2[-1.5]"#, r#"3["x"]"#, r#"3999["x"]"#, r#"20["nobody"]"#] {
        trial.case(&format!("S-14, S-18 {packet} is ignored"), |testbed| {
            let mut session = entered(testbed);
            session.send(packet);
            lives_on(&mut session);
        });
    }
    trial.case("S-24 an attachment without a placeholder", |testbed| {
        let mut session = entered(testbed);
        session.send(r#"51-["message","x"]"#);
        session.send_binary(b"unused");
        let text = session.receive_text();
        if text == r#"51-["message-back","x"]"# {
            session.receive().binary();
        } else {
            assert_eq!(text, r#"2["message-back","x"]"#);
        }
        lives_on(&mut session);
    });
    trial.case("S-24 two placeholders for one attachment", |testbed| {
        let mut session = entered(testbed);
        session.send(r#"51-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#);
        session.send_binary(b"shared");
        // The server may send it once or twice.
        let text = session.receive_text();
        let count: usize = text[1..2].parse().expect("a number of attachments");
        assert!((1..=2).contains(&count), "{text}");
        for _ in 0..count {
            assert_eq!(session.receive().binary(), b"shared");
        }
        lives_on(&mut session);
    });
    trial.case("S-30 something like an offset", |testbed| {
        let mut session = entered(testbed);
        session.send(r#"2["message","1700000000000-0"]"#);
        assert_eq!(session.receive_text(), r#"2["message-back","1700000000000-0"]"#);
    });
    trial.case("white space inside the JSON", |testbed| {
        let mut session = entered(testbed);
        session.send("2[ \"message\" , 1 ]");
        let text = session.receive_text();
        let event: serde_json::Value = serde_json::from_str(&text[1..]).expect("an event");
        assert_eq!(event, serde_json::json!(["message-back", 1]));
    });
    trial.conclude();
}
