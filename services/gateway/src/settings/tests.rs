use super::*;

fn given(key: &str, text: &str, source: Source) -> Given {
    Given { key: key.to_owned(), text: text.to_owned(), source }
}

fn flag(key: &str, text: &str) -> Given {
    given(key, text, Source::Flag(format!("--{}", key.replace('_', "-"))))
}

fn settings(given: &[Given]) -> Result<Settings, Refusal> {
    Settings::of(&Entries::of(given)?)
}

fn refusal(given: &[Given]) -> String {
    settings(given).expect_err("a refusal").to_string()
}

fn of_file(contents: &str) -> Result<Settings, Refusal> {
    settings(&read_file("natter.toml", contents)?)
}

#[test]
fn the_defaults_are_accepted_and_documented() {
    let settings = settings(&[]).expect("the defaults");
    assert_eq!(settings.host, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(settings.ping_interval, Duration::from_secs(25));
    assert_eq!(settings.max_payload, Size(1_000_000));
    for setting in TABLE {
        assert!(setting.doc().ends_with(['.', '"']), "{}: {}", setting.key, setting.doc());
        let text = setting.fallback.text();
        assert_eq!(
            (setting.read)(&text),
            Ok(text),
            "{}: the default is written as `natter config` shows it",
            setting.key
        );
    }
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_file() {
    let file = given("port", "1", Source::File("natter.toml".to_owned(), 1));
    let variable = given("port", "2", Source::Variable("NATTER_PORT".to_owned()));
    let all = [file.clone(), variable.clone(), flag("port", "3")];
    for (count, port) in [(1, 1), (2, 2), (3, 3)] {
        assert_eq!(settings(&all[..count]).expect("settings").port, port);
    }
}

#[test]
fn a_file_gives_values_of_every_kind() {
    let settings = of_file(
        "port = 0\nping_interval = '300ms'\nmax_payload = '2MiB'\noutbox_hard = 4_000_000\nstats = true\n\
         transports = ['websocket']\npolicy = ['news-*=join', 'lobby=join+publish']\nbacklog = 0x10",
    )
    .expect("a file of every kind");
    assert_eq!((settings.port, settings.backlog, settings.stats), (0, 16, true));
    assert_eq!(settings.ping_interval, Duration::from_millis(300));
    assert_eq!((settings.max_payload, settings.outbox_hard), (Size(2 << 20), Size(4_000_000)));
    assert_eq!(settings.transports.show(), "websocket");
    assert_eq!(settings.policy.show(), "news-*=join, lobby=join+publish");
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    let why =
        of_file("# a file\nport = 3000\n\nping_intervall = '25s'\n").expect_err("a refusal").to_string();
    assert_eq!(why, "natter.toml:4: unknown key `ping_intervall`; did you mean `ping_interval`?");
    let why = of_file("[limits]\nrooms = 3\n").expect_err("a refusal").to_string();
    assert_eq!(why, "natter.toml:1: unknown key `limits`; `natter config` lists the known ones");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
    let typo = |name: &str| refusal(&[given(name, "1", Source::Variable(name.to_owned()))]);
    assert_eq!(typo("NATTER_PROT"), "unknown environment variable NATTER_PROT; did you mean NATTER_PORT?");
    assert_eq!(typo("NATTER_port"), "unknown environment variable NATTER_port; did you mean NATTER_PORT?");
    assert_eq!(
        typo("NATTER_CONFG"),
        "unknown environment variable NATTER_CONFG; did you mean NATTER_CONFIG?"
    );
}

#[test]
fn a_broken_file_is_refused_with_its_line() {
    let why = of_file("port = 3000\nhost = \n").expect_err("a refusal").to_string();
    assert!(why.starts_with("natter.toml:2: "), "{why}");
    let why = of_file("port = 1\nport = 2\n").expect_err("a refusal").to_string();
    assert!(why.starts_with("natter.toml:2: "), "{why}");
}

#[test]
fn a_senseless_value_in_a_file_is_refused_with_its_line_and_key() {
    for line in [
        "ping_timeout = '0s'",
        "ping_interval = 25",
        "ping_interval = '25'",
        "ping_interval = -1",
        "ping_interval = 1e20",
        "ping_interval = '1e20'",
        "port = '3000'",
        "port = 65536",
        "port = true",
        "workers = 0",
        "workers = 10_000",
        "host = 'example'",
        "node = ''",
        "path = 'socket.io'",
        "transports = []",
        "transports = [1]",
        "transports = ['polling, websocket']",
        "cors_origins = ['https://a.example/']",
        "stats = 'yes'",
        "max_payload = '0'",
        "max_payload = 1.5",
        "client_bundle = '/no/such/folder'",
        "log = 'natter=loud'",
        "policy = 'everything'",
        "nats = ''",
        "nats = 'localhost:4222'",
        "nats = ['nats://a', 'http://b']",
        "nats = 4222",
        "nats_user = ''",
        "nats_password_file = '/no/such/file'",
        "nats_token_file = '/dev/null'",
        "nats_ca = '/etc/passwd'",
        "cluster = 'my.cluster'",
        "cluster = ''",
        "drain = 3",
    ] {
        let key = line.split_once(" =").expect("a line").0;
        let why = of_file(&format!("\n{line}\n")).expect_err(line).to_string();
        assert!(why.starts_with(&format!("natter.toml:2: `{key}`: ")), "{why}");
    }
}

#[test]
fn every_problem_is_named_and_not_only_the_first() {
    let why = refusal(&[flag("port", "x"), flag("workers", "0"), flag("nodes", "x")]);
    assert_eq!(why.lines().count(), 3, "{why}");
}

#[test]
fn a_public_address_needs_a_policy() {
    for host in ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1"] {
        let why = refusal(&[flag("host", host)]);
        assert!(why.contains("--host") && why.contains("`policy`"), "{why}");
        assert!(settings(&[flag("host", host), flag("policy", "open")]).is_ok());
        assert!(settings(&[flag("host", host), flag("policy", "lobby=join")]).is_ok());
    }
    for host in ["127.0.0.2", "::1", "localhost", "::ffff:127.0.0.1"] {
        assert!(settings(&[flag("host", host)]).is_ok(), "{host}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_name() {
    for (one, another) in [
        (flag("cors_origins", "*"), flag("cors_credentials", "true")),
        (flag("close_timeout", "9s"), flag("grace_period", "8s")),
        (flag("outbox_soft", "3MiB"), flag("outbox_hard", "2MiB")),
        (flag("max_payload", "3MiB"), flag("outbox_hard", "2MiB")),
        (flag("max_connections", "2"), flag("workers", "3")),
        (flag("drain", "5s"), flag("close_timeout", "3s")),
        (flag("drain", "5s"), flag("grace_period", "8s")),
    ] {
        let why = refusal(&[one.clone(), another.clone()]);
        for given in [one, another] {
            assert!(why.contains(&given.source.to_string()), "{why}");
        }
    }
}

#[test]
fn what_belongs_to_nats_needs_it_and_a_user_a_password() {
    // A file with one line, which is all that is asked of a secret.
    let file = std::env::temp_dir().join(format!("natter-settings-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").expect("a file");
    let path = file.to_str().expect("a path in UTF-8");
    let nats = flag("nats", "nats://127.0.0.1:4222");
    let (user, password) = (flag("nats_user", "node"), flag("nats_password_file", path));
    let token = flag("nats_token_file", path);
    for given in [vec![], vec![user.clone(), password.clone()], vec![token.clone()]] {
        assert!(settings(&[vec![nats.clone()], given].concat()).is_ok());
    }
    for (given, named) in [
        (vec![user.clone(), password.clone()], vec!["--nats-user", "--nats-password-file", "without `nats`"]),
        (vec![token.clone()], vec!["--nats-token-file", "without `nats`"]),
        (vec![nats.clone(), user.clone()], vec!["--nats-user", "without `nats_password_file`"]),
        (vec![nats.clone(), password.clone()], vec!["--nats-password-file", "without `nats_user`"]),
        (vec![nats.clone(), user, password, token], vec!["--nats-user", "--nats-token-file", "one of them"]),
    ] {
        let why = refusal(&given);
        assert!(named.iter().all(|part| why.contains(part)), "{named:?}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
    std::fs::remove_file(file).expect("it is there");
}

#[test]
fn a_password_is_no_setting_and_is_not_repeated() {
    let typo = |name: &str| refusal(&[given(name, "hunter2", Source::Variable(name.to_owned()))]);
    let hint = "unknown environment variable NATTER_NATS_PASSWORD; did you mean NATTER_NATS_PASSWORD_FILE?";
    assert_eq!(typo("NATTER_NATS_PASSWORD"), hint);
    let why = of_file("nats_password = 'hunter2'").expect_err("a refusal").to_string();
    assert_eq!(why, "natter.toml:1: unknown key `nats_password`; did you mean `nats_password_file`?");
    let why = refusal(&[flag("nats", "nats://node:hunter2@a:4222")]);
    assert!(why.starts_with("--nats: \"nats://...@a:4222\" is not accepted: "), "{why}");
    assert!(!why.contains("hunter2"), "{why}");
}

#[test]
fn messages_larger_than_nats_takes_are_worth_a_warning() {
    let nats = flag("nats", "nats://127.0.0.1:4222");
    let large = [flag("max_payload", "1MiB"), flag("outbox_hard", "2MiB")];
    assert_eq!(warnings(&settings(std::slice::from_ref(&nats)).expect("settings")), Vec::<String>::new());
    assert_eq!(warnings(&settings(&large).expect("settings")), Vec::<String>::new());
    let [payload, outbox] = large;
    assert_eq!(warnings(&settings(&[nats, payload, outbox]).expect("settings")).len(), 1);
}

#[test]
fn more_connections_than_open_files_are_refused_with_the_numbers() {
    if files::most_files() < 10_000_000 {
        let why = refusal(&[flag("max_connections", "10000000")]);
        assert!(why.contains(&files::most_files().to_string()), "{why}");
    }
}

#[test]
fn what_config_prints_is_a_file_that_gives_the_same_settings() {
    let entries = Entries::of(&[
        flag("policy", "a\"b\\c=join, *=none"),
        flag("max_payload", "999999"),
        flag("transports", "websocket"),
        flag("node", "Zoë's \u{1F980}"),
        flag("nats", "nats://a:4222, tls://b"),
    ])
    .expect("entries");
    let printed = report(&entries);
    let again = Entries::of(&read_file("printed.toml", &printed).expect("a file")).expect("entries");
    for (entry, again) in entries.iter().zip(again.iter()) {
        assert_eq!(entry.text, again.text, "{}", entry.setting.key);
    }
    assert!(printed.contains("transports = [\"websocket\"]  # from: --transports\n"), "{printed}");
    assert!(printed.contains("port = 3000  # from: default\n"), "{printed}");
}

#[test]
fn a_heartbeat_slower_than_proxies_is_worth_a_warning() {
    assert_eq!(warnings(&settings(&[]).expect("the defaults")), Vec::<String>::new());
    let slow = settings(&[flag("ping_interval", "50s")]).expect("settings");
    assert_eq!(warnings(&slow).len(), 1);
}
