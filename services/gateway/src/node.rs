//! A node from its start to its end: the listener, the workers, and the goodbye.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App,
    dev::{Server, ServerHandle},
};
use anyhow::Context;
use natter::{HttpServer, Io};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    certificates::Certificates,
    cluster,
    exit::Exit,
    page,
    probes::{self, Probes},
    server,
    settings::{self, Settings},
    signals::{self, Signals},
};

/// Runs a node until a signal ends it, or another node has its name.
pub async fn run(settings: Settings) -> anyhow::Result<Exit> {
    settings::warnings(&settings).iter().for_each(|warning| tracing::warn!("{warning}"));
    settings::raise_open_files(settings.max_connections, settings.workers)
        .context("the limit on open files cannot be raised")?;
    // Before the first connection, so that no signal finds the default behaviour.
    let mut signals = Signals::listen().context("signals cannot be listened to")?;

    let io = server::build(&settings);
    let probes = Probes::new(io.clone(), settings.node.clone(), settings.max_connections, settings.stats);
    let certificates = certificates(&settings)?;
    if let Some(certificates) = certificates.clone() {
        actix_web::rt::spawn(
            signals::reload_at_hangup(certificates).context("SIGHUP cannot be listened to")?,
        );
    }
    let (server, address) = listen(&settings, certificates, io.clone(), Arc::clone(&probes))?;
    let handle = server.handle();
    let mut running = actix_web::rt::spawn(server);
    announce(&settings, address).context("standard output is closed")?;

    let exit = tokio::select! {
        signal = signals.next() => {
            tracing::info!(%signal, connections = io.engine().clients_count(), "leaving");
            Exit::Done
        }
        () = cluster::name_is_taken(&io) => {
            tracing::error!(
                node = %settings.node,
                "another node of the cluster has this one's name: leaving. Give each its own with `node`"
            );
            Exit::NameTaken
        }
        ended = &mut running => {
            ended.context("the server's task ended")?.context("the server ended")?;
            anyhow::bail!("the server ended without a signal");
        }
    };
    probes.leave();
    // Whoever has a name that is taken should not be served a moment longer.
    let drain = if exit == Exit::Done { settings.drain } else { Duration::ZERO };
    tokio::select! {
        // In this order: whoever sends a second signal wants the end now, even if the goodbye is over in this moment.
        biased;
        signal = signals.next() => {
            tracing::warn!(%signal, "a second signal: leaving at once");
            Ok(Exit::Cut(signal.number()))
        }
        () = goodbye(&io, &handle, drain, settings.grace_period) => Ok(exit),
    }
}

fn certificates(settings: &Settings) -> anyhow::Result<Option<Arc<Certificates>>> {
    match (&settings.tls_certificate, &settings.tls_key) {
        (Some(chain), Some(key)) => Certificates::load(chain.clone(), key.clone()).map(Some),
        _ => Ok(None),
    }
}

/// Binds the listener and starts the workers.
fn listen(
    settings: &Settings,
    certificates: Option<Arc<Certificates>>,
    io: Io,
    probes: Arc<Probes>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let chat = settings.chat.then(|| page::html(settings.path.as_str()));
    let app = move || {
        let app = App::new().configure(io.routes()).configure(probes::routes(Arc::clone(&probes)));
        match chat.clone() {
            Some(html) => app.configure(page::routes(html)),
            None => app,
        }
    };
    let server = HttpServer::new(app)
        .workers(settings.workers)
        .backlog(settings.backlog)
        .max_connections(settings.max_connections.div_ceil(settings.workers))
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.request_timeout)
        .disable_signals()
        // `goodbye` has the deadline; this one only must not be earlier.
        .shutdown_timeout(settings.grace_period.as_secs() + 1);
    let place = (settings.host, settings.port);
    let listening = match certificates {
        Some(certificates) => server.bind_rustls_0_23(place, certificates.config()?),
        None => server.bind(place),
    };
    let listening = listening
        .with_context(|| format!("port {} of {} cannot be listened to", settings.port, settings.host))?;
    let address = *listening.addrs().first().context("the listener has no address")?;
    Ok((listening.run(), address))
}

/// Goes on until load balancers have noticed, stops accepting, tells every client and then the other nodes, and lets the
/// workers finish, in that order and within the grace period.
async fn goodbye(io: &Io, handle: &ServerHandle, drain: Duration, grace: Duration) {
    let deadline = Instant::now() + grace;
    let polite = async {
        sleep(drain).await;
        handle.pause().await;
        io.close().await;
        handle.stop(true).await;
    };
    if timeout_at(deadline, polite).await.is_err() {
        tracing::warn!(
            connections = io.engine().clients_count(),
            "the grace period is over: cutting what is left"
        );
    }
}

/// One line for scripts, on standard output, which has nothing else; the log is on standard error.
fn announce(settings: &Settings, address: SocketAddr) -> io::Result<()> {
    tracing::info!(node = %settings.node, %address, path = settings.path.as_str(), workers = settings.workers, "listening");
    let scheme = if settings.tls_certificate.is_some() { "https" } else { "http" };
    let mut out = io::stdout().lock();
    writeln!(out, "ready {scheme}://{address}")?;
    out.flush()
}
