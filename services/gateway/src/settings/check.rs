//! What two settings together make senseless.

use std::{net::IpAddr, time::Duration};

use super::{Entries, Origins, Settings, files};
use crate::{certificates::Certificates, policy::Policy};

/// Everything that stops the start.
pub fn problems(settings: &Settings, entries: &Entries) -> Vec<String> {
    let name = |key| entries.name(key);
    let mut problems = Vec::new();
    let mut refuse_if = |wrong: bool, why: String| {
        if wrong {
            problems.push(why);
        }
    };
    refuse_if(
        settings.policy == Policy::Local && !is_loopback(settings.host),
        format!(
            "{} is beyond this machine, and there is no policy that says who may do what there. Set `policy`: \
             \"open\" lets everyone join and publish everywhere, or give rules such as \"lobby=join+publish, news-*=join\"",
            name("host")
        ),
    );
    refuse_if(
        settings.cors_origins == Origins::Any && settings.cors_credentials,
        format!(
            "{}: with {} every web page could act for its visitors; list the origins",
            name("cors_credentials"),
            name("cors_origins")
        ),
    );
    refuse_if(
        settings.close_timeout >= settings.grace_period,
        format!("{} must be shorter than {}", name("close_timeout"), name("grace_period")),
    );
    refuse_if(
        settings.close_timeout < settings.grace_period
            && settings.close_timeout + settings.drain >= settings.grace_period,
        format!(
            "{} and {} must together be shorter than {}",
            name("drain"),
            name("close_timeout"),
            name("grace_period")
        ),
    );
    refuse_if(
        settings.outbox_soft > settings.outbox_hard,
        format!("{} must not be more than {}", name("outbox_soft"), name("outbox_hard")),
    );
    refuse_if(
        settings.max_payload > settings.outbox_hard,
        format!(
            "{} must not be more than {}: one message would cut its readers off",
            name("max_payload"),
            name("outbox_hard")
        ),
    );
    refuse_if(
        settings.max_connections < settings.workers,
        format!("{} is fewer than one for each of {}", name("max_connections"), name("workers")),
    );
    let (needed, most) =
        (files::needed_files(settings.max_connections, settings.workers), files::most_files());
    refuse_if(
        needed > most,
        format!(
            "{} needs {needed} open files, and the hard limit (ulimit -Hn) is {most}",
            name("max_connections")
        ),
    );
    problems.extend(tls_problem(settings, entries));
    problems.extend(of_nats(settings, entries));
    problems
}

/// The files of TLS belong together, and must be readable before anybody connects.
fn tls_problem(settings: &Settings, entries: &Entries) -> Option<String> {
    let names = [entries.name("tls_certificate"), entries.name("tls_key")];
    match (&settings.tls_certificate, &settings.tls_key) {
        (None, None) => None,
        (Some(chain), Some(key)) => {
            Certificates::load(chain.clone(), key.clone()).err().map(|error| format!("{error:#}"))
        }
        _ => Some(format!("{} and {} are needed together", names[0], names[1])),
    }
}

/// What belongs to NATS makes sense only with it, and a user only with its password.
fn of_nats(settings: &Settings, entries: &Entries) -> Vec<String> {
    let name = |key| entries.name(key);
    let (user, password) = (settings.nats_user.is_some(), settings.nats_password_file.is_some());
    let (token, authority) = (settings.nats_token_file.is_some(), settings.nats_ca.is_some());
    let given = [
        ("nats_user", user),
        ("nats_password_file", password),
        ("nats_token_file", token),
        ("nats_ca", authority),
    ];
    let given: Vec<_> = given.into_iter().filter(|(_, given)| *given).map(|(key, _)| name(key)).collect();
    if settings.nats.given().is_none() {
        let alone = |name| format!("{name} without `nats`, which says where it is");
        return given.into_iter().map(alone).collect();
    }
    let mut problems = match (user, password, token) {
        (true, true, true) => {
            vec![format!("{} and {}: NATS takes one of them", name("nats_user"), name("nats_token_file"))]
        }
        (true, false, _) => vec![format!("{} without `nats_password_file`", name("nats_user"))],
        (false, true, _) => vec![format!("{} without `nats_user`", name("nats_password_file"))],
        _ => Vec::new(),
    };
    if settings.max_name.0 > NATS_NAME {
        problems.push(format!("{}: in a cluster at most {NATS_NAME} bytes", name("max_name")));
    }
    problems
}

/// A proxy's usual patience with a silent connection.
const PROXY_PATIENCE: Duration = Duration::from_secs(60);

/// What a name may have so that a subject of NATS, which has 4 KiB, can hold two.
const NATS_NAME: usize = 600;

/// What a message may have so that it fits into one of NATS with its envelope, names included.
const NATS_PAYLOAD: usize = (1 << 20) - (16 << 10);

/// What starts, but is worth a line in the log.
pub fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    let silence = settings.ping_interval + settings.ping_timeout;
    if silence > PROXY_PATIENCE {
        warnings.push(format!(
            "ping_interval + ping_timeout is {silence:?}: a dead connection is noticed later than most proxies cut an idle one ({PROXY_PATIENCE:?})"
        ));
    }
    if settings.policy == Policy::Open && !is_loopback(settings.host) {
        warnings.push(
            "policy is open: everyone who reaches this node may join and publish everywhere".to_owned(),
        );
    }
    if settings.nats.given().is_some() && settings.max_payload.0 > NATS_PAYLOAD {
        warnings.push(format!(
            "max_payload is more than the {NATS_PAYLOAD} bytes that NATS takes with its own max_payload of 1 MiB: larger messages stay on their node"
        ));
    }
    if settings.stats && !is_loopback(settings.host) {
        warnings.push("/stats is shown to everyone who reaches this node".to_owned());
    }
    warnings
}

/// `::ffff:127.0.0.1` is this machine too.
fn is_loopback(host: IpAddr) -> bool {
    host.to_canonical().is_loopback()
}
