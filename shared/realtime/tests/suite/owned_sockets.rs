//! What a WebSocket that belongs to the library does with its TCP connection.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use actix_web::{App, dev::ServerHandle};
use natter::{Binary, Data, HttpServer, Io, IoBuilder, Limits, Socket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{Instant, sleep},
};

use crate::harness::{
    PATIENCE, RawSocket, eventually, polling_session, soon, start, text_frame, upgrade_request,
    websocket_request,
};

/// Ends with its handle.
struct Owned {
    io: Io,
    address: SocketAddr,
    handle: ServerHandle,
}

impl Owned {
    fn build(builder: IoBuilder) -> Self {
        let io = builder.build();
        let routes = io.clone();
        let (address, handle) = start(move |listener| {
            let app = move || App::new().configure(routes.routes());
            HttpServer::new(app).workers(2).disable_signals().listen(listener).unwrap().run()
        });
        Self { io, address, handle }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// A client in `/` whose kernel takes little at a time.
async fn narrow(address: SocketAddr) -> RawSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32_768).unwrap();
    let mut raw = RawSocket::over(socket, address, &websocket_request(), b"").await;
    raw.greeted().await;
    raw
}

#[tokio::test]
async fn large_packets_arrive_whole_however_little_is_taken_at_a_time() {
    let limits = Limits { outbox_hard_bytes: 64 << 20, outbox_soft_bytes: 64 << 20, ..Limits::default() };
    let server = Owned::build(Io::builder().limits(limits));
    let mut ann = narrow(server.address).await;
    let sizes = [3, 70_000, 1, 900_000, 200, 2_000_000, 0, 65_536];
    for round in 0..3u8 {
        for size in sizes {
            server.io.emit("n", Binary::from(vec![round; size])).unwrap();
        }
    }
    for round in 0..3u8 {
        for size in sizes {
            assert_eq!(ann.frame().await.1, br#"451-["n",{"_placeholder":true,"num":0}]"#);
            let (first, payload) = ann.frame().await;
            assert_eq!((first, payload.len()), (0x82, size));
            assert!(payload.iter().all(|byte| *byte == round));
        }
    }
}

#[tokio::test]
async fn the_tcp_connection_of_a_client_that_does_not_read_is_cut_when_its_session_ends() {
    let limits = Limits { outbox_hard_bytes: 60_000, outbox_soft_bytes: 20_000, ..Limits::default() };
    let request = Arc::new(Mutex::new(Weak::new()));
    let seen = request.clone();
    let server = Owned::build(Io::builder().limits(limits).allow_request(move |head| {
        *seen.lock().unwrap() = Arc::downgrade(&head);
        async { Ok(()) }
    }));
    let mut deaf = narrow(server.address).await;
    let begun = Instant::now();
    while server.io.stats().sessions > 0 {
        server.io.emit("x", "x".repeat(10_000)).unwrap();
        sleep(Duration::from_millis(1)).await;
        assert!(begun.elapsed() < PATIENCE, "it is never too slow");
    }
    assert_eq!(server.io.stats().closed["too slow"], 1);
    // Nothing of it is left, and nothing has been read meanwhile.
    eventually("handles of the connection", 0, || request.lock().unwrap().strong_count()).await;
    // What the kernel had for it is gone, the close frame with it.
    let rest = deaf.rest().await;
    assert!(!rest.ends_with(&1013u16.to_be_bytes()), "it was waited for");
}

#[tokio::test]
async fn a_client_that_closes_its_sending_half_is_gone() {
    let server = Owned::build(Io::builder());
    let mut ann = RawSocket::connected(server.address).await;
    eventually("sessions", 1, || server.io.stats().sessions).await;
    ann.stream.shutdown().await.unwrap();
    assert_eq!(ann.rest().await, b"");
    eventually("sessions", 0, || server.io.stats().sessions).await;
    assert_eq!(server.io.stats().closed["transport close"], 1);
}

#[tokio::test]
async fn both_close_frames_come_before_the_server_hangs_up() {
    let server = Owned::build(Io::builder());
    // The client begins.
    let mut ann = RawSocket::connected(server.address).await;
    ann.stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await.unwrap();
    assert_eq!(ann.rest().await, [0x88, 2, 0x03, 0xe8]);
    // The server begins.
    server.io.on_connect(|socket: Socket| async move {
        socket.on("leave", |socket: Socket| async move { socket.disconnect(true) });
    });
    let mut ben = RawSocket::connected(server.address).await;
    ben.send(r#"42["leave"]"#).await;
    assert_eq!(ben.frame().await, (0x81, b"41".to_vec()));
    assert_eq!(ben.frame().await.0, 0x88);
    // It has said that nothing more comes, and waits for the answer.
    assert_eq!(ben.rest().await, b"");
    assert_eq!(server.io.stats().sessions, 0);
    ben.stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
}

#[tokio::test]
async fn a_close_frame_arrives_although_more_has_come_than_was_read() {
    let server = Owned::build(Io::builder());
    for _ in 0..20 {
        let mut ann = RawSocket::connected(server.address).await;
        // A frame of a terabyte, and a part of it.
        let header = [&[0x82, 0xff][..], &(1u64 << 40).to_be_bytes(), &[0; 4]].concat();
        ann.stream.write_all(&header).await.unwrap();
        let flood = vec![0; 300_000];
        // It may be cut meanwhile.
        drop(soon("a write", ann.stream.write_all(&flood)).await);
        assert_eq!(ann.frame().await, (0x88, 1009u16.to_be_bytes().to_vec()));
    }
}

#[tokio::test]
async fn answers_to_messages_that_came_together_go_out_together() {
    let server = Owned::build(Io::builder());
    server.io.on_connect(|socket: Socket| async move {
        socket
            .on("echo", |socket: Socket, Data(text): Data<String>| async move { socket.emit("echo", text) });
    });
    let mut ann = RawSocket::connected(server.address).await;
    let together: Vec<u8> =
        (0..50).flat_map(|number| text_frame(&format!(r#"42["echo","{number}"]"#))).collect();
    ann.stream.write_all(&together).await.unwrap();
    let mut buffer = [0; 4_096];
    let read = soon("a read", ann.stream.read(&mut buffer)).await.unwrap();
    // One write of the server is one segment on loopback.
    let each = br#"..42["echo","0"]"#.len();
    assert_eq!(read, 10 * each + 40 * (each + 1));
}

#[tokio::test]
async fn an_owned_socket_that_was_upgraded_is_as_good_as_any() {
    let server = Owned::build(Io::builder());
    server.io.on_connect(|socket: Socket| async move {
        socket
            .on("echo", |socket: Socket, Data(text): Data<String>| async move { socket.emit("echo", text) });
    });
    // Often enough for both threads to have sessions of their own, and of each other.
    for number in 0..16 {
        let open = polling_session(server.address).await;
        let target = format!("/socket.io/?EIO=4&transport=websocket&sid={open}");
        let request = upgrade_request(&target, &[]);
        let mut raw = RawSocket::open(server.address, &request, &text_frame("2probe")).await;
        assert_eq!(raw.frame().await.1, b"3probe");
        // What follows the upgrade in the same packet is for the session already.
        let behind = [text_frame("5"), text_frame("40")].concat();
        raw.stream.write_all(&behind).await.unwrap();
        assert!(raw.frame().await.1.starts_with(b"40{"));
        raw.send(r#"42["echo","a"]"#).await;
        assert_eq!(raw.frame().await.1, br#"42["echo","a"]"#);
        server.io.emit("all", number).unwrap();
        assert_eq!(raw.frame().await.1, format!(r#"42["all",{number}]"#).into_bytes());
        raw.stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
        assert_eq!(raw.rest().await, [0x88, 0]);
        eventually("sessions", 0, || server.io.stats().sessions).await;
    }
    assert_eq!(server.io.stats().upgrades, 16);
}
