//! The deserializers behind [`Args::get`](crate::Args::get) and [`Args::parse`](crate::Args::parse).

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::args::{ARGS, Args};
use crate::error::ArgsError;
use crate::json::Values;

/// All arguments: spread over a tuple, or the first one for any other type.
pub(crate) struct Whole<'a>(pub &'a Args);

/// Methods that do nothing but hand the first argument over.
macro_rules! first_argument {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, ArgsError> {
            match self.0.raw(0) {
                Some(json) => serde_json::Deserializer::from_str(json)
                    .$method($($name,)* visitor)
                    .map_err(|source| ArgsError::Invalid { index: 0, source }),
                None => Missing(0).$method($($name,)* visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Whole<'de> {
    type Error = ArgsError;

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_seq(OneByOne { values: self.0.values(), index: 0 })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        if name == ARGS {
            return visitor.visit_unit();
        }
        match self.0.raw(0) {
            Some(json) => serde_json::Deserializer::from_str(json)
                .deserialize_newtype_struct(name, visitor)
                .map_err(|source| ArgsError::Invalid { index: 0, source }),
            None => Err(ArgsError::Missing(0)),
        }
    }

    first_argument! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_unit_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }
}

/// The arguments for the fields of a tuple, and a [`Missing`] one for each field beyond them.
struct OneByOne<'a> {
    values: Values<'a>,
    index: usize,
}

impl<'de> SeqAccess<'de> for OneByOne<'de> {
    type Error = ArgsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ArgsError> {
        let index = self.index;
        self.index += 1;
        match self.values.next() {
            Some(json) => seed
                .deserialize(&mut serde_json::Deserializer::from_str(json))
                .map(Some)
                .map_err(|source| ArgsError::Invalid { index, source }),
            None => seed.deserialize(Missing(index)).map(Some),
        }
    }
}

/// An argument that is not there: `None` where that is a value, an error elsewhere.
pub(crate) struct Missing(pub usize);

impl<'de> Deserializer<'de> for Missing {
    type Error = ArgsError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, ArgsError> {
        Err(ArgsError::Missing(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_none()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}
