//! Presence: who is in a room, and telling those who watch it.
//!
//! The names are the sockets' data, the membership is the rooms themselves: there is no second list to go stale.

use natter::{Counted, DisconnectReason, EmitError, JoinError, Namespace, Socket};
use serde::{Deserialize, Serialize};

use super::names;

/// Before a room's name: the room of those who watch it. Alone, that of all who watch any room.
pub const WATCHERS: &str = "people:";

/// More people than this are only counted: a list of thousands would be sent to everyone who asks.
const LISTED: usize = 1_000;

/// A socket's data, and what its auth payload may say.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Face {
    name: String,
}

/// Someone in a room.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    id: String,
    name: String,
    /// The node it is connected to.
    node: String,
}

/// Who is in a room.
#[derive(Debug, Serialize)]
pub struct Crowd {
    people: Vec<Person>,
    count: usize,
    /// Nodes that did not answer: their people are not among these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// Gives a new socket its name: the one from `auth: {name}` when it is acceptable, or one made from its id.
pub fn introduce(socket: &Socket) {
    let asked = socket.handshake().auth::<Face>();
    let name =
        asked.ok().and_then(|face| names::person(&face.name).ok()).unwrap_or_else(|| guest(socket.id()));
    set_name(socket, name);
}

fn guest(id: &str) -> String {
    format!("guest-{}", &id[id.len().saturating_sub(4)..])
}

fn set_name(socket: &Socket, name: String) {
    socket.set_data(&Face { name }).expect("invariant: a struct of one text has a JSON form");
}

/// The socket and its name.
pub fn person(socket: &Socket) -> Person {
    let name = socket.data::<Face>().map_or_else(|_| guest(socket.id()), |face| face.name);
    Person { id: socket.id().to_owned(), name, node: socket.node().to_owned() }
}

/// Changes the name and tells the watchers of every room that the socket is in, if it is another one.
pub fn rename(socket: &Socket, name: String) -> Result<(), EmitError> {
    if person(socket).name == name {
        return Ok(());
    }
    set_name(socket, name);
    rooms(socket).iter().try_for_each(|room| tell(socket, "renamed", room))
}

/// The rooms that a client knows of: not the socket's own, and not those of watchers.
fn rooms(socket: &Socket) -> Vec<String> {
    let mut rooms = socket.rooms();
    rooms.retain(|room| room != socket.id() && !room.starts_with(WATCHERS));
    rooms
}

/// Emits `joined`, `left` or `renamed` to the watchers of a room, except the socket itself.
pub fn tell(socket: &Socket, event: &str, room: &str) -> Result<(), EmitError> {
    socket.to(watchers(room)).emit(event, (room, person(socket)))
}

/// The room of a room's watchers.
fn watchers(room: &str) -> String {
    format!("{WATCHERS}{room}")
}

/// A socket that goes away, for whatever reason, has left its rooms.
pub async fn said_goodbye(socket: Socket, _: DisconnectReason) -> Result<(), EmitError> {
    rooms(&socket).iter().try_for_each(|room| tell(&socket, "left", room))
}

/// Makes a socket watch a room.
pub async fn watch(socket: &Socket, room: &str) -> Result<(), JoinError> {
    socket.join([WATCHERS.to_owned(), watchers(room)]).await
}

/// The opposite.
pub fn unwatch(socket: &Socket, room: &str) {
    socket.leave(watchers(room));
    if !socket.rooms().iter().any(|room| room.len() > WATCHERS.len() && room.starts_with(WATCHERS)) {
        socket.leave(WATCHERS);
    }
}

/// Asks all nodes who is in a room. For many who want to know there is `crowds.rs`.
pub async fn look(namespace: &Namespace, room: &str) -> Crowd {
    let Counted { count, missing } = namespace.in_(room).count().await;
    if count > LISTED {
        return Crowd { people: Vec::new(), count, missing };
    }
    let found = namespace.in_(room).fetch_sockets().await;
    let people: Vec<Person> = found
        .iter()
        .map(|socket| {
            let name = socket.data::<Face>().map_or_else(|_| guest(socket.id()), |face| face.name);
            Person { id: socket.id().to_owned(), name, node: socket.node().to_owned() }
        })
        .collect();
    Crowd { count: people.len(), people, missing: found.missing }
}
