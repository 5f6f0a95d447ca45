//! What must hold of a flow as a whole: every step is reached, every path ends, nothing loops without
//! waiting for the person, and nothing that needs a caller follows one who has left. Beside it: what goes round while
//! the person does nothing ([`silent`]), which values cannot be there yet ([`early`]), where secret digits go
//! ([`secrets`]), how long a caller may hear ringing ([`ring`]), what texts cost ([`texts`]), what the numbers of a flow
//! can do ([`lines`]), and what only shows over all flows ([`flows`], [`far`]) and over a whole organisation
//! ([`organisation`]).

pub(super) mod early;
mod far;
pub(super) mod flows;
pub(crate) mod lines;
pub(super) mod organisation;
mod ring;
pub(super) mod secrets;
mod silent;
pub(crate) mod texts;

use std::collections::BTreeSet;

use super::check::Written;
use super::engine::STEPS_PER_EVENT_MAX;
use super::fault::Fault;
use super::reader::Reading;
use super::steps::{StepDef, Style, Target, Verb};
use super::yaml::{At, Key, Node, Value};

/// Where a step's name and its verb stand.
type Places = [(At, At)];

/// Notes every fault of the whole.
pub(crate) fn prove(
    reading: &mut Reading<'_>,
    steps: &[StepDef],
    places: &Places,
    written: &[&Written<'_>],
) {
    reached(reading, steps, places);
    let ends = ending(reading, steps, places);
    if !waiting(reading, steps, places) {
        too_many(reading, steps, places);
        let is_read = |fault: &Fault| !matches!(fault.code, "expression" | "template" | "type");
        if ends && reading.faults.iter().all(is_read) {
            silent::judge(reading, steps, places, written);
        }
    }
    without_caller(reading, steps, places);
    rejecting(reading, steps, places);
    ring::judge(reading, steps, written);
    flows::note(reading, steps, written);
}

/// The steps an outcome may lead to.
fn after(step: &StepDef) -> impl Iterator<Item = usize> {
    step.then.iter().filter_map(|(_, target)| position(*target))
}

fn position(target: Target) -> Option<usize> {
    match target {
        Target::End => None,
        Target::Step(at) => Some(at),
    }
}

/// Everything reached from these steps; `also` adds the way of callers who leave.
fn closure(
    steps: &[StepDef],
    from: impl IntoIterator<Item = usize>,
    also_hung_up: bool,
) -> Vec<bool> {
    let mut seen = vec![false; steps.len()];
    let mut open: Vec<usize> = from.into_iter().collect();
    while let Some(at) = open.pop() {
        let (Some(step), Some(mark)) = (steps.get(at), seen.get_mut(at)) else {
            continue;
        };
        if std::mem::replace(mark, true) {
            continue;
        }
        open.extend(after(step));
        open.extend(position(step.hung_up).filter(|_| also_hung_up));
    }
    seen
}

/// Steps whose names stand nowhere, in a flow that could not be read whole.
pub(crate) fn unnamed(reading: &mut Reading<'_>, steps: &[(Key, Node)]) {
    let mut words = BTreeSet::new();
    steps
        .iter()
        .for_each(|(_, node)| words_of(node, &mut words));
    let meant: Vec<String> = reading
        .faults
        .iter()
        .filter_map(|fault| Some(fault.nearest()?.to_owned()))
        .collect();
    for (name, _) in steps.iter().skip(1) {
        if !words.contains(name.text.as_str()) && !meant.contains(&name.text) {
            unreachable(reading, &name.text, &name.at);
        }
    }
}

fn words_of<'n>(node: &'n Node, words: &mut BTreeSet<&'n str>) {
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, .. } => {
            words.insert(text);
        }
        Value::List(items) => items.iter().for_each(|item| words_of(item, words)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| words_of(value, words)),
    }
}

fn unreachable(reading: &mut Reading<'_>, step: &str, at: &At) {
    let message = format!("no step leads to `{step}`");
    let help = "name it in a `next` or `then`, or take it out";
    reading.fault_help(at, "unreachable-step", message, help);
}

fn reached(reading: &mut Reading<'_>, steps: &[StepDef], places: &Places) {
    let seen = closure(steps, [0], true);
    for (at, step) in steps.iter().enumerate().filter(|(at, _)| !seen[*at]) {
        unreachable(reading, &step.name, &places[at].0);
    }
}

/// Whether every path may come to an end; tells where one does not.
fn ending(reading: &mut Reading<'_>, steps: &[StepDef], places: &Places) -> bool {
    let leaves = |step: &StepDef| {
        step.spec.style == Style::Leaves
            || step.then.iter().any(|(_, target)| *target == Target::End)
    };
    let mut ends: Vec<bool> = steps.iter().map(leaves).collect();
    loop {
        let more: Vec<usize> = (0..steps.len())
            .filter(|at| !ends[*at] && after(&steps[*at]).any(|next| ends[next]))
            .collect();
        if more.is_empty() {
            break;
        }
        for at in more {
            ends[at] = true;
        }
    }
    let seen = closure(steps, [0], true);
    let never = (0..steps.len()).find(|at| !ends[*at] && seen[*at]);
    if let Some(at) = never {
        let message = format!("from `{}` the flow never ends", steps[at].name);
        let help = "let one outcome go to `end`, or to a step that leaves";
        reading.fault_help(&places[at].0, "never-ends", message, help);
    }
    never.is_none()
}

/// Where a step may lead without waiting: one that waits nowhere, but for one that waits until a calendar opens, while
/// that is open.
fn passing(step: &StepDef) -> impl Iterator<Item = Target> {
    let may_pass = matches!(&step.verb, Verb::Wait(wait) if wait.may_pass());
    let waits = step.waits();
    let passes = move |(outcome, _): &&(String, Target)| match waits {
        true => may_pass && outcome == "elapsed",
        false => true,
    };
    step.then.iter().filter(passes).map(|(_, target)| *target)
}

/// The steps that may follow one without waiting. A called flow may wait, which is seen where both are looked at.
fn at_once(step: &StepDef) -> impl Iterator<Item = usize> {
    let calls = matches!(step.verb, Verb::Call(_));
    passing(step).filter_map(position).filter(move |_| !calls)
}

/// Where a step may lead within the event that came to it: not where a carrier, a phone or another system has to say
/// something first.
fn soon(step: &StepDef) -> impl Iterator<Item = Target> {
    let only: Option<&[&str]> = match &step.verb {
        Verb::Http(_) => Some(&[]),
        Verb::Dial(_) => Some(&["nobody_available"]),
        Verb::Queue(_) => Some(&["timeout"]),
        _ => None,
    };
    let named = step
        .then
        .iter()
        .filter(move |(outcome, _)| only.is_some_and(|only| only.contains(&outcome.as_str())));
    let passing = passing(step).filter(move |_| only.is_none());
    named.map(|(_, target)| *target).chain(passing)
}

/// Whether some of what follows a step comes of a later event.
fn rests(step: &StepDef) -> bool {
    step.waits() || matches!(step.verb, Verb::Http(_) | Verb::Dial(_) | Verb::Queue(_))
}

/// Loops that wait for nobody: found in the flow without the steps that wait. Whether there are any.
fn waiting(reading: &mut Reading<'_>, steps: &[StepDef], places: &Places) -> bool {
    let mut told = vec![false; steps.len()];
    for start in 0..steps.len() {
        if told[start] {
            continue;
        }
        let Some(path) = round(steps, start) else {
            continue;
        };
        for at in &path {
            told[*at] = true;
        }
        let mut names: Vec<&str> = path.iter().map(|at| steps[*at].name.as_str()).collect();
        names.push(&steps[start].name);
        let message = format!(
            "these steps go round without waiting for the person: {}",
            names.join(" → ")
        );
        let passes = |at: &usize| matches!(&steps[*at].verb, Verb::Wait(wait) if wait.may_pass());
        let help = match path.iter().any(passes) {
            true => {
                "`wait: { until: … }` passes at once while the calendar is open; put `wait: 2h` or a question before it, or let it end"
            }
            false => {
                "put a step between them that waits (menu, gather, voicemail, ask, wait), or let it end"
            }
        };
        reading.fault_help(&places[start].0, "endless-loop", message, help);
    }
    told.contains(&true)
}

/// More steps one behind the other than one event may take. Nothing goes round without waiting, which is proven before.
fn too_many(reading: &mut Reading<'_>, steps: &[StepDef], places: &Places) {
    // How many follow at most, the step itself among them.
    let mut longest: Vec<Option<u32>> = vec![None; steps.len()];
    let mut open: Vec<usize> = (0..steps.len()).collect();
    while let Some(&at) = open.last() {
        // What follows behind a called flow is counted where both are looked at.
        let calls = matches!(steps[at].verb, Verb::Call(_));
        let next: Vec<usize> = soon(&steps[at])
            .filter_map(position)
            .filter(|_| !calls)
            .collect();
        let unknown = next.iter().copied().find(|next| longest[*next].is_none());
        match unknown.filter(|_| longest[at].is_none()) {
            Some(next) => open.push(next),
            None => {
                let most = next.iter().filter_map(|next| longest[*next]).max();
                longest[at] = Some(1 + most.unwrap_or(0));
                open.pop();
            }
        }
    }
    let begins = |at: &usize| {
        let later = steps.iter().filter(|step| rests(step)).flat_map(after);
        let hung_up = steps.iter().filter_map(|step| position(step.hung_up));
        *at == 0 || later.chain(hung_up).any(|next| next == *at)
    };
    let over = |at: &usize| longest[*at] > Some(STEPS_PER_EVENT_MAX);
    if let Some(at) = (0..steps.len()).filter(begins).find(over) {
        let count = longest[at].unwrap_or_default();
        let message = format!(
            "from `{}` up to {count} steps follow at once, and one event takes {STEPS_PER_EVENT_MAX}",
            steps[at].name
        );
        let help = "put a step between them that waits (menu, gather, ask), or several into one";
        reading.fault_help(&places[at].0, "too-many-steps", message, help);
    }
}

/// A way from a step back to itself over steps that do not wait.
fn round(steps: &[StepDef], start: usize) -> Option<Vec<usize>> {
    let mut from: Vec<Option<usize>> = vec![None; steps.len()];
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for next in at_once(&steps[at]) {
            if next == start {
                let mut path = vec![at];
                while let Some(before) = path.last().and_then(|last| from[*last]) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if from[next].is_none() {
                from[next] = Some(at);
                open.push(next);
            }
        }
    }
    None
}

/// Whether a step of a call makes no sense once the caller has left: a question that is spoken among them.
fn needs_caller(step: &StepDef) -> bool {
    step.spec.needs_caller || matches!(&step.verb, Verb::Consent(consent) if consent.asks())
}

fn without_caller(reading: &mut Reading<'_>, steps: &[StepDef], places: &Places) {
    let gone = steps.iter().filter_map(|step| position(step.hung_up));
    let seen = closure(steps, gone, false);
    for (at, step) in steps
        .iter()
        .enumerate()
        .filter(|(at, step)| seen[*at] && needs_caller(step))
    {
        let message = format!(
            "`{}` needs a caller, and comes after one has left",
            step.spec.word
        );
        let help = format!(
            "after `caller_hung_up` use inbox, set, tag and the like; give them a step of their own beside `{}`",
            step.name
        );
        reading.fault_help(&places[at].1, "needs-caller", message, help);
    }
}

/// A call that was answered cannot be refused any more.
fn rejecting(reading: &mut Reading<'_>, steps: &[StepDef], places: &Places) {
    let speaks = |step: &StepDef| step.spec.needs_caller && step.spec.style != Style::Leaves;
    let spoken = steps.iter().filter(|step| speaks(step)).flat_map(after);
    let seen = closure(steps, spoken, false);
    for (at, _) in steps
        .iter()
        .enumerate()
        .filter(|(at, step)| seen[*at] && step.spec.word == "reject")
    {
        let message = "here the call may be answered already, and `reject` only hangs up";
        let help = "reject before anything is said or rung";
        reading.warn(&places[at].1, "late-reject", message, help);
    }
}
