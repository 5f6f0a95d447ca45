//! The lines of a script.

use serde_json::json;

use super::read::who;
use super::{Line, Says, StaffDoes};
use crate::flow::Kind;
use crate::flow::fault::suggest;
use crate::flow::reader::Reading;
use crate::flow::yaml::{At, Key, Node, QUOTE_HELP, Value};
use crate::model::MessageStatus;
use crate::model::http::HttpAnswer;

/// Lines of one script.
const LINES_MAX: usize = 200;
/// What one line lets pass, and the longest message that is spoken.
const PASSES_MAX_S: u32 = 400 * 86_400;
const SPOKEN_MAX_S: u32 = 3_600;
/// Keys pressed in one line.
const KEYS_MAX: usize = 64;

/// Those of calls alone.
const CALL_LINES: [&str; 10] = [
    "hears",
    "presses",
    "rings",
    "answers",
    "no_answer",
    "busy",
    "declines",
    "fails",
    "hangs_up",
    "leaves_voicemail",
];
/// Those of both: a call may be followed by texts.
const LINES: [&str; 7] = [
    "texts",
    "receives",
    "receives_nothing",
    "receipt",
    "passes",
    "http",
    "staff",
];

/// Lines that hold whatever a flow does, beside `hangs_up` of the caller; see [`Says::can_fail`].
pub(crate) const HAPPEN: [&str; 2] = ["texts", "passes"];

/// Reads a script; a line that is wrong is noted and left out.
pub(super) fn read(reading: &mut Reading<'_>, script: &Node) -> Vec<Line> {
    let Value::List(items) = &script.value else {
        let help = "write one `- hears: …` or `- texts: …` a line";
        reading.fault_help(&script.at, "shape", "`script` is a list", help);
        return Vec::new();
    };
    if items.len() > LINES_MAX {
        let message = format!("a script has at most {LINES_MAX} lines");
        reading.fault(&script.at, "out-of-range", message);
        return Vec::new();
    }
    items.iter().filter_map(|item| one(reading, item)).collect()
}

/// Reads one line: `word: value`, or `word` alone.
pub(crate) fn one(reading: &mut Reading<'_>, item: &Node) -> Option<Line> {
    let nothing = Node {
        value: Value::Null,
        at: item.at.clone(),
    };
    let alone;
    let (key, value) = match &item.value {
        Value::Map(pairs) if pairs.len() == 1 => (&pairs[0].0, &pairs[0].1),
        Value::Scalar { text, .. } => {
            alone = Key {
                text: text.clone(),
                at: item.at.clone(),
            };
            (&alone, &nothing)
        }
        _ => {
            let help = match &item.value {
                // Behind the comma of a text without quotes YAML reads a key.
                Value::Map(pairs)
                    if pairs
                        .iter()
                        .skip(1)
                        .all(|(_, value)| value.value == Value::Null) =>
                {
                    QUOTE_HELP
                }
                _ => "begin a line of its own with - for each thing",
            };
            reading.fault_help(&item.at, "shape", "a line of a script says one thing", help);
            return None;
        }
    };
    let says = says(reading, key, value)?;
    Some(Line {
        line: key.at.line,
        says,
    })
}

/// The words that a line of a script may begin with.
pub(crate) fn known(kind: Kind) -> impl Iterator<Item = &'static str> {
    let calls = CALL_LINES.into_iter().filter(move |_| kind == Kind::Call);
    calls.chain(LINES)
}

fn says(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Says> {
    if !known(reading.kind).any(|word| word == key.text) {
        let message = format!("a script has no line `{}`", key.text);
        let help = match key.text.as_str() {
            "hears" => "callers hear; whoever is texted `receives`".to_owned(),
            word if CALL_LINES.contains(&word) => "only tests of calls have it".to_owned(),
            word => suggest(word, known(reading.kind)),
        };
        reading.fault_help(&key.at, "unknown-key", message, help);
        return None;
    }
    match key.text.as_str() {
        "hears" => part(reading, key, value).map(Says::Hears),
        "receives" => part(reading, key, value).map(Says::Receives),
        "texts" => text(reading, key, value).map(Says::Texts),
        "presses" => keys(reading, key, value).map(Says::Presses),
        "rings" => rings(reading, key, value).map(Says::Rings),
        "answers" => answers(reading, key, value),
        "no_answer" => one_or_all(reading, key, value).map(Says::NoAnswer),
        "busy" => one_or_all(reading, key, value).map(Says::Busy),
        "declines" => one_or_all(reading, key, value).map(Says::Declines),
        "fails" => one_or_all(reading, key, value).map(Says::Fails),
        "hangs_up" => one_or_all(reading, key, value).map(Says::HangsUp),
        "leaves_voicemail" => seconds(reading, key, value, SPOKEN_MAX_S).map(Says::LeavesVoicemail),
        "passes" => seconds(reading, key, value, PASSES_MAX_S).map(Says::Passes),
        "receives_nothing" => match value.value {
            Value::Null => Some(Says::ReceivesNothing),
            _ => otherwise(reading, key),
        },
        "receipt" => receipt(reading, key, value),
        "staff" => staff(reading, key, value),
        _ => http(reading, key, value),
    }
}

fn otherwise<T>(reading: &mut Reading<'_>, key: &Key) -> Option<T> {
    let message = format!("`{}` is written otherwise", key.text);
    let help = match key.text.as_str() {
        "receives_nothing" => "write `- receives_nothing:` with nothing behind it",
        "receipt" => {
            "write `- receipt: delivered`, or `- receipt: { status: failed, error: 30005 }`"
        }
        "staff" => "write `- staff: { user: ana, replies: We call you back }`",
        "http" => "write `- http: { status: 200, body: { name: Pat } }`",
        "rings" => "write `- rings: ana`, or `- rings: [ana, ben]`",
        "answers" => "write `- answers: ana`, or `- answers: { user: ana, accept: true }`",
        _ => "write one value behind it, as docs/flows.md shows",
    };
    reading.fault_help(&key.at, "shape", message, help);
    None
}

/// A part of a text that came; every text has an empty one.
fn part(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<String> {
    let part = text(reading, key, value)?;
    if part.trim().is_empty() {
        let message = format!("`{}` has no words", key.text);
        let help = "say a part of the text that no other text has";
        reading.fault_help(&value.at, "empty", message, help);
        return None;
    }
    Some(part)
}

fn text(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<String> {
    match &value.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        _ => otherwise(reading, key),
    }
}

fn keys(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<String> {
    let keys = text(reading, key, value)?;
    let plain = |c: char| c.is_ascii_digit() || c == '*' || c == '#';
    if keys.is_empty() || keys.len() > KEYS_MAX || !keys.chars().all(plain) {
        let message = format!("`{keys}` cannot be pressed");
        let help = "a phone has the keys 0 to 9, \"*\" and \"#\"";
        reading.fault_help(&value.at, "unknown-value", message, help);
        return None;
    }
    Some(keys)
}

fn seconds(reading: &mut Reading<'_>, key: &Key, value: &Node, max_s: u32) -> Option<u32> {
    match value.value {
        Value::Scalar { .. } => reading.duration(value, &format!("`{}`", key.text), 0, max_s),
        _ => otherwise(reading, key),
    }
}

/// A user, or the number of a phone that is nobody's.
fn called(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar { text, .. } if text.starts_with('+') => Some(text.clone()),
        _ => reading.player(node),
    }
}

fn rings(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Vec<String>> {
    match &value.value {
        Value::Scalar { .. } | Value::List(_) => {
            let nodes = reading.list(value, "`rings`");
            let users = nodes.into_iter().filter_map(|node| called(reading, node));
            Some(users.collect())
        }
        _ => otherwise(reading, key),
    }
}

fn one_or_all(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Option<String>> {
    match value.value {
        Value::Null => Some(None),
        Value::Scalar { .. } => called(reading, value).map(Some),
        _ => otherwise(reading, key),
    }
}

fn answers(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Says> {
    if let Value::Map(_) = value.value {
        let fields = reading.fields(value, "answers", &["user", "accept"], None)?;
        let who = fields.get("user").map(|node| called(reading, node));
        let accept = fields.get("accept");
        let accept = accept.map(|node| reading.boolean(node, "answer"));
        return Some(Says::Answers {
            who: who.map_or(Some(None), |who| who.map(Some))?,
            accept: accept.unwrap_or(Some(true))?,
        });
    }
    let who = one_or_all(reading, key, value)?;
    Some(Says::Answers { who, accept: true })
}

fn receipt(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Says> {
    let (status, error) = match value.value {
        Value::Map(_) => {
            let fields = reading.fields(value, "receipt", &["status", "error"], Some("status"))?;
            (fields.get("status"), fields.get("error"))
        }
        _ => (Some(value), None),
    };
    let Some(status) = status else {
        return otherwise(reading, key);
    };
    let choices = [
        MessageStatus::Sent,
        MessageStatus::Delivered,
        MessageStatus::Undelivered,
        MessageStatus::Failed,
    ];
    let choices = choices.map(|status| (status.as_str(), status));
    let status = reading.choice(status, "receipt", &choices)?;
    let error = error.and_then(|node| reading.word(node, "an error number").map(str::to_owned));
    Some(Says::Receipt { status, error })
}

const STAFF: [&str; 5] = ["user", "replies", "assigns", "completes", "closes"];

fn staff(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Says> {
    let Value::Map(pairs) = &value.value else {
        return otherwise(reading, key);
    };
    let (mut user, mut does) = (None, None);
    for (key, node) in pairs {
        match key.text.as_str() {
            "user" => user = reading.player(node),
            "replies" => does = text(reading, key, node).map(StaffDoes::Replies),
            "assigns" => does = who(reading, node).map(StaffDoes::Assigns),
            "completes" => does = Some(StaffDoes::Completes),
            "closes" => does = Some(StaffDoes::Closes),
            _ => unknown(reading, &key.at, &key.text),
        }
    }
    match (user, does) {
        (Some(user), Some(does)) => Some(Says::Staff { user, does }),
        _ if pairs.len() < 2 => {
            let help = "write { user: ana, replies: … }";
            reading.fault_help(&key.at, "shape", "`staff` says who does what", help);
            None
        }
        _ => None,
    }
}

fn unknown(reading: &mut Reading<'_>, at: &At, key: &str) {
    let message = format!("`staff` has no key `{key}`");
    reading.fault_help(at, "unknown-key", message, suggest(key, STAFF));
}

/// A status, `no_answer`, or `{ status, body, url }`.
fn http(reading: &mut Reading<'_>, key: &Key, value: &Node) -> Option<Says> {
    let keys = ["status", "body", "url"];
    let fields = match value.value {
        Value::Scalar { .. } | Value::Map(_) => {
            reading.fields(value, "http", &keys, Some("status"))?
        }
        _ => return otherwise(reading, key),
    };
    let body = fields.get("body").map(free);
    let body = body.map_or_else(String::new, |body| match body {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    });
    let url = fields.get("url");
    let url = url.and_then(|node| reading.word(node, "an address").map(str::to_owned));
    let answer = match fields.get("status") {
        Some(node) if matches!(&node.value, Value::Scalar { text, .. } if text == "no_answer") => {
            HttpAnswer::None("no_answer".to_owned())
        }
        Some(node) => HttpAnswer::Answer {
            status: u16::try_from(reading.count(node, "a status", 100, 599)?).ok()?,
            body,
        },
        None => HttpAnswer::Answer { status: 200, body },
    };
    Some(Says::Http { url, answer })
}

/// A value as it stands there.
fn free(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Scalar { text, bare } => match text.parse::<serde_json::Value>() {
            Ok(value) if *bare => value,
            _ => json!(text),
        },
        Value::List(items) => items.iter().map(free).collect(),
        Value::Map(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(key, node)| (key.text.clone(), free(node)));
            serde_json::Value::Object(pairs.collect())
        }
    }
}
