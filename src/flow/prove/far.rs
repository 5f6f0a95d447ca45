//! How far one event leads over all flows: through how many of them, over how many steps, and how deep they call each
//! other. Beyond the bounds of the engine a run breaks off; here that is told before.

use std::cmp::max;

use super::flows::{Onward, Passage, Places, Ways};
use crate::flow::engine::{CALLS_DEEP_MAX, FLOWS_PER_EVENT_MAX, STEPS_PER_EVENT_MAX};
use crate::flow::yaml::At;

/// Flows on the way beyond a bound that are told by name.
const TOLD_MAX: usize = FLOWS_PER_EVENT_MAX + 2;
/// Steps that are gone through to tell of a way.
const WALKED_MAX: usize = 10_000;

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

/// The ways that are too long, one for each flow that begins one and is on none of those before.
pub(super) fn judge<'a>(all: &'a [Ways<'a>], places: &Places<'_>) -> Vec<TooFar<'a>> {
    let deep = Depth::of(all, places).told();
    if !deep.is_empty() {
        return deep;
    }
    let most = u32::try_from(FLOWS_PER_EVENT_MAX).unwrap_or(u32::MAX);
    let leads = |step: &Passage| u32::from(step.leads.is_some());
    let flows = Measure::of(all, places, leads, most).told(|names| TooFar {
        code: "too-many-flows",
        message: format!(
            "one event may lead into more than {FLOWS_PER_EVENT_MAX} flows here: {names}"
        ),
        help: "put a step between them that waits (menu, gather, ask), or several flows into one",
        leads: Vec::new(),
    });
    if !flows.is_empty() {
        return flows;
    }
    Measure::of(all, places, |_| 1, STEPS_PER_EVENT_MAX).told(|names| TooFar {
        code: "too-many-steps",
        message: format!(
            "more than {STEPS_PER_EVENT_MAX} steps may follow at once over these flows: {names}"
        ),
        help: "put a step between them that waits (menu, gather, ask), or several into one",
        leads: Vec::new(),
    })
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

/// The steps that may come after one, and then the end of the flow, if it may.
fn onward(after: &Onward) -> impl Iterator<Item = Option<usize>> {
    let steps = after.steps.iter().map(|step| Some(*step));
    steps.chain(after.end.then_some(None))
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
struct Measure<'a, 'p> {
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
    fn of(
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
            let next = &step.at_once;
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
        let mut choices = Vec::new();
        for (caller, steps) in self.all.iter().map(|one| one.steps).enumerate() {
            let calls = steps.iter().filter(|step| step.comes_back);
            for step in calls.filter(|step| self.into(caller, step) == Some(flow)) {
                for next in onward(&step.at_once) {
                    choices.push((self.from(caller, next, true), caller, next));
                }
            }
        }
        choices.into_iter().max_by_key(|(most, _, _)| *most)
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

    fn told(&self, told: impl Fn(String) -> TooFar<'a>) -> Vec<TooFar<'a>> {
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
                Choice::Rests => {
                    self.lead(flow, at);
                    return;
                }
                Choice::Into(into) => {
                    self.lead(flow, at);
                    (flow, at) = (into, 0);
                }
                Choice::Past(through, next) => {
                    if let Some(through) = through {
                        self.lead(flow, at);
                        self.along(through, 0, true);
                    }
                    let Some(next) = next else { return };
                    at = next;
                }
            }
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

#[cfg(test)]
mod tests {
    use crate::flow::prove::flows::{Together, Ways, judge};
    use crate::flow::{Bounds, Findings, NoNames, inspect};

    fn flow(key: &str, steps: &str) -> String {
        format!("flow: {key}\naccount: clinic\non: call\nsteps:\n{steps}")
    }

    /// Flows of which each one leads to the next by this step.
    fn chain(count: usize, step: &str) -> Vec<String> {
        let link = |at: usize| {
            let step = step.replace("NEXT", &format!("f{:02}", at + 1));
            flow(&format!("f{at:02}"), &step)
        };
        let mut all: Vec<String> = (0..count).map(link).collect();
        all.push(flow(
            &format!("f{count:02}"),
            "  a: { say: One, next: end }\n",
        ));
        all
    }

    /// What is told of these flows together: code, line and message.
    fn told(texts: &[String]) -> Vec<String> {
        let look = |text: &String| inspect("f", text, &NoNames, &Bounds::default());
        let found: Vec<Findings> = texts.iter().map(look).collect();
        let ways: Vec<Ways<'_>> = found
            .iter()
            .map(|one| Ways {
                file: "f",
                account: "clinic",
                flow: &one.flow.as_ref().expect("sound by itself").key,
                steps: &one.passages,
            })
            .collect();
        let faults = judge(&ways).into_iter();
        faults
            .map(|(_, fault)| format!("{} {}: {}", fault.code, fault.line, fault.message))
            .collect()
    }

    /// Which of these flows may not be published beside the others.
    fn refused(texts: &[String]) -> Vec<String> {
        let together = Together::of(texts.iter().map(|text| ("f", text.as_str())));
        let names = texts.iter().filter_map(|text| crate::flow::name_of(text));
        let faulty = names.filter(|name| together.fault(&name.account, &name.flow).is_some());
        faulty.map(|name| name.flow).collect()
    }

    const CALL: &str = "  a: { call: NEXT, next: end }\n";
    const GOTO: &str = "  a: { goto: NEXT }\n";
    const CALL_BEHIND_MENU: &str = "  m: { menu: { prompt: One }, then: { 1: a, else: end } }\n  a: { call: NEXT, next: end }\n";

    #[test]
    fn flows_are_inside_one_another_up_to_the_bound() {
        for link in [CALL, CALL_BEHIND_MENU] {
            assert_eq!(told(&chain(5, link)), [""; 0]);
            let names: Vec<String> = (0..=6).map(|at| format!("f{at:02}")).collect();
            let line = if link == CALL { 5 } else { 6 };
            assert_eq!(
                told(&chain(6, link)),
                [format!(
                    "calls-too-deep {line}: flows call each other more than 5 deep: {}",
                    names.join(" → ")
                )]
            );
            assert_eq!(refused(&chain(6, link)), names);
        }
        // One that leaves for good begins anew.
        let mut mixed = chain(9, CALL);
        mixed[4] = flow("f04", "  a: { goto: f05 }\n");
        assert_eq!(told(&mixed), [""; 0]);
    }

    #[test]
    fn a_flow_that_calls_itself_behind_a_menu_is_too_deep() {
        let around = flow("f", &CALL_BEHIND_MENU.replace("NEXT", "f"));
        assert_eq!(
            told(&[around]),
            ["calls-too-deep 6: flows call each other more than 5 deep: f (7 times)"]
        );
    }

    #[test]
    fn one_event_leads_into_flows_up_to_the_bound() {
        assert_eq!(told(&chain(10, GOTO)), [""; 0]);
        let names: Vec<String> = (0..=11).map(|at| format!("f{at:02}")).collect();
        let long = chain(11, GOTO);
        let told_of_long = format!(
            "too-many-flows 5: one event may lead into more than 10 flows here: {}",
            names.join(" → ")
        );
        assert_eq!(told(&long), [told_of_long]);
        assert_eq!(refused(&long), names);
        let mut halved = long;
        halved[6] = flow(
            "f06",
            &CALL_BEHIND_MENU.replace("call: NEXT, next: end", "goto: f07"),
        );
        assert_eq!(told(&halved), [""; 0]);
    }

    /// A flow that calls one so many times, the last time before it ends.
    fn calls(key: &str, into: &str, times: usize) -> String {
        let step = |at: usize| {
            let next = if at + 1 == times {
                "end".to_owned()
            } else {
                format!("s{}", at + 1)
            };
            format!("  s{at}: {{ call: {into}, next: {next} }}\n")
        };
        flow(key, &(0..times).map(step).collect::<String>())
    }

    #[test]
    fn calls_one_after_another_count_too() {
        let part = flow("part", "  a: { say: One, next: end }\n");
        assert_eq!(told(&[calls("main", "part", 10), part.clone()]), [""; 0]);
        let eleven = [calls("main", "part", 11), part.clone()];
        assert_eq!(
            told(&eleven),
            [
                "too-many-flows 5: one event may lead into more than 10 flows here: main → part (11 times)"
            ]
        );
        assert_eq!(refused(&eleven), ["main", "part"]);
        // Those of flows that are called count with them: 3 × (1 + 3).
        let deep = [
            calls("main", "part", 3),
            calls("part", "leaf", 3),
            flow("leaf", "  a: { say: One, next: end }\n"),
        ];
        let around = "part → leaf (3 times)";
        assert_eq!(
            told(&deep),
            [format!(
                "too-many-flows 5: one event may lead into more than 10 flows here: main → {around} → {around} → {around}"
            )]
        );
        // What waits in between begins anew.
        let waiting = flow(
            "part",
            "  a: { menu: { prompt: One }, then: { 1: end, else: end } }\n",
        );
        assert_eq!(told(&[calls("main", "part", 11), waiting]), [""; 0]);
    }

    #[test]
    fn what_follows_in_the_calling_flow_counts_behind_a_wait_in_the_called_one() {
        let asks = |times: usize| {
            let calls: String = (0..times)
                .map(|at| format!("  s{at}: {{ call: leaf, next: s{} }}\n", at + 1))
                .collect();
            let text = format!(
                "  m: {{ menu: {{ prompt: One }}, then: {{ 1: s0, else: s0 }} }}\n{calls}  s{times}: {{ say: One, next: end }}\n"
            );
            flow("part", &text)
        };
        let leaf = flow("leaf", "  a: { say: One, next: end }\n");
        // The first of the calls ends at the menu; six follow in the called flow and five in the calling one.
        let main = |behind: usize| {
            let once = calls("main", "leaf", behind);
            once.replace("steps:\n", "steps:\n  first: { call: part, next: s0 }\n")
        };
        assert_eq!(told(&[main(5), asks(5), leaf.clone()]), [""; 0]);
        let told = told(&[main(5), asks(6), leaf.clone()]);
        assert_eq!(
            told,
            [
                "too-many-flows 6: one event may lead into more than 10 flows here: part → leaf (6 times) → main → leaf (5 times)"
            ]
        );
    }

    #[test]
    fn steps_are_counted_over_flows() {
        let long = |key: &str, count: usize, last: &str| {
            let step = |at: usize| format!("  s{at}: {{ say: One, next: s{} }}\n", at + 1);
            flow(
                key,
                &((0..count - 1).map(step).collect::<String>()
                    + &format!("  s{}: {last}\n", count - 1)),
            )
        };
        let rest = long("rest", 40, "{ say: One, next: end }");
        let fits = long("main", 60, "{ goto: rest }");
        assert_eq!(told(&[fits, rest.clone()]), [""; 0]);
        assert_eq!(
            told(&[long("main", 61, "{ goto: rest }"), rest]),
            [
                "too-many-steps 65: more than 100 steps may follow at once over these flows: main → rest"
            ]
        );
    }
}
