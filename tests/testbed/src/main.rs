//! One program on the library's public API that conformance suites, real clients and load tools are pointed at.
//!
//! `testbed --profile NAME --port N` prints `ready http://HOST:PORT` when it accepts connections and leaves with
//! status 0 at SIGTERM. Every profile is one file below `profiles`; what several of them answer is below `events`.

mod args;
mod events;
mod handshake_delay;
mod profiles;
mod raw_echo;
mod server;

use std::{io::Write, process::ExitCode};

#[actix_web::main]
async fn main() -> ExitCode {
    let args = match args::Args::read() {
        Ok(args) => args,
        Err(status) => return status,
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    if let Some(notice) = args.profile.notice() {
        complain(notice);
    }
    match server::run(&args, args.profile.build(&args.node())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One line on standard error. If that is closed nobody is there to read it.
fn complain(text: &str) {
    writeln!(std::io::stderr(), "testbed: {text}").ok();
}
