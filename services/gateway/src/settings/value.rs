//! What a setting's value can be, and how it reads as text.
//!
//! Flags and environment variables are text already; a TOML value becomes the same text in `file.rs`. So there is one
//! parser for each kind of value, whatever the source.

use std::{fmt::Display, net::IpAddr, path::PathBuf, time::Duration};

/// How a value is written in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string: a path, a name.
    Text,
    /// A whole number.
    Integer,
    /// A string of a whole number and a unit: `300ms`, `25s`, `5m`, `1h`.
    Duration,
    /// A whole number of bytes, or a string with a unit: `1MB`, `1MiB`.
    Size,
    /// `true` or `false`.
    Switch,
    /// An array of strings; on one line, separated by commas.
    List,
}

impl Kind {
    /// An example for the message that refuses another kind.
    pub fn example(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a whole number",
            Self::Duration => "a duration with its unit such as \"25s\" or \"300ms\"",
            Self::Size => "a size such as \"1MB\", \"1MiB\" or a number of bytes",
            Self::Switch => "true or false",
            Self::List => "a string, or an array of strings",
        }
    }

    /// The placeholder shown in `--help`.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "N",
            Self::Duration => "DURATION",
            Self::Size => "SIZE",
            Self::Switch => "BOOL",
            Self::List => "LIST",
        }
    }
}

/// A type that a setting can have.
pub trait Value: Sized {
    /// How it is written in a file.
    const KIND: Kind;
    /// Reads it; the error completes the sentence "… is not accepted: ".
    fn parse(text: &str) -> Result<Self, String>;
    /// Writes it so that `parse` gives it back.
    fn show(&self) -> String;
    /// How a text that was given is shown in messages.
    fn hide(text: &str) -> String {
        text.to_owned()
    }
}

impl Value for String {
    const KIND: Kind = Kind::Text;
    fn parse(text: &str) -> Result<Self, String> {
        match text.chars().find(|letter| letter.is_control()) {
            Some(letter) => Err(format!("it holds the control character {letter:?}")),
            None => Ok(text.to_owned()),
        }
    }
    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for IpAddr {
    const KIND: Kind = Kind::Text;
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            // The one host name whose meaning needs no resolver.
            "localhost" => Ok(Self::from([127, 0, 0, 1])),
            _ => text
                .parse()
                .map_err(|_| "it is not an IP address such as 127.0.0.1, 0.0.0.0 or ::1".to_owned()),
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

/// A name, or `none`.
impl Value for Option<String> {
    const KIND: Kind = Kind::Text;
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(None),
            _ => String::parse(text).map(Some),
        }
    }
    fn show(&self) -> String {
        self.clone().unwrap_or_else(|| "none".to_owned())
    }
}

/// A folder or a file, or `none`.
impl Value for Option<PathBuf> {
    const KIND: Kind = Kind::Text;
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(None),
            "" => Err("it is empty; write \"none\" for none".to_owned()),
            _ => Ok(Some(PathBuf::from(text))),
        }
    }
    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string())
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Switch;
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "it is neither true nor false".to_owned())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

fn whole_number<N: std::str::FromStr>(text: &str, most: impl Display) -> Result<N, String> {
    text.parse().map_err(|_| format!("it is not a whole number from 0 to {most}"))
}

impl Value for u16 {
    const KIND: Kind = Kind::Integer;
    fn parse(text: &str) -> Result<Self, String> {
        whole_number(text, Self::MAX)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    const KIND: Kind = Kind::Integer;
    fn parse(text: &str) -> Result<Self, String> {
        whole_number(text, Self::MAX)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for usize {
    const KIND: Kind = Kind::Integer;
    fn parse(text: &str) -> Result<Self, String> {
        whole_number(text, Self::MAX)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

/// Splits `25s` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// From the largest, so that a value shows in the largest unit that divides it.
const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Value for Duration {
    const KIND: Kind = Kind::Duration;
    fn parse(text: &str) -> Result<Self, String> {
        let wanted = || format!("it is not {}", Kind::Duration.example());
        let (number, unit) = number_and_unit(text).ok_or_else(wanted)?;
        if unit.is_empty() {
            return Err(format!(
                "{number} of what? A duration needs its unit: \"{number}ms\" or \"{number}s\""
            ));
        }
        let (_, millis) = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wanted)?;
        number.checked_mul(*millis).map(Self::from_millis).ok_or_else(|| "it is beyond any use".to_owned())
    }
    fn show(&self) -> String {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        let whole = DURATION_UNITS.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => format!("{}{name}", millis / unit),
            None => "0s".to_owned(),
        }
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

const SIZE_UNITS: [(&str, usize); 9] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

impl Value for Size {
    const KIND: Kind = Kind::Size;
    fn parse(text: &str) -> Result<Self, String> {
        let wanted = || format!("it is not {}", Kind::Size.example());
        let (number, unit) = number_and_unit(text).ok_or_else(wanted)?;
        let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wanted)?;
        let total = usize::try_from(number).ok().and_then(|number| number.checked_mul(*bytes));
        total.map(Self).ok_or_else(|| "it is beyond any memory".to_owned())
    }
    fn show(&self) -> String {
        let whole = |(_, unit): &&(&str, usize)| *unit > 1 && self.0 > 0 && self.0.is_multiple_of(*unit);
        match SIZE_UNITS.iter().rev().find(whole) {
            Some((name, unit)) => format!("{}{name}", self.0 / unit),
            None => self.0.to_string(),
        }
    }
}

/// The parts of a list written on one line.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_show_in_the_largest_that_divides_them() {
        let shown = |text| Duration::parse(text).map(|duration| duration.show());
        assert_eq!(shown("25s"), Ok("25s".to_owned()));
        assert_eq!(shown("1500ms"), Ok("1500ms".to_owned()));
        assert_eq!(shown("120 s"), Ok("2m".to_owned()));
        assert_eq!(shown("24h"), Ok("24h".to_owned()));
        assert!(shown("25").unwrap_err().contains("\"25s\""));
        for senseless in
            ["", "s", "-1s", "1.5s", "1e20", "25 parsecs", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(shown(senseless).is_err(), "{senseless}");
        }
    }

    #[test]
    fn sizes_know_thousands_from_powers_of_two() {
        assert_eq!(Size::parse("1MB"), Ok(Size(1_000_000)));
        assert_eq!(Size::parse("1MiB"), Ok(Size(1_048_576)));
        assert_eq!(Size::parse("1000000"), Ok(Size(1_000_000)));
        assert_eq!(Size(1_000_000).show(), "1MB");
        assert_eq!(Size(262_144).show(), "256KiB");
        assert_eq!(Size(1_234_567).show(), "1234567");
        for senseless in ["", "MB", "-1", "1.5MB", "1 furlong", "99999999999GiB"] {
            assert!(Size::parse(senseless).is_err(), "{senseless}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_the_same() {
        for size in [0, 1, 999, 1_000, 1_024, 65_536, 1_000_000, 1_048_576, 3_000_000_000] {
            assert_eq!(Size::parse(&Size(size).show()), Ok(Size(size)));
        }
        for millis in [0, 1, 999, 1_000, 60_000, 90_000, 3_600_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(Duration::parse(&duration.show()), Ok(duration));
        }
    }
}
