//! `/health`, `/ready` and `/stats`: what an orchestrator and an operator ask a node.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpResponse, http::header, web};
use natter::{Io, Stats};
use serde::Serialize;
use serde_json::json;

use crate::cluster::{self, Figures};

/// What the probes answer from; one for the whole node.
pub struct Probes {
    io: Io,
    node: String,
    max_connections: usize,
    leaving: AtomicBool,
    with_stats: bool,
}

impl Probes {
    /// Probes of a node that takes connections.
    pub fn new(io: Io, node: String, max_connections: usize, with_stats: bool) -> Arc<Self> {
        Arc::new(Self { io, node, max_connections, leaving: AtomicBool::new(false), with_stats })
    }

    /// From now on the node is not ready.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Why a load balancer should send nobody here; nothing when it should.
    fn unready(&self) -> Option<String> {
        // Not sessions: one that nobody has taken any further costs no connection, and is soon over.
        let connections = usize::try_from(self.io.stats().sockets).unwrap_or_default();
        if self.leaving.load(Ordering::Relaxed) {
            Some("shutting down".to_owned())
        } else if let Some(why) = cluster::apart(&self.io) {
            Some(why.to_owned())
        } else if connections >= self.max_connections {
            Some(format!("full: {connections} of {} connections", self.max_connections))
        } else {
            None
        }
    }
}

/// Mounts the probes.
pub fn routes(probes: Arc<Probes>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let with_stats = probes.with_stats;
        config
            .app_data(web::Data::from(probes))
            .route("/health", web::get().to(health))
            .route("/health", web::head().to(health))
            .route("/ready", web::get().to(ready))
            .route("/ready", web::head().to(ready));
        if with_stats {
            config.route("/stats", web::get().to(stats));
        }
    }
}

/// 200 as long as the process answers at all.
async fn health(probes: web::Data<Probes>) -> HttpResponse {
    let body = json!({"status": "up", "node": probes.node, "version": env!("CARGO_PKG_VERSION")});
    fresh(HttpResponse::Ok()).json(body)
}

/// 200, or 503 with the reason.
async fn ready(probes: web::Data<Probes>) -> HttpResponse {
    match probes.unready() {
        None => fresh(HttpResponse::Ok()).json(json!({"ready": true, "node": probes.node})),
        Some(why) => {
            let body = json!({"ready": false, "node": probes.node, "reason": why});
            fresh(HttpResponse::ServiceUnavailable()).json(body)
        }
    }
}

/// The node's own counters, and those of its link.
#[derive(Serialize)]
struct Counted {
    #[serde(flatten)]
    node: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Figures>,
}

async fn stats(probes: web::Data<Probes>) -> HttpResponse {
    let counted = Counted { node: probes.io.stats(), cluster: cluster::figures(&probes.io) };
    fresh(HttpResponse::Ok()).json(counted)
}

/// An answer of a moment ago is a wrong one.
fn fresh(mut response: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}
