//! What goes out to the other nodes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use natter_cluster::{
    LinkHandle, NodeTag, PublishError,
    message::{self, Broadcast, Message, Question},
};

use crate::{
    delivery::Delivery,
    error::EmitError,
    ids::{self, Place},
    namespace::NamespaceInner,
    roster::Target,
};

/// Rooms of one broadcast that each have their own subject; with more of them it goes to the whole namespace's.
const ROOM_SUBJECTS: usize = 16;

/// A target as it travels.
fn on_the_wire<'a>(namespace: &'a NamespaceInner, target: &'a Target) -> message::Target<'a> {
    message::Target {
        namespace: &namespace.name,
        rooms: target.rooms.iter().map(|room| &**room).collect(),
        except: target.except.iter().map(|room| &**room).collect(),
    }
}

/// Publishes a broadcast to the nodes that can have sockets it is meant for.
pub(crate) fn publish(
    link: &LinkHandle,
    namespace: &NamespaceInner,
    delivery: &Delivery,
) -> Result<(), EmitError> {
    let subjects = subjects_of(link, namespace, &delivery.target);
    if subjects.is_empty() {
        return Ok(());
    }
    let target = on_the_wire(namespace, &delivery.target);
    let packet = delivery.frames.as_bytes();
    let broadcast = Broadcast { target, volatile: delivery.volatile, packet };
    link.publish(subjects, &Message::Broadcast(broadcast)).map_err(|error| match error {
        PublishError::TooLarge { size, most } => EmitError::TooLarge { size, most },
        // Names that would make a subject too long have been left out.
        PublishError::Full | PublishError::Away | PublishError::LongSubject { .. } => EmitError::QueueFull,
    })
}

/// The node that a room's only socket lives on, when the room is that socket's id. A room that only looks like one names
/// no node of the cluster.
fn home_of(link: &LinkHandle, room: &str) -> Option<NodeTag> {
    let Place { node, .. } = ids::place_of(room)?;
    let known = node == link.own() || link.members().iter().any(|member| member.tag == node);
    known.then_some(node)
}

/// A room's own subject; of a room that is a socket's id the inbox of that socket's node, or nothing if it is this one.
fn subjects_of(link: &LinkHandle, namespace: &NamespaceInner, target: &Target) -> Vec<Arc<str>> {
    if target.rooms.is_empty() || target.rooms.len() > ROOM_SUBJECTS {
        return vec![link.subjects().all(&namespace.name)];
    }
    let mut subjects = Vec::with_capacity(target.rooms.len());
    let longest = namespace.server.options.limits.name_bytes;
    for room in &target.rooms {
        // Nobody could join it, and NATS ends the connection of who names a subject of more than 4 KiB.
        if room.len() > longest {
            continue;
        }
        let subject = match home_of(link, room) {
            Some(node) if node == link.own() => continue,
            Some(node) => link.subjects().node(node),
            None => link.subjects().room(&namespace.name, room),
        };
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// The nodes that can have sockets of the target: none means all of them.
fn nodes_of(link: &LinkHandle, target: &Target) -> Option<BTreeSet<NodeTag>> {
    if target.rooms.is_empty() {
        return None;
    }
    let homes: Option<BTreeSet<_>> = target.rooms.iter().map(|room| home_of(link, room)).collect();
    let mut nodes = homes?;
    nodes.remove(&link.own());
    Some(nodes)
}

/// What is asked about sockets.
pub(crate) enum Asking<'a> {
    Count,
    Fetch,
    Join(&'a [Arc<str>]),
    Leave(&'a [Arc<str>]),
    Disconnect { close: bool },
    Acks { packet: &'a [u8], volatile: bool },
}

/// The answers of the other nodes, and the names of those that did not answer.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// By the name of the node.
    pub answers: Vec<(Arc<str>, Bytes)>,
    pub missing: Vec<String>,
}

/// Asks the nodes that can have sockets of the target, when this is called. They have `timeout`, and their answers `late`
/// more to get here.
pub(crate) fn ask(
    link: &LinkHandle,
    namespace: &NamespaceInner,
    target: &Target,
    asking: &Asking<'_>,
    timeout: Duration,
    late: Duration,
) -> impl Future<Output = Heard> + Send + use<> {
    let wire = on_the_wire(namespace, target);
    let names = |rooms: &'_ [Arc<str>]| rooms.iter().map(|room| room.to_string()).collect::<Vec<_>>();
    let rooms = match asking {
        Asking::Join(rooms) | Asking::Leave(rooms) => names(rooms),
        _ => Vec::new(),
    };
    let rooms = rooms.iter().map(String::as_str).collect();
    let question = match asking {
        Asking::Count => Question::Count(wire),
        Asking::Fetch => Question::Fetch(wire),
        Asking::Join(_) => Question::Join { target: wire, rooms },
        Asking::Leave(_) => Question::Leave { target: wire, rooms },
        Asking::Disconnect { close } => Question::Disconnect { target: wire, close: *close },
        Asking::Acks { packet, volatile } => {
            Question::Acks(Broadcast { target: wire, volatile: *volatile, packet })
        }
    };
    hear(link, nodes_of(link, target), &question, timeout, late)
}

/// Puts a question to some nodes, or to all.
pub(crate) fn hear(
    link: &LinkHandle,
    nodes: Option<BTreeSet<NodeTag>>,
    question: &Question<'_>,
    timeout: Duration,
    late: Duration,
) -> impl Future<Output = Heard> + Send + use<> {
    // Taken now: of a node that goes meanwhile the name is still wanted.
    let members = link.members();
    let answers = link.ask(nodes.clone(), question, timeout, late);
    async move {
        let name = |tag: &NodeTag| {
            members
                .iter()
                .find(|member| member.tag == *tag)
                .map_or(tag.as_str(), |member| &member.name)
                .to_owned()
        };
        match answers.await {
            Some(answers) => Heard {
                answers: answers.answers.into_iter().map(|(tag, body)| (name(&tag).into(), body)).collect(),
                missing: answers.missing.iter().map(name).collect(),
            },
            // Nobody was asked.
            None => Heard {
                answers: Vec::new(),
                missing: match nodes {
                    Some(nodes) => nodes.iter().map(name).collect(),
                    None => members.iter().map(|member| member.name.clone()).collect(),
                },
            },
        }
    }
}
