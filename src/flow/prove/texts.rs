//! What the texts of a flow cost at worst: the words as written, and every value at its longest likely.

use crate::flow::Kind;
use crate::flow::form::{self, Form, Shape};
use crate::flow::reader::Reading;
use crate::flow::scope::{Known, Type};
use crate::flow::yaml::{Node, Value};
use crate::model::text::{Encoding, is_gsm, segments};

/// Warns of every text of a step that may cost more segments than the bound.
pub(crate) fn judge(reading: &mut Reading<'_>, verb: &str, value: &Node) {
    let Some(form) = form::of(verb) else { return };
    // In a call the question is spoken.
    if verb == "consent" && reading.kind == Kind::Call {
        return;
    }
    let sms = form.keys().iter().filter(|key| key.shape == Shape::Sms);
    for key in sms {
        for node in variants(form, key.word, value) {
            one(reading, verb, node);
        }
    }
}

/// The texts behind a key, in all their languages.
pub(super) fn variants<'n>(form: &Form, key: &str, value: &'n Node) -> Vec<&'n Node> {
    let is_form = |pairs: &[(crate::flow::yaml::Key, Node)]| {
        let known = |name: &str| form.keys().iter().any(|key| key.word == name);
        pairs.iter().any(|(key, _)| known(&key.text))
    };
    let found = match &value.value {
        Value::Map(pairs) if is_form(pairs) || form.main != Some(key) => value.get(key),
        _ if form.main == Some(key) => Some(value),
        _ => None,
    };
    match found.map(|node| (&node.value, node)) {
        Some((Value::Map(pairs), _)) => pairs.iter().map(|(_, node)| node).collect(),
        Some((Value::Scalar { .. }, node)) => vec![node],
        _ => Vec::new(),
    }
}

fn one(reading: &mut Reading<'_>, verb: &str, node: &Node) {
    let Value::Scalar { text, .. } = &node.value else {
        return;
    };
    let longest = longest(reading, text);
    let cost = segments(&longest);
    if cost.segments <= reading.bounds.segments_max {
        return;
    }
    let most = reading.bounds.segments_max;
    let message = format!(
        "a text of `{verb}` may cost {} segments, and {most} is the most",
        cost.segments
    );
    let odd = text.char_indices().find(|(_, c)| !is_gsm(*c));
    match odd.filter(|_| cost.encoding == Encoding::Ucs2) {
        Some((at, c)) => {
            let place = reading.inside(node, text, &(at..at + c.len_utf8()));
            let message = format!(
                "{message}: `{c}` (U+{:04X}) makes every segment one of 70 characters instead of 160",
                u32::from(c)
            );
            let help = match plain(c) {
                Some(plain) => format!("write {plain} in its place"),
                None => "shorten the text, or do without this character".to_owned(),
            };
            reading.warn(&place, "segments", message, help);
        }
        None => {
            let help = "shorten the text; values count at their longest likely";
            reading.warn(&node.at, "segments", message, help);
        }
    }
}

/// What people can write for characters that word processors put in.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '“' | '”' | '„' | '«' | '»' => "a plain \"",
        '‘' | '’' | '‚' | '`' => "a plain '",
        '–' | '—' | '‐' | '‑' => "a plain -",
        '…' => "three dots",
        '\u{a0}' | '\u{202f}' | '\u{2009}' => "a plain blank",
        '•' | '·' => "a plain - or *",
        _ => return None,
    })
}

/// The text with every value in it replaced by as many characters as it may have. All branches of an `if` count.
fn longest(reading: &mut Reading<'_>, text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (words, mark) = rest.split_at(open);
        whole.push_str(words);
        let closing = match mark.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ => {
                whole.push('{');
                rest = &mark[1..];
                continue;
            }
        };
        let Some(end) = mark.find(closing) else {
            return whole;
        };
        if closing == "}}" {
            whole.push_str(&value(reading, &mark[2..end]));
        }
        rest = &mark[end + 2..];
    }
    whole.push_str(rest);
    whole
}

/// As many characters as a value may have; an account's name as it is.
fn value(reading: &mut Reading<'_>, inner: &str) -> String {
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let inner = inner.trim_start_matches(['-', ' ']);
    let path = inner.split(end).next().unwrap_or("");
    // What a text names was noted when it was read; here it is only looked up.
    let kept = std::mem::take(&mut reading.scope.kept);
    let known = reading.scope.resolve(path);
    reading.scope.kept = kept;
    if let (Ok(Known::AccountName), Some(name)) =
        (&known, reading.names.account_name(&reading.account))
    {
        return name;
    }
    let spaced = if inner.contains("spaced") { 2 } else { 1 };
    "x".repeat(known.map_or(CHARS, |known| chars(&known)) * spaced)
}

/// The longest likely value of a name, in characters.
const CHARS: usize = 40;

fn chars(name: &Known) -> usize {
    match name {
        Known::From | Known::To | Known::ContactPhone => 15,
        Known::AccountLanguage | Known::ContactLanguage => 5,
        Known::MessageText => 160,
        _ => match name.kind() {
            Type::Number | Type::Date => 10,
            Type::Bool => 3,
            Type::Text | Type::List | Type::Any => CHARS,
        },
    }
}
