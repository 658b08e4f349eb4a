//! The room protocol over raw packets.

mod node;

use node::Node;
use serde_json::{Value, json};

fn ok() -> Value {
    json!({"ok": true})
}

#[test]
fn what_is_published_reaches_the_room_and_not_the_publisher_byte_for_byte() {
    let node = Node::start(&[]);
    let (ann, bob) = (node.client(), node.client());
    assert_eq!(ann.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(
        ann.ask(2, r#"["publish","lobby","news",1e400,"\ud800",123456789012345678901234567890]"#),
        ok()
    );
    assert_eq!(bob.receive("42"), r#"["news",1e400,"\ud800",123456789012345678901234567890]"#);
    // Had the publisher got its own event, it would stand before this answer.
    ann.send(r#"423["whoami"]"#);
    let next = ann.next();
    assert!(next.starts_with("433"), "{next}");
}

#[test]
fn binary_data_is_published_with_its_attachments() {
    let node = Node::start(&[]);
    let (ann, bob) = (node.client(), node.client());
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    ann.send(&format!("451-[\"publish\",\"lobby\",\"blob\",{placeholder},\"end\"]\u{1e}bAQID"));
    assert_eq!(bob.receive("451-"), format!("[\"blob\",{placeholder},\"end\"]"));
    // The attachment is in the same answer or in the next one.
    assert_eq!(bob.receive("b"), "AQID");
}

#[test]
fn who_leaves_hears_nothing_more() {
    let node = Node::start(&[]);
    let (ann, bob) = (node.client(), node.client());
    assert_eq!(bob.ask(1, r#"["join","lobby"]"#), ok());
    assert_eq!(bob.ask(2, r#"["leave","lobby"]"#), ok());
    assert_eq!(ann.ask(1, r#"["publish","lobby","news"]"#), ok());
    bob.send(r#"423["whoami"]"#);
    let next = bob.next();
    assert!(next.starts_with("433"), "{next}");
}

#[test]
fn watching_tells_who_is_there_and_who_comes_goes_and_changes_names() {
    let node = Node::start(&[]);
    let (ann, bob) = (node.client(), node.client());
    let renamed = bob.ask(1, r#"["name"," Bob "]"#);
    assert_eq!((&renamed["ok"], &renamed["name"]), (&json!(true), &json!("Bob")));
    assert_eq!(bob.ask(2, r#"["join","lobby"]"#), ok());

    let watched = ann.ask(1, r#"["watch","lobby"]"#);
    assert_eq!(watched["people"], json!([{"id": renamed["id"], "name": "Bob", "node": "test"}]));
    assert_eq!(watched["count"], 1);

    let event = |packet: String| serde_json::from_str::<Value>(&packet).expect("JSON");
    let robert = json!({"id": renamed["id"], "name": "Robert", "node": "test"});
    // The same one is nothing to tell.
    assert_eq!(bob.ask(6, r#"["name","Bob"]"#)["name"], "Bob");
    bob.ask(3, r#"["name","Robert"]"#);
    assert_eq!(event(ann.receive("42")), json!(["renamed", "lobby", robert]));
    bob.ask(4, r#"["leave","lobby"]"#);
    assert_eq!(event(ann.receive("42")), json!(["left", "lobby", robert]));
    bob.ask(5, r#"["join","lobby"]"#);
    assert_eq!(event(ann.receive("42")), json!(["joined", "lobby", robert]));
    bob.send("1");
    assert_eq!(event(ann.receive("42")), json!(["left", "lobby", robert]));
    assert_eq!(ann.ask(2, r#"["who","lobby"]"#), json!({"ok": true, "people": [], "count": 0}));
}

#[test]
fn a_request_that_makes_no_sense_is_answered_with_the_reason() {
    let node = Node::start(&[]);
    let ann = node.client();
    for (id, (event, why)) in [
        (r#"["join"]"#, "room must be given as a text"),
        (r#"["join",42]"#, "room must be given as a text"),
        (r#"["join",""]"#, "room is empty"),
        (r#"["join","people:lobby"]"#, "reserved"),
        (r#"["publish","lobby"]"#, "event must be given as a text"),
        (r#"["publish","lobby","disconnect"]"#, "\"disconnect\" is reserved"),
        (r#"["publish","lobby","joined",{}]"#, "\"joined\" is reserved"),
        (r#"["name","a\nb"]"#, "control characters"),
        (r#"["name",{}]"#, "name must be given as a text"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ann.ask(id as u32, event);
        assert_eq!(answer["ok"], false, "{event}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(why)), "{event}: {answer}");
    }
    assert_eq!(ann.ask(100, r#"["join","lobby"]"#), ok(), "the connection lives");
}

#[test]
fn more_rooms_than_allowed_are_refused_and_the_connection_lives() {
    let node = Node::start(&["--max-rooms", "2"]);
    let ann = node.client();
    assert_eq!(ann.ask(1, r#"["join","a"]"#), ok());
    assert_eq!(ann.ask(2, r#"["join","b"]"#), ok());
    assert_eq!(ann.ask(3, r#"["join","c"]"#)["ok"], false);
    assert_eq!(ann.ask(4, r#"["leave","a"]"#), ok());
    assert_eq!(ann.ask(5, r#"["join","c"]"#), ok());
}

#[test]
fn nobody_joins_the_room_that_is_anothers_own() {
    let node = Node::start(&[]);
    let (ann, bob) = (node.client(), node.client());
    let id = bob.ask(1, r#"["whoami"]"#)["id"].clone();
    let join = json!(["join", id]).to_string();
    assert_eq!(ann.ask(1, &join), json!({"ok": false, "error": "this room is a socket's own"}));
    assert_eq!(bob.ask(2, &join)["ok"], false);
    let publish = json!(["publish", id, "psst", "only you"]).to_string();
    assert_eq!(ann.ask(2, &publish), ok());
    assert_eq!(bob.receive("42"), r#"["psst","only you"]"#);
}

#[test]
fn a_policy_of_rules_says_who_may_do_what() {
    let node = Node::start(&["--policy", "news-*=join, inbox=publish, lobby=join+publish"]);
    let ann = node.client();
    for (id, (event, allowed)) in [
        (r#"["join","news-sport"]"#, true),
        (r#"["publish","news-sport","x"]"#, false),
        (r#"["who","news-sport"]"#, true),
        (r#"["join","inbox"]"#, false),
        (r#"["watch","inbox"]"#, false),
        (r#"["who","inbox"]"#, false),
        (r#"["publish","inbox","x"]"#, true),
        (r#"["join","lobby"]"#, true),
        (r#"["publish","lobby","x"]"#, true),
        (r#"["join","elsewhere"]"#, false),
        (r#"["publish","elsewhere","x"]"#, false),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ann.ask(id as u32, event);
        assert_eq!(answer["ok"], allowed, "{event}: {answer}");
    }
}
