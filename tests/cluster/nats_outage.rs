//! NATS goes away and comes back.

use std::time::{Duration, Instant};

use natter_cluster::{BusEvent, PublishError, nats};
use natter_tests::NatsServer;

use crate::user::{Carrier, User, config, options};

/// Within this time an outage has to be noticed, also one without a sign.
const NOTICED: Duration = Duration::from_secs(5);

async fn join(server: &NatsServer, name: &str) -> User {
    let mut user = User::of(nats::open(options(server, name)));
    user.comes_up().await;
    user
}

#[tokio::test]
async fn a_server_that_is_killed_is_noticed_and_all_subscriptions_are_back_before_up_is_told() {
    let mut server = NatsServer::start_with(&config());
    let (mut ann, mut bob) = (join(&server, "ann").await, join(&server, "bob").await);
    let rooms: Vec<_> = (0..500).map(|nth| format!("room.{nth}")).collect();
    bob.listen_all(&rooms).await;
    for round in 0..3 {
        let killed = Instant::now();
        server.kill();
        for user in [&mut ann, &mut bob] {
            user.goes_down().await;
            assert!(killed.elapsed() < NOTICED, "noticed after {:?}", killed.elapsed());
            assert_eq!(user.publish("news", "unheard"), Err(PublishError::Away));
        }
        // There is nobody to miss. It is in place like the others when the server is back.
        let late = format!("late.{round}");
        bob.listen(&late).await;
        bob.stop_listening(&rooms[round]);
        server.restart();
        ann.comes_up().await;
        bob.comes_up().await;
        let mut expected = Vec::new();
        for room in rooms.iter().chain([&late]) {
            ann.say(room, round.to_string()).await;
            expected.push(format!("{room} {round}"));
        }
        expected.drain(..=round);
        let mut heard = bob.hears(expected.len()).await;
        heard.sort();
        expected.sort();
        assert_eq!(heard, expected);
    }
}

#[tokio::test]
async fn a_server_that_is_stopped_is_noticed_within_5_s_and_used_again_when_it_goes_on() {
    let server = NatsServer::start_with(&config());
    let (mut ann, mut bob) = (join(&server, "ann").await, join(&server, "bob").await);
    bob.listen("news").await;
    for round in 0..2 {
        let stopped = Instant::now();
        server.stop();
        for user in [&mut ann, &mut bob] {
            user.goes_down().await;
            let noticed = stopped.elapsed();
            println!("noticed after {noticed:?}");
            assert!(noticed < NOTICED, "noticed after {noticed:?}");
        }
        server.go_on();
        ann.comes_up().await;
        bob.comes_up().await;
        ann.say("news", round.to_string()).await;
        assert_eq!(bob.hears(1).await, [format!("news {round}")]);
    }
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let mut server = NatsServer::start_with(&config());
    server.kill();
    let mut ann = User::of(nats::open(options(&server, "ann")));
    ann.listen("news").await;
    let reason = ann.goes_down().await;
    assert!(reason.contains(&server.address()), "{reason}");
    server.restart();
    ann.comes_up().await;
    let bob = join(&server, "bob").await;
    bob.say("news", "hello").await;
    assert_eq!(ann.hears(1).await, ["news hello"]);
}

#[tokio::test]
async fn what_is_published_to_a_stopped_server_is_bounded_and_what_was_not_written_is_told() {
    const SIZE: usize = 64 << 10;
    /// What connections keep in the kernel at both ends.
    const KERNEL: usize = 24 << 20;
    let server = NatsServer::start_with(&config());
    let mut ann = join(&server, "ann").await;
    let most = options(&server, "ann").queue;
    server.stop();
    let mut accepted = 0;
    let refused = loop {
        match ann.publish("news", vec![0; SIZE]) {
            Ok(()) => accepted += 1,
            Err(PublishError::Full) if accepted * SIZE > most => {
                // The kernel has taken some by now and may take more.
                match tokio::time::timeout(Duration::from_millis(500), ann.event()).await {
                    Err(_) => {}
                    Ok(event) => panic!("{event:?} without a reason"),
                }
                if ann.publish("news", vec![0; SIZE]).is_err() {
                    break PublishError::Full;
                }
                accepted += 1;
            }
            Err(PublishError::Full) => tokio::task::yield_now().await,
            Err(other) => break other,
        }
    };
    assert_eq!(refused, PublishError::Full);
    assert!(accepted * SIZE <= most + KERNEL, "{accepted} messages were accepted");
    ann.goes_down().await;
    assert_eq!(ann.publish("news", "unheard"), Err(PublishError::Away));
    let waited = ann.lost as usize;
    assert!(waited <= accepted && waited * SIZE > most / 2, "{waited} of {accepted} were lost");
    server.go_on();
    ann.comes_up().await;
    assert_eq!(ann.publish("news", "heard"), Ok(()));
}

#[tokio::test]
async fn nothing_that_was_queued_for_one_connection_is_written_on_the_next_one() {
    let server = NatsServer::start_with(&config());
    let (mut ann, mut bob) = (join(&server, "ann").await, join(&server, "bob").await);
    bob.listen("news").await;
    server.stop();
    while ann.publish("news", vec![0; 64 << 10]) != Err(PublishError::Full) {}
    ann.goes_down().await;
    bob.goes_down().await;
    server.go_on();
    bob.comes_up().await;
    ann.comes_up().await;
    // What the kernel had taken may still be delivered. What comes after is not followed by anything older.
    ann.say("news", "new").await;
    while bob.hears(1).await.last().map(String::as_str) != Some("news new") {}
    bob.listen("end").await;
    ann.say("end", "").await;
    assert_eq!(bob.hears(1).await, ["end "]);
}

#[tokio::test]
async fn twenty_thousand_subscriptions_are_quickly_made_and_quickly_back() {
    const SUBJECTS: usize = 20_000;
    let carrier = Carrier::nats();
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    let Carrier::Nats(mut server) = carrier else { unreachable!("it was asked for") };
    let rooms: Vec<_> = (0..SUBJECTS).map(|nth| format!("room.{nth}")).collect();
    let begun = Instant::now();
    bob.listen_all(&rooms).await;
    println!("{SUBJECTS} subscriptions in {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // One message costs nothing for the 19,999 others: it would take minutes.
    let begun = Instant::now();
    for number in 0..2_000 {
        ann.say(&rooms[number * 10], "1").await;
        assert_eq!(bob.hears(1).await.len(), 1);
    }
    println!("2000 messages one after the other in {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(ann);
    let begun = Instant::now();
    server.restart();
    bob.goes_down().await;
    bob.comes_up().await;
    println!("down and up again with all of them in {:?}", begun.elapsed());
    let ann = join(&server, "ann").await;
    for room in &rooms {
        ann.say(room, "2").await;
    }
    let mut heard = bob.hears(SUBJECTS).await;
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), SUBJECTS);
}

#[tokio::test]
async fn a_bus_can_be_closed_while_the_server_is_away() {
    let mut server = NatsServer::start_with(&config());
    let mut ann = join(&server, "ann").await;
    server.stop();
    ann.publish("news", "unheard").expect("nobody has noticed yet");
    let begun = Instant::now();
    ann.close_now().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "closed after {:?}", begun.elapsed());
    server.restart();
    let mut bob = join(&server, "bob").await;
    server.kill();
    bob.goes_down().await;
    let begun = Instant::now();
    bob.close_now().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "closed after {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_down_is_told_once_for_one_reason() {
    let mut server = NatsServer::start_with(&config());
    let mut ann = join(&server, "ann").await;
    server.kill();
    ann.goes_down().await;
    let mut reasons = vec![ann.goes_down().await];
    // Several more attempts are made in this time, all of them refused.
    while let Ok(event) = tokio::time::timeout(Duration::from_secs(3), ann.event()).await {
        match event {
            Some(BusEvent::Down(reason)) => reasons.push(reason),
            other => panic!("expected nothing but reasons, got {other:?}"),
        }
    }
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    server.restart();
    ann.comes_up().await;
}
