//! `Shard`: one per worker thread and server; it owns that thread's sockets and their roster.
//!
//! Receives what other threads have for its sockets ([`ShardMessage`]): broadcasts, orders for one socket, questions
//! about many. All of it travels in one channel, so what one thread sends stays in order. It is a channel and not the
//! actor's mailbox, since actix empties a mailbox before anything else gets its turn on the thread: whoever fills it as
//! fast as it is emptied would keep all clients of the thread waiting. Code on the shard's own thread calls
//! [`LocalShard`] directly instead. It stops with its thread.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, ready},
};

use actix::{Actor, Addr, AsyncContext, Context, StreamHandler};
use futures_util::{Stream, stream};
use natter_protocol::Frames;
use slab::Slab;
use tokio::sync::{mpsc, oneshot};

use crate::{
    alarm::Alarm,
    counters::{Tally, bump},
    delivery::Delivery,
    ids::ShardIndex,
    memberships::Step,
    remote_socket::RemoteSocket,
    room::{Occupied, Room, RoomKey},
    roster::{NamespaceId, Roster, Slot, Target},
    server::Server,
    socket::{Order, SocketInner},
    writers::Writers,
};

/// All shards of a server. Grows as worker threads come; a shard whose thread has ended is left out.
#[derive(Default)]
pub(crate) struct Shards(RwLock<Arc<Vec<Arc<ShardHandle>>>>);

impl Shards {
    pub fn all(&self) -> Arc<Vec<Arc<ShardHandle>>> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn add(&self, make: impl FnOnce(ShardIndex) -> Arc<ShardHandle>) {
        let mut shards = self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut list: Vec<_> = shards.iter().filter(|shard| !shard.sender.is_closed()).cloned().collect();
        let taken = |index| list.iter().any(|shard| shard.index == index);
        let index =
            (0..ShardIndex::MAX).find(|&index| !taken(index)).expect("invariant: fewer threads than 65,535");
        list.push(make(index));
        *shards = Arc::new(list);
    }
}

/// A shard as other threads see it.
pub(crate) struct ShardHandle {
    pub index: ShardIndex,
    sender: mpsc::UnboundedSender<ShardMessage>,
    /// Bytes of broadcasts and orders in the channel: its bound.
    queued: AtomicUsize,
}

impl ShardHandle {
    /// Puts a broadcast or an order into the shard's queue, if there is room; else false, and it is counted.
    pub fn post(&self, server: &Server, message: ShardMessage) -> bool {
        let queued = self.queued.load(Ordering::Relaxed);
        if queued > 0 && queued + message.weight() > server.options.limits.shard_queue_bytes {
            bump(&server.counters.dropped_shard_queue);
            return false;
        }
        self.send(message);
        true
    }

    /// Puts something into the queue in any case: questions, of which each asker has one under way.
    pub fn send(&self, message: ShardMessage) {
        self.queued.fetch_add(message.weight(), Ordering::Relaxed);
        // A shard whose thread has ended has nobody to tell it to, and nobody who answers.
        if let Err(mpsc::error::SendError(ShardMessage::Deliver(delivery))) = self.sender.send(message) {
            delivery.shard_is_done();
        }
    }
}

/// A shard as its own thread sees it.
pub(crate) struct LocalShard {
    pub handle: Arc<ShardHandle>,
    pub server: Arc<Server>,
    pub alarm: Rc<Alarm>,
    writers: Rc<Writers>,
    roster: RefCell<Roster>,
    sockets: RefCell<Slab<Arc<SocketInner>>>,
}

thread_local! {
    /// This thread's shards, one for each server that runs on it.
    static LOCAL: RefCell<Vec<Rc<LocalShard>>> = const { RefCell::new(Vec::new()) };
    /// Something runs on this thread that is no part of its shards.
    static ELSEWHERE: Cell<bool> = const { Cell::new(false) };
}

impl LocalShard {
    /// This thread's shard of the server, if it has one.
    pub fn current(server: &Server) -> Option<Rc<Self>> {
        Self::here(|shard| shard.server.id == server.id)
    }

    fn here(is_meant: impl Fn(&Self) -> bool) -> Option<Rc<Self>> {
        if ELSEWHERE.get() {
            return None;
        }
        LOCAL.with_borrow(|shards| shards.iter().find(|shard| is_meant(shard)).cloned())
    }

    /// Runs a guest of this thread: what it has for the thread's sockets goes through the shard's channel, like that of other
    /// threads. So however much it brings at once, the sockets are given a little at a time, and written to between.
    pub async fn elsewhere(guest: impl Future<Output = ()>) {
        /// Also when the guest panics.
        struct Back;
        impl Drop for Back {
            fn drop(&mut self) {
                ELSEWHERE.set(false);
            }
        }
        let mut guest = pin!(guest);
        let run = poll_fn(|cx| {
            ELSEWHERE.set(true);
            let _back = Back;
            guest.as_mut().poll(cx)
        });
        run.await;
    }

    /// This thread's shard of the server, started if need be. Must run in an actix system.
    pub fn of(server: &Arc<Server>) -> Rc<Self> {
        if let Some(shard) = Self::current(server) {
            return shard;
        }
        let mut local = None;
        server.shards.add(|index| {
            let mut handle = None;
            Shard::create(|ctx| {
                let (sender, receiver) = mpsc::unbounded_channel();
                let made = Arc::new(ShardHandle { index, sender, queued: AtomicUsize::new(0) });
                let writers = Rc::new(Writers::new(&server.options.limits));
                ctx.add_stream(stream_of(receiver, writers.clone()));
                let shard = Rc::new(Self {
                    handle: made.clone(),
                    server: server.clone(),
                    alarm: Rc::default(),
                    writers,
                    roster: RefCell::default(),
                    sockets: RefCell::default(),
                });
                handle = Some(made);
                local = Some(shard.clone());
                Shard { local: shard }
            });
            handle.expect("invariant: create calls its closure")
        });
        let local = local.expect("invariant: create calls its closure");
        LOCAL.with_borrow_mut(|shards| shards.push(local.clone()));
        actix_rt::spawn(local.alarm.clone().run());
        actix_rt::spawn(local.writers.clone().run());
        local
    }

    /// Whether this thread is that shard of the server.
    pub fn is_current(server: &Server, index: ShardIndex) -> bool {
        Self::here(|shard| shard.handle.index == index && shard.server.id == server.id).is_some()
    }

    /// Whether this thread is that shard.
    pub fn is_here(handle: &Arc<ShardHandle>) -> bool {
        Self::here(|shard| Arc::ptr_eq(&shard.handle, handle)).is_some()
    }

    pub fn index(&self) -> ShardIndex {
        self.handle.index
    }

    /// Takes in a socket whose client has been admitted, with the rooms it has joined meanwhile.
    pub fn add(&self, socket: &Arc<SocketInner>) {
        let slot = self.sockets.borrow_mut().insert(socket.clone());
        socket.set_slot(slot);
        self.roster.borrow_mut().add(socket.namespace.id, socket.id.clone(), slot);
        for room in socket.joined_rooms() {
            self.sync_room(socket, &room);
        }
    }

    /// Forgets a socket that has left its rooms.
    pub fn remove(&self, socket: &SocketInner) {
        if let Some(slot) = socket.take_slot() {
            self.roster.borrow_mut().remove(socket.namespace.id, &socket.id, slot);
            self.sockets.borrow_mut().try_remove(slot);
        }
    }

    /// Brings roster and directory in line with whether the socket wants to be in the room.
    pub fn sync_room(&self, socket: &SocketInner, room: &Arc<str>) {
        let Some(slot) = socket.slot() else { return };
        let namespace = socket.namespace.id;
        let mut roster = self.roster.borrow_mut();
        match socket.settle(room) {
            Step::Enter => {
                if roster.join(namespace, room, slot) {
                    self.server.directory.occupy(&socket.namespace, room, self.index());
                }
            }
            Step::Leave => {
                if roster.leave(namespace, room, slot) {
                    self.server.directory.vacate(&RoomKey { namespace, room: room.clone() }, self.index());
                }
            }
            Step::Nothing => {}
        }
    }

    /// Puts a broadcast into the outbox of each socket it is meant for.
    pub fn deliver(&self, delivery: &Delivery) {
        let mut tally = Tally::default();
        let mut hand_to = |socket: &Arc<SocketInner>| {
            let Some((pushed, wake)) = socket.receive(delivery) else { return };
            tally += pushed;
            if wake {
                self.writers.wake_soon(socket.line.clone());
            }
        };
        if delivery.event.is_some() {
            // Functions of the user's will see it, and may emit themselves: nothing of the shard is borrowed meanwhile.
            let sockets = self.select(delivery.namespace, &delivery.target);
            sockets.iter().for_each(&mut hand_to);
        } else {
            let sockets = self.sockets.borrow();
            self.roster.borrow_mut().for_each(delivery.namespace, &delivery.target, |slot: Slot| {
                if let Some(socket) = sockets.get(slot) {
                    hand_to(socket);
                }
            });
        }
        self.writers.count(delivery.frames.len());
        self.server.counters.pushed(&tally);
        delivery.shard_is_done();
    }

    /// Puts an event from another thread into the outbox of one socket.
    pub fn send(&self, socket: &SocketInner, frames: &Frames, volatile: bool) {
        let (pushed, wake) = socket.line.queue(frames, volatile);
        if wake {
            self.writers.wake_next(socket.line.clone());
        }
        self.writers.count(frames.len());
        self.server.counters.pushed(&pushed.into());
    }

    /// The sockets that are meant.
    pub fn select(&self, namespace: NamespaceId, target: &Target) -> Vec<Arc<SocketInner>> {
        let sockets = self.sockets.borrow();
        let mut selected = Vec::new();
        self.roster.borrow_mut().for_each(namespace, target, |slot| {
            selected.extend(sockets.get(slot).filter(|socket| socket.is_connected()).cloned());
        });
        selected
    }

    /// Answers on this thread.
    pub fn answer(&self, question: &Select) -> Selected {
        let sockets = self.select(question.namespace, &question.target);
        match &question.what {
            What::Count => Selected { count: sockets.len(), sockets: Vec::new() },
            What::Describe => Selected {
                count: sockets.len(),
                sockets: sockets.iter().map(|socket| RemoteSocket::of(socket)).collect(),
            },
            What::Order(order) => {
                for socket in &sockets {
                    order.give(self, socket);
                }
                Selected { count: sockets.len(), sockets: Vec::new() }
            }
        }
    }
}

/// The actor behind the handle.
pub(crate) struct Shard {
    local: Rc<LocalShard>,
}

impl Actor for Shard {
    type Context = Context<Self>;
}

impl Drop for Shard {
    fn drop(&mut self) {
        // The thread's end drops its tasks; what is left of the shard must not be found by a later server.
        let id = self.local.server.id;
        let forget =
            |shards: &RefCell<Vec<Rc<LocalShard>>>| shards.borrow_mut().retain(|it| it.server.id != id);
        if LOCAL.try_with(forget).is_err() {
            // The thread's storage is gone already, and the shard with it.
        }
    }
}

/// What other threads have for a shard.
pub(crate) enum ShardMessage {
    /// A broadcast. If it is lost, this shard's members miss it; that is counted.
    Deliver(Arc<Delivery>),
    /// An order for one socket; `done` is told when it has been carried out.
    Order { socket: Arc<SocketInner>, order: Order, done: Option<oneshot::Sender<()>> },
    /// A question about, or an order for, many. The asker may have stopped waiting.
    Ask { question: Select, reply: oneshot::Sender<Selected> },
    /// A room that starts over asks whether this shard has members of it.
    Census { key: RoomKey, room: Addr<Room> },
}

impl ShardMessage {
    fn weight(&self) -> usize {
        match self {
            Self::Deliver(delivery) => delivery.weight(),
            Self::Order { order, .. } => order.weight(),
            Self::Ask { .. } | Self::Census { .. } => 64,
        }
    }
}

/// The channel as a stream, of which actix takes a few items before others get their turn. It waits for writers that
/// are behind: whoever brings more in one go than an outbox holds would overrun clients that read.
fn stream_of(
    mut receiver: mpsc::UnboundedReceiver<ShardMessage>,
    writers: Rc<Writers>,
) -> impl Stream<Item = ShardMessage> {
    let mut next: Option<ShardMessage> = None;
    stream::poll_fn(move |cx| {
        if next.is_none() {
            next = ready!(receiver.poll_recv(cx));
        }
        if let Some(message) = &next {
            ready!(writers.poll_room(message.weight(), cx));
        }
        Poll::Ready(next.take())
    })
}

impl StreamHandler<ShardMessage> for Shard {
    fn handle(&mut self, message: ShardMessage, _: &mut Self::Context) {
        self.local.handle.queued.fetch_sub(message.weight(), Ordering::Relaxed);
        match message {
            ShardMessage::Deliver(delivery) => self.local.deliver(&delivery),
            ShardMessage::Order { socket, order, done } => {
                order.give(&self.local, &socket);
                order.tell(&socket, done);
            }
            // Who does not wait for the answer has dropped the other end.
            ShardMessage::Ask { question, reply } => drop(reply.send(self.local.answer(&question))),
            ShardMessage::Census { key, room } => {
                if self.local.roster.borrow().has_members(key.namespace, &key.room) {
                    room.do_send(Occupied { shard: self.local.index() });
                }
            }
        }
    }
}

/// A question about, or an order for, all sockets that are meant.
#[derive(Clone)]
pub(crate) struct Select {
    pub namespace: NamespaceId,
    pub target: Target,
    pub what: What,
}

#[derive(Clone)]
pub(crate) enum What {
    Count,
    Describe,
    Order(Order),
}

/// The answer to a [`Select`].
#[derive(Default)]
pub(crate) struct Selected {
    pub count: usize,
    pub sockets: Vec<RemoteSocket>,
}
