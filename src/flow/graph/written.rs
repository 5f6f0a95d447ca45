//! What stands behind a verb, a value each, so that two revisions can be compared: in whatever order and form it is
//! written, and with what holds where a key is left out.

use std::collections::BTreeMap;
use std::fmt;

use crate::flow::Kind;
use crate::flow::amounts::read_duration;
use crate::flow::form::{self, Body, Form, Shape};
use crate::flow::yaml::{self, Key, Node, Value};

/// Everything behind a verb.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Written {
    /// Each value by the way of keys to it.
    pub(super) values: BTreeMap<String, Said>,
    /// What is gone through in order, as it stands there.
    pub(super) order: Vec<String>,
}

/// One value.
#[derive(Debug, Clone)]
pub(super) struct Said {
    told: Told,
    /// The same for all spellings of one value.
    same: String,
    /// It stands nowhere, and holds because its key is left out.
    assumed: bool,
}

/// How a value is told.
#[derive(Debug, Clone)]
enum Told {
    Text(String),
    /// A value of a document, with the marks by which a text is told from a number.
    Json(String),
    /// What is there is taken away.
    Emptied,
}

/// Two spellings of one value are the same.
impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.same == other.same
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.told {
            Told::Text(text) => write!(f, "“{}”", visible(text)),
            Told::Json(json) => f.write_str(json),
            Told::Emptied => f.write_str("emptied"),
        }
    }
}

impl Said {
    fn text(text: &str, same: String) -> Self {
        Self::new(Told::Text(text.to_owned()), same)
    }

    fn new(told: Told, same: String) -> Self {
        let assumed = false;
        Self {
            told,
            same,
            assumed,
        }
    }

    /// Whether somebody has changed it: what two times holds by itself goes with other keys, which are told.
    pub(super) fn differs(&self, before: &Self) -> bool {
        self != before && !(self.assumed && before.assumed)
    }

    /// A key's value that became this one.
    pub(super) fn instead_of(&self, way: &str, before: &Self) -> String {
        match (&self.told, &before.told) {
            (Told::Emptied, _) => format!("{way} is emptied instead of {before}"),
            (_, Told::Emptied) => format!("{way} {self} instead of being emptied"),
            _ => format!("{way} {self} instead of {before}"),
        }
    }

    /// A key's value where there was none.
    pub(super) fn is_new(&self, way: &str) -> String {
        match self.told {
            Told::Emptied => format!("{way} is emptied, which is new"),
            _ => format!("{way} {self} is new"),
        }
    }
}

/// A text in which it can be seen what is no plain space.
fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_whitespace() && c != ' ' {
            true => seen.extend(c.escape_default()),
            false => seen.push(c),
        }
    }
    seen
}

/// What is written behind this verb of a flow of this kind.
pub(super) fn written(word: &str, value: Option<&Node>, kind: Kind) -> Written {
    let mut out = Written::default();
    let Some(form) = form::of(word) else {
        return out;
    };
    match (&form.body, value) {
        (Body::Keys { .. }, Some(value)) => out.keys(form, value),
        (Body::Names(shape), Some(value)) => out.names(word, *shape, value),
        _ => {}
    }
    out.left_out(form, kind);
    out
}

impl Written {
    /// A short form is written as the long one.
    fn keys(&mut self, form: &Form, node: &Node) {
        let known = |key: &Key| form.keys().iter().any(|one| one.word == key.text);
        let shape = |word: &str| {
            let key = form.keys().iter().find(|one| one.word == word);
            key.map_or(Shape::Word, |key| key.shape)
        };
        match (&node.value, form.main) {
            (Value::Map(pairs), main)
                if main.is_none() || pairs.iter().any(|(key, _)| known(key)) =>
            {
                for (key, value) in pairs {
                    self.value(key.text.clone(), shape(&key.text), value);
                }
            }
            (_, Some(main)) => self.value(main.to_owned(), shape(main), node),
            _ => {}
        }
    }

    fn names(&mut self, word: &str, shape: Shape, node: &Node) {
        let Value::Map(pairs) = &node.value else {
            return;
        };
        for (key, value) in pairs {
            self.value(key.text.clone(), shape, value);
        }
        // Words may stand in any order, and names that do not look at each other.
        let counts = match word {
            "branch" | "split" => true,
            "set" => pairs.iter().any(|(_, value)| names_one_of(pairs, value)),
            _ => false,
        };
        if counts {
            let names = pairs.iter().map(|(key, _)| key.text.clone());
            self.order.extend(names);
        }
    }

    fn value(&mut self, way: String, shape: Shape, node: &Node) {
        match (shape, &node.value) {
            (Shape::Any, Value::Scalar { text, .. }) => {
                self.put(way, Said::text(text, text.clone()))
            }
            (Shape::Any, _) => self.document(way, node),
            (Shape::Targets, Value::List(items)) => {
                let all: Vec<String> = items.iter().map(target).collect();
                self.put(way, Said::text(&all.join(", "), all.join("\n")));
            }
            (_, Value::List(items)) => self.put(way, several(items)),
            (Shape::Text | Shape::Sms, Value::Map(pairs)) => {
                // The first language is for whoever speaks none of them.
                let first = pairs.first().map(|(key, _)| format!("{way} {}", key.text));
                self.order.extend(first);
                self.below(&way, shape, pairs);
            }
            (_, Value::Map(pairs)) => self.below(&way, shape, pairs),
            (Shape::Value | Shape::Values, Value::Scalar { text, bare }) => {
                // A number and a truth are others than the texts that look like them.
                let same = if *bare {
                    format!("\0{text}")
                } else {
                    text.clone()
                };
                self.put(way, Said::text(text, same));
            }
            (_, Value::Scalar { text, .. }) => self.put(way, Said::text(text, same(shape, text))),
            (Shape::Value | Shape::Values, Value::Null) => {
                self.put(way, Said::new(Told::Emptied, "\0".to_owned()));
            }
            (Shape::OneOf(words), Value::Null) if words.contains(&"none") => {
                self.put(way, Said::text("none", "none".to_owned()));
            }
            (_, Value::Null) => {}
        }
    }

    fn below(&mut self, way: &str, shape: Shape, pairs: &[(Key, Node)]) {
        for (key, value) in pairs {
            self.value(format!("{way} {}", key.text), shape, value);
        }
    }

    /// A document: its values with their types, and what is empty.
    fn document(&mut self, way: String, node: &Node) {
        let json = match &node.value {
            Value::Map(pairs) if !pairs.is_empty() => {
                for (key, value) in pairs {
                    self.document(format!("{way} {}", key.text), value);
                }
                return;
            }
            Value::List(items) if !items.is_empty() => {
                for (at, item) in (1..).zip(items) {
                    self.document(format!("{way} [{at}]"), item);
                }
                return;
            }
            Value::Map(_) => "{}".to_owned(),
            Value::List(_) => "[]".to_owned(),
            Value::Null => "null".to_owned(),
            Value::Scalar { text, bare: true } => text.clone(),
            Value::Scalar { text, .. } => format!("{text:?}"),
        };
        self.put(way, Said::new(Told::Json(json.clone()), json));
    }

    /// What holds where a key does not stand there.
    fn left_out(&mut self, form: &Form, kind: Kind) {
        for key in form.keys() {
            let below = format!("{} ", key.word);
            let stands = |way: &String| way == key.word || way.starts_with(&below);
            if self.values.keys().any(stands) {
                continue;
            }
            let beside = |word: &str| match word {
                "on" => Some(kind.as_str().to_owned()),
                _ => self.beside(form, word),
            };
            let holds = key.holds(&beside);
            let tree = holds.and_then(|holds| yaml::read("", &format!("key: {holds}")).ok());
            if let Some(node) = tree.as_ref().and_then(|tree| tree.get("key")) {
                self.value(key.word.to_owned(), key.shape, node);
            }
            if let Some(said) = self.values.get_mut(key.word) {
                said.assumed = true;
            }
        }
    }

    /// What stands behind another key, or holds without it; nothing where it is a mapping.
    fn beside(&self, form: &Form, word: &str) -> Option<String> {
        let below = format!("{word} ");
        let said = self
            .values
            .iter()
            .find(|(way, _)| *way == word || way.starts_with(&below));
        match said.map(|(_, said)| &said.told) {
            Some(Told::Text(text)) => Some(text.clone()),
            Some(_) => Some(String::new()),
            None => {
                let key = form.keys().iter().find(|key| key.word == word)?;
                key.holds(&|_| None)
            }
        }
    }

    fn put(&mut self, way: String, said: Said) {
        self.values.insert(way, said);
    }
}

/// Whether a value takes what another of these names holds.
fn names_one_of(pairs: &[(Key, Node)], value: &Node) -> bool {
    let text = value.scalar().unwrap_or_default();
    pairs.iter().any(|(key, _)| text.contains(&key.text))
}

/// One of several that are gone through in order: `user erin`.
fn target(node: &Node) -> String {
    match &node.value {
        Value::Map(pairs) => {
            let word = |(key, value): &(Key, Node)| {
                format!("{} {}", key.text, value.scalar().unwrap_or_default())
            };
            pairs.iter().map(word).collect::<Vec<_>>().join(" ")
        }
        _ => node.scalar().unwrap_or_default().to_owned(),
    }
}

/// Several words, whose order means nothing.
fn several(items: &[Node]) -> Said {
    let words: Vec<&str> = items.iter().filter_map(Node::scalar).collect();
    let mut sorted = words.clone();
    sorted.sort_unstable();
    sorted.dedup();
    Said::text(&words.join(", "), sorted.join("\n"))
}

/// The same for all spellings of a word.
fn same(shape: Shape, text: &str) -> String {
    match shape {
        Shape::Duration | Shape::Within(..) => {
            read_duration(text).map_or_else(|| text.to_owned(), |seconds| seconds.to_string())
        }
        Shape::Condition => without_spaces(text),
        _ => text.to_owned(),
    }
}

/// A condition without the spaces that keep no two words apart.
fn without_spaces(text: &str) -> String {
    let (mut out, mut quote, mut rest) = (String::new(), None, text.trim().chars().peekable());
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(c) = rest.next() {
        if quote.is_none() && c.is_whitespace() {
            let before = out.ends_with(is_word);
            if before && rest.peek().is_some_and(|next| is_word(*next)) {
                out.push(' ');
            }
            continue;
        }
        match quote {
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(begun) if begun == c => quote = None,
            _ => {}
        }
        out.push(c);
    }
    out
}
