//! The binary and its settings: what it prints, and when it refuses to start.

mod node;

use std::process::{Command, Output};

use node::{Folder, natter};

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit status"), text(stdout), text(stderr))
}

#[test]
fn config_prints_every_setting_with_its_source() {
    let folder = Folder::new("config_prints");
    let file = folder.write("natter.toml", "ping_interval = \"20s\"\nnode = \"from-file\"\n");
    let mut command = natter();
    command.args(["config", "--config", &file, "--port", "4000"]).env("NATTER_NODE", "from-env");
    let (status, printed, _) = run(&mut command);
    assert_eq!(status, 0);
    for line in [
        "port = 4000  # from: --port".to_owned(),
        "node = \"from-env\"  # from: NATTER_NODE".to_owned(),
        format!("ping_interval = \"20s\"  # from: {file}:1"),
        "host = \"127.0.0.1\"  # from: default".to_owned(),
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
    assert!(!printed.contains("from-file"), "{printed}");

    let copy = folder.write("copy.toml", &printed);
    let (status, again, problems) = run(natter().args(["config"]).env("NATTER_CONFIG", &copy));
    assert_eq!(status, 0, "{problems}");
    let values = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.split("  # from: ").next()).map(str::to_owned).collect()
    };
    assert_eq!(values(&again), values(&printed));
}

#[test]
fn a_typo_in_the_file_stops_the_start_with_line_and_nearest_key() {
    let folder = Folder::new("typo");
    let file = folder.write("natter.toml", "port = 0\n\nping_timeuot = \"20s\"\n");
    for command in [vec!["--config", &file], vec!["config", "--config", &file]] {
        let (status, _, problems) = run(natter().args(command));
        assert_eq!(status, 78);
        assert!(
            problems.contains(&format!("{file}:3: unknown key `ping_timeuot`; did you mean `ping_timeout`?")),
            "{problems}"
        );
    }
}

#[test]
fn a_wrong_flag_or_variable_stops_the_start() {
    let refused = [
        (natter().args(["--ping-intervall", "20s"]).output(), "--ping-interval"),
        (natter().args(["--ping-timeout", "0s"]).output(), "--ping-timeout"),
        (natter().args(["--ping-timeout", "-5s"]).output(), "--ping-timeout"),
        (natter().args(["--workers", "10000"]).output(), "--workers"),
        (natter().args(["--nats-password", "hunter2"]).output(), "--nats-password"),
        (natter().args(["--nats-user", "node"]).output(), "without `nats`"),
        (natter().args(["--nats", "nats://a", "--max-name", "601"]).output(), "at most 600 bytes"),
        (natter().env("NATTER_NATS", "nats://node:hunter2@a").output(), "`nats_password_file`"),
        (natter().env("NATTER_WORKERS", "0").output(), "NATTER_WORKERS"),
        (natter().env("NATTER_PROT", "3000").output(), "did you mean NATTER_PORT?"),
        (natter().args(["--config", "/no/such/file.toml"]).output(), "/no/such/file.toml"),
    ];
    for (output, named) in refused {
        let output = output.expect("the binary runs");
        let problems = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{named}: {problems}");
        assert!(problems.contains(named), "{named}: {problems}");
        assert!(!problems.contains("hunter2"), "{problems}");
    }
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let (status, printed, _) = run(natter().arg("config").env("NATTER_PORT", ""));
    assert_eq!(status, 0);
    assert!(printed.contains("port = 3000  # from: default"), "{printed}");
}

#[test]
fn a_public_address_without_a_policy_stops_the_start() {
    let (status, _, problems) = run(natter().args(["--host", "0.0.0.0", "--port", "0"]));
    assert_eq!(status, 78);
    assert!(problems.contains("--host") && problems.contains("`policy`"), "{problems}");
}

#[test]
fn a_port_in_use_is_a_failure_and_no_refusal() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (status, _, problems) = run(natter().args(["--port", &port]));
    assert_eq!(status, 1);
    assert!(problems.contains(&port), "{problems}");
}

#[test]
fn help_and_version_are_no_mistakes() {
    let (status, help, _) = run(natter().arg("--help"));
    assert_eq!(status, 0);
    assert!(help.contains("--ping-interval <DURATION>") && help.contains("[default: 25s]"), "{help}");
    assert_eq!(run(natter().arg("--version")).0, 0);
}
