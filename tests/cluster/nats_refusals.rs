//! A server that does not let a node do what it wants.

use std::{fs, path::PathBuf};

use natter_cluster::{PublishError, nats};
use natter_tests::{NatsConfig, NatsServer};

use crate::{
    raw_nats::RawNats,
    user::{BELOW, Carrier, User, config, options},
};

/// A file with a password, which can be changed.
struct PasswordFile(PathBuf);

impl PasswordFile {
    fn of(name: &str, password: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("natter-{}-{name}", std::process::id())));
        file.now_has(password);
        file
    }

    fn now_has(&self, password: &str) {
        fs::write(&self.0, format!("{password}\n")).expect("the password can be written");
    }

    fn credentials(&self) -> nats::Credentials {
        nats::Credentials::User { name: "natter".to_owned(), password: nats::Secret::File(self.0.clone()) }
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        // A file that stays is no test's failure.
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_again_until_it_is_right() {
    let server = NatsServer::start_with(&config());
    let password = PasswordFile::of("first", "wrong");
    let mut options = options(&server, "ann");
    options.credentials = Some(password.credentials());
    let mut ann = User::of(nats::open(options));
    let reason = ann.goes_down().await;
    assert!(reason.contains("authorization violation"), "{reason}");
    assert_eq!(ann.publish("news", "unheard"), Err(PublishError::Away));
    password.now_has("secret");
    ann.comes_up().await;
    assert_eq!(ann.publish("news", "heard"), Ok(()));
}

#[tokio::test]
async fn a_password_that_is_not_there_yet_is_waited_for() {
    let server = NatsServer::start_with(&config());
    let password = PasswordFile::of("late", "");
    fs::remove_file(&password.0).unwrap();
    let mut options = options(&server, "ann");
    options.credentials = Some(password.credentials());
    let mut ann = User::of(nats::open(options));
    let reason = ann.goes_down().await;
    assert!(reason.contains("cannot read"), "{reason}");
    password.now_has("secret");
    ann.comes_up().await;
}

#[tokio::test]
async fn a_password_that_is_wrong_when_the_server_comes_back_is_not_final() {
    let mut server = NatsServer::start_with(&config());
    let password = PasswordFile::of("second", "secret");
    let mut options = options(&server, "ann");
    options.credentials = Some(password.credentials());
    let mut ann = User::of(nats::open(options));
    ann.comes_up().await;
    ann.listen("news").await;
    server.restart_with(&NatsConfig::user("natter", "changed", BELOW));
    while !ann.goes_down().await.contains("authorization violation") {}
    password.now_has("changed");
    ann.comes_up().await;
    // And the other way round: the server changes back to what is known.
    server.restart_with(&config());
    while !ann.goes_down().await.contains("authorization violation") {}
    server.restart_with(&NatsConfig::user("natter", "changed", BELOW));
    ann.comes_up().await;
    let mut bob_options = self::options(&server, "bob");
    bob_options.credentials = Some(password.credentials());
    let mut bob = User::of(nats::open(bob_options));
    bob.comes_up().await;
    bob.say("news", "after all that").await;
    assert_eq!(ann.hears(1).await, ["news after all that"]);
}

#[tokio::test]
async fn a_token_will_do() {
    let server = NatsServer::start_with(&NatsConfig::token("s3cret"));
    let mut options = options(&server, "ann");
    options.credentials = Some(nats::Credentials::Token(nats::Secret::Text("s3cret".to_owned())));
    User::of(nats::open(options)).comes_up().await;
}

#[tokio::test]
async fn a_subject_that_the_server_forbids_takes_the_bus_down_and_it_says_why() {
    let server = NatsServer::start_with(&config());
    let open = nats::open(options(&server, "ann"));
    let told = open.bus.subscribe("elsewhere.news".into());
    let mut ann = User::of(open);
    let reason = loop {
        let reason = ann.goes_down().await;
        if reason.contains("elsewhere") {
            break reason;
        }
    };
    assert!(reason.to_lowercase().contains("permissions violation for subscription"), "{reason}");
    told.await.expect("there is nobody to miss");
}

#[tokio::test]
async fn a_private_subject_that_the_server_forbids_never_comes_up() {
    let server = NatsServer::start_with(&config());
    let mut options = options(&server, "ann");
    options.private = "elsewhere.node.ann".to_owned();
    let mut ann = User::of(nats::open(options));
    let reason = ann.goes_down().await;
    assert!(reason.to_lowercase().contains("permissions violation"), "{reason}");
}

#[tokio::test]
async fn somebody_who_watches_everything_does_not_keep_listening_from_becoming_active() {
    let carrier = Carrier::nats();
    let Carrier::Nats(server) = &carrier else { unreachable!("it was asked for") };
    let mut watcher = RawNats::connect(server);
    watcher.send(&format!("SUB {BELOW}.> 1"));
    watcher.round_trip();
    let (ann, mut bob) = (carrier.join("ann").await, carrier.join("bob").await);
    for round in 0..20 {
        let room = format!("room.{round}");
        bob.listen(&room).await;
        ann.say(&room, "welcome").await;
        assert_eq!(bob.hears(1).await, [format!("{room} welcome")]);
    }
    drop(watcher);
    bob.listen("end").await;
    ann.close().await;
}

#[tokio::test]
async fn a_server_is_taken_that_answers_when_others_do_not() {
    let server = NatsServer::start_with(&config());
    for _ in 0..5 {
        let mut options = options(&server, "ann");
        // Nothing listens there.
        options.servers.insert(0, "nats://127.0.0.1:9".to_owned());
        options.servers.push("nats://[::1]:9".to_owned());
        User::of(nats::open(options)).comes_up().await;
    }
}
