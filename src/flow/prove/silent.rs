//! Loops that go on by themselves while the person does nothing: back by a time that passes, by an answer that does not
//! come, by a recording of silence. Somebody who never answers would be texted, or a forgotten line held, until the
//! steps of a run are used up. A loop with no way out is a fault among texts; elsewhere, and where a way out is nothing
//! that the rounds themselves bring about, it is a warning.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Places, after, position, rests};
use crate::flow::Kind;
use crate::flow::check::Written;
use crate::flow::engine::STEPS_PER_RUN_MAX;
use crate::flow::expr;
use crate::flow::reader::Reading;
use crate::flow::scope::Val;
use crate::flow::steps::{StepDef, Style, Target, Verb};
use crate::flow::yaml::{Key, Node, Value};

/// Where a step may lead while the person does nothing, who may be texted and called.
pub(super) fn silent(step: &StepDef) -> impl Iterator<Item = Target> {
    let only: Option<&[&str]> = match &step.verb {
        Verb::Consent(consent) if consent.asks() => Some(&["unknown"]),
        Verb::Reply(_) | Verb::Send(_) => Some(&["ok"]),
        _ if step.spec.waits => Some(&["timeout", "elapsed", "empty"]),
        _ => None,
    };
    let passes = move |outcome: &str| match only {
        Some(only) => only.contains(&outcome),
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
    // A called flow may wait too.
    let waits = |step: &StepDef| {
        (rests(step) || matches!(step.verb, Verb::Call(_))) && after(step).next().is_some()
    };
    if !steps.iter().any(waits) {
        return;
    }
    let on = |step| silent(step).filter_map(position).collect();
    let on: Vec<Vec<usize>> = steps.iter().map(on).collect();
    for inside in loops(&on, &vec![true; steps.len()]) {
        let found = Loop {
            steps,
            written,
            on: &on,
            inside,
        };
        found.tell(reading, places);
    }
}

/// The steps of each loop that these steps make, as far as they are `left`.
fn loops(on: &[Vec<usize>], left: &[bool]) -> Vec<Vec<bool>> {
    let reached = |from: usize| {
        let mut seen = vec![false; on.len()];
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            for next in on[at].iter().copied().filter(|next| left[*next]) {
                if !std::mem::replace(&mut seen[next], true) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let of_step = |at: usize| if left[at] { reached(at) } else { Vec::new() };
    let reach: Vec<Vec<bool>> = (0..on.len()).map(of_step).collect();
    let leads = |from: usize, to: usize| reach[from].get(to).copied().unwrap_or(false);
    let mut told = vec![false; on.len()];
    let mut found = Vec::new();
    for start in 0..on.len() {
        if told[start] || !leads(start, start) {
            continue;
        }
        let is_inside = |at: usize| leads(start, at) && leads(at, start);
        let inside: Vec<bool> = (0..on.len()).map(is_inside).collect();
        for (told, inside) in told.iter_mut().zip(&inside) {
            *told |= inside;
        }
        found.push(inside);
    }
    found
}

/// What the rounds of a loop write: fixed values, which are the same after the first round, and other names.
struct Changed {
    fixed: BTreeMap<String, Val>,
    names: BTreeSet<String>,
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
        if let Some(uncounted) = self.uncounted() {
            uncounted.told(reading, places, is_trap);
        }
    }

    fn told(&self, reading: &mut Reading<'_>, places: &Places, is_trap: bool) {
        let is_call = reading.kind == Kind::Call;
        let path = self.path();
        let Some(first) = path.first() else { return };
        let sends = path.iter().filter(|at| self.texts(**at)).count();
        if !is_trap && !is_call && sends == 0 {
            return;
        }
        let texts = sends * (STEPS_PER_RUN_MAX as usize / path.len());
        let around = path.iter().chain([first]);
        let names: Vec<&str> = around.map(|at| self.steps[*at].name.as_str()).collect();
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

    /// Whether a step sends something each time, or calls a flow that may.
    fn texts(&self, at: usize) -> bool {
        match &self.steps[at].verb {
            Verb::Reply(_) | Verb::Send(_) | Verb::Email(_) | Verb::Notify(_) | Verb::Call(_) => {
                true
            }
            Verb::Ask(ask) => ask.has_prompt(),
            Verb::Consent(consent) => consent.asks(),
            _ => false,
        }
    }

    /// What of it goes round without being counted: all of it, or a smaller round that passes by the conditions which
    /// lead out and ask for something that the rounds bring about, or by the steps that bring it about.
    fn uncounted(&self) -> Option<Self> {
        let changed = self.changed();
        let (mut conditions, mut asked) = (self.inside.clone(), BTreeSet::new());
        for at in self.members() {
            if let Some(names) = self.ends_by(at, &changed) {
                conditions[at] = false;
                asked.extend(names);
            }
        }
        let mut counts = self.inside.clone();
        for at in self.members() {
            counts[at] &= !self.changes(at).iter().any(|name| asked.contains(name));
        }
        let rest = loops(self.on, &conditions).into_iter();
        let inside = rest.chain(loops(self.on, &counts)).next()?;
        Some(Self { inside, ..*self })
    }

    /// What the rounds write. What several steps write is not always the same.
    fn changed(&self) -> Changed {
        let mut writers: BTreeMap<String, usize> = BTreeMap::new();
        let mut fixed: BTreeMap<String, Val> = BTreeMap::new();
        for at in self.members() {
            for name in self.changes(at) {
                *writers.entry(name).or_default() += 1;
            }
            if let Verb::Set(set) = &self.steps[at].verb {
                fixed.extend(set.fixed());
            }
        }
        fixed.retain(|name, _| writers.get(name) == Some(&1));
        let afresh: BTreeSet<String> = self.begun_afresh(&writers).collect();
        let names = writers.into_keys();
        let names = names.filter(|name| !fixed.contains_key(name) && !afresh.contains(name));
        Changed {
            names: names.collect(),
            fixed,
        }
    }

    /// Names that several steps write, one of them a fixed value in every round: what is counted begins again there.
    fn begun_afresh(&self, writers: &BTreeMap<String, usize>) -> impl Iterator<Item = String> {
        let is_several = |name: &String| writers.get(name).is_some_and(|count| *count > 1);
        self.members().flat_map(move |at| {
            let fixed: Vec<String> = match &self.steps[at].verb {
                Verb::Set(set) => set
                    .fixed()
                    .map(|(name, _)| name)
                    .filter(is_several)
                    .collect(),
                _ => Vec::new(),
            };
            let without = |step: usize| step != at && self.inside[step];
            let rest = || (0..self.steps.len()).map(without).collect::<Vec<bool>>();
            let is_in_all = !fixed.is_empty() && loops(self.on, &rest()).is_empty();
            fixed.into_iter().filter(move |_| is_in_all)
        })
    }

    /// The names by which a condition leads out sooner or later, if it does: because they change from round to round, or
    /// because of what they are after the first.
    fn ends_by(&self, at: usize, changed: &Changed) -> Option<Vec<String>> {
        let step = &self.steps[at];
        let Verb::Branch(branch) = &step.verb else {
            return None;
        };
        let out = |outcome: &str| {
            let found = step.then.iter().find(|(name, _)| name == outcome);
            found.is_some_and(|(_, target)| position(*target).is_none_or(|next| !self.inside[next]))
        };
        let mut seen: Vec<String> = Vec::new();
        for (outcome, condition) in &branch.arms {
            seen.extend(expr::names(condition));
            let changes = seen.iter().any(|name| changed.names.contains(name));
            let is_fixed = seen.iter().any(|name| changed.fixed.contains_key(name));
            match expr::decided(condition, &changed.fixed) {
                Some(false) => {}
                Some(true) => return (out(outcome) && is_fixed).then_some(seen),
                None if out(outcome) && changes => return Some(seen),
                None => {}
            }
        }
        let counts = seen
            .iter()
            .any(|name| changed.names.contains(name) || changed.fixed.contains_key(name));
        (out("else") && counts).then_some(seen)
    }

    /// The names that a step writes though nobody answers.
    fn changes(&self, at: usize) -> Vec<String> {
        let (name, value) = (&self.written[at].name.text, self.written[at].verb.1);
        let keys = |pairs: &[(Key, Node)]| pairs.iter().map(|(key, _)| key.text.clone()).collect();
        let of_step = |values: &[&str]| -> Vec<String> {
            let values = values.iter();
            values
                .map(|value| format!("steps.{name}.{value}"))
                .collect()
        };
        match (&self.steps[at].verb, &value.value) {
            (Verb::Set(set), _) => set.names().collect(),
            (Verb::Tag(tag), _) => tag.changes().map(str::to_owned).collect(),
            (Verb::Call(_), _) => of_step(&["result"]),
            (Verb::Http(_), _) => {
                let saved: Vec<String> = match value.get("save_as").map(|saved| &saved.value) {
                    Some(Value::Map(pairs)) => keys(pairs),
                    Some(Value::Scalar { text, .. }) => vec![text.clone()],
                    _ => Vec::new(),
                };
                [saved, of_step(&["outcome", "status"])].concat()
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
