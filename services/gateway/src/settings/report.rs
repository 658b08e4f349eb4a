//! What `natter config` prints: a configuration file with the values in force, and where each came from.

use std::fmt::Write;

use super::{
    entries::Entries,
    value::{Kind, parts},
};

const WIDTH: usize = 100;

/// The settings as a TOML file that gives the same settings again.
pub fn report(entries: &Entries) -> String {
    let mut report = String::new();
    for entry in entries.iter() {
        for line in wrapped(&entry.setting.doc()) {
            report.push_str("# ");
            report.push_str(&line);
            report.push('\n');
        }
        let value = toml_value(entry.setting.kind, &entry.text);
        writeln!(report, "{} = {value}  # from: {}\n", entry.setting.key, entry.source)
            .expect("invariant: writing to a string succeeds");
    }
    report.truncate(report.trim_end().len());
    report.push('\n');
    report
}

fn toml_value(kind: Kind, text: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match kind {
        Kind::Integer | Kind::Switch => text.to_owned(),
        Kind::Size if text.bytes().all(|byte| byte.is_ascii_digit()) => text.to_owned(),
        Kind::Text | Kind::Duration | Kind::Size => quoted(text),
        Kind::List => format!("[{}]", parts(text).map(quoted).collect::<Vec<_>>().join(", ")),
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("invariant: there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
