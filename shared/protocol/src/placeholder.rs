//! Finds the objects that stand for attachments (Socket.IO protocol: "Packet encoding"):
//! `{"_placeholder":true,"num":0}`.
//!
//! The reference parses the JSON first, so a placeholder is any object whose last `_placeholder` is `true`, however
//! its keys are ordered, spaced or escaped, and whatever else it holds.

use std::ops::Range;

use crate::json::string_end;

/// One object with `"_placeholder":true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// Where the digits of its number stand, and the number. `None` if it has none that can count attachments.
    pub num: Option<(Range<usize>, usize)>,
}

/// All placeholders of a valid JSON text, an inner one before the one around it.
pub(crate) fn placeholders(json: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    // Without the key in either spelling there is nothing to find.
    if !json.contains("_placeholder") && !json.contains("\\u") {
        return found;
    }
    let bytes = json.as_bytes();
    let mut levels = vec![Level::default()];
    let mut at = 0;
    while at < bytes.len() {
        let level = levels.last_mut().expect("invariant: the outermost level is never closed");
        match bytes[at] {
            b'{' => levels.push(Level { in_object: true, at_key: true, ..Level::default() }),
            b'[' => levels.push(Level::default()),
            b'}' | b']' => {
                level.end_value(json, at);
                if level.placeholder {
                    found.push(Placeholder { num: level.num.take() });
                }
                if levels.len() > 1 {
                    levels.pop();
                }
            }
            b',' => {
                level.end_value(json, at);
                level.at_key = level.in_object;
            }
            b'"' => {
                let end = string_end(bytes, at);
                if level.at_key {
                    level.at_key = false;
                    level.key = key(&json[at..=end.min(bytes.len() - 1)]);
                    // The value begins behind the colon; until then there is only space.
                    level.value_start = end + 1;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// One open bracket.
#[derive(Default)]
struct Level {
    in_object: bool,
    at_key: bool,
    key: Key,
    value_start: usize,
    placeholder: bool,
    num: Option<(Range<usize>, usize)>,
}

impl Level {
    /// Takes note of the value that ends before `end`. A later one of the same key replaces it, as in JavaScript.
    fn end_value(&mut self, json: &str, end: usize) {
        match std::mem::take(&mut self.key) {
            Key::Other => {}
            Key::Placeholder => {
                self.placeholder =
                    json[self.value_start..end].trim_start_matches(BEFORE_VALUE).trim_end() == "true";
            }
            Key::Num => {
                let text = json[self.value_start..end].trim_start_matches(BEFORE_VALUE);
                let start = end - text.len();
                let text = text.trim_end();
                self.num = text.parse().ok().map(|num| (start..start + text.len(), num));
            }
        }
    }
}

const BEFORE_VALUE: [char; 5] = [':', ' ', '\t', '\n', '\r'];

#[derive(Clone, Copy, Default)]
enum Key {
    #[default]
    Other,
    Placeholder,
    Num,
}

/// Which key a quoted text is, escapes resolved.
fn key(quoted: &str) -> Key {
    let known = |name: &str| match name {
        "_placeholder" => Key::Placeholder,
        "num" => Key::Num,
        _ => Key::Other,
    };
    if quoted.contains('\\') {
        // A key that Rust cannot hold (a lone surrogate) is neither of the two.
        return serde_json::from_str::<String>(quoted).map_or(Key::Other, |name| known(&name));
    }
    known(quoted.trim_matches('"'))
}

/// The text with every placeholder number raised by `shift`; all else stays byte for byte.
pub(crate) fn shifted(json: &str, shift: usize) -> String {
    let mut spans: Vec<_> =
        placeholders(json).into_iter().filter_map(|placeholder| placeholder.num).collect();
    // A number behind an inner placeholder is found after it, but one before it too.
    spans.sort_by_key(|(span, _)| span.start);
    let mut text = String::with_capacity(json.len() + spans.len() * 2);
    let mut copied = 0;
    for (span, num) in spans {
        text.push_str(&json[copied..span.start]);
        text.push_str(&num.saturating_add(shift).to_string());
        copied = span.end;
    }
    text.push_str(&json[copied..]);
    text
}

/// Whether every placeholder of the text names one of `attachments` attachments.
pub(crate) fn all_named(json: &str, attachments: usize) -> bool {
    placeholders(json)
        .iter()
        .all(|placeholder| matches!(&placeholder.num, Some((_, num)) if *num < attachments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nums(json: &str) -> Vec<Option<usize>> {
        placeholders(json).into_iter().map(|found| found.num.map(|(_, num)| num)).collect()
    }

    #[test]
    fn an_object_is_a_placeholder_only_if_javascript_would_see_one() {
        for (json, expected) in [
            (r#"{"_placeholder":true,"num":3}"#, vec![Some(3)]),
            (r#"{ "num" : 3 , "x" : [ ] , "_placeholder" : true }"#, vec![Some(3)]),
            (r#"{"_placeholder":false,"_placeholder":true,"num":1,"num":2}"#, vec![Some(2)]),
            (r#"{"_placeholder":true,"_placeholder":null,"num":1}"#, vec![]),
            (r#"{"_placeholder":"true","num":1}"#, vec![]),
            (r#"{"_placeholder":{"_placeholder":true},"num":1}"#, vec![None]),
            (r#"["_placeholder",true,"num",1]"#, vec![]),
            (r#"{"a":"_placeholder","num":1}"#, vec![]),
            (r#"{"\u005fplaceholder":true,"n\u0075m":4}"#, vec![Some(4)]),
            (r#"{"\ud800":1,"_placeholder":true,"num":5}"#, vec![Some(5)]),
            (r#"{"_placeholder":true,"num":"1"}"#, vec![None]),
            (r#"{"_placeholder":true,"num":-0}"#, vec![None]),
            (r#"{"_placeholder":true,"num":99999999999999999999}"#, vec![None]),
            (
                r#"1,{"a":[{"_placeholder":true,"num":0}]},{"_placeholder":true,"num":1}"#,
                vec![Some(0), Some(1)],
            ),
        ] {
            assert_eq!(nums(json), expected, "{json}");
        }
    }

    #[test]
    fn shifting_changes_only_the_numbers_of_placeholders() {
        let json = r#"{"num":8 ,"in":{"_placeholder":true,"num": 9 },"_placeholder":true},{"num":1},10"#;
        let expected =
            r#"{"num":10 ,"in":{"_placeholder":true,"num": 11 },"_placeholder":true},{"num":1},10"#;
        assert_eq!(shifted(json, 2), expected);
    }
}
