//! Who may do what in which room.

use crate::settings::{Kind, Value, parts};

/// What a client wants to do with a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Receive what is published there, and see who is there.
    Join,
    /// Send an event to everyone there.
    Publish,
}

/// The rule book of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Everyone may do everything, and the node listens on this machine only (`settings/check.rs` sees to it).
    Local,
    /// Everyone may do everything.
    Open,
    /// The first rule whose pattern matches decides; without one it is refused.
    Rules(Vec<Rule>),
}

/// A pattern of rooms, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pattern: String,
    join: bool,
    publish: bool,
}

impl Policy {
    /// Whether a client may do this in that room.
    pub fn allows(&self, right: Right, room: &str) -> bool {
        match self {
            Self::Local | Self::Open => true,
            Self::Rules(rules) => {
                rules.iter().find(|rule| matches(&rule.pattern, room)).is_some_and(|rule| match right {
                    Right::Join => rule.join,
                    Right::Publish => rule.publish,
                })
            }
        }
    }
}

impl Value for Policy {
    const KIND: Kind = Kind::List;

    fn parse(text: &str) -> Result<Self, String> {
        match parts(text).collect::<Vec<_>>()[..] {
            [] => Err("it is empty; write \"local\", \"open\" or rules".to_owned()),
            ["local"] => Ok(Self::Local),
            ["open"] => Ok(Self::Open),
            ref rules => {
                rules.iter().map(|rule| Rule::parse(rule)).collect::<Result<_, _>>().map(Self::Rules)
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Local => "local".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Rules(rules) => rules.iter().map(Rule::show).collect::<Vec<_>>().join(", "),
        }
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, String> {
        let wanted =
            || format!("`{text}` is not a rule such as `news-*=join` (`local` and `open` stand alone)");
        // The last one: a room's name may have the sign in it.
        let (pattern, rights) = text.rsplit_once('=').ok_or_else(wanted)?;
        let (pattern, rights) = (pattern.trim(), rights.trim());
        let (join, publish) = match rights {
            "join" => (true, false),
            "publish" => (false, true),
            "join+publish" | "publish+join" => (true, true),
            "none" => (false, false),
            _ => return Err(format!("`{rights}` is none of join, publish, join+publish and none")),
        };
        if pattern.is_empty() {
            Err(wanted())
        } else {
            Ok(Self { pattern: pattern.to_owned(), join, publish })
        }
    }

    fn show(&self) -> String {
        let rights = match (self.join, self.publish) {
            (true, true) => "join+publish",
            (true, false) => "join",
            (false, true) => "publish",
            (false, false) => "none",
        };
        format!("{}={rights}", self.pattern)
    }
}

/// Whether the whole of `name` fits: `*` stands for any text, `?` for one character, everything else for itself.
///
/// When characters differ, only the last `*` is extended: an earlier one never needs to be, so this takes at most
/// `pattern * name` steps, whatever a client makes of its room's name.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((star_at, star_seen)) = star else { return false };
                star = Some((star_at, star_seen + 1));
                (at, seen) = (star_at + 1, star_seen + 1);
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Policy {
        Policy::parse(text).expect("a policy")
    }

    #[test]
    fn an_open_policy_allows_everything() {
        assert!(rules("open").allows(Right::Join, "anything"));
        assert!(rules("local").allows(Right::Publish, "anything"));
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = rules("news-secret=none, news-*=join, lobby = publish+join");
        assert!(policy.allows(Right::Join, "news-sport"));
        assert!(!policy.allows(Right::Publish, "news-sport"));
        assert!(!policy.allows(Right::Join, "news-secret"));
        assert!(policy.allows(Right::Publish, "lobby"));
        assert_eq!(policy.show(), "news-secret=none, news-*=join, lobby=join+publish");
    }

    #[test]
    fn a_room_that_no_rule_matches_is_refused() {
        let policy = rules("lobby=join+publish");
        for other in ["", "Lobby", "lobby2", "the lobby", "__proto__"] {
            assert!(!policy.allows(Right::Join, other), "{other}");
        }
    }

    #[test]
    fn a_senseless_policy_is_refused() {
        for senseless in ["", "closed", "open, lobby=join", "=join", "lobby=", "lobby=joni", "lobby=join+ban"]
        {
            assert!(Policy::parse(senseless).is_err(), "{senseless}");
        }
    }

    #[test]
    fn patterns_match_whole_names_by_characters() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "anything"),
            ("a*c", "ac"),
            ("a*c", "abcbc"),
            ("*-*", "a-b"),
            ("?", "é"),
            ("a?c*", "abcd"),
            ("a.c", "a.c"),
            ("a=b", "a=b"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a*c", "abcd"), ("?", ""), ("?", "ab"), ("a.c", "abc"), ("*-", "a-b"), ("", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time_on_a_long_name() {
        let name = "a".repeat(65_536);
        assert!(!matches(&"*a".repeat(40).replace("*a*a*a", "*a*b*a"), &name));
    }
}
