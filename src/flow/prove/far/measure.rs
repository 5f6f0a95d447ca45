//! The most that may come of one event over all flows, counted by some weight of each step.

use std::cmp::max;

use super::{Lead, TooFar, into, names};
use crate::flow::engine::CALLS_DEEP_MAX;
use crate::flow::prove::flows::{Onward, Passage, Places, Ways};

/// Steps that are gone through to tell of a way.
const WALKED_MAX: usize = 10_000;

/// The steps that may come after one, and then the end of the flow, if it may.
fn onward(after: &Onward) -> impl Iterator<Item = Option<usize>> {
    let steps = after.steps.iter().map(|step| Some(*step));
    steps.chain(after.end.then_some(None))
}

/// The steps that call each flow, each with its flow.
fn callers<'a>(all: &'a [Ways<'a>], places: &Places<'_>) -> Vec<Vec<(usize, &'a Passage)>> {
    let mut callers = vec![Vec::new(); all.len()];
    for (caller, steps) in all.iter().map(|one| one.steps).enumerate() {
        for step in steps.iter().filter(|step| step.comes_back) {
            if let Some(called) = into(all, places, caller, step) {
                callers[called].push((caller, step));
            }
        }
    }
    callers
}

/// How it may go on at once after a step.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// Not at all.
    Rests,
    /// In the flow it leads into.
    Into(usize),
    /// Past the step, through the flow that it calls, if any; to the end of the flow, if to no other step.
    Past(Option<usize>, Option<usize>),
}

/// The most that comes of an event, counted by some weight of each step, and no further than one beyond a bound.
pub(super) struct Measure<'a, 'p> {
    all: &'a [Ways<'a>],
    places: &'p Places<'p>,
    weigh: fn(&Passage) -> u32,
    most: u32,
    /// From each step of each flow until nothing follows at once.
    on: Vec<Vec<u32>>,
    /// From each step of each flow to the flow's end; none: that is not reached at once.
    to_end: Vec<Vec<Option<u32>>>,
    /// From each flow's end in those that called it.
    back: Vec<u32>,
    /// The steps that call each flow, each with its flow.
    callers: Vec<Vec<(usize, &'a Passage)>>,
}

/// Where an event finds a run.
#[derive(Debug, Clone, Copy)]
struct Start {
    flow: usize,
    /// At the end of the flow, if at no step.
    step: Option<usize>,
    /// The flow may have been called.
    called: bool,
}

impl<'a, 'p> Measure<'a, 'p> {
    pub(super) fn of(
        all: &'a [Ways<'a>],
        places: &'p Places<'p>,
        weigh: fn(&Passage) -> u32,
        most: u32,
    ) -> Self {
        let of_steps = |flow: &Ways<'_>| flow.steps.len();
        let mut measure = Self {
            all,
            places,
            weigh,
            most,
            on: all.iter().map(|flow| vec![0; of_steps(flow)]).collect(),
            to_end: all.iter().map(|flow| vec![None; of_steps(flow)]).collect(),
            back: vec![0; all.len()],
            callers: callers(all, places),
        };
        // What is counted only grows, and no further than the bound.
        while measure.grows() {}
        while measure.grows_back() {}
        measure
    }

    fn grows(&mut self) -> bool {
        let mut grew = false;
        for flow in 0..self.all.len() {
            for step in (0..self.all[flow].steps.len()).rev() {
                let on = self.best(flow, step, false).map_or(0, |(most, _)| most);
                let to_end = self.best(flow, step, true).map(|(most, _)| most);
                grew |= self.on[flow][step] != on || self.to_end[flow][step] != to_end;
                self.on[flow][step] = on;
                self.to_end[flow][step] = to_end;
            }
        }
        grew
    }

    fn grows_back(&mut self) -> bool {
        let mut grew = false;
        for flow in 0..self.all.len() {
            let back = self.best_back(flow).map_or(0, |(most, _, _)| most);
            grew |= self.back[flow] != back;
            self.back[flow] = back;
        }
        grew
    }

    fn step(&self, flow: usize, step: usize) -> &'a Passage {
        &self.all[flow].steps[step]
    }

    fn into(&self, flow: usize, step: &Passage) -> Option<usize> {
        into(self.all, self.places, flow, step)
    }

    /// The best choice after a step, the step itself counted.
    fn best(&self, flow: usize, at: usize, to_end: bool) -> Option<(u32, Choice)> {
        let step = self.step(flow, at);
        let into = self.into(flow, step);
        let mut choices = Vec::new();
        if !to_end {
            choices.push((0, Choice::Rests));
            choices.extend(into.map(|into| (self.on[into][0], Choice::Into(into))));
        }
        if let Some(past) = self.past(step, into) {
            let next = &step.soon;
            choices.extend(next.steps.iter().filter_map(|next| {
                let rest = match to_end {
                    true => self.to_end[flow][*next]?,
                    false => self.on[flow][*next],
                };
                Some((past + rest, Choice::Past(into, Some(*next))))
            }));
            choices.extend((to_end && next.end).then_some((past, Choice::Past(into, None))));
        }
        let (most, choice) = choices.into_iter().max_by_key(|(most, _)| *most)?;
        Some((self.capped(most + (self.weigh)(step)), choice))
    }

    /// What it takes to come past a step at once, without the step itself.
    fn past(&self, step: &Passage, into: Option<usize>) -> Option<u32> {
        match step.leads {
            Some(_) => self.to_end[into.filter(|_| step.comes_back)?][0],
            None => Some(0),
        }
    }

    fn capped(&self, most: u32) -> u32 {
        most.min(self.most + 1)
    }

    /// The best way on after a flow's end: in which flow that called it, and from where.
    fn best_back(&self, flow: usize) -> Option<(u32, usize, Option<usize>)> {
        let choices = self.callers[flow].iter().flat_map(|(caller, step)| {
            onward(&step.soon).map(|next| (self.from(*caller, next, true), *caller, next))
        });
        choices.max_by_key(|(most, _, _)| *most)
    }

    /// The most from a step, or from the end of the flow, on.
    fn from(&self, flow: usize, step: Option<usize>, called: bool) -> u32 {
        let Some(step) = step else {
            return if called { self.back[flow] } else { 0 };
        };
        let ends = self.to_end[flow][step].filter(|_| called);
        let with_back = ends.map_or(0, |most| self.capped(most + self.back[flow]));
        max(self.on[flow][step], with_back)
    }

    /// Where an event may find runs: at the beginning of each flow, and behind each step that waits.
    fn starts(&self) -> Vec<Start> {
        let mut starts = Vec::new();
        for (flow, steps) in self.all.iter().map(|one| one.steps).enumerate() {
            starts.extend((!steps.is_empty()).then_some(Start {
                flow,
                step: Some(0),
                called: false,
            }));
            for step in steps {
                starts.extend(onward(&step.later).map(|step| Start {
                    flow,
                    step,
                    called: true,
                }));
            }
        }
        starts
    }

    pub(super) fn told(&self, told: impl Fn(String) -> TooFar<'a>) -> Vec<TooFar<'a>> {
        let mut seen = vec![false; self.all.len()];
        let mut found = Vec::new();
        for start in self.starts() {
            let is_over = self.from(start.flow, start.step, start.called) > self.most;
            if !is_over || seen[start.flow] {
                continue;
            }
            let leads = self.way(start);
            for lead in &leads {
                (seen[lead.from], seen[lead.into]) = (true, true);
            }
            // What is too much within one flow is told there.
            if !leads.is_empty() {
                let told = told(names(self.all, &leads));
                found.push(TooFar { leads, ..told });
            }
        }
        found
    }

    /// The longest way from there.
    fn way(&self, start: Start) -> Vec<Lead<'a>> {
        let mut walk = Walk {
            measure: self,
            leads: Vec::new(),
            left: WALKED_MAX,
            deep: 0,
        };
        walk.from(start);
        walk.leads
    }
}

/// Going along the best choices.
struct Walk<'m, 'a, 'p> {
    measure: &'m Measure<'a, 'p>,
    leads: Vec<Lead<'a>>,
    left: usize,
    /// How many calls it is inside of.
    deep: usize,
}

impl Walk<'_, '_, '_> {
    fn from(&mut self, mut start: Start) {
        let measure = self.measure;
        loop {
            let Start { flow, step, called } = start;
            if let Some(step) = step {
                let goes_back =
                    called && measure.from(flow, Some(step), true) > measure.on[flow][step];
                self.along(flow, step, goes_back);
                if !goes_back {
                    return;
                }
            }
            let Some((_, flow, step)) = measure.best_back(flow).filter(|_| self.goes_on()) else {
                return;
            };
            let called = true;
            start = Start { flow, step, called };
        }
    }

    fn along(&mut self, mut flow: usize, mut at: usize, to_end: bool) {
        while self.goes_on() {
            let Some((_, choice)) = self.measure.best(flow, at, to_end) else {
                return;
            };
            match choice {
                Choice::Rests => return,
                Choice::Into(into) => {
                    self.lead(flow, at);
                    (flow, at) = (into, 0);
                }
                Choice::Past(through, next) => {
                    if let Some(through) = through {
                        self.lead(flow, at);
                        self.through(through);
                    }
                    let Some(next) = next else { return };
                    at = next;
                }
            }
        }
    }

    /// Through a called flow, where calls are no deeper than they may be.
    fn through(&mut self, flow: usize) {
        if self.deep <= CALLS_DEEP_MAX {
            self.deep += 1;
            self.along(flow, 0, true);
            self.deep -= 1;
        }
    }

    /// Takes down where a step leads, if it leads into a flow that is there.
    fn lead(&mut self, from: usize, at: usize) {
        let step = self.measure.step(from, at);
        let into = self.measure.into(from, step);
        if let (Some(into), Some((_, at))) = (into, &step.leads) {
            self.leads.push(Lead { from, into, at });
        }
    }

    fn goes_on(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}
