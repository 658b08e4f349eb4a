//! `natter`: a Socket.IO node that is useful without writing Rust.

mod certificates;
mod cli;
mod cluster;
mod emit;
mod exit;
mod node;
mod page;
mod policy;
mod probes;
mod rooms;
mod server;
mod settings;
mod signals;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use cli::Task;
use emit::Emission;
use exit::Exit;
use settings::{Entries, Refusal, Settings};

fn main() -> ExitCode {
    let exit = match cli::of_process() {
        Ok(task) => perform(task),
        Err(refusal) => refuse(&refusal),
    };
    exit.into()
}

fn perform(task: Task) -> Exit {
    match task {
        Task::Help(help) => help.print().map_or(Exit::Failed, |()| Exit::Done),
        Task::ShowConfig(entries) => match Settings::of(&entries) {
            Ok(_) => print(&settings::report(&entries)),
            Err(refusal) => refuse(&refusal),
        },
        Task::Serve(entries) => serve(&entries),
        Task::Emit(entries, emission) => emit(&entries, &emission),
    }
}

fn serve(entries: &Entries) -> Exit {
    let settings = match Settings::of(entries) {
        Ok(settings) => settings,
        Err(refusal) => return refuse(&refusal),
    };
    log_to_standard_error(&settings.log);
    match actix_web::rt::System::new().block_on(node::run(settings)) {
        Ok(exit) => exit,
        Err(error) => {
            tracing::error!("{error:#}");
            Exit::Failed
        }
    }
}

fn emit(entries: &Entries, emission: &Emission) -> Exit {
    let emitted = Settings::of(entries).and_then(|settings| {
        log_to_standard_error(&settings.log);
        actix_web::rt::System::new().block_on(emit::run(&settings, emission))
    });
    emitted.unwrap_or_else(|refusal| refuse(&refusal))
}

fn log_to_standard_error(filter: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    // A panic ends at most one client's connection; its place in the code goes where everything else is logged.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

fn print(text: &str) -> Exit {
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(_) => Exit::Failed,
        Ok(()) => Exit::Done,
    }
}

/// The log may not be there yet: the settings say how.
fn refuse(refusal: &Refusal) -> Exit {
    // Without a standard error there is still the exit status.
    writeln!(io::stderr(), "natter: refused:\n{refusal}").ok();
    Exit::Refused
}
