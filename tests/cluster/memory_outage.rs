//! Nodes that are taken off a bus inside a process.

use natter_cluster::{MemoryBus, PublishError};

use crate::user::User;

async fn join(hub: &MemoryBus, name: &str) -> User {
    let mut user = User::of(hub.open(name));
    user.comes_up().await;
    user
}

#[tokio::test]
async fn a_node_that_is_cut_off_hears_nothing_until_it_is_mended() {
    let hub = MemoryBus::new();
    let (mut ann, mut bob, mut eve) =
        (join(&hub, "ann").await, join(&hub, "bob").await, join(&hub, "eve").await);
    for user in [&ann, &bob, &eve] {
        user.listen("news").await;
    }
    hub.cut("bob");
    hub.cut("bob");
    bob.goes_down().await;
    assert_eq!(bob.publish("news", "unsaid"), Err(PublishError::Away));
    ann.say("news", "1").await;
    assert_eq!(eve.hears(1).await, ["news 1"]);
    hub.mend("bob");
    bob.comes_up().await;
    ann.say("news", "2").await;
    assert_eq!(bob.hears(1).await, ["news 2"]);
    bob.say("news", "3").await;
    assert_eq!(ann.hears(1).await, ["news 3"]);
}

#[tokio::test]
async fn an_outage_takes_everybody_off_and_also_who_comes_then() {
    let hub = MemoryBus::new();
    let mut ann = join(&hub, "ann").await;
    hub.cut_all();
    ann.goes_down().await;
    let mut bob = User::of(hub.open("bob"));
    bob.goes_down().await;
    bob.listen("news").await;
    hub.cut("bob");
    hub.mend_all();
    ann.comes_up().await;
    ann.say("news", "unheard").await;
    hub.mend("bob");
    bob.comes_up().await;
    ann.say("news", "heard").await;
    assert_eq!(bob.hears(1).await, ["news heard"]);
}
