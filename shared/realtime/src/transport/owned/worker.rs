//! What a worker thread does with an accepted TCP connection: HTTP first, and when a WebSocket has been granted, that.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Payload, Request, Response, StatusCode,
    body::{BodySize, BoxBody, MessageBody},
    h1::{Codec, Message},
};
use actix_rt::net::TcpStream;
use actix_server::GracefulShutdownSignal;
use actix_service::{Service, boxed::BoxService};
use bytes::BytesMut;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
};
use tokio_util::codec::Encoder;

use super::{
    flow::Flow,
    foreign::Stay,
    ticket::{Arrival, Desk, Running, Ticket},
};
use crate::{accept, server::Server};

thread_local! {
    /// While an application is made: the servers that it mounts.
    static MOUNTED: RefCell<Option<Vec<Weak<Server>>>> = const { RefCell::new(None) };
}

/// A server is mounted into an application.
pub(in crate::transport) fn note(server: &Arc<Server>) {
    MOUNTED.with_borrow_mut(|mounted| {
        if let Some(mounted) = mounted {
            mounted.push(Arc::downgrade(server));
        }
    });
}

/// Makes an application, and tells which servers it mounts.
pub(super) fn servers_of<A>(make: impl FnOnce() -> A) -> (A, Vec<Weak<Server>>) {
    MOUNTED.set(Some(Vec::new()));
    let app = make();
    (app, MOUNTED.take().unwrap_or_default())
}

/// Closes these servers when the HTTP server begins to stop, so that clients get their close frames, and the worker,
/// which waits for its connections, comes to an end.
pub(super) async fn close_with(servers: Vec<Weak<Server>>, stopping: GracefulShutdownSignal) {
    stopping.notified().await;
    let mut closing = JoinSet::new();
    for server in servers.iter().filter_map(Weak::upgrade) {
        closing.spawn_local(async move { server.close(server.options.close_timeout).await });
    }
    closing.join_all().await;
}

/// A worker's service for the connections of one listener.
pub(super) struct Worker {
    pub http: BoxService<TcpStream, (), ()>,
    pub desk: Desk,
}

impl Service<TcpStream> for Worker {
    type Response = ();
    type Error = ();
    type Future = Carried;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.http.poll_ready(cx)
    }

    fn call(&self, stream: TcpStream) -> Carried {
        if cfg!(not(target_os = "linux")) {
            accept::prepare(&SockRef::from(&stream));
        }
        let http = self.http.call(stream);
        let running = Box::pin(async {
            if http.await.is_err() {
                // The client has broken HTTP, or gone away: dealt with in there.
            }
        });
        Carried { running, desk: self.desk.clone() }
    }
}

/// One TCP connection, counted as open by actix for as long as this runs. What HTTP needed is given back before the
/// WebSocket begins.
pub(super) struct Carried {
    running: Running,
    desk: Desk,
}

impl Future for Carried {
    type Output = Result<(), ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            std::task::ready!(self.running.as_mut().poll(cx));
            match self.desk.take() {
                Some(next) => self.running = next,
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// A request to upgrade goes through the application. If that grants one of our WebSockets, the TCP connection goes on
/// as it says.
pub(super) async fn upgrade<T, S, B>(
    app: Rc<S>,
    desk: Desk,
    mut request: Request,
    framed: Framed<T, Codec>,
) -> Result<(), actix_web::Error>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    Flow: From<T>,
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>>,
    B: MessageBody,
{
    let parts = framed.into_parts();
    let mut codec = parts.codec;
    let stay = Stay::new(parts.io, parts.read_buf.freeze());
    let ticket = Ticket::default();
    request.extensions_mut().insert(ticket.clone());
    *request.payload() = Payload::Stream { payload: Box::pin(stay.clone()) };
    let answer = match app.call(request).await {
        Ok(answer) => answer.into(),
        Err(error) => {
            stay.answer(codec, error.into()).await;
            return Ok(());
        }
    };
    let plan = ticket.redeem().filter(|_| answer.status() == StatusCode::SWITCHING_PROTOCOLS);
    let Some(plan) = plan else {
        stay.answer(codec, answer).await;
        return Ok(());
    };
    let mut head = BytesMut::with_capacity(256);
    let (answer, _) = answer.into_parts();
    if let (Ok(()), Some((stream, early))) =
        (codec.encode(Message::Item((answer, BodySize::None)), &mut head), stay.take())
    {
        let arrival = Arrival { flow: stream.into(), head: head.freeze(), early, desk: desk.clone() };
        desk.leave(plan(arrival));
    }
    Ok(())
}
