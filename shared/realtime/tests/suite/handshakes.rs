//! Handshakes: who is let in, what headers answers carry, and several servers side by side.

use std::time::Duration;

use natter::{Cookie, Cors, Io, Refusal, TransportKind};
use regex::Regex;
use serde_json::json;

use crate::harness::{Client, Journal, Poller, Server, eventually, request, serve};

const HANDSHAKE: &str = "GET /socket.io/?EIO=4&transport=polling";

#[tokio::test]
async fn a_page_of_another_origin_is_let_in_if_it_is_allowed() {
    for (cors, allowed, refused) in [
        (Cors::origins(["https://good.example"]), "https://good.example", Some("https://good.example.evil")),
        (
            Cors::pattern(Regex::new(r"https://.*\.example").unwrap()),
            "https://a.example",
            Some("https://a.example.evil"),
        ),
        (Cors::by(|origin| origin.ends_with(".example")), "https://x.example", Some("https://x.evil")),
        (Cors::any(), "https://anywhere", None),
    ] {
        let server = Server::build(Io::builder().cors(cors.credentials(true)));
        let origin = format!("Origin: {allowed}");
        let answer = request(server.address, HANDSHAKE, &[&origin], "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(allowed));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert!(answer.header("vary").unwrap().contains("Origin"));
        let ask = "OPTIONS /socket.io/?EIO=4&transport=polling";
        let headers =
            [&*origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-own"];
        let preflight = request(server.address, ask, &headers, "").await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-headers"), Some("x-own"));
        assert_eq!(preflight.header("access-control-allow-methods"), Some("GET,POST"));
        if let Some(refused) = refused {
            let answer = request(server.address, HANDSHAKE, &[&format!("Origin: {refused}")], "").await;
            assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!(4)));
            assert_eq!(answer.header("access-control-allow-origin"), None);
            let headers = [&*format!("Origin: {refused}"), headers[1], headers[2]];
            let preflight = request(server.address, ask, &headers, "").await;
            for header in ["origin", "methods", "headers", "credentials"] {
                assert_eq!(preflight.header(&format!("access-control-allow-{header}")), None, "{header}");
            }
        }
        assert_eq!(request(server.address, HANDSHAKE, &[], "").await.status, 200, "no page at all");
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_by_default_also_over_a_websocket() {
    let journal = Journal::default();
    let seen = journal.clone();
    let server = Server::build(Io::builder().on_connection_error(move |error| seen.note(error.context)));
    let upgrade = [
        "Origin: https://evil.example",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    let answer = request(server.address, "GET /socket.io/?EIO=4&transport=websocket", &upgrade, "").await;
    assert_eq!(answer.status, 400);
    journal.expect("INVALID_ORIGIN").await;
    let own = format!("Origin: http://{}", server.address);
    assert_eq!(request(server.address, HANDSHAKE, &[&own], "").await.status, 200);
    assert_eq!(server.io.stats().refused_requests, 1);
}

#[tokio::test]
async fn allow_request_decides_about_handshakes_only_and_gives_its_reason() {
    let journal = Journal::default();
    let asked = journal.clone();
    let server = Server::build(Io::builder().allow_request(move |head| {
        let asked = asked.clone();
        async move {
            tokio::task::yield_now().await;
            asked.note(head.method());
            match head.query("token").as_deref() {
                Some("xyzzy") => Ok(()),
                _ => Err(Refusal::new("no token, no talk")),
            }
        }
    }));
    let refused = request(server.address, HANDSHAKE, &[], "").await;
    assert_eq!((refused.status, refused.json()), (403, json!({"code": 4, "message": "no token, no talk"})));
    let ann = Poller::open_with(server.address, "/socket.io", "&token=xyzzy").await;
    ann.post("40").await;
    ann.get().await;
    assert_eq!(journal.rest(), ["GET", "GET"]);
    assert_eq!(server.io.engine().clients_count(), 1);
}

#[tokio::test]
async fn headers_can_be_added_to_the_first_answer_and_to_all() {
    use actix_web::http::header::{HeaderName, HeaderValue};
    let server = Server::build(
        Io::builder()
            .cookie(Cookie::named("node").max_age(Duration::from_secs(60)))
            .initial_headers(|headers, _| {
                headers.insert(HeaderName::from_static("x-first"), HeaderValue::from_static("1"));
            })
            .headers(|headers, head| {
                let path = HeaderValue::from_str(head.path()).unwrap();
                headers.insert(HeaderName::from_static("x-path"), path);
            }),
    );
    let first = request(server.address, HANDSHAKE, &[], "").await;
    let open: serde_json::Value = serde_json::from_str(&first.body[1..]).unwrap();
    let sid = open["sid"].as_str().unwrap();
    assert_eq!((first.header("x-first"), first.header("x-path")), (Some("1"), Some("/socket.io/")));
    let cookie = first.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("node={sid};")) && cookie.contains("Max-Age=60"), "{cookie}");
    let later =
        request(server.address, &format!("POST /socket.io/?EIO=4&transport=polling&sid={sid}"), &[], "40")
            .await;
    assert_eq!((later.status, later.header("x-first"), later.header("set-cookie")), (200, None, None));
    assert_eq!(later.header("x-path"), Some("/socket.io/"));
    let refused = request(server.address, "GET /socket.io?EIO=3&transport=polling", &[], "").await;
    assert_eq!((refused.status, refused.header("x-path")), (400, Some("/socket.io")));
}

#[tokio::test]
async fn every_refused_request_is_seen_with_code_message_and_context() {
    let journal = Journal::default();
    let seen = journal.clone();
    let server = Server::build(Io::builder().on_connection_error(move |error| {
        seen.note(format!(
            "{} {} {} {}",
            error.code as u8,
            error.message,
            error.context,
            error.request.path()
        ));
    }));
    for (line, expected) in [
        ("GET /socket.io/?EIO=4&transport=pigeon", "0 Transport unknown UNKNOWN_TRANSPORT /socket.io/"),
        ("GET /socket.io/?EIO=4&transport=polling&sid=none", "1 Session ID unknown UNKNOWN_SID /socket.io/"),
        (
            "POST /socket.io/?EIO=4&transport=polling",
            "2 Bad handshake method BAD_HANDSHAKE_METHOD /socket.io/",
        ),
        ("GET /socket.io/?EIO=4&transport=websocket", "3 Bad request TRANSPORT_HANDSHAKE_ERROR /socket.io/"),
        (
            "GET /socket.io?EIO=3&transport=polling",
            "5 Unsupported protocol version UNSUPPORTED_PROTOCOL_VERSION /socket.io",
        ),
    ] {
        assert_eq!(request(server.address, line, &[], "").await.status, 400, "{line}");
        journal.expect(expected).await;
    }
    assert_eq!(server.io.stats().refused_requests, 5);
}

#[tokio::test]
async fn the_handshake_tells_the_settings() {
    let server = Server::build(
        Io::builder()
            .path("/rt/")
            .ping_interval(Duration::from_secs(5))
            .ping_timeout(Duration::from_secs(3))
            .max_payload(1234)
            .allow_upgrades(false),
    );
    for path in ["/rt", "/rt/"] {
        let answer = request(server.address, &format!("GET {path}?EIO=4&transport=polling"), &[], "").await;
        let mut open: serde_json::Value = serde_json::from_str(&answer.body[1..]).unwrap();
        open["sid"].take();
        let expected = json!({"sid": null, "upgrades": [], "pingInterval": 5000, "pingTimeout": 3000, "maxPayload": 1234});
        assert_eq!(open, expected);
    }
    assert_eq!(request(server.address, HANDSHAKE, &[], "").await.status, 404);
}

#[tokio::test]
async fn only_offered_transports_are_served() {
    let server = Server::build(Io::builder().transports(&[TransportKind::Websocket]));
    assert_eq!(request(server.address, HANDSHAKE, &[], "").await.json()["code"], 0);
    let _ann = server.client().await;
    let server = Server::build(Io::builder().transports(&[TransportKind::Polling]));
    let open = request(server.address, HANDSHAKE, &[], "").await;
    assert!(open.body.contains(r#""upgrades":[]"#));
}

#[tokio::test]
async fn several_servers_share_an_app_and_nothing_else() {
    let [red, blue] = ["/red", "/blue"].map(|path| Io::builder().path(path).build());
    let (one, other) = (red.clone(), blue.clone());
    let (address, handle) = serve(move |config| {
        config.configure(one.routes()).configure(other.routes());
    });
    let mut clients = vec![];
    for path in ["/red", "/blue", "/red", "/blue"] {
        clients.push(Client::open(address, path).await.enter_first("/", json!({})).await);
    }
    red.sockets_join("room").await;
    red.to("room").emit("red", ()).unwrap();
    blue.to("room").emit("wrong", ()).unwrap();
    blue.emit("blue", ()).unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        client.expect(if number % 2 == 0 { "red" } else { "blue" }).await;
    }
    assert_eq!((red.count().await.count, blue.count().await.count), (2, 2));
    red.close().await;
    eventually("red sessions", 0, || red.stats().sessions).await;
    blue.emit("still here", ()).unwrap();
    clients[1].expect("still here").await;
    drop(handle.stop(false));
}

#[tokio::test]
async fn a_polling_client_does_all_that_others_do() {
    let server = Server::start();
    server.io.on_connect(|socket: natter::Socket| async move {
        socket.join("room").await.unwrap();
        socket.on("echo", |args: natter::Args, ack: natter::Ack| async move { ack.send(args) });
    });
    let ann = server.poller().await;
    ann.post("40").await;
    assert!(ann.get().await.body.starts_with(r#"40{"sid":""#));
    assert_eq!(ann.post("420[\"echo\",1]\u{1e}421[\"echo\",2]").await.body, "ok");
    server.io.to("room").emit("hello", natter::Binary::from(vec![1, 2])).unwrap();
    let mut packets = vec![];
    while packets.len() < 4 {
        packets.extend(ann.get().await.body.split('\u{1e}').map(str::to_owned));
    }
    packets.sort();
    assert_eq!(packets, ["430[1]", "431[2]", r#"451-["hello",{"_placeholder":true,"num":0}]"#, "bAQI="]);
}
