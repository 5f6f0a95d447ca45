//! What only shows over all flows: some that lead into each other round and round without waiting for the person.

use std::collections::BTreeMap;

use super::{after, position};
use crate::flow::check::Written;
use crate::flow::fault::Fault;
use crate::flow::reader::Reading;
use crate::flow::steps::StepDef;
use crate::flow::yaml::{At, Value};

/// A way from a flow into another one of its account, on which nobody is waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// The flow it leads to, by key.
    flow: String,
    /// Where that is written.
    at: At,
}

/// A flow with its file and the ways out of it.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    /// The file, as it is shown.
    pub file: &'a str,
    /// The account's key.
    pub account: &'a str,
    /// The flow's key.
    pub flow: &'a str,
    /// Its ways into others.
    pub ways: &'a [Way],
}

/// Keeps the ways into other flows that wait for nobody.
pub(super) fn note(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
    let mut seen = vec![false; steps.len()];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let (Some(step), Some(mark)) = (steps.get(at), seen.get_mut(at)) else {
            continue;
        };
        if std::mem::replace(mark, true) {
            continue;
        }
        if matches!(step.spec.word, "goto" | "call") {
            let node = written[at].verb.1;
            let target = node.get("flow").unwrap_or(node);
            if let Value::Scalar { text, .. } = &target.value {
                let (flow, at) = (text.clone(), target.at.clone());
                reading.ways.push(Way { flow, at });
            }
        }
        // What comes back from another flow may have waited there.
        if !super::holds_up(step) && step.spec.word != "call" {
            open.extend(after(step));
            open.extend(position(step.hung_up));
        }
    }
}

/// A fault for each circle of flows, in the file of its first one by name.
pub fn judge(all: &[Ways<'_>]) -> Vec<(usize, Fault)> {
    let places: BTreeMap<(&str, &str), usize> = all
        .iter()
        .enumerate()
        .map(|(at, one)| ((one.account, one.flow), at))
        .collect();
    let mut told = vec![false; all.len()];
    let mut faults = Vec::new();
    for start in places.values().copied() {
        if told[start] {
            continue;
        }
        let Some(circle) = circle(all, &places, start) else {
            continue;
        };
        for (at, _) in &circle {
            told[*at] = true;
        }
        let mut names: Vec<&str> = circle.iter().map(|(at, _)| all[*at].flow).collect();
        names.push(all[start].flow);
        let message = format!(
            "these flows lead into each other without waiting for the person: {}",
            names.join(" → ")
        );
        let help =
            "put a step before one of these that waits (menu, gather, ask, wait), or let it end";
        let way = circle[0].1;
        let fault = Fault::new(all[start].file, &way.at, "flow-loop", message);
        faults.push((start, fault.with_help(help)));
    }
    faults
}

/// The shortest way from a flow back to itself.
fn circle<'a>(
    all: &[Ways<'a>],
    places: &BTreeMap<(&str, &str), usize>,
    start: usize,
) -> Option<Vec<(usize, &'a Way)>> {
    let mut from: Vec<Option<(usize, &Way)>> = vec![None; all.len()];
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for way in all[at].ways {
            let Some(next) = places.get(&(all[at].account, way.flow.as_str())) else {
                continue;
            };
            if *next == start {
                let mut path = vec![(at, way)];
                while let Some(before) = path.last().and_then(|(last, _)| from[*last]) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if from[*next].is_none() {
                from[*next] = Some((at, way));
                open.push_back(*next);
            }
        }
    }
    None
}
