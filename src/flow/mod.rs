//! The flow language: what a person writes in YAML, checked into a [`Flow`], and the engine that takes a
//! [`Run`] through it, one event at a time.
//!
//! All of it is pure: [`check`] reads a text and answers with a flow or every fault in it; [`step`] takes
//! a run and an event and answers with the moved run and what must be done. The time, the people and the
//! latest text come in as [`Facts`], new ids from the caller's source.

mod ahead;
mod amounts;
mod answer;
mod check;
mod effect;
mod engine;
mod event;
mod expr;
mod fault;
mod filters;
mod form;
mod formula;
pub mod graph;
mod names;
mod outcomes;
mod prove;
mod reader;
mod reference;
mod run;
mod schema;
mod scope;
mod script;
mod steps;
mod template;
mod yaml;

pub(crate) use amounts::show_duration;
pub use check::{Bounds, Checked, Findings, Used, check, inspect, read_published};
pub(crate) use effect::change;
pub use effect::{Effect, Ended, Notify, Return, RingLeg, Scope, Step, Stepped, Trace, Wanted};
pub(crate) use engine::FLOWS_PER_EVENT_MAX;
pub use event::{Allowed, EarlyRecording, Event, Facts, Person, Reach};
pub(crate) use fault::suggest;
pub use fault::{Example, Fault, Page, Record, Severity, explain, pages, render};
pub use names::{
    ColumnNames, DirectoryNames, FlowName, FlowNumber, Leading, Names, NoNames, Rung, known,
    name_of,
};
pub use prove::flows::{Passage, Together, Ways, judge as judge_flows, same_names};
pub use prove::organisation::{Organisation, judge as judge_organisation};
pub use reference::{Part, reference};
pub use run::Run;
pub use schema::schema;
pub use script::{Expect, Expected, Given, GivenContact, GivenHours, Line, Says, StaffDoes, Test};
pub(crate) use steps::Dial;
pub use yaml::{SOURCE_BYTES_MAX, text_of};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{CallVerb, Ids};

/// What a flow decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A call.
    Call,
    /// A thread of texts.
    Sms,
}

impl Kind {
    /// The word after `on:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Sms => "sms",
        }
    }
}

/// A checked flow.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Its key, unique in its account.
    pub key: String,
    /// Its account's key.
    pub account: String,
    /// What it decides.
    pub kind: Kind,
    /// The variables that a `call` may give it, and what they are otherwise.
    pub(crate) with: Vec<(String, serde_json::Value)>,
    /// Its steps; the first one starts.
    pub(crate) steps: Vec<steps::StepDef>,
    /// The values of steps that some text or condition asks for.
    pub(crate) kept: BTreeSet<(String, String)>,
}

/// One way out of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch<'f> {
    /// The step.
    pub step: &'f str,
    /// Its line in the file, from 1.
    pub line: u32,
    /// The outcome; `None`: any, as the step leaves, or all of its outcomes lead to one place.
    pub outcome: Option<&'f str>,
}

impl Flow {
    /// Every way out of every step, in the order of the file. Where `next` takes all outcomes they are one way, and
    /// a caller's leaving counts where the flow does something about it.
    pub fn branches(&self) -> impl Iterator<Item = Branch<'_>> {
        self.steps.iter().flat_map(|def| {
            let one_way = matches!(def.spec.style, steps::Style::Next(_))
                && def.then.windows(2).all(|pair| pair[0].1 == pair[1].1);
            let leaves = (def.then.is_empty() || one_way).then_some(None);
            let named = def.then.iter().filter(move |_| !one_way);
            let named = named.map(|(outcome, _)| Some(outcome.as_str()));
            let hung_up = matches!(def.hung_up, steps::Target::Step(_));
            let hung_up = hung_up.then_some(Some("caller_hung_up"));
            let outcomes = leaves.into_iter().chain(named).chain(hung_up);
            outcomes.map(|outcome| Branch {
                step: &def.name,
                line: def.line,
                outcome,
            })
        })
    }

    /// The flows of its account that it leads to by `goto` and `call`, by key.
    pub fn leads_to(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|def| def.verb.leads_to())
    }

    /// The same, each with the names of the values that it gives them.
    pub(crate) fn gives(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        let verbs = self.steps.iter().map(|def| &def.verb);
        verbs.filter_map(|verb| Some((verb.leads_to()?.to_owned(), verb.gives())))
    }

    /// How a step rings people; nothing for a step that rings nobody.
    pub(crate) fn dial(&self, step: &str) -> Option<&Dial> {
        match self.verb(step)? {
            steps::Verb::Dial(dial) => Some(dial),
            steps::Verb::Queue(queue) => Some(queue.dial()),
            _ => None,
        }
    }

    fn verb(&self, step: &str) -> Option<&steps::Verb> {
        let found = self.steps.iter().find(|def| def.name == step);
        found.map(|def| &def.verb)
    }

    /// Whether the run waits for keys that are no secret. All others are removed from what is stored of the event.
    pub fn takes_open_keys(&self, run: &Run) -> bool {
        let def = self
            .steps
            .iter()
            .find(|def| Some(&def.name) == run.step.as_ref());
        let secret =
            matches!(def.map(|def| &def.verb), Some(steps::Verb::Gather(gather)) if gather.secret);
        let taken = matches!(run.wait, run::Wait::Keys { .. } | run::Wait::Queue(_));
        taken && !secret
    }
}

/// Takes `run` on by one event. Never panics and always answers; what is odd ends the run as
/// [`Ended::Fault`] or [`Ended::Looped`], for the caller to put before a person.
///
/// `said` is what a flow that left for this one has already given the caller to hear.
pub fn step(
    flow: &Flow,
    run: Run,
    event: &Event<'_>,
    facts: &Facts<'_>,
    ids: &mut Ids,
    said: Vec<CallVerb>,
) -> Step {
    engine::step(flow, run, event, facts, ids, said)
}

#[cfg(test)]
mod tests;
