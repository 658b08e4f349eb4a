//! The value of every setting, with where it came from.

use std::fmt;

use super::{
    Refusal, TABLE,
    nearest::nearest,
    setting::{Setting, VARIABLE_PREFIX},
};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave one.
    Default,
    /// The configuration file, and the line in it.
    File(String, usize),
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name, with its dashes.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{path}:{line}"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value that somebody gave, not yet looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The setting's key.
    pub key: String,
    /// The value, as text.
    pub text: String,
    /// Who gave it.
    pub source: Source,
}

/// A setting with a value that was read.
pub struct Entry {
    /// The row of the table.
    pub setting: &'static Setting,
    /// The value, in the form that `Setting::read` gives.
    pub text: String,
    /// Where it came from.
    pub source: Source,
}

/// One entry for each row of the table, in its order.
pub struct Entries(Vec<Entry>);

impl Entries {
    /// Lays the sources over each other: what stands further back in `given` wins. Everything is read, also what is
    /// overruled, so that a mistake in the file does not wait for the day on which its flag is gone.
    pub fn of(given: &[Given]) -> Result<Self, Refusal> {
        let mut problems = Vec::new();
        let mut entries: Vec<Entry> = TABLE.iter().map(|setting| default(setting, &mut problems)).collect();
        for Given { key, text, source } in given {
            let Some(entry) = entries.iter_mut().find(|entry| entry.setting.key == key) else {
                problems.push(unknown(key, source));
                continue;
            };
            match (entry.setting.read)(text) {
                Ok(text) => (entry.text, entry.source) = (text, source.clone()),
                Err(why) => problems.push(refused(entry.setting, text, source, &why)),
            }
        }
        if problems.is_empty() { Ok(Self(entries)) } else { Err(Refusal(problems)) }
    }

    /// In the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// How a message names a setting and the place of its value: ``natter.toml:3: `port` ``.
    pub fn name(&self, key: &str) -> String {
        let entry =
            self.iter().find(|entry| entry.setting.key == key).expect("invariant: the key is in the table");
        match &entry.source {
            Source::Default => format!("`{key}` (by default {:?})", entry.text),
            Source::File(..) => format!("{}: `{key}` ({:?})", entry.source, entry.text),
            Source::Variable(name) | Source::Flag(name) => format!("{name} ({:?})", entry.text),
        }
    }
}

fn default(setting: &'static Setting, problems: &mut Vec<String>) -> Entry {
    let text = setting.fallback.text();
    // A default that was found out can be senseless too: a bundle folder that vanished, a strange host name.
    let text = (setting.read)(&text).unwrap_or_else(|why| {
        problems.push(refused(setting, &text, &Source::Default, &why));
        text
    });
    Entry { setting, text, source: Source::Default }
}

fn refused(setting: &Setting, text: &str, source: &Source, why: &str) -> String {
    let shown = format!("{:?} is not accepted: {why}", (setting.hide)(text));
    match source {
        Source::Default => format!("`{}`: the default {shown}", setting.key),
        Source::File(..) => format!("{source}: `{}`: {shown}", setting.key),
        Source::Variable(_) | Source::Flag(_) => format!("{source}: {shown}"),
    }
}

fn unknown(key: &str, source: &Source) -> String {
    match source {
        Source::Variable(name) => {
            // Compared without the prefix, or every variable would be near to every other.
            let typed = name.trim_start_matches(VARIABLE_PREFIX).to_lowercase();
            let hint = nearest(&typed, TABLE.iter().map(|setting| setting.key).chain(["config"]));
            let hint = hint.map(|key| format!("{VARIABLE_PREFIX}{}", key.to_uppercase()));
            with_hint(format!("unknown environment variable {name}"), hint)
        }
        _ => {
            let hint = nearest(key, TABLE.iter().map(|setting| setting.key)).map(|key| format!("`{key}`"));
            with_hint(format!("{source}: unknown key `{key}`"), hint)
        }
    }
}

fn with_hint(problem: String, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{problem}; did you mean {hint}?"),
        None => format!("{problem}; `natter config` lists the known ones"),
    }
}
