//! NATS goes away and comes back.

use std::{
    fs,
    time::{Duration, Instant},
};

use natter_cluster::{BusEvent, PublishError, nats};
use natter_tests::NatsServer;

use crate::{
    raw_nats::RawNats,
    user::{BELOW, Carrier, User, config, options},
};

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
    /// What is written without knowing that it has arrived.
    const UNDER_WAY: usize = 2 << 20;
    let server = NatsServer::start_with(&config());
    let mut ann = join(&server, "ann").await;
    let most = options(&server, "ann").queue;
    server.stop();
    let (mut accepted, mut refused) = (0, 0);
    loop {
        match ann.publish("news", vec![0; SIZE]) {
            Ok(()) => accepted += 1,
            Err(PublishError::Full) => refused += 1,
            Err(PublishError::Away) => break,
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
    assert!(refused > 0, "{accepted} were accepted");
    assert!(accepted * SIZE <= most + UNDER_WAY, "{accepted} messages were accepted");
    ann.goes_down().await;
    assert_eq!(ann.publish("news", "unheard"), Err(PublishError::Away));
    let lost = ann.lost as usize;
    assert!(lost <= accepted && (accepted - lost) * SIZE <= UNDER_WAY, "{lost} of {accepted} were lost");
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
    // Whatever else the machine is doing, this thread does all the work of both.
    let before = processor_time();
    bob.listen_all(&rooms).await;
    let used = processor_time() - before;
    assert!(used < Duration::from_secs(3), "{used:?} for {SUBJECTS} subscriptions");
    // A message costs nothing for the 19,999 others.
    let before = processor_time();
    for number in 0..2_000 {
        ann.say(&rooms[number * 10], "1").await;
        assert_eq!(bob.hears(1).await.len(), 1);
    }
    let used = processor_time() - before;
    assert!(used < Duration::from_secs(3), "{used:?} for 2,000 messages");
    drop(ann);
    server.restart();
    bob.goes_down().await;
    bob.comes_up().await;
    let ann = join(&server, "ann").await;
    for room in &rooms {
        ann.say(room, "2").await;
    }
    let mut heard = bob.hears(SUBJECTS).await;
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), SUBJECTS);
}

/// Many small messages that all wait when the thread of the bus has time again: more than it keeps.
#[tokio::test]
async fn a_flood_at_a_busy_thread_is_counted_to_the_last_message() {
    const MESSAGES: u64 = 20_000;
    let server = NatsServer::start_with(&config());
    let mut options = options(&server, "ann");
    options.untaken = 1 << 20;
    let mut ann = User::of(nats::open(options));
    ann.comes_up().await;
    ann.listen("flood").await;
    let mut flood = RawNats::connect(&server);
    let thousand = vec![format!("PUB {BELOW}.flood 1\r\nx"); 1_000].join("\r\n");
    for _ in 0..MESSAGES / 1_000 {
        flood.send(&thousand);
    }
    // Neither this thread nor the bus on it does anything before the server has all of it. Then the bus does, and nobody
    // takes anything before it has had all of that too.
    flood.round_trip();
    ann.listen("else").await;
    let mut heard = 0;
    while heard + ann.dropped < MESSAGES {
        heard += ann.sweep().await.len() as u64;
    }
    assert!(heard > 0 && ann.dropped > 0, "{heard} heard, {} dropped", ann.dropped);
    flood.send(&format!("PUB {BELOW}.flood 3\r\nend"));
    assert_eq!(ann.hears(1).await, ["flood end"]);
    assert_eq!(heard + ann.dropped, MESSAGES);
}

#[tokio::test]
async fn a_server_that_is_slow_is_not_taken_for_one_that_is_gone() {
    const MESSAGES: usize = 70_000;
    let server = NatsServer::start_with(&config());
    let (mut ann, mut bob) = (join(&server, "ann").await, join(&server, "bob").await);
    bob.listen("news").await;
    let slow = server.slow_down();
    for _ in 0..MESSAGES {
        ann.say("news", "1").await;
    }
    let mut heard = 0;
    while heard < MESSAGES {
        tokio::select! {
            event = ann.event() => panic!("expected nothing, got {event:?}"),
            sweep = bob.sweep() => heard += sweep.len(),
        }
    }
    drop(slow);
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

/// What this thread has used.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/stat").expect("the thread lives");
    // The name in parentheses may hold anything, so fields are counted from behind it (proc(5): utime 14, stime 15).
    let (_, fields) = stat.rsplit_once(')').expect("a stat line has a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("ticks are a number")).sum();
    Duration::from_millis(ticks * 10)
}
