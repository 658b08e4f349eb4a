use bytes::Bytes;
use natter_protocol::{Args, Body, DecodeError, Packet, PacketDecoder, PacketLimits};

pub fn decoder() -> PacketDecoder {
    PacketDecoder::new(PacketLimits::default())
}

/// Reads one text that is a whole packet.
fn read(text: &str) -> Result<Packet, DecodeError> {
    decoder().text(text.into()).map(|packet| packet.unwrap_or_else(|| panic!("{text} is not whole")))
}

fn args(json: &str, attachments: &[&'static [u8]]) -> Args {
    let attachments = attachments.iter().map(|bytes| Bytes::from_static(bytes)).collect();
    Args::from_json(&format!("[{json}]"), attachments).unwrap()
}

fn event(id: Option<u64>, name: &str, json: &str) -> Body {
    Body::Event { id, name: name.into(), args: args(json, &[]) }
}

#[test]
fn packets_of_every_type_are_read() {
    for (text, namespace, body) in [
        ("0", "/", Body::Connect(None)),
        (r#"0{"token":"x"}"#, "/", Body::Connect(Some(r#"{"token":"x"}"#.into()))),
        ("0/admin,", "/admin", Body::Connect(None)),
        ("0/admin", "/admin", Body::Connect(None)),
        (r#"0/admin,{"a":1}"#, "/admin", Body::Connect(Some(r#"{"a":1}"#.into()))),
        ("1", "/", Body::Disconnect),
        ("1/admin,", "/admin", Body::Disconnect),
        (r#"2["x"]"#, "/", event(None, "x", "")),
        (r#"2["x",1,{"a":[]}]"#, "/", event(None, "x", r#"1,{"a":[]}"#)),
        (r#"212["x"]"#, "/", event(Some(12), "x", "")),
        (r#"2/admin,0["x",null]"#, "/admin", event(Some(0), "x", "null")),
        ("37[]", "/", Body::Ack { id: 7, args: Args::new() }),
        (r#"3/admin,7["a",2]"#, "/admin", Body::Ack { id: 7, args: args(r#""a",2"#, &[]) }),
    ] {
        assert_eq!(read(text), Ok(Packet { namespace: namespace.into(), body }), "{text}");
    }
}

#[test]
fn what_breaks_the_protocol_is_refused() {
    for (text, error) in [
        ("", DecodeError::Empty),
        ("8", DecodeError::UnknownType),
        ("abc", DecodeError::UnknownType),
        ("-1", DecodeError::UnknownType),
        ("é", DecodeError::UnknownType),
        ("😀[\"x\"]", DecodeError::UnknownType),
        (r#"4{"message":"x"}"#, DecodeError::ConnectError),
        // CONNECT and DISCONNECT
        (r#"0/admin,"x""#, DecodeError::Auth),
        ("0[]", DecodeError::Auth),
        ("0{", DecodeError::Auth),
        ("0{}{}", DecodeError::Auth),
        ("0/admin,null", DecodeError::Auth),
        ("0 1[]", DecodeError::Auth),
        ("1{}", DecodeError::DisconnectData),
        ("1/admin,1", DecodeError::DisconnectData),
        // names
        ("2[true]", DecodeError::Name),
        ("2[null]", DecodeError::Name),
        ("2[{}]", DecodeError::Name),
        ("2[[]]", DecodeError::Name),
        ("2[]", DecodeError::Name),
        (r#"2[{"toString":"foo"}]"#, DecodeError::Name),
        (r#"2["connect"]"#, DecodeError::ReservedName),
        (r#"2["connect_error"]"#, DecodeError::ReservedName),
        (r#"2["disconnect"]"#, DecodeError::ReservedName),
        (r#"2["disconnecting"]"#, DecodeError::ReservedName),
        (r#"2["newListener"]"#, DecodeError::ReservedName),
        (r#"2["removeListener"]"#, DecodeError::ReservedName),
        (r#"2["dis\u0063onnect"]"#, DecodeError::ReservedName),
        // data
        ("2", DecodeError::Json(0)),
        ("2{}", DecodeError::Json(0)),
        (r#"2"x""#, DecodeError::Json(0)),
        (r#"2["x""#, DecodeError::Json(4)),
        (r#"2["x",]"#, DecodeError::Json(5)),
        (r#"2["x"]]"#, DecodeError::Json(5)),
        (r#"2["x",01]"#, DecodeError::Json(6)),
        (r#"2["x","\x"]"#, DecodeError::Json(6)),
        (r#"2/admin["x"]"#, DecodeError::Json(0)),
        ("3", DecodeError::Json(0)),
        ("31", DecodeError::Json(0)),
        ("31{}", DecodeError::Json(0)),
        // ack ids
        (r#"2-1["x"]"#, DecodeError::Json(0)),
        (r#"21.5["x"]"#, DecodeError::Json(0)),
        (r#"21e3["x"]"#, DecodeError::Json(0)),
        (r#"29007199254740993["x"]"#, DecodeError::AckId),
        (r#"218446744073709551616["x"]"#, DecodeError::AckId),
        // attachments
        (r#"5["x"]"#, DecodeError::Attachments),
        (r#"5-["x"]"#, DecodeError::Attachments),
        (r#"50-["x"]"#, DecodeError::Attachments),
        (r#"60-1["x"]"#, DecodeError::Attachments),
        (r#"5a-["x"]"#, DecodeError::Attachments),
        (r#"51.5-["x"]"#, DecodeError::Attachments),
        (r#"51e0-["x"]"#, DecodeError::Attachments),
        (r#"5-1-["x"]"#, DecodeError::Attachments),
        (r#"511-["x"]"#, DecodeError::TooManyAttachments(10)),
        (r#"5999999-["x"]"#, DecodeError::TooManyAttachments(10)),
        (r#"518446744073709551616-["x"]"#, DecodeError::TooManyAttachments(10)),
        // placeholders
        (r#"51-["x",{"_placeholder":true,"num":"splice"}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":1}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":-1}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":0.5}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":1e400}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true}]"#, DecodeError::Placeholder),
        (r#"51-["x",{"_placeholder":true,"num":0,"num":1}]"#, DecodeError::Placeholder),
        (r#"51-["x",[{"a":{"\u005fplaceholder" : true , "num" : 2 }}]]"#, DecodeError::Placeholder),
    ] {
        assert_eq!(decoder().text(text.into()), Err(error), "{text}");
    }
    assert_eq!(read(&format!("2{}[\"x\"]", "1".repeat(400))), Err(DecodeError::AckId));
}

#[test]
fn an_ack_without_an_id_is_one_that_nobody_waits_for() {
    let ack = read(r#"3["x"]"#).unwrap();
    assert_eq!(ack.body, Body::Ack { id: Body::NO_ACK_ID, args: args(r#""x""#, &[]) });
}

#[test]
fn ack_ids_go_up_to_the_greatest_exact_integer_of_javascript() {
    assert_eq!(read(r#"29007199254740992["x"]"#).unwrap().body, event(Some(1 << 53), "x", ""));
}

#[test]
fn numeric_names_keep_their_text() {
    for name in ["1", "-0", "1.50", "1e3"] {
        assert_eq!(read(&format!("2[{name},\"x\"]")).unwrap().body, event(None, name, r#""x""#));
    }
}

#[test]
fn names_are_freed_of_their_escapes() {
    for (quoted, name) in
        [(r#""""#, ""), (r#""a\"b\\\n""#, "a\"b\\\n"), (r#""\u00e9""#, "é"), (r#""\ud83d\ude00""#, "😀")]
    {
        assert_eq!(read(&format!("2[{quoted}]")).unwrap().body, event(None, name, ""), "{quoted}");
    }
    assert!(read(r#"2["\ud800x"]"#).is_ok(), "a lone surrogate closes nothing");
}

#[test]
fn names_that_javascript_objects_have_are_ordinary() {
    for name in ["__proto__", "constructor", "toString", "error", "message"] {
        let packet = read(&format!("2/{name},[\"{name}\"]")).unwrap();
        assert_eq!(packet.namespace, format!("/{name}"));
        assert_eq!(packet.body, event(None, name, ""));
    }
}

#[test]
fn the_query_string_of_a_namespace_is_cut_off() {
    assert_eq!(&*read("0/admin?token=1&x,").unwrap().namespace, "/admin");
    assert_eq!(&*read("0/?token=1").unwrap().namespace, "/");
}

#[test]
fn arguments_pass_byte_for_byte() {
    for json in [
        r#""\ud800""#,
        r#"{"a":1,"a":2}"#,
        r#"{"__proto__":{"x":1}}"#,
        "1e400,-0,123456789012345678901234567890",
        " [ 1 ,\t2 ] , { \"a\" : 1 }",
        r#""\/\u0041""#,
        r#"{"_placeholder":true,"num":7}"#,
        "\"\u{7f}\u{2028}\"",
    ] {
        let Body::Event { args, .. } = read(&format!("2[\"x\",{json}]")).unwrap().body else {
            unreachable!()
        };
        assert_eq!(args.json(), json);
    }
}

#[test]
fn the_depth_of_an_argument_is_limited() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("2[\"x\",{}{}]", open.repeat(depth), close.repeat(depth))
    };
    assert!(read(&nested("[", "]", 64)).is_ok());
    assert_eq!(read(&nested("[", "]", 65)), Err(DecodeError::TooDeep(64)));
    assert_eq!(read(&nested("[", "]", 100_000)), Err(DecodeError::TooDeep(64)));
    assert!(read(&nested("[{\"a\":[", "]}]", 21)).is_ok());
    assert_eq!(read(&nested("[{\"a\":[", "]}]", 22)), Err(DecodeError::TooDeep(64)));
    assert_eq!(read(&format!("2[\"x\",{}", "[".repeat(100_000))), Err(DecodeError::TooDeep(64)));
    assert_eq!(read(&format!("2[\"x\",{}", "{\"a\":".repeat(100_000))), Err(DecodeError::TooDeep(64)));
}

#[test]
fn a_deep_auth_payload_is_left_to_the_server() {
    let auth = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&format!("0{auth}")).unwrap().body, Body::Connect(Some(auth.into())));
}

#[test]
fn the_number_of_arguments_and_the_length_of_names_are_limited() {
    let with_args = |count: usize| format!("2[\"x\"{}]", ",1".repeat(count));
    assert!(read(&with_args(128)).is_ok());
    assert_eq!(read(&with_args(129)), Err(DecodeError::TooManyArgs(128)));
    assert_eq!(read(&with_args(100_000)), Err(DecodeError::TooManyArgs(128)));
    assert_eq!(read(&format!("31[1{}]", ",1".repeat(128))), Err(DecodeError::TooManyArgs(128)));

    let named = |length: usize| format!("2[\"{}\"]", "n".repeat(length));
    assert!(read(&named(255)).is_ok());
    assert_eq!(read(&named(256)), Err(DecodeError::NameTooLong(255)));
    assert_eq!(read(&named(999_000)), Err(DecodeError::NameTooLong(255)));
    assert!(read(&format!("2[\"{}\"]", r"\u0041".repeat(255))).is_ok());
    assert_eq!(read(&format!("2[\"{}\"]", r"\u0041".repeat(256))), Err(DecodeError::NameTooLong(255)));

    assert!(read(&format!("0/{},", "n".repeat(254))).is_ok());
    assert_eq!(read(&format!("0/{},", "n".repeat(255))), Err(DecodeError::NamespaceTooLong(255)));
}

#[test]
fn attachments_complete_a_packet() {
    let mut decoder = decoder();
    let text = r#"52-/chat,9["x",{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}]]"#;
    assert_eq!(decoder.text(text.into()), Ok(None));
    assert!(decoder.is_waiting());
    assert_eq!(decoder.binary(Bytes::from_static(b"a")), Ok(None));
    assert!(decoder.is_waiting());
    let packet = decoder.binary(Bytes::from_static(b"b")).unwrap().unwrap();
    assert!(!decoder.is_waiting());
    assert_eq!(packet.namespace, "/chat");
    let json = r#"{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}]"#;
    assert_eq!(packet.body, Body::Event { id: Some(9), name: "x".into(), args: args(json, &[b"a", b"b"]) });

    assert_eq!(decoder.text(r#"61-3[{"_placeholder":true,"num":0}]"#.into()), Ok(None));
    let packet = decoder.binary(Bytes::new()).unwrap().unwrap();
    assert_eq!(packet.body, Body::Ack { id: 3, args: args(r#"{"_placeholder":true,"num":0}"#, &[b""]) });
}

/// Between nodes there is no limit, and no memory is set aside for what is only announced.
#[test]
fn attachments_cost_nothing_before_they_come() {
    let mut decoder = PacketDecoder::new(PacketLimits { attachments: usize::MAX, ..PacketLimits::default() });
    assert_eq!(decoder.text(format!("5{}-[\"x\"]", usize::MAX).into()), Ok(None));
    assert_eq!(decoder.binary(Bytes::new()), Ok(None));
}

#[test]
fn attachments_may_be_named_not_at_all_or_twice() {
    for json in [
        "",
        r#","{\"_placeholder\":true}",{"_placeholder":1,"num":9},{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
    ] {
        let mut decoder = decoder();
        assert_eq!(decoder.text(format!("51-[\"x\"{json}]").into()), Ok(None));
        let Body::Event { args, .. } = decoder.binary(Bytes::from_static(b"a")).unwrap().unwrap().body else {
            unreachable!()
        };
        assert_eq!(args.attachments(), [Bytes::from_static(b"a")]);
        assert_eq!(args.json(), json.trim_start_matches(','));
    }
}

#[test]
fn text_and_attachments_may_not_be_mixed_up() {
    let mut decoder = decoder();
    assert_eq!(decoder.binary(Bytes::new()), Err(DecodeError::UnexpectedBinary));
    assert_eq!(decoder.text(r#"52-["x"]"#.into()), Ok(None));
    assert_eq!(decoder.binary(Bytes::new()), Ok(None));
    assert_eq!(decoder.text(r#"51-/other,["x"]"#.into()), Err(DecodeError::TextWhileWaiting));
    assert!(!decoder.is_waiting());
    assert_eq!(decoder.binary(Bytes::new()), Err(DecodeError::UnexpectedBinary));
}

#[test]
fn text_and_attachments_share_one_limit_of_bytes() {
    let text = r#"52-["x"]"#;
    let limits = PacketLimits { bytes: text.len() + 10, ..PacketLimits::default() };
    for (second, result) in [(4, true), (5, false)] {
        let mut decoder = PacketDecoder::new(limits);
        assert_eq!(decoder.text(text.into()), Ok(None));
        assert_eq!(decoder.binary(vec![0; 6].into()), Ok(None));
        assert_eq!(decoder.binary(vec![0; second].into()).is_ok(), result);
    }
    let long = format!("2[\"x\",\"{}\"]", "a".repeat(1_000_000));
    assert_eq!(read(&long), Err(DecodeError::TooBig(1_000_000)));
}
