use bytes::Bytes;
use natter_protocol::{
    EngineError, EnginePacket, Frames, Opcode, Open, close, decode_payload, encode_payload, noop, open, ping,
    pong_probe, split_frame,
};

fn payload(body: impl Into<Bytes>) -> Result<Vec<EnginePacket>, EngineError> {
    decode_payload(body.into(), 1_000)
}

#[test]
fn every_packet_type_is_read() {
    for (text, packet) in [
        ("0{}", EnginePacket::Open("{}".into())),
        ("1", EnginePacket::Close),
        ("2", EnginePacket::Ping("".into())),
        ("2probe", EnginePacket::Ping("probe".into())),
        ("3probe", EnginePacket::Pong("probe".into())),
        ("4", EnginePacket::Message("".into())),
        ("4héllo", EnginePacket::Message("héllo".into())),
        ("5", EnginePacket::Upgrade),
        ("6", EnginePacket::Noop),
    ] {
        assert_eq!(EnginePacket::from_text(text.into()), Ok(packet.clone()), "{text}");
        assert_eq!(payload(text), Ok(vec![packet]), "{text}");
    }
}

#[test]
fn unknown_packet_types_are_refused_whatever_the_length_of_their_character() {
    for text in ["abc", "7", "9", ":", "é", "😀", "\u{7ff}x", "\u{ffff}", " 4", "-1", "é\u{1}"] {
        assert_eq!(EnginePacket::from_text(text.into()), Err(EngineError::UnknownType), "{text}");
        assert_eq!(payload(text), Err(EngineError::UnknownType), "{text}");
    }
    for head in ['\0', '\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{ffff}', '\u{10000}', '\u{10ffff}'] {
        assert_eq!(EnginePacket::from_text(head.to_string().into()), Err(EngineError::UnknownType));
    }
}

#[test]
fn the_base64_form_is_no_packet_on_a_websocket() {
    assert_eq!(EnginePacket::from_text("bAQID".into()), Ok(EnginePacket::Binary(vec![1, 2, 3].into())));
}

#[test]
fn empty_packets_are_refused() {
    assert_eq!(EnginePacket::from_text("".into()), Err(EngineError::Empty));
    for body in ["", "\u{1e}", "4\u{1e}", "\u{1e}4", "4\u{1e}\u{1e}4"] {
        assert_eq!(payload(body), Err(EngineError::Empty), "{body:?}");
    }
}

#[test]
fn base64_must_be_in_the_standard_alphabet_with_its_padding() {
    for body in ["b!!!!", "bAQIDBA", "bAQ==AQ==", "bAQ=", "b=", "bAR==", "b-_-_", "bAQ ID", "bé"] {
        assert_eq!(payload(body), Err(EngineError::Base64), "{body}");
    }
    assert_eq!(payload("b"), Ok(vec![EnginePacket::Binary(Bytes::new())]));
    assert_eq!(payload("bAQIDBA=="), Ok(vec![EnginePacket::Binary(vec![1, 2, 3, 4].into())]));
    assert_eq!(payload("b+/+/"), Ok(vec![EnginePacket::Binary(vec![0xfb, 0xff, 0xbf].into())]));
}

#[test]
fn a_payload_keeps_the_order_of_its_packets() {
    assert_eq!(
        payload("4a\u{1e}2\u{1e}bAQ==\u{1e}4é"),
        Ok(vec![
            EnginePacket::Message("a".into()),
            EnginePacket::Ping("".into()),
            EnginePacket::Binary(vec![1].into()),
            EnginePacket::Message("é".into()),
        ])
    );
}

#[test]
fn a_payload_must_be_utf8() {
    assert_eq!(payload(vec![b'4', 0xff]), Err(EngineError::Utf8));
    assert_eq!(payload(vec![b'4', 0xc3, 0x1e, b'4']), Err(EngineError::Utf8));
}

#[test]
fn the_number_of_packets_is_limited() {
    let body = |packets: usize| vec!["4"; packets].join("\u{1e}");
    assert_eq!(payload(body(1_000)).unwrap().len(), 1_000);
    assert_eq!(payload(body(1_001)), Err(EngineError::TooManyPackets(1_000)));
    assert_eq!(payload("4\u{1e}".repeat(500_000)), Err(EngineError::TooManyPackets(1_000)));
}

#[test]
fn a_poll_is_answered_with_text_as_it_is_and_binary_as_base64() {
    let frames = [
        (Opcode::Text, Bytes::from_static("4é".as_bytes())),
        (Opcode::Ping, Bytes::from_static(b"left out")),
        (Opcode::Binary, Bytes::from_static(&[1, 2, 3, 4])),
        (Opcode::Binary, Bytes::new()),
        (Opcode::Text, Bytes::from_static(b"6")),
    ];
    assert_eq!(encode_payload(frames.into_iter()), "4é\u{1e}bAQIDBA==\u{1e}b\u{1e}6");
    assert_eq!(encode_payload(std::iter::empty()), "");
}

#[test]
fn ready_made_packets_are_whole_text_frames() {
    for (frames, text) in [(ping(), "2"), (pong_probe(), "3probe"), (noop(), "6"), (close(), "1")] {
        assert_eq!(frames, Frames::text(text.as_bytes()));
    }
}

#[test]
fn the_greeting_has_its_fields_in_order() {
    let greeting = Open {
        sid: "s1",
        upgrades: &["websocket"],
        ping_interval: 25_000,
        ping_timeout: 20_000,
        max_payload: 1_000_000,
    };
    let (_, text) = split_frame(&mut open(&greeting).into_bytes()).unwrap();
    assert_eq!(
        text,
        r#"0{"sid":"s1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
}
