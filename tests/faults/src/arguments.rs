//! The command line.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::script::Fault;

/// Makes faults in a cluster under load, and says what each of them cost.
///
/// Every run starts a nats-server and three testbeds of its own, and ends them.
#[derive(Debug, Parser)]
#[command(name = "faults")]
pub struct Arguments {
    /// Which faults; all when none is named.
    #[arg(value_enum)]
    pub faults: Vec<Fault>,
    /// How many times each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    #[command(flatten)]
    pub load: Load,
    #[command(flatten)]
    pub programs: Programs,
    /// Where the reports go, as JSON, and what the nodes said.
    #[arg(long, default_value_os_t = here("results"))]
    pub results: PathBuf,
}

/// Who is connected and what they do.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Clients in rooms, for each node.
    #[arg(long, default_value_t = 40)]
    pub members: usize,
    /// Clients that emit, for each node.
    #[arg(long, default_value_t = 2)]
    pub emitters: usize,
    /// Events per second of each of them.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Rooms; every member is in two of them.
    #[arg(long, default_value_t = 6, value_parser = at_least_one)]
    pub rooms: usize,
}

/// The programs of a run.
#[derive(Clone, Debug, clap::Args)]
pub struct Programs {
    /// The testbed; the one beside this program when it is not given.
    #[arg(long, default_value_os_t = beside("testbed"))]
    pub testbed: PathBuf,
    /// nats-server; what `tests/install` has installed, else the one in PATH.
    #[arg(long, env = "NATS_SERVER", default_value_os_t = installed_nats())]
    pub nats_server: PathBuf,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a number from 1 on".to_owned()),
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok();
    own.and_then(|path| path.parent().map(|folder| folder.join(name))).unwrap_or_else(|| name.into())
}

fn installed_nats() -> PathBuf {
    let installed = here("../../.tools/venv/bin/nats-server");
    if installed.exists() { installed } else { "nats-server".into() }
}
