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
    ] {
        let why = refusal(&[one.clone(), another.clone()]);
        for given in [one, another] {
            assert!(why.contains(&given.source.to_string()), "{why}");
        }
    }
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
