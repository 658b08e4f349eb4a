//! Session ids and socket ids: random, unguessable, and telling which shard they live on.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// The number of one shard inside a node.
pub(crate) type ShardIndex = u16;

/// An Engine.IO session id: 128 bits of the system's randomness, 22 characters. It is a secret, for whoever has it may
/// poll the session.
pub(crate) fn session_id() -> Arc<str> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("invariant: the operating system has randomness");
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// A socket id: the shard in 3 characters and a random UUID in 22. It is public, for it is also the name of the room
/// in which only that socket is.
pub(crate) fn socket_id(shard: ShardIndex) -> Arc<str> {
    let mut id = URL_SAFE_NO_PAD.encode(shard.to_be_bytes());
    URL_SAFE_NO_PAD.encode_string(Uuid::new_v4().as_bytes(), &mut id);
    id.into()
}

/// The shard a socket id names; none if it has not the form of one.
pub(crate) fn shard_of(id: &str) -> Option<ShardIndex> {
    if id.len() != 25 || !id.is_ascii() {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(&id[..3]).ok()?;
    Some(ShardIndex::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_socket_id_names_its_shard() {
        for shard in [0, 1, 255, 256, u16::MAX] {
            assert_eq!(shard_of(&socket_id(shard)), Some(shard));
        }
        for other in ["", "room", "€€€€€€€€a", "***4567890123456789012345"] {
            assert_eq!(shard_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_hundred_thousand_session_ids_do_not_repeat() {
        let ids: HashSet<_> = (0..100_000).map(|_| session_id()).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 22));
    }
}
