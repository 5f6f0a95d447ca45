//! A YAML text as a tree that knows where each value stands, so that every mistake can be shown in place.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

/// Bytes of a configuration's or an organisation's file; far above any sensible one.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// A value and the bytes it was written in.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) value: Value,
}

/// A key of a map and the bytes it was written in.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Value {
    /// What it is, for a sentence "expected …, found …".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// The tree of a text, or what is wrong with its YAML: where, and in what words.
pub(super) fn parse(text: &str) -> Result<Node, (Range<usize>, String)> {
    if text.len() > FILE_BYTES_MAX {
        return Err((
            0..0,
            format!("the file is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    let options = serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        merge_keys: serde_yaml::options::MergeKeyPolicy::AsOrdinary,
        budget: serde_yaml::budget! { max_documents: 1, max_anchors: 50, max_nodes: 20_000, max_depth: 40 },
    };
    serde_yaml::from_str_with_options::<Spanned<Value>>(text, options)
        .map(node)
        .map_err(|error| {
            let at = error
                .location()
                .map_or(0..0, |location| place(text, location));
            (at, words(error.without_snippet()))
        })
}

fn node(spanned: Spanned<Value>) -> Node {
    Node {
        at: range(spanned.referenced),
        value: spanned.value,
    }
}

fn range(location: Location) -> Range<usize> {
    let start = location.span().byte_offset().unwrap_or(0);
    let end = start + location.span().byte_len().unwrap_or(0);
    usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0)
}

/// Where an error is; some errors know only line and column.
fn place(text: &str, location: Location) -> Range<usize> {
    if location.span().byte_offset().is_some() {
        return range(location);
    }
    let line = usize::try_from(location.line())
        .unwrap_or(1)
        .saturating_sub(1);
    let column = usize::try_from(location.column())
        .unwrap_or(1)
        .saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("").chars();
    let start = start + rest.take(column).map(char::len_utf8).sum::<usize>();
    start..start
}

/// An error in words for users, without the place, which is shown apart.
fn words(error: &serde_yaml::Error) -> String {
    let words = error.render_with_formatter(&serde_yaml::UserMessageFormatter);
    let place = error
        .location()
        .map(|at| format!(" at line {}, column {}", at.line(), at.column()));
    match place.and_then(|place| words.find(&place)) {
        Some(end) => words[..end].to_owned(),
        None => words,
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = from.next_element::<Spanned<Value>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = from.next_key::<Spanned<String>>()? {
            let key = Key {
                at: range(key.referenced),
                text: key.value,
            };
            map.push((key, node(from.next_value()?)));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place() {
        let text = "a: 1\nb:\n  - x: \"10\"\n  - yes\nc: { d: true }\n";
        let Value::Map(map) = parse(text).unwrap().value else {
            panic!("a map");
        };
        assert_eq!(&text[map[0].1.at.clone()], "1");
        let Value::List(list) = &map[1].1.value else {
            panic!("a list");
        };
        let Value::Map(inner) = &list[0].value else {
            panic!("a map");
        };
        assert_eq!(&text[inner[0].0.at.clone()], "x");
        assert!(matches!(&inner[0].1.value, Value::Text(t) if t == "10"));
        assert!(matches!(&list[1].value, Value::Text(t) if t == "yes"));
        let Value::Map(inner) = &map[2].1.value else {
            panic!("a map");
        };
        assert_eq!(&text[inner[0].1.at.clone()], "true");
        assert!(matches!(inner[0].1.value, Value::Bool(true)));
    }

    #[test]
    fn broken_yaml_tells_where() {
        let (at, words) = parse("a: 1\na: 2\n").unwrap_err();
        assert_eq!(at.start, 5, "{words}");
        assert!(parse("a: [1, 2\nb: 3\n").is_err());
        assert!(parse(&"[".repeat(5000)).is_err());
    }
}
