//! The events of clients, one function each: read the arguments, ask the policy, do it, answer.

use std::sync::Arc;

use natter::{Ack, Args, EmitError, Socket, State, is_socket_id};
use serde::{Serialize, Serializer};

use super::{
    House,
    answer::{Answer, Done},
    denied::Denied,
    names,
    people::{self, Crowd},
};
use crate::policy::Right;

/// `join` (room, ack)
pub async fn join(socket: Socket, args: Args, ack: Ack, State(house): State<House>) -> Result<(), EmitError> {
    answer(&ack, joined(&socket, &args, &house).await)
}

async fn joined(socket: &Socket, args: &Args, house: &House) -> Result<Done, Denied> {
    let room = room(args, house, Right::Join)?;
    // Also one that nobody has: while nodes are apart, none of them could say so of another one's socket.
    if is_socket_id(&room) {
        return Err(Denied::SomeonesOwn);
    }
    let is_in = || socket.rooms().contains(&room);
    let was_in = is_in();
    // Who is in already waits all the same: an earlier join may still be under way.
    socket.join(room.as_str()).await?;
    // It may have left meanwhile, and then that has been told.
    if !was_in && socket.connected() && is_in() {
        // The join has succeeded, whether or not those who watch the room could be told.
        if let Err(error) = people::tell(socket, "joined", &room) {
            tracing::warn!(%error, "a room was not told who joined");
        }
    }
    Ok(Done {})
}

/// `leave` (room, ack)
pub async fn leave(
    socket: Socket,
    args: Args,
    ack: Ack,
    State(house): State<House>,
) -> Result<(), EmitError> {
    answer(&ack, left(&socket, &args, &house))
}

fn left(socket: &Socket, args: &Args, house: &House) -> Result<Done, Denied> {
    let room = text(args, 0, "room")?;
    house.names.room(&room)?;
    if room == socket.id() {
        return Err(Denied::SomeonesOwn);
    }
    if socket.rooms().contains(&room) {
        socket.leave(room.as_str());
        if let Err(error) = people::tell(socket, "left", &room) {
            tracing::warn!(%error, "a room was not told who left");
        }
    }
    people::unwatch(socket, &room);
    Ok(Done {})
}

/// `publish` (room, event, ...data, ack)
pub async fn publish(
    socket: Socket,
    args: Args,
    ack: Ack,
    State(house): State<House>,
) -> Result<(), EmitError> {
    answer(&ack, published(&socket, &args, &house))
}

fn published(socket: &Socket, args: &Args, house: &House) -> Result<Done, Denied> {
    let room = room(args, house, Right::Publish)?;
    let event = text(args, 1, "event")?;
    house.names.event(&event)?;
    // The texts as they came: a number that no float holds arrives as it was sent.
    let data = format!("[{}]", args.iter().skip(2).collect::<Vec<_>>().join(","));
    let data = Args::from_json(&data, args.attachments().to_vec())
        .map_err(|error| Denied::Data(error.to_string()))?;
    socket.to(room).emit(&event, data)?;
    Ok(Done {})
}

/// `who` (room, ack)
pub async fn who(socket: Socket, args: Args, ack: Ack, State(house): State<House>) -> Result<(), EmitError> {
    answer(&ack, crowd(&socket, &args, &house).await)
}

async fn crowd(socket: &Socket, args: &Args, house: &House) -> Result<Seen, Denied> {
    let room = room(args, house, Right::Join)?;
    seen(socket, &room, house).await
}

async fn seen(socket: &Socket, room: &str, house: &House) -> Result<Seen, Denied> {
    house.crowds.of(&socket.namespace(), room).await.map(Seen).ok_or(Denied::Leaving)
}

/// What everyone gets who asked during the same look.
struct Seen(Arc<Crowd>);

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// `watch` (room, ack)
pub async fn watch(
    socket: Socket,
    args: Args,
    ack: Ack,
    State(house): State<House>,
) -> Result<(), EmitError> {
    answer(&ack, watched(&socket, &args, &house).await)
}

/// Watches before it looks: who comes in between is told twice rather than not at all.
async fn watched(socket: &Socket, args: &Args, house: &House) -> Result<Seen, Denied> {
    let room = room(args, house, Right::Join)?;
    people::watch(socket, &room).await?;
    seen(socket, &room, house).await
}

/// `unwatch` (room, ack)
pub async fn unwatch(
    socket: Socket,
    args: Args,
    ack: Ack,
    State(house): State<House>,
) -> Result<(), EmitError> {
    let room = text(&args, 0, "room").and_then(|room| house.names.room(&room).map(|()| room));
    answer(
        &ack,
        room.map(|room| {
            people::unwatch(&socket, &room);
            Done {}
        }),
    )
}

/// `name` (name, ack)
pub async fn name(socket: Socket, args: Args, ack: Ack) -> Result<(), EmitError> {
    answer(&ack, named(&socket, &args))
}

fn named(socket: &Socket, args: &Args) -> Result<people::Person, Denied> {
    let name = names::person(&text(args, 0, "name")?)?;
    people::rename(socket, name)?;
    Ok(people::person(socket))
}

/// `whoami` (ack)
pub async fn whoami(socket: Socket, ack: Ack) -> Result<(), EmitError> {
    answer(&ack, Ok(people::person(&socket)))
}

/// The room in the first argument, when the policy allows this there.
fn room(args: &Args, house: &House, right: Right) -> Result<String, Denied> {
    let room = text(args, 0, "room")?;
    house.names.room(&room)?;
    if house.policy.allows(right, &room) { Ok(room) } else { Err(Denied::Policy(right, room)) }
}

fn text(args: &Args, index: usize, what: &'static str) -> Result<String, Denied> {
    args.get(index).map_err(|_| Denied::NotText(what))
}

/// A client that asked for no acknowledgement is told nothing; for the operator the reason is in the log.
fn answer<T: Serialize>(ack: &Ack, result: Result<T, Denied>) -> Result<(), EmitError> {
    if let Err(why) = &result {
        tracing::debug!(%why, "a request was turned down");
    }
    if ack.is_expected() { ack.send(Answer::from(result)) } else { Ok(()) }
}
