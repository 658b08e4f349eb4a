//! Writes a value as the arguments of an event: a tuple on top level becomes several of them.

use std::io;

use bytes::Bytes;
use bytestring::ByteString;
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use crate::args::ARGS;
use crate::scope;

type Json<'w> = serde_json::Serializer<&'w mut Vec<u8>, Attaching>;
type Result<T, E = serde_json::Error> = std::result::Result<T, E>;

/// The JSON texts of the arguments with commas between, and how many there are.
pub(crate) fn arguments<T: Serialize + ?Sized>(value: &T) -> Result<(ByteString, usize)> {
    let mut text = Vec::with_capacity(64);
    let mut shape = Shape::One;
    value.serialize(Spread { json: &mut json(&mut text), shape: &mut shape })?;
    match shape {
        Shape::One => Ok((utf8(text.into())?, 1)),
        Shape::None => Ok((ByteString::new(), 0)),
        Shape::Tuple(count) => {
            // A tuple is written as an array; without its brackets it is a list of arguments.
            let text = Bytes::from(text);
            Ok((utf8(text.slice(1..text.len() - 1))?, count))
        }
    }
}

/// The JSON text of one argument.
pub(crate) fn argument<T: Serialize + ?Sized>(value: &T) -> Result<ByteString> {
    let mut text = Vec::with_capacity(64);
    value.serialize(&mut json(&mut text))?;
    utf8(text.into())
}

fn utf8(text: Bytes) -> Result<ByteString> {
    ByteString::try_from(text).map_err(serde_json::Error::custom)
}

fn json(text: &mut Vec<u8>) -> Json<'_> {
    serde_json::Serializer::with_formatter(text, Attaching(CompactFormatter))
}

/// Writes bytes as placeholders and attaches them, and everything else as compact JSON.
struct Attaching(CompactFormatter);

impl Formatter for Attaching {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        match scope::attach_slice(value) {
            Some(num) => write!(writer, "{{\"_placeholder\":true,\"num\":{num}}}"),
            None => self.0.write_byte_array(writer, value),
        }
    }
}

/// What the top level of a value turned out to be.
enum Shape {
    One,
    None,
    Tuple(usize),
}

/// The JSON serializer, but for noting what the top level of the value is.
struct Spread<'a, 'w> {
    json: &'a mut Json<'w>,
    shape: &'a mut Shape,
}

/// Methods that do nothing but hand over to the JSON serializer.
macro_rules! hand_over {
    ($($method:ident($($name:ident: $type:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<$ok> {
            self.json.$method($($name),*)
        }
    )*};
}

impl<'a, 'w> Serializer for Spread<'a, 'w> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = <&'a mut Json<'w> as Serializer>::SerializeSeq;
    type SerializeTuple = <&'a mut Json<'w> as Serializer>::SerializeTuple;
    type SerializeTupleStruct = <&'a mut Json<'w> as Serializer>::SerializeTupleStruct;
    type SerializeTupleVariant = <&'a mut Json<'w> as Serializer>::SerializeTupleVariant;
    type SerializeMap = <&'a mut Json<'w> as Serializer>::SerializeMap;
    type SerializeStruct = <&'a mut Json<'w> as Serializer>::SerializeStruct;
    type SerializeStructVariant = <&'a mut Json<'w> as Serializer>::SerializeStructVariant;

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
        *self.shape = Shape::Tuple(len);
        self.json.serialize_tuple(len)
    }

    fn serialize_unit(self) -> Result<()> {
        *self.shape = Shape::None;
        Ok(())
    }

    hand_over! {
        serialize_bool(value: bool) -> ();
        serialize_i8(value: i8) -> ();
        serialize_i16(value: i16) -> ();
        serialize_i32(value: i32) -> ();
        serialize_i64(value: i64) -> ();
        serialize_i128(value: i128) -> ();
        serialize_u8(value: u8) -> ();
        serialize_u16(value: u16) -> ();
        serialize_u32(value: u32) -> ();
        serialize_u64(value: u64) -> ();
        serialize_u128(value: u128) -> ();
        serialize_f32(value: f32) -> ();
        serialize_f64(value: f64) -> ();
        serialize_char(value: char) -> ();
        serialize_str(value: &str) -> ();
        serialize_bytes(value: &[u8]) -> ();
        serialize_none() -> ();
        serialize_unit_struct(name: &'static str) -> ();
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> ();
        serialize_seq(len: Option<usize>) -> Self::SerializeSeq;
        serialize_tuple_struct(name: &'static str, len: usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> Self::SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> Self::SerializeMap;
        serialize_struct(name: &'static str, len: usize) -> Self::SerializeStruct;
        serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        ) -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.json.serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        if name == ARGS {
            // On top level, arguments that came go on as they are.
            *self.shape = Shape::Tuple(scope::count());
        }
        self.json.serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.json.serialize_newtype_variant(name, index, variant, value)
    }
}
