//! Whose web pages may connect.

use super::value::{Kind, Value, parts};

/// The origins that are let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Pages that the node's own host and port served.
    Same,
    /// Every page.
    Any,
    /// These, compared as a whole: a part of a host name never matches.
    List(Vec<String>),
}

impl Value for Origins {
    const KIND: Kind = Kind::List;

    fn parse(text: &str) -> Result<Self, String> {
        match parts(text).collect::<Vec<_>>()[..] {
            [] => Err("it names no origin; write \"same-origin\" for the node's own pages only".to_owned()),
            ["same-origin"] => Ok(Self::Same),
            ["*"] => Ok(Self::Any),
            ref origins => {
                origins.iter().map(|origin| checked(origin)).collect::<Result<_, _>>().map(Self::List)
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Same => "same-origin".to_owned(),
            Self::Any => "*".to_owned(),
            Self::List(origins) => origins.join(", "),
        }
    }
}

/// A browser sends `scheme://host[:port]` in lower case and nothing behind it; anything else would never match.
fn checked(origin: &str) -> Result<String, String> {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.:[]".contains(letter);
    match host {
        Some(host) if host.ends_with('/') => {
            Err(format!("`{origin}` ends with a slash, which no browser sends"))
        }
        Some(host) if !host.is_empty() && host.chars().all(plain) => Ok(origin.to_ascii_lowercase()),
        _ => Err(format!(
            "`{origin}` is not an origin such as \"https://app.example\" (`*` and `same-origin` stand alone)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_more() {
        assert_eq!(Origins::parse("same-origin"), Ok(Origins::Same));
        assert_eq!(Origins::parse("*"), Ok(Origins::Any));
        let two = Origins::parse("https://a.example, http://localhost:8080");
        assert_eq!(
            two.map(|origins| origins.show()),
            Ok("https://a.example, http://localhost:8080".to_owned())
        );
        let senseless = [
            "",
            "a.example",
            "https://",
            "https://a.example/",
            "https://*.example",
            "*, https://a.example",
            "null",
        ];
        for senseless in senseless {
            assert!(Origins::parse(senseless).is_err(), "{senseless}");
        }
    }
}
