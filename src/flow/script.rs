//! The `tests:` of a flow file: conversations written beside the steps. Here only their shape is checked.

use super::Kind;
use super::fault::suggest;
use super::reader::Reading;
use super::yaml::{At, Key, Node, Value};

/// Tests of one flow, and lines of one test.
const TESTS_MAX: usize = 200;
const LINES_MAX: usize = 200;

/// What a line of a script may be.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// A text.
    Word,
    /// A text, or nothing.
    MayBeEmpty,
    /// A list, or one.
    List,
    /// A user, or `{ user, accept }`.
    Answers,
    /// Nothing.
    Nothing,
    /// Whatever the part that runs tests makes of it.
    Free,
}

const CALL_LINES: [(&str, Shape); 12] = [
    ("hears", Shape::Word),
    ("presses", Shape::Word),
    ("rings", Shape::List),
    ("answers", Shape::Answers),
    ("no_answer", Shape::MayBeEmpty),
    ("busy", Shape::MayBeEmpty),
    ("declines", Shape::MayBeEmpty),
    ("hangs_up", Shape::MayBeEmpty),
    ("leaves_voicemail", Shape::Word),
    ("passes", Shape::Word),
    ("http", Shape::Free),
    ("staff", Shape::Free),
];
const SMS_LINES: [(&str, Shape); 6] = [
    ("texts", Shape::Word),
    ("receives", Shape::Word),
    ("receives_nothing", Shape::Nothing),
    ("passes", Shape::Word),
    ("http", Shape::Free),
    ("staff", Shape::Free),
];
const EXPECT: [&str; 7] = [
    "voicemail_in",
    "in_box",
    "notified",
    "state",
    "contact",
    "sent",
    "ended_at",
];

/// Notes what is wrong with the tests of a file.
pub(crate) fn check(reading: &mut Reading<'_>, tests: &Node) {
    let Value::List(items) = &tests.value else {
        let help = "write `tests:` and below it `- name: …`";
        return reading.fault_help(&tests.at, "shape", "`tests` is a list", help);
    };
    if items.len() > TESTS_MAX {
        reading.fault(
            &tests.at,
            "out-of-range",
            format!("a flow has at most {TESTS_MAX} tests"),
        );
    }
    for item in items {
        one(reading, item);
    }
}

fn one(reading: &mut Reading<'_>, test: &Node) {
    let begin = reading.kind.as_str();
    let keys = ["name", "at", "call", "sms", "given", "script", "expect"];
    let Some(fields) = reading.fields(test, "a test", &keys, None) else {
        return;
    };
    for key in ["name", "expect"] {
        if fields.get(key).is_none() {
            missing(reading, &test.at, key);
        }
    }
    if let Some(name) = fields.get("name") {
        reading.word(name, "a test's name");
    }
    if let Some(at) = fields.get("at") {
        let text = reading.word(at, "a moment").map(str::to_owned);
        if text.is_some_and(|text| !is_moment(&text)) {
            let help = "write it as 2026-03-03 10:30, in the account's zone";
            reading.fault_help(&at.at, "moment", "this is no moment", help);
        }
    }
    match fields.get(begin) {
        Some(node) => beginning(reading, node, begin),
        None => missing(reading, &test.at, begin),
    }
    if let Some(script) = fields.get("script") {
        lines(reading, script);
    }
    if let Some(expect) = fields.get("expect") {
        reading.fields(expect, "expect", &EXPECT, None);
    }
}

fn missing(reading: &mut Reading<'_>, at: &At, key: &str) {
    let message = format!("a test needs `{key}`");
    reading.fault_help(at, "missing-key", message, format!("add `{key}: …`"));
}

fn beginning(reading: &mut Reading<'_>, node: &Node, what: &str) {
    let keys: &[&'static str] = if what == "call" {
        &["from", "to"]
    } else {
        &["from", "to", "text"]
    };
    let Some(fields) = reading.fields(node, what, keys, None) else {
        return;
    };
    for key in keys {
        match fields.get(key) {
            Some(node) => drop(reading.word(node, key).map(str::to_owned)),
            None => missing(reading, &node.at, key),
        }
    }
}

fn lines(reading: &mut Reading<'_>, script: &Node) {
    let Value::List(items) = &script.value else {
        let help = "write one `- hears: …` or `- texts: …` a line";
        return reading.fault_help(&script.at, "shape", "`script` is a list", help);
    };
    if items.len() > LINES_MAX {
        reading.fault(
            &script.at,
            "out-of-range",
            format!("a script has at most {LINES_MAX} lines"),
        );
    }
    for item in items {
        match &item.value {
            Value::Map(pairs) => match pairs.as_slice() {
                [(key, value)] => line(reading, key, value),
                _ => reading.fault(&item.at, "shape", "a line of a script says one thing"),
            },
            Value::Scalar { text, .. } => {
                let key = Key {
                    text: text.clone(),
                    at: item.at.clone(),
                };
                line(
                    reading,
                    &key,
                    &Node {
                        value: Value::Null,
                        at: item.at.clone(),
                    },
                );
            }
            _ => reading.fault(&item.at, "shape", "a line of a script says one thing"),
        }
    }
}

fn line(reading: &mut Reading<'_>, key: &Key, value: &Node) {
    let known: &[(&str, Shape)] = if reading.kind == Kind::Call {
        &CALL_LINES
    } else {
        &SMS_LINES
    };
    let Some((_, shape)) = known.iter().find(|(name, _)| *name == key.text) else {
        let message = format!("a script has no line `{}`", key.text);
        let help = suggest(&key.text, known.iter().map(|(name, _)| *name));
        return reading.fault_help(&key.at, "unknown-key", message, help);
    };
    let scalar = matches!(value.value, Value::Scalar { .. });
    let fits = match shape {
        Shape::Word => scalar,
        Shape::MayBeEmpty => scalar || value.value == Value::Null,
        Shape::List => scalar || matches!(value.value, Value::List(_)),
        Shape::Answers => scalar || matches!(value.value, Value::Map(_)),
        Shape::Nothing => value.value == Value::Null,
        Shape::Free => true,
    };
    if !fits {
        reading.fault(
            &key.at,
            "shape",
            format!("`{}` is written otherwise", key.text),
        );
    }
    if *shape == Shape::Answers && matches!(value.value, Value::Map(_)) {
        reading.fields(value, "answers", &["user", "accept"], None);
    }
}

fn is_moment(text: &str) -> bool {
    let text = text.replace(' ', "T");
    text.parse::<jiff::civil::DateTime>().is_ok() && text.contains('T')
}
