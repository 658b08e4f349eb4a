use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use natter_protocol::{Args, ArgsError, Binary, EncodeError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const SLOT_0: &str = r#"{"_placeholder":true,"num":0}"#;
const SLOT_1: &str = r#"{"_placeholder":true,"num":1}"#;
const SLOT_2: &str = r#"{"_placeholder":true,"num":2}"#;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Upload {
    name: String,
    file: Binary,
    parts: Vec<Binary>,
    thumbnail: Option<Binary>,
    more: BTreeMap<String, Binary>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, u8);

fn raw(json: &str) -> Args {
    Args::from_json(json, Vec::new()).unwrap()
}

#[test]
fn a_tuple_is_spread_and_anything_else_is_one_argument() {
    fn check<T: Serialize + ?Sized>(value: &T, json: &str, count: usize) {
        let args = Args::of(value).unwrap();
        assert_eq!((args.json(), args.len()), (json, count));
        assert_eq!(args.iter().count(), count);
    }
    check(&(), "", 0);
    check(&("a", 1, [2]), r#""a",1,[2]"#, 3);
    check(&("a",), r#""a""#, 1);
    check(&[1, 2], "1,2", 2);
    check(&[0_u8; 0], "", 0);
    check(&&&(1, 2), "1,2", 2);
    check("a", r#""a""#, 1);
    check(&vec![1, 2], "[1,2]", 1);
    check(&[1, 2][..], "[1,2]", 1);
    check(&Pair(1, 2), "[1,2]", 1);
    check(&Some((1, 2)), "[1,2]", 1);
    check(&None::<u8>, "null", 1);
    check(&((), ((1, 2), 3)), "null,[[1,2],3]", 2);
    check(&json!({"a": [1, null]}), r#"{"a":[1,null]}"#, 1);
    check(&(f64::NAN, f32::INFINITY, 1.5), "null,null,1.5", 3);
    check(&HashMap::from([(1, 2)]), r#"{"1":2}"#, 1);
}

#[test]
fn a_map_key_that_cannot_be_a_string_is_an_error() {
    assert!(matches!(Args::of(&BTreeMap::from([(vec![1], 2)])), Err(EncodeError::Json(_))));
}

#[test]
fn bytes_anywhere_become_attachments_and_come_back() {
    let upload = Upload {
        name: "a".into(),
        file: vec![1].into(),
        parts: vec![vec![2].into(), vec![].into()],
        thumbnail: Some(vec![3].into()),
        more: BTreeMap::from([("k".into(), vec![4].into())]),
    };
    let args = Args::of(&(&upload, Bytes::from_static(b"5"), 6)).unwrap();
    assert_eq!(args.attachments(), [&[1][..], &[2], &[], &[3], &[4], b"5"]);
    assert_eq!(args.raw(1), Some(r#"{"_placeholder":true,"num":5}"#));
    assert_eq!(args.raw(2), Some("6"));
    assert_eq!(args.raw(3), None);

    assert_eq!(args.get::<Upload>(0).unwrap(), upload);
    assert_eq!(args.parse::<(Upload, Binary, u8)>().unwrap(), (upload, Binary::from(b"5".to_vec()), 6));
}

#[test]
fn binary_is_shared_and_not_copied() {
    let bytes = Bytes::from(vec![7; 1_000]);
    let args = Args::of(&vec![Binary(bytes.clone())]).unwrap();
    assert_eq!(args.attachments()[0].as_ptr(), bytes.as_ptr());
    assert_eq!(args.get::<Vec<Binary>>(0).unwrap()[0].as_ptr(), bytes.as_ptr());
}

#[test]
fn binary_that_is_none_is_named_in_the_error() {
    for (json, message) in [
        (r#"["a"]"#, "expected binary data"),
        ("[[1,2]]", "expected binary data"),
        ("[{}]", "expected binary data"),
        (r#"[{"_placeholder":false,"num":0}]"#, "expected binary data"),
        (r#"[{"_placeholder":true,"num":0}]"#, "names no attachment"),
        (r#"[{"_placeholder":true}]"#, "names no attachment"),
    ] {
        let error = raw(json).get::<Binary>(0).unwrap_err().to_string();
        assert!(error.contains(message), "{json}: {error}");
    }
}

#[test]
fn a_tuple_takes_arguments_one_by_one() {
    let args = raw(r#"[ 1 , "a,]" ,[2,3]]"#);
    assert_eq!(args.parse::<(u8, String, Vec<u8>)>().unwrap(), (1, "a,]".into(), vec![2, 3]));
    assert_eq!(args.parse::<(u8,)>().unwrap(), (1,), "what is beyond is ignored");
    assert_eq!(args.parse::<(u8, String, Pair, Option<u8>)>().unwrap(), (1, "a,]".into(), Pair(2, 3), None));
    assert_eq!(raw("[1,2]").parse::<[u8; 2]>().unwrap(), [1, 2]);
    args.parse::<()>().unwrap();

    let error = args.parse::<(u8, String, Value, u8, u8)>().unwrap_err();
    assert_eq!(error.to_string(), "missing argument 3");
    let error = args.parse::<(u8, u8)>().unwrap_err();
    assert!(matches!(error, ArgsError::Invalid { index: 1, .. }), "{error}");
    assert!(error.to_string().starts_with("argument 1: invalid type: string"), "{error}");
}

#[test]
fn any_other_type_takes_the_first_argument() {
    assert_eq!(raw("[1,2]").parse::<u8>().unwrap(), 1);
    assert_eq!(raw("[[1,2],3]").parse::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(raw("[[1,2],3]").parse::<Pair>().unwrap(), Pair(1, 2));
    assert_eq!(raw("[{\"a\":1}]").parse::<Value>().unwrap(), json!({"a": 1}));
    assert_eq!(raw("[]").parse::<Option<u8>>().unwrap(), None);
    assert_eq!(raw("[null]").parse::<Option<u8>>().unwrap(), None);
    assert_eq!(raw("[5]").parse::<Option<u8>>().unwrap(), Some(5));
    raw("[]").parse::<()>().unwrap();
    assert!(matches!(raw("[]").parse::<u8>(), Err(ArgsError::Missing(0))));
    assert!(matches!(raw("[]").get::<u8>(4), Err(ArgsError::Missing(4))));
    assert_eq!(raw("[]").get::<Option<u8>>(4).unwrap(), None);
}

#[test]
fn args_take_all_arguments_and_give_them_back_byte_for_byte() {
    let args = raw(r#"[ "\ud800" ,1e400,{"a":1,"a":2}]"#);
    assert_eq!(args.parse::<Args>().unwrap(), args);
    assert_eq!(Args::of(&args).unwrap(), args);
    assert_eq!(Args::of(&&args).unwrap(), args, "by reference too");
    assert_eq!(Args::of(&(1, &args)).unwrap().json(), format!("1,[{}]", args.json()));
    let (first, nested) = raw(r#"[1,[ 2,"\ud800"]]"#).parse::<(u8, Args)>().unwrap();
    assert_eq!((first, nested.json(), nested.len()), (1, r#" 2,"\ud800""#, 2));
    assert!(raw("[1]").parse::<(Args,)>().is_err());
}

#[test]
fn nested_args_carry_their_attachments_along() {
    let inner = Args::of(&(Binary::from(vec![1]), Binary::from(vec![2]))).unwrap();
    let outer = Args::of(&(Binary::from(vec![0]), &inner, "x")).unwrap();
    assert_eq!(outer.json(), format!(r#"{SLOT_0},[{SLOT_1},{SLOT_2}],"x""#));
    assert_eq!(outer.attachments(), [&[0][..], &[1], &[2]]);

    let error = serde_json::to_string(&inner).unwrap_err();
    assert!(error.to_string().contains("Args::of"), "{error}");
    assert_eq!(serde_json::to_string(&raw("[1,2]")).unwrap(), "[1,2]");
}

#[test]
fn a_value_that_encodes_args_of_its_own_disturbs_nothing() {
    struct Nosy;
    impl Serialize for Nosy {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            assert_eq!(Args::of(&Binary::from(vec![9])).unwrap().attachments().len(), 1);
            serializer.serialize_str("nosy")
        }
    }
    let args = Args::of(&(Binary::from(vec![1]), Nosy, Binary::from(vec![2]))).unwrap();
    assert_eq!(args.json(), format!(r#"{SLOT_0},"nosy",{SLOT_1}"#));
    assert_eq!(args.attachments(), [&[1][..], &[2]]);
}

#[test]
fn a_first_argument_moves_the_placeholders_behind_it() {
    let args = Args::of(&(Binary::from(vec![1]), "x")).unwrap();
    let more = args.with_first(&Binary::from(vec![0])).unwrap();
    assert_eq!(more.json(), format!(r#"{SLOT_0},{SLOT_1},"x""#));
    assert_eq!(more.attachments(), [&[0][..], &[1]]);
    assert_eq!(args.with_first(&(1, 2)).unwrap().json(), format!(r#"[1,2],{SLOT_0},"x""#));
    assert_eq!(args.with_first("e").unwrap().attachments(), [&[1][..]]);
    assert_eq!(Args::new().with_first("e").unwrap(), Args::of("e").unwrap());
    assert_eq!(args.concat(&Args::new()).unwrap(), args);
}

#[test]
fn placeholders_are_renumbered_without_touching_anything_else() {
    let odd = r#"[{"num" : 0 ,"x":"num", "_placeholder": true}, {"a":{"\u005fplaceholder":true,"num":1}},{"num":0},"\ud800"]"#;
    let args = Args::from_json(odd, vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]).unwrap();
    assert_eq!(
        args.with_first(&vec![Binary::default(); 10]).unwrap().json().rsplit_once("],").unwrap().1,
        r#"{"num" : 10 ,"x":"num", "_placeholder": true}, {"a":{"\u005fplaceholder":true,"num":11}},{"num":0},"\ud800""#
    );
}

#[test]
fn an_object_that_poses_as_a_placeholder_is_refused_beside_attachments() {
    let forged = raw(r#"[{"_placeholder":true,"num":7}]"#);
    assert_eq!(forged.len(), 1, "alone it is an ordinary object");
    let binary = Args::of(&Binary::from(vec![1])).unwrap();
    assert!(matches!(binary.concat(&forged), Err(EncodeError::Placeholder)));
    assert!(matches!(forged.concat(&binary), Err(EncodeError::Placeholder)));
    assert!(matches!(forged.with_first(&Binary::default()), Err(EncodeError::Placeholder)));
    let value = json!({"_placeholder": true, "num": 7});
    assert!(matches!(Args::of(&(value, Binary::default())), Err(EncodeError::Placeholder)));
}

#[test]
fn text_that_is_no_array_becomes_no_arguments() {
    for json in ["", "1", "{}", "[1", "[1]x", "[,]"] {
        assert!(matches!(Args::from_json(json, Vec::new()), Err(EncodeError::NotAnArray)), "{json}");
    }
    assert_eq!(Args::from_json(" [ ] ", Vec::new()).unwrap().len(), 0);
}
