//! A node that speaks TLS itself.

mod node;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use node::{DEADLINE, Folder, Node, natter};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// One of the certificates of the tests, or its key.
fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/certificates", name].iter().collect()
}

/// The files of a node, with the certificate of that name in them.
struct Files {
    folder: Folder,
}

impl Files {
    fn new(folder: &str, name: &str) -> Self {
        let files = Self { folder: Folder::new(folder) };
        files.put(name);
        files
    }

    fn put(&self, name: &str) {
        for kind in ["pem", "key"] {
            let contents = fs::read_to_string(fixture(&format!("{name}.{kind}"))).expect("a fixture");
            self.folder.write(&format!("node.{kind}"), &contents);
        }
    }

    fn node(&self) -> Node {
        let file = |kind| format!("{}/node.{kind}", self.folder.path());
        Node::start(&["--tls-certificate", &file("pem"), "--tls-key", &file("key")])
    }
}

/// A TLS connection that accepts these certificates and no other.
fn connect(stream: TcpStream, trusted: &[&str]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    for name in trusted {
        let certificate = CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).expect("a fixture");
        roots.add(certificate).expect("a certificate");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).expect("a connection"), stream)
}

/// The answer to a GET; an error if the certificate is another one.
fn get(node: &Node, path: &str, trusted: &[&str]) -> std::io::Result<String> {
    let mut stream = connect(node.connect(), trusted);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn eventually_serves(node: &Node, name: &str) {
    let begun = Instant::now();
    while let Err(error) = get(node, "/health", &[name]) {
        assert!(begun.elapsed() < DEADLINE, "never the certificate {name}: {error}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A WebSocket in `/`.
fn websocket(node: &Node, trusted: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut stream = connect(node.connect(), &[trusted]);
    stream
        .write_all(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
              Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        )
        .expect("a request");
    expect(&mut stream, "0{");
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']).expect("a frame");
    expect(&mut stream, "40{");
    stream
}

/// Reads until that text has come.
fn expect(stream: &mut impl Read, text: &str) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains(text) {
        let length = stream.read(&mut buffer).expect("a read");
        assert!(length > 0, "{text} never came, but {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..length]);
    }
}

#[test]
fn a_new_certificate_is_served_after_a_hangup_and_open_connections_stay() {
    let files = Files::new("tls-reload", "one");
    let node = files.node();
    assert!(get(&node, "/health", &["one"]).expect("an answer").starts_with("HTTP/1.1 200 "));
    assert!(get(&node, "/health", &["two"]).is_err(), "it has the certificate one");
    let mut ann = websocket(&node, "one");

    files.put("two");
    node.signal("HUP");
    eventually_serves(&node, "two");
    ann.write_all(b"\x81\x8e\0\0\0\x0042[\"nonsense\"]").expect("a frame");
    websocket(&node, "two");

    // What can't be read changes nothing.
    files.folder.write("node.pem", "no certificate");
    node.signal("HUP");
    files.put("one");
    assert!(get(&node, "/health", &["one", "two"]).is_ok());
    node.signal("HUP");
    eventually_serves(&node, "one");
    node.signal("TERM");
}

#[test]
fn plain_requests_to_a_port_for_tls_are_hung_up_on() {
    let files = Files::new("tls-plain", "one");
    let node = files.node();
    let mut plain = node.connect();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a write");
    let mut answer = Vec::new();
    // An alert, or nothing, and the end.
    drop(plain.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert!(get(&node, "/health", &["one"]).is_ok());
}

#[test]
fn files_that_do_not_go_together_are_refused_before_the_start() {
    let (chain, key) = (fixture("one.pem"), fixture("two.key"));
    let (chain, key) = (chain.to_str().expect("a path"), key.to_str().expect("a path"));
    for (arguments, why) in [
        (vec!["--tls-certificate", chain, "--tls-key", key], "is not the key of"),
        (vec!["--tls-certificate", chain], "are needed together"),
        (vec!["--tls-certificate", key, "--tls-key", key], "holds no certificate"),
        (vec!["--tls-certificate", "/no/such/file", "--tls-key", key], "there is no such file"),
    ] {
        let refused = natter().args(["--port", "0"]).args(&arguments).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(78), "{said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}
