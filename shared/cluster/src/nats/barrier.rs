//! A round trip to the server, to know that it has done everything it was asked for before.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

/// How long the server may take to answer. It does so behind everything else that it has to deliver here, which a busy
/// machine may be long about; that it is gone is found out by pings, and sooner.
const ANSWER: Duration = Duration::from_secs(30);

/// How long it may take before it is asked in the other way.
const FIRST_WAY: Duration = Duration::from_millis(200);

/// Makes a server of version 2.11 or later report on a message to that subject.
const TRACE_TO: &str = "Nats-Trace-Dest";

/// Keeps a traced message from being delivered.
const TRACE_ONLY: &str = "Nats-Trace-Only";

/// A message to a subject that nobody listens to, with a reply subject of one's own: the server itself answers at once
/// that there are no responders (status 503), after everything it was sent before on the same connection.
///
/// Unless somebody does listen, an operator who watches all subjects. So without an answer the server is asked in a
/// second way, which costs more: to report where that message goes to.
///
/// It is not `Client::request`, which never forgets a request that was not answered, nor `Client::flush`, which says
/// nothing about the server.
pub(super) struct Barrier {
    private: String,
    answers: Subscriber,
    sent: u64,
    on_its_way: Option<OnItsWay>,
    /// Whether the last one was answered in the second way only.
    watched: bool,
}

struct OnItsWay {
    /// Of whoever has sent it.
    mark: usize,
    reply: String,
    begun: Instant,
    traced: bool,
}

impl Barrier {
    /// Subscribes below this prefix, which nobody else uses.
    pub(super) async fn new(client: &Client, private: &str) -> Result<Self, String> {
        let answers = client.subscribe(format!("{private}.barrier.*")).await;
        let answers = answers.map_err(|error| error.to_string())?;
        Ok(Self { private: private.to_owned(), answers, sent: 0, on_its_way: None, watched: false })
    }

    /// Whether one is on its way. There is never more than one.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// Sends one, with a mark that it comes back with.
    pub(super) async fn send(&mut self, client: &Client, mark: usize) -> Result<(), String> {
        self.sent += 1;
        let reply = format!("{}.barrier.{}", self.private, self.sent);
        let (begun, traced) = (Instant::now(), self.watched);
        self.on_its_way = Some(OnItsWay { mark, reply: reply.clone(), begun, traced });
        self.ask(client, reply, traced).await
    }

    /// Waits until the one on its way has come back.
    pub(super) async fn returned(&mut self, client: &Client) -> Result<usize, String> {
        while let Some(OnItsWay { mark, reply, begun, traced }) = &mut self.on_its_way {
            let due = *begun + if *traced { ANSWER } else { FIRST_WAY };
            match timeout_at(due, self.answers.next()).await {
                Ok(Some(message)) if message.subject.as_str() == reply => {
                    self.watched = *traced && !is_no_responders(&message);
                    let mark = *mark;
                    self.on_its_way = None;
                    return Ok(mark);
                }
                // The second answer to an earlier one.
                Ok(Some(_)) => {}
                Ok(None) => return Err("the client has ended".to_owned()),
                Err(_) if *traced => {
                    return Err(format!("the server has not answered for {} s", ANSWER.as_secs()));
                }
                Err(_) => {
                    *traced = true;
                    let reply = reply.clone();
                    self.ask(client, reply, true).await?;
                }
            }
        }
        Err("nothing is on its way".to_owned())
    }

    async fn ask(&self, client: &Client, reply: String, traced: bool) -> Result<(), String> {
        let subject = format!("{}.nobody", self.private);
        let sent = if traced {
            let mut headers = HeaderMap::new();
            headers.insert(TRACE_TO, reply.as_str());
            headers.insert(TRACE_ONLY, "true");
            client.publish_with_headers(subject, headers, Bytes::new()).await
        } else {
            client.publish_with_reply(subject, reply, Bytes::new()).await
        };
        sent.map_err(|error| error.to_string())
    }
}

fn is_no_responders(message: &Message) -> bool {
    message.status == Some(async_nats::StatusCode::NO_RESPONDERS)
}
