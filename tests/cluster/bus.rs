//! The contract of a bus. Each line is kept by both of them.

use std::collections::HashMap;

use natter_cluster::{Parcel, PublishError};
use tokio::sync::oneshot;

use crate::user::{Carrier, User};

macro_rules! both_keep {
    ($($promise:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $promise() { super::$promise(&super::Carrier::memory()).await; })*
        }
        mod nats {
            $(#[tokio::test] async fn $promise() { super::$promise(&super::Carrier::nats()).await; })*
        }
    };
}

both_keep! {
    what_one_publishes_arrives_in_order_across_200_subjects
    everybody_who_listens_hears_it_once_and_nobody_else
    nobody_hears_itself
    listening_twice_is_nothing
    nothing_comes_after_listening_has_ended
    what_another_publishes_once_listening_is_active_arrives
    a_payload_arrives_as_it_is
    the_largest_payload_arrives_and_a_larger_one_is_refused
    a_subject_that_is_too_long_is_refused_and_harms_nobody
    whoever_takes_too_slowly_loses_messages_and_is_told_how_many
    closing_writes_out_what_is_queued
    closing_writes_out_what_is_queued_though_nobody_takes_events_any_more
    a_bus_that_is_dropped_ends
    a_bus_whose_events_nobody_takes_ends
}

/// Numbered messages from another thread, in leaps so that neighbours are far apart.
async fn what_one_publishes_arrives_in_order_across_200_subjects(carrier: &Carrier) {
    const MESSAGES: u64 = 100_000;
    let subjects: Vec<_> = (0..200).map(|nth| format!("subject.{nth}")).collect();
    let mut bob = carrier.join("bob").await;
    bob.listen_all(&subjects).await;
    let (all, arrived) = oneshot::channel();
    let ann = elsewhere(carrier, "ann", async move |mut ann| {
        for number in 0..MESSAGES {
            ann.say(&subjects[(number * 77 % 200) as usize], number.to_be_bytes().to_vec()).await;
        }
        // Closing has only a second for all that is queued.
        tokio::select! {
            event = ann.event() => panic!("expected nothing, got {event:?}"),
            all = arrived => all.expect("the listener is there"),
        }
        ann.close().await;
    });
    let (mut next, mut latest) = (0, HashMap::new());
    while next < MESSAGES {
        let mut numbers = Vec::new();
        for parcel in bob.sweep().await {
            let number = number_in(&parcel);
            let before = latest.insert(parcel.subject, number);
            assert!(before < Some(number), "{number} after {before:?} under one subject");
            numbers.push(number);
        }
        // A sweep has no order across subjects. Sorted, it has to go on where the one before it has ended.
        numbers.sort_unstable();
        assert_eq!(numbers, (next..next + numbers.len() as u64).collect::<Vec<_>>());
        next += numbers.len() as u64;
    }
    all.send(()).expect("the publisher is there");
    ann.join().expect("the publisher has closed");
}

async fn everybody_who_listens_hears_it_once_and_nobody_else(carrier: &Carrier) {
    let ann = carrier.join("ann").await;
    let (mut bob, mut eve, mut zoe) =
        (carrier.join("bob").await, carrier.join("eve").await, carrier.join("zoe").await);
    bob.listen_all(&["news", "end"]).await;
    eve.listen_all(&["news", "end"]).await;
    zoe.listen_all(&["news.today", "end"]).await;
    ann.say("news", "hello").await;
    ann.say("end", "").await;
    for listener in [&mut bob, &mut eve] {
        let mut heard = listener.hears(2).await;
        heard.sort();
        assert_eq!(heard, ["end ", "news hello"]);
    }
    assert_eq!(zoe.hears(1).await, ["end "]);
}

async fn nobody_hears_itself(carrier: &Carrier) {
    let (mut ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    ann.listen("news").await;
    bob.listen("news").await;
    ann.say("news", "of ann").await;
    assert_eq!(bob.hears(1).await, ["news of ann"]);
    bob.say("news", "of bob").await;
    assert_eq!(ann.hears(1).await, ["news of bob"]);
}

async fn listening_twice_is_nothing(carrier: &Carrier) {
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    bob.listen_all(&["news", "news"]).await;
    bob.listen("news").await;
    for number in 0..1_000 {
        ann.say("news", number.to_string()).await;
    }
    let expected: Vec<_> = (0..1_000).map(|number| format!("news {number}")).collect();
    assert_eq!(bob.hears(1_000).await, expected);
    bob.stop_listening("news");
    bob.listen("end").await;
    ann.say("news", "unheard").await;
    ann.say("end", "").await;
    assert_eq!(bob.hears(1).await, ["end "], "ended once, ended for good");
}

async fn nothing_comes_after_listening_has_ended(carrier: &Carrier) {
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    for round in 0..50 {
        let (old, new) = (format!("room.{round}"), format!("room.{}", round + 1));
        bob.listen(&old).await;
        ann.say(&old, "heard").await;
        assert_eq!(bob.hears(1).await, [format!("{old} heard")]);
        bob.stop_listening(&old);
        // What is done before this is active is in effect with it.
        bob.listen(&new).await;
        ann.say(&old, "unheard").await;
    }
    ann.say("room.50", "end").await;
    assert_eq!(bob.hears(1).await, ["room.50 end"]);
}

async fn what_another_publishes_once_listening_is_active_arrives(carrier: &Carrier) {
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    for round in 0..500 {
        let room = format!("room.{round}");
        bob.listen(&room).await;
        ann.say(&room, "welcome").await;
        assert_eq!(bob.hears(1).await, [format!("{room} welcome")]);
    }
}

async fn a_payload_arrives_as_it_is(carrier: &Carrier) {
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    bob.listen("news").await;
    let every_byte: Vec<u8> = (0..=255).collect();
    for payload in [vec![], b"\r\n".to_vec(), b"PUB natter.test.news 1\r\nx\r\n".to_vec(), every_byte] {
        ann.say("news", payload.clone()).await;
        let sweep = bob.sweep().await;
        assert_eq!((sweep.len(), &*sweep[0].payload), (1, &*payload));
    }
}

async fn the_largest_payload_arrives_and_a_larger_one_is_refused(carrier: &Carrier) {
    const MOST: usize = 1 << 20;
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    bob.listen("news").await;
    let refused = ann.publish("news", vec![7; MOST + 1]);
    assert_eq!(refused, Err(PublishError::TooLarge { size: MOST + 1, most: MOST }));
    assert_eq!(ann.publish("news", vec![7; MOST]), Ok(()));
    let sweep = bob.sweep().await;
    assert_eq!((sweep.len(), sweep[0].payload.len()), (1, MOST));
}

async fn a_subject_that_is_too_long_is_refused_and_harms_nobody(carrier: &Carrier) {
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    bob.listen("news").await;
    let refused = ann.publish(&format!("room.{}", "x".repeat(4_000)), "unheard");
    assert!(matches!(refused, Err(PublishError::LongSubject { .. })), "{refused:?}");
    ann.say("news", "heard").await;
    assert_eq!(bob.hears(1).await, ["news heard"]);
}

async fn whoever_takes_too_slowly_loses_messages_and_is_told_how_many(carrier: &Carrier) {
    const MESSAGES: u64 = 500;
    const SIZE: usize = 64 << 10;
    let (ann, mut bob, mut eve) =
        (carrier.join("ann").await, carrier.join("bob").await, carrier.join("eve").await);
    bob.listen("news").await;
    eve.listen("end").await;
    for number in 0..MESSAGES {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(SIZE, 0);
        ann.say("news", payload).await;
    }
    // Nothing is taken before everything has come: to the server with the end, and to the bus with what it is asked then.
    ann.say("end", "").await;
    eve.hears(1).await;
    bob.listen("something.else").await;
    let (mut heard, mut latest) = (0, None);
    while heard + bob.dropped < MESSAGES {
        for parcel in bob.sweep().await {
            let number = number_in(&parcel);
            assert!(latest < Some(number), "{number} after {latest:?}");
            latest = Some(number);
            heard += 1;
        }
    }
    assert_eq!(heard + bob.dropped, MESSAGES);
    assert!(bob.dropped > 0, "32 MB are more than a bus keeps");
    assert!(heard > 0, "what there is room for is kept");
}

async fn closing_writes_out_what_is_queued(carrier: &Carrier) {
    let mut bob = carrier.join("bob").await;
    bob.listen("news").await;
    for round in 0..20 {
        let ann = carrier.join("ann").await;
        for number in 0..500 {
            ann.publish("news", format!("{round} {number}")).expect("there is room");
        }
        ann.close().await;
        let expected: Vec<_> = (0..500).map(|number| format!("news {round} {number}")).collect();
        assert_eq!(bob.hears(500).await, expected);
    }
}

async fn closing_writes_out_what_is_queued_though_nobody_takes_events_any_more(carrier: &Carrier) {
    let mut bob = carrier.join("bob").await;
    bob.listen("news").await;
    for round in 0..20 {
        let ann = carrier.join("ann").await;
        ann.publish("news", format!("goodbye {round}")).expect("there is room");
        ann.close_and_go().await;
        assert_eq!(bob.hears(1).await, [format!("news goodbye {round}")]);
    }
}

async fn a_bus_that_is_dropped_ends(carrier: &Carrier) {
    let mut ann = carrier.join("ann").await;
    ann.listen("news").await;
    ann.drop_bus();
    assert!(ann.event().await.is_none());
}

async fn a_bus_whose_events_nobody_takes_ends(carrier: &Carrier) {
    let (mut ann, bob) = (carrier.join("ann").await, carrier.join("bob").await);
    ann.listen("news").await;
    ann.drop_events();
    // Nothing it is asked for may wait for ever.
    ann.listen("other news").await;
    bob.say("news", "unheard").await;
    ann.close().await;
}

fn number_in(parcel: &Parcel) -> u64 {
    let first = parcel.payload.first_chunk().expect("a payload that begins with a number");
    u64::from_be_bytes(*first)
}

/// Runs a user on a thread of its own.
fn elsewhere<F>(carrier: &Carrier, name: &str, what: F) -> std::thread::JoinHandle<()>
where
    F: AsyncFnOnce(User) + Send + 'static,
{
    let open = carrier.opener(name);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be had").block_on(async {
            let mut user = User::of(open());
            user.comes_up().await;
            what(user).await;
        });
    })
}
