//! Random input from fixed seeds. A failure prints its seed.

use bytes::Bytes;
use natter_protocol::{
    Args, Binary, Body, EnginePacket, Message, Opcode, Packet, PacketDecoder, PacketLimits, WebSocketDecoder,
    WebSocketError, WebSocketLimits, ack, decode_payload, encode_payload, event, split_frame,
};
use serde::de::IgnoredAny;

use crate::packets::decoder;
use crate::random::Random;
use crate::websocket::{decode, frame};

const LIMITS: WebSocketLimits = WebSocketLimits { max_message: 100_000, max_fragments: 16 };

/// Some messages as frames: fragmented, with control frames between, and perhaps an error or a close at the end.
fn conversation(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=random.below(5) {
        let opcode = 1 + random.below(2) as u8;
        let length = if random.chance(8) { 70_000 } else { 300 };
        let payload = random.text(length).into_bytes();
        let parts: Vec<_> = payload.chunks(1 + payload.len() / (1 + random.below(4))).collect();
        if parts.is_empty() {
            bytes.extend(frame(0x80 | opcode, b""));
        }
        for (at, part) in parts.iter().enumerate() {
            let fin = if at + 1 == parts.len() { 0x80 } else { 0 };
            bytes.extend(frame(fin | if at == 0 { opcode } else { 0 }, part));
            if random.chance(3) {
                bytes.extend(frame(0x89 + random.below(2) as u8, &random.bytes(126)));
            }
        }
    }
    match random.below(6) {
        0 => bytes.extend(frame(0x88, &[0x03, 0xe8])),
        1 => bytes.extend(frame(0x81, &[0xff])),
        2 => bytes.extend(random.bytes(20)),
        _ => {}
    }
    bytes
}

fn decode_in_parts<'a>(
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Message>, Option<WebSocketError>, bool) {
    let mut decoder = WebSocketDecoder::new(LIMITS);
    let (mut messages, mut error) = (Vec::new(), None);
    for part in parts {
        let (more, failed) = decode(&mut decoder, part);
        messages.extend(more);
        error = error.or(failed);
    }
    (messages, error, decoder.has_partial())
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_messages() {
    for seed in 0..40 {
        let bytes = conversation(&mut Random::seeded(seed));
        let whole = decode_in_parts([&bytes[..]]);
        assert_eq!(decode_in_parts(bytes.chunks(1)), whole, "seed {seed}, byte by byte");
        // Every position of a short stream; of a long one those around the headers, and some of the others.
        let step = 1 + bytes.len() / 2_000;
        for at in (0..=bytes.len()).filter(|at| at % step == 0 || *at < 200) {
            let cut = decode_in_parts([&bytes[..at], &bytes[at..]]);
            assert_eq!(cut, whole, "seed {seed}, cut at {at}");
        }
    }
}

#[test]
fn arbitrary_bytes_never_panic_the_websocket_decoder() {
    for seed in 0..20_000 {
        let random = &mut Random::seeded(seed);
        let mut decoder = WebSocketDecoder::new(LIMITS);
        for _ in 0..4 {
            let mut bytes = random.bytes(40);
            if random.chance(2) && bytes.len() > 1 {
                // A header that goes far: known opcode, mask bit.
                bytes[0] &= 0x83;
                bytes[1] |= 0x80;
            }
            decode(&mut decoder, &bytes);
        }
    }
}

#[test]
fn arbitrary_payloads_never_panic() {
    for seed in 0..20_000 {
        let random = &mut Random::seeded(seed);
        let mut body = random.bytes(60);
        for byte in &mut body {
            if random.chance(2) {
                *byte = b"0123456b\x1e="[random.below(10)];
            }
        }
        // Whatever the answer: the packets fit the limit.
        if let Ok(packets) = decode_payload(body.into(), 8) {
            assert!((1..=8).contains(&packets.len()));
        }
    }
}

#[test]
fn arbitrary_packets_never_panic() {
    const PIECES: [&str; 24] = [
        "0",
        "1",
        "2",
        "3",
        "5",
        "6",
        "-",
        "/",
        ",",
        "?",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\\",
        "é",
        "😀",
        "1e9",
        ":",
        "\"x\"",
        "{\"_placeholder\":true,\"num\":0}",
        "\\ud800",
        " ",
    ];
    for seed in 0..30_000 {
        let random = &mut Random::seeded(seed);
        let mut decoder = decoder();
        for _ in 0..3 {
            let text: String = (0..random.below(14)).map(|_| random.pick(&PIECES)).collect();
            if let Ok(Some(Packet { body: Body::Event { args, .. }, .. })) = decoder.text(text.into()) {
                assert_eq!(args.iter().count(), args.len());
            }
            if random.chance(2)
                && let Ok(Some(packet)) = decoder.binary(random.bytes(10).into())
            {
                assert!(matches!(packet.body, Body::Event { .. } | Body::Ack { .. }));
            }
        }
    }
}

#[test]
fn valid_json_is_accepted_byte_for_byte_and_broken_json_as_serde_json_judges_it() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..20_000 {
        let random = &mut Random::seeded(seed);
        let mut json = random.json(5);
        if random.chance(2) {
            // Change, add or remove one character.
            let mut chars: Vec<char> = json.chars().collect();
            let at = random.below(chars.len());
            let other =
                ['"', '\\', '[', ']', '{', '}', ',', ':', '0', '-', 'e', '.', ' ', '\u{1}'][random.below(14)];
            match random.below(3) {
                0 => chars[at] = other,
                1 => chars.insert(at, other),
                _ => drop(chars.remove(at)),
            }
            json = chars.into_iter().collect();
        }
        let text = format!("2[\"x\",{json}]");
        let valid = serde_json::from_str::<Vec<IgnoredAny>>(&text[1..]).is_ok();
        match decoder().text(text.into()) {
            Ok(packet) => {
                let Body::Event { args, .. } = packet.unwrap().body else { unreachable!() };
                assert_eq!(args.json(), json);
                assert!(valid, "seed {seed}: {json} was accepted");
                good += 1;
            }
            Err(error) => {
                assert!(!valid, "seed {seed}: {json} was refused: {error}");
                bad += 1;
            }
        }
    }
    assert!(good > 5_000 && bad > 2_000, "{good} good and {bad} bad ones test little");
}

/// Random arguments with attachments here and there.
fn arguments(random: &mut Random) -> Args {
    let mut args = Args::new();
    for _ in 0..random.below(4) {
        args = if random.chance(3) {
            args.with_first(&vec![Binary::from(random.bytes(200)); random.below(3)]).unwrap()
        } else {
            args.concat(&Args::from_json(&format!("[{}]", random.json(4)), Vec::new()).unwrap()).unwrap()
        };
    }
    args
}

#[test]
fn what_is_encoded_is_decoded_to_the_same_over_both_transports() {
    let limits = PacketLimits { attachments: 100, ..PacketLimits::default() };
    for seed in 0..5_000 {
        let random = &mut Random::seeded(seed);
        let namespace = random.pick(&["/", "/chat", "/é"]);
        let args = arguments(random);
        let body = if random.chance(3) {
            Body::Ack { id: random.next() >> 11, args }
        } else {
            let id = random.chance(2).then(|| random.next() >> 11);
            Body::Event { id, name: random.text(40).into(), args }
        };
        let frames = match &body {
            Body::Event { id, name, args } => event(namespace, *id, name, args),
            Body::Ack { id, args } => ack(namespace, *id, args),
            _ => unreachable!(),
        };
        let expected = Packet { namespace: namespace.into(), body };

        let mut bytes = frames.into_bytes();
        let split: Vec<_> = std::iter::from_fn(|| split_frame(&mut bytes)).collect();
        assert!(bytes.is_empty());

        let polled = decode_payload(encode_payload(split.iter().cloned()), 1_000).unwrap();
        let pushed = split.into_iter().map(|(opcode, payload)| match opcode {
            Opcode::Text => EnginePacket::from_text(payload.try_into().unwrap()).unwrap(),
            _ => EnginePacket::Binary(payload),
        });
        assert_eq!(polled, pushed.collect::<Vec<_>>());

        let mut decoder = PacketDecoder::new(limits);
        let mut last = None;
        for packet in polled {
            assert_eq!(last, None, "only the last frame completes the packet");
            last = match packet {
                EnginePacket::Message(text) => decoder.text(text).unwrap(),
                EnginePacket::Binary(bytes) => decoder.binary(bytes).unwrap(),
                other => panic!("{other:?}"),
            };
        }
        assert_eq!(last, Some(expected), "seed {seed}");
        assert!(!decoder.is_waiting());
    }
}

#[test]
fn arguments_can_be_taken_apart_and_put_together_again() {
    for seed in 0..2_000 {
        let random = &mut Random::seeded(seed);
        let args = arguments(random);
        let array = format!("[{}]", args.json());
        assert_eq!(Args::from_json(&array, args.attachments().to_vec()).unwrap(), args);
        assert_eq!(args.parse::<Args>().unwrap(), args);
        let pieces: Vec<_> = args.iter().collect();
        assert_eq!(pieces.len(), args.len());
        for piece in pieces {
            assert!(serde_json::from_str::<IgnoredAny>(piece).is_ok(), "seed {seed}: {piece}");
        }
        let nested = Args::of(&(Binary(Bytes::from_static(b"first")), &args)).unwrap();
        assert_eq!(nested.attachments()[1..], *args.attachments());
        let (_, back) = nested.parse::<(Binary, Args)>().unwrap();
        assert_eq!(back.len(), args.len());
    }
}
