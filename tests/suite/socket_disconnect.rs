//! Leaving Socket.IO namespaces.

use natter_tests::{SOCKET_IO, Session, Testbed};

#[test]
fn a_client_leaves_one_namespace_and_stays_in_the_other() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    session.enter("/custom");
    session.send("1");
    session.send(r#"2/custom,["message","here"]"#);
    assert_eq!(session.receive_text(), r#"2/custom,["message-back","here"]"#);
}

#[test]
fn a_namespace_may_be_joined_again_under_a_new_id() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/custom");
    let first = session.enter("/");
    session.send("1");
    let second = session.enter("/");
    assert_ne!(first, second);
    session.send("1/custom,");
    session.enter("/custom");
}

#[test]
fn an_event_for_a_namespace_that_was_left_ends_the_connection() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    session.enter("/custom");
    session.send("1");
    session.send(r#"2["message"]"#);
    session.expect_closed();
    testbed.forgets(&session);
}

#[test]
fn the_end_of_the_connection_is_the_end_of_its_sockets() {
    let testbed = Testbed::shared("load");
    let mut member = testbed.open_websocket(SOCKET_IO);
    let id = member.connect_namespace("/");
    let mut other = testbed.open_websocket(SOCKET_IO);
    other.connect_namespace("/");
    let target = member.mismatched_target();
    member.send_packet("1");
    member.expect_closed();
    testbed.forgets_target(&target);
    // Nobody answers at its id any more, and the sender is none the worse.
    other.send(&format!(r#"2["direct","{id}",1]"#));
    other.send(r#"21["echo",2]"#);
    loop {
        match other.receive_text() {
            text if text.starts_with(r#"2["b""#) => {}
            text => {
                assert_eq!(text, "31[2]");
                break;
            }
        }
    }
}
