//! The client's own files, served next to the server (Socket.IO's `serveClient`).

use std::{collections::HashMap, fs, path::Path};

use actix_web::http::header::Header;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EntityTag, IF_NONE_MATCH, IfNoneMatch},
};
use bytes::Bytes;

/// The names the reference serves; each also has a map beside it.
const FILES: [&str; 5] = [
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
    "socket.io.esm.min.mjs",
];

/// Files read once, at the start.
pub(crate) struct Bundle {
    files: HashMap<String, Bytes>,
    version: String,
}

impl Bundle {
    /// Reads what is there of the client's files. Without any the server works all the same, and says so once.
    pub fn load(folder: &Path) -> Self {
        let names = FILES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}.map")]);
        let files: HashMap<_, _> =
            names.filter_map(|name| Some((name.clone(), fs::read(folder.join(name)).ok()?.into()))).collect();
        if files.is_empty() {
            tracing::warn!(folder = %folder.display(), "no client files found; clients must bring their own");
        }
        Self { files, version: version_of(folder).unwrap_or_else(|| "unknown".to_owned()) }
    }

    pub fn answer(&self, file: &str, request: &HttpRequest) -> HttpResponse {
        let Some(content) = self.files.get(file) else { return HttpResponse::NotFound().finish() };
        let tag = EntityTag::new_strong(self.version.clone());
        let known = request.headers().contains_key(IF_NONE_MATCH)
            && match IfNoneMatch::parse(request) {
                Ok(IfNoneMatch::Any) => true,
                Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|it| it.weak_eq(&tag)),
                Err(_) => false,
            };
        let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer.insert_header((ETAG, tag.to_string())).insert_header((CACHE_CONTROL, "public, max-age=0"));
        if known {
            return answer.finish();
        }
        let kind = if file.ends_with(".map") { "application/json" } else { "application/javascript" };
        answer.insert_header((CONTENT_TYPE, format!("{kind}; charset=utf-8"))).body(content.clone())
    }
}

/// The version in the package the folder belongs to.
fn version_of(folder: &Path) -> Option<String> {
    let manifest = fs::read(folder.parent()?.join("package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    Some(manifest.get("version")?.as_str()?.to_owned())
}
