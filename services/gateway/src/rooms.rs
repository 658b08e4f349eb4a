//! The room protocol: what a client on the namespace `/` can ask of a node that no program stands behind.
//!
//! Every request carries an acknowledgement: `{"ok":true}`, or `{"ok":false,"error":"why not"}`.
//!
//! | event | arguments | what it does |
//! |---|---|---|
//! | `join` | room | From now on, what is published to the room arrives here. Joining again changes nothing. |
//! | `leave` | room | The opposite; it also stops watching the room. |
//! | `publish` | room, event, ...data | Everyone in the room but the sender gets `event` with `...data`, byte for byte. |
//! | `who` | room | Adds `people`, `[{"id","name","node"}]`, and `count` to the answer; `missing` if nodes did not answer. |
//! | `watch` | room | As `who`, and from now on `joined`, `left`, `renamed` (room, `{"id","name","node"}`) arrive. |
//! | `unwatch` | room | The opposite. |
//! | `name` | name | Changes the name that others see; adds `name` to the answer. |
//! | `whoami` | | Adds `id`, `name` and `node` to the answer. |
//!
//! In a cluster rooms span its nodes. Whoever watches a room is also told `node-left` (node) when everyone on that node is
//! gone, and `look-again` when people may have come and gone unseen (`nodes.rs`).
//!
//! A name can also be given as `auth: {name}` when connecting. Publishing does not need membership, only the right to
//! it (`policy.rs`). A socket's id is a room in which only that socket is: it can be published to, and never joined.
//! Presence costs nothing in rooms that nobody watches: it goes to a room of its own, `people:` and the room's name,
//! which counts among the rooms that a connection may be in, as `people:` alone does, in which all watchers are.

mod answer;
mod crowds;
mod denied;
mod names;
mod nodes;
mod people;
mod requests;

use natter::{Io, Socket};

pub use crowds::Crowds;
pub use names::Names;

use crate::policy::Policy;

/// What the requests are judged by; every handler gets it as shared state.
#[derive(Debug)]
pub struct House {
    /// Who may do what.
    pub policy: Policy,
    /// How names are checked.
    pub names: Names,
    /// Who is in which room.
    pub crowds: Crowds,
}

/// Lets clients in on the namespace `/` and answers them. The server was built with a `House` as its state.
pub fn open(io: &Io) {
    io.on_connect(|socket: Socket| async move {
        people::introduce(&socket);
        socket.on("join", requests::join);
        socket.on("leave", requests::leave);
        socket.on("publish", requests::publish);
        socket.on("who", requests::who);
        socket.on("watch", requests::watch);
        socket.on("unwatch", requests::unwatch);
        socket.on("name", requests::name);
        socket.on("whoami", requests::whoami);
        socket.on_disconnecting(people::said_goodbye);
        socket.on_error(|error| async move { tracing::debug!(%error, "a handler gave up") });
    });
    nodes::follow(io);
}
