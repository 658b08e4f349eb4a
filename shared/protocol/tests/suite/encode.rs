use bytes::Bytes;
use natter_protocol::{
    Args, Binary, Frames, Opcode, ack, connect, connect_error, disconnect, event, split_frame,
};

/// The text of a frame that must be the only one.
fn text(frames: &Frames) -> String {
    assert_eq!(frames.count(), 1);
    let (opcode, payload) = split_frame(&mut frames.as_bytes().clone()).unwrap();
    assert_eq!(opcode, Opcode::Text);
    String::from_utf8(payload.to_vec()).unwrap()
}

#[test]
fn packets_are_written_as_the_protocol_shows_them() {
    let two = Args::of(&("a", 2)).unwrap();
    for (frames, expected) in [
        (connect("/", r#"{"sid":"s"}"#), r#"40{"sid":"s"}"#),
        (connect("/admin", r#"{"sid":"s"}"#), r#"40/admin,{"sid":"s"}"#),
        (connect_error("/", "no \"entry\"", None), r#"44{"message":"no \"entry\""}"#),
        (connect_error("/a", "no", Some("[1]")), r#"44/a,{"message":"no","data":[1]}"#),
        (disconnect("/"), "41"),
        (disconnect("/admin"), "41/admin,"),
        (event("/", None, "x", &Args::new()), r#"42["x"]"#),
        (event("/", Some(0), "x", &two), r#"420["x","a",2]"#),
        (event("/admin", Some(u64::MAX), "x", &two), r#"42/admin,18446744073709551615["x","a",2]"#),
        (ack("/", 10, &Args::new()), "4310[]"),
        (ack("/admin", 9, &two), r#"43/admin,9["a",2]"#),
    ] {
        assert_eq!(text(&frames), expected);
    }
}

#[test]
fn event_names_are_escaped_as_json() {
    for name in
        ["", "a\"b", "\\", "\u{0}\u{1f}\u{8}\u{c}\n\r\t", "é漢😀\u{2028}\u{7f}", "a long name \u{1} with one"]
    {
        let expected = format!("42[{}]", serde_json::to_string(name).unwrap());
        assert_eq!(text(&event("/", None, name, &Args::new())), expected);
    }
}

#[test]
fn attachments_follow_their_text_as_binary_frames() {
    let args = Args::of(&(Binary::from(vec![1, 2]), vec![Binary::from(vec![3; 70_000])])).unwrap();
    for (frames, head) in [
        (event("/chat", Some(3), "x", &args), r#"452-/chat,3["x","#),
        (ack("/chat", 3, &args), r#"462-/chat,3["#),
    ] {
        assert_eq!(frames.count(), 3);
        let mut bytes = frames.into_bytes();
        let text = format!(r#"{head}{{"_placeholder":true,"num":0}},[{{"_placeholder":true,"num":1}}]]"#);
        assert_eq!(split_frame(&mut bytes), Some((Opcode::Text, text.into())));
        assert_eq!(split_frame(&mut bytes), Some((Opcode::Binary, Bytes::from_static(&[1, 2]))));
        assert_eq!(split_frame(&mut bytes), Some((Opcode::Binary, vec![3; 70_000].into())));
        assert!(bytes.is_empty());
    }
}
