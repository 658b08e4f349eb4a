//! Events there and back.

use natter_tests::{SOCKET_IO, Session, Testbed};

/// Argument lists that must come back byte for byte.
const UNCHANGED: &[&str] = &[
    "1",
    r#""text",{"a":[1,null,true,false]},[]"#,
    r#""€ 😀 ünï""#,
    // Legal from any JavaScript client, although no UTF-8 can hold it unescaped.
    r#""\ud800""#,
    r#""\u0000\u001e\n\"\\\/""#,
    "1e400,-0,1.0,0.10,1E5",
    "123456789012345678901234567890",
    r#"{"a":1,"a":2,"__proto__":{"x":1},"":0}"#,
    r#"{"_placeholder":false},{"num":0}"#,
    r#""message","back","offset""#,
];

fn echoes_arguments(session: &mut impl Session) {
    for arguments in UNCHANGED {
        session.send(&format!(r#"2["message",{arguments}]"#));
        assert_eq!(session.receive_text(), format!(r#"2["message-back",{arguments}]"#));
    }
}

#[test]
fn arguments_come_back_byte_for_byte_over_websocket() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    echoes_arguments(&mut session);
}

#[test]
fn arguments_come_back_byte_for_byte_over_polling() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_polling(SOCKET_IO);
    session.enter("/");
    echoes_arguments(&mut session);
}

fn echoes_binary(session: &mut impl Session) {
    session.send(r#"52-["message",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]"#);
    session.send_binary(&[1, 2, 3]);
    session.send_binary(&[]);
    assert_eq!(
        session.receive_text(),
        r#"52-["message-back",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]"#
    );
    assert_eq!(session.receive().binary(), [1, 2, 3]);
    assert_eq!(session.receive().binary(), b"");
}

#[test]
fn binary_arguments_come_back_over_websocket() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    echoes_binary(&mut session);
}

#[test]
fn binary_arguments_come_back_over_polling() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_polling(SOCKET_IO);
    session.enter("/");
    echoes_binary(&mut session);
}

#[test]
fn binary_events_of_a_namespace_keep_its_name() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/custom");
    session.send(r#"51-/custom,["message",{"_placeholder":true,"num":0}]"#);
    session.send_binary(b"x");
    assert_eq!(session.receive_text(), r#"51-/custom,["message-back",{"_placeholder":true,"num":0}]"#);
    assert_eq!(session.receive().binary(), b"x");
}

#[test]
fn ten_attachments_pass() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    let placeholders: Vec<String> =
        (0..10).map(|n| format!(r#"{{"_placeholder":true,"num":{n}}}"#)).collect();
    let placeholders = placeholders.join(",");
    session.send(&format!(r#"510-["message",{placeholders}]"#));
    for n in 0..10 {
        session.send_binary(&[n]);
    }
    assert_eq!(session.receive_text(), format!(r#"510-["message-back",{placeholders}]"#));
    for n in 0..10 {
        assert_eq!(session.receive().binary(), [n]);
    }
}

#[test]
fn events_that_nobody_handles_are_ignored() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    for name in [
        r#""nobody""#,
        r#""error""#,
        r#""__proto__""#,
        r#""constructor""#,
        r#""toString""#,
        r#""""#,
        "1",
        "0.5",
    ] {
        session.send(&format!(r#"2[{name},"x"]"#));
    }
    session.send(r#"2["message","after"]"#);
    assert_eq!(session.receive_text(), r#"2["message-back","after"]"#);
}

#[test]
fn a_broadcast_reaches_everyone_in_the_order_of_its_sender() {
    let testbed = Testbed::shared("load");
    let mut listener = testbed.open_websocket(SOCKET_IO);
    let mut poller = testbed.open_polling(SOCKET_IO);
    let mut speaker = testbed.open_websocket(SOCKET_IO);
    let marker = "order";
    listener.connect_namespace("/");
    poller.connect_namespace("/");
    speaker.connect_namespace("/");
    for n in 0..50 {
        speaker.send(&format!(r#"2["broadcast",["{marker}",{n}]]"#));
    }
    fn hears_all(session: &mut impl Session, marker: &str) {
        for n in 0..50 {
            let expected = format!(r#"2["b",["{marker}",{n}]]"#);
            // Other tests on this server broadcast too.
            loop {
                let heard = session.receive_text();
                if heard.contains(marker) {
                    assert_eq!(heard, expected);
                    break;
                }
            }
        }
    }
    hears_all(&mut listener, marker);
    hears_all(&mut poller, marker);
    hears_all(&mut speaker, marker);
}

#[test]
fn a_room_reaches_its_members_only() {
    let testbed = Testbed::shared("load");
    let mut member = testbed.open_websocket(SOCKET_IO);
    let mut stranger = testbed.open_websocket(SOCKET_IO);
    member.connect_namespace("/");
    stranger.connect_namespace("/");
    // Names that mean something to a message bus mean nothing here.
    for room in ["plain", "a.>", "*", ">", "a b", "x\\r\\nPUB y 0", "__proto__", ""] {
        member.send(&format!(r#"21["join","{room}"]"#));
        assert_eq!(next_of(&mut member), "31[]");
        stranger.send(&format!(r#"2["room","{room}",7]"#));
        assert_eq!(next_of(&mut member), r#"2["r",7]"#, "room {room}");
        stranger.send(r#"2["room","a.b",8]"#);
        member.send(&format!(r#"22["leave","{room}"]"#));
        assert_eq!(next_of(&mut member), "32[]", "a room is not a pattern");
    }
    stranger.send(r#"23["echo","end"]"#);
    assert_eq!(next_of(&mut stranger), r#"33["end"]"#);
}

/// The next message that is not some other test's broadcast.
fn next_of(session: &mut impl Session) -> String {
    loop {
        let text = session.receive_text();
        if !text.starts_with(r#"2["b""#) {
            return text;
        }
    }
}
