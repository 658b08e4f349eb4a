//! The arguments of an event or an ack: JSON text that is passed on byte for byte, and the attachments it names.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{ArgsError, EncodeError};
use crate::json::{self, Values};
use crate::placeholder::{all_named, shifted};
use crate::{scope, spread, take};

/// The arguments behind an event's name, or those of an ack. Cloning shares everything.
///
/// The JSON text is kept as the client sent it, so relaying loses nothing that only JavaScript can express; it is
/// parsed when a handler asks for its types with [`get`](Self::get) or [`parse`](Self::parse).
///
/// Socket.IO protocol: Sending and receiving data, Acknowledgement. Binary data is taken out as Packet encoding,
/// "Format" says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// Values separated by commas, without the brackets around them.
    json: ByteString,
    /// How many values there are.
    count: usize,
    attachments: Option<Arc<[Bytes]>>,
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// The arguments a value stands for. A tuple on top level is spread into one argument for each of its fields,
    /// and so is an array of fixed size, which serde cannot tell from a tuple; `()` is no argument; anything else is
    /// one argument (a tuple struct too, as an array).
    ///
    /// Bytes anywhere inside (whatever serialises as bytes: [`Binary`](crate::Binary), `bytes::Bytes`, `serde_bytes`)
    /// become attachments; only `Binary` and `Args` share them instead of copying. Floats that are not finite become
    /// `null`, as in `JSON.stringify`; map keys that are numbers become strings. Neither size nor nesting has a limit
    /// here.
    ///
    /// # Errors
    /// A `Serialize` that fails, a map key that cannot be a string, or an object that poses as a placeholder.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let (result, attachments) = scope::encoding(|| spread::arguments(value));
        let (json, count) = result?;
        Self::checked(json, count, attachments)
    }

    /// The one argument a value is: unlike with [`of`](Self::of), a tuple stays together as an array.
    ///
    /// # Errors
    /// As for `of`.
    pub fn one<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let (result, attachments) = scope::encoding(|| spread::argument(value));
        Self::checked(result?, 1, attachments)
    }

    /// Arguments that are JSON text already, as another node or an HTTP API hands them over: a whole array,
    /// brackets included, whose items become the arguments byte for byte.
    ///
    /// # Errors
    /// A text that is no JSON array or is nested deeper than 256 levels, or a placeholder that names no attachment
    /// when there are any.
    pub fn from_json(array: &str, attachments: Vec<Bytes>) -> Result<Self, EncodeError> {
        let found = json::array(array, json::DEPTH_MAX, usize::MAX).map_err(|_| EncodeError::NotAnArray)?;
        let inside = &array[found.inside.0..found.inside.1];
        Self::checked(inside.into(), found.items, attachments)
    }

    /// Arguments whose parts are known to fit: the JSON is valid, counted, and names only what is attached.
    pub(crate) fn from_parts(json: ByteString, count: usize, attachments: Vec<Bytes>) -> Self {
        Self { json, count, attachments: (!attachments.is_empty()).then(|| attachments.into()) }
    }

    /// Adds the attachments that the text was judged against when it came.
    pub(crate) fn attach(&mut self, attachments: Vec<Bytes>) {
        self.attachments = Some(attachments.into());
    }

    /// A forged placeholder harms nobody as long as there are no attachments: it is an ordinary object then. Beside
    /// attachments it would make receivers close their connections, so it is refused.
    fn checked(json: ByteString, count: usize, attachments: Vec<Bytes>) -> Result<Self, EncodeError> {
        if !attachments.is_empty() && !all_named(&json, attachments.len()) {
            return Err(EncodeError::Placeholder);
        }
        Ok(Self::from_parts(json, count, attachments))
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no argument.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The JSON texts of all arguments with commas between, without brackets around them.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// What the placeholders of the text stand for, by their numbers.
    pub fn attachments(&self) -> &[Bytes] {
        self.attachments.as_deref().unwrap_or_default()
    }

    /// The JSON text of one argument, counted from 0; none beyond the last. Takes time in proportion to the text before
    /// it.
    pub fn raw(&self, index: usize) -> Option<&str> {
        self.values().nth(index)
    }

    /// The JSON texts of the arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.values()
    }

    pub(crate) fn values(&self) -> Values<'_> {
        Values::new(&self.json, self.count)
    }

    /// One argument, counted from 0, as a type. A missing one is `None` for an `Option`.
    ///
    /// # Errors
    /// The argument is missing, of another type, or nested deeper than serde_json reads into types (127 levels).
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgsError> {
        scope::decoding(self, || match self.raw(index) {
            Some(json) => serde_json::from_str(json).map_err(|source| ArgsError::Invalid { index, source }),
            None => T::deserialize(take::Missing(index)),
        })
    }

    /// All arguments as a type: a tuple (or an array of fixed size) takes them one by one, where a missing one is
    /// `None` for an `Option` and those beyond are ignored; `()` takes any; `Args` takes them as they are; any other
    /// type takes the first.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ArgsError> {
        scope::decoding(self, || T::deserialize(take::Whole(self)))
    }

    /// The same arguments behind a new first one. A tuple stays together as one argument.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn with_first<T: Serialize + ?Sized>(&self, first: &T) -> Result<Self, EncodeError> {
        Self::one(first)?.concat(self)
    }

    /// These arguments and then those of `more`. The placeholders of `more` are renumbered when both have
    /// attachments; the rest of the text stays byte for byte.
    ///
    /// # Errors
    /// Only one side has attachments and the other an object that poses as a placeholder.
    pub fn concat(&self, more: &Self) -> Result<Self, EncodeError> {
        if self.is_empty() && self.attachments.is_none() {
            return Ok(more.clone());
        }
        if more.is_empty() && more.attachments.is_none() {
            return Ok(self.clone());
        }
        let (mine, theirs) = (self.attachments(), more.attachments());
        if mine.len() + theirs.len() > 0
            && !(all_named(&self.json, mine.len()) && all_named(&more.json, theirs.len()))
        {
            return Err(EncodeError::Placeholder);
        }
        let mut json = String::with_capacity(self.json.len() + 1 + more.json.len());
        json.push_str(&self.json);
        if !self.is_empty() && !more.is_empty() {
            json.push(',');
        }
        if mine.is_empty() || theirs.is_empty() {
            json.push_str(&more.json);
        } else {
            json.push_str(&shifted(&more.json, mine.len()));
        }
        Ok(Self::from_parts(json.into(), self.count + more.count, [mine, theirs].concat()))
    }
}

/// The name under which `Args` asks its deserializer for itself.
pub(crate) const ARGS: &str = "$natter::Args";

impl Serialize for Args {
    /// As an array of the arguments, byte for byte; given to [`Args::of`] itself, as these arguments. Attachments are
    /// carried along inside of [`Args::of`]; elsewhere there is no place for them, which is an error.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = String::with_capacity(self.json.len() + 2);
        json.push('[');
        match scope::attach(self.attachments()) {
            Some(first) if first > 0 && !self.attachments().is_empty() => {
                json.push_str(&shifted(&self.json, first));
            }
            None if !self.attachments().is_empty() => {
                return Err(S::Error::custom("attachments can only be carried by Args::of"));
            }
            _ => json.push_str(&self.json),
        }
        json.push(']');
        let array = RawValue::from_string(json).map_err(S::Error::custom)?;
        scope::set_count(self.count);
        serializer.serialize_newtype_struct(ARGS, &array)
    }
}

impl<'de> Deserialize<'de> for Args {
    /// Inside of [`Args::parse`] all arguments, or those of an array that is itself an argument.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ARGS, ArgsVisitor)
    }
}

struct ArgsVisitor;

impl<'de> Visitor<'de> for ArgsVisitor {
    type Value = Args;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of arguments")
    }

    /// Only [`take::Whole`] answers with a unit: all arguments are wanted.
    fn visit_unit<E: serde::de::Error>(self) -> Result<Args, E> {
        scope::decoded(Args::clone).ok_or_else(|| E::custom("there are no arguments outside of Args::parse"))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Args, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let found = json::array(text, json::DEPTH_MAX, usize::MAX)
            .map_err(|_| D::Error::custom("expected an array of arguments"))?;
        let attachments = scope::decoded(|args| args.attachments.clone()).flatten();
        Ok(Args { json: text[found.inside.0..found.inside.1].into(), count: found.items, attachments })
    }
}
