//! How bytes get in and out: HTTP requests to polls and WebSockets, and these to [`connection`](crate::connection)s.
//!
//! Nothing of a session is kept here. A transport reads from the network and tells the connection, and writes what it
//! takes from the connection's outbox.

mod carrier;
pub(crate) mod distant;
pub(crate) mod exchange;
mod handshake;
mod home;
mod mounted;
mod owned;
mod piped;
mod polling;
mod query;
mod relayed;
mod source;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, ServiceConfig},
};

use crate::{
    cors::Verdict,
    counters::bump,
    drive::{End, caught},
    error::{ConnectionError, ErrorCode},
    line::Line,
    options::TransportKind,
    request::{RequestHead, is_websocket},
    server::Server,
};

use carrier::Carrier;
pub(crate) use carrier::{Chunk, Inbound, Incoming};
use exchange::Refusal;
use home::Home;
pub(crate) use owned::Handed;
pub use owned::HttpServer;

/// Mounts a server into an `App`. `keep` lives as long as the routes do.
pub(crate) fn configure<K: Clone + 'static>(config: &mut ServiceConfig, server: Arc<Server>, keep: K) {
    owned::note(&server);
    server.carry_link();
    let path = server.options.normalised_path();
    let with_slash = format!("{}/", path.trim_end_matches('/'));
    if server.bundle.is_some() {
        let server = server.clone();
        let file = web::resource(format!("{with_slash}{{file}}"));
        config.service(file.route(web::get().to(move |request: HttpRequest| {
            let server = server.clone();
            async move { or_500(&server, async { bundled(&server, &request) }).await }
        })));
    }
    let answer = move |request: HttpRequest, payload: web::Payload| {
        let (server, keep) = (server.clone(), keep.clone());
        async move {
            let answer = or_500(&server, serve(&server, &request, payload)).await;
            drop(keep);
            answer
        }
    };
    // Not one resource with two patterns: those would be regular expressions, and each of these is compared as text.
    for path in [path, with_slash] {
        config.service(web::resource(path).to(answer.clone()));
    }
}

/// Answering calls functions of the user's, to judge and to edit; one that panics costs this answer.
async fn or_500(server: &Server, answering: impl Future<Output = HttpResponse>) -> HttpResponse {
    match caught(answering).await {
        End::Returned(answer) => answer,
        End::Panicked(message) => {
            bump(&server.counters.handler_panics);
            tracing::error!(message, "answering a request panicked");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// The client's files, which pages of other origins may load as well.
fn bundled(server: &Server, request: &HttpRequest) -> HttpResponse {
    let file = request.match_info().query("file");
    let mut answer = match &server.bundle {
        Some(bundle) => bundle.answer(file, request),
        None => HttpResponse::NotFound().finish(),
    };
    if server.options.cors.judge(request.headers()) == Verdict::Allowed {
        server.options.cors.apply(request.headers(), answer.headers_mut());
    }
    answer
}

/// A request that was refused.
struct Refused {
    code: ErrorCode,
    /// Other words than the code's own.
    message: Option<String>,
    context: &'static str,
}

impl Refused {
    fn new(code: ErrorCode, context: &'static str) -> Self {
        Self { code, message: None, context }
    }
}

async fn serve(server: &Arc<Server>, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let cors = &server.options.cors;
    let verdict = cors.judge(request.headers());
    let mut answer = if verdict == Verdict::Refused {
        refuse(server, request, Refused::new(ErrorCode::Forbidden, "INVALID_ORIGIN"))
    } else if request.method() == Method::OPTIONS {
        let mut answer = HttpResponse::NoContent().finish();
        if verdict == Verdict::Allowed {
            cors.apply_preflight(request.headers(), answer.headers_mut());
        }
        answer
    } else {
        match answer(server, request, payload).await {
            Ok(answer) => answer,
            Err(refused) => refuse(server, request, refused),
        }
    };
    if verdict == Verdict::Allowed {
        cors.apply(request.headers(), answer.headers_mut());
    }
    if let Some(edit) = &server.options.hooks.headers {
        edit(answer.headers_mut(), &RequestHead::of(request));
    }
    answer
}

async fn answer(
    server: &Arc<Server>,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    let query = query::parse(request.query_string())?;
    if !server.options.transports.contains(&query.transport) {
        return Err(Refused::new(ErrorCode::UnknownTransport, "TRANSPORT_NOT_OFFERED"));
    }
    // In the reference's order: that a session is unknown is said before anything else about the request.
    let home = match &query.sid {
        Some(sid) => Some(Home::of(server, sid).await.ok_or_else(ended)?),
        None => None,
    };
    if is_websocket(request) != (query.transport == TransportKind::Websocket) {
        if let Some(home) = home {
            home.known().await?;
        }
        return Err(Refused::new(ErrorCode::BadRequest, "TRANSPORT_HANDSHAKE_ERROR"));
    }
    let Some(home) = home else {
        return begin(server, request, payload, query.transport).await;
    };
    match (query.transport, request.method()) {
        (TransportKind::Websocket, &Method::GET) => match (handshake::switching_protocols(request), home) {
            (Ok(switching), Home::Here(line)) => Carrier::of(request, payload).upgrade(switching, line).await,
            (Ok(switching), Home::Elsewhere(session)) => {
                Ok(piped::upgrade(session, payload, switching).await?)
            }
            (Err(answer), home) => {
                home.known().await?;
                Ok(*answer)
            }
        },
        (TransportKind::Polling, &Method::GET) => polling::poll(server, home).await,
        (TransportKind::Polling, &Method::POST) => polling::post(server, request, payload, home).await,
        _ => {
            home.known().await?;
            Ok(HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, POST")).finish())
        }
    }
}

/// A request without a session: it asks for a new one.
async fn begin(
    server: &Arc<Server>,
    request: &HttpRequest,
    payload: web::Payload,
    transport: TransportKind,
) -> Result<HttpResponse, Refused> {
    if request.method() != Method::GET {
        return Err(Refused::new(ErrorCode::BadHandshakeMethod, "BAD_HANDSHAKE_METHOD"));
    }
    if server.is_closing() {
        return Err(Refused::new(ErrorCode::Forbidden, "SERVER_CLOSING"));
    }
    let head = Arc::new(RequestHead::of(request));
    if head.size() > server.options.limits.head_bytes {
        bump(&server.counters.refused_requests);
        return Ok(HttpResponse::RequestHeaderFieldsTooLarge().finish());
    }
    server.joining_is_over().await;
    if let Some(allows) = &server.options.hooks.allow_request
        && let Err(refusal) = allows(head.clone()).await
    {
        return Err(Refused {
            code: ErrorCode::Forbidden,
            message: Some(refusal.0),
            context: "REFUSED_BY_ALLOW_REQUEST",
        });
    }
    // Again, for all this may have taken its time.
    if server.is_closing() {
        return Err(Refused::new(ErrorCode::Forbidden, "SERVER_CLOSING"));
    }
    let (sid, mut answer) = match transport {
        TransportKind::Polling => polling::open(server, head.clone())?,
        TransportKind::Websocket => match handshake::switching_protocols(request) {
            Ok(switching) => Carrier::of(request, payload).open(server, switching, head.clone())?,
            // Not an error of Engine.IO: HTTP's own answer says best what is missing.
            Err(answer) => {
                bump(&server.counters.refused_requests);
                return Ok(*answer);
            }
        },
    };
    if let Some(cookie) = server.options.cookie.as_ref().filter(|_| transport == TransportKind::Polling)
        && let Ok(value) = header::HeaderValue::from_str(&cookie.header(&sid))
    {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    if let Some(edit) = &server.options.hooks.initial_headers {
        edit(answer.headers_mut(), &head);
    }
    Ok(answer)
}

/// The answer to a refused request: JSON with the code, or for a WebSocket a plain 400, as the reference does.
fn refuse(server: &Server, request: &HttpRequest, refused: Refused) -> HttpResponse {
    let Refused { code, message, context } = refused;
    let message = message.unwrap_or_else(|| code.message().to_owned());
    bump(&server.counters.refused_requests);
    if let Some(see) = &server.options.hooks.connection_error {
        let request = Arc::new(RequestHead::of(request));
        see(&ConnectionError { code, message: message.clone(), context, request });
    }
    if is_websocket(request) {
        return HttpResponse::BadRequest().force_close().content_type("text/html").body(message);
    }
    let status = if code == ErrorCode::Forbidden { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
    HttpResponse::build(status).json(serde_json::json!({ "code": code as u8, "message": message }))
}

/// The refusal of a request whose connection has ended in this moment.
fn ended() -> Refused {
    Refusal::UnknownSid.into()
}

/// A connection, unless its server is gone.
fn opened(opened: Option<crate::connection::Opened>) -> Result<crate::connection::Opened, Refused> {
    opened.ok_or(Refused::new(ErrorCode::Forbidden, "SERVER_CLOSING"))
}

/// The connection a request is about.
type Peer = Arc<Line>;
