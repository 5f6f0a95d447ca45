//! Small readers over the tree of a file: each takes a value of one kind, or says in place what is wrong.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;

use crate::config::problem::{Problem, nearest};
use crate::config::tree::{Key, Node, Value};

/// A value and where it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) at: Range<usize>,
    pub(super) value: T,
}

/// A text and where it stands.
pub(super) type Text = At<String>;

/// What is wrong with a file, gathered while it is read and resolved.
#[derive(Debug, Clone)]
pub(super) struct Findings<'a> {
    pub(super) source: &'a str,
    pub(super) list: RefCell<Vec<Problem>>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let list = RefCell::default();
        Self { source, list }
    }

    /// Notes a mistake.
    pub(super) fn wrong(&self, at: &Range<usize>, words: impl Display, help: Option<String>) {
        let problem = Problem {
            at: Some(at.clone()),
            key: String::new(),
            words: words.to_string(),
            help,
        };
        // Of several mistakes in one place the first is the cause.
        let mut list = self.list.borrow_mut();
        if list.iter().all(|earlier| earlier.at != problem.at) {
            list.push(problem);
        }
    }

    /// Notes a name that nothing has, with the nearest of those that there are.
    pub(super) fn unknown<'k>(
        &self,
        what: &str,
        name: &Text,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let words = format!("there is no {what} \"{}\"", name.value);
        self.wrong(&name.at, words, suggest(&name.value, &known));
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, at: &Range<usize>) -> usize {
        let before = self.source.get(..at.start).unwrap_or(self.source);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// A text; a number or a truth value is asked to be quoted.
    pub(super) fn text(&self, node: &Node) -> Option<Text> {
        if let Value::Text(text) = &node.value {
            let (at, value) = (node.at.clone(), text.trim().to_owned());
            return Some(At { at, value });
        }
        let quote = matches!(node.value, Value::Number(_) | Value::Bool(_));
        let written = self.source.get(node.at.clone()).unwrap_or("").trim();
        let help = quote.then(|| format!("quote this: \"{written}\""));
        let words = format!("expected a text, found {}", node.value.kind());
        self.wrong(&node.at, words, help);
        None
    }

    /// A phone or short code of ours or of theirs, which must stand in quotes. Without them it is read as it is
    /// written, so that what names it resolves.
    pub(super) fn phone_text(&self, node: &Node) -> Option<Text> {
        let written = self.source.get(node.at.clone()).unwrap_or("").trim();
        let plain = matches!(node.value, Value::Text(_) | Value::Number(_));
        if plain && !written.starts_with(['"', '\'']) {
            let words =
                "a phone stands in quotes; without them its plus sign and leading zeros are lost";
            self.wrong(&node.at, words, Some(format!("quote this: \"{written}\"")));
            let (at, value) = (node.at.clone(), written.to_owned());
            return Some(At { at, value });
        }
        self.text(node)
    }

    pub(super) fn flag(&self, node: &Node) -> Option<bool> {
        if let Value::Bool(flag) = node.value {
            return Some(flag);
        }
        let words = format!("expected true or false, found {}", node.value.kind());
        self.wrong(&node.at, words, None);
        None
    }

    /// A whole number from 0 on.
    pub(super) fn whole(&self, node: &Node) -> Option<u32> {
        match node.value {
            Value::Number(number) if number.fract() == 0.0 && (0.0..=4e9).contains(&number) => {
                Some(number as u32)
            }
            _ => {
                self.wrong(&node.at, "expected a whole number, 0 or more", None);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let expected = format!("expected one of {}", list.join(", "));
            let near = nearest(&text.value, list).map(|word| format!("did you mean \"{word}\"?"));
            self.wrong(&text.at, expected, near);
        }
        found.map(|(_, value)| *value)
    }

    /// The items of a list.
    pub(super) fn list<'n>(&self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            other => {
                let words = format!("expected a list, found {}", other.kind());
                self.wrong(
                    &node.at,
                    words,
                    Some("write [ … ] or lines with -".to_owned()),
                );
                &[]
            }
        }
    }

    /// The keys and values of a map whose keys people choose.
    pub(super) fn entries<'n>(&self, node: &'n Node) -> &'n [(Key, Node)] {
        self.entries_of(node, "key")
    }

    fn entries_of<'n>(&self, node: &'n Node, first: &str) -> &'n [(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            other => {
                let words = format!("expected keys and values, found {}", other.kind());
                self.wrong(&node.at, words, Some(format!("write {{ {first}: … }}")));
                &[]
            }
        }
    }

    /// A map with these keys and no others.
    pub(super) fn map<'n>(&'n self, node: &'n Node, known: &[&str]) -> Map<'n> {
        let entries = self.entries_of(node, known.first().unwrap_or(&"key"));
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let words = format!("there is no key \"{}\" here", key.text);
                self.wrong(&key.at, words, suggest(&key.text, known));
            }
        }
        Map {
            at: node.at.clone(),
            entries,
            found: self,
        }
    }
}

fn suggest(name: &str, known: &[&str]) -> Option<String> {
    /// Names listed when none is near.
    const LISTED_MAX: usize = 12;
    match nearest(name, known.iter().copied()) {
        Some(near) => Some(format!("did you mean \"{near}\"?")),
        None if known.is_empty() => None,
        None if known.len() > LISTED_MAX => {
            Some(format!("known: {}, …", known[..LISTED_MAX].join(", ")))
        }
        None => Some(format!("known: {}", known.join(", "))),
    }
}

/// A map with a fixed set of keys. What stands there without a value is as good as left out.
pub(super) struct Map<'n> {
    pub(super) at: Range<usize>,
    entries: &'n [(Key, Node)],
    found: &'n Findings<'n>,
}

impl<'n> Map<'n> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let (_, node) = self.entries.iter().find(|(found, _)| found.text == key)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    pub(super) fn text(&self, key: &str) -> Option<Text> {
        self.found.text(self.get(key)?)
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.found.flag(self.get(key)?)
    }

    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        self.found.choice(self.get(key)?, words)
    }

    /// The items under a key, each read by `read`; `None` when the key is left out.
    pub(super) fn each<T>(
        &self,
        key: &str,
        mut read: impl FnMut(&'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.found.list(self.get(key)?);
        Some(items.iter().filter_map(&mut read).collect())
    }

    /// The texts under a key.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<Text>> {
        self.each(key, |node| self.found.text(node))
    }

    /// Those of these keys that are left out.
    pub(super) fn missing(&self, keys: &[&'static str]) -> Vec<&'static str> {
        let keys = keys.iter().copied();
        keys.filter(|key| self.get(key).is_none()).collect()
    }

    /// A key that must be there.
    pub(super) fn required(&self, key: &str) -> Option<&'n Node> {
        let node = self.get(key);
        if node.is_none() {
            self.found
                .wrong(&self.at, format!("\"{key}\" is missing here"), None);
        }
        node
    }
}
