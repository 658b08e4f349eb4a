//! Opening an Engine.IO session.

use std::collections::BTreeSet;

use natter_tests::{ENGINE_IO, Open, SOCKET_IO, Session, Testbed};
use serde_json::json;

fn expect_handshake(open: &Open, upgrades: &[&str]) {
    let keys: BTreeSet<&str> = open.json.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = BTreeSet::from(["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert_eq!(keys, expected);
    assert!(!open.sid.is_empty());
    assert_eq!(open.json["upgrades"], json!(upgrades));
    assert_eq!(open.json["pingInterval"], 300);
    assert_eq!(open.json["pingTimeout"], 200);
    assert_eq!(open.json["maxPayload"], 1_000_000);
}

#[test]
fn a_polling_handshake_tells_the_terms_and_offers_websocket() {
    let testbed = Testbed::shared("protocol");
    for path in [ENGINE_IO, SOCKET_IO] {
        expect_handshake(testbed.open_polling(path).open(), &["websocket"]);
    }
}

#[test]
fn a_websocket_handshake_tells_the_terms_and_offers_nothing() {
    let testbed = Testbed::shared("protocol");
    for path in [ENGINE_IO, SOCKET_IO] {
        expect_handshake(testbed.open_websocket(path).open(), &[]);
    }
}

#[test]
fn the_handshake_response_is_uncached_plain_text_for_any_origin() {
    let testbed = Testbed::shared("protocol");
    let target = format!("{ENGINE_IO}?EIO=4&transport=polling");
    let response = testbed.http().request("GET", &target, &[("origin", "http://elsewhere.example")], b"");
    assert_eq!(response.status, 200);
    let kind = response.header("content-type").expect("a content type").to_ascii_lowercase();
    assert_eq!(kind.replace(' ', ""), "text/plain;charset=utf-8");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn session_ids_are_long_and_never_repeat() {
    let testbed = Testbed::shared("protocol");
    let mut http = testbed.http();
    let mut sids = BTreeSet::new();
    for _ in 0..200 {
        let response = http.get(&format!("{ENGINE_IO}?EIO=4&transport=polling"));
        let sid = Open::parse(response.text()).sid;
        assert!(sid.len() >= 20, "{sid} is short");
        assert!(
            sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)),
            "{sid} needs escapes"
        );
        assert!(sids.insert(sid), "a session id came twice");
    }
}

#[test]
fn other_query_parameters_are_nobodys_business() {
    let testbed = Testbed::shared("protocol");
    let response = testbed.http().get(&format!("{ENGINE_IO}?t=Pk1&EIO=4&b64=1&transport=polling&x=%20&y"));
    expect_handshake(&Open::parse(response.text()), &["websocket"]);
}
