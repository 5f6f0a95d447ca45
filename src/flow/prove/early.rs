//! Values that cannot be there yet: of a step that no way leads from to where they are named.

use std::collections::BTreeSet;

use super::{after, closure, position};
use crate::flow::check::{Written, saves};
use crate::flow::reader::Reading;
use crate::flow::steps::{StepDef, Verb};
use crate::flow::yaml::{At, Key, Node, Value};

/// Warns of every such name; `uses` are the values of steps and the variables that each step names.
pub(crate) fn judge(
    reading: &mut Reading<'_>,
    steps: &[StepDef],
    written: &[&Written<'_>],
    uses: &[BTreeSet<String>],
) {
    if uses.iter().all(BTreeSet::is_empty) {
        return;
    }
    let comes_after: Vec<Vec<bool>> = steps
        .iter()
        .map(|step| closure(steps, after(step).chain(position(step.hung_up)), true))
        .collect();
    let saved: Vec<Vec<String>> = written
        .iter()
        .map(|step| {
            saves(step.verb.1)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        })
        .collect();
    for (here, names) in uses.iter().enumerate() {
        for path in names {
            let from = makers(path, steps, &saved);
            let own = |at: &usize| *at == here && knows_its_own(reading, written[here], path);
            let may_be = from.iter().any(|at| comes_after[*at][here] || own(at));
            let name = path.strip_prefix("flow.");
            let is_given = name.is_some_and(|name| reading.scope.given.contains(name));
            let never = name.is_some_and(|name| {
                let mut makers = from.iter().map(|at| &steps[*at].verb);
                makers.all(|verb| matches!(verb, Verb::Set(set) if set.needs_itself(name)))
            });
            if never && !is_given && !from.is_empty() {
                from_nothing(reading, path, written[here]);
            } else if !may_be && !is_given && !from.is_empty() {
                let makers: Vec<&str> = from.iter().map(|at| steps[*at].name.as_str()).collect();
                tell(reading, path, &makers, written[here]);
            }
        }
    }
}

/// Steps that say all they say before anything comes of them.
const AT_ONCE: [&str; 15] = [
    "say", "play", "hangup", "reject", "reply", "inbox", "assign", "close", "hours", "branch",
    "tag", "send", "split", "email", "notify",
];

/// Whether a step may name what comes of itself: it asks a second time and knows what it got the first time, or what is
/// answered; and of several values that are set at once the later ones know the earlier.
fn knows_its_own(reading: &Reading<'_>, step: &Written<'_>, path: &str) -> bool {
    match (step.spec.word, &step.verb.1.value) {
        ("set", Value::Map(pairs)) => {
            let names = |(_, value): &&(Key, Node)| place(reading, value, path).is_some();
            let sets = |(key, _): &(Key, Node)| key.text == path;
            pairs.iter().find(names).is_none()
                || pairs.iter().take_while(|pair| !names(pair)).any(sets)
        }
        (word, _) => word != "set" && !AT_ONCE.contains(&word),
    }
}

/// The steps that bring a value about.
fn makers(path: &str, steps: &[StepDef], saved: &[Vec<String>]) -> Vec<usize> {
    let mut parts = path.split('.');
    let (root, name) = (parts.next(), parts.next().unwrap_or(""));
    let makes = |at: &usize| match root {
        Some("flow") => saved[*at].iter().any(|saved| saved == name),
        _ => steps[*at].name == name,
    };
    (0..steps.len()).filter(makes).collect()
}

fn tell(reading: &mut Reading<'_>, path: &str, makers: &[&str], step: &Written<'_>) {
    let at = place(reading, step.verb.1, path).unwrap_or_else(|| step.name.at.clone());
    let makers = makers.join("`, `");
    let message = format!("`{path}` is always empty in `{}`", step.name.text);
    let help = format!("it comes from `{makers}`, and no way leads from there to here");
    reading.warn(&at, "too-early", message, help);
}

fn from_nothing(reading: &mut Reading<'_>, path: &str, step: &Written<'_>) {
    let at = place(reading, step.verb.1, path).unwrap_or_else(|| step.name.at.clone());
    let message = format!("`{path}` is always empty: it is computed from itself and never begins");
    let help = format!("write `{path} | default(0)` where it is computed");
    reading.warn(&at, "too-early", message, help);
}

/// Where a name stands in a step.
fn place(reading: &Reading<'_>, node: &Node, path: &str) -> Option<At> {
    match &node.value {
        Value::Null => None,
        Value::Scalar { text, .. } => {
            let whole = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
            let mut found = text.match_indices(path);
            let (start, _) = found.find(|(start, _)| {
                let (before, behind) = (&text[..*start], &text[start + path.len()..]);
                (before.ends_with(whole) || before.is_empty())
                    && (behind.starts_with(whole) || behind.is_empty())
            })?;
            Some(reading.inside(node, text, &(start..start + path.len())))
        }
        Value::List(items) => items.iter().find_map(|item| place(reading, item, path)),
        Value::Map(pairs) => {
            let mut values = pairs.iter().map(|(_, value)| value);
            values.find_map(|value| place(reading, value, path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::steps::spec;

    #[test]
    fn verbs_that_say_all_at_once_are_verbs() {
        let missing: Vec<_> = AT_ONCE.iter().filter(|word| spec(word).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
