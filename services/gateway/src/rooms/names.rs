//! Which names of rooms, events and people are accepted. Pure.

use super::{denied::Denied, people::WATCHERS};

/// Bytes that a person's name may have.
const LONGEST_PERSON: usize = 64;

/// Events that a client's library or this node emits by itself: published by someone else they would lie.
const RESERVED: [&str; 11] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
    "joined",
    "left",
    "renamed",
    "node-left",
    "look-again",
];

/// The rules for names.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// Bytes that the name of a room or an event may have.
    pub longest: usize,
}

impl Names {
    /// A room that a client may name.
    pub fn room(self, name: &str) -> Result<(), Denied> {
        self.sized("room", name)?;
        if name.starts_with(WATCHERS) { Err(Denied::Presence) } else { Ok(()) }
    }

    /// An event that a client may publish.
    pub fn event(self, name: &str) -> Result<(), Denied> {
        self.sized("event", name)?;
        if RESERVED.contains(&name) { Err(Denied::Reserved(name.to_owned())) } else { Ok(()) }
    }

    fn sized(self, what: &'static str, name: &str) -> Result<(), Denied> {
        match name.len() {
            0 => Err(Denied::Empty(what)),
            length if length > self.longest => Err(Denied::TooLong(what, self.longest)),
            _ => Ok(()),
        }
    }
}

/// A person's name without the blanks around it.
pub fn person(name: &str) -> Result<String, Denied> {
    let name = name.trim();
    match name.len() {
        0 => Err(Denied::Empty("name")),
        length if length > LONGEST_PERSON => Err(Denied::TooLong("name", LONGEST_PERSON)),
        _ if name.chars().any(char::is_control) => Err(Denied::ControlCharacter),
        _ => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { longest: 255 };

    #[test]
    fn rooms_may_have_any_name_but_an_empty_a_long_or_a_reserved_one() {
        for name in ["lobby", " ", "a.>", "* >", "x\r\nPUB y 0", "__proto__", "größe", &"é".repeat(127)] {
            assert_eq!(NAMES.room(name), Ok(()), "{name:?}");
        }
        assert_eq!(NAMES.room(""), Err(Denied::Empty("room")));
        assert_eq!(NAMES.room(&"é".repeat(128)), Err(Denied::TooLong("room", 255)));
        assert_eq!(NAMES.room("people:lobby"), Err(Denied::Presence));
    }

    #[test]
    fn nobody_publishes_what_the_node_or_a_clients_library_says() {
        for name in RESERVED {
            assert_eq!(NAMES.event(name), Err(Denied::Reserved(name.to_owned())));
        }
        assert_eq!(NAMES.event("message"), Ok(()));
        assert_eq!(NAMES.event(""), Err(Denied::Empty("event")));
    }

    #[test]
    fn a_person_has_a_short_name_of_one_line() {
        assert_eq!(person("  Zoë  "), Ok("Zoë".to_owned()));
        assert_eq!(person(" \n "), Err(Denied::Empty("name")));
        assert_eq!(person("a\u{1b}[31mb"), Err(Denied::ControlCharacter));
        assert_eq!(person(&"x".repeat(65)), Err(Denied::TooLong("name", 64)));
    }
}
