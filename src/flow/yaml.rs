//! A flow file as it was written: a tree whose every value and key knows its place.
//!
//! A derived deserializer would stop at the first key it does not know. Faults are to be found in one
//! pass, so the file is read into this tree, which only YAML's own rules can refuse, and the rest is
//! judged by hand ([`super::reader`]). The tree keeps scalars as they were spelled: `+12025550143` and
//! `007` are not numbers before somebody asks for one.

mod complaint;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

use self::complaint::syntax;
use super::Fault;

/// The longest flow file; `limits.flow_file_bytes_max` can only be set to less.
pub const SOURCE_BYTES_MAX: usize = 256 * 1024;

/// The values of a flow file, what an alias stands for counted each time.
pub(crate) const NODES_MAX: usize = 20_000;
/// Bytes of the texts of a flow file, what an alias stands for counted each time.
const TEXT_BYTES_MAX: usize = 2 * SOURCE_BYTES_MAX;
/// Anchors (`&name`) of a flow file.
const ANCHORS_MAX: usize = 50;
/// How deep a flow file is nested.
const DEPTH_MAX: usize = 40;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct At {
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
    /// Bytes of the source.
    pub(crate) span: Range<usize>,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: At,
}

impl Node {
    /// The value of a key, where this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(pairs) = &self.value else {
            return None;
        };
        let found = pairs.iter().find(|(have, _)| have.text == key);
        found.map(|(_, value)| value)
    }

    /// The word or text behind a key.
    pub(crate) fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.scalar()
    }

    /// The word or text that this is.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// What stands there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// One word or text.
    Scalar {
        /// As spelled, or without its quotes.
        text: String,
        /// It is spelled as YAML's bare `true`, `false` or a number, not as a text.
        bare: bool,
    },
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{a: b}`, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: At,
}

/// The text of a file.
///
/// # Errors
/// It is not written in UTF-8. The fault's place is that in the text with a sign in place of each wrong letter.
pub fn text_of<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| {
        let shown = String::from_utf8_lossy(bytes);
        let odd = error.valid_up_to();
        let length = char::REPLACEMENT_CHARACTER.len_utf8();
        let at = super::reader::at_byte(&shown, odd..odd + length);
        let words = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this file is written in UTF-16",
            _ => "this file is not written in UTF-8",
        };
        Fault::new(file, &at, "encoding", words).with_help("save it as UTF-8")
    })
}

/// Reads a file. A key that stands twice in a mapping is still there twice, see [`take_repeated`].
pub(crate) fn read(file: &str, source: &str) -> Result<Node, Fault> {
    if source.len() > SOURCE_BYTES_MAX {
        let words = format!("a flow file has at most {SOURCE_BYTES_MAX} bytes");
        return Err(Fault::new(file, &At::default(), "too-large", words));
    }
    let options = serde_yaml::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        merge_keys: serde_yaml::options::MergeKeyPolicy::AsOrdinary,
        duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::PassThrough,
        budget: serde_yaml::budget! {
            max_documents: 1,
            max_anchors: ANCHORS_MAX,
            max_nodes: NODES_MAX,
            max_total_scalar_bytes: TEXT_BYTES_MAX,
            max_depth: DEPTH_MAX,
        },
    };
    let body = source.strip_prefix(BYTE_ORDER_MARK).unwrap_or(source);
    let source = Source {
        text: source,
        skipped: source.len() - body.len(),
    };
    if let Some((at, odd)) = control_character(source) {
        return Err(unseen(file, &at, odd));
    }
    if let Some((at, odd)) = odd_blank(source) {
        let odd = u32::from(odd);
        let words = format!("the blank that begins this line is none to YAML (U+{odd:04X})");
        let help =
            "type it anew with the space bar; it comes with texts copied from pages and mails";
        return Err(Fault::new(file, &at, "yaml", words).with_help(help));
    }
    if let Some(at) = other_version(source) {
        let words = "this file says it is of another version of YAML; flows are YAML 1.2";
        let help = "take the line out; in YAML 1.1 `on` and `no` are no texts";
        return Err(Fault::new(file, &at, "yaml", words).with_help(help));
    }
    let tree: Spanned<Raw> =
        serde_yaml::from_str_with_options(body, options).map_err(|e| syntax(file, source, &e))?;
    let tree = node(source, tree);
    if let Some((at, odd)) = escaped_control(&tree) {
        return Err(unseen(file, at, odd));
    }
    if let Some(at) = merge_key(&tree) {
        let words = "`<<` is not read: what another mapping says is not taken over into this one";
        let help = "write out what is meant in its place";
        return Err(Fault::new(file, at, "yaml", words).with_help(help));
    }
    match tag(source.text, &tree) {
        None => Ok(tree),
        Some(at) => {
            let words = format!(
                "`{}` is a tag to YAML, and flows know none",
                &source.text[at.span.clone()]
            );
            Err(Fault::new(file, &at, "yaml", words).with_help(QUOTE_HELP))
        }
    }
}

/// Takes out every key that its mapping has already; those keys.
pub(crate) fn take_repeated(node: &mut Node) -> Vec<Key> {
    let mut repeated = Vec::new();
    match &mut node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::List(items) => repeated.extend(items.iter_mut().flat_map(take_repeated)),
        Value::Map(pairs) => {
            let mut seen = BTreeSet::new();
            let (first, again): (Vec<_>, Vec<_>) = std::mem::take(pairs)
                .into_iter()
                .partition(|(key, _)| seen.insert(key.text.clone()));
            *pairs = first;
            repeated.extend(again.into_iter().map(|(key, _)| key));
            repeated.extend(pairs.iter_mut().flat_map(|(_, node)| take_repeated(node)));
        }
    }
    repeated
}

/// Characters that nobody sees, hears or can send, or that show what follows in another order; a line's end and a tab are
/// none, nor what joins letters or emoji.
fn is_unseen(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let empty = matches!(c, '\u{200b}' | '\u{2060}' | BYTE_ORDER_MARK);
    turns || empty || c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

fn unseen(file: &str, at: &At, odd: char) -> Fault {
    let words = format!(
        "a character that cannot be seen stands here (U+{:04X})",
        u32::from(odd)
    );
    Fault::new(file, at, "encoding", words).with_help("take it out, or write the text anew")
}

/// The first such character of a file; the parser names another place.
fn control_character(source: Source<'_>) -> Option<(At, char)> {
    let mut after = source.text[source.skipped..].char_indices();
    let (from, odd) = after.find(|(_, c)| is_unseen(*c))?;
    let from = from + source.skipped;
    let at = super::reader::at_byte(source.text, from..from + odd.len_utf8());
    Some((at, odd))
}

/// Whether a key stands first in a line. Of other lines a blank of any kind may be a part of a text.
fn begins_with_key(line: &str) -> bool {
    let words = line.trim_start().trim_start_matches("- ");
    let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    let key = words.trim_start_matches(is_key);
    key.len() < words.len() && key.starts_with(':')
}

/// The first character before the key of a line that looks like a blank and indents nothing.
fn odd_blank(source: Source<'_>) -> Option<(At, char)> {
    let mut begins = source.skipped;
    for line in source.text[source.skipped..].split_inclusive('\n') {
        let blank = line.len() - line.trim_start().len();
        let is_odd = |c: char| !c.is_ascii() && c.is_whitespace();
        let mut odd = line[..blank].char_indices();
        if let Some((at, odd)) = odd
            .find(|(_, c)| is_odd(*c))
            .filter(|_| begins_with_key(line))
        {
            // A blank alone could not be seen where it is marked.
            let from = begins + at;
            let end = (begins + line.trim_end().len()).max(from + odd.len_utf8());
            return Some((super::reader::at_byte(source.text, from..end), odd));
        }
        begins += line.len();
    }
    None
}

/// The first text that such a character is written into by an escape (`"\0"`).
fn escaped_control(node: &Node) -> Option<(&At, char)> {
    match &node.value {
        Value::Null => None,
        Value::Scalar { text, .. } => Some((&node.at, text.chars().find(|c| is_unseen(*c))?)),
        Value::List(items) => items.iter().find_map(escaped_control),
        Value::Map(pairs) => pairs.iter().find_map(|(key, value)| {
            let in_key = key.text.chars().find(|c| is_unseen(*c));
            in_key.map_or_else(|| escaped_control(value), |odd| Some((&key.at, odd)))
        }),
    }
}

/// The first key that some readers of YAML put another mapping in the place of; it hides what a step does.
fn merge_key(node: &Node) -> Option<&At> {
    match &node.value {
        Value::Null | Value::Scalar { .. } => None,
        Value::List(items) => items.iter().find_map(merge_key),
        Value::Map(pairs) => pairs.iter().find_map(|(key, value)| {
            let is_merge = key.text == "<<";
            is_merge.then_some(&key.at).or_else(|| merge_key(value))
        }),
    }
}

/// A directive that would have every other reader read the file otherwise than we do.
fn other_version(source: Source<'_>) -> Option<At> {
    let mut from = source.skipped;
    for line in source.text[from..].split_inclusive('\n') {
        if line.starts_with("%YAML") && !line.contains("1.2") {
            return Some(super::reader::at_byte(
                source.text,
                from..from + line.trim_end().len(),
            ));
        }
        if !line.starts_with(['%', '#']) && !line.trim().is_empty() {
            return None;
        }
        from += line.len();
    }
    None
}

/// The first tag (`!name`) in front of a value; the parser passes it over.
fn tag(source: &str, node: &Node) -> Option<At> {
    let start = node.at.span.start;
    let line = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let before = source[line..start].trim_end();
    let word = before.rsplit(char::is_whitespace).next().unwrap_or("");
    if word.starts_with('!') && !word.ends_with([',', ':', '[', '{']) {
        let end = line + before.len();
        let at = end - word.len()..end;
        return Some(super::reader::at_byte(source, at));
    }
    match &node.value {
        Value::Null | Value::Scalar { .. } => None,
        Value::List(items) => items.iter().find_map(|item| tag(source, item)),
        Value::Map(pairs) => pairs.iter().find_map(|(_, value)| tag(source, value)),
    }
}

/// What some editors put before the first character.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file's text, and how much of it the parser was not given.
#[derive(Clone, Copy)]
struct Source<'s> {
    text: &'s str,
    skipped: usize,
}

/// What to do with a text that YAML takes for something else.
pub(crate) const QUOTE_HELP: &str = "quote this text: \"…\"; a text with {{, a colon, # or a comma inside { } stands in quotes or in a | block";

fn place(source: Source<'_>, line: u64, column: u64, start: u64, length: u64) -> At {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let start = clamp(source.text, start.saturating_add(source.skipped));
    let length = usize::try_from(length).unwrap_or(0);
    let end = clamp(source.text, start.saturating_add(length));
    At {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        span: start..end.max(start),
    }
}

/// The nearest place at or before `at` where a character begins.
fn clamp(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The tree as the parser hands it over.
enum Raw {
    Null,
    /// A text in quotes, a block or bare.
    Text(String),
    /// Something that YAML takes for a number or a boolean.
    Bare,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

fn node(source: Source<'_>, raw: Spanned<Raw>) -> Node {
    let location = raw.referenced;
    let span = location.span();
    let (start, length) = (
        span.byte_offset().unwrap_or(0),
        span.byte_len().unwrap_or(0),
    );
    let mut at = place(source, location.line(), location.column(), start, length);
    let slice = source.text[at.span.clone()].trim_end();
    at.span.end = at.span.start + slice.len();
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar { text, bare: false },
        // An alias (`*x`) to a number has the alias' place; its spelling is taken from its anchor.
        Raw::Bare => Value::Scalar {
            text: spelled(source, &raw.defined),
            bare: true,
        },
        Raw::List(items) => {
            let items: Vec<Node> = items.into_iter().map(|item| node(source, item)).collect();
            at.span.end = at
                .span
                .end
                .max(items.last().map_or(0, |last| last.at.span.end));
            Value::List(items)
        }
        Raw::Map(pairs) => {
            let pairs: Vec<(Key, Node)> = pairs
                .into_iter()
                .map(|(key, value)| (key_of(source, key), node(source, value)))
                .collect();
            let end = pairs
                .last()
                .map_or(0, |(key, value)| key.at.span.end.max(value.at.span.end));
            at.span.end = at.span.end.max(end);
            Value::Map(pairs)
        }
    };
    Node { value, at }
}

fn key_of(source: Source<'_>, raw: Spanned<Raw>) -> Key {
    let key = node(source, raw);
    let text = match key.value {
        Value::Scalar { text, .. } => text,
        Value::Null => String::new(),
        // `{{ x }}` without quotes is a map whose key is a map.
        Value::List(_) | Value::Map(_) => source.text[key.at.span.clone()].to_owned(),
    };
    Key { text, at: key.at }
}

fn spelled(source: Source<'_>, location: &serde_yaml::Location) -> String {
    let span = location.span();
    let (start, length) = (
        span.byte_offset().unwrap_or(0),
        span.byte_len().unwrap_or(0),
    );
    let at = place(source, location.line(), location.column(), start, length);
    source.text[at.span].trim().to_owned()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or a mapping")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        Raw::deserialize(from)
    }
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Bare)
    }
    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Bare)
    }
    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Bare)
    }
    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Bare)
    }
    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Bare)
    }
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Bare)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }
    fn visit_string<E: de::Error>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}
