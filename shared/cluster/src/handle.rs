//! `LinkHandle`: the link as the threads of its node see it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    bus::PublishError,
    counters::{ClusterStats, Counters},
    envelope,
    identity::NodeTag,
    membership::Member,
    message::{Message, Question},
    pulse::Pulse,
    requests::Answers,
    subject::Subjects,
};

/// Bytes that may wait for the link.
const QUEUE_BYTES: usize = 64 << 20;

/// How the cluster is doing, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The bus is not there, and why. The node serves its own clients; it goes on trying.
    Away(String),
    /// The node is on its way in: it connects, at its start or after a suspension, or waits whether another one objects to
    /// its name.
    Joining,
    /// All is well: the bus is there, and so is every subscription.
    Ready,
    /// Another node has this one's name. The link has ended.
    NameTaken,
    /// The link has ended, as it was told to.
    Closed,
}

/// What the link is told.
pub(crate) enum Command {
    Publish {
        subjects: Vec<Arc<str>>,
        message: Bytes,
    },
    Subscribe {
        subject: Arc<str>,
        active: oneshot::Sender<()>,
    },
    Unsubscribe {
        subject: Arc<str>,
    },
    Ask(Asked),
    Answer {
        to: NodeTag,
        id: u64,
        body: Option<Bytes>,
    },
    /// Everything that was queued before a suspension has been seen.
    Resumed,
    Close,
}

/// A question on its way out.
pub(crate) struct Asked {
    /// None means all members.
    pub nodes: Option<BTreeSet<NodeTag>>,
    pub timeout: Duration,
    pub late: Duration,
    pub question: Bytes,
    pub reply: oneshot::Sender<Answers>,
}

impl Command {
    /// What it weighs in the queue.
    fn weight(&self) -> usize {
        64 + match self {
            Self::Publish { subjects, message } => message.len() + 64 * subjects.len(),
            Self::Ask(asked) => asked.question.len(),
            Self::Answer { body, .. } => body.as_ref().map_or(0, Bytes::len),
            _ => 0,
        }
    }
}

pub(crate) struct Shared {
    sender: mpsc::UnboundedSender<Command>,
    queued: AtomicUsize,
    state: watch::Sender<LinkState>,
    members: RwLock<Arc<Vec<Member>>>,
    /// Bytes that a message may have for the bus to carry it, as far as is known.
    largest: AtomicUsize,
    pub counters: Counters,
    pub subjects: Subjects,
    pub own: NodeTag,
    pub pulse: Pulse,
}

impl Shared {
    pub fn new(
        sender: mpsc::UnboundedSender<Command>,
        subjects: Subjects,
        own: NodeTag,
        pulse: Pulse,
    ) -> Arc<Self> {
        Arc::new(Self {
            sender,
            queued: AtomicUsize::new(0),
            state: watch::Sender::new(LinkState::Joining),
            members: RwLock::default(),
            largest: AtomicUsize::new(usize::MAX),
            counters: Counters::default(),
            subjects,
            own,
            pulse,
        })
    }

    pub fn set_state(&self, state: LinkState) {
        self.state.send_if_modified(|current| {
            let ended = matches!(current, LinkState::NameTaken | LinkState::Closed);
            let changes = !ended && *current != state;
            if changes {
                *current = state;
            }
            changes
        });
    }

    pub fn set_members(&self, members: Vec<Member>) {
        self.counters.members.store(members.len() as u64, Relaxed);
        *self.members.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(members);
    }

    pub fn set_largest(&self, largest: usize) {
        self.largest.store(largest, Relaxed);
    }

    /// The link has taken a command out of the queue.
    pub fn taken(&self, command: &Command) {
        self.queued.fetch_sub(command.weight(), Relaxed);
    }

    /// Queues a command in any case. After the link's end nobody takes it, and nobody answers.
    pub fn send(&self, command: Command) {
        self.queued.fetch_add(command.weight(), Relaxed);
        drop(self.sender.send(command));
    }

    /// Queues a command if there is room for it; else it is counted as dropped.
    fn post(&self, command: Command) -> bool {
        let fits = self.queued.load(Relaxed) + command.weight() <= QUEUE_BYTES;
        if fits {
            self.send(command);
        } else {
            let messages = if let Command::Publish { subjects, .. } = &command { subjects.len() } else { 1 };
            self.counters.dropped_full.fetch_add(messages as u64, Relaxed);
        }
        fits
    }
}

/// The way to the link, from any thread. What one thread tells it stays in order.
#[derive(Clone)]
pub struct LinkHandle(pub(crate) Arc<Shared>);

impl LinkHandle {
    /// Publishes a message, one message even if there are several subjects. At most once, and never waits; what is dropped
    /// later is counted in [`stats`](Self::stats).
    ///
    /// # Errors
    /// When it is dropped here and now, which is counted too: too much is queued, or the bus does not carry so large a message.
    pub fn publish(&self, subjects: Vec<Arc<str>>, message: &Message<'_>) -> Result<(), PublishError> {
        let message = envelope::encode(message);
        let (size, most) = (message.len(), self.0.largest.load(Relaxed));
        if size > most {
            self.0.counters.dropped_too_large.fetch_add(subjects.len() as u64, Relaxed);
            return Err(PublishError::TooLarge { size, most });
        }
        let fits = self.0.post(Command::Publish { subjects, message });
        if fits { Ok(()) } else { Err(PublishError::Full) }
    }

    /// Subscribes to a subject; a second time is nothing. The receiver is told when what others publish arrives here,
    /// and at once while the bus is away.
    pub fn subscribe(&self, subject: Arc<str>) -> oneshot::Receiver<()> {
        let (active, told) = oneshot::channel();
        self.0.send(Command::Subscribe { subject, active });
        told
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, subject: Arc<str>) {
        self.0.send(Command::Unsubscribe { subject });
    }

    /// Asks some nodes, or all members if there are none given, in order with what this thread has published before.
    ///
    /// They have `timeout` for it, and their answers `late` more to get here. Resolves when all have answered; a node that
    /// is gone is not waited for. None if nobody was asked, since the queue is full or the link has ended.
    pub fn ask(
        &self,
        nodes: Option<BTreeSet<NodeTag>>,
        question: &Question<'_>,
        timeout: Duration,
        late: Duration,
    ) -> impl Future<Output = Option<Answers>> + Send + use<> {
        let (reply, answers) = oneshot::channel();
        let question = envelope::encode_question(question);
        self.0.post(Command::Ask(Asked { nodes, timeout, late, question, reply }));
        async move { answers.await.ok() }
    }

    /// The subjects of the cluster.
    pub fn subjects(&self) -> &Subjects {
        &self.0.subjects
    }

    /// This node's tag.
    pub fn own(&self) -> NodeTag {
        self.0.own
    }

    /// The other nodes, by name.
    pub fn members(&self) -> Arc<Vec<Member>> {
        self.0.members.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// How the cluster is doing.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.0.state.subscribe()
    }

    /// The counters.
    pub fn stats(&self) -> ClusterStats {
        self.0.counters.snapshot()
    }

    /// How often this process has stood still for longer than the others wait for it, including a time that the link has
    /// not come to know of yet. Whoever finds more than before has to do with what is as old as that.
    pub fn standstills(&self) -> u64 {
        self.0.pulse.standstills(Instant::now())
    }

    /// Says goodbye to the others, when this is called. Resolves when the link has ended.
    pub fn close(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.send(Command::Close);
        self.clone().closed()
    }

    /// Resolves when the link has ended.
    pub async fn closed(self) {
        let mut state = self.state();
        let ended = |state: &LinkState| matches!(state, LinkState::Closed | LinkState::NameTaken);
        // The sender lives as long as this handle.
        drop(state.wait_for(ended).await);
    }
}
