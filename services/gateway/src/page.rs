//! The chat page at `/`, inside the binary.

use std::future::ready;

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Bytes},
};

const HTML: &str = include_str!("page/index.html");
const CSS: &str = include_str!("page/chat.css");
const SCRIPT: &str = include_str!("page/chat.js");

/// The page runs its own script and the client's bundle, from here or from the CDN that `chat.js` names, and nothing
/// else: a message can never become markup that does something.
const CONTENT_POLICY: &str = include_str!("page/csp.txt");

/// The page for a node whose Socket.IO answers on `path`, in characters that need no escaping in HTML.
pub fn html(path: &str) -> Bytes {
    HTML.replace("{{path}}", path).into()
}

/// Mounts the page and what belongs to it.
pub fn routes(html: Bytes) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        for (url, kind, content) in [
            ("/", "text/html", html),
            ("/chat.css", "text/css", Bytes::from_static(CSS.as_bytes())),
            ("/chat.js", "text/javascript", Bytes::from_static(SCRIPT.as_bytes())),
        ] {
            let answer = move || ready(file(kind, content.clone()));
            config.route(url, web::get().to(answer.clone())).route(url, web::head().to(answer));
        }
    }
}

fn file(kind: &str, content: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, format!("{kind}; charset=utf-8")))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_POLICY.trim_end()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        // Another version of the node has another page under the same name.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(content)
}
