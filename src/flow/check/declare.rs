//! What a flow's texts and conditions may name, found before any of them is read.

use super::Written;
use crate::flow::reader::Reading;
use crate::flow::scope::Type;
use crate::flow::yaml::{Key, Node, Value};

/// What texts and conditions anywhere in the flow may name: the values of steps, and the variables that some
/// step saves.
pub(super) fn declare(
    reading: &mut Reading<'_>,
    written: &[Option<Written<'_>>],
    pairs: &[(Key, Node)],
) {
    // A step that could not be read is still a name, so that one fault does not make others.
    for (key, _) in pairs {
        reading
            .scope
            .steps
            .insert(key.text.clone(), &[("outcome", Type::Text)]);
    }
    for one in written.iter().flatten() {
        reading
            .scope
            .steps
            .insert(one.name.text.clone(), one.spec.values);
        for (name, kind) in saves(one.verb.1) {
            let slot = reading.scope.vars.entry(name).or_insert(kind);
            if *slot != kind {
                *slot = Type::Any;
            }
        }
    }
}

/// The variables a step saves: its `save_as`, or the names of a `set`.
pub(crate) fn saves(verb: &Node) -> Vec<(String, Type)> {
    let Value::Map(pairs) = &verb.value else {
        return Vec::new();
    };
    let scalar = |wanted: &str| {
        let found = pairs.iter().find(|(key, _)| key.text == wanted);
        found.and_then(|(_, node)| match &node.value {
            Value::Scalar { text, .. } => Some(text.as_str()),
            _ => None,
        })
    };
    let kind = match scalar("expect") {
        Some("number") => Type::Number,
        Some("date") => Type::Date,
        _ => Type::Text,
    };
    let mut found = Vec::new();
    if let Some(name) = scalar("save_as").and_then(|path| path.strip_prefix("flow.")) {
        found.push((name.to_owned(), kind));
    }
    let parts = pairs.iter().find(|(key, _)| key.text == "save_as");
    if let Some((
        _,
        Node {
            value: Value::Map(parts),
            ..
        },
    )) = parts
    {
        let names = parts
            .iter()
            .filter_map(|(key, _)| key.text.strip_prefix("flow."));
        found.extend(names.map(|name| (name.to_owned(), Type::Any)));
    }
    for (key, value) in pairs {
        if let Some(name) = key.text.strip_prefix("flow.") {
            // A sole value keeps its type, which is known only when it runs; a bare number is one, and stands for its
            // text too.
            let is_any = matches!(
                &value.value,
                Value::Scalar { text, bare } if *bare || text.trim_start().starts_with("{{")
            );
            found.push((name.to_owned(), if is_any { Type::Any } else { Type::Text }));
        }
    }
    found
}
