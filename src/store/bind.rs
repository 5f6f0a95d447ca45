//! A row's fields as the values of a statement, without a text in between.

use std::fmt::{Display, Write as _};

use rusqlite::Statement;
use rusqlite::types::{Null, ToSql};
use serde::ser::{Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};

use super::StoreError;
use super::both::{Field, Kind};
use super::pools::{json, without_nul_char};

/// Binds each field to the parameter of its column: the first of `fields` is parameter 1. What the row does not
/// have stays as it is bound, what no column wants is passed over.
pub(super) fn bind_row<T: Serialize>(
    statement: &mut Statement<'_>,
    fields: &[Field],
    row: &T,
) -> Result<(), StoreError> {
    let binder = Binder {
        statement,
        fields,
        next: 0,
    };
    row.serialize(binder).map_err(|refused| refused.0)
}

/// Why a row cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Refused(StoreError);

impl serde::ser::Error for Refused {
    fn custom<T: Display>(words: T) -> Self {
        Self(StoreError::Data(words.to_string()))
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.into())
    }
}

fn no_row<T>() -> Result<T, Refused> {
    Err(Refused(StoreError::Data("it is no row".to_owned())))
}

fn no_value<T>() -> Result<T, Refused> {
    Err(Refused(StoreError::Data(
        "a column cannot hold a list or an object".to_owned(),
    )))
}

fn no_id<T>() -> Result<T, Refused> {
    Err(Refused(StoreError::Data("it is no id".to_owned())))
}

/// Takes a row apart.
struct Binder<'s, 'c> {
    statement: &'s mut Statement<'c>,
    fields: &'s [Field],
    /// Where the next field most likely is: rows list their fields in the order of the columns.
    next: usize,
}

impl Binder<'_, '_> {
    fn place(&self, name: &str) -> Option<usize> {
        let likely = self
            .fields
            .get(self.next)
            .is_some_and(|field| field.name == name);
        match likely {
            true => Some(self.next),
            false => self.fields.iter().position(|field| field.name == name),
        }
    }

    fn bind<T: Serialize + ?Sized>(&mut self, place: usize, value: &T) -> Result<(), Refused> {
        self.next = place + 1;
        let Some(field) = self.fields.get(place) else {
            return Ok(());
        };
        let mut cell = Cell {
            statement: self.statement,
            at: place + 1,
            kind: field.kind,
        };
        match field.kind {
            Kind::Json => match json(value).map_err(Refused)? {
                null if null == "null" => cell.put(Null),
                text => cell.put(text),
            },
            _ => value.serialize(cell),
        }
    }
}

macro_rules! refuse {
    ($refusal:ident: $($name:ident($($type:ty),*),)*) => { $(
        fn $name(self $(, _: $type)*) -> Result<Self::Ok, Self::Error> {
            $refusal()
        }
    )* };
}

macro_rules! refuse_lists {
    ($refusal:ident) => {
        type SerializeSeq = Impossible<Self::Ok, Refused>;
        type SerializeTuple = Impossible<Self::Ok, Refused>;
        type SerializeTupleStruct = Impossible<Self::Ok, Refused>;
        type SerializeTupleVariant = Impossible<Self::Ok, Refused>;
        type SerializeStructVariant = Impossible<Self::Ok, Refused>;
        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Refused> {
            $refusal()
        }
        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Refused> {
            $refusal()
        }
        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, Refused> {
            $refusal()
        }
        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Refused> {
            $refusal()
        }
        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Refused> {
            $refusal()
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, Refused> {
            $refusal()
        }
    };
}

impl Serializer for Binder<'_, '_> {
    type Ok = ();
    type Error = Refused;
    type SerializeStruct = Self;
    type SerializeMap = MapBinder<Self>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refused> {
        Ok(self)
    }
    // Rows with flattened parts come as maps.
    fn serialize_map(self, _: Option<usize>) -> Result<MapBinder<Self>, Refused> {
        Ok(MapBinder {
            binder: self,
            place: None,
        })
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }
    refuse! { no_row:
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]), serialize_none(),
        serialize_unit(), serialize_unit_struct(&'static str),
        serialize_unit_variant(&'static str, u32, &'static str),
    }
    refuse_lists!(no_row);
}

impl SerializeStruct for Binder<'_, '_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        match self.place(name) {
            Some(place) => self.bind(place, value),
            None => Ok(()),
        }
    }
    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

/// A row that comes as a map: each key is a field's name.
struct MapBinder<B> {
    binder: B,
    place: Option<usize>,
}

impl SerializeMap for MapBinder<Binder<'_, '_>> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.place = key.serialize(Name(&self.binder))?;
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        match self.place.take() {
            Some(place) => self.binder.bind(place, value),
            None => Ok(()),
        }
    }
    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

/// The column of a map's key.
struct Name<'b, 's, 'c>(&'b Binder<'s, 'c>);

impl Serializer for Name<'_, '_, '_> {
    type Ok = Option<usize>;
    type Error = Refused;
    type SerializeStruct = Impossible<Self::Ok, Refused>;
    type SerializeMap = Impossible<Self::Ok, Refused>;

    fn serialize_str(self, name: &str) -> Result<Option<usize>, Refused> {
        Ok(self.0.place(name))
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Refused> {
        value.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Refused> {
        value.serialize(self)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Refused> {
        no_row()
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refused> {
        no_row()
    }
    refuse! { no_row:
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_bytes(&[u8]), serialize_none(), serialize_unit(),
        serialize_unit_struct(&'static str), serialize_unit_variant(&'static str, u32, &'static str),
    }
    refuse_lists!(no_row);
}

/// One parameter and the kind of its column.
struct Cell<'s, 'c> {
    statement: &'s mut Statement<'c>,
    at: usize,
    kind: Kind,
}

impl Cell<'_, '_> {
    fn put(&mut self, value: impl ToSql) -> Result<(), Refused> {
        Ok(self.statement.raw_bind_parameter(self.at, value)?)
    }
}

/// A text that is short enough to need no memory of its own, such as a phone number.
#[derive(Default)]
struct Short {
    bytes: [u8; 32],
    len: usize,
}

impl Short {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl std::fmt::Write for Short {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.len + part.len();
        let place = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        place.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

macro_rules! integers {
    ($($name:ident($type:ty),)*) => { $(
        fn $name(mut self, value: $type) -> Result<(), Refused> {
            self.put(i64::from(value))
        }
    )* };
}

impl Serializer for Cell<'_, '_> {
    type Ok = ();
    type Error = Refused;
    type SerializeStruct = Impossible<(), Refused>;
    type SerializeMap = Impossible<(), Refused>;

    integers! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
    }
    fn serialize_u64(self, value: u64) -> Result<(), Refused> {
        let value = i64::try_from(value);
        let value = value.map_err(|error| Refused(StoreError::Data(error.to_string())))?;
        self.serialize_i64(value)
    }
    fn serialize_f32(self, value: f32) -> Result<(), Refused> {
        self.serialize_f64(value.into())
    }
    fn serialize_f64(mut self, value: f64) -> Result<(), Refused> {
        self.put(value)
    }
    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(mut self, text: &str) -> Result<(), Refused> {
        match self.kind {
            Kind::Id => no_id(),
            _ => self.put(&*without_nul_char(text)),
        }
    }
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Refused> {
        let mut short = Short::default();
        match write!(short, "{value}") {
            Ok(()) => self.serialize_str(short.text()),
            Err(_) => self.serialize_str(&value.to_string()),
        }
    }
    fn serialize_none(mut self) -> Result<(), Refused> {
        self.put(Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Refused> {
        self.serialize_none()
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.serialize_none()
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
    ) -> Result<(), Refused> {
        self.serialize_str(word)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Refused> {
        no_value()
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Refused> {
        no_value()
    }
    // Ids and UUIDs come as their 16 bytes, because this is no format for people.
    fn serialize_bytes(mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.put(bytes)
    }
    fn is_human_readable(&self) -> bool {
        false
    }
    refuse_lists!(no_value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Party;

    #[test]
    fn what_shows_itself_is_bound_whole_however_long() {
        #[derive(serde::Serialize)]
        struct Row {
            party: Party,
        }
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare("SELECT ?1").unwrap();
        let fields = [Field {
            name: "party",
            kind: Kind::Plain,
        }];
        let long = format!("raw:{}", "é".repeat(60));
        for text in ["+12025550143", "74454", "withheld", &long] {
            let party = Party::read(text);
            bind_row(&mut statement, &fields, &Row { party }).unwrap();
            let mut rows = statement.raw_query();
            let bound: String = rows.next().unwrap().unwrap().get(0).unwrap();
            assert_eq!(bound, text);
        }
    }
}
