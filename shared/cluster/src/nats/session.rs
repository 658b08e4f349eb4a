//! The task of a bus: it connects, puts subscriptions in place, reads, writes, and begins again when that breaks.

use std::{mem, pin::pin, sync::Arc, time::Duration};

use async_nats::{
    Client, Message, Subject, Subscriber,
    client::{PublishErrorKind, SubscribeErrorKind},
};
use bytes::Bytes;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use super::{
    NatsOptions,
    barrier::Barrier,
    connection::{Connection, connect},
    outgoing::{Outgoing, Queue},
    sweep::Streams,
    wishes::Wishes,
};
use crate::{
    bus::{Closed, Parcel},
    outbox::Outbox,
    untaken::Untaken,
};

/// How long closing may take.
pub(super) const CLOSING: Duration = Duration::from_secs(1);

/// What is said when that was not enough.
pub(super) const SLOW: &str = "the server has not confirmed within a second that it has everything";

/// The first wait before connecting again; each one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// After a connection that lasted so long the waits begin anew.
const STEADY: Duration = Duration::from_secs(10);

/// Bytes of a payload that are better copied: a quarter of what is read at once.
const SMALL: usize = 16 << 10;

/// What the user's end of the bus and its task share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) wishes: Wishes,
    pub(super) outbox: Arc<Outbox>,
}

/// The user, as the task sees it.
pub(super) struct User {
    /// Brings what has to be told when the bus has been closed; ends when the user has dropped the bus.
    pub(super) close: oneshot::Receiver<oneshot::Sender<Closed>>,
    /// Resolves when the user takes no events any more.
    pub(super) dropped: oneshot::Receiver<()>,
}

/// How a user leaves.
enum Left {
    /// It waits to be told how, which this says until more is known.
    Closed(oneshot::Sender<Closed>, Closed),
    /// Without a word.
    Gone,
}

impl User {
    async fn left(&mut self) -> Left {
        tokio::select! {
            // First: whoever closes the bus may have stopped listening to it in the same moment.
            biased;
            asked = &mut self.close => asked.map_or(Left::Gone, Left::waiting),
            _ = &mut self.dropped => Left::Gone,
        }
    }
}

impl Left {
    fn waiting(waits: oneshot::Sender<Closed>) -> Self {
        Self::Closed(waits, Closed::Uncertain("the bus is away".to_owned()))
    }

    /// It waits, and this is what it will be told.
    fn told(self, how: Closed) -> Self {
        match self {
            Self::Closed(waits, _) => Self::Closed(waits, how),
            Self::Gone => Self::Gone,
        }
    }
}

/// Runs until the user leaves.
pub(super) async fn run(options: NatsOptions, shared: Arc<Shared>, mut user: User) {
    let left = Session { options, shared: Arc::clone(&shared), told: None }.keep_connected(&mut user).await;
    shared.outbox.end();
    shared.queue.shut();
    shared.wishes.end();
    match left {
        // Who waits no longer does not want to know.
        Left::Closed(waits, how) => drop(waits.send(how)),
        Left::Gone => {}
    }
}

struct Session {
    options: NatsOptions,
    shared: Arc<Shared>,
    /// While it is down: the reason that the user knows.
    told: Option<String>,
}

impl Session {
    async fn keep_connected(mut self, user: &mut User) -> Left {
        let mut wait = FIRST_WAIT;
        loop {
            let attempt = tokio::select! {
                left = user.left() => return left,
                attempt = connect(&self.options) => attempt,
            };
            let retiring = match attempt {
                Ok(connection) => {
                    let begun = Instant::now();
                    match self.serve(&connection, user).await {
                        Ok(left) => return left,
                        Err(reason) => self.went_down(reason),
                    }
                    if begun.elapsed() > STEADY {
                        wait = FIRST_WAIT;
                    }
                    Some(connection)
                }
                Err(reason) => {
                    self.went_down(reason);
                    None
                }
            };
            let pause = async {
                if let Some(connection) = retiring {
                    connection.retire().await;
                }
                sleep(jittered(wait)).await;
            };
            tokio::select! {
                left = user.left() => return left,
                () = pause => wait = LONGEST_WAIT.min(wait * 2),
            }
        }
    }

    fn went_down(&mut self, reason: String) {
        let lost = self.shared.queue.shut();
        self.shared.wishes.end();
        if self.told.as_ref() != Some(&reason) {
            self.told = Some(reason.clone());
            self.shared.outbox.down(reason, lost);
        }
    }

    fn came_up(&mut self, largest: usize) {
        self.told = None;
        self.shared.outbox.up();
        self.shared.queue.open(largest);
    }

    /// Works with a connection until it breaks (an error, with the reason) or the user leaves.
    async fn serve(&mut self, connection: &Connection, user: &mut User) -> Result<Left, String> {
        let shared = Arc::clone(&self.shared);
        let Shared { queue, wishes, outbox } = &*shared;
        let client = &connection.client;
        wishes.begin();
        let mut subscriptions = Subscriptions::new(client, &self.options.private).await?;
        let mut writing = pin!(write(client, queue));
        // What comes before it is up is told after.
        let mut sweep = Untaken::new(self.options.untaken);
        let mut up = false;
        loop {
            let Subscriptions { barrier, streams } = &mut subscriptions;
            tokio::select! {
                biased;
                reason = connection.broken() => return Err(reason),
                left = user.left() => {
                    outbox.end();
                    if !up || matches!(left, Left::Gone) {
                        return Ok(left);
                    }
                    // A second has passed or the connection is gone: that is the end of it either way.
                    let rest = write_out(connection, queue, barrier, writing);
                    let how = match timeout(CLOSING, rest).await {
                        Ok(Ok(())) => Closed::Written,
                        Ok(Err(reason)) => Closed::Uncertain(reason),
                        Err(_) => Closed::Uncertain(SLOW.to_owned()),
                    };
                    return Ok(left.told(how));
                }
                returned = barrier.returned(client), if barrier.is_on_its_way() => {
                    queue.confirm(returned?);
                    wishes.in_place();
                    if !mem::replace(&mut up, true) {
                        self.came_up(client.max_payload());
                    }
                }
                due = barrier_is_due(queue, wishes), if !barrier.is_on_its_way() => tokio::select! {
                    reason = connection.broken() => return Err(reason),
                    asked = subscriptions.follow(client, &shared, due || !up) => asked?,
                },
                count = connection.dropped() => sweep.dropped(count),
                reason = &mut writing => return Err(reason),
                // The last one: what is above is not always ready, this may be.
                () = streams.sweep(|subject, message| sweep.arrived(parcel(subject, message))) => {}
            }
            if up && !sweep.is_empty() {
                outbox.swept(mem::replace(&mut sweep, Untaken::new(self.options.untaken)));
            }
        }
    }
}

/// What a connection is subscribed to.
struct Subscriptions {
    barrier: Barrier,
    streams: Streams<Subscriber>,
}

impl Subscriptions {
    async fn new(client: &Client, private: &str) -> Result<Self, String> {
        Ok(Self { barrier: Barrier::new(client, private).await?, streams: Streams::new() })
    }

    /// Does what is wished, and sends a barrier after it when somebody waits for it.
    async fn follow(&mut self, client: &Client, shared: &Shared, always: bool) -> Result<(), String> {
        let (changed, awaited) = shared.wishes.take();
        for (subject, wanted) in changed {
            if wanted {
                self.subscribe(client, subject).await?;
            } else if let Some(mut stream) = self.streams.remove(&subject) {
                stream.unsubscribe().await.map_err(|error| error.to_string())?;
            }
        }
        if awaited || always {
            self.barrier.send(client, shared.queue.written()).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, client: &Client, subject: Arc<str>) -> Result<(), String> {
        if self.streams.contains(&subject) {
            return Ok(());
        }
        match client.subscribe(subject.to_string()).await {
            Ok(stream) => self.streams.insert(subject, stream),
            Err(error) if error.kind() == SubscribeErrorKind::InvalidSubject => {
                tracing::error!(%subject, "a subject that is none, nothing will come of it");
            }
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }
}

fn parcel(subject: &Arc<str>, message: Message) -> Parcel {
    let payload = match message.payload {
        // It is a piece of what was read together. Somebody who keeps such pieces for slow clients would keep all of it.
        piece if piece.len() < SMALL => Bytes::copy_from_slice(&piece),
        large => large,
    };
    Parcel { subject: Arc::clone(subject), payload }
}

/// Writes what is queued until that is not possible any more, and says why.
///
/// It waits for each chunk to be written before it takes the next one, so that what a connection can't take stays in the
/// queue, where it is bounded and counted.
async fn write(client: &Client, queue: &Queue) -> String {
    loop {
        let chunk = queue.next().await;
        let bytes = chunk.iter().map(Outgoing::cost).sum();
        for Outgoing { subject, payload } in chunk {
            match client.publish(Subject::from(subject), payload).await {
                Ok(()) => {}
                Err(error) if error.kind() == PublishErrorKind::Send => return error.to_string(),
                Err(error) => tracing::error!("a message that cannot be published: {error}"),
            }
        }
        if let Err(error) = client.flush().await {
            return error.to_string();
        }
        queue.is_written(bytes);
    }
}

/// Writes what is left in the queue, and waits until the server has it and has had time to complain of it.
async fn write_out(
    connection: &Connection,
    queue: &Queue,
    barrier: &mut Barrier,
    writing: impl Future<Output = String>,
) -> Result<(), String> {
    let client = &connection.client;
    let mut writing = pin!(writing);
    loop {
        tokio::select! {
            reason = &mut writing => return Err(reason),
            () = queue.is_empty() => break,
            returned = barrier.returned(client), if barrier.is_on_its_way() => queue.confirm(returned?),
            () = queue.is_unconfirmed(), if !barrier.is_on_its_way() => {
                barrier.send(client, queue.written()).await?;
            }
        }
    }
    if barrier.is_on_its_way() {
        barrier.returned(client).await?;
    }
    barrier.send(client, queue.written()).await?;
    barrier.returned(client).await?;
    // What the server complained of came before the barrier, but is told by another task of this thread.
    tokio::task::yield_now().await;
    match connection.is_broken() {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}

/// Waits until the server has to be asked for something; whether a barrier is due though nobody waits for one.
async fn barrier_is_due(queue: &Queue, wishes: &Wishes) -> bool {
    tokio::select! {
        () = queue.is_unconfirmed() => true,
        () = wishes.changed() => false,
    }
}

/// So that the nodes of a cluster do not all come at once.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.75 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}
