//! A round trip to the server, to know that it has done everything it was asked for before.

use std::time::Duration;

use async_nats::{Client, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// A message to a subject that nobody listens to, with a reply subject of one's own: the server itself answers at once
/// that there are no responders (503), after everything it was sent before on the same connection.
///
/// It is not `Client::request`, which never forgets a request that was not answered, nor `Client::flush`, which says
/// nothing about the server.
pub(super) struct Barrier {
    subject: String,
    reply: String,
    answers: Subscriber,
    /// Until when the one on its way has to be answered.
    due: Option<Instant>,
}

impl Barrier {
    /// Subscribes below this prefix, which nobody else uses.
    pub(super) async fn new(client: &Client, private: &str) -> Result<Self, String> {
        let reply = format!("{private}.barrier");
        let answers = client.subscribe(reply.clone()).await.map_err(|error| error.to_string())?;
        Ok(Self { subject: format!("{private}.nobody"), reply, answers, due: None })
    }

    /// Whether one is on its way. There is never more than one.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.due.is_some()
    }

    /// Sends one.
    pub(super) async fn send(&mut self, client: &Client) -> Result<(), String> {
        self.due = Some(Instant::now() + ANSWER);
        client
            .publish_with_reply(self.subject.clone(), self.reply.clone(), Bytes::new())
            .await
            .map_err(|error| error.to_string())
    }

    /// Waits until the one on its way has come back.
    pub(super) async fn returned(&mut self) -> Result<(), String> {
        let due = self.due.unwrap_or_else(Instant::now);
        let answer = async {
            // What others may send there is no answer.
            while let Some(message) = self.answers.next().await {
                if message.status == Some(StatusCode::NO_RESPONDERS) {
                    return true;
                }
            }
            false
        };
        match timeout_at(due, answer).await {
            Ok(true) => {
                self.due = None;
                Ok(())
            }
            Ok(false) => Err("the client has ended".to_owned()),
            Err(_) => Err(format!("the server has not answered for {} s", ANSWER.as_secs())),
        }
    }
}
