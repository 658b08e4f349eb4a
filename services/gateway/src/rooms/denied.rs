//! Every reason for which a request of the room protocol is turned down, as the client reads it.

use std::fmt;

use natter::{EmitError, JoinError};

use crate::policy::Right;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// An argument is missing or is something else than text.
    NotText(&'static str),
    /// A name is the empty text.
    Empty(&'static str),
    /// A name is longer than so many bytes.
    TooLong(&'static str, usize),
    /// A person's name has a line break or another control character in it.
    ControlCharacter,
    /// The event is one that Socket.IO or this node sends by itself.
    Reserved(String),
    /// The room begins with the prefix under which presence travels.
    Presence,
    /// Joining it would be reading another's messages; one's own cannot be left.
    SomeonesOwn,
    /// The policy says no.
    Policy(Right, String),
    /// The library said no.
    Join(JoinError),
    /// The library could not send it on.
    Relay(EmitError),
    /// The node is about to end.
    Leaving,
    /// The data has no valid form.
    Data(String),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText(what) => write!(f, "the {what} must be given as a text"),
            Self::Empty(what) => write!(f, "the {what} is empty"),
            Self::TooLong(what, most) => write!(f, "the {what} is longer than {most} bytes"),
            Self::ControlCharacter => f.write_str("a name has no control characters"),
            Self::Reserved(event) => write!(f, "the event name {event:?} is reserved"),
            Self::Presence => f.write_str("rooms that begin with \"people:\" are reserved; use watch"),
            Self::SomeonesOwn => f.write_str("this room is a socket's own"),
            Self::Policy(Right::Join, room) => write!(f, "the policy does not allow joining {room:?}"),
            Self::Policy(Right::Publish, room) => {
                write!(f, "the policy does not allow publishing to {room:?}")
            }
            Self::Join(error) => error.fmt(f),
            Self::Relay(error) => error.fmt(f),
            Self::Leaving => f.write_str("the node is leaving"),
            Self::Data(error) => write!(f, "the data cannot be sent on: {error}"),
        }
    }
}

impl From<JoinError> for Denied {
    fn from(error: JoinError) -> Self {
        Self::Join(error)
    }
}

impl From<EmitError> for Denied {
    fn from(error: EmitError) -> Self {
        Self::Relay(error)
    }
}
