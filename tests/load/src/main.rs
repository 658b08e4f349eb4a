//! `load`: a load generator for any Socket.IO server over WebSocket.
//!
//! One thread, one poll, a few hundred bytes per client. It drives servers on this machine's loopback addresses,
//! reads their own accounting from `/proc`, and ends by itself.

mod client;
mod clock;
mod driver;
mod failure;
mod flight;
mod frame;
mod histogram;
mod meter;
mod order;
mod pace;
mod plot;
mod process;
mod random;
mod report;
mod scenario;
mod servers;
mod stamp;
mod swarm;
mod target;
mod timeline;

use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;

use failure::Failure;
use scenario::Scenario;
use servers::Servers;
use swarm::Swarm;
use target::Target;

/// Measures a Socket.IO server that runs on this machine.
#[derive(Parser)]
struct Arguments {
    /// The server, e.g. http://127.0.0.1:3000; several with commas, and clients connect to them in turn
    #[arg(long, global = true, value_delimiter = ',', default_value = "http://127.0.0.1:3000")]
    url: Vec<String>,
    /// Process ids of the servers, whose CPU time and memory are added up
    #[arg(long, required = true, value_delimiter = ',')]
    pid: Vec<u32>,
    /// Process ids of brokers between them: their CPU time counts too
    #[arg(long, global = true, value_delimiter = ',')]
    broker: Vec<u32>,
    /// Loopback addresses that clients come from in turn; each is good for 55,000
    #[arg(long, global = true, value_delimiter = ',')]
    source: Vec<IpAddr>,
    /// Handshakes, and joins before the start, that are under way at a time: few enough for any listener's backlog
    #[arg(long, global = true, default_value_t = 64)]
    at_once: usize,
    /// Also write the report to this file, as JSON
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// Also draw latency and memory over time to this file, as SVG
    #[arg(long, global = true)]
    svg: Option<PathBuf>,
    /// Show no progress
    #[arg(long, global = true)]
    quiet: bool,
    /// Give up after this many seconds
    #[arg(long, global = true, default_value_t = 120)]
    limit: u64,
    #[command(subcommand)]
    scenario: Scenario,
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let target = Target::new(&arguments.url, &arguments.source)?;
    let mut servers = Servers::new(&arguments.pid, &arguments.broker)?;
    let mut swarm = Swarm::new(target, arguments.at_once, Duration::from_secs(arguments.limit))?;
    let report = arguments.scenario.run(&mut swarm, &mut servers, arguments.quiet)?;
    println!("{}", report.table());
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    arguments.svg.as_deref().map_or(Ok(()), |path| report.draw(path))
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}
