//! Who a node is: its name, the short tag that stands for it in ids and subjects, and the epoch of its start.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// Six characters of `A-Z a-z 0-9 - _` that stand for a node's name: the first 36 bits of the name's UUID of version 5
/// in the namespace OID, in base64url. Session ids and socket ids begin with it, and a node's inbox ends with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeTag([u8; NodeTag::LENGTH]);

impl NodeTag {
    /// Characters of a tag.
    pub const LENGTH: usize = 6;

    /// The tag of a node's name.
    pub fn of(name: &str) -> Self {
        let uuid = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        let text = URL_SAFE_NO_PAD.encode(uuid.as_bytes());
        let mut tag = [0; Self::LENGTH];
        tag.copy_from_slice(&text.as_bytes()[..Self::LENGTH]);
        Self(tag)
    }

    /// The tag an id begins with; none if it begins with something else.
    pub fn at_start_of(id: &str) -> Option<Self> {
        let tag: [u8; Self::LENGTH] = id.as_bytes().get(..Self::LENGTH)?.try_into().ok()?;
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        tag.iter().all(legal).then_some(Self(tag))
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("invariant: a tag is ASCII")
    }
}

impl fmt::Debug for NodeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for NodeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for NodeTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NodeTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        match Self::at_start_of(text) {
            Some(tag) if text.len() == Self::LENGTH => Ok(tag),
            _ => Err(D::Error::custom("not a node's tag")),
        }
    }
}

/// Which start of a node it is: the later, the larger. Milliseconds since 1970, and 16 random bits below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of a node that starts now.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX >> 16);
        let mut random = [0; 2];
        getrandom::fill(&mut random).expect("invariant: the operating system has randomness");
        Self(millis << 16 | u64::from(u16::from_be_bytes(random)))
    }

    #[cfg(test)]
    pub(crate) fn at(number: u64) -> Self {
        Self(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_at_the_start_of_an_id() {
        let tag = NodeTag::of("node-1");
        assert_eq!(tag, NodeTag::of("node-1"));
        assert_ne!(tag, NodeTag::of("node-2"));
        assert_eq!(NodeTag::at_start_of(&format!("{tag}AAA123")), Some(tag));
        assert_eq!(NodeTag::at_start_of("a.b"), None);
        assert_eq!(NodeTag::at_start_of("a.bcdefgh"), None);
        assert_eq!(NodeTag::at_start_of("ééééé"), None);
    }

    #[test]
    fn a_tag_never_changes_since_other_programs_compute_it_too() {
        assert_eq!(NodeTag::of("natter-1").as_str(), "8gpW8f");
    }
}
