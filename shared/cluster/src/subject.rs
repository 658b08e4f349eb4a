//! The subjects of a cluster: the only place where they are put together.
//!
//! ```text
//! natter.<cluster>.room.<namespace>.<room>   one room's broadcasts: nodes with members subscribe
//! natter.<cluster>.all.<namespace>           broadcasts to a whole namespace: nodes with sockets in it subscribe
//! natter.<cluster>.node.<tag>                a node's inbox: emits to one of its sockets, questions, answers
//! natter.<cluster>.nodes                     heartbeats and goodbyes
//! natter.<cluster>.program.<random>          below it, what a program needs for itself while it emits
//! ```
//!
//! In each name every byte but ASCII letters, digits, `-` and `_` stands as `%` and two upper-case hexadecimal digits, so
//! no name can be a wildcard or reach into another token. A name without a byte is `%` alone.

use std::{fmt::Write, sync::Arc};

use crate::identity::NodeTag;

/// Makes the subjects of one cluster.
#[derive(Clone, Debug)]
pub struct Subjects {
    prefix: Arc<str>,
}

impl Subjects {
    /// Those of the cluster of that name.
    pub fn of(cluster: &str) -> Self {
        let mut prefix = String::from("natter.");
        encode(&mut prefix, cluster);
        prefix.push('.');
        Self { prefix: prefix.into() }
    }

    /// One room's.
    pub fn room(&self, namespace: &str, room: &str) -> Arc<str> {
        let mut subject = String::with_capacity(self.prefix.len() + namespace.len() + room.len() + 16);
        subject.push_str(&self.prefix);
        subject.push_str("room.");
        encode(&mut subject, namespace);
        subject.push('.');
        encode(&mut subject, room);
        subject.into()
    }

    /// A whole namespace's.
    pub fn all(&self, namespace: &str) -> Arc<str> {
        let mut subject = format!("{}all.", self.prefix);
        encode(&mut subject, namespace);
        subject.into()
    }

    /// A node's inbox.
    pub fn node(&self, tag: NodeTag) -> Arc<str> {
        format!("{}node.{tag}", self.prefix).into()
    }

    /// The inbox of the node that a socket lives on, as its id says; none if it is no id.
    pub fn node_of(&self, socket: &str) -> Option<Arc<str>> {
        NodeTag::at_start_of(socket).map(|tag| self.node(tag))
    }

    /// A program's own.
    pub fn program(&self, token: &str) -> Arc<str> {
        let mut subject = format!("{}program.", self.prefix);
        encode(&mut subject, token);
        subject.into()
    }

    /// Where all nodes hear of each other.
    pub fn nodes(&self) -> Arc<str> {
        format!("{}nodes", self.prefix).into()
    }
}

fn encode(subject: &mut String, name: &str) {
    if name.is_empty() {
        subject.push('%');
    }
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => subject.push(char::from(byte)),
            _ => write!(subject, "%{byte:02X}").expect("invariant: writing to a string does not fail"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_token() {
        let subjects = Subjects::of("my.cluster");
        assert_eq!(&*subjects.room("/chat", "news"), "natter.my%2Ecluster.room.%2Fchat.news");
        assert_eq!(&*subjects.room("/", "a.>"), "natter.my%2Ecluster.room.%2F.a%2E%3E");
        assert_eq!(&*subjects.room("/", "*"), "natter.my%2Ecluster.room.%2F.%2A");
        assert_eq!(&*subjects.room("/", "\r\nPUB x 0"), "natter.my%2Ecluster.room.%2F.%0D%0APUB%20x%200");
        assert_eq!(&*subjects.room("/", ""), "natter.my%2Ecluster.room.%2F.%");
        assert_eq!(&*subjects.room("/", "ü"), "natter.my%2Ecluster.room.%2F.%C3%BC");
    }

    #[test]
    fn different_names_have_different_subjects() {
        let subjects = Subjects::of("natter");
        let names = ["", "%", "%25", "a", "A", "a b", "a%20b", "a.b", "a_b"];
        let distinct: std::collections::HashSet<_> = names.map(|name| subjects.room("/", name)).into();
        assert_eq!(distinct.len(), names.len());
    }
}
