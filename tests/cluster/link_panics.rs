//! A link whose node panics.

use std::sync::Arc;

use bytes::Bytes;
use natter_cluster::{
    Event, LinkHandle, LinkOptions, LinkState, Member, MemoryBus, Node, NodeTag, Responder, link,
    message::{Broadcast, Message, Pipe, Question, Target},
};
use tokio::sync::mpsc;

/// A node that tells what it is told, and panics at a packet that says so.
struct Telling(mpsc::UnboundedSender<String>);

impl Telling {
    fn tell(&self, what: impl Into<String>) {
        self.0.send(what.into()).expect("the test listens");
    }
}

impl Node for Telling {
    fn broadcast(&self, _: &Broadcast<'_>, packet: Bytes) -> bool {
        assert_ne!(&packet[..], b"panic", "it was told to");
        self.tell(String::from_utf8_lossy(&packet));
        true
    }

    fn event(&self, _: Event) -> bool {
        true
    }

    fn asked(&self, _: Question<'_>, _: Responder) {}

    fn piped(&self, _: NodeTag, _: u64, _: bool, _: Pipe<'_>) {}

    fn came(&self, member: &Member) {
        self.tell(format!("{} came", member.name));
    }

    fn left(&self, member: &Member) {
        self.tell(format!("{} left", member.name));
    }

    fn interrupted(&self, tag: NodeTag) {
        self.tell(format!("{tag} interrupted"));
    }

    fn away(&self) {}

    fn suspended(&self) {}
}

fn start(hub: &MemoryBus, name: &str) -> (LinkHandle, mpsc::UnboundedReceiver<String>) {
    let (told, hears) = mpsc::unbounded_channel();
    let (bus, user) = (hub.clone(), name.to_owned());
    let options = LinkOptions {
        cluster: "test".to_owned(),
        node: name.to_owned(),
        open: Arc::new(move |_, _| bus.open(&user)),
    };
    let (link, task) = link(options, Arc::new(Telling(told)));
    task.run_on_its_own_thread();
    (link, hears)
}

fn says(link: &LinkHandle, what: &str) {
    let target = Target { namespace: "/", rooms: vec!["news"], except: vec![] };
    let broadcast = Broadcast { target, volatile: false, packet: what.as_bytes() };
    link.publish(vec![link.subjects().room("/", "news")], &Message::Broadcast(broadcast))
        .expect("there is room");
}

#[tokio::test]
async fn a_link_that_panics_learns_anew_who_is_there_and_goes_on() {
    let hub = MemoryBus::new();
    let (ann, mut ann_hears) = start(&hub, "ann");
    let (ben, mut ben_hears) = start(&hub, "ben");
    for link in [&ann, &ben] {
        link.state().wait_for(|state| *state == LinkState::Ready).await.expect("the link lives");
    }
    assert_eq!(ben_hears.recv().await.as_deref(), Some("ann came"));
    assert_eq!(ann_hears.recv().await.as_deref(), Some("ben came"));
    ben.subscribe(ben.subjects().room("/", "news")).await.expect("the link lives");

    says(&ann, "one");
    says(&ann, "panic");
    for expected in ["one", "ann left", "ann came"] {
        assert_eq!(ben_hears.recv().await.as_deref(), Some(expected));
    }
    assert_eq!(ben.stats().restarts, 1);
    let interrupted = format!("{} interrupted", ben.own());
    assert_eq!(
        ann_hears.recv().await,
        Some(interrupted),
        "what it had with the other one is over there, too"
    );

    says(&ann, "two");
    assert_eq!(ben_hears.recv().await.as_deref(), Some("two"));
    for link in [ann, ben] {
        link.close().await;
    }
}
