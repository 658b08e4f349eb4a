//! What RFC 6455 forbids, and what it allows but nobody should have to bear: in every state of a connection.

use std::time::{Duration, Instant};

use natter_tests::{
    ENGINE_IO, Ending, Frame, Incoming, Session, Testbed, Trial, WebSocket, WebSocketSession, from_hex,
};

/// A name, the bytes, and the status codes of which the server's close frame must have one.
type Case = (&'static str, Vec<u8>, &'static [u16]);

const PROTOCOL_ERROR: &[u16] = &[1002];
const INVALID_DATA: &[u16] = &[1007];
const TOO_BIG: &[u16] = &[1009];

/// How long a client that never stops sending may go on. The server ends the connection a second after its close frame,
/// if the machine lets it.
const CUT_WITHIN: Duration = Duration::from_secs(5);

/// What the server may keep of a stream that it reads and drops: 16 KiB, and some pages that anything may touch.
const KEPT: u64 = 128 << 10;

/// What the quickest of some must be below. One that waited for two seconds would never be.
const QUICKEST_CUT: Duration = Duration::from_millis(1_500);

fn cases() -> Vec<Case> {
    let hex = from_hex;
    vec![
        ("W-01 an unmasked frame", hex("81 01 34"), PROTOCOL_ERROR),
        ("W-02 the first reserved bit", hex("C1 81 00000000 34"), PROTOCOL_ERROR),
        ("W-02 the second reserved bit", hex("A1 81 00000000 34"), PROTOCOL_ERROR),
        ("W-02 the third reserved bit", hex("91 81 00000000 34"), PROTOCOL_ERROR),
        ("W-02 all reserved bits", hex("F1 81 00000000 34"), PROTOCOL_ERROR),
        ("W-02 a reserved bit on a ping", hex("C9 80 00000000"), PROTOCOL_ERROR),
        ("W-03 an unknown data opcode", hex("83 81 00000000 34"), PROTOCOL_ERROR),
        ("W-03 an unknown control opcode", hex("8B 80 00000000"), PROTOCOL_ERROR),
        ("W-04 a ping of 126 bytes", [hex("89 FE 007E 00000000"), vec![0; 126]].concat(), PROTOCOL_ERROR),
        ("W-04 a pong of 126 bytes", [hex("8A FE 007E 00000000"), vec![0; 126]].concat(), PROTOCOL_ERROR),
        (
            "W-04 a close of 126 bytes",
            [hex("88 FE 007E 00000000 03E8"), vec![65; 124]].concat(),
            PROTOCOL_ERROR,
        ),
        ("W-05 a ping that is to be continued", hex("09 80 00000000"), PROTOCOL_ERROR),
        ("W-06 a last fragment without a first", hex("80 80 00000000"), PROTOCOL_ERROR),
        ("W-06 a middle fragment without a first", hex("00 80 00000000"), PROTOCOL_ERROR),
        ("W-07 a text inside a fragmented text", hex("01 81 00000000 34 81 81 00000000 34"), PROTOCOL_ERROR),
        ("W-07 a binary inside a fragmented text", hex("01 81 00000000 34 82 80 00000000"), PROTOCOL_ERROR),
        ("W-08 a close of one byte", hex("88 81 00000000 03"), PROTOCOL_ERROR),
        ("W-09 a close with code 999", Frame::close(999, "").masked(), PROTOCOL_ERROR),
        ("W-09 a close with code 1005", Frame::close(1005, "").masked(), PROTOCOL_ERROR),
        ("W-09 a close with code 1006", Frame::close(1006, "").masked(), PROTOCOL_ERROR),
        ("W-09 a close with code 1015", Frame::close(1015, "").masked(), PROTOCOL_ERROR),
        ("W-09 a close with code 65535", Frame::close(65535, "").masked(), PROTOCOL_ERROR),
        ("W-10 a close whose reason is not UTF-8", hex("88 84 00000000 03E8 FFFE"), &[1002, 1007]),
        ("W-11 a text that is not UTF-8", hex("81 82 00000000 34FF"), INVALID_DATA),
        ("W-11 a text that ends inside a character", hex("81 83 00000000 34E282"), INVALID_DATA),
        ("W-11 a surrogate in UTF-8", hex("81 84 00000000 34EDA080"), INVALID_DATA),
        ("W-11 an overlong form", hex("81 83 00000000 34C0AF"), INVALID_DATA),
        ("W-13 halves that make no character", hex("01 82 00000000 34E2 80 82 00000000 28A1"), INVALID_DATA),
        ("W-16 a header that announces 1 TiB", hex("82 FF 0000010000000000 00000000"), TOO_BIG),
        ("W-16 the same without its mask key", hex("82 FF 0000010000000000"), TOO_BIG),
        ("W-17 a header that announces 2^63 bytes", hex("82 FF 8000000000000000 00000000"), &[1002, 1009]),
        ("W-17 a header that announces 2^64-1 bytes", hex("82 FF FFFFFFFFFFFFFFFF 00000000"), &[1002, 1009]),
        (
            "W-19 a header that announces one byte more than the limit",
            hex("82 FF 00000000000F4241 00000000"),
            TOO_BIG,
        ),
        (
            "W-20 a frame that once panicked a parser",
            hex("0a ff ff ff ff ff ff ff ff ff ff eb 0e 8f"),
            PROTOCOL_ERROR,
        ),
        (
            "W-21 a continuation that announces too much",
            hex("02 81 00000000 00 80 FF 00000000000F4240 00000000"),
            TOO_BIG,
        ),
        ("W-22 129 fragments", fragments(129, &[0]), &[1008, 1009]),
        ("W-22 129 fragments of nothing", fragments(129, &[]), &[1008, 1009]),
        ("W-28 compressed data that was not negotiated", hex("C2 85 00000000 4A4C4A0600"), PROTOCOL_ERROR),
    ]
}

/// The first `count` fragments of a binary message that never ends.
fn fragments(count: usize, payload: &[u8]) -> Vec<u8> {
    let first = Frame::binary(payload).unfinished().masked();
    let next = Frame::new(0, payload).unfinished().masked();
    first.into_iter().chain(next.repeat(count - 1)).collect()
}

fn expect_code(ending: &Ending, codes: &[u16]) {
    assert!(ending.code.is_some_and(|code| codes.contains(&code)), "expected {codes:?}, got {ending:?}");
}

#[test]
fn a_connected_client_that_breaks_the_rules_is_told_the_code_and_cut() {
    let mut trial = Trial::of("load");
    for (name, bytes, codes) in cases() {
        trial.case(name, |testbed| {
            let mut session = testbed.open_websocket(ENGINE_IO);
            session.socket().send_bytes(&bytes);
            expect_code(&session.expect_closed(), codes);
            testbed.forgets(&session);
        });
    }
    trial.conclude();
}

#[test]
fn an_upgrading_client_that_breaks_the_rules_keeps_its_polling_session() {
    // The heartbeat of this profile leaves the polling session alone while the test watches the WebSocket.
    let mut trial = Trial::of("load");
    for (name, bytes, codes) in cases() {
        trial.case(name, |testbed| {
            let mut polling = testbed.open_polling(ENGINE_IO);
            let mut socket = polling.probe();
            socket.socket().send_bytes(&bytes);
            expect_code(&socket.expect_closed(), codes);
            polling.send("unharmed");
            assert_eq!(polling.receive_text(), "unharmed");
        });
    }
    trial.conclude();
}

#[test]
fn a_client_that_attached_and_breaks_the_rules_before_its_probe_keeps_its_polling_session() {
    // The heartbeat of this profile leaves the polling session alone while the test watches the WebSocket.
    let mut trial = Trial::of("load");
    for (name, bytes, codes) in cases() {
        trial.case(name, |testbed| {
            let mut polling = testbed.open_polling(ENGINE_IO);
            let mut socket = polling.begin_upgrade();
            socket.socket().send_bytes(&bytes);
            expect_code(&socket.expect_closed(), codes);
            polling.send("unharmed");
            assert_eq!(polling.receive_text(), "unharmed");
        });
    }
    trial.conclude();
}

#[test]
fn a_closing_client_may_send_whatever_it_likes() {
    let mut trial = Trial::of("load");
    for (name, bytes, _) in cases() {
        trial.case(&format!("W-12 after the close frame: {name}"), |testbed| {
            let mut session = testbed.open_websocket(ENGINE_IO);
            session.socket().send_bytes(&[Frame::close(1000, "").masked(), bytes].concat());
            expect_code(&session.expect_closed(), &[1000]);
            testbed.forgets(&session);
        });
    }
    trial.conclude();
}

#[test]
fn a_client_may_break_the_rules_in_its_first_bytes() {
    let mut trial = Trial::of("load");
    for (name, bytes, codes) in cases() {
        trial.case(&format!("behind the handshake: {name}"), |testbed| {
            let mut socket = testbed.websocket(&format!("{ENGINE_IO}?EIO=4&transport=websocket"));
            socket.send_bytes(&bytes);
            expect_code(&end_of(&mut socket), codes);
        });
    }
    trial.conclude();
}

#[test]
fn a_client_that_the_server_has_closed_is_cut_even_if_it_goes_on_sending() {
    let mut trial = Trial::of("load");
    trial.case("W-12 messages after the server's close frame", |testbed| {
        is_cut_a_second_later(testbed, |session| session.socket().send_bytes(&from_hex("81 01 34")));
    });
    trial.case("W-12 messages after the client's close frame", |testbed| {
        is_cut_a_second_later(testbed, |session| session.socket().send(&Frame::close(1000, "")));
    });
    trial.case("W-12 messages after the close frame of a candidate that has lost", |testbed| {
        is_cut_a_second_later_as(testbed, |testbed| {
            let mut polling = testbed.open_polling(ENGINE_IO);
            let mut candidate = polling.probe();
            candidate.send_packet("4hello");
            // The session itself is not at stake.
            polling.send_packet("1");
            candidate
        });
    });
    trial.conclude();
}

fn is_cut_a_second_later(testbed: &Testbed, end: impl Fn(&mut WebSocketSession)) {
    is_cut_a_second_later_as(testbed, |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        end(&mut session);
        session
    });
}

/// Whatever a client sends behind a close frame is ignored, and does not keep the connection open.
fn is_cut_a_second_later_as(testbed: &Testbed, ended: impl Fn(&Testbed) -> WebSocketSession) {
    let cut_after = |_| {
        let mut session = ended(testbed);
        let start = Instant::now();
        // Each write may still be taken by the kernel, but not for long.
        while session.socket().try_send_bytes(&Frame::text("4more").masked()).is_ok() {
            assert!(start.elapsed() < CUT_WITHIN, "the connection is still open");
            match session.socket().incoming(Instant::now() + Duration::from_millis(5)) {
                Incoming::Frame(frame) => assert_ne!(frame.payload, b"4more", "it was not ignored"),
                Incoming::End | Incoming::Silence => {}
            }
        }
        testbed.forgets(&session);
        start.elapsed()
    };
    let quickest = (0..3).map(cut_after).min().expect("there are some");
    assert!(quickest < QUICKEST_CUT, "even the quickest was cut only after {quickest:?}");
}

#[test]
fn streams_without_end_are_cut_without_being_kept() {
    let mut trial = Trial::of("load");
    let chunk = vec![0; 64 * 1024];
    trial.case("W-16 1 TiB at full speed", |testbed| {
        is_cut_while_sending(testbed, &from_hex("82 FF 0000010000000000 00000000"), &chunk);
    });
    trial.case("W-16 1 TiB that is refused by its header, at full speed none the less", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&from_hex("82 FF 0000010000000000"));
        // Its answer comes while nothing of the payload has been sent, so none of it can have been waited for.
        let answer = session.socket().receive();
        assert_eq!((answer.opcode, &answer.payload[..]), (8, &[0x03, 0xf1][..]), "{answer:?}");
        let (before, begin) = (testbed.process().memory(), Instant::now());
        let mut taken = 0;
        while session.socket().try_send_bytes(&chunk).is_ok() {
            taken += chunk.len();
            let grown = testbed.process().memory().saturating_sub(before);
            assert!(grown <= KEPT, "{grown} bytes more in memory after {taken}");
            assert!(begin.elapsed() < CUT_WITHIN, "after {CUT_WITHIN:?} the server still reads");
        }
        testbed.forgets(&session);
    });
    trial.case("W-22 a million fragments of one byte", |testbed| {
        let fragments = Frame::new(0, [0]).unfinished().masked().repeat(1000);
        is_cut_while_sending(testbed, &Frame::binary([0]).unfinished().masked(), &fragments);
    });
    trial.case("W-22 a million empty fragments", |testbed| {
        let fragments = Frame::new(0, []).unfinished().masked().repeat(1000);
        is_cut_while_sending(testbed, &Frame::text("").unfinished().masked(), &fragments);
    });
    trial.case("W-24 fragments of 64 KiB", |testbed| {
        let fragment = Frame::new(0, chunk.clone()).unfinished().masked();
        is_cut_while_sending(testbed, &Frame::binary(chunk.clone()).unfinished().masked(), &fragment);
    });
    trial.conclude();
}

/// Sends `start` and then `more` at full speed. The server may read on for a moment, so that its close frame is not lost to
/// a reset, but it keeps nothing of what it reads.
fn is_cut_while_sending(testbed: &Testbed, start: &[u8], more: &[u8]) {
    let mut session = testbed.open_websocket(ENGINE_IO);
    let before = testbed.process().memory();
    let begin = Instant::now();
    let mut told = None;
    session.socket().send_bytes(start);
    while session.socket().try_send_bytes(more).is_ok() {
        match session.socket().incoming(Instant::now()) {
            Incoming::Frame(frame) if frame.opcode == 8 => told = told.or(Some((frame, begin.elapsed()))),
            _ => {}
        }
        let grown = testbed.process().memory().saturating_sub(before);
        assert!(grown < 8 << 20, "the server kept {grown} bytes");
        assert!(begin.elapsed() < CUT_WITHIN, "after {CUT_WITHIN:?} the server still reads");
    }
    let (frame, after) = told.expect("the server said why before it ended the connection");
    assert!([&[0x03, 0xf0][..], &[0x03, 0xf1]].contains(&&frame.payload[..]), "{frame:?}");
    assert!(after < CUT_WITHIN / 2, "the close frame came after {after:?}");
    testbed.forgets(&session);
}

#[test]
fn a_sum_of_fragments_over_the_limit_is_refused_at_the_byte_that_crosses_it() {
    let mut trial = Trial::of("load");
    let fifteen = [
        Frame::binary(vec![0; 65_536]).unfinished().masked(),
        Frame::new(0, vec![0; 65_536]).unfinished().masked().repeat(14),
    ]
    .concat();
    let left = 1_000_000 - 15 * 65_536;
    trial.case("W-24 fragments of exactly the limit pass", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&fifteen);
        session.socket().send(&Frame::new(0, vec![0; left]));
        assert_eq!(session.receive().binary().len(), 1_000_000);
    });
    trial.case("W-24 one byte more does not", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&fifteen);
        // Its header alone must do: the payload never comes.
        let frame = Frame::new(0, vec![0; left + 1]).masked();
        session.socket().send_bytes(&frame[..8]);
        expect_code(&session.expect_closed(), TOO_BIG);
        testbed.forgets(&session);
    });
    trial.case("W-18 a frame of exactly the limit passes", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.send_binary(&vec![1; 1_000_000]);
        assert_eq!(session.receive().binary().len(), 1_000_000);
    });
    trial.conclude();
}

#[test]
fn what_is_unusual_but_legal_passes() {
    let mut trial = Trial::of("load");
    let passes = |session: &mut WebSocketSession| {
        session.send("passed");
        assert_eq!(session.receive_text(), "passed");
    };
    trial.case("W-14 a character split between fragments", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&from_hex("01 83 00000000 34E282 80 81 00000000 AC"));
        assert_eq!(session.receive_text(), "€");
        passes(&mut session);
    });
    trial.case("W-14 a character split between frames of one byte", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        let mut bytes = Frame::text("4").unfinished().masked();
        for byte in "😀".bytes() {
            bytes.extend(Frame::new(0, [byte]).unfinished().masked());
        }
        bytes.extend(Frame::new(0, []).masked());
        session.socket().send_bytes(&bytes);
        assert_eq!(session.receive_text(), "😀");
    });
    trial.case("W-26 pongs that nobody asked for", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&Frame::new(10, "never asked").masked().repeat(1000));
        passes(&mut session);
    });
    trial.case("W-26 pongs while upgrading", |testbed| {
        let mut polling = testbed.open_polling(ENGINE_IO);
        let mut session = polling.probe();
        session.socket().send(&Frame::new(10, "never asked"));
        session.send_packet("5");
        passes(&mut session);
    });
    trial.case("a mask key of zeros", |testbed| {
        let mut session = testbed.open_websocket(ENGINE_IO);
        session.socket().send_bytes(&from_hex("81 82 00000000 3434"));
        assert_eq!(session.receive_text(), "4");
    });
    trial.conclude();
}

/// Reads over everything up to the close frame and the end.
fn end_of(socket: &mut WebSocket) -> Ending {
    loop {
        match socket.incoming(Instant::now() + Duration::from_secs(5)) {
            Incoming::Frame(frame) if frame.opcode == 8 => return socket.expect_end_after_close(&frame),
            Incoming::Frame(_) => {}
            Incoming::End => return Ending { code: None, reason: "cut".to_owned() },
            Incoming::Silence => panic!("still open"),
        }
    }
}
