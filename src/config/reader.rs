//! Reads the tree key by key and collects every mistake, so that one run shows them all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use secrecy::SecretString;

use super::keys;
use super::problem::{Problem, nearest};
use super::tree::{Key, Node, Value};

/// Bytes of a secret's file.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Where each key stands, and its value.
pub(super) type Places = BTreeMap<String, (Range<usize>, Range<usize>)>;

/// What is found while reading: mistakes, and where each key stands for those found later.
pub(super) struct Findings<'a> {
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) list: RefCell<Vec<Problem>>,
    pub(super) places: RefCell<Places>,
    pub(super) hidden: RefCell<Vec<Range<usize>>>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            env,
            list: RefCell::default(),
            places: RefCell::default(),
            hidden: RefCell::default(),
        }
    }

    pub(super) fn add(
        &self,
        at: Range<usize>,
        key: &str,
        words: impl Display,
        help: Option<String>,
    ) {
        self.list.borrow_mut().push(Problem {
            at: Some(at),
            key: key.to_owned(),
            words: words.to_string(),
            help,
        });
    }
}

/// One map of the file. Reading a key takes it; `finish` refuses what nobody took.
pub(super) struct Section<'a> {
    /// Where it stands in the file, such as `connections.twilio`.
    pub(super) path: String,
    /// The same as the list of keys spells it, such as `connections.KEY`.
    pattern: String,
    at: Range<usize>,
    entries: &'a [(Key, Node)],
    found: &'a Findings<'a>,
}

impl<'a> Section<'a> {
    /// The whole file. An empty one has no keys.
    pub(super) fn root(node: &'a Node, found: &'a Findings<'a>) -> Option<Self> {
        Self::of(node, String::new(), String::new(), 0..0, found)
    }

    fn of(
        node: &'a Node,
        path: String,
        pattern: String,
        at: Range<usize>,
        found: &'a Findings<'a>,
    ) -> Option<Self> {
        let entries: &[_] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                let words = format!("expected keys and values, found {}", other.kind());
                found.add(node.at.clone(), &path, words, None);
                return None;
            }
        };
        Some(Self {
            path,
            pattern,
            at,
            entries,
            found,
        })
    }

    /// The full name of a key.
    pub(super) fn name(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Says that something is wrong with a key, or with the section when the key is absent.
    pub(super) fn wrong(&self, key: &str, words: impl Display, help: Option<&str>) {
        let at = self
            .find(key)
            .map_or(self.at.clone(), |(_, node)| node.at.clone());
        self.found
            .add(at, &self.name(key), words, help.map(str::to_owned));
    }

    fn find(&self, key: &str) -> Option<(&'a Key, &'a Node)> {
        self.entries
            .iter()
            .find(|(k, _)| k.text == key)
            .map(|(k, n)| (k, n))
    }

    /// The value of a key that is written and not empty.
    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(
            keys::is_known(&join(&self.pattern, key)),
            "{} is missing in the list of keys",
            join(&self.pattern, key)
        );
        let (written, node) = self.find(key)?;
        let mut places = self.found.places.borrow_mut();
        places.insert(self.name(key), (written.at.clone(), node.at.clone()));
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            other => {
                let help = matches!(other, Value::Number(_) | Value::Bool(_))
                    .then_some("put it in quotes");
                self.wrong(
                    key,
                    format!("expected a text, found {}", other.kind()),
                    help,
                );
                None
            }
        }
    }

    /// A text that is read further.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Option<T> {
        match self.text(key)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(key, error, None);
                None
            }
        }
    }

    /// A list of texts that are read further. One value may stand for a list of one.
    pub(super) fn list<T: FromStr<Err: Display>>(&self, key: &str) -> Vec<T> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let items = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        items
            .into_iter()
            .filter_map(|item| self.item(key, item))
            .collect()
    }

    fn item<T: FromStr<Err: Display>>(&self, key: &str, item: &Node) -> Option<T> {
        let read = match &item.value {
            Value::Text(text) => text.parse().map_err(|error: T::Err| error.to_string()),
            other => Err(format!("expected a text, found {}", other.kind())),
        };
        read.map_err(|words| {
            self.found
                .add(item.at.clone(), &self.name(key), words, None)
        })
        .ok()
    }

    /// A number between two bounds.
    pub(super) fn number(&self, key: &str, min: f64, max: f64) -> Option<f64> {
        let node = self.node(key)?;
        match node.value {
            Value::Number(number) if (min..=max).contains(&number) => Some(number),
            Value::Number(_) => {
                self.wrong(key, format!("expected a number from {min} to {max}"), None);
                None
            }
            ref other => {
                self.wrong(
                    key,
                    format!("expected a number, found {}", other.kind()),
                    None,
                );
                None
            }
        }
    }

    /// A whole number between two bounds.
    pub(super) fn whole(&self, key: &str, min: u64, max: u64) -> Option<u64> {
        let number = self.number(key, min as f64, max as f64)?;
        if number.fract() != 0.0 {
            self.wrong(key, "expected a whole number", None);
            return None;
        }
        Some(number as u64)
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let known = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if known.is_none() {
            let list: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let near =
                nearest(&text, list.iter().copied()).map(|word| format!("did you mean `{word}`?"));
            self.wrong(
                key,
                format!("expected one of {}", list.join(", ")),
                near.as_deref(),
            );
        }
        known
    }

    /// The section under a key.
    pub(super) fn section(&self, key: &str) -> Option<Section<'a>> {
        let node = self.node(key)?;
        let (written, _) = self.find(key)?;
        Self::of(
            node,
            self.name(key),
            join(&self.pattern, key),
            written.at.clone(),
            self.found,
        )
    }

    /// The sections under a key that users name themselves, by name.
    pub(super) fn named_sections(&self, key: &str) -> Vec<(&'a Key, Section<'a>)> {
        let Some(all) = self.section(key) else {
            return Vec::new();
        };
        let open = |(name, node): &'a (Key, Node)| Some((name, all.entry(name, node)?));
        all.entries.iter().filter_map(open).collect()
    }

    /// The section under one key that users name themselves.
    pub(super) fn entry(&self, name: &'a Key, node: &'a Node) -> Option<Section<'a>> {
        let (path, pattern) = (self.name(&name.text), join(&self.pattern, "KEY"));
        self.note(&path, &name.at, &node.at);
        Self::of(node, path, pattern, name.at.clone(), self.found)
    }

    /// The secret that one of the keys `env` and `file` of this section points to.
    pub(super) fn secret_at(&self, key: &str) -> Option<SecretString> {
        self.text(key)?;
        let (kind, place) = self.find(key)?;
        self.pointed(&self.path, kind, place)
    }

    /// A secret: `{ env: NAME }` or `{ file: PATH }`, resolved.
    pub(super) fn secret(&self, key: &str) -> Option<SecretString> {
        let node = self.node(key)?;
        let resolved = self.resolve(&self.name(key), node);
        if resolved.is_none() && !is_secret(node) {
            self.hide(node);
            let help =
                "write { env: NAME } or { file: PATH }, so that no secret stands in this file";
            self.wrong(key, "expected a secret", Some(help));
        }
        resolved
    }

    /// Keeps a value, and all that is in it, out of what is shown of the file.
    pub(super) fn hide(&self, node: &Node) {
        self.found.hidden.borrow_mut().push(node.at.clone());
        match &node.value {
            Value::Map(entries) => entries.iter().for_each(|(_, value)| self.hide(value)),
            Value::List(items) => items.iter().for_each(|item| self.hide(item)),
            _ => {}
        }
    }

    /// The secret a node points to; says what is wrong when it points to nothing. `None` without a word when
    /// the node is no secret at all.
    pub(super) fn resolve(&self, name: &str, node: &Node) -> Option<SecretString> {
        let Value::Map(entries) = &node.value else {
            return None;
        };
        let [(kind, place)] = entries.as_slice() else {
            return None;
        };
        self.pointed(name, kind, place)
    }

    /// What `env: NAME` or `file: PATH` points to.
    fn pointed(&self, name: &str, kind: &Key, place: &Node) -> Option<SecretString> {
        let Value::Text(target) = &place.value else {
            return None;
        };
        let found = match kind.text.as_str() {
            "env" => {
                (self.found.env)(target).ok_or_else(|| format!("the environment has no {target}"))
            }
            "file" => read_secret(target),
            _ => return None,
        };
        let filled = found.and_then(|text| match text.trim_end_matches(['\r', '\n']) {
            "" => Err("the secret is empty".to_owned()),
            secret => Ok(SecretString::from(secret)),
        });
        filled
            .map_err(|words| self.found.add(place.at.clone(), name, words, None))
            .ok()
    }

    /// What nobody took, for a section whose other keys belong to somebody else.
    pub(super) fn others(&self, known: &[&str]) -> impl Iterator<Item = &'a (Key, Node)> {
        self.entries
            .iter()
            .filter(move |(key, _)| !known.contains(&key.text.as_str()))
    }

    /// Notes where a key stands that somebody else will judge.
    pub(super) fn note(&self, name: &str, key: &Range<usize>, value: &Range<usize>) {
        let mut places = self.found.places.borrow_mut();
        places.insert(name.to_owned(), (key.clone(), value.clone()));
    }

    /// Refuses every key that the list of keys does not have here.
    pub(super) fn finish(&self) {
        let known = keys::under(&self.pattern);
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| !known.contains(&key.text.as_str()))
        {
            let help = match nearest(&key.text, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.found.add(
                key.at.clone(),
                &self.name(&key.text),
                "no such key",
                Some(help),
            );
        }
    }
}

/// Whether a node has the form of a secret, resolvable or not.
pub(super) fn is_secret(node: &Node) -> bool {
    let Value::Map(entries) = &node.value else {
        return false;
    };
    let [(kind, place)] = entries.as_slice() else {
        return false;
    };
    matches!(kind.text.as_str(), "env" | "file") && matches!(place.value, Value::Text(_))
}

fn read_secret(path: &str) -> Result<String, String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text))
        .map(|_| text)
        .map_err(|error| format!("cannot read {path}: {error}"))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
