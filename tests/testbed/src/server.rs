//! The HTTP server around a profile: ready line, health, statistics, and the way out.

use std::{io, io::Write, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use natter::{Engine, Io};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args::{Args, Transport},
    events, handshake_delay,
};

/// What a profile consists of.
pub struct Served {
    /// Socket.IO at `/socket.io/`.
    pub io: Io,
    /// Raw Engine.IO at `/engine.io/`.
    pub engine: Engine,
    /// What every handshake waits before it is looked at.
    pub handshake_delay: Duration,
}

/// Binds the server of an app and returns it with its port.
macro_rules! listen {
    ($args:expr, $app:expr) => {
        match $args.transport {
            Transport::Owned => bound!($args, natter::HttpServer::new($app)),
            Transport::Mounted => {
                // A client that has closed its side must not keep a response, and with it a WebSocket, alive.
                let server = HttpServer::new($app).h1_allow_half_closed(false);
                bound!($args, server.on_connect(natter::prepare_connection))
            }
        }
    };
}

macro_rules! bound {
    ($args:expr, $server:expr) => {{
        let server = $server
            .workers(usize::from($args.workers))
            .disable_signals()
            .shutdown_timeout(1)
            .bind(($args.host.as_str(), $args.port))?;
        let port = server.addrs().first().map_or($args.port, |address| address.port());
        (server.run(), port)
    }};
}

/// Serves until SIGTERM or SIGINT; then tells every client and returns.
pub async fn run(args: &Args, served: Served) -> io::Result<()> {
    let Served { io, engine, handshake_delay } = served;
    // Listening for the signals comes before the ready line: whoever reads it may send one at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    events::load::answer_other_nodes(&io);
    let routes = (io.clone(), engine.clone());
    let configure = move |config: &mut web::ServiceConfig| {
        let (io, engine) = &routes;
        config
            .configure(io.routes())
            .configure(engine.routes())
            .app_data(web::Data::new(io.clone()))
            .app_data(web::Data::new(engine.clone()))
            .route("/health", web::get().to(health))
            .route("/ready", web::get().to(ready))
            .route("/stats", web::get().to(stats));
    };
    // Two kinds of app, since a middleware that does nothing would still be in every connection's memory.
    let (server, port) = if handshake_delay.is_zero() {
        listen!(args, move || App::new().configure(configure.clone()))
    } else {
        listen!(args, move || {
            let delay = middleware::from_fn(move |request, next| {
                handshake_delay::wait(handshake_delay, request, next)
            });
            App::new().wrap(delay).configure(configure.clone())
        })
    };
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    if let Some(cluster) = io.cluster() {
        // Ready means that its clients reach those of the other nodes. Not before the server runs: a worker may carry the link.
        tokio::select! {
            joined = cluster.joined() => joined.map_err(io::Error::other)?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }

    let mut stdout = io::stdout().lock();
    writeln!(stdout, "ready http://{}:{port}", args.host)?;
    stdout.flush()?;
    drop(stdout);

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::join!(io.close(), engine.close());
    handle.stop(true).await;
    running.await.map_err(io::Error::other)?
}

async fn health() -> &'static str {
    "ok"
}

/// Whether it takes part in its cluster, if it has one.
async fn ready(io: web::Data<Io>) -> HttpResponse {
    match io.cluster() {
        Some(cluster) if !cluster.is_ready() => {
            HttpResponse::ServiceUnavailable().body(format!("{:?}", *cluster.state().borrow()))
        }
        _ => HttpResponse::Ok().body("ready"),
    }
}

/// The counters, with those of the raw engine under `engine`; in a cluster also those of the link, and the other nodes,
/// under `cluster`.
async fn stats(io: web::Data<Io>, engine: web::Data<Engine>) -> HttpResponse {
    let mut stats = json!(io.stats());
    stats["engine"] = json!(engine.stats());
    if let Some(cluster) = io.cluster() {
        stats["cluster"] = json!(cluster.stats());
        stats["cluster"]["nodes"] = json!(cluster.nodes());
    }
    HttpResponse::Ok().json(stats)
}
