//! A row's columns as a value, without a text in between: what [`super::bind`] binds, read back.

use std::fmt::Display;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::StoreError;
use super::both::{Field, Kind};

/// Reads the columns from `first` on, each into the field of its place. A column without a value is a field that is
/// not there.
pub(super) fn read_row<T: DeserializeOwned>(
    table: &'static str,
    row: &Row<'_>,
    first: usize,
    fields: &[Field],
) -> Result<T, StoreError> {
    let columns = Columns {
        row,
        first,
        fields,
        next: 0,
    };
    T::deserialize(columns).map_err(|error| StoreError::Corrupt {
        table,
        row: name(row, first),
        words: error.0,
    })
}

/// The id of a row that cannot be read; nothing else of it may stand in an error.
fn name(row: &Row<'_>, first: usize) -> String {
    let id: Option<[u8; 16]> = row.get(first).ok();
    id.map_or_else(
        || "?".to_owned(),
        |id| uuid::Uuid::from_bytes(id).to_string(),
    )
}

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreadable(String);

impl serde::de::Error for Unreadable {
    fn custom<T: Display>(words: T) -> Self {
        Self(words.to_string())
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// A row as an object.
struct Columns<'r, 'c> {
    row: &'r Row<'c>,
    first: usize,
    fields: &'r [Field],
    next: usize,
}

impl<'r> Columns<'r, '_> {
    fn value(&self, at: usize) -> Result<ValueRef<'r>, Unreadable> {
        let value = self.row.get_ref(self.first + at);
        value.map_err(|error| Unreadable(error.to_string()))
    }
}

impl<'de> Deserializer<'de> for Columns<'de, '_> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_map(self)
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Columns<'de, '_> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unreadable> {
        while let Some(field) = self.fields.get(self.next) {
            if self.value(self.next)? != ValueRef::Null {
                let name: StrDeserializer<'_, Unreadable> = field.name.into_deserializer();
                return seed.deserialize(name).map(Some);
            }
            self.next += 1;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Unreadable> {
        let at = self.next;
        self.next += 1;
        let kind = self.fields.get(at).map_or(Kind::Plain, |field| field.kind);
        let value = self.value(at)?;
        seed.deserialize(Value { value, kind })
    }
}

/// One column that has a value.
struct Value<'r> {
    value: ValueRef<'r>,
    kind: Kind,
}

impl<'r> Value<'r> {
    fn text(&self) -> Result<&'r str, Unreadable> {
        let text = self.value.as_str();
        text.map_err(|error| Unreadable(error.to_string()))
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.kind == Kind::Json {
            let mut json = serde_json::Deserializer::from_str(self.text()?);
            return Ok(json.deserialize_any(visitor)?);
        }
        match self.value {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(int) if self.kind == Kind::Bool => visitor.visit_bool(int != 0),
            ValueRef::Integer(int) => visitor.visit_i64(int),
            ValueRef::Real(real) => visitor.visit_f64(real),
            ValueRef::Text(_) => visitor.visit_str(self.text()?),
            ValueRef::Blob(bytes) => visitor.visit_bytes(bytes),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if self.kind == Kind::Json {
            let mut json = serde_json::Deserializer::from_str(self.text()?);
            return Ok(json.deserialize_enum(name, variants, visitor)?);
        }
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    // Ids and UUIDs stand as their 16 bytes.
    fn is_human_readable(&self) -> bool {
        self.kind == Kind::Json
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
