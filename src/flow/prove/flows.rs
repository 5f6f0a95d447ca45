//! What only shows over all flows: some that lead into each other round and round without waiting for the person, or
//! further than one event may go ([`far`]), and files that say they are the same one.

use std::collections::{BTreeMap, BTreeSet};

use super::far::{self, Lead, TooFar};
use super::{after, passing, position, rests, soon};
use crate::flow::check::{Bounds, Checked, Written, inspect};
use crate::flow::fault::Fault;
use crate::flow::reader::Reading;
use crate::flow::steps::{StepDef, Target};
use crate::flow::yaml::{At, Value};
use crate::flow::{FlowName, NoNames, name_of};

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

/// Where one may come to in a flow without waiting for anybody.
struct Reached<'a> {
    /// The flows it leads into: their places, and where that is written.
    into: Vec<(usize, &'a At)>,
    /// Its end.
    end: bool,
}

/// Keeps what the ways between flows are found by.
pub(super) fn note(reading: &mut Reading<'_>, steps: &[StepDef], written: &[&Written<'_>]) {
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
        let at_once = match step.spec.waits {
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
        Passage {
            comes_back: leads.is_some() && step.spec.word == "call",
            leads,
            at_once,
            soon,
            later,
        }
    };
    reading.passages = steps.iter().zip(written).map(passage).collect();
}

/// Goes through a flow; past a call only where the called flow may come back without waiting.
fn reach<'a>(flow: &Ways<'a>, places: &Places<'_>, passes: &[bool]) -> Reached<'a> {
    let mut seen = vec![false; flow.steps.len()];
    let mut found = Reached {
        into: Vec::new(),
        end: false,
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
            goes_on = step.comes_back && into.is_some_and(|into| passes[into]);
        }
        if goes_on {
            found.end |= step.at_once.end;
            open.extend(&step.at_once.steps);
        }
    }
    found
}

/// The ways out of each flow on which nobody is waited for.
fn reached<'a>(all: &[Ways<'a>], places: &Places<'_>) -> Vec<Reached<'a>> {
    let mut passes = vec![false; all.len()];
    loop {
        let found: Vec<Reached<'a>> = all
            .iter()
            .map(|flow| reach(flow, places, &passes))
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
    let mut judged: BTreeSet<&str> = faults.iter().map(|(at, _)| all[*at].account).collect();
    let told = |found: &TooFar<'_>| {
        let first = found.leads.first()?;
        Some((first.from, too_far(all, found, first.from, first.at)))
    };
    let far = far::judge(all, &places, &mut judged);
    faults.extend(far.iter().filter_map(told));
    faults
}

/// The fault of a way that is too long, in one of its flows.
fn too_far(all: &[Ways<'_>], found: &TooFar<'_>, flow: usize, at: &At) -> Fault {
    let message = found.message.clone();
    Fault::new(all[flow].file, at, found.code, message).with_help(found.help)
}

fn circles(all: &[Ways<'_>], places: &Places<'_>) -> Vec<(usize, Fault)> {
    let ways = reached(all, places);
    let mut told = vec![false; all.len()];
    let mut faults = Vec::new();
    for start in places.values().copied() {
        if told[start] {
            continue;
        }
        let Some(circle) = circle(&ways, start) else {
            continue;
        };
        for (at, _) in &circle {
            told[*at] = true;
        }
        faults.push((start, going_round(all, &circle)));
    }
    faults
}

/// The fault of a circle, where its first flow leads on.
fn going_round(all: &[Ways<'_>], circle: &[(usize, &At)]) -> Fault {
    let (first, at) = circle[0];
    let mut names: Vec<&str> = circle.iter().map(|(at, _)| all[*at].flow).collect();
    names.push(all[first].flow);
    let message = format!(
        "these flows lead into each other without waiting for the person: {}",
        names.join(" → ")
    );
    let help = "put a step before one of these that waits (menu, gather, ask, wait), or let it end";
    Fault::new(all[first].file, at, "flow-loop", message).with_help(help)
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

impl Placed<'_> {
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
    /// That of these files and texts; the last of a name counts, and what cannot be read leads nowhere.
    pub fn of<'t>(texts: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut flows = BTreeMap::new();
        for (file, text) in texts {
            let Some(name) = name_of(text) else { continue };
            let steps = inspect(file, text, &NoNames, &Bounds::default()).passages;
            flows.insert(name.place(), Placed { file, name, steps });
        }
        let flows: Vec<Placed<'_>> = flows.into_values().collect();
        let all: Vec<Ways<'_>> = flows.iter().map(Placed::ways).collect();
        let faults = faults_of_all(&all, &flows);
        let named = faults
            .into_iter()
            .map(|(at, fault)| (flows[at].name.place(), fault));
        Self {
            faults: named.collect(),
        }
    }

    /// What is sound by itself, unless its ways into others are not.
    ///
    /// # Errors
    /// The fault, told where this flow leads on.
    pub fn allow(&self, checked: Checked) -> Result<Checked, Vec<Fault>> {
        let fault = self.fault(&checked.flow.account, &checked.flow.key);
        fault.map_or(Ok(checked), |fault| Err(vec![fault]))
    }

    /// The circle without waiting that this flow is in, or the way too long that goes through it.
    pub fn fault(&self, account: &str, key: &str) -> Option<Fault> {
        let place = (account.to_owned(), key.to_owned());
        self.faults.get(&place).cloned()
    }
}

/// One fault for each flow that is in a circle or on a way too long: where it leads on there, or at its name.
fn faults_of_all(all: &[Ways<'_>], flows: &[Placed<'_>]) -> BTreeMap<usize, Fault> {
    let places = places(all);
    let ways = reached(all, &places);
    let circle = |start| Some((start, going_round(all, &circle(&ways, start)?)));
    let mut faults: BTreeMap<usize, Fault> = (0..all.len()).filter_map(circle).collect();
    let mut judged = faults.keys().map(|at| all[*at].account).collect();
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
