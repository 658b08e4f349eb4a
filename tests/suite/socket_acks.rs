//! Acknowledgements.

use natter_tests::{SOCKET_IO, Session, Testbed, WebSocketSession};

fn entered(testbed: &Testbed) -> WebSocketSession {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/");
    session
}

#[test]
fn an_acknowledgement_carries_the_id_and_the_arguments() {
    let testbed = Testbed::shared("clients");
    let mut session = entered(&testbed);
    for id in ["0", "1", "456", "9007199254740991"] {
        session.send(&format!(r#"2{id}["message-with-ack",1,"2",{{"3":[false]}}]"#));
        assert_eq!(session.receive_text(), format!(r#"3{id}[1,"2",{{"3":[false]}}]"#));
    }
}

#[test]
fn an_acknowledgement_of_nothing_is_an_empty_list() {
    let testbed = Testbed::shared("clients");
    let mut session = entered(&testbed);
    session.send(r#"27["message-with-ack"]"#);
    assert_eq!(session.receive_text(), "37[]");
}

#[test]
fn a_binary_acknowledgement_carries_the_attachments() {
    let testbed = Testbed::shared("clients");
    let mut session = entered(&testbed);
    session.send(r#"51-789["message-with-ack",{"_placeholder":true,"num":0}]"#);
    session.send_binary(&[1, 2, 3]);
    assert_eq!(session.receive_text(), r#"61-789[{"_placeholder":true,"num":0}]"#);
    assert_eq!(session.receive().binary(), [1, 2, 3]);
}

#[test]
fn an_acknowledgement_in_a_namespace_keeps_its_name() {
    let testbed = Testbed::shared("clients");
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.enter("/custom");
    session.send(r#"2/custom,1["message-with-ack","x"]"#);
    assert_eq!(session.receive_text(), r#"3/custom,1["x"]"#);
}

#[test]
fn the_same_id_may_be_used_again() {
    let testbed = Testbed::shared("clients");
    let mut session = entered(&testbed);
    for n in 0..3 {
        session.send(&format!(r#"21["message-with-ack",{n}]"#));
        assert_eq!(session.receive_text(), format!("31[{n}]"));
    }
}

#[test]
fn acknowledgements_that_nobody_waits_for_are_ignored() {
    let testbed = Testbed::shared("clients");
    let mut session = entered(&testbed);
    for packet in [r#"3["x"]"#, r#"3999["x"]"#, r#"30["x"]"#, r#"30["x"]"#, "30[]"] {
        session.send(packet);
    }
    session.send(r#"2["message"]"#);
    assert_eq!(session.receive_text(), r#"2["message-back"]"#);
}
