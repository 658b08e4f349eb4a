//! Somebody on the bus who is no node of Natter's and says what it likes.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::StreamExt;
use natter_cluster::{
    Bus, BusEvent, NodeTag, OpenBus, Subjects,
    message::{Broadcast, Message, Target},
    nats,
};
use serde::Serialize;

use crate::harness::{Client, Cluster, Node, eventually, soon};

pub struct Stranger {
    bus: Box<dyn Bus>,
    subjects: Subjects,
    epoch: u64,
    said: Cell<u64>,
}

/// An envelope, field by field.
#[derive(Clone, Serialize)]
pub struct Envelope<M> {
    pub v: u64,
    pub cluster: String,
    pub node: String,
    pub epoch: u64,
    pub seq: u64,
    pub nth: u64,
    pub message: M,
}

impl<M: Serialize> Envelope<M> {
    pub fn bytes(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("it has a form")
    }
}

/// The epoch of a node that starts now.
pub fn epoch_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_millis()).expect("it is earlier than the year 584,554,019") << 16
}

impl Stranger {
    pub async fn on(cluster: &Cluster) -> Self {
        let options =
            nats::NatsOptions::new(vec![cluster.nats.url()], "natter.test.node.stranger".to_owned());
        let OpenBus { bus, mut events } = nats::open(options);
        let up = async { while !matches!(events.next().await, Some(BusEvent::Up)) {} };
        soon("the bus", up).await;
        // What it is told does not matter, as long as somebody takes it.
        tokio::spawn(async move { while events.next().await.is_some() {} });
        Self { bus, subjects: Subjects::of(&cluster.name), epoch: epoch_now(), said: Cell::new(0) }
    }

    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    pub fn publish(&self, subject: &str, payload: impl Into<Vec<u8>>) {
        self.bus.publish(subject, Bytes::from(payload.into())).expect("there is room");
    }

    /// To everybody who is in a room `news` of `/`.
    pub fn to_news(&self, payload: impl Into<Vec<u8>>) {
        self.publish(&self.subjects.room("/", "news"), payload);
    }

    /// An envelope as a node `mallory` would send it next.
    pub fn envelope<M>(&self, message: M) -> Envelope<M> {
        self.said.set(self.said.get() + 1);
        Envelope {
            v: 1,
            cluster: "test".to_owned(),
            node: "mallory".to_owned(),
            epoch: self.epoch,
            seq: self.said.get(),
            nth: self.said.get(),
            message,
        }
    }

    /// Says as `mallory` that it lives, so that it is a member, and lets everybody know it.
    pub fn lives(&self) {
        let heartbeat = self.envelope(Message::Heartbeat { hello: false });
        self.publish(&self.subjects.nodes(), heartbeat.bytes());
    }

    /// Says something as a member into a node's inbox.
    pub fn says(&self, to: &Node, message: impl Serialize) {
        self.lives();
        let envelope = self.envelope(message);
        self.publish(&self.subjects.node(NodeTag::of(to.name())), envelope.bytes());
    }

    /// Broadcasts as a member to the room `news` of `/`: frames that may be none.
    pub fn broadcasts(&self, packet: &[u8]) {
        self.lives();
        let target = Target { namespace: "/", rooms: vec!["news"], except: vec![] };
        let message = Message::Broadcast(Broadcast { target, volatile: false, packet });
        self.to_news(self.envelope(message).bytes());
    }
}

/// Two nodes with a client each in `news`, and the stranger.
pub struct Scene {
    pub cluster: Cluster,
    pub stranger: Stranger,
    ann: Client,
    ben: Client,
}

impl Scene {
    pub async fn set() -> Self {
        let cluster = Cluster::of(2).await;
        let ann = cluster.node(0).member_of("news").await;
        let ben = cluster.node(1).member_of("news").await;
        let stranger = Stranger::on(&cluster).await;
        Self { cluster, stranger, ann, ben }
    }

    /// Waits until a counter of each node's link has risen by so many since `before`.
    pub async fn counted(&self, before: [u64; 2], by: u64, name: &str, counter: impl Fn(&Node) -> u64) {
        for (node, before) in self.cluster.nodes().iter().zip(before) {
            let what = format!("{by} {name} at {}", node.name());
            eventually(&what, || match counter(node) - before {
                more if more == by => Ok(()),
                other => Err(other.to_string()),
            })
            .await;
        }
    }

    /// Nobody has heard anything, nobody has panicked, and the two talk to each other as ever.
    pub async fn nobody_is_disturbed(&mut self) {
        let (here, there) = (self.cluster.node(0), self.cluster.node(1));
        for (from, name) in [(here, "of node-0"), (there, "of node-1")] {
            from.io.to("news").emit(name, ()).expect("there is room");
            self.ann.expect(name).await;
            self.ben.expect(name).await;
        }
        let found = here.io.local().fetch_sockets().await;
        assert_eq!(found.len(), 1);
        let found = there.io.to("news").count().await;
        assert_eq!(found.count, 2);
        for node in [here, there] {
            let link = node.link();
            assert_eq!((link.restarts, link.outages, link.suspensions), (0, 0, 0), "{}", node.shows());
            assert!(node.view().is_ready(), "{}", node.shows());
        }
    }
}
