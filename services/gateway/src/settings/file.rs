//! The configuration file: TOML, one flat table of settings.

use toml::de::{DeTable, DeValue};

use super::{
    Refusal, TABLE,
    entries::{Given, Source},
    value::Kind,
};

/// Reads `contents`; `path` is only named in messages. Keys are not checked here, kinds of values are.
pub fn read(path: &str, contents: &str) -> Result<Vec<Given>, Refusal> {
    let line =
        |offset: usize| 1 + contents.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count();
    let table = DeTable::parse(contents).map_err(|error| {
        let line = error.span().map_or_else(|| "?".to_owned(), |span| line(span.start).to_string());
        Refusal(vec![format!("{path}:{line}: {}", error.message())])
    })?;
    let mut given = Vec::new();
    let mut problems = Vec::new();
    for (key, value) in table.get_ref() {
        let source = Source::File(path.to_owned(), line(key.span().start));
        let setting = TABLE.iter().find(|setting| setting.key == key.get_ref());
        match text_of(value.get_ref(), setting.map(|setting| setting.kind)) {
            Ok(text) => given.push(Given { key: key.get_ref().clone().into_owned(), text, source }),
            Err(why) => problems.push(format!("{source}: `{}`: {why}", key.get_ref())),
        }
    }
    // The table is sorted by key; people read their file from the top.
    given.sort_by_key(|Given { source, .. }| match source {
        Source::File(_, line) => *line,
        _ => 0,
    });
    if problems.is_empty() { Ok(given) } else { Err(Refusal(problems)) }
}

/// The value as the text that a flag would have. An unknown key (`kind` is none) is refused later, by its name.
fn text_of(value: &DeValue<'_>, kind: Option<Kind>) -> Result<String, String> {
    match (kind, value) {
        (None, _) => Ok(String::new()),
        (Some(Kind::Text | Kind::Duration | Kind::Size | Kind::List), DeValue::String(text)) => {
            Ok(text.clone().into_owned())
        }
        (Some(Kind::Integer | Kind::Size), DeValue::Integer(number)) => {
            decimal(number.as_str(), number.radix())
        }
        (Some(Kind::Switch), DeValue::Boolean(switch)) => Ok(switch.to_string()),
        (Some(Kind::List), DeValue::Array(values)) => {
            let texts = values.iter().map(|value| match value.get_ref() {
                DeValue::String(text) if !text.contains(',') => Ok(text.as_ref()),
                DeValue::String(_) => Err("no comma may be inside a part of the list".to_owned()),
                other => Err(format!("expected an array of strings, found {} in it", describe(other))),
            });
            texts.collect::<Result<Vec<_>, _>>().map(|texts| texts.join(", "))
        }
        (Some(kind), other) => Err(format!("expected {}, found {}", kind.example(), describe(other))),
    }
}

fn decimal(digits: &str, radix: u32) -> Result<String, String> {
    if radix == 10 {
        return Ok(digits.to_owned());
    }
    i128::from_str_radix(digits, radix)
        .map(|number| number.to_string())
        .map_err(|_| "the number is too large".to_owned())
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
