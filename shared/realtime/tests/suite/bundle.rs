//! The client's own files beside the server.

use std::{fs, path::PathBuf};

use natter::{Cors, Io};

use crate::harness::{Server, request};

/// A folder as an npm install leaves it, gone with the test.
struct Package(PathBuf);

impl Package {
    fn new(name: &str) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("dist")).unwrap();
        fs::write(folder.join("package.json"), r#"{"name":"socket.io-client","version":"4.8.1"}"#).unwrap();
        fs::write(folder.join("dist/socket.io.min.js"), "/* client */").unwrap();
        fs::write(folder.join("dist/socket.io.min.js.map"), "{}").unwrap();
        fs::write(folder.join("dist/secret.txt"), "secret").unwrap();
        Self(folder)
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test]
async fn files_are_served_with_their_version_as_tag() {
    let package = Package::new("bundle");
    let server = Server::build(Io::builder().cors(Cors::any()).client_bundle(package.0.join("dist")));
    let get = "GET /socket.io/socket.io.min.js";
    let answer = request(server.address, get, &["Origin: https://anywhere"], "").await;
    assert_eq!((answer.status, &*answer.body), (200, "/* client */"));
    assert_eq!(answer.header("etag"), Some("\"4.8.1\""));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
    assert_eq!(answer.header("content-type"), Some("application/javascript; charset=utf-8"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    for tag in ["\"4.8.1\"", "W/\"4.8.1\"", "\"1\", \"4.8.1\"", "*"] {
        let answer = request(server.address, get, &[&format!("If-None-Match: {tag}")], "").await;
        assert_eq!((answer.status, &*answer.body), (304, ""), "{tag}");
        assert_eq!(answer.header("etag"), Some("\"4.8.1\""));
    }
    let other = request(server.address, get, &["If-None-Match: \"4.8.0\""], "").await;
    assert_eq!(other.status, 200);
    let map = request(server.address, "GET /socket.io/socket.io.min.js.map", &[], "").await;
    assert_eq!(map.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn nothing_but_the_clients_files_is_served() {
    let package = Package::new("strict");
    let server = Server::build(Io::builder().client_bundle(package.0.join("dist")));
    for path in
        ["secret.txt", "socket.io.js", "..%2fpackage.json", "../package.json", "%2e%2e%2fpackage.json"]
    {
        let answer = request(server.address, &format!("GET /socket.io/{path}"), &[], "").await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let _ann = server.client().await;
}
