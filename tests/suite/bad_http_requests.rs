//! Requests that no client should send.

use std::time::{Duration, Instant};

use natter_tests::{Answer, ENGINE_IO, Heard, PATIENCE, Response, SOCKET_IO, Session, Trial};

fn expect_error(response: &Response, code: u64) {
    assert_eq!(response.status, 400, "{response:?}");
    assert_eq!(response.error_code(), Some(code), "{}", response.text());
}

#[test]
fn handshakes_with_a_wrong_query_are_refused_with_their_code() {
    let mut trial = Trial::of("load");
    let cases = [
        ("H-01 no revision", "transport=polling", 5),
        ("H-02 a revision that is no number", "EIO=abc&transport=polling", 5),
        ("H-02 revision 3", "EIO=3&transport=polling", 5),
        ("H-02 revision 5", "EIO=5&transport=polling", 5),
        ("H-02 two revisions", "EIO=4&EIO=3&transport=polling", 5),
        ("H-02 an empty revision", "EIO=&transport=polling", 5),
        ("H-03 no transport", "EIO=4", 0),
        ("H-03 an unknown transport", "EIO=4&transport=carrier-pigeon", 0),
        ("H-03 a transport named like a property", "EIO=4&transport=__proto__", 0),
        ("H-03 an empty transport", "EIO=4&transport=", 0),
        ("H-03 a transport in capitals", "EIO=4&transport=POLLING", 0),
    ];
    for path in [ENGINE_IO, SOCKET_IO] {
        for (name, query, code) in cases {
            trial.case(&format!("{name} at {path}"), |testbed| {
                expect_error(&testbed.http().get(&format!("{path}?{query}")), code);
            });
        }
    }
    trial.case("H-28 JSONP, which this revision does not have", |testbed| {
        let response = testbed.http().get(&format!("{ENGINE_IO}?EIO=4&transport=polling&j=0;alert(1)"));
        assert_eq!(response.status, 400, "{response:?}");
    });
    trial.conclude();
}

#[test]
fn handshakes_with_a_head_that_nobody_should_keep_are_refused() {
    let mut trial = Trial::of("load");
    let target = format!("{ENGINE_IO}?EIO=4&transport=polling");
    let ask = |testbed: &natter_tests::Testbed, bytes: usize| {
        testbed.http().request("GET", &target, &[("x-long", &"x".repeat(bytes))], b"").status
    };
    trial.case("a head of more than 16 KiB", |testbed| assert_eq!(ask(testbed, 16 * 1024), 431));
    trial.case("100 of them", |testbed| {
        for _ in 0..100 {
            assert_eq!(ask(testbed, 100 * 1024), 431);
        }
    });
    trial.conclude();
}

#[test]
fn handshakes_with_a_wrong_method_are_refused() {
    let mut trial = Trial::of("load");
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        trial.case(&format!("H-04 {method}"), |testbed| {
            let target = format!("{ENGINE_IO}?EIO=4&transport=polling");
            expect_error(&testbed.http().request(method, &target, &[], b""), 2);
        });
    }
    trial.conclude();
}

#[test]
fn unknown_sessions_are_refused_and_never_created() {
    let mut trial = Trial::of("load");
    let long = "a".repeat(64 * 1024);
    let sids = [
        "unknown",
        "",
        "__proto__",
        "constructor",
        "%00",
        "../",
        "..%2f..%2f",
        "%ff",
        "%",
        "%zz",
        "a%0d%0ab",
        &long,
    ];
    for sid in sids {
        for (transport, method) in [("polling", "GET"), ("polling", "POST"), ("websocket", "GET")] {
            trial.case(&format!("H-06 {method} for {transport} with the sid {sid:.20}"), |testbed| {
                let target = format!("{ENGINE_IO}?EIO=4&transport={transport}&sid={sid}");
                let opened = testbed.stats().engine().count("opened");
                let response = testbed.http().request(method, &target, &[], b"");
                // A target of this length does not reach the protocol: HTTP refuses it, without a word.
                if sid == long && response.body.is_empty() {
                    assert_eq!(response.status, 400, "{response:?}");
                } else {
                    expect_error(&response, 1);
                }
                assert_eq!(testbed.stats().engine().count("opened"), opened, "a session was created");
            });
        }
    }
    trial.conclude();
}

#[test]
fn overlapping_requests_of_one_session_end_it() {
    let mut trial = Trial::of("load");
    trial.case("H-08 two GETs at once", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        session.begin_poll();
        // The two travel on different connections, so either may come first; it is told that the session ends.
        let mut second = testbed.http();
        second.begin("GET", session.target(), &[], b"");
        let answers = [session.poll_response(), second.response()];
        let mut told: Vec<_> = answers.iter().map(|answer| (answer.status, answer.text())).collect();
        told.sort_unstable();
        assert_eq!(told[0], (200, "1"));
        assert_eq!(told[1].0, 400, "{told:?}");
        testbed.forgets(&session);
    });
    trial.case("H-09 two POSTs at once", |testbed| {
        let session = testbed.open_polling(ENGINE_IO);
        let mut first = testbed.http();
        let head =
            format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n4half", session.target());
        first.send(head.as_bytes());
        // The second may be read before the first, and is then an ordinary POST; so it is repeated.
        let refused = natter_tests::eventually("the second POST is refused", || {
            let response = testbed.http().post(session.target(), "4x");
            if response.status == 400 { Ok(response) } else { Err(format!("{response:?}")) }
        });
        // Or the first was read while a second one was being answered: then it is the one that was refused.
        let refused = if refused.error_code() == Some(1) { first.response() } else { refused };
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_ne!(refused.error_code(), Some(1), "the session was gone before");
        testbed.forgets(&session);
    });
    trial.conclude();
}

#[test]
fn a_cancelled_poll_ends_the_session() {
    // In the profile `load` a heartbeat comes long after this test, so only the cancelling can be the cause.
    let mut trial = Trial::of("load");
    trial.case("H-10 GET cancelled while it waits", |testbed| {
        let mut session = testbed.open_polling(SOCKET_IO);
        session.connect_namespace("/");
        session.begin_poll();
        session.send(r#"21["echo",1]"#);
        assert_eq!(session.poll_response().text(), "431[1]");
        let target = session.mismatched_target();
        // The server may not have read the GET yet when it is cancelled; then there was none, and it takes another.
        for _ in 0..5 {
            session.begin_poll();
            let heard = session.listen(Instant::now() + Duration::from_millis(100));
            assert!(matches!(heard, Heard::Silence), "expected the poll to wait, got {heard:?}");
            session.abandon_poll();
            let patience = Instant::now() + Duration::from_secs(2);
            while Instant::now() < patience {
                if testbed.http().get(&target).error_code() == Some(1) {
                    return;
                }
            }
        }
        panic!("five cancelled polls did not end the session");
    });
    trial.conclude();
}

#[test]
fn bodies_of_the_wrong_kind_are_answered() {
    let mut trial = Trial::of("load");
    trial.case("H-12 a body declared as bytes", |testbed| {
        let session = testbed.open_polling(ENGINE_IO);
        let kind = [("content-type", "application/octet-stream")];
        let response = testbed.http().request("POST", session.target(), &kind, b"4x");
        assert_eq!(response.status, 400, "{response:?}");
    });
    trial.case("H-13 a compressed body", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        let kind = [("content-type", "text/plain"), ("content-encoding", "gzip")];
        let response = testbed.http().request("POST", session.target(), &kind, b"4x");
        assert!((400..500).contains(&response.status), "{response:?}");
        // Whatever was made of it, it was not taken for a message.
        if session.post("4y").status == 200 {
            assert_eq!(session.receive_text(), "y");
        }
    });
    trial.case("E-14 a body declared as UTF-16", |testbed| {
        let mut session = testbed.open_polling(ENGINE_IO);
        let kind = [("content-type", "text/plain; charset=utf-16")];
        let response = testbed.http().request("POST", session.target(), &kind, b"4plain");
        match response.status {
            415 => {}
            200 => assert_eq!(session.receive_text(), "plain"),
            _ => panic!("{response:?}"),
        }
    });
    trial.case("a body over the limit", |testbed| {
        let session = testbed.open_polling(ENGINE_IO);
        let response = testbed.http().post(session.target(), vec![b'4'; 1_000_001]);
        assert_eq!((response.status, response.text()), (413, ""));
        testbed.forgets(&session);
    });
    trial.case("a length over the limit, without the body", |testbed| {
        let session = testbed.open_polling(ENGINE_IO);
        let mut http = testbed.http();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 1099511627776\r\n\r\n4",
            session.target()
        );
        http.send(head.as_bytes());
        assert_eq!(http.response().status, 413);
        testbed.forgets(&session);
    });
    trial.case("chunks over the limit", |testbed| {
        let session = testbed.open_polling(ENGINE_IO);
        let mut http = testbed.http();
        let head =
            format!("POST {} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", session.target());
        http.send(head.as_bytes());
        let chunk = [b"10000\r\n".to_vec(), vec![b'4'; 65_536], b"\r\n".to_vec()].concat();
        for _ in 0..17 {
            http.send(&chunk);
        }
        match http.answer(PATIENCE) {
            Answer::Response(response) => assert_eq!(response.status, 413),
            // The answer may be lost to the reset that the unread chunks cause.
            Answer::End => {}
            Answer::Silence => panic!("neither an answer nor an end"),
        }
        testbed.forgets(&session);
    });
    trial.conclude();
}

#[test]
fn requests_that_are_no_http_are_refused() {
    let mut trial = Trial::of("load");
    let line = format!("GET {ENGINE_IO}?EIO=4&transport=polling HTTP/1.1\r\n");
    let post = format!("POST {ENGINE_IO}?EIO=4&transport=polling HTTP/1.1\r\nhost: a\r\n");
    let heads = [
        ("H-18 no Host", format!("{line}\r\n")),
        ("H-18 two Hosts", format!("{line}host: a\r\nhost: b\r\n\r\n")),
        ("H-18 a zero byte in Host", format!("{line}host: a\0b\r\n\r\n")),
        ("H-19 two lengths", format!("{post}content-length: 1\r\ncontent-length: 2\r\n\r\n4x")),
        (
            "H-19 a length and chunks",
            format!("{post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("H-19 a negative length", format!("{post}content-length: -1\r\n\r\n")),
        ("H-19 a space before the colon", format!("{line}host : a\r\n\r\n")),
        ("H-19 not HTTP at all", "\u{16}\u{3}\u{1}\u{2}\0\r\n\r\n".to_owned()),
        ("H-19 a head of 1 MiB", format!("{line}host: a\r\nx: {}\r\n\r\n", "x".repeat(1 << 20))),
        ("H-19 a thousand headers", format!("{line}host: a\r\n{}\r\n", "x: y\r\n".repeat(1000))),
    ];
    for (name, head) in heads {
        trial.case(name, |testbed| {
            let mut http = testbed.http();
            http.send(head.as_bytes());
            match http.answer(PATIENCE) {
                Answer::Response(response) if name.starts_with("H-18") => assert_eq!(response.status, 400),
                Answer::Response(response) => assert!((400..500).contains(&response.status), "{response:?}"),
                // Of a request that is no HTTP, closing is answer enough.
                Answer::End => assert!(!name.starts_with("H-18"), "closed without an answer"),
                Answer::Silence => panic!("neither an answer nor an end"),
            }
        });
    }
    trial.conclude();
}

#[test]
fn paths_that_only_look_alike_are_not_captured() {
    let mut trial = Trial::of("load");
    for path in [
        "/socket.io-admin",
        "//socket.io/",
        "/socket.io/..",
        "/socket.iox/",
        "/SOCKET.IO/",
        "/",
        "/engine.io-x/",
    ] {
        trial.case(&format!("H-26 {path}"), |testbed| {
            let response = testbed.http().get(&format!("{path}?EIO=4&transport=polling"));
            assert_eq!(response.status, 404, "{response:?}");
        });
    }
    trial.conclude();
}
