//! Handlers that panic, fail, dawdle and flood: whatever an application does to one of its clients, no other notices.

use natter_tests::{Ending, SOCKET_IO, Session, Stats, Testbed, Trial, WebSocketSession, eventually};

fn connected(testbed: &Testbed) -> WebSocketSession {
    let mut session = testbed.open_websocket(SOCKET_IO);
    session.connect_namespace("/");
    session
}

fn lives_on(session: &mut impl Session) {
    session.send(r#"29["echo","alive"]"#);
    assert_eq!(session.receive_text(), r#"39["alive"]"#);
}

/// Runs `act`, after which `read` must give this much more than before.
fn rises(testbed: &Testbed, by: u64, what: &str, read: fn(&Stats) -> u64, act: impl FnOnce()) {
    let before = read(&testbed.stats());
    act();
    eventually(&format!("{by} more {what}"), || match read(&testbed.stats()) - before {
        now if now == by => Ok(()),
        now => Err(format!("{now} more")),
    });
}

fn panics(testbed: &Testbed, times: usize, act: impl FnOnce()) {
    testbed.will_panic(times);
    rises(
        testbed,
        times as u64,
        "handlers panicked",
        |stats| stats.count("handler_panics"),
        || {
            rises(testbed, times as u64, "clients cut for it", |stats| stats.closed("handler panicked"), act);
        },
    );
}

#[test]
fn a_handler_that_panics_costs_its_client_the_connection_and_the_others_nothing() {
    let mut trial = Trial::of("faults");
    for event in ["panic", "panic-late"] {
        let event_packet = format!(r#"2["{event}"]"#);
        trial.case(&format!("{event} over WebSocket"), |testbed| {
            let (mut session, mut other) = (connected(testbed), connected(testbed));
            panics(testbed, 1, || {
                session.send(&event_packet);
                assert_eq!(session.expect_closed().code, Some(1011));
            });
            testbed.forgets(&session);
            lives_on(&mut other);
        });
        trial.case(&format!("{event} over polling"), |testbed| {
            let mut session = testbed.open_polling(SOCKET_IO);
            session.connect_namespace("/");
            panics(testbed, 1, || {
                session.send(&event_packet);
                assert_eq!(session.expect_closed(), Ending { code: None, reason: "1".to_owned() });
            });
            testbed.forgets(&session);
        });
        trial.case(&format!("{event} while the client upgrades"), |testbed| {
            let mut session = testbed.open_polling(SOCKET_IO);
            session.connect_namespace("/");
            let mut socket = session.probe();
            panics(testbed, 1, || {
                session.send(&event_packet);
                socket.expect_closed();
                session.expect_closed();
            });
            testbed.forgets(&session);
        });
        trial.case(&format!("{event} of a client with handlers under way"), |testbed| {
            let mut session = connected(testbed);
            for id in 0..100 {
                session.send(&format!(r#"2{id}["slow",500]"#));
            }
            panics(testbed, 1, || {
                session.send(&event_packet);
                session.expect_closed();
            });
            testbed.forgets(&session);
        });
    }
    trial.case("200 clients at once", |testbed| {
        let mut sessions: Vec<_> = (0..200).map(|_| connected(testbed)).collect();
        panics(testbed, sessions.len(), || {
            for (n, session) in sessions.iter_mut().enumerate() {
                session.send(if n % 2 == 0 { r#"2["panic"]"# } else { r#"2["panic-late"]"# });
            }
            for session in &mut sessions {
                assert_eq!(session.expect_closed().code, Some(1011));
            }
        });
    });
    trial.conclude();
}

#[test]
fn a_handler_that_fails_is_reported_and_its_client_stays() {
    let mut trial = Trial::of("faults");
    let told = |session: &mut WebSocketSession| {
        let text = session.receive_text();
        assert!(text.starts_with(r#"2["error-seen","#), "expected the report, got {text}");
        text
    };
    trial.case("a handler that returns an error", |testbed| {
        let mut session = connected(testbed);
        rises(
            testbed,
            1,
            "failed events",
            |stats| stats.count("failed_events"),
            || {
                session.send(r#"2["throw"]"#);
                let text = told(&mut session);
                assert!(text.contains("asked to fail"), "{text}");
            },
        );
        lives_on(&mut session);
    });
    trial.case("arguments that fit", |testbed| {
        let mut session = connected(testbed);
        session.send(r#"21["typed",{"id":2.5,"more":[]}]"#);
        assert_eq!(session.receive_text(), "31[2.5]");
    });
    for arguments in
        ["", ",1", ",null", ",[]", ",{}", r#",{"id":"1"}"#, r#",{"id":null}"#, r#",{"id":[[[[]]]]}"#]
    {
        trial.case(&format!("arguments that do not fit: {arguments}"), |testbed| {
            let mut session = connected(testbed);
            rises(
                testbed,
                2,
                "invalid arguments",
                |stats| stats.count("invalid_arguments"),
                || {
                    session.send(&format!(r#"2["typed"{arguments}]"#));
                    told(&mut session);
                    // One that waits for an acknowledgement gets one.
                    session.send(&format!(r#"21["typed"{arguments}]"#));
                    assert_eq!(session.receive_text(), r#"31[{"error":"invalid arguments"}]"#);
                    told(&mut session);
                },
            );
            lives_on(&mut session);
        });
    }
    trial.conclude();
}

#[test]
fn more_events_than_may_be_handled_at_once_wait_for_their_turn() {
    let mut trial = Trial::of("faults");
    trial.case("3,000 handlers of 100 ms", |testbed| {
        let mut session = connected(testbed);
        let mut acks: Vec<String> = (0..3_000).map(|id| format!("3{id}[100]")).collect();
        for id in 0..acks.len() {
            session.send(&format!(r#"2{id}["slow",100]"#));
        }
        let mut answers: Vec<String> = (0..acks.len()).map(|_| session.receive_text()).collect();
        acks.sort_unstable();
        answers.sort_unstable();
        assert!(answers == acks, "an acknowledgement is missing, or came twice");
    });
    trial.case("a client that leaves a thousand handlers behind", |testbed| {
        let mut session = connected(testbed);
        for id in 0..1_000 {
            session.send(&format!(r#"2{id}["slow",3000]"#));
        }
        // By its end the session is forgotten, whatever still runs for it.
        session.send_packet("1");
        session.expect_closed();
        testbed.forgets(&session);
    });
    trial.conclude();
}

fn hears_flood(session: &mut impl Session, count: usize) {
    for n in 0..count {
        let text = session.receive_text();
        assert!(text.starts_with(&format!(r#"2["f",{n},"#)), "expected number {n}, got {text:.60}");
    }
}

#[test]
fn a_flood_arrives_whole_or_ends_its_client_alone() {
    let mut trial = Trial::of("faults");
    trial.case("half a megabyte over WebSocket", |testbed| {
        let mut session = connected(testbed);
        session.send(r#"2["flood",5000,80]"#);
        hears_flood(&mut session, 5_000);
        lives_on(&mut session);
    });
    trial.case("half a megabyte over polling", |testbed| {
        let mut session = testbed.open_polling(SOCKET_IO);
        session.connect_namespace("/");
        // As real clients do, this one polls meanwhile: a POST is answered when there is room for what it causes.
        let mut post = testbed.http();
        post.begin("POST", session.target(), &[], br#"42["flood",5000,80]"#);
        hears_flood(&mut session, 5_000);
        assert_eq!(post.response().text(), "ok");
        session.send_packet("1");
        testbed.forgets(&session);
    });
    trial.case("20 MB", |testbed| {
        let (mut session, mut other) = (connected(testbed), connected(testbed));
        rises(
            testbed,
            1,
            "too slow",
            |stats| stats.closed("too slow"),
            || {
                session.send(r#"2["flood",320,65536]"#);
                session.expect_closed();
            },
        );
        testbed.forgets(&session);
        lives_on(&mut other);
    });
    trial.conclude();
}

#[test]
fn a_stream_at_full_speed_goes_through_an_upgrade_without_a_gap() {
    const COUNT: usize = 2_000;
    let mut trial = Trial::of("faults");
    for n in 0..20 {
        trial.case(&format!("upgrade {n}"), |testbed| {
            let mut polling = testbed.open_polling(SOCKET_IO);
            polling.connect_namespace("/");
            polling.send(&format!(r#"2["number-stream",{COUNT},0]"#));
            let mut session = polling.upgrade();
            for number in 0..COUNT {
                assert_eq!(session.receive_text(), format!(r#"2["n",{number}]"#));
            }
            lives_on(&mut session);
        });
    }
    trial.conclude();
}
