//! Loops that go on by themselves while the person does nothing: back by a time that passes, by an answer that does not
//! come, by a recording of silence. Somebody who never answers would be texted, or a forgotten line held, until the
//! steps of a run are used up. A loop with no way out is a fault among texts; elsewhere, and where a way out is nothing
//! that the rounds themselves bring about, it is a warning.

use std::collections::VecDeque;

use super::early::place;
use super::{Places, after, position, rests};
use crate::flow::Kind;
use crate::flow::check::Written;
use crate::flow::engine::STEPS_PER_RUN_MAX;
use crate::flow::reader::Reading;
use crate::flow::steps::{StepDef, Style, Target, Verb};
use crate::flow::yaml::{Key, Node, Value};

/// Where a step may lead while the person does nothing.
pub(super) fn silent(step: &StepDef) -> impl Iterator<Item = Target> {
    let named = match &step.verb {
        Verb::Consent(consent) if consent.asks() => Some(["unknown", ""]),
        _ if step.spec.waits => Some(["timeout", "elapsed"]),
        _ => None,
    };
    let passes = move |outcome: &str| match named {
        Some(named) => named.contains(&outcome) || outcome == "empty",
        None => !matches!(outcome, "answered" | "connected" | "callback"),
    };
    let then = step.then.iter();
    then.filter(move |(outcome, _)| passes(outcome))
        .map(|(_, target)| *target)
}

/// Tells of every such loop.
pub(super) fn judge(
    reading: &mut Reading<'_>,
    steps: &[StepDef],
    places: &Places,
    written: &[&Written<'_>],
) {
    let waits = |step: &StepDef| rests(step) && after(step).next().is_some();
    if !steps.iter().any(waits) {
        return;
    }
    let on: Vec<Vec<usize>> = steps
        .iter()
        .map(|step| silent(step).filter_map(position).collect())
        .collect();
    let reach: Vec<Vec<bool>> = (0..steps.len()).map(|at| reached(&on, at)).collect();
    let mut told = vec![false; steps.len()];
    for start in 0..steps.len() {
        if told[start] || !reach[start][start] {
            continue;
        }
        let inside: Vec<bool> = (0..steps.len())
            .map(|at| reach[start][at] && reach[at][start])
            .collect();
        for (told, inside) in told.iter_mut().zip(&inside) {
            *told |= inside;
        }
        let found = Loop {
            steps,
            written,
            on: &on,
            inside,
        };
        found.tell(reading, places);
    }
}

/// What may follow a step in silence.
fn reached(on: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut seen = vec![false; on.len()];
    let mut open = on[from].clone();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(&on[at]);
        }
    }
    seen
}

/// Steps that come back to each other in silence.
struct Loop<'l> {
    steps: &'l [StepDef],
    written: &'l [&'l Written<'l>],
    /// What follows each step in silence.
    on: &'l [Vec<usize>],
    inside: Vec<bool>,
}

impl Loop<'_> {
    fn members(&self) -> impl Iterator<Item = usize> {
        (0..self.steps.len()).filter(|at| self.inside[*at])
    }

    fn tell(&self, reading: &mut Reading<'_>, places: &Places) {
        let is_trap = !self.members().any(|at| self.leads_out(at));
        let is_call = reading.kind == Kind::Call;
        let told = is_trap || is_call || self.members().any(|at| self.texts(at));
        if !told || self.is_counted(reading) {
            return;
        }
        let path = self.path();
        let (Some(first), texts) = (path.first(), path.iter().filter(|at| self.texts(**at))) else {
            return;
        };
        let rounds = STEPS_PER_RUN_MAX as usize / path.len();
        let texts = rounds * texts.count();
        let names: Vec<&str> = path
            .iter()
            .chain([first])
            .map(|at| self.steps[*at].name.as_str())
            .collect();
        let names = names.join(" → ");
        let at = &places[*first].0;
        let help = "let a `branch` end it after some rounds, counted by `set`, or lead the outcome of silence elsewhere";
        let message = match (is_call, texts) {
            (true, _) => format!("a caller who does nothing goes round here: {names}"),
            (false, 0) => format!("this goes round by itself, without the person: {names}"),
            (false, texts) => {
                format!("whoever never answers may get some {texts} messages here: {names}")
            }
        };
        match is_trap && !is_call {
            true => reading.fault_help(at, "silent-loop", message, help),
            false => reading.warn(at, "silent-loop", message, help),
        }
    }

    fn leads_out(&self, at: usize) -> bool {
        let step = &self.steps[at];
        let mut ways = silent(step);
        step.spec.style == Style::Leaves
            || ways.any(|target| position(target).is_none_or(|next| !self.inside[next]))
    }

    /// Whether a step sends something each time.
    fn texts(&self, at: usize) -> bool {
        match &self.steps[at].verb {
            Verb::Reply(_) | Verb::Send(_) | Verb::Email(_) | Verb::Notify(_) => true,
            Verb::Ask(ask) => ask.has_prompt(),
            Verb::Consent(consent) => consent.asks(),
            _ => false,
        }
    }

    /// Whether a condition that leads out asks for something that the rounds set or fetch.
    fn is_counted(&self, reading: &Reading<'_>) -> bool {
        let changed: Vec<String> = self.members().flat_map(|at| self.changes(at)).collect();
        let asks = |at: usize| {
            let condition = self.written[at].verb.1;
            let mut changed = changed.iter();
            changed.any(|name| place(reading, condition, name).is_some())
        };
        let mut branches = self
            .members()
            .filter(|at| matches!(self.steps[*at].verb, Verb::Branch(_)) && self.leads_out(*at));
        branches.any(asks)
    }

    /// The names that a step writes though nobody answers.
    fn changes(&self, at: usize) -> Vec<String> {
        let (name, value) = (&self.written[at].name.text, self.written[at].verb.1);
        let keys = |pairs: &[(Key, Node)]| pairs.iter().map(|(key, _)| key.text.clone()).collect();
        match (&self.steps[at].verb, &value.value) {
            (Verb::Set(_), Value::Map(pairs)) => keys(pairs),
            (Verb::Http(_), _) => {
                let mut names = match value.get("save_as").map(|saved| &saved.value) {
                    Some(Value::Map(pairs)) => keys(pairs),
                    Some(Value::Scalar { text, .. }) => vec![text.clone()],
                    _ => Vec::new(),
                };
                names.extend(["outcome", "status"].map(|value| format!("steps.{name}.{value}")));
                names
            }
            _ => Vec::new(),
        }
    }

    /// The shortest way round, from a step that sends something where there is one.
    fn path(&self) -> Vec<usize> {
        let sends = self.members().find(|at| self.texts(*at));
        let Some(start) = sends.or_else(|| self.members().next()) else {
            return Vec::new();
        };
        let mut from: Vec<Option<usize>> = vec![None; self.steps.len()];
        let mut open = VecDeque::from([start]);
        while let Some(at) = open.pop_front() {
            for next in self.on[at].iter().copied() {
                if next == start {
                    let mut path = vec![at];
                    while let Some(before) = path.last().and_then(|last| from[*last]) {
                        path.push(before);
                    }
                    path.reverse();
                    return path;
                }
                if self.inside[next] && from[next].is_none() {
                    from[next] = Some(at);
                    open.push_back(next);
                }
            }
        }
        Vec::new()
    }
}
