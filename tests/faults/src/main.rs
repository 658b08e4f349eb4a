//! Faults in a cluster under load, each a scripted run with figures.
//!
//! Three testbeds and a nats-server as processes, clients in rooms that go to another node when they are cut off, and
//! emitters that publish numbered events. A script makes one fault at a known moment and mends it; then every event that
//! was sent is looked for at every member that should have it.

mod account;
mod arguments;
mod book;
mod cast;
mod clock;
mod course;
mod emitter;
mod failure;
mod http;
mod inquirer;
mod member;
mod namespace;
mod nats;
mod node;
mod process;
mod run;
mod script;
mod seeker;
mod socket;
mod stage;
mod table;
mod verdict;
mod watch;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::arguments::Arguments;
use crate::failure::{Doing, Failure};
use crate::run::Report;
use crate::script::Fault;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let reports = tokio::select! {
        reports = reports(&arguments) => reports,
        // What is dropped on the way out ends the processes.
        _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
    };
    match reports {
        Ok(reports) => {
            say(&format!("\n{}", table::table(&reports)));
            if reports.iter().all(Report::good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            say(&format!("faults: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Makes all the faults that are wanted, one after the other.
async fn reports(arguments: &Arguments) -> Result<Vec<Report>, Failure> {
    let faults = match arguments.faults.as_slice() {
        [] => Fault::value_variants(),
        some => some,
    };
    let mut reports = Vec::new();
    for run in 1..=arguments.runs {
        for fault in faults {
            let (figures, failure) = match run::run(*fault, run, arguments).await {
                Ok(figures) => (Some(figures), None),
                Err(failure) => (None, Some(failure.to_string())),
            };
            let report = Report { fault: fault.name(), run, failure, figures };
            write(&report, arguments)?;
            say(&table::table(std::slice::from_ref(&report)));
            reports.push(report);
        }
    }
    Ok(reports)
}

fn write(report: &Report, arguments: &Arguments) -> Result<(), Failure> {
    let path = arguments.results.join(format!("{}-{}.json", report.fault, report.run));
    let file = fs::File::create(&path).doing(format!("{}", path.display()))?;
    serde_json::to_writer_pretty(file, report).map_err(io::Error::from).doing(format!("{}", path.display()))
}

/// If standard output is closed nobody is there to read it.
fn say(text: &str) {
    writeln!(io::stdout(), "{text}").ok();
}
