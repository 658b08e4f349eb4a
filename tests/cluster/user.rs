//! A user of a bus, who waits for what it tells with a deadline.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use natter_cluster::{Bus, BusEvent, Events, MemoryBus, OpenBus, Parcel, PublishError, nats};
use natter_tests::{NatsConfig, NatsServer};
use tokio::time::timeout;

/// How long a test waits for what should happen at once, on a machine that is doing much else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Below this subject a user of [`config`] may do everything.
pub const BELOW: &str = "natter.test";

/// What carries the messages of a test.
pub enum Carrier {
    Memory(MemoryBus),
    Nats(NatsServer),
}

/// A server that knows one user, who has no rights but those that a cluster needs.
pub fn config() -> NatsConfig {
    NatsConfig::user("natter", "secret", BELOW)
}

/// What that user connects with.
pub fn options(server: &NatsServer, name: &str) -> nats::NatsOptions {
    let mut options = nats::NatsOptions::new(vec![server.url()], format!("{BELOW}.node.{name}"));
    let password = nats::Secret::Text("secret".to_owned());
    options.credentials = Some(nats::Credentials::User { name: "natter".to_owned(), password });
    options
}

impl Carrier {
    pub fn memory() -> Self {
        Self::Memory(MemoryBus::new())
    }

    pub fn nats() -> Self {
        Self::Nats(NatsServer::start_with(&config()))
    }

    /// Opens a bus and waits until it is up.
    pub async fn join(&self, name: &str) -> User {
        let mut user = User::of(self.opener(name)());
        user.comes_up().await;
        user
    }

    /// What opens a bus, also on another thread.
    pub fn opener(&self, name: &str) -> impl FnOnce() -> OpenBus + Send + 'static {
        let open: Box<dyn FnOnce() -> OpenBus + Send> = match self {
            Self::Memory(hub) => {
                let (hub, name) = (hub.clone(), name.to_owned());
                Box::new(move || hub.open(&name))
            }
            Self::Nats(server) => {
                let options = options(server, name);
                Box::new(move || nats::open(options))
            }
        };
        open
    }
}

pub struct User {
    bus: Option<Box<dyn Bus>>,
    events: Option<Events>,
    /// What it was told to be dropped.
    pub dropped: u64,
    /// What it was told to be lost.
    pub lost: u64,
}

impl User {
    pub fn of(open: OpenBus) -> Self {
        Self { bus: Some(open.bus), events: Some(open.events), dropped: 0, lost: 0 }
    }

    fn bus(&self) -> &dyn Bus {
        self.bus.as_deref().expect("it has not been closed")
    }

    /// Publishes without waiting.
    pub fn publish(&self, subject: &str, payload: impl Into<Bytes>) -> Result<(), PublishError> {
        self.bus().publish(&format!("{BELOW}.{subject}"), payload.into())
    }

    /// Publishes as soon as there is room.
    pub async fn say(&self, subject: &str, payload: impl Into<Bytes>) {
        let payload = payload.into();
        let begun = Instant::now();
        loop {
            match self.publish(subject, payload.clone()) {
                Ok(()) => return,
                Err(PublishError::Full) if begun.elapsed() < PATIENCE => tokio::task::yield_now().await,
                Err(error) => panic!("cannot publish under {subject}: {error}"),
            }
        }
    }

    /// Subscribes and waits until that is active.
    pub async fn listen(&self, subject: &str) {
        self.listen_all(&[subject]).await;
    }

    /// Subscribes to all of them and waits until that is active.
    pub async fn listen_all(&self, subjects: &[impl AsRef<str>]) {
        let told: Vec<_> = subjects
            .iter()
            .map(|subject| self.bus().subscribe(format!("{BELOW}.{}", subject.as_ref()).into()))
            .collect();
        for (told, subject) in told.into_iter().zip(subjects) {
            let subject = subject.as_ref();
            let told = timeout(PATIENCE, told).await;
            told.unwrap_or_else(|_| panic!("the subscription to {subject} is not active"))
                .unwrap_or_else(|_| panic!("nobody tells of the subscription to {subject}"));
        }
    }

    pub fn stop_listening(&self, subject: &str) {
        self.bus().unsubscribe(&format!("{BELOW}.{subject}"));
    }

    /// The next event, none when there will be no more.
    pub async fn event(&mut self) -> Option<BusEvent> {
        let events = self.events.as_mut()?;
        let event = timeout(PATIENCE, events.next()).await.expect("the bus tells something");
        match event {
            Some(BusEvent::Dropped(count)) => self.dropped += count,
            Some(BusEvent::Lost(count)) => self.lost += count,
            _ => {}
        }
        event
    }

    /// Waits until it is up, whatever is told before.
    pub async fn comes_up(&mut self) {
        while !matches!(self.event().await.expect("the bus lives"), BusEvent::Up) {}
    }

    /// Waits until it is down, whatever is told before, and says why.
    pub async fn goes_down(&mut self) -> String {
        loop {
            if let BusEvent::Down(reason) = self.event().await.expect("the bus lives") {
                return reason;
            }
        }
    }

    /// The next sweep. It is empty when the next thing to be told is that messages were dropped.
    pub async fn sweep(&mut self) -> Vec<Parcel> {
        match self.event().await.expect("the bus lives") {
            BusEvent::Parcels(parcels) => parcels,
            BusEvent::Dropped(_) => Vec::new(),
            other => panic!("expected parcels, got {other:?}"),
        }
    }

    /// As many messages as asked for, as `subject payload` and in the order in which they came.
    pub async fn hears(&mut self, count: usize) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.extend(self.sweep().await.iter().map(told));
        }
        heard
    }

    /// Closes the bus, for as long as it takes.
    pub async fn close_now(&mut self) {
        self.bus.take().expect("it has not been closed").close().await;
    }

    /// Closes the bus and takes no more events, both in one go, as an actor does that stops.
    pub async fn close_and_go(mut self) {
        let closed = self.bus.take().expect("it has not been closed").close();
        self.drop_events();
        closed.await;
    }

    /// Closes the bus; then there is nothing more to be told.
    pub async fn close(mut self) {
        self.close_now().await;
        while let Some(event) = self.event().await {
            assert!(!matches!(event, BusEvent::Down(_)), "closing is no outage");
        }
    }

    /// Takes no events any more.
    pub fn drop_events(&mut self) {
        self.events = None;
    }

    /// Leaves without a word.
    pub fn drop_bus(&mut self) {
        self.bus.take();
    }
}

fn told(parcel: &Parcel) -> String {
    let subject = parcel.subject.strip_prefix(BELOW).expect("a subject of this cluster");
    format!("{} {}", &subject[1..], String::from_utf8_lossy(&parcel.payload))
}
