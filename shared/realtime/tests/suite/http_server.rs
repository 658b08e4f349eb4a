//! Natter's `HttpServer` as a server of an `App`: middleware, WebSockets of other kinds, limits, the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web,
};
use natter::{Engine, EngineOptions, HttpServer, Io, Socket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{
    PATIENCE, RawSocket, eventually, soon, start, text_frame, upgrade_request, websocket_request,
};

/// Text as raw Engine.IO has it.
const ENGINE: &str = "/engine.io/?EIO=4&transport=websocket";

#[tokio::test]
async fn middleware_of_the_application_sees_handshakes_and_may_refuse_them() {
    let io = Io::builder().build();
    let routes = io.clone();
    let (address, handle) = start(move |listener| {
        let app = move || {
            let guard = from_fn(|request, next: actix_web::middleware::Next<_>| async move {
                let request: actix_web::dev::ServiceRequest = request;
                if request.headers().contains_key("x-badge") {
                    next.call(request).await.map(|answer| answer.map_into_left_body())
                } else {
                    let answer = HttpResponse::Unauthorized().body("no badge");
                    Ok(request.into_response(answer).map_into_right_body())
                }
            });
            App::new().wrap(guard).configure(routes.routes())
        };
        HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run()
    });
    let refused = RawSocket::open(address, &websocket_request(), b"").await;
    assert!(refused.head.starts_with("HTTP/1.1 401 "), "{}", refused.head);
    let target = "/socket.io/?EIO=4&transport=websocket";
    let mut ann = RawSocket::open(address, &upgrade_request(target, &["X-Badge: 7"]), b"").await;
    assert!(ann.head.starts_with("HTTP/1.1 101 "), "{}", ann.head);
    ann.greeted().await;
    drop(handle.stop(false));
}

#[tokio::test]
async fn a_session_whose_answer_the_application_replaces_leaves_nothing_behind() {
    let io = Io::builder().build();
    let routes = io.clone();
    let (address, handle) = start(move |listener| {
        let app = move || {
            let spoiler = from_fn(|request, next: actix_web::middleware::Next<_>| async move {
                let answer: actix_web::dev::ServiceResponse<_> = next.call(request).await?;
                let (request, _) = answer.into_parts();
                let other = HttpResponse::ServiceUnavailable().body("not today");
                Ok(actix_web::dev::ServiceResponse::new(request, other))
            });
            App::new().wrap(spoiler).configure(routes.routes())
        };
        HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run()
    });
    let mut spoiled = RawSocket::open(address, &websocket_request(), b"").await;
    assert!(spoiled.head.starts_with("HTTP/1.1 503 "), "{}", spoiled.head);
    assert_eq!(spoiled.rest().await, b"not today");
    eventually("sessions", 0, || io.stats().sessions).await;
    drop(handle.stop(false));
}

/// An application's own WebSocket, or whatever it calls so: what comes in goes out.
async fn mirror(payload: web::Payload) -> HttpResponse {
    HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS).upgrade("mirror").streaming(payload)
}

#[tokio::test]
async fn several_servers_and_other_kinds_of_upgrades_share_one_application() {
    let (io, admin) = (Io::builder().build(), Io::builder().path("/admin").build());
    let engine = Engine::new(EngineOptions::default());
    engine.on_connection(|socket| {
        let answers = socket.clone();
        socket.on_message(move |_| answers.send_text("heard"));
    });
    let mounted = (io.clone(), admin.clone(), engine.clone());
    let (address, handle) = start(move |listener| {
        let app = move || {
            let (io, admin, engine) = &mounted;
            App::new()
                .configure(io.routes())
                .service(web::scope("/inner").configure(admin.routes()))
                .configure(engine.routes())
                .route("/mirror", web::get().to(mirror))
        };
        HttpServer::new(app).workers(2).disable_signals().listen(listener).unwrap().run()
    });
    RawSocket::connected(address).await;
    let target = "/inner/admin/?EIO=4&transport=websocket";
    RawSocket::open(address, &upgrade_request(target, &[]), b"").await.greeted().await;
    let mut raw = RawSocket::open(address, &upgrade_request(ENGINE, &[]), b"").await;
    assert!(raw.frame().await.1.starts_with(b"0{"));
    raw.send("4hello").await;
    assert_eq!(raw.frame().await.1, b"4heard");

    let mut other = RawSocket::open(address, &upgrade_request("/mirror", &[]), b"early ").await;
    assert!(other.head.starts_with("HTTP/1.1 101 "), "{}", other.head);
    other.stream.write_all(b"and late").await.unwrap();
    let mut seen = [0; 14];
    soon("an echo", other.stream.read_exact(&mut seen)).await.unwrap();
    assert_eq!(&seen, b"early and late");

    let nothing = RawSocket::open(address, &upgrade_request("/nowhere", &[]), b"").await;
    assert!(nothing.head.starts_with("HTTP/1.1 404 "), "{}", nothing.head);
    drop(handle.stop(false));
}

#[tokio::test]
async fn headers_are_on_the_answer_of_a_websocket_and_no_cookie() {
    let io = Io::builder()
        .cookie(natter::Cookie::named("io"))
        .initial_headers(|headers, _| {
            headers.insert(header::HeaderName::from_static("x-first"), header::HeaderValue::from_static("1"));
        })
        .build();
    let (address, handle) = start(move |listener| {
        let app = move || App::new().configure(io.routes());
        HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run()
    });
    let ann = RawSocket::open(address, &websocket_request(), b"").await;
    let head = ann.head.to_ascii_lowercase();
    assert!(!head.contains("\r\nset-cookie:"), "{head}");
    assert!(head.contains("\r\nx-first: 1\r\n"), "{head}");
    assert!(head.contains("\r\nsec-websocket-accept: "), "{head}");
    drop(handle.stop(false));
}

#[tokio::test]
async fn connections_are_prepared_and_shown_to_whoever_wants_to_see_them() {
    let seen = Arc::new(AtomicUsize::new(0));
    let (counted, io) = (seen.clone(), Io::builder().build());
    let (address, handle) = start(move |listener| {
        let app = move || App::new().configure(io.routes());
        let server = HttpServer::new(app).workers(1).disable_signals().on_connect(move |connection, _| {
            let stream = connection.downcast_ref::<TcpStream>().expect("a TCP connection");
            assert!(stream.nodelay().unwrap());
            #[cfg(target_os = "linux")]
            assert!(socket2::SockRef::from(stream).tcp_user_timeout().unwrap().is_some());
            counted.fetch_add(1, Ordering::SeqCst);
        });
        server.listen(listener).unwrap().run()
    });
    RawSocket::connected(address).await;
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    drop(handle.stop(false));
}

#[tokio::test]
async fn websockets_count_as_connections_until_they_end() {
    let io = Io::builder().build();
    let routes = io.clone();
    let (address, handle) = start(move |listener| {
        let app = move || App::new().configure(routes.routes());
        let server = HttpServer::new(app).workers(1).max_connections(2).disable_signals();
        server.listen(listener).unwrap().run()
    });
    let ann = RawSocket::connected(address).await;
    let _ben = RawSocket::connected(address).await;
    let mut waits = TcpStream::connect(address).await.unwrap();
    waits.write_all(websocket_request().as_bytes()).await.unwrap();
    let mut byte = [0];
    let early = timeout(Duration::from_millis(300), waits.read(&mut byte)).await;
    assert!(early.is_err(), "a third connection is accepted when there is room");
    drop(ann);
    soon("the third connection", waits.read_exact(&mut byte)).await.unwrap();
    eventually("sessions", 2, || io.stats().sessions).await;
    drop(handle.stop(false));
}

#[tokio::test]
async fn a_request_whose_head_does_not_come_is_given_up() {
    let io = Io::builder().build();
    let (address, handle) = start(move |listener| {
        let app = move || App::new().configure(io.routes());
        let server = HttpServer::new(app).workers(1).client_request_timeout(Duration::from_millis(200));
        server.disable_signals().listen(listener).unwrap().run()
    });
    let mut slow = TcpStream::connect(address).await.unwrap();
    let half = &websocket_request()[..60];
    slow.write_all(half.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(soon("the end", slow.read_to_end(&mut answer)).await);
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    drop(handle.stop(false));
}

#[tokio::test]
async fn a_graceful_stop_tells_clients_and_does_not_wait_for_its_timeout() {
    let gone = Arc::new(AtomicUsize::new(0));
    let io = Io::builder().build();
    let counted = gone.clone();
    io.on_connect(move |socket: Socket| {
        let counted = counted.clone();
        async move {
            socket.on_disconnect(move || {
                let counted = counted.clone();
                async move {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let routes = io.clone();
    let (address, handle) = start(move |listener| {
        let app = move || App::new().configure(routes.routes());
        let server = HttpServer::new(app).workers(2).disable_signals().shutdown_timeout(3_600);
        server.listen(listener).unwrap().run()
    });
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(RawSocket::connected(address).await);
    }
    let begun = Instant::now();
    let stopped = tokio::spawn(handle.stop(true));
    for client in &mut clients {
        assert_eq!(client.frame().await, (0x88, 1001u16.to_be_bytes().to_vec()));
        client.stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
        assert_eq!(client.rest().await, b"");
    }
    soon("the end of the server", stopped).await.unwrap();
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(gone.load(Ordering::SeqCst), 4);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_connection_between_two_requests_is_given_up_after_its_time_and_a_websocket_is_not() {
    let io = Io::builder().build();
    let (address, handle) = start(move |listener| {
        let app =
            move || App::new().configure(io.routes()).route("/hello", web::get().to(|| async { "hello" }));
        let server = HttpServer::new(app).workers(1).keep_alive(Duration::from_millis(200));
        server.disable_signals().listen(listener).unwrap().run()
    });
    let mut ann = RawSocket::connected(address).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let asked = Instant::now();
    soon("the end", idle.read_to_end(&mut answer)).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(4), "not after the 5 s that it would be by itself");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
    ann.send("41").await;
    ann.send("40").await;
    assert!(ann.frame().await.1.starts_with(b"40{"), "it lives");
    drop(handle.stop(false));
}

#[tokio::test]
async fn plain_requests_share_connections_as_ever() {
    let io = Io::builder().build();
    let (address, handle) = start(move |listener| {
        let app =
            move || App::new().configure(io.routes()).route("/hello", web::get().to(|| async { "hello" }));
        HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run()
    });
    let answer = plain(address, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3).as_str(), 3).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 3);
    // A message behind the request for a WebSocket is the first one of the session.
    let mut early = RawSocket::open(address, &websocket_request(), &text_frame("40")).await;
    assert!(early.frame().await.1.starts_with(b"0{"));
    assert!(early.frame().await.1.starts_with(b"40{"));
    drop(handle.stop(false));
}

/// Sends requests on one connection and reads that many answers whose body is `hello`.
async fn plain(address: std::net::SocketAddr, requests: &str, answers: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    soon("the answers", async {
        while seen.windows(5).filter(|bytes| bytes == b"hello").count() < answers {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "closed early");
        }
    })
    .await;
    String::from_utf8(seen).unwrap()
}
