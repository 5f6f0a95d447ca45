//! How far one event leads over all flows: through how many of them, over how many steps, and how deep they call each
//! other. Beyond the bounds of the engine a run breaks off; here that is told before.

mod measure;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use self::measure::Measure;
use super::flows::{Passage, Places, Ways};
use crate::flow::engine::{CALLS_DEEP_MAX, FLOWS_PER_EVENT_MAX, STEPS_PER_EVENT_MAX};
use crate::flow::yaml::At;

/// Flows on the way beyond a bound that are told by name.
const TOLD_MAX: usize = FLOWS_PER_EVENT_MAX + 2;

/// A way over several flows that is longer than one may be.
#[derive(Debug)]
pub(super) struct TooFar<'a> {
    /// The fault's code.
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: &'static str,
    /// From flow to flow, the first one first.
    pub(super) leads: Vec<Lead<'a>>,
}

/// From one flow into another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead<'a> {
    pub(super) from: usize,
    pub(super) into: usize,
    /// Where that is written.
    pub(super) at: &'a At,
}

/// The ways that are too long, one for each flow that begins one and is on none of those before. Accounts that are
/// `judged` have faults that count more, and are let be.
pub(super) fn judge<'a>(
    all: &'a [Ways<'a>],
    places: &Places<'_>,
    judged: &mut BTreeSet<&'a str>,
) -> Vec<TooFar<'a>> {
    let most = u32::try_from(FLOWS_PER_EVENT_MAX).unwrap_or(u32::MAX);
    let leads = |step: &Passage| u32::from(step.leads.is_some());
    let flows = |names| TooFar {
        code: "too-many-flows",
        message: format!(
            "one event may lead into more than {FLOWS_PER_EVENT_MAX} flows here: {names}"
        ),
        help: "put a step between them that waits (menu, gather, ask), or several flows into one",
        leads: Vec::new(),
    };
    let steps = |names| TooFar {
        code: "too-many-steps",
        message: format!(
            "more than {STEPS_PER_EVENT_MAX} steps may follow at once over these flows: {names}"
        ),
        help: "put a step between them that waits (menu, gather, ask), or several into one",
        leads: Vec::new(),
    };
    let mut told = Vec::new();
    for found in [
        Depth::of(all, places).told(),
        Measure::of(all, places, leads, most).told(flows),
        Measure::of(all, places, |_| 1, STEPS_PER_EVENT_MAX).told(steps),
    ] {
        let account = |one: &TooFar<'a>| one.leads.first().map(|lead| all[lead.from].account);
        let fresh = |one: &TooFar<'a>| account(one).is_some_and(|of| !judged.contains(of));
        let fresh: Vec<TooFar<'a>> = found.into_iter().filter(fresh).collect();
        judged.extend(fresh.iter().filter_map(account));
        told.extend(fresh);
    }
    told
}

/// The flow that a step leads into, when it is there.
fn into(all: &[Ways<'_>], places: &Places<'_>, flow: usize, step: &Passage) -> Option<usize> {
    let (key, _) = step.leads.as_ref()?;
    places.get(&(all[flow].account, key.as_str())).copied()
}

/// The flows on a way by name; how often, where it is one several times in a row.
fn names(all: &[Ways<'_>], leads: &[Lead<'_>]) -> String {
    let mut rows: Vec<(usize, usize)> = Vec::new();
    for lead in leads {
        // One that another comes back to is told where it has not been yet.
        if rows.iter().all(|(flow, _)| *flow != lead.from) {
            rows.push((lead.from, 1));
        }
        match rows.last_mut().filter(|(last, _)| *last == lead.into) {
            Some((_, times)) => *times += 1,
            None => rows.push((lead.into, 1)),
        }
    }
    let name = |(flow, times): &(usize, usize)| match times {
        1 => all[*flow].flow.to_owned(),
        times => format!("{} ({times} times)", all[*flow].flow),
    };
    let mut names: Vec<String> = rows.iter().take(TOLD_MAX).map(name).collect();
    names.extend((rows.len() > TOLD_MAX).then(|| "…".to_owned()));
    names.join(" → ")
}

/// How deep flows are inside one another from each of them on.
struct Depth<'a> {
    all: &'a [Ways<'a>],
    /// The calls of each flow.
    calls: Vec<Vec<Lead<'a>>>,
    /// No more than one beyond the bound.
    depth: Vec<usize>,
}

impl<'a> Depth<'a> {
    fn of(all: &'a [Ways<'a>], places: &Places<'_>) -> Self {
        let calls = |(from, flow): (usize, &'a Ways<'a>)| {
            let calls = flow.steps.iter().filter(|step| step.comes_back);
            let lead = |step: &'a Passage| {
                let into = into(all, places, from, step)?;
                let at = &step.leads.as_ref()?.1;
                Some(Lead { from, into, at })
            };
            calls.filter_map(lead).collect()
        };
        let calls: Vec<Vec<Lead<'a>>> = all.iter().enumerate().map(calls).collect();
        let mut depth = vec![0; all.len()];
        // Each round goes one call deeper.
        for _ in 0..=CALLS_DEEP_MAX {
            let deeper = |calls: &Vec<Lead<'_>>| {
                let depths = calls.iter().map(|call| 1 + depth[call.into]);
                depths.max().unwrap_or(0).min(CALLS_DEEP_MAX + 1)
            };
            depth = calls.iter().map(deeper).collect();
        }
        Self { all, calls, depth }
    }

    fn told(&self) -> Vec<TooFar<'a>> {
        let mut told = vec![false; self.all.len()];
        let mut found = Vec::new();
        for start in 0..self.all.len() {
            if told[start] || self.depth[start] <= CALLS_DEEP_MAX {
                continue;
            }
            let leads = self.way(start);
            leads.iter().for_each(|lead| told[lead.from] = true);
            let names = names(self.all, &leads);
            found.push(TooFar {
                code: "calls-too-deep",
                message: format!("flows call each other more than {CALLS_DEEP_MAX} deep: {names}"),
                help: "go there by `goto`, which does not come back, or put several flows into one",
                leads,
            });
        }
        found
    }

    /// The deepest way from a flow, as far as one call beyond the bound.
    fn way(&self, start: usize) -> Vec<Lead<'a>> {
        let mut way: Vec<Lead<'a>> = Vec::new();
        let mut at = start;
        while way.len() <= CALLS_DEEP_MAX {
            let deepest = self.calls[at]
                .iter()
                .max_by_key(|call| self.depth[call.into]);
            let Some(lead) = deepest else { break };
            way.push(*lead);
            at = lead.into;
        }
        way
    }
}
