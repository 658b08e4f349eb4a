//! The command line: made from the table of settings, so that a setting is a flag without another line.

use std::{env, ffi::OsString, fs};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::StyledStr, parser::ValueSource};

use crate::emit::{self, Emission};
use crate::settings::{Entries, Given, Kind, Refusal, Setting, Source, TABLE, VARIABLE_PREFIX};

/// The variable that names the configuration file; as the place of the other settings it is none itself.
const CONFIG_VARIABLE: &str = "NATTER_CONFIG";

/// What was asked for.
pub enum Task {
    /// Run a node.
    Serve(Entries),
    /// Print the settings.
    ShowConfig(Entries),
    /// Emit an event into the cluster.
    Emit(Entries, Emission),
    /// Print the help or the version that clap made.
    Help(clap::Error),
}

/// Reads the command line, the environment and the file.
pub fn task(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Task, Refusal> {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(Task::Help(error)),
        Err(error) => return Err(Refusal(vec![error.to_string().trim_end().to_owned()])),
    };
    let (config_variable, from_variables) = variables_given(variables)?;
    let show = matches.subcommand_matches("config");
    let emission = matches.subcommand_matches("emit");
    let flags = show.or(emission).unwrap_or(&matches);
    let path = flags.get_one::<String>("config-file").cloned().or(config_variable);
    let mut given = match path {
        Some(path) => file_given(&path)?,
        None => Vec::new(),
    };
    given.extend(from_variables);
    given.extend(TABLE.iter().filter_map(|setting| flag_given(setting, flags)));
    let entries = Entries::of(&given)?;
    Ok(match emission {
        Some(emission) => Task::Emit(entries, Emission::of(emission)),
        None if show.is_some() => Task::ShowConfig(entries),
        None => Task::Serve(entries),
    })
}

fn command() -> Command {
    let config_file = Arg::new("config-file")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help(format!("A TOML file of settings; also {CONFIG_VARIABLE}"));
    Command::new("natter")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A Socket.IO server: clients join rooms and publish to them, without a line of server code.")
        .after_help(
            "Each setting is a flag, a variable (--ping-interval: NATTER_PING_INTERVAL) and a key of the file \
             (ping_interval); a flag wins over a variable, that over the file.\n\
             Exit status: 0 stopped as asked, 1 could not run, 69 another node of the cluster has this one's name, \
             78 a setting is wrong, 128+N a second signal N cut the goodbye short.",
        )
        .subcommand(
            Command::new("config").about("Prints every setting with its value and its source, as a configuration file"),
        )
        .subcommand(emit::command())
        .arg(config_file)
        .args(TABLE.iter().map(flag))
}

fn flag(setting: &'static Setting) -> Arg {
    let help = format!("{} [default: {}]", setting.doc(), setting.fallback.describe());
    let flag = Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.kind.placeholder())
        .help(StyledStr::from(help))
        .help_heading("Settings")
        .global(true)
        .allow_hyphen_values(true)
        .action(ArgAction::Set);
    match setting.kind {
        // `--stats` alone switches it on; a value needs the sign, or the next word would be taken for it.
        Kind::Switch => flag.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => flag,
    }
}

fn flag_given(setting: &Setting, matches: &ArgMatches) -> Option<Given> {
    if matches.value_source(setting.key) != Some(ValueSource::CommandLine) {
        return None;
    }
    let text = matches.get_one::<String>(setting.key)?.clone();
    Some(Given { key: setting.key.to_owned(), text, source: Source::Flag(format!("--{}", setting.flag())) })
}

/// The file's name, and the settings. An empty variable counts as absent: compose files pass those on.
fn variables_given(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Option<String>, Vec<Given>), Refusal> {
    let mut config = None;
    let mut given = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX)) else { continue };
        let value =
            value.into_string().map_err(|_| Refusal(vec![format!("{name}: its value is not UTF-8")]))?;
        if value.is_empty() {
            continue;
        }
        if name == CONFIG_VARIABLE {
            config = Some(value);
            continue;
        }
        let known = TABLE.iter().find(|setting| setting.variable() == name);
        // Without a setting the name itself is the key, which no setting has.
        let key = known.map_or(name, |setting| setting.key).to_owned();
        given.push(Given { key, text: value, source: Source::Variable(name.to_owned()) });
    }
    // The environment has no order; messages and tests want one.
    given.sort_by(|a, b| a.key.cmp(&b.key));
    Ok((config, given))
}

fn file_given(path: &str) -> Result<Vec<Given>, Refusal> {
    let contents = fs::read_to_string(path)
        .map_err(|error| Refusal(vec![format!("{path}: the configuration file cannot be read: {error}")]))?;
    crate::settings::read_file(path, &contents)
}

/// What the process was started with.
pub fn of_process() -> Result<Task, Refusal> {
    task(env::args_os(), env::vars_os())
}
