//! `HttpServer`: actix-web's, but WebSockets belong to the library.

use std::{
    any::Any,
    fmt, io,
    marker::PhantomData,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    rc::Rc,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_codec::Framed;
use actix_http::{
    Extensions, HttpService, HttpServiceBuilder, KeepAlive, Request, Response, TlsAcceptorConfig,
    body::{BoxBody, MessageBody},
    h1::Codec,
};
use actix_rt::net::TcpStream;
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceExt as _, ServiceFactory, ServiceFactoryExt as _, boxed, fn_factory,
    fn_service, map_config,
};
use actix_tls::accept::rustls_0_23::{TlsStream, reexports::ServerConfig};
use actix_web::{Error, dev::AppConfig};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{
    ticket::Desk,
    worker::{self, Worker},
};
use crate::accept;

/// An HTTP server whose WebSockets belong to the library: in place of actix-web's `HttpServer`, with the same methods.
///
/// ```no_run
/// use actix_web::App;
/// use natter::{HttpServer, Io};
///
/// #[actix_web::main]
/// async fn main() -> std::io::Result<()> {
///     let io = Io::builder().build();
///     HttpServer::new(move || App::new().configure(io.routes())).bind(("127.0.0.1", 3000))?.run().await
/// }
/// ```
///
/// The application is an ordinary actix-web `App`. Everything that is not a WebSocket of an [`Io`](crate::Io) or
/// [`Engine`](crate::Engine) is served as by actix-web, over HTTP/1.1; there can be any number of them in one `App`, and
/// WebSockets of other kinds beside them. Middleware sees the handshakes.
///
/// What differs from `actix_web::HttpServer`: an idle WebSocket takes a fraction of the memory, a packet is written with
/// less work, a client that does not read is cut off as soon as its session ends, half-closed connections are not
/// served ([`h1_allow_half_closed`](Self::h1_allow_half_closed)), and a graceful stop closes the servers in the `App`
/// ([`Io::close`](crate::Io::close)), so that clients get their close frames. Connections are prepared as by
/// [`prepare_connection`](crate::prepare_connection), those through TLS too.
///
/// Its settings and defaults are those of actix-web 4 unless a method says otherwise.
#[must_use]
pub struct HttpServer<F, I, S, B> {
    factory: F,
    settings: Settings,
    /// The settings when the server runs: they may be changed after listeners were added.
    fixed: Arc<OnceLock<Settings>>,
    backlog: u32,
    addresses: Vec<(SocketAddr, &'static str)>,
    builder: ServerBuilder,
    _app: PhantomData<(I, S, B)>,
}

#[derive(Clone)]
struct Settings {
    host: Option<String>,
    keep_alive: KeepAlive,
    client_request_timeout: Duration,
    client_disconnect_timeout: Duration,
    tls_handshake_timeout: Duration,
    half_closed: bool,
    on_connect: Option<OnConnect>,
}

type OnConnect = Arc<dyn Fn(&dyn Any, &mut Extensions) + Send + Sync>;

impl<F, I, S, B> HttpServer<F, I, S, B>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    /// A server of this application, which is made once for each worker thread and listener.
    pub fn new(factory: F) -> Self {
        let settings = Settings {
            host: None,
            keep_alive: KeepAlive::default(),
            client_request_timeout: Duration::from_secs(5),
            client_disconnect_timeout: Duration::from_secs(1),
            tls_handshake_timeout: Duration::from_secs(3),
            half_closed: false,
            on_connect: None,
        };
        Self {
            factory,
            settings,
            fixed: Arc::default(),
            backlog: 1024,
            addresses: Vec::new(),
            builder: Server::build(),
            _app: PhantomData,
        }
    }

    /// The number of worker threads; without it as many as the machine can run at once, 512 at most.
    ///
    /// # Panics
    /// When it is 0 or greater than 512.
    pub fn workers(mut self, count: usize) -> Self {
        self.builder = self.builder.workers(count);
        self
    }

    /// How long an HTTP connection may be idle between two requests, 5 s; then it is closed. 0 closes it after each
    /// answer. WebSockets have heartbeats instead.
    pub fn keep_alive(mut self, keep_alive: impl Into<KeepAlive>) -> Self {
        self.settings.keep_alive = keep_alive.into();
        self
    }

    /// How many connections the kernel keeps until they are accepted, 1,024. To be set before listeners are bound.
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self.builder = self.builder.backlog(backlog);
        self
    }

    /// Connections of one worker thread, WebSockets among them, 25,600. Past it nothing is accepted until one ends.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.builder = self.builder.max_concurrent_connections(count);
        self
    }

    /// Threads of each worker for blocking work (`actix_web::web::block`); without it 512 divided by the number that
    /// the machine can run at once. Past it work waits.
    pub fn worker_max_blocking_threads(mut self, count: usize) -> Self {
        self.builder = self.builder.worker_max_blocking_threads(count);
        self
    }

    /// Time for the head of a connection's first request to come in, 5 s; 0 for no limit. Later it is answered with 408
    /// and closed.
    pub fn client_request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.client_request_timeout = timeout;
        self
    }

    /// Time for a client to hang up after the last answer, 1 s; 0 for no limit. Later its connection is cut.
    pub fn client_disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.client_disconnect_timeout = timeout;
        self
    }

    /// Time for a TLS handshake, 3 s. Later its connection is cut.
    pub fn tls_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.tls_handshake_timeout = timeout;
        self
    }

    /// TLS handshakes at the same time on one worker thread, 256. Past it the thread accepts nothing until one ends. It
    /// holds for all servers of the process whose workers start after this.
    pub fn max_connection_rate(self, count: usize) -> Self {
        actix_tls::accept::max_concurrent_tls_connect(count);
        self
    }

    /// Whether a client that has closed its sending half still gets its answer; no, unlike actix-web, since a client that
    /// has gone away while it polled is then noticed at once.
    pub fn h1_allow_half_closed(mut self, allow: bool) -> Self {
        self.settings.half_closed = allow;
        self
    }

    /// Calls a function for each new connection, a `TcpStream` or a rustls stream of one, which can leave something for
    /// the handlers of its requests.
    pub fn on_connect(mut self, call: impl Fn(&dyn Any, &mut Extensions) + Send + Sync + 'static) -> Self {
        self.settings.on_connect = Some(Arc::new(call));
        self
    }

    /// The host's name, for URLs that are generated; without it the address of the listener.
    pub fn server_hostname(mut self, host: impl AsRef<str>) -> Self {
        self.settings.host = Some(host.as_ref().to_owned());
        self
    }

    /// Leaves signals to the program: without it SIGTERM stops the server gracefully, SIGINT and SIGQUIT at once.
    pub fn disable_signals(mut self) -> Self {
        self.builder = self.builder.disable_signals();
        self
    }

    /// Stops gracefully when this resolves, and leaves signals to the program.
    pub fn shutdown_signal(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.builder = self.builder.shutdown_signal(signal);
        self
    }

    /// Seconds that a graceful stop waits for connections to end, 30; then they are cut.
    pub fn shutdown_timeout(mut self, seconds: u64) -> Self {
        self.builder = self.builder.shutdown_timeout(seconds);
        self
    }

    /// Where it listens so far, with the ports that the system has chosen.
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.addresses.iter().map(|(address, _)| *address).collect()
    }

    /// Where it listens so far, with `http` or `https`.
    pub fn addrs_with_scheme(&self) -> Vec<(SocketAddr, &'static str)> {
        self.addresses.clone()
    }

    /// Listens on addresses, on all of them that can be bound.
    ///
    /// # Errors
    /// When none of them can be bound.
    pub fn bind(self, addresses: impl ToSocketAddrs) -> io::Result<Self> {
        let listeners = bind(addresses, self.backlog)?;
        listeners.into_iter().try_fold(self, Self::listen)
    }

    /// Listens on addresses for TLS. See [`listen_rustls_0_23`](Self::listen_rustls_0_23).
    ///
    /// # Errors
    /// When none of them can be bound.
    pub fn bind_rustls_0_23(self, addresses: impl ToSocketAddrs, config: ServerConfig) -> io::Result<Self> {
        let listeners = bind(addresses, self.backlog)?;
        listeners.into_iter().try_fold(self, |server, it| server.listen_rustls_0_23(it, config.clone()))
    }

    /// Listens on a listener that is already bound.
    ///
    /// # Errors
    /// When the system does not tell its address, or does not make it non-blocking.
    pub fn listen(self, listener: TcpListener) -> io::Result<Self> {
        self.add(listener, None)
    }

    /// Listens for TLS on a listener that is already bound. Its protocol is HTTP/1.1. A certificate that is to change
    /// while the server runs is the `cert_resolver` of the configuration.
    ///
    /// # Errors
    /// Those of [`listen`](Self::listen).
    pub fn listen_rustls_0_23(self, listener: TcpListener, config: ServerConfig) -> io::Result<Self> {
        self.add(listener, Some(config))
    }

    fn add(mut self, listener: TcpListener, tls: Option<ServerConfig>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        accept::prepare(&SockRef::from(&listener));
        self.addresses.push((address, if tls.is_some() { "https" } else { "http" }));
        let (factory, fixed) = (self.factory.clone(), self.fixed.clone());
        let stopping = self.builder.graceful_shutdown_signal();
        self.builder = self.builder.listen(format!("natter-{address}"), listener, move || {
            let (factory, fixed, tls, stopping) =
                (factory.clone(), fixed.clone(), tls.clone(), stopping.clone());
            fn_factory(move || {
                let (factory, fixed, tls, stopping) =
                    (factory.clone(), fixed.clone(), tls.clone(), stopping.clone());
                async move {
                    let settings = fixed.get().expect("invariant: set before workers are started");
                    worker(factory, settings, address, tls, stopping).await
                }
            })
        })?;
        Ok(self)
    }

    /// Starts the workers. The server runs until it is stopped, by a signal or by its handle; dropping what this returns
    /// does not end it.
    ///
    /// # Panics
    /// When it listens nowhere, or outside of a runtime.
    pub fn run(self) -> Server {
        if self.fixed.set(self.settings).is_err() {
            unreachable!("invariant: a server is started once");
        }
        self.builder.run()
    }
}

/// A worker's service for one listener, with an application of its own.
async fn worker<F, I, S, B>(
    factory: F,
    settings: &Settings,
    address: SocketAddr,
    tls: Option<ServerConfig>,
    stopping: GracefulShutdownSignal,
) -> Result<Worker, ()>
where
    F: Fn() -> I,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let (app, servers) = worker::servers_of(|| factory().into_factory());
    let host = settings.host.clone().unwrap_or_else(|| address.to_string());
    // What `actix_web::HttpServer` tells its application in the same way.
    let config = AppConfig::__priv_test_new(tls.is_some(), host, address);
    let app = app.map_err(|error| error.into().error_response());
    let app = map_config(app, move |()| config.clone()).new_service(()).await;
    let app = Rc::new(app.map_err(|error| tracing::error!(?error, "the application could not be made"))?);
    actix_rt::spawn(worker::close_with(servers, stopping.clone()));

    let desk = Desk::default();
    /// All that the two kinds of streams have in common but their type.
    macro_rules! http {
        ($stream:ty) => {{
            let (plain, upgrading, desk) = (app.clone(), app, desk.clone());
            configured::<$stream, _>(HttpService::build(), settings, address, stopping)
                .upgrade(fn_service(move |(request, framed): (Request, Framed<$stream, Codec>)| {
                    worker::upgrade::<_, _, B>(upgrading.clone(), desk.clone(), request, framed)
                }))
                .finish(fn_service(move |request: Request| plain.call(request)))
        }};
    }
    let http = match tls {
        None => boxed::service(http!(TcpStream).tcp().new_service(()).await?.map_err(drop)),
        Some(config) => {
            let acceptor = TlsAcceptorConfig::default().handshake_timeout(settings.tls_handshake_timeout);
            let http = http!(TlsStream<TcpStream>).rustls_0_23_with_config(config, acceptor);
            boxed::service(http.new_service(()).await?.map_err(drop))
        }
    };
    Ok(Worker { http, desk })
}

fn configured<T: 'static, S>(
    builder: HttpServiceBuilder<T, S>,
    settings: &Settings,
    address: SocketAddr,
    stopping: GracefulShutdownSignal,
) -> HttpServiceBuilder<T, S>
where
    S: ServiceFactory<Request, Config = ()>,
    S::Error: Into<Response<BoxBody>> + 'static,
    S::InitError: fmt::Debug,
    <S::Service as Service<Request>>::Future: 'static,
{
    let builder = builder
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.client_request_timeout)
        .client_disconnect_timeout(settings.client_disconnect_timeout)
        .h1_allow_half_closed(settings.half_closed)
        .local_addr(address);
    match settings.on_connect.clone() {
        Some(call) => builder.on_connect_ext(move |stream: &T, extensions| call(stream, extensions)),
        None => builder,
    }
}

/// Listeners on all addresses that can be bound; an error if that is none.
fn bind(addresses: impl ToSocketAddrs, backlog: u32) -> io::Result<Vec<TcpListener>> {
    let mut error = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on");
    let mut listeners = Vec::new();
    for address in addresses.to_socket_addrs()? {
        match listener(address, backlog) {
            Ok(listener) => listeners.push(listener),
            Err(refused) => error = refused,
        }
    }
    if listeners.is_empty() { Err(error) } else { Ok(listeners) }
}

fn listener(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again does not wait for connections of the one before.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
