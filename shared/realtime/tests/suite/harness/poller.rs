//! An Engine.IO client over HTTP long-polling.

use std::net::SocketAddr;

use super::{Answer, request};

#[derive(Clone)]
pub struct Poller {
    address: SocketAddr,
    path: String,
    session: String,
}

impl Poller {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, "").await
    }

    /// With more in the query.
    pub async fn open_with(address: SocketAddr, path: &str, query: &str) -> Self {
        let path = format!("{path}/?EIO=4&transport=polling{query}");
        let answer = request(address, &format!("GET {path}"), &[], "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let open: serde_json::Value = serde_json::from_str(&answer.body[1..]).unwrap();
        let session = open["sid"].as_str().unwrap().to_owned();
        Self { address, path: format!("{path}&sid={session}"), session }
    }

    pub fn session(&self) -> &str {
        &self.session
    }

    /// The same session by way of another server.
    pub fn through(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// The path of its requests.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub async fn get(&self) -> Answer {
        request(self.address, &format!("GET {}", self.path), &[], "").await
    }

    pub async fn post(&self, payload: &str) -> Answer {
        request(self.address, &format!("POST {}", self.path), &[], payload).await
    }
}
