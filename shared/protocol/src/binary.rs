//! Bytes as an argument, or anywhere inside one.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::scope;

/// Bytes that travel as an attachment of their packet, not as JSON: a `Buffer` or `ArrayBuffer` on the other side.
///
/// It may stand anywhere inside an argument: in structs, lists, maps and options. As part of [`Args`](crate::Args)
/// the bytes are shared, never copied. Outside of `Args` it serialises as its format writes bytes, and only formats
/// that know bytes can read it back.
///
/// Socket.IO protocol: Sending and receiving data; Packet encoding, "Format".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        scope::offer(&self.0);
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BinaryVisitor)
    }
}

struct BinaryVisitor;

impl<'de> Visitor<'de> for BinaryVisitor {
    type Value = Binary;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("binary data")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Binary, E> {
        Ok(Binary(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
        Ok(bytes.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Binary, A::Error> {
        let (mut placeholder, mut num) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "_placeholder" => placeholder = map.next_value::<serde_json::Value>()?.as_bool(),
                "num" => num = map.next_value::<serde_json::Value>()?.as_u64(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if placeholder != Some(true) {
            return Err(A::Error::custom("invalid type: object, expected binary data"));
        }
        let num = num.and_then(|num| usize::try_from(num).ok());
        scope::decoded(|args| args.attachments().get(num?).cloned())
            .flatten()
            .map(Binary)
            .ok_or_else(|| A::Error::custom("the placeholder of binary data names no attachment"))
    }
}
