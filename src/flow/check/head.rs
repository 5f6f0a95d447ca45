//! The head of a flow file: its name, its account and its kind.

use crate::flow::Kind;
use crate::flow::fault::suggest;
use crate::flow::reader::{Fields, Reading};
use crate::flow::scope::Type;
use crate::flow::yaml::{At, Node};

/// A key that no flow file is without.
pub(super) fn missing(reading: &mut Reading<'_>, fields: &Fields<'_>, key: &str, help: &str) {
    let top = At {
        span: 0..0,
        ..fields.at.clone()
    };
    let message = format!("a flow file needs `{key}`");
    reading.fault_help(&top, "missing-key", message, help);
}

/// The flow's name, account and kind.
pub(super) fn head(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
) -> (Option<String>, Option<Kind>) {
    let key = match fields.get("flow") {
        Some(node) => flow_key(reading, node),
        None => {
            missing(reading, fields, "flow", "add `flow: main-line`, its name");
            None
        }
    };
    match fields.get("account") {
        Some(node) => account(reading, node),
        None => missing(
            reading,
            fields,
            "account",
            "add `account: …`, whose flow it is",
        ),
    }
    let kinds = [("call", Kind::Call), ("sms", Kind::Sms)];
    let kind = match fields.get("on") {
        Some(node) => reading.choice(node, "kind of flow", &kinds),
        None => {
            missing(reading, fields, "on", "add `on: call` or `on: sms`");
            None
        }
    };
    reading.kind = kind.unwrap_or(Kind::Call);
    (key, kind)
}

fn flow_key(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    let key = reading.word(node, "a flow's name")?.to_owned();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !key.starts_with(|c: char| c.is_ascii_lowercase())
        || !key.bytes().all(plain)
        || key.len() > 63
    {
        let help = "a flow's name is written in small letters, digits and `-`, at most 63";
        reading.fault_help(
            &node.at,
            "name",
            format!("`{key}` is no name for a flow"),
            help,
        );
        return None;
    }
    Some(key)
}

fn account(reading: &mut Reading<'_>, node: &Node) {
    let Some(key) = reading.word(node, "an account").map(str::to_owned) else {
        return;
    };
    if let Some(accounts) = reading.names.accounts()
        && !accounts.contains(&key)
    {
        let help = suggest(&key, accounts.iter().map(String::as_str));
        reading.fault_help(
            &node.at,
            "unknown-account",
            format!("there is no account `{key}`"),
            help,
        );
    }
    let columns = reading.names.columns(&key);
    reading.scope.columns = columns.map(|columns| {
        columns
            .into_iter()
            .map(|(key, kind)| (key, Type::from(kind)))
            .collect()
    });
    reading.scope.caseloads = reading.names.caseloads(&key);
    reading.account = key;
}
