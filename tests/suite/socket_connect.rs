//! Joining Socket.IO namespaces.

use std::time::{Duration, Instant};

use natter_tests::{SOCKET_IO, Session, Testbed};

fn joins_and_is_greeted(session: &mut impl Session) {
    let sid = session.connect_namespace("/");
    assert!(sid.len() >= 20, "{sid} is short");
    assert_ne!(sid, session.open().sid, "the socket's id would give the session's away");
    assert_eq!(session.receive_text(), r#"2["auth",{}]"#);
}

#[test]
fn the_main_namespace_is_joined_over_websocket() {
    let testbed = Testbed::shared("clients");
    joins_and_is_greeted(&mut testbed.open_websocket(SOCKET_IO));
}

#[test]
fn the_main_namespace_is_joined_over_polling() {
    let testbed = Testbed::shared("clients");
    joins_and_is_greeted(&mut testbed.open_polling(SOCKET_IO));
}

#[test]
fn the_auth_payload_reaches_the_handler_as_it_was_sent() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.connect_namespace_with("/", r#"{"token":"123","deep":{"n":[1.50,null]}}"#);
    let greeting = session.receive_text();
    let greeting: serde_json::Value = serde_json::from_str(&greeting[1..]).expect("an event");
    assert_eq!(greeting, serde_json::json!(["auth", {"token": "123", "deep": {"n": [1.5, null]}}]));
}

#[test]
fn a_custom_namespace_is_joined_without_the_main_one() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.connect_namespace_with("/custom", r#"{"token":"abc"}"#);
    assert_eq!(session.receive_text(), r#"2/custom,["auth",{"token":"abc"}]"#);
}

#[test]
fn two_namespaces_share_a_connection_under_different_ids() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    let main = session.enter("/");
    let custom = session.enter("/custom");
    assert_ne!(main, custom);
    session.send(r#"2["message","m"]"#);
    assert_eq!(session.receive_text(), r#"2["message-back","m"]"#);
    session.send(r#"2/custom,["message","c"]"#);
    assert_eq!(session.receive_text(), r#"2/custom,["message-back","c"]"#);
}

#[test]
fn an_unknown_namespace_is_refused_and_the_connection_stays() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    for name in ["/random", "/customs", "/__proto__", "/a%20b", "/ünï"] {
        session.send(&format!("0{name},"));
        let answer = session.receive_text();
        assert_eq!(answer, format!(r#"4{name},{{"message":"Invalid namespace"}}"#));
    }
    session.enter("/");
}

#[test]
fn a_client_that_joins_nothing_is_closed() {
    let testbed = Testbed::shared("protocol");
    closed_after_the_deadline(&testbed, |testbed| testbed.open_websocket(SOCKET_IO));
    closed_after_the_deadline(&testbed, |testbed| testbed.open_polling(SOCKET_IO));
    closed_after_the_deadline(&testbed, |testbed| testbed.open_polling(SOCKET_IO).upgrade());
}

fn closed_after_the_deadline<S: Session>(testbed: &Testbed, open: impl Fn(&Testbed) -> S) {
    let opened = Instant::now();
    let mut session = open(testbed);
    session.expect_closed();
    assert!(opened.elapsed() > Duration::from_millis(900), "closed after only {:?}", opened.elapsed());
    testbed.forgets(&session);
}

#[test]
fn a_client_that_was_only_refused_is_closed_too() {
    let testbed = Testbed::shared("protocol");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.send("0/random,");
    session.receive_text();
    session.expect_closed();
    testbed.forgets(&session);
}

#[test]
fn a_client_that_joined_outlives_the_deadline() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    session.hears_nothing_for(Duration::from_millis(2500));
    session.send(r#"2["message"]"#);
    assert_eq!(session.receive_text(), r#"2["message-back"]"#);
}
