//! The texts of a flow: templates in one language or several, checked before they run and bounded when
//! they do.
//!
//! A text that only puts values into words is put together here; one with conditions or filters goes
//! through minijinja, strict, with fuel and a cap on its output. Operators that could make much out of
//! little (`*`, `~`, ranges) and arithmetic, which could fail, are refused when the flow is checked; and what is left is
//! put together there once with every value missing and with values of each kind ([`trial`]).

mod read;
mod trial;

use std::io;
use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::filters::{capitalize, spaced};
use super::scope::{Known, Scope, Val, Values};

/// What minijinja may spend on one text.
const FUEL_MAX: u64 = 10_000;
/// The longest text of a template as written.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 8 * 1024;

/// A text in one language or several.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    /// Languages (BCP 47) with their templates in the order of the file; a text without languages has one
    /// entry whose language is empty.
    pub(crate) variants: Vec<(String, Template)>,
}

impl Text {
    /// The text for this person, at most `chars_max` characters, and the language it is in.
    pub(crate) fn render(&self, values: &Values<'_>, chars_max: usize) -> (String, String) {
        let (own, account) = values.languages();
        self.render_in(&[&own, account], values, chars_max)
    }

    /// The text for members of staff: in the account's language, whatever the contact speaks.
    pub(crate) fn render_for_staff(
        &self,
        values: &Values<'_>,
        chars_max: usize,
    ) -> (String, String) {
        let (_, account) = values.languages();
        self.render_in(&[account], values, chars_max)
    }

    /// The text in the first of these languages that it has, the last of which is the account's.
    fn render_in(
        &self,
        languages: &[&str],
        values: &Values<'_>,
        chars_max: usize,
    ) -> (String, String) {
        let account = languages.last().copied().unwrap_or_default();
        let chosen = languages.iter().find_map(|wanted| self.variant(wanted));
        let Some((language, template)) = chosen.or_else(|| self.variants.first()) else {
            return (String::new(), account.to_owned());
        };
        let language = match language.is_empty() {
            true => account,
            false => language,
        };
        (template.render(values, chars_max), language.to_owned())
    }

    /// The variant in this language, else in the same language of another region.
    fn variant(&self, wanted: &str) -> Option<&(String, Template)> {
        let primary = |tag: &str| tag.split('-').next().unwrap_or("").to_ascii_lowercase();
        let exact = self
            .variants
            .iter()
            .find(|(tag, _)| tag.eq_ignore_ascii_case(wanted));
        let alike = || {
            let wanted = primary(wanted);
            self.variants
                .iter()
                .find(|(tag, _)| !wanted.is_empty() && primary(tag) == wanted)
        };
        exact.filter(|_| !wanted.is_empty()).or_else(alike)
    }
}

/// One checked template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    /// Words and values in turn.
    Plain(Vec<Part>),
    /// For minijinja.
    Full(Full),
}

/// A template for minijinja.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Full {
    source: String,
    /// The names it uses.
    names: Vec<(String, Known)>,
    /// Those of them that are gone through or looked into.
    lists: Vec<String>,
}

/// A piece of a plain template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Words(String),
    Value(Known),
}

/// What is wrong with a template, and where in it (bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrongText {
    pub(crate) span: std::ops::Range<usize>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Template {
    /// A text without any value in it.
    pub(crate) fn words(text: &str) -> Self {
        Self::Plain(vec![Part::Words(text.to_owned())])
    }

    /// Reads a template; every fault in it.
    pub(crate) fn parse(source: &str, scope: &mut Scope) -> Result<Self, Vec<WrongText>> {
        if source.len() > TEMPLATE_BYTES_MAX {
            let words = format!("a text has at most {TEMPLATE_BYTES_MAX} bytes");
            return Err(vec![wrong(0..source.len(), words)]);
        }
        let (plain, names, lists, found) = read::read(source, scope);
        if !found.is_empty() {
            return Err(found);
        }
        if let Some(parts) = plain {
            return Ok(Self::Plain(parts));
        }
        if let Err(error) = ENVIRONMENT.template_from_str(source) {
            let span = error.range().filter(|range| range.end <= source.len());
            let words = error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned);
            return Err(vec![wrong(span.unwrap_or(0..source.len()), words)]);
        }
        let full = Full {
            source: source.to_owned(),
            names,
            lists,
        };
        match trial::fails(&full).filter(|_| !scope.is_published) {
            Some(words) => Err(vec![wrong(0..source.len(), words)]),
            None => Ok(Self::Full(full)),
        }
    }

    /// The one name the template consists of, which keeps its type.
    pub(crate) fn sole(&self) -> Option<&Known> {
        match self {
            Self::Plain(parts) => match parts.as_slice() {
                [Part::Value(name)] => Some(name),
                _ => None,
            },
            Self::Full(_) => None,
        }
    }

    /// The text itself, when no value is in it.
    pub(crate) fn fixed(&self) -> Option<String> {
        match self {
            Self::Plain(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Words(words) => Some(words.as_str()),
                    Part::Value(_) => None,
                })
                .collect(),
            Self::Full(_) => None,
        }
    }

    /// The written texts beside its values, where it has no conditions.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Plain(parts) => parts.as_slice(),
            Self::Full(_) => &[],
        };
        parts.iter().filter_map(|part| match part {
            Part::Words(words) => Some(words.as_str()),
            Part::Value(_) => None,
        })
    }

    /// The text at this moment, at most `chars_max` characters.
    pub(crate) fn render(&self, values: &Values<'_>, chars_max: usize) -> String {
        let text = match self {
            Self::Plain(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Words(words) => words.clone(),
                    Part::Value(name) => values.get(name).shown(),
                })
                .collect(),
            Self::Full(full) => full.render(values, chars_max),
        };
        match text.char_indices().nth(chars_max) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        }
    }
}

impl Full {
    /// Renders through minijinja. What stands when the fuel or the cap is reached is the text.
    fn render(&self, values: &Values<'_>, chars_max: usize) -> String {
        let mut out = Capped {
            bytes: Vec::new(),
            left: chars_max.saturating_mul(4),
        };
        // An error here is the cap or the fuel: all else was tried before.
        let _stopped = self.render_to(&mut out, |name| values.get(name).to_json());
        String::from_utf8_lossy(&out.bytes)
            .trim_end_matches('\u{fffd}')
            .to_owned()
    }

    fn render_to(
        &self,
        out: &mut Capped,
        value: impl Fn(&Known) -> serde_json::Value,
    ) -> Result<(), minijinja::Error> {
        let template = ENVIRONMENT.template_from_str(&self.source)?;
        template.render_captured_to(self.context(value), out)?;
        Ok(())
    }

    /// The values it uses, and no others, as nested maps.
    fn context(&self, value: impl Fn(&Known) -> serde_json::Value) -> Value {
        let mut tree = serde_json::Map::new();
        for (path, name) in &self.names {
            let mut at = &mut tree;
            let mut parts = path.split('.').peekable();
            while let Some(part) = parts.next() {
                let have = at.entry(part).or_insert(serde_json::Value::Null);
                if parts.peek().is_none() {
                    *have = self.listed(path, value(name));
                    break;
                }
                if !have.is_object() {
                    *have = serde_json::Value::Object(serde_json::Map::new());
                }
                let serde_json::Value::Object(inner) = have else {
                    break;
                };
                at = inner;
            }
        }
        made(&serde_json::Value::Object(tree))
    }

    /// What is gone through or looked into is a list, or a text; nothing else has parts.
    fn listed(&self, path: &str, value: serde_json::Value) -> serde_json::Value {
        let has_parts = value.is_array() || value.is_string();
        match self.lists.iter().any(|list| list == path) && !has_parts {
            true => serde_json::Value::Array(Vec::new()),
            false => value,
        }
    }
}

struct Capped {
    bytes: Vec<u8>,
    left: usize,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.left);
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.left -= taken;
        if taken < bytes.len() {
            Err(io::ErrorKind::FileTooLarge.into())
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn made(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(made).collect(),
        Json::Object(pairs) => {
            Value::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), made(value))))
        }
    }
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut made = Environment::empty();
    made.set_undefined_behavior(UndefinedBehavior::Strict);
    made.set_fuel(Some(FUEL_MAX));
    made.set_formatter(|out, _, value| Ok(out.write_str(&shown(value))?));
    made.add_filter("upper", |value: Value| shown(&value).to_uppercase());
    made.add_filter("lower", |value: Value| shown(&value).to_lowercase());
    made.add_filter("trim", |value: Value| shown(&value).trim().to_owned());
    made.add_filter("capitalize", |value: Value| capitalize(&shown(&value)));
    made.add_filter("spaced", |value: Value| spaced(&shown(&value)));
    made.add_filter("first_word", |value: Value| {
        let text = shown(&value);
        text.split_whitespace().next().unwrap_or("").to_owned()
    });
    made.add_filter("default", |value: Value, other: Value| {
        let empty = value.is_none() || value.is_undefined() || value.as_str() == Some("");
        if empty { other } else { value }
    });
    made
});

/// A value as people read it, behind a filter too: one that is missing is nothing, a yes or no is written so, and of
/// several each stands behind a comma.
fn shown(value: &Value) -> String {
    use minijinja::value::ValueKind;
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => String::new(),
        ValueKind::Bool => if value.is_true() { "yes" } else { "no" }.to_owned(),
        ValueKind::Seq => {
            let items = value.try_iter().into_iter().flatten();
            items
                .map(|item| shown(&item))
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => value.to_string(),
    }
}

fn wrong(span: std::ops::Range<usize>, message: impl Into<String>) -> WrongText {
    WrongText {
        span,
        code: "template",
        message: message.into(),
        help: None,
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self {
            variants: vec![(String::new(), Template::words(words))],
        }
    }
}

/// Whether a key looks like a language tag (BCP 47): `en`, `es-MX`, `zh-Hant`.
pub(crate) fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or("");
    let is_primary =
        (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    is_primary
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// Values by name for a set of languages: used for fixed prompts of ours.
pub(crate) fn by_language(variants: &[(&str, &str)]) -> Text {
    let variants = variants
        .iter()
        .map(|(tag, words)| ((*tag).to_owned(), Template::words(words)));
    Text {
        variants: variants.collect(),
    }
}

/// A value as a typed JSON value, when a template is one name alone, else as text.
pub(crate) fn typed(template: &Template, values: &Values<'_>, chars_max: usize) -> Val {
    match template.sole() {
        Some(name) => values.get(name),
        None => Val::text(template.render(values, chars_max)),
    }
}

/// Kept beside the texts they bound: the longest reply and the longest spoken text, in characters.
pub(crate) const REPLY_CHARS_MAX: usize = 1600;
/// The longest spoken text.
pub(crate) const SAY_CHARS_MAX: usize = 4096;
/// The longest value a variable or a field takes.
pub(crate) const VALUE_CHARS_MAX: usize = 1000;
/// The longest note.
pub(crate) const NOTE_CHARS_MAX: usize = 500;
