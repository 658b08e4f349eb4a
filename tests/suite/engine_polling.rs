//! Messages over HTTP long-polling.

use std::time::Instant;

use natter_tests::{ENGINE_IO, Heard, Message, PATIENCE, Session, Testbed};

#[test]
fn text_comes_back() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    for text in ["hello", "", " ", "3", "€ 😀 \u{2028}\u{0}", "b", "{\"a\":[1,2]}"] {
        session.send(text);
        assert_eq!(session.receive_text(), text);
    }
}

#[test]
fn binary_comes_back() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    for bytes in [&[1, 2, 3, 4][..], &[0], &[255, 0, 255, 0, 30], &[7; 4096]] {
        session.send_binary(bytes);
        assert_eq!(session.receive().binary(), bytes);
    }
}

#[test]
fn a_payload_carries_several_packets_in_order() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    session.send_packet("4one\u{1e}bAQID\u{1e}4three\u{1e}4");
    assert_eq!(session.receive_text(), "one");
    assert_eq!(session.receive().binary(), [1, 2, 3]);
    assert_eq!(session.receive_text(), "three");
    assert_eq!(session.receive_text(), "");
}

#[test]
fn packets_that_wait_are_sent_together_but_at_most_sixteen_at_once() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling("/socket.io/");
    session.connect_namespace("/");
    let asked: Vec<String> = (0..40).map(|id| format!(r#"42{id}["echo",{id}]"#)).collect();
    session.send_packet(&asked.join("\u{1e}"));

    let (mut received, mut most) = (Vec::new(), 0);
    while received.len() < 40 {
        let response = session.poll();
        let packets: Vec<String> = response.text().split('\u{1e}').map(str::to_owned).collect();
        most = most.max(packets.len());
        received.extend(packets);
    }
    assert!((2..=16).contains(&most), "the largest answer had {most} packets");
    let expected: Vec<String> = (0..40).map(|id| format!("43{id}[{id}]")).collect();
    assert_eq!(received, expected);
}

#[test]
fn a_poll_waits_until_there_is_something() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    session.begin_poll();
    session.send("late");
    let response = session.poll_response();
    assert_eq!(response.status, 200);
    // A ping may have been faster on a busy machine, or come with it.
    if !response.text().contains("4late") {
        assert_eq!(session.receive_text(), "late");
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    let text = "x".repeat(999_999);
    // As real clients do, this one polls meanwhile: a POST is answered when there is room for what it causes.
    session.begin_poll();
    session.send(&text);
    assert!(session.receive_text() == text, "the message came back changed");
}

#[test]
fn a_chunked_post_is_a_post() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    let mut http = testbed.http();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n4c\r\n6\r\nhunked\r\n0\r\n\r\n",
        session.target()
    );
    http.send(request.as_bytes());
    assert_eq!(http.response().text(), "ok");
    assert_eq!(session.receive_text(), "chunked");
}

#[test]
fn a_request_that_arrives_byte_by_byte_is_a_request() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    let mut http = testbed.http();
    let request = format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n4slow", session.target());
    for byte in request.as_bytes() {
        http.send(&[*byte]);
    }
    assert_eq!(http.response().text(), "ok");
    assert_eq!(session.receive_text(), "slow");
}

#[test]
fn a_post_whose_client_hangs_up_is_delivered_or_ends_its_session() {
    let testbed = Testbed::shared("load");
    let mut http = testbed.http();
    let mut delivered = 0;
    for _ in 0..900 {
        let mut session = testbed.open_polling(ENGINE_IO);
        http.begin("POST", session.target(), &[], b"4x");
        http.hang_up();
        loop {
            session.begin_poll();
            match session.listen(Instant::now() + PATIENCE) {
                Heard::Packet(Message::Text(text)) if text == "4x" => delivered += 1,
                // A poll that waits when its session ends is answered with a packet that says nothing.
                Heard::Packet(Message::Text(text)) if text == "6" => continue,
                Heard::Packet(message) => assert_eq!(message, Message::Text("1".to_owned())),
                Heard::Closed(_) => {}
                Heard::Silence => panic!("the session lives without what was posted"),
            }
            break;
        }
    }
    println!("{delivered} of 900 were delivered");
}

#[test]
fn a_character_of_any_length_survives_at_the_edge_of_a_packet() {
    let testbed = Testbed::shared("load");
    let mut session = testbed.open_polling(ENGINE_IO);
    for character in ["\u{7f}", "é", "€", "😀", "\u{10ffff}"] {
        session.send_packet(&format!("4{character}\u{1e}4a{character}"));
        assert_eq!(session.receive(), Message::Text(format!("4{character}")));
        assert_eq!(session.receive(), Message::Text(format!("4a{character}")));
    }
}

#[test]
fn the_preflight_of_any_origin_is_allowed_without_credentials() {
    let testbed = Testbed::shared("load");
    let headers = [
        ("origin", "http://elsewhere.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-token"),
    ];
    let response =
        testbed.http().request("OPTIONS", &format!("{ENGINE_IO}?EIO=4&transport=polling"), &headers, b"");
    assert!((200..300).contains(&response.status), "{response:?}");
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert_eq!(response.header("access-control-allow-credentials"), None);
}
