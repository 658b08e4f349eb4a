//! `load`: a load generator for any Socket.IO server over WebSocket.
//!
//! One thread, one poll, a few hundred bytes per client. It drives a server on this machine's loopback address,
//! reads the server's own accounting from `/proc`, and ends by itself.

mod client;
mod failure;
mod flight;
mod frame;
mod meter;
mod process;
mod report;
mod scenario;
mod swarm;

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};

use failure::{Doing, Failure};
use process::Process;
use report::Report;
use scenario::{broadcast::Broadcast, echo::Echo, idle::Idle, slow::Slow};
use swarm::Swarm;

/// Measures a Socket.IO server that runs on this machine.
#[derive(Parser)]
struct Arguments {
    /// The server, e.g. http://127.0.0.1:3000
    #[arg(long, global = true, default_value = "http://127.0.0.1:3000")]
    url: String,
    /// The server's process id
    #[arg(long)]
    pid: u32,
    /// Also write the report to this file, as JSON
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// Give up after this many seconds
    #[arg(long, global = true, default_value_t = 120)]
    limit: u64,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Clients that do nothing: memory per client, CPU per connect
    Idle(Idle),
    /// Broadcasts to all clients: CPU per delivery
    Broadcast(Broadcast),
    /// Events with acks: CPU per echo
    Echo(Echo),
    /// Members of a room that stop reading: when they are cut off, and at whose cost
    Slow(Slow),
}

impl Scenario {
    fn run(&self, swarm: &mut Swarm, server: &mut Process) -> Result<Report, Failure> {
        match self {
            Scenario::Idle(idle) => idle.run(swarm, server),
            Scenario::Broadcast(broadcast) => broadcast.run(swarm, server),
            Scenario::Echo(echo) => echo.run(swarm, server),
            Scenario::Slow(slow) => slow.run(swarm, server),
        }
    }
}

/// The server's address, which has to be this machine: its process is read from `/proc`, and load is aimed at
/// nobody else.
fn loopback(url: &str) -> Result<SocketAddr, Failure> {
    let refused = |why: &str| Failure::Address(format!("{url}: {why}"));
    let host = url.strip_prefix("http://").ok_or_else(|| refused("only http:// is driven"))?;
    let address = host
        .trim_end_matches('/')
        .to_socket_addrs()
        .map_err(|error| refused(&error.to_string()))?
        .next()
        .ok_or_else(|| refused("no address"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err(refused("only loopback addresses are driven")) }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let address = loopback(&arguments.url)?;
    let mut server = Process::new(arguments.pid).doing("reading the server's process")?;
    let mut swarm = Swarm::new(address, Duration::from_secs(arguments.limit))?;
    let report = arguments.scenario.run(&mut swarm, &mut server)?;
    println!("{}", report.table());
    arguments.json.as_deref().map_or(Ok(()), |path| report.write(path))
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
