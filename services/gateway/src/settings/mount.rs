//! The path that Socket.IO is mounted on.

use super::value::{Kind, Value};

/// A path without the slash at its end, such as `/socket.io`. Its characters need no escaping in a URL or in HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPath(String);

impl MountPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the node itself answers beside Socket.IO.
const TAKEN: [&str; 6] = ["/health", "/ready", "/stats", "/chat.css", "/chat.js", "/"];

impl Value for MountPath {
    const KIND: Kind = Kind::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("a path begins with a slash: \"/{text}\""));
        }
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() || TAKEN.contains(&path) {
            return Err("the node's own pages are there".to_owned());
        }
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~".contains(letter);
        match path[1..]
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && part.chars().all(plain))
        {
            true => Ok(Self(path.to_owned())),
            false => Err("between its slashes it may have letters, digits and -._~".to_owned()),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_a_slash_and_may_end_with_one() {
        assert_eq!(MountPath::parse("/socket.io/").map(|path| path.show()), Ok("/socket.io".to_owned()));
        assert!(MountPath::parse("/a/b-1/c.d_e~").is_ok());
        for senseless in
            ["", "socket.io", "/", "//", "/a//b", "/../x", "/a b", "/a\"b", "/health", "/ready/", "/{x}"]
        {
            assert!(MountPath::parse(senseless).is_err(), "{senseless}");
        }
    }
}
