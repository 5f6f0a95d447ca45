//! The texts of a flow: templates in one language or several, checked before they run and bounded when
//! they do.
//!
//! A text that only puts values into words is put together here; one with conditions or filters goes
//! through minijinja, strict, with fuel and a cap on its output. Operators that could make much out of
//! little (`*`, `~`, ranges) are refused when the flow is checked.

use std::io;
use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::fault::suggest;
use super::filters::{capitalize, names as filters, spaced};
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
    /// For minijinja, with the names it uses.
    Full {
        source: String,
        names: Vec<(String, Known)>,
    },
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
        let mut reader = Reader {
            source,
            scope,
            plain: Some(Vec::new()),
            names: Vec::new(),
            locals: Vec::new(),
            wrong: Vec::new(),
        };
        reader.read();
        let Reader {
            plain,
            names,
            wrong: found,
            ..
        } = reader;
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
        Ok(Self::Full {
            source: source.to_owned(),
            names,
        })
    }

    /// The one name the template consists of, which keeps its type.
    pub(crate) fn sole(&self) -> Option<&Known> {
        match self {
            Self::Plain(parts) => match parts.as_slice() {
                [Part::Value(name)] => Some(name),
                _ => None,
            },
            Self::Full { .. } => None,
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
            Self::Full { .. } => None,
        }
    }

    /// The written texts beside its values, where it has no conditions.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Plain(parts) => parts.as_slice(),
            Self::Full { .. } => &[],
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
            Self::Full { source, names } => full(source, names, values, chars_max),
        };
        match text.char_indices().nth(chars_max) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        }
    }
}

/// Renders through minijinja. What stands when the fuel or the cap is reached is the text.
fn full(source: &str, names: &[(String, Known)], values: &Values<'_>, chars_max: usize) -> String {
    let mut out = Capped {
        bytes: Vec::new(),
        left: chars_max.saturating_mul(4),
    };
    if let Ok(template) = ENVIRONMENT.template_from_str(source) {
        let context = context(names, values);
        // An error here is the cap or the fuel: names and syntax were checked before.
        let _stopped = template.render_captured_to(context, &mut out);
    }
    String::from_utf8_lossy(&out.bytes)
        .trim_end_matches('\u{fffd}')
        .to_owned()
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

/// The values a template uses, and no others, as nested maps.
fn context(names: &[(String, Known)], values: &Values<'_>) -> Value {
    let mut tree = serde_json::Map::new();
    for (path, name) in names {
        let mut at = &mut tree;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            let have = at.entry(part).or_insert(serde_json::Value::Null);
            if parts.peek().is_none() {
                *have = values.get(name).to_json();
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

/// Reads a template once: its parts when it is plain, its names, and whatever is not allowed.
struct Reader<'s> {
    source: &'s str,
    scope: &'s mut Scope,
    /// `None` once something stands there that only minijinja can do.
    plain: Option<Vec<Part>>,
    names: Vec<(String, Known)>,
    /// Names made by `for`.
    locals: Vec<String>,
    wrong: Vec<WrongText>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(found) = self.source[at..].find('{') {
            let open = at + found;
            let rest = &self.source[open..];
            let (closing, block) = if rest.starts_with("{{") {
                ("}}", false)
            } else if rest.starts_with("{%") {
                ("%}", true)
            } else if rest.starts_with("{#") {
                ("#}", true)
            } else {
                self.words(at, open + 1);
                at = open + 1;
                continue;
            };
            self.words(at, open);
            let Some(length) = closing_at(rest, closing) else {
                let message = format!("`{}` has no closing `{closing}`", &rest[..2]);
                self.wrong.push(wrong(open..open + 2, message));
                return;
            };
            let inner = open + 2..open + length;
            match (closing, block) {
                ("#}", _) => self.plain = None,
                (_, true) => self.statement(inner),
                (_, false) => self.output(inner),
            }
            at = open + length + 2;
        }
        self.words(at, self.source.len());
    }

    fn words(&mut self, from: usize, to: usize) {
        let words = &self.source[from..to];
        let Some(parts) = &mut self.plain else { return };
        match parts.last_mut() {
            Some(Part::Words(before)) => before.push_str(words),
            _ if words.is_empty() => {}
            _ => parts.push(Part::Words(words.to_owned())),
        }
    }

    /// `{{ … }}`
    fn output(&mut self, inner: std::ops::Range<usize>) {
        let text = &self.source[inner.clone()];
        let bare = text.trim();
        let is_name = bare.contains('.')
            && bare
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
        if !is_name {
            self.plain = None;
            return self.tokens(inner);
        }
        let start = inner.start + text.find(bare).unwrap_or(0);
        if let Some(name) = self.name(bare, start)
            && let Some(parts) = &mut self.plain
        {
            parts.push(Part::Value(name));
        }
    }

    /// `{% … %}`
    fn statement(&mut self, inner: std::ops::Range<usize>) {
        self.plain = None;
        let text = self.source[inner.clone()].trim_matches(|c: char| c.is_whitespace() || c == '-');
        let word = text.split_whitespace().next().unwrap_or("");
        let start = inner.start + self.source[inner.clone()].find(word).unwrap_or(0);
        match word {
            "if" | "elif" => self.tokens(start + word.len()..inner.end),
            "else" | "endif" | "endfor" => {}
            "for" => {
                let rest = &self.source[start + 3..inner.end];
                let Some((local, _)) = rest.split_once(" in ") else {
                    let message = "`for` is written `{% for tag in contact.tags %}`";
                    return self.wrong.push(wrong(start..inner.end, message));
                };
                self.locals.push(local.trim().to_owned());
                let from = start + 3 + local.len() + " in ".len();
                self.tokens(from..inner.end);
            }
            _ => {
                let mut fault = wrong(
                    start..start + word.len(),
                    format!("`{word}` is not available in a text"),
                );
                fault.help = Some("a text knows {{ … }}, {% if … %}, {% elif … %}, {% else %} and {% for … in … %}".to_owned());
                self.wrong.push(fault);
            }
        }
    }

    /// Looks at every token of an expression: names must be known, and only small operators are allowed.
    fn tokens(&mut self, inner: std::ops::Range<usize>) {
        let mut at = inner.start;
        let mut after_pipe = false;
        while at < inner.end {
            let rest = &self.source[at..inner.end];
            let Some(c) = rest.chars().next() else { return };
            let length = if c.is_whitespace() {
                c.len_utf8()
            } else if c == '"' || c == '\'' {
                rest[1..].find(c).map_or(rest.len(), |end| end + 2)
            } else if c.is_ascii_digit() {
                rest.find(|c: char| !c.is_ascii_digit() && c != '.')
                    .unwrap_or(rest.len())
            } else if c.is_ascii_alphabetic() || c == '_' {
                let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
                let length = rest.find(end).unwrap_or(rest.len());
                self.word(at, length, after_pipe);
                after_pipe = false;
                at += length;
                continue;
            } else {
                self.sign(at, c, rest);
                after_pipe = c == '|';
                at += c.len_utf8();
                continue;
            };
            after_pipe &= c.is_whitespace();
            at += length;
        }
    }

    fn word(&mut self, at: usize, length: usize, after_pipe: bool) {
        let source = self.source;
        let word = &source[at..at + length];
        if after_pipe {
            if !filters().contains(&word) {
                let mut fault = wrong(at..at + length, format!("there is no filter `{word}`"));
                fault.help = Some(suggest(word, filters()));
                self.wrong.push(fault);
            }
            return;
        }
        let keyword = [
            "and", "or", "not", "in", "if", "else", "true", "false", "none",
        ]
        .contains(&word);
        if keyword || self.locals.iter().any(|local| local == word) {
            return;
        }
        if source[at + length..].trim_start().starts_with('(') {
            let message = format!("there is no function `{word}` in a text");
            let mut fault = wrong(at..at + length, message);
            let known = filters().join(", ");
            fault.help = Some(format!("filters stand behind a bar: {known}"));
            return self.wrong.push(fault);
        }
        self.name(word, at);
    }

    fn name(&mut self, path: &str, at: usize) -> Option<Known> {
        match self.scope.resolve(path) {
            Ok(name) => {
                self.names.push((path.to_owned(), name.clone()));
                Some(name)
            }
            Err(unknown) => {
                let help = Some(unknown.help);
                let span = at..at + path.len();
                self.wrong.push(WrongText {
                    span,
                    code: unknown.code,
                    message: unknown.message,
                    help,
                });
                None
            }
        }
    }

    fn sign(&mut self, at: usize, c: char, rest: &str) {
        let allowed = "|(),=!<>+-.".contains(c) && !rest.starts_with("..");
        if !allowed {
            let message = format!("`{c}` is not available in a text");
            let mut fault = wrong(at..at + c.len_utf8(), message);
            fault.help = Some(
                "compute in a `set` or a `branch`, and keep texts to words and values".to_owned(),
            );
            self.wrong.push(fault);
        }
    }
}

/// Where the closing mark is, quotes apart.
fn closing_at(text: &str, closing: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices().skip(2) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if text[at..].starts_with(closing) => return Some(at),
            None if (c == '"' || c == '\'') && closing != "#}" => quote = Some(c),
            None => {}
        }
    }
    None
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
