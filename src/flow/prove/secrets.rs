//! Where secret digits go: from the variable that they are saved in they may be checked, said to the caller and sent to
//! another system, and are not to be read by members, kept in a contact or written into an address.

use std::collections::BTreeSet;

use super::early::place;
use crate::flow::check::Written;
use crate::flow::reader::Reading;
use crate::flow::steps::{StepDef, Verb};
use crate::flow::yaml::{At, Key, Node, Value};

/// Verbs of which members, other people or the log of another system keep what they say.
const SHOWN_BY: [&str; 11] = [
    "reply",
    "send",
    "email",
    "notify",
    "inbox",
    "assign",
    "tag",
    "dial",
    "queue",
    "voicemail",
    "http",
];

/// Tells where a secret is copied to a place that shows it.
pub(crate) fn judge(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
    let mut secrets: BTreeSet<String> = steps
        .iter()
        .filter_map(|step| match &step.verb {
            Verb::Gather(gather) => gather.secret_variable(),
            _ => None,
        })
        .map(|name| format!("flow.{name}"))
        .collect();
    if secrets.is_empty() {
        return;
    }
    while copies(reading, written, &mut secrets) {}
    for step in written {
        for secret in &secrets {
            one(reading, step, secret);
        }
    }
}

/// The values that a step sets.
fn set_by<'n>(step: &Written<'n>) -> &'n [(Key, Node)] {
    match (step.spec.word, &step.verb.1.value) {
        ("set", Value::Map(pairs)) => pairs,
        _ => &[],
    }
}

/// Adds the variables that a secret is copied to; whether there were more.
fn copies(reading: &Reading<'_>, written: &[&Written<'_>], secrets: &mut BTreeSet<String>) -> bool {
    let pairs = written.iter().flat_map(|step| set_by(step));
    let copied = pairs.filter(|(key, value)| {
        let mut known = secrets.iter();
        key.text.starts_with("flow.") && known.any(|one| place(reading, value, one).is_some())
    });
    let copied: Vec<String> = copied.map(|(key, _)| key.text.clone()).collect();
    let before = secrets.len();
    secrets.extend(copied);
    secrets.len() > before
}

fn one(reading: &mut Reading<'_>, step: &Written<'_>, secret: &str) {
    let (word, value) = (step.spec.word, step.verb.1);
    let kept = set_by(step).iter();
    let kept = kept.filter(|(key, _)| key.text.starts_with("contact."));
    let kept: Vec<At> = kept
        .filter_map(|(_, value)| place(reading, value, secret))
        .collect();
    for at in kept {
        let help = "keep what is found out by it, such as `contact.status: checked`";
        reading.fault_help(&at, "secret", "a secret is not kept in a contact", help);
    }
    // What goes in the body or a header of a request is neither in an address nor in a log.
    let shown = match word {
        "http" => value.get("url"),
        _ => Some(value).filter(|_| SHOWN_BY.contains(&word)),
    };
    if let Some(at) = shown.and_then(|node| place(reading, node, secret)) {
        let (message, help) = match word {
            "http" => (
                format!(
                    "`{secret}` holds secret digits, and addresses stand in other systems' logs"
                ),
                "put it into `body`",
            ),
            _ => (
                format!("`{secret}` holds secret digits, which `{word}` shows to others and keeps"),
                "take it out, or name what is found out by it",
            ),
        };
        reading.warn(&at, "secret", message, help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::steps::spec;

    #[test]
    fn verbs_that_show_what_they_say_are_verbs() {
        let missing: Vec<_> = SHOWN_BY
            .iter()
            .filter(|word| spec(word).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
