use bytes::Bytes;
use natter_protocol::{CloseCode, Message, WebSocketDecoder, WebSocketError, WebSocketLimits};

const LIMITS: WebSocketLimits = WebSocketLimits { max_message: 1_000_000, max_fragments: 128 };
const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A frame as a client sends it; `first` is its first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0xfe);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    frame
}

/// All messages of the bytes, and the error that ended them.
pub fn decode(decoder: &mut WebSocketDecoder, mut input: &[u8]) -> (Vec<Message>, Option<WebSocketError>) {
    let mut messages = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => {
                assert!(input.is_empty(), "None means that everything was taken");
                return (messages, None);
            }
            Err(error) => return (messages, Some(error)),
        }
    }
}

fn refused(bytes: &[u8]) -> WebSocketError {
    let mut decoder = WebSocketDecoder::new(LIMITS);
    let (messages, error) = decode(&mut decoder, bytes);
    assert_eq!(messages, [], "{bytes:x?}");
    assert!(!decoder.has_partial());
    assert_eq!(decode(&mut decoder, &frame(0x81, b"4")), (vec![], None), "nothing is heard after an error");
    error.unwrap_or_else(|| panic!("{:x?} was accepted", &bytes[..bytes.len().min(20)]))
}

fn accepted(bytes: &[u8]) -> Vec<Message> {
    let mut decoder = WebSocketDecoder::new(LIMITS);
    let (messages, error) = decode(&mut decoder, bytes);
    assert_eq!(error, None);
    assert!(!decoder.has_partial());
    messages
}

fn text(text: &str) -> Message {
    Message::Text(text.into())
}

#[test]
fn frames_that_break_the_protocol_are_answered_with_1002() {
    for (bytes, error) in [
        (vec![0x81, 0x01, b'4'], WebSocketError::Unmasked),
        (frame(0xc1, b"4"), WebSocketError::ReservedBits),
        (frame(0xa1, b"4"), WebSocketError::ReservedBits),
        (frame(0x91, b"4"), WebSocketError::ReservedBits),
        (frame(0xf1, b"4"), WebSocketError::ReservedBits),
        (frame(0x83, b""), WebSocketError::ReservedOpcode),
        (frame(0x8b, b""), WebSocketError::ReservedOpcode),
        (frame(0x89, &[0; 126]), WebSocketError::ControlFrame),
        (frame(0x88, &[0; 126]), WebSocketError::ControlFrame),
        (frame(0x09, b""), WebSocketError::ControlFrame),
        (frame(0x80, b""), WebSocketError::Continuation),
        (frame(0x00, b""), WebSocketError::Continuation),
        ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), WebSocketError::Continuation),
        ([frame(0x02, b"a"), frame(0x01, b"b")].concat(), WebSocketError::Continuation),
        (vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], WebSocketError::Length),
        (vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], WebSocketError::Length),
        (vec![0x82, 0xfe, 0, 125], WebSocketError::Length),
        (frame(0x88, &[3]), WebSocketError::ClosePayload),
        (
            vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xeb, 0x0e, 0x8f],
            WebSocketError::ControlFrame,
        ),
    ] {
        assert_eq!(refused(&bytes), error, "{bytes:x?}");
        assert_eq!(error.close_code(), CloseCode::Protocol);
    }
}

#[test]
fn only_close_codes_that_may_be_sent_are_accepted() {
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert_eq!(refused(&frame(0x88, &code.to_be_bytes())), WebSocketError::ClosePayload, "{code}");
    }
    for code in [1000_u16, 1003, 1007, 1011, 1014, 3000, 4999] {
        let payload = [&code.to_be_bytes()[..], "bye é".as_bytes()].concat();
        assert_eq!(accepted(&frame(0x88, &payload)), [Message::Close(Some(code))]);
    }
    assert_eq!(accepted(&frame(0x88, b"")), [Message::Close(None)]);
}

#[test]
fn a_header_is_refused_at_its_first_wrong_byte() {
    for (bytes, error) in [
        (&[0xf1][..], WebSocketError::ReservedBits),
        (&[0x87], WebSocketError::ReservedOpcode),
        (&[0x0a], WebSocketError::ControlFrame),
        (&[0x81, 0x01], WebSocketError::Unmasked),
        (&[0x89, 0xfe], WebSocketError::ControlFrame),
    ] {
        assert_eq!(refused(bytes), error);
    }
}

#[test]
fn text_that_is_not_utf8_is_answered_with_1007() {
    assert_eq!(WebSocketError::Utf8.close_code(), CloseCode::InvalidPayload);
    assert_eq!(refused(&frame(0x81, &[0xff, 0xfe])), WebSocketError::Utf8);
    assert_eq!(refused(&frame(0x81, &[0xed, 0xa0, 0x80])), WebSocketError::Utf8, "a surrogate");
    assert_eq!(refused(&frame(0x88, &[0x03, 0xe8, 0xff, 0xfe])), WebSocketError::Utf8);
    assert_eq!(refused(&[frame(0x01, &[0xc3]), frame(0x80, b"a")].concat()), WebSocketError::Utf8);
}

#[test]
fn a_code_point_may_be_split_between_fragments() {
    let bytes = "4😀é".as_bytes();
    for at in 0..=bytes.len() {
        let frames = [frame(0x01, &bytes[..at]), frame(0x80, &bytes[at..])].concat();
        assert_eq!(accepted(&frames), [text("4😀é")]);
    }
}

#[test]
fn control_frames_may_come_between_fragments() {
    let frames =
        [frame(0x01, b"4a"), frame(0x89, b"ping"), frame(0x00, b"b"), frame(0x8a, b""), frame(0x80, b"c")];
    assert_eq!(
        accepted(&frames.concat()),
        [Message::Ping(Bytes::from_static(b"ping")), Message::Pong(Bytes::new()), text("4abc")]
    );
}

#[test]
fn frames_after_a_close_are_ignored() {
    let mut decoder = WebSocketDecoder::new(LIMITS);
    let bytes = [frame(0x81, b"4"), frame(0x88, b""), frame(0x81, b"4"), vec![0xff, 0xff]].concat();
    assert_eq!(decode(&mut decoder, &bytes), (vec![text("4"), Message::Close(None)], None));
    assert_eq!(decode(&mut decoder, &[0xff; 30]), (vec![], None));
    assert!(!decoder.has_partial());
}

#[test]
fn a_message_of_exactly_the_limit_is_accepted_and_one_more_byte_is_not() {
    let payload = vec![7; 1_000_000];
    assert_eq!(accepted(&frame(0x82, &payload)), [Message::Binary(payload.clone().into())]);
    let halves = [frame(0x02, &payload[..500_000]), frame(0x80, &payload[500_000..])].concat();
    assert_eq!(accepted(&halves), [Message::Binary(payload.into())]);

    let header = &frame(0x82, &vec![7; 1_000_001])[..14];
    assert_eq!(refused(header), WebSocketError::TooBig, "before a byte of the payload has come");
    assert_eq!(WebSocketError::TooBig.close_code(), CloseCode::TooBig);
}

#[test]
fn a_terabyte_is_refused_as_soon_as_its_header_is_read() {
    assert_eq!(refused(&[0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), WebSocketError::TooBig);
}

#[test]
fn fragments_are_summed_up() {
    let mut bytes = frame(0x02, &[0; 65_536]);
    for _ in 0..14 {
        bytes.extend(frame(0x00, &[0; 65_536]));
    }
    let mut decoder = WebSocketDecoder::new(LIMITS);
    assert_eq!(decode(&mut decoder, &bytes), (vec![], None), "983,040 bytes fit");
    assert!(decoder.has_partial());
    assert_eq!(
        decode(&mut decoder, &frame(0x00, &[0; 65_536])[..14]),
        (vec![], Some(WebSocketError::TooBig))
    );
}

#[test]
fn the_number_of_fragments_is_limited() {
    for payload in [&b"a"[..], b""] {
        let mut bytes = frame(0x02, payload);
        for _ in 0..127 {
            bytes.extend(frame(0x00, payload));
        }
        let mut decoder = WebSocketDecoder::new(LIMITS);
        assert_eq!(decode(&mut decoder, &bytes), (vec![], None));
        let more = decode(&mut decoder, &frame(0x80, payload));
        assert_eq!(more, (vec![], Some(WebSocketError::TooManyFragments)));
    }
    assert_eq!(WebSocketError::TooManyFragments.close_code(), CloseCode::Policy);
}

#[test]
fn an_unfinished_frame_or_message_is_partial() {
    let mut decoder = WebSocketDecoder::new(LIMITS);
    assert!(!decoder.has_partial());
    for part in [&frame(0x01, b"4a")[..1], &frame(0x01, b"4a")[1..7], &frame(0x01, b"4a")[7..], b""] {
        assert_eq!(decode(&mut decoder, part), (vec![], None));
        assert!(decoder.has_partial());
    }
    assert_eq!(decode(&mut decoder, &frame(0x80, b"")), (vec![text("4a")], None));
    assert!(!decoder.has_partial());
}

#[test]
fn empty_messages_are_messages() {
    assert_eq!(accepted(&frame(0x81, b"")), [text("")]);
    assert_eq!(accepted(&frame(0x82, b"")), [Message::Binary(Bytes::new())]);
    assert_eq!(accepted(&[frame(0x01, b""), frame(0x80, b"")].concat()), [text("")]);
}
