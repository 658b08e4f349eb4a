//! `natter emit`: an event for clients, from any shell.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use natter::{Args, ClusterEvent};

use crate::{
    cluster,
    exit::Exit,
    rooms::Names,
    settings::{Refusal, Settings},
};

/// How long NATS may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The event, as the command line has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    namespace: String,
    rooms: Vec<String>,
    except: Vec<String>,
    socket: Option<String>,
    volatile: bool,
    event: String,
    data: Vec<String>,
}

/// The part of the command line that is its own.
pub fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).allow_hyphen_values(true)
    };
    Command::new("emit")
        .about("Emits an event to clients of the cluster that `nats` and the settings beside it name")
        .after_help(
            "Example: natter emit --nats nats://127.0.0.1:4222 --room news --event tick '{\"price\":1}'\n\
             Exit status: 0 NATS has the event (whether a client was there to hear it is not known), 1 it could not be \
             reached within 5 s or did not take it, 78 an argument or a setting is wrong.",
        )
        .arg(text("event", "NAME", "The event's name").required(true))
        .arg(text("room", "ROOM", "A room whose members get it; may be given again. Without one: everybody").action(ArgAction::Append))
        .arg(text("except", "ROOM", "A room whose members do not get it, or a socket's id; may be given again").action(ArgAction::Append))
        .arg(text("to", "ID", "The id of the only socket that gets it").conflicts_with("room"))
        .arg(text("namespace", "NAME", "The namespace of the rooms").default_value("/"))
        .arg(Arg::new("volatile").long("volatile").action(ArgAction::SetTrue).help("Clients that are behind may miss it"))
        .arg(
            Arg::new("data")
                .value_name("JSON")
                .help("The event's arguments, each as JSON")
                .allow_negative_numbers(true)
                .action(ArgAction::Append),
        )
}

impl Emission {
    /// Reads that part.
    pub fn of(matches: &ArgMatches) -> Self {
        let all = |name| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
        let one = |name| matches.get_one::<String>(name).cloned();
        Self {
            namespace: one("namespace").unwrap_or_default(),
            rooms: all("room"),
            except: all("except"),
            socket: one("to"),
            volatile: matches.get_flag("volatile"),
            event: one("event").unwrap_or_default(),
            data: all("data"),
        }
    }

    /// The event as it travels; every problem is named.
    fn event(&self, names: Names) -> Result<ClusterEvent, Refusal> {
        let mut problems = Vec::new();
        if !self.namespace.starts_with('/') {
            problems.push(format!("--namespace {:?}: it begins with a slash", self.namespace));
        }
        problems.extend(names.event(&self.event).err().map(|why| format!("--event: {why}")));
        for (flag, rooms) in [("--room", &self.rooms), ("--except", &self.except)] {
            problems.extend(
                rooms.iter().filter_map(|room| names.room(room).err()).map(|why| format!("{flag}: {why}")),
            );
        }
        for argument in &self.data {
            if let Err(why) = serde_json::from_str::<serde::de::IgnoredAny>(argument) {
                problems.push(format!(
                    "{argument:?} is not JSON: {why}; a text needs its quotes, '\"like this\"'"
                ));
            }
        }
        if !problems.is_empty() {
            return Err(Refusal(problems));
        }
        let wrong = |why: String| Refusal(vec![format!("the event's arguments cannot be sent: {why}")]);
        let data = format!("[{}]", self.data.join(","));
        // What a node would drop is refused here.
        Args::from_json(&data, Vec::new()).map_err(|why| wrong(why.to_string()))?;
        let event = ClusterEvent::new(&self.event, data).map_err(|why| wrong(why.to_string()))?;
        Ok(ClusterEvent {
            namespace: self.namespace.clone(),
            rooms: self.rooms.clone(),
            except: self.except.clone(),
            volatile: self.volatile,
            ..event
        })
    }
}

/// Emits, and waits until NATS has it.
pub async fn run(settings: &Settings, emission: &Emission) -> Result<Exit, Refusal> {
    let names = Names { longest: settings.max_name.0 };
    let event = emission.event(names)?;
    let Some(cluster) = cluster::of(settings) else {
        let why = "there is no `nats` that says where the cluster is: give --nats, NATTER_NATS or a file";
        return Err(Refusal(vec![why.to_owned()]));
    };
    let emitted = match &emission.socket {
        Some(socket) => cluster.emit_to_socket(socket, event, PATIENCE).await,
        None => cluster.emit(&event, PATIENCE).await,
    };
    match emitted {
        Ok(()) => Ok(Exit::Done),
        Err(natter::ProgramError::NoSocket(id)) => {
            Err(Refusal(vec![format!("--to: {id:?} is no socket's id")]))
        }
        Err(error) => {
            tracing::error!("the event was not emitted: {error}");
            Ok(Exit::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { longest: 255 };

    fn emission(line: &[&str]) -> Emission {
        let matches = command().try_get_matches_from([&["emit"], line].concat()).expect("a command line");
        Emission::of(&matches)
    }

    #[test]
    fn an_event_has_its_arguments_as_they_were_written() {
        let line = [
            "--room",
            "a",
            "--room",
            "b",
            "--except",
            "c",
            "--event",
            "tick",
            "{\"price\": 1e400}",
            "-1",
            "\"x\"",
        ];
        let event = emission(&line).event(NAMES).expect("an event");
        assert_eq!((event.namespace.as_str(), event.volatile), ("/", false));
        assert_eq!(
            (&event.rooms[..], &event.except[..]),
            (&["a".to_owned(), "b".to_owned()][..], &["c".to_owned()][..])
        );
        assert_eq!(event.data.get(), r#"[{"price": 1e400},-1,"x"]"#);
        assert_eq!(emission(&["--event", "tick"]).event(NAMES).expect("an event").data.get(), "[]");
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_every_problem_named() {
        let line = ["--namespace", "chat", "--event", "disconnect", "--room", "", "{price:1}", "bare"];
        let why = emission(&line).event(NAMES).expect_err("a refusal").to_string();
        for part in
            ["--namespace", "\"disconnect\" is reserved", "the room is empty", "\"{price:1}\"", "\"bare\""]
        {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert_eq!(why.lines().count(), 5, "{why}");
        for line in [&["x"][..], &["--event", "x", "--to", "id", "--room", "a"]] {
            assert!(command().try_get_matches_from([&["emit"], line].concat()).is_err(), "{line:?}");
        }
    }
}
