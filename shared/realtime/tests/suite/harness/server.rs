//! A server in this process: two worker threads, a free port, gone with its handle.

use std::{
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread,
};

use actix_web::{
    App, HttpServer,
    dev::{self, ServerHandle},
    rt::System,
    web::ServiceConfig,
};
use natter::{Io, IoBuilder};
use serde_json::Value;

use super::{Client, Poller, tls};

pub struct Server {
    pub io: Io,
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Serves on two worker threads.
    pub fn of(io: Io) -> Self {
        let routes = io.clone();
        let (address, handle) = serve(move |config| routes.routes()(config));
        Self { io, address, handle }
    }

    pub fn build(builder: IoBuilder) -> Self {
        Self::of(builder.build())
    }

    /// With the defaults.
    pub fn start() -> Self {
        Self::build(Io::builder())
    }

    /// A client in `/`.
    pub async fn client(&self) -> Client {
        self.client_in("/").await
    }

    /// A client in a namespace.
    pub async fn client_in(&self, namespace: &str) -> Client {
        self.open().await.enter_first(namespace, Value::Null).await
    }

    /// Two clients in `/` on different worker threads.
    pub async fn two_clients(&self) -> (Client, Client) {
        let ann = self.client().await;
        for _ in 0..20 {
            let ben = self.client().await;
            if ben.shard() != ann.shard() {
                return (ann, ben);
            }
        }
        panic!("one worker thread gets all connections");
    }

    /// A client that is in no namespace yet.
    pub async fn open(&self) -> Client {
        Client::open(self.address, "/socket.io").await
    }

    /// A polling client that is in no namespace yet.
    pub async fn poller(&self) -> Poller {
        Poller::open(self.address, "/socket.io").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The order is on its way when this returns; nobody waits for the workers, for one may be stuck in a fault.
        drop(self.handle.stop(false));
    }
}

/// How the servers under test carry WebSockets. `TRANSPORT` says it; `owned` if it is not set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Owned,
    /// The same, through TLS.
    Tls,
    Mounted,
}

impl Transport {
    pub fn of_run() -> Self {
        match std::env::var("TRANSPORT").as_deref() {
            Ok("owned") | Err(_) => Self::Owned,
            Ok("tls") => Self::Tls,
            Ok("mounted") => Self::Mounted,
            Ok(other) => panic!("TRANSPORT is {other}, which is none of owned, tls and mounted"),
        }
    }
}

/// Runs an `App` with these routes on two workers.
pub fn serve(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> (SocketAddr, ServerHandle) {
    start(move |listener| {
        let app = move || App::new().configure(routes.clone());
        if Transport::of_run() == Transport::Mounted {
            let server = HttpServer::new(app).workers(2).h1_allow_half_closed(false).disable_signals();
            return server.listen(listener).unwrap().run();
        }
        let server = natter::HttpServer::new(app).workers(2).disable_signals();
        let listening = match Transport::of_run() {
            Transport::Tls => server.listen_rustls_0_23(listener, tls::server_config()),
            _ => server.listen(listener),
        };
        listening.unwrap().run()
    })
}

/// Runs a server on a thread of its own.
pub fn start(run: impl FnOnce(TcpListener) -> dev::Server + Send + 'static) -> (SocketAddr, ServerHandle) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            let running = run(listener);
            send.send(running.handle()).unwrap();
            running.await.unwrap();
        });
    });
    (address, receive.recv().unwrap())
}
