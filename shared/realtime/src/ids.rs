//! Session ids and socket ids: random, unguessable, and telling where they live.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use natter_cluster::NodeTag;
use uuid::Uuid;

/// The number of one shard inside a node.
pub(crate) type ShardIndex = u16;

/// Where a socket lives, as its id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub node: NodeTag,
    pub shard: ShardIndex,
}

/// An Engine.IO session id: its node in 6 characters, and 128 bits of the system's randomness in 22. It is a secret, for
/// whoever has it may poll the session.
pub(crate) fn session_id(node: NodeTag) -> Arc<str> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("invariant: the operating system has randomness");
    let mut id = node.as_str().to_owned();
    URL_SAFE_NO_PAD.encode_string(bytes, &mut id);
    id.into()
}

/// The node that a session id names; none if it has not the form of one.
pub(crate) fn owner_of(sid: &str) -> Option<NodeTag> {
    if sid.len() == NodeTag::LENGTH + 22 { NodeTag::at_start_of(sid) } else { None }
}

/// A socket id: its node in 6 characters, its shard in 3, and a random UUID in 22. It is public, for it is also the name
/// of the room in which only that socket is.
pub(crate) fn socket_id(Place { node, shard }: Place) -> Arc<str> {
    let mut id = node.as_str().to_owned();
    URL_SAFE_NO_PAD.encode_string(shard.to_be_bytes(), &mut id);
    URL_SAFE_NO_PAD.encode_string(Uuid::new_v4().as_bytes(), &mut id);
    id.into()
}

/// The place a socket id names; none if it has not the form of one.
pub(crate) fn place_of(id: &str) -> Option<Place> {
    const SHARD: std::ops::Range<usize> = NodeTag::LENGTH..NodeTag::LENGTH + 3;
    if id.len() != SHARD.end + 22 || !id.is_ascii() {
        return None;
    }
    let node = NodeTag::at_start_of(id)?;
    let bytes = URL_SAFE_NO_PAD.decode(&id[SHARD]).ok()?;
    Some(Place { node, shard: ShardIndex::from_be_bytes(bytes.try_into().ok()?) })
}

/// Whether a text has the form of a socket's id, and so names a room in which only that socket is, if there is one.
///
/// For servers that let clients name rooms. Of texts that somebody else has made up, practically none has it. Natter's own.
///
/// ```
/// assert!(!natter::is_socket_id("news"));
/// ```
pub fn is_socket_id(text: &str) -> bool {
    let Some(random) = place_of(text).and(text.get(NodeTag::LENGTH + 3..)) else { return false };
    let bytes = URL_SAFE_NO_PAD.decode(random).ok();
    let uuid = bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok());
    uuid.is_some_and(|uuid| uuid.get_version_num() == 4)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_socket_id_names_its_node_and_shard() {
        let node = NodeTag::of("node-1");
        for shard in [0, 1, 255, 256, u16::MAX] {
            assert_eq!(place_of(&socket_id(Place { node, shard })), Some(Place { node, shard }));
        }
        for other in ["", "room", "€€€€€€€€€€a", "abcdef***4567890123456789012345"] {
            assert_eq!(place_of(other), None, "{other}");
        }
    }

    #[test]
    fn ids_are_told_from_other_texts_of_their_length() {
        let id = socket_id(Place { node: NodeTag::of("node-1"), shard: 3 });
        assert!(is_socket_id(&id));
        assert!(!is_socket_id(&id[1..]) && !is_socket_id(&format!("{id}A")));
        for room in ["the-room-of-thirty-one-letters_", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "€€€€€€€€€€a"]
        {
            assert_eq!(room.len(), id.len());
            assert!(!is_socket_id(room), "{room}");
        }
    }

    #[test]
    fn a_hundred_thousand_session_ids_do_not_repeat() {
        let node = NodeTag::of("node-1");
        let ids: HashSet<_> = (0..100_000).map(|_| session_id(node)).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| owner_of(id) == Some(node)));
    }
}
