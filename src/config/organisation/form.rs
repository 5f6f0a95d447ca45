//! The form of keys, phones, zones, addresses and rates: what can be judged without knowing anything else.

use jiff::tz;

use super::node::{At, Findings, Map, Text};
use crate::config::problem::nearest;
use crate::config::tree::{Key, Node, Value};
use crate::model::{Phone, ShortCode, calendar};

/// Letters of a key.
pub(super) const KEY_CHARS_MAX: usize = 63;
/// Letters of a name.
const NAME_CHARS_MAX: usize = 200;
/// Bytes of an address (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;
/// Texts a second that a plan may name.
const RATE_MAX: f64 = 10_000.0;
/// What every contact has, so that no column can be called so.
const BUILT_IN_FIELDS: [&str; 8] = [
    "name",
    "phone",
    "email",
    "language",
    "tags",
    "caseloads",
    "source",
    "id",
];

/// The key of a map as a text with its place.
pub(super) fn map_key(key: &Key) -> Text {
    At {
        at: key.at.clone(),
        value: key.text.clone(),
    }
}

/// Keys begin with a letter and hold small letters, digits and hyphens.
pub(super) fn check_key(key: &Text, found: &Findings<'_>) {
    if !has_form(&key.value, '-') {
        let words = format!("\"{}\" is no key", key.value);
        let help = "a key begins with a small letter, then small letters, digits and hyphens, 63 at most; `name` is free";
        found.wrong(&key.at, words, Some(help.to_owned()));
    } else if key.value == "none" {
        let words = "\"none\" cannot be a key; it is the word for leaving a flow out";
        found.wrong(&key.at, words, None);
    }
}

/// Column keys stand in expressions and templates, so they hold underscores in place of hyphens.
pub(super) fn check_column_key(key: &Text, found: &Findings<'_>) {
    if !has_form(&key.value, '_') {
        let words = format!("\"{}\" is no name of a column", key.value);
        let help = "a column begins with a small letter, then small letters, digits and underscores, 63 at most";
        found.wrong(&key.at, words, Some(help.to_owned()));
    } else if BUILT_IN_FIELDS.contains(&key.value.as_str()) {
        let words = format!(
            "every contact has \"{}\" already; it cannot be a column",
            key.value
        );
        found.wrong(&key.at, words, None);
    }
}

fn has_form(key: &str, joint: char) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.len() <= KEY_CHARS_MAX
        && key.chars().all(fits)
}

/// A free name: not empty, on one line.
pub(super) fn name(map: &Map<'_>, found: &Findings<'_>) -> Option<Text> {
    let name = map.text("name")?;
    let count = name.value.chars().count();
    if count == 0 || count > NAME_CHARS_MAX || name.value.chars().any(char::is_control) {
        let words = format!("a name is one line of 1 to {NAME_CHARS_MAX} characters");
        found.wrong(&name.at, words, None);
        return None;
    }
    Some(name)
}

/// An address; an empty text takes it away.
pub(super) fn email(map: &Map<'_>, found: &Findings<'_>) -> Option<Text> {
    let email = map.text("email")?;
    let parts = email.value.split_once('@');
    let fits = |(user, host): (&str, &str)| {
        !user.is_empty()
            && host.contains('.')
            && !host.contains('@')
            && !host.starts_with('.')
            && !host.ends_with('.')
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c);
    let good = parts.is_some_and(fits)
        && email.value.len() <= EMAIL_BYTES_MAX
        && !email.value.contains(odd);
    if email.value.is_empty() || good {
        return Some(email);
    }
    found.wrong(
        &email.at,
        "expected an e-mail address such as ana@example.org",
        None,
    );
    None
}

/// A phone of a person, in quotes.
pub(super) fn phone(node: &Node, found: &Findings<'_>) -> Option<At<Phone>> {
    let text = found.phone_text(node)?;
    match text.value.parse() {
        Ok(value) => Some(At { at: text.at, value }),
        Err(error) => {
            found.wrong(&text.at, error, None);
            None
        }
    }
}

/// One of our numbers, in quotes: a phone or a short code.
pub(super) fn our_number(map: &Map<'_>, found: &Findings<'_>) -> Option<Text> {
    let text = found.phone_text(map.required("number")?)?;
    if text.value.parse::<Phone>().is_err() && text.value.parse::<ShortCode>().is_err() {
        let words = "expected a number in international form such as \"+12025550100\", or a short code of 3 to 8 digits";
        found.wrong(&text.at, words, None);
    }
    Some(text)
}

/// A time zone by its IANA name.
pub(super) fn zone(map: &Map<'_>, found: &Findings<'_>) -> Option<Text> {
    let zone = map.text("zone")?;
    if let Err(error) = calendar::zone(&zone.value) {
        let known: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
        let near = nearest(&zone.value, known.iter().map(String::as_str));
        let help = near.map(|near| format!("did you mean \"{near}\"?"));
        found.wrong(&zone.at, error, help);
    }
    Some(zone)
}

/// A language tag.
pub(super) fn language(map: &Map<'_>, found: &Findings<'_>) -> Option<Text> {
    let language = map.text("language")?;
    let mut parts = language.value.split('-');
    let first = parts.next().unwrap_or("");
    let primary = (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase());
    let rest = parts.all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if !(primary && rest) {
        let words = "expected a language tag such as en, es or fr-CA";
        found.wrong(&language.at, words, None);
        return None;
    }
    Some(language)
}

/// A monthly limit, or `none`.
pub(super) fn monthly(node: &Node, found: &Findings<'_>) -> Option<Option<u32>> {
    match &node.value {
        Value::Text(text) if text.trim() == "none" => Some(None),
        Value::Number(_) => found.whole(node).map(Some),
        _ => {
            found.wrong(
                &node.at,
                "expected a whole number, or none for no limit",
                None,
            );
            None
        }
    }
}

/// A rate such as `10/s` or `30/min`, in texts or segments a second.
pub(super) fn rate(node: &Node, found: &Findings<'_>) -> Option<f64> {
    let read = |text: &str| {
        let (count, per) = text.split_once('/')?;
        let count: f64 = count.trim().parse().ok()?;
        let seconds = match per.trim() {
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(count / seconds).filter(|rate| *rate > 0.0 && *rate <= RATE_MAX)
    };
    let rate = match &node.value {
        Value::Text(text) => read(text),
        _ => None,
    };
    if rate.is_none() {
        found.wrong(
            &node.at,
            "expected a rate such as 10/s, 30/min or 100/h",
            None,
        );
    }
    rate
}
