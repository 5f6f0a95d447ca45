//! What only shows over all flows: some that lead into each other round and round without waiting for the person, or
//! further than one event may go ([`far`]), and files that say they are the same one.

use std::collections::{BTreeMap, BTreeSet};

use super::far::{self, Lead, TooFar};
use super::silent::silent;
use super::{after, passing, position, rests, soon};
use crate::flow::check::{Bounds, Checked, Written, inspect};
use crate::flow::fault::Fault;
use crate::flow::reader::Reading;
use crate::flow::steps::{StepDef, Target};
use crate::flow::yaml::{At, Value};
use crate::flow::{FlowName, Kind, NoNames, name_of};

/// The places of flows by account and key.
pub(super) type Places<'a> = BTreeMap<(&'a str, &'a str), usize>;

/// A step, as far as it matters for the ways between flows.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The flow that it leads into, by key, and where that is written.
    pub(super) leads: Option<(String, At)>,
    /// It is come back to from there.
    pub(super) comes_back: bool,
    /// What may come after it at once; after one that is come back to, once it is.
    pub(super) at_once: Onward,
    /// The same within the event that came to it: not where a phone, a carrier or another system has to say something.
    pub(super) soon: Onward,
    /// What may come after it by something else that happens.
    pub(super) later: Onward,
    /// In a flow on texts, what may come after it while the person does nothing.
    pub(super) silent: Option<Onward>,
}

/// What may come after a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Onward {
    /// Steps.
    pub(super) steps: Vec<usize>,
    /// The end of the flow.
    pub(super) end: bool,
}

/// A flow with its file and its steps.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    /// The file, as it is shown.
    pub file: &'a str,
    /// The account's key.
    pub account: &'a str,
    /// The flow's key.
    pub flow: &'a str,
    /// Its steps, the first one first.
    pub steps: &'a [Passage],
}

/// Where one may come to in a flow on some ways only.
struct Reached<'a> {
    /// The flows it leads into: their places, and where that is written.
    into: Vec<(usize, &'a At)>,
    /// Its end.
    end: bool,
    /// Those it leaves for, and does not come back from; `None`: one that is not known here.
    leaves_for: Vec<Option<usize>>,
    /// Those it calls, likewise.
    calls: Vec<Option<usize>>,
}

/// Which ways are looked at: those without waiting for anybody, or those on which the person does nothing.
type Pick = fn(&Passage) -> Option<&Onward>;

const AT_ONCE: Pick = |step| Some(&step.at_once);
const SILENT: Pick = |step| step.silent.as_ref();

/// Keeps what the ways between flows are found by.
pub(super) fn note(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
    let is_on_texts = reading.kind == Kind::Sms;
    let passage = |(step, written): (&StepDef, &&Written<'_>)| {
        let target = written.verb.1.get("flow").unwrap_or(written.verb.1);
        let leads = match (step.spec.word, &target.value) {
            ("goto" | "call", Value::Scalar { text, .. }) => {
                Some((text.clone(), target.at.clone()))
            }
            _ => None,
        };
        let whenever = Onward {
            steps: after(step).chain(position(step.hung_up)).collect(),
            end: step.then.iter().any(|(_, target)| *target == Target::End),
        };
        let onward = |targets: Vec<Target>| Onward {
            steps: targets.iter().copied().filter_map(position).collect(),
            end: targets.contains(&Target::End),
        };
        let at_once = match step.waits() {
            true => onward(passing(step).collect()),
            false => whenever.clone(),
        };
        let soon = match rests(step) {
            true => onward(soon(step).collect()),
            false => whenever.clone(),
        };
        let later = match rests(step) {
            true => whenever,
            false => Onward::default(),
        };
        let silent = is_on_texts.then(|| onward(silent(step).collect()));
        Passage {
            silent,
            comes_back: leads.is_some() && step.spec.word == "call",
            leads,
            at_once,
            soon,
            later,
        }
    };
    reading.passages = steps.iter().zip(written).map(passage).collect();
}

/// Goes through a flow; past a call only where the called flow may come back on such ways.
fn reach<'a>(flow: &Ways<'a>, places: &Places<'_>, passes: &[bool], pick: Pick) -> Reached<'a> {
    let mut seen = vec![false; flow.steps.len()];
    let mut found = Reached {
        into: Vec::new(),
        end: false,
        leaves_for: Vec::new(),
        calls: Vec::new(),
    };
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let (Some(step), Some(mark)) = (flow.steps.get(at), seen.get_mut(at)) else {
            continue;
        };
        if std::mem::replace(mark, true) {
            continue;
        }
        let mut goes_on = true;
        if let Some((key, at)) = &step.leads {
            let into = places.get(&(flow.account, key.as_str())).copied();
            found.into.extend(into.map(|into| (into, at)));
            match step.comes_back {
                true => found.calls.push(into),
                false => found.leaves_for.push(into),
            }
            goes_on = step.comes_back && into.is_some_and(|into| passes[into]);
        }
        if let Some(onward) = pick(step).filter(|_| goes_on) {
            found.end |= onward.end;
            open.extend(&onward.steps);
        }
    }
    found
}

/// A call that a flow comes back to at once, over steps and called flows that wait for nobody: of which flow, and where
/// that is written.
fn calls_again<'a>(
    flow: &Ways<'a>,
    places: &Places<'_>,
    passes: &[bool],
) -> Option<(usize, &'a At)> {
    let called = |step: &'a Passage| {
        let (key, at) = step.leads.as_ref().filter(|_| step.comes_back)?;
        let into = *places.get(&(flow.account, key.as_str()))?;
        passes[into].then_some((into, at))
    };
    let goes_on = |at: usize| flow.steps[at].leads.is_none() || called(&flow.steps[at]).is_some();
    let comes_back = |start: usize| {
        let mut seen = vec![false; flow.steps.len()];
        let mut open = vec![start];
        while let Some(at) = open.pop().filter(|_| !seen[start]) {
            for next in flow.steps[at].at_once.steps.iter().filter(|_| goes_on(at)) {
                if !std::mem::replace(&mut seen[*next], true) {
                    open.push(*next);
                }
            }
        }
        seen[start]
    };
    let mut calls = flow.steps.iter().enumerate();
    calls.find_map(|(at, step)| called(step).filter(|_| comes_back(at)))
}

/// The ways out of each flow.
fn reached<'a>(all: &[Ways<'a>], places: &Places<'_>, pick: Pick) -> Vec<Reached<'a>> {
    let mut passes = vec![false; all.len()];
    loop {
        let found: Vec<Reached<'a>> = all
            .iter()
            .map(|flow| reach(flow, places, &passes, pick))
            .collect();
        let ends: Vec<bool> = found.iter().map(|one| one.end).collect();
        if ends == passes {
            return found;
        }
        passes = ends;
    }
}

/// A fault for each circle of flows, in the file of its first one by name; where there is none, one for each way over
/// them that is too long.
pub fn judge(all: &[Ways<'_>]) -> Vec<(usize, Fault)> {
    let places = places(all);
    let mut faults = circles(all, &places);
    let mut judged = judged(all, faults.iter().map(|(at, fault)| (*at, fault)));
    let told = |found: &TooFar<'_>| {
        let first = found.leads.first()?;
        Some((first.from, too_far(all, found, first.from, first.at)))
    };
    let far = far::judge(all, &places, &mut judged);
    faults.extend(far.iter().filter_map(told));
    faults
}

/// The accounts with flows that go round at once, in which nothing is counted.
fn judged<'a, 'f>(
    all: &[Ways<'a>],
    faults: impl Iterator<Item = (usize, &'f Fault)>,
) -> BTreeSet<&'a str> {
    let at_once = faults.filter(|(_, fault)| fault.code == "flow-loop");
    at_once.map(|(at, _)| all[at].account).collect()
}

/// The fault of a way that is too long, in one of its flows.
fn too_far(all: &[Ways<'_>], found: &TooFar<'_>, flow: usize, at: &At) -> Fault {
    let message = found.message.clone();
    Fault::new(all[flow].file, at, found.code, message).with_help(found.help)
}

fn circles(all: &[Ways<'_>], places: &Places<'_>) -> Vec<(usize, Fault)> {
    let round = Circles::of(all, places);
    let mut told = vec![false; all.len()];
    let mut faults = Vec::new();
    for start in places.values().copied() {
        let Some(circle) = round.through(start).filter(|_| !told[start]) else {
            continue;
        };
        for (at, _) in &circle.leads {
            told[*at] = true;
        }
        faults.push((start, circle.fault(all)));
    }
    faults
}

/// Flows that lead into each other round and round, the first one first, each with where it leads on.
struct Circle<'a> {
    leads: Vec<(usize, &'a At)>,
    /// The flow that one of them calls again and again, and that comes back each time.
    through: Option<usize>,
    /// It goes on while the person does nothing, and not at once.
    is_silent: bool,
}

impl Circle<'_> {
    /// Its fault, where its first flow leads on.
    fn fault(&self, all: &[Ways<'_>]) -> Fault {
        let (first, at) = self.leads[0];
        let leads = self.leads.iter().map(|(at, _)| *at);
        let around = leads.chain(self.through).chain([first]);
        let names: Vec<&str> = around.map(|at| all[at].flow).collect();
        let (code, words, help) = match self.is_silent {
            true => (
                "silent-loop",
                "these flows lead into each other for good while the person does nothing",
                "let the outcome of silence (`timeout`, `elapsed`) end one of them",
            ),
            false => (
                "flow-loop",
                "these flows lead into each other without waiting for the person",
                "put a step before one of these that waits (menu, gather, ask, wait), or let it end",
            ),
        };
        let message = format!("{words}: {}", names.join(" → "));
        Fault::new(all[first].file, at, code, message).with_help(help)
    }
}

/// By what circles are found.
struct Circles<'a> {
    at_once: Vec<Reached<'a>>,
    silent: Vec<Reached<'a>>,
    /// Whether silence comes to an end somewhere behind a flow.
    ends: Vec<bool>,
    /// Where each flow calls one again and again without waiting for anybody, and which.
    again: Vec<Option<(usize, &'a At)>>,
}

impl<'a> Circles<'a> {
    fn of(all: &[Ways<'a>], places: &Places<'_>) -> Self {
        let silent = reached(all, places, SILENT);
        let ends = ending(&silent);
        let at_once = reached(all, places, AT_ONCE);
        let passes: Vec<bool> = at_once.iter().map(|one| one.end).collect();
        let again = all.iter().map(|flow| calls_again(flow, places, &passes));
        Self {
            again: again.collect(),
            at_once,
            silent,
            ends,
        }
    }

    /// A circle without waiting, or else one of silence that nothing ends.
    fn through(&self, start: usize) -> Option<Circle<'a>> {
        let circle_of = |leads, through, is_silent| Circle {
            leads,
            through,
            is_silent,
        };
        if let Some((through, at)) = self.again[start] {
            return Some(circle_of(vec![(start, at)], Some(through), false));
        }
        let at_once = circle(&self.at_once, start).map(|leads| circle_of(leads, None, false));
        at_once.or_else(|| {
            let leads = circle(&self.silent, start).filter(|_| !self.ends[start])?;
            Some(circle_of(leads, None, true))
        })
    }
}

/// Of each flow whether its ways come to an end for good somewhere. A called flow that leaves for another one does not
/// come back; of a flow that is not known here the best is taken.
fn ending(ways: &[Reached<'_>]) -> Vec<bool> {
    // Ends otherwise than by its own end, which a flow that called it would go on from.
    let mut leaves = vec![false; ways.len()];
    loop {
        let ends = |into: &Option<usize>| into.is_none_or(|into| ways[into].end || leaves[into]);
        let calls = |into: &Option<usize>| into.is_none_or(|into| leaves[into]);
        let next: Vec<bool> = ways
            .iter()
            .map(|one| one.leaves_for.iter().any(ends) || one.calls.iter().any(calls))
            .collect();
        if next == leaves {
            break;
        }
        leaves = next;
    }
    let of_flow = |(one, leaves): (&Reached<'_>, bool)| one.end || leaves;
    ways.iter().zip(leaves).map(of_flow).collect()
}

/// A fault for each file that says it is a flow which another one is, with the file's place among these.
pub fn same_names(files: &[(&str, &str)]) -> Vec<(usize, Fault)> {
    let named: Vec<_> = files.iter().map(|(_, text)| name_of(text)).collect();
    let mut of_flow: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (place, name) in named.iter().enumerate() {
        let Some(name) = name else { continue };
        of_flow.entry(name.place()).or_default().push(place);
    }
    let told = |(place, name): (usize, &Option<FlowName>)| {
        let name = name.as_ref()?;
        let all = &of_flow[&name.place()];
        let other = all.iter().find(|other| **other != place)?;
        let FlowName { account, flow, .. } = name;
        let message = format!("`{flow}` of `{account}` is in {} too", files[*other].0);
        let fault = Fault::new(files[place].0, &name.at, "same-name", message);
        let help = "give one of the two another name, or take it out of the folder";
        Some((place, fault.with_help(help)))
    };
    named.iter().enumerate().filter_map(told).collect()
}

/// What is wrong with the ways between flows that are there together, some in files and some published.
#[derive(Debug, Default)]
pub struct Together {
    /// By account and key.
    faults: BTreeMap<(String, String), Fault>,
}

/// A flow with its place in the texts.
struct Placed<'t> {
    file: &'t str,
    name: FlowName,
    steps: Vec<Passage>,
}

impl<'t> Placed<'t> {
    fn read(file: &'t str, text: &str) -> Option<((String, String), Self)> {
        let name = name_of(text)?;
        let steps = inspect(file, text, &NoNames, &Bounds::default()).passages;
        Some((name.place(), Self { file, name, steps }))
    }

    fn ways(&self) -> Ways<'_> {
        let Self { file, name, steps } = self;
        Ways {
            file,
            account: &name.account,
            flow: &name.flow,
            steps,
        }
    }
}

impl Together {
    /// That of these texts beside the flows that are active, which those of their names replace; of several of one name
    /// the last counts, and what cannot be read leads nowhere. What was wrong in the same way before, as after an
    /// upgrade that proves more, is no reason to refuse what mends something else.
    pub fn beside<'t>(
        active: impl IntoIterator<Item = &'t str>,
        texts: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Self {
        let mut flows: Flows<'t> = active
            .into_iter()
            .filter_map(|text| Placed::read("", text))
            .collect();
        let before = faults_by_name(&flows);
        flows.extend(
            texts
                .into_iter()
                .filter_map(|(file, text)| Placed::read(file, text)),
        );
        let mut faults = faults_by_name(&flows);
        faults.retain(|place, fault| {
            before
                .get(place)
                .is_none_or(|before| (before.code, &before.message) != (fault.code, &fault.message))
        });
        Self { faults }
    }

    /// What is sound by itself, unless its ways into others are not.
    ///
    /// # Errors
    /// The fault, told where this flow leads on.
    pub fn allow(&self, checked: Checked) -> Result<Checked, Vec<Fault>> {
        let fault = self.fault(&checked.flow.account, &checked.flow.key);
        fault.map_or(Ok(checked), |fault| Err(vec![fault]))
    }

    /// The circle that this flow is in, or the way too long that goes through it.
    pub fn fault(&self, account: &str, key: &str) -> Option<Fault> {
        let place = (account.to_owned(), key.to_owned());
        self.faults.get(&place).cloned()
    }
}

/// Flows by account and key.
type Flows<'t> = BTreeMap<(String, String), Placed<'t>>;

fn faults_by_name(flows: &Flows<'_>) -> BTreeMap<(String, String), Fault> {
    let flows: Vec<&Placed<'_>> = flows.values().collect();
    let all: Vec<Ways<'_>> = flows.iter().map(|flow| flow.ways()).collect();
    let faults = faults_of_all(&all, &flows).into_iter();
    let named = faults.map(|(at, fault)| (flows[at].name.place(), fault));
    named.collect()
}

/// One fault for each flow that is in a circle or on a way too long: where it leads on there, or at its name.
fn faults_of_all(all: &[Ways<'_>], flows: &[&Placed<'_>]) -> BTreeMap<usize, Fault> {
    let places = places(all);
    let round = Circles::of(all, &places);
    let circle = |start| Some((start, round.through(start)?.fault(all)));
    let mut faults: BTreeMap<usize, Fault> = (0..all.len()).filter_map(circle).collect();
    let mut judged = judged(all, faults.iter().map(|(at, fault)| (*at, fault)));
    for found in far::judge(all, &places, &mut judged) {
        let lead = |lead: &Lead<'_>| (lead.from, lead.at.clone());
        let last = |lead: &Lead<'_>| (lead.into, flows[lead.into].name.at.clone());
        let leads = found.leads.iter();
        for (flow, at) in leads.clone().map(lead).chain(leads.map(last)) {
            let fault = || too_far(all, &found, flow, &at);
            faults.entry(flow).or_insert_with(fault);
        }
    }
    faults
}

fn places<'a>(all: &[Ways<'a>]) -> Places<'a> {
    let place = |(at, one): (usize, &Ways<'a>)| ((one.account, one.flow), at);
    all.iter().enumerate().map(place).collect()
}

/// The shortest way from a flow back to itself.
fn circle<'a>(ways: &[Reached<'a>], start: usize) -> Option<Vec<(usize, &'a At)>> {
    let mut from: Vec<Option<(usize, &At)>> = vec![None; ways.len()];
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for (next, written) in &ways[at].into {
            if *next == start {
                let mut path = vec![(at, *written)];
                while let Some(before) = path.last().and_then(|(last, _)| from[*last]) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if from[*next].is_none() {
                from[*next] = Some((at, written));
                open.push_back(*next);
            }
        }
    }
    None
}
