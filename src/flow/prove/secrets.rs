//! Where secret digits go within a flow: from the variable that they are saved in they may be checked, said to the
//! caller, handed to a called flow and sent to another system; they are not to be read by members, kept in a contact or
//! written into an address.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{after, closure, position};
use crate::flow::check::Written;
use crate::flow::reader::Reading;
use crate::flow::steps::{StepDef, Verb};
use crate::flow::yaml::{Key, Node, Value};

/// Verbs of which members or other people read what they say.
const SHOWN_BY: [&str; 9] = [
    "reply", "send", "email", "notify", "inbox", "assign", "tag", "dial", "queue",
];

/// Tells where a secret is copied to a place that shows it.
pub(crate) fn judge(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
    never_there(reading, steps, written);
    let mut gathers = Vec::new();
    let mut names = BTreeSet::new();
    for (at, step) in steps.iter().enumerate() {
        if let Verb::Gather(gather) = &step.verb
            && let Some(name) = gather.secret_variable()
        {
            gathers.push(at);
            names.insert(format!("flow.{name}"));
        }
    }
    if names.is_empty() {
        return;
    }
    let secrets = copied(written, names);
    let known = gathers.iter().flat_map(|at| {
        let step = &steps[*at];
        after(step).chain(position(step.hung_up))
    });
    let known = closure(steps, known, true);
    for (step, _) in written.iter().zip(known).filter(|(_, known)| *known) {
        one(reading, step, &secrets);
    }
}

/// Warns where the digits of a secret step are named by the step, which does not keep them.
fn never_there(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
    let is_secret = |step: &&StepDef| matches!(&step.verb, Verb::Gather(gather) if gather.secret);
    let names: BTreeSet<String> = (steps.iter().filter(is_secret))
        .map(|step| format!("steps.{}.digits", step.name))
        .collect();
    if names.is_empty() {
        return;
    }
    for step in written {
        let named = put_out(step.verb.1).find(|part| names.contains(part.name));
        if let Some(part) = named {
            let at = reading.inside(part.node, part.text, &part.span);
            let message = format!("`{}` is always empty: the digits are secret", part.name);
            let help = "save them as `flow.<name>`, which may be checked";
            reading.warn(&at, "secret", message, help);
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

/// These variables and all that they are copied to.
fn copied(written: &[&Written<'_>], names: BTreeSet<String>) -> BTreeSet<String> {
    let mut into: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in written.iter().flat_map(|step| set_by(step)) {
        let target = key.text.as_str();
        for part in put_out(value).filter(|_| target.starts_with("flow.")) {
            into.entry(part.name).or_default().push(target);
        }
    }
    let mut open: Vec<String> = names.iter().cloned().collect();
    let mut secrets = names;
    while let Some(name) = open.pop() {
        for target in into.get(name.as_str()).into_iter().flatten() {
            if secrets.insert((*target).to_owned()) {
                open.push((*target).to_owned());
            }
        }
    }
    secrets
}

fn one(reading: &mut Reading<'_>, step: &Written<'_>, secrets: &BTreeSet<String>) {
    let (word, value) = (step.spec.word, step.verb.1);
    let secret = |node| put_out(node).find(|part| secrets.contains(part.name));
    for (key, value) in set_by(step) {
        if let Some(part) = secret(value).filter(|_| key.text.starts_with("contact.")) {
            let at = reading.inside(part.node, part.text, &part.span);
            let help = "keep what is found out by it, such as `contact.status: checked`";
            reading.fault_help(&at, "secret", "a secret is not kept in a contact", help);
        }
    }
    // What goes in the body or a header of a request is neither in an address nor in a log.
    let (shown, told, help) = match word {
        "http" => (
            value.get("url"),
            "holds secret digits, and addresses stand in other systems' logs".to_owned(),
            "put it into `body`",
        ),
        _ => (
            Some(value).filter(|_| SHOWN_BY.contains(&word)),
            format!("holds secret digits, which `{word}` shows to others and keeps"),
            "take it out, or name what is found out by it",
        ),
    };
    if let Some(part) = shown.and_then(secret) {
        let at = reading.inside(part.node, part.text, &part.span);
        reading.warn(&at, "secret", format!("`{}` {told}", part.name), help);
    }
}

/// A variable whose value a text puts out, and where it stands there.
struct PutOut<'n> {
    name: &'n str,
    node: &'n Node,
    text: &'n str,
    span: Range<usize>,
}

/// The variables whose values the texts below a node put out: those that stand in `{{ }}`, not in a condition.
fn put_out(node: &Node) -> Box<dyn Iterator<Item = PutOut<'_>> + '_> {
    match &node.value {
        Value::Null => Box::new(std::iter::empty()),
        Value::Scalar { text, .. } => Box::new(variables(text).map(move |span| PutOut {
            name: &text[span.clone()],
            node,
            text,
            span,
        })),
        Value::List(items) => Box::new(items.iter().flat_map(put_out)),
        Value::Map(pairs) => Box::new(pairs.iter().flat_map(|(_, value)| put_out(value))),
    }
}

/// Where variables stand in the parts of a text that put something out.
fn variables(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    put_out_by(text).into_iter().flat_map(move |part| {
        let mut at = part.start;
        let words = text[part].split_inclusive(move |c| !is_of_name(c));
        words.filter_map(move |word| {
            let from = at;
            at += word.len();
            let name = word.trim_end_matches(|c| !is_of_name(c));
            let is_kept = name.starts_with("flow.") || name.starts_with("steps.");
            is_kept.then(|| from..from + name.len())
        })
    })
}

/// What stands in `{{ }}`, unless it only says whether something is so, and what `{% for %}` goes through.
fn put_out_by(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|open| at + open) {
        let rest = &text[open..];
        let closing = match (rest.starts_with("{{"), rest.starts_with("{%")) {
            (true, _) => "}}",
            (_, true) => "%}",
            _ => {
                at = open + 1;
                continue;
            }
        };
        let Some(length) = rest.find(closing) else {
            break;
        };
        let inner = rest[2..length].trim_matches([' ', '-']);
        let is_out = match closing {
            "}}" => !is_condition(inner),
            _ => inner.starts_with("for "),
        };
        found.extend(is_out.then_some(open + 2..open + length));
        at = open + length + 2;
    }
    found
}

/// Whether all that comes of it is a yes or a no, or a length.
fn is_condition(inner: &str) -> bool {
    let compares = [
        "==",
        "!=",
        "<",
        ">",
        " in ",
        "present(",
        "length(",
        "starts_with(",
        "contains(",
    ];
    let chooses = inner.contains(" if ") || inner.contains('|');
    !chooses && compares.iter().any(|sign| inner.contains(sign))
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

    #[test]
    fn variables_are_put_out_in_double_braces() {
        for (text, expected) in [
            ("{{ flow.pin }}", "flow.pin"),
            (
                "a {{flow.pin|spaced}} b {{ flow.x + flow.y }}",
                "flow.pin flow.x flow.y",
            ),
            ("{% if flow.pin == '1' %}yes{% endif %} flow.pin", ""),
            ("{{ contact.name }} {{ steps.a.digits }}", "steps.a.digits"),
            ("é {{ flow.é }} {{ flow.pin", "flow."),
            ("{% for d in flow.pin %}{{ d }}{% endfor %}", "flow.pin"),
            ("{{ flow.pin == '1234' }} {{ present(flow.pin) }}", ""),
            (
                "{{ flow.pin if flow.pin == '1' else 'x' }}",
                "flow.pin flow.pin",
            ),
        ] {
            let found: Vec<&str> = variables(text).map(|span| &text[span]).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }
}
