use bytes::Bytes;
use natter_protocol::{CloseCode, FrameBuilder, Frames, Opcode, split_frame};

#[test]
fn a_header_has_its_shortest_form_at_every_boundary() {
    for (length, header) in [
        (0, vec![0x81, 0]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (65_535, vec![0x81, 126, 0xff, 0xff]),
        (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let payload = vec![b'x'; length];
        let frames = Frames::text(&payload);
        assert_eq!(frames.as_bytes()[..header.len()], header);
        assert_eq!(frames.len(), header.len() + length);
        assert_eq!(frames.count(), 1);

        let mut bytes = frames.into_bytes();
        assert_eq!(split_frame(&mut bytes), Some((Opcode::Text, payload.into())));
        assert!(bytes.is_empty());
    }
}

#[test]
fn a_wrong_length_hint_changes_nothing() {
    for actual in [0, 1, 125, 126, 127, 65_535, 65_536] {
        for hint in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; actual];
            let frames = Frames::text_with(hint, |buffer| buffer.extend_from_slice(&payload));
            assert_eq!(frames, Frames::text(&payload), "{actual} bytes announced as {hint}");
        }
    }
}

#[test]
fn frames_of_a_builder_come_off_one_by_one_in_order() {
    let mut builder = FrameBuilder::default();
    builder.text(b"one");
    builder.binary(&[1, 2]);
    builder.text_with(5, |buffer| buffer.extend_from_slice(b"three"));
    let frames = builder.finish();
    assert_eq!(frames.count(), 3);
    assert_eq!(Frames::from_bytes(frames.as_bytes().clone()).as_ref(), Some(&frames));

    let mut bytes = frames.into_bytes();
    assert_eq!(split_frame(&mut bytes), Some((Opcode::Text, Bytes::from_static(b"one"))));
    assert_eq!(split_frame(&mut bytes), Some((Opcode::Binary, Bytes::from_static(&[1, 2]))));
    assert_eq!(split_frame(&mut bytes), Some((Opcode::Text, Bytes::from_static(b"three"))));
    assert_eq!(split_frame(&mut bytes), None);
}

#[test]
fn joined_frames_are_the_bytes_of_all() {
    let joined = Frames::join(&[Frames::text(b"a"), Frames::binary(b"b")]);
    assert_eq!(&joined.as_bytes()[..], b"\x81\x01a\x82\x01b");
    assert_eq!(joined.count(), 2);
}

#[test]
fn control_frames_never_exceed_125_bytes() {
    assert_eq!(&Frames::ping(b"hi").into_bytes()[..], b"\x89\x02hi");
    assert_eq!(Frames::pong(&[0; 200]).len(), 127);
    assert_eq!(&Frames::close(None).into_bytes()[..], b"\x88\x00");
    assert_eq!(&Frames::close(Some((CloseCode::TooBig, "big"))).into_bytes()[..], b"\x88\x05\x03\xf1big");

    let long: &'static str = "é".repeat(100).leak();
    let close = Frames::close(Some((CloseCode::Policy, long))).into_bytes();
    assert_eq!(close.len(), 2 + 2 + 122, "cut between two characters of two bytes");
}

#[test]
fn what_is_no_whole_unmasked_frame_is_not_split() {
    for bytes in [
        &b""[..],
        b"\x81",
        b"\x81\x02a",
        b"\x81\x7e\x00",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x81aaaab",
        b"\x01\x01a",
        b"\xc1\x01a",
        b"\x83\x01a",
    ] {
        let mut rest = Bytes::from_static(bytes);
        assert_eq!(split_frame(&mut rest), None, "{bytes:x?}");
        assert_eq!(rest, bytes, "nothing is taken");
        assert_eq!(Frames::from_bytes(rest), None, "{bytes:x?}");
    }
}
