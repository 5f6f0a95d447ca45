//! What changed between two revisions of a flow, in meaning: steps by their names, whatever their order and spelling.

use super::{Arrow, Change, Drawing, Shape};

/// Two revisions side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What changed, a line each; none where the two mean the same.
    pub lines: Vec<String>,
    /// Both in one drawing.
    pub drawing: Drawing,
}

/// Compares two revisions.
pub fn between(before: &Drawing, after: &Drawing) -> Difference {
    let mut lines = heads(before, after);
    let mut drawing = after.clone();
    if let [Some(was), Some(now)] = [before, after].map(|one| one.steps.first())
        && was.name != now.name
    {
        lines.push(format!("begins with {} instead of {}", now.name, was.name));
    }
    let gone = before
        .steps
        .iter()
        .filter(|step| find(after, &step.name).is_none());
    let names: Vec<String> = after
        .steps
        .iter()
        .chain(gone.clone())
        .map(|step| step.name.clone())
        .collect();
    for step in &mut drawing.steps {
        match find(before, &step.name) {
            None => {
                step.change = Change::Added;
                let arrows = step.arrows.iter_mut();
                arrows.for_each(|arrow| arrow.change = Change::Added);
                lines.push(format!("+ {}: {}", step.name, in_words(step)));
            }
            Some(was) => {
                changed(&mut lines, (before, was), after, step);
                step.arrows = ways((before, was), (after, step), &names);
            }
        }
    }
    for step in gone {
        lines.push(format!("- {}: {}", step.name, in_words(step)));
        let arrows = step.arrows.iter().map(|arrow| Arrow {
            to: arrow
                .to
                .and_then(|to| place(&names, &before.steps.get(to)?.name)),
            change: Change::Removed,
            ..arrow.clone()
        });
        drawing.steps.push(Shape {
            arrows: arrows.collect(),
            change: Change::Removed,
            ..step.clone()
        });
    }
    Difference { lines, drawing }
}

/// What changed above the steps.
fn heads(before: &Drawing, after: &Drawing) -> Vec<String> {
    fn value<'d>(of: &'d Drawing, key: &str) -> Option<&'d str> {
        let mut head = of.head.iter();
        head.find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
    let new = after
        .head
        .iter()
        .filter_map(|(key, now)| match value(before, key) {
            Some(was) if was == now => None,
            Some(was) => Some(format!("{key} is {now} instead of {was}")),
            None => Some(format!("{key} is new: {now}")),
        });
    let gone = before
        .head
        .iter()
        .filter(|(key, _)| value(after, key).is_none());
    new.chain(gone.map(|(key, _)| format!("{key} is no more")))
        .collect()
}

fn find<'d>(drawing: &'d Drawing, name: &str) -> Option<&'d Shape> {
    drawing.steps.iter().find(|step| step.name == name)
}

fn place(names: &[String], name: &str) -> Option<usize> {
    names.iter().position(|one| one == name)
}

fn in_words(step: &Shape) -> String {
    format!("{} {}", step.does(), step.words.join(" "))
        .trim_end()
        .to_owned()
}

/// What is different about a step that both have.
fn changed(
    lines: &mut Vec<String>,
    (before, was): (&Drawing, &Shape),
    after: &Drawing,
    step: &mut Shape,
) {
    let told = lines.len();
    if was.verb == step.verb {
        lines.extend(rewritten(was, step));
    } else {
        lines.push(format!(
            "~ {}: {} instead of {}",
            step.name,
            in_words(step),
            in_words(was)
        ));
    }
    let (old, new) = (outcomes(before, was), outcomes(after, step));
    let name = step.name.clone();
    for (outcome, to) in &new {
        match old.iter().find(|(one, _)| one == outcome) {
            Some((_, was)) if was == to => {}
            Some((_, was)) => {
                lines.push(format!(
                    "~ {name}: {outcome} leads to {to} instead of {was}"
                ));
            }
            None => lines.push(format!("~ {name}: {outcome} is new and leads to {to}")),
        }
    }
    for (outcome, was) in &old {
        if !new.iter().any(|(one, _)| one == outcome) {
            lines.push(format!("~ {name}: {outcome} is no more; it led to {was}"));
        }
    }
    if lines.len() > told {
        step.change = Change::Changed;
    }
}

/// The arrows of a step that both have: those it has, and those it had. One of which only some outcomes led there before
/// becomes two.
fn ways(
    (before, was): (&Drawing, &Shape),
    (after, is): (&Drawing, &Shape),
    names: &[String],
) -> Vec<Arrow> {
    let (old, new) = (outcomes(before, was), outcomes(after, is));
    let there = is.arrows.iter().flat_map(|arrow| {
        let (known, added) = parted(arrow, &target(after, arrow.to), &old);
        let added = added.map(|arrow| of_change(arrow, Change::Added));
        known.into_iter().chain(added)
    });
    let gone = was.arrows.iter().filter_map(|arrow| {
        let (_, gone) = parted(arrow, &target(before, arrow.to), &new);
        let to = |to: usize| place(names, &before.steps.get(to)?.name);
        gone.map(|gone| Arrow {
            to: gone.to.and_then(to),
            ..of_change(gone, Change::Removed)
        })
    });
    there.chain(gone).collect()
}

const fn of_change(mut arrow: Arrow, change: Change) -> Arrow {
    arrow.change = change;
    arrow
}

/// What of an arrow is among these ways too, and what is not.
fn parted(
    arrow: &Arrow,
    target: &str,
    ways: &[(String, String)],
) -> (Option<Arrow>, Option<Arrow>) {
    let is_there = |name: &&String| ways.iter().any(|(one, to)| one == *name && to == target);
    let (there, not): (Vec<&String>, Vec<&String>) = arrow.outcomes.iter().partition(is_there);
    let only = arrow.only && (there.is_empty() || not.is_empty());
    let part = |names: Vec<&String>| {
        (!names.is_empty()).then(|| Arrow {
            outcomes: names.into_iter().cloned().collect(),
            only,
            ..arrow.clone()
        })
    };
    (part(there), part(not))
}

/// What is written otherwise behind the verb, a line for each value; nothing where the same is meant.
fn rewritten(was: &Shape, is: &Shape) -> Vec<String> {
    if was.meant == is.meant {
        return Vec::new();
    }
    let name = &is.name;
    let (before, after) = (&was.written.values, &is.written.values);
    let new = after.iter().filter_map(|(way, now)| match before.get(way) {
        Some(before) if !now.differs(before) => None,
        Some(before) => Some(now.instead_of(way, before)),
        None => Some(now.is_new(way)),
    });
    let gone = before.iter().filter(|(way, _)| !after.contains_key(*way));
    let gone = gone.map(|(way, before)| format!("{way} is no more; it was {before}"));
    let mut lines: Vec<String> = new.chain(gone).collect();
    if lines.is_empty() && was.written.order != is.written.order {
        lines.push("what it names stands in another order".to_owned());
    }
    let of_step = |line| format!("~ {name}: {line}");
    lines.into_iter().map(of_step).collect()
}

/// Each outcome with the name of where it leads.
fn outcomes(drawing: &Drawing, step: &Shape) -> Vec<(String, String)> {
    let of = |arrow: &Arrow| {
        let to = target(drawing, arrow.to);
        let names = arrow.outcomes.iter().cloned();
        names.map(|name| (name, to.clone())).collect::<Vec<_>>()
    };
    step.arrows.iter().flat_map(of).collect()
}

fn target(drawing: &Drawing, to: Option<usize>) -> String {
    to.and_then(|to| drawing.steps.get(to))
        .map_or("end".to_owned(), |step| step.name.clone())
}
