//! What the steps ahead will want to know, so that it is loaded together with what the present one wants.
//!
//! A guess may be wrong: what a step between sets can lead to somebody else. Then that person is asked for when the
//! step is reached, and one question more is spent.

use super::effect::Wanted;
use super::engine::Engine;
use super::steps::{StepDef, Target, Verb};

/// Steps that are looked at.
const STEPS_AHEAD_MAX: usize = 50;
/// Answers that are asked for ahead.
const WANTED_AHEAD_MAX: usize = 100;

impl Engine<'_> {
    /// What the present step and those that the same event may reach from it want to know, known or not.
    pub(crate) fn ahead(&self) -> Vec<Wanted> {
        let here = self.run.step.as_deref();
        let first = self
            .flow
            .steps
            .iter()
            .position(|def| Some(def.name.as_str()) == here);
        let mut reached: Vec<usize> = first.into_iter().collect();
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut at = 0;
        while let Some(def) = reached.get(at).and_then(|step| self.flow.steps.get(*step)) {
            for one in def.verb.wants(self) {
                if !wanted.contains(&one) && wanted.len() < WANTED_AHEAD_MAX {
                    wanted.push(one);
                }
            }
            for next in at_once(def) {
                if !reached.contains(&next) && reached.len() < STEPS_AHEAD_MAX {
                    reached.push(next);
                }
            }
            at += 1;
        }
        wanted
    }
}

/// The steps that may follow in the same event.
fn at_once(def: &StepDef) -> impl Iterator<Item = usize> {
    let rings = matches!(def.verb, Verb::Dial(_));
    let takes_time = def.spec.waits || matches!(def.verb, Verb::Http(_));
    let outcomes = def.then.iter();
    let outcomes =
        outcomes.filter(move |(name, _)| !takes_time && (!rings || name == "nobody_available"));
    outcomes.filter_map(|(_, target)| match target {
        Target::Step(position) => Some(*position),
        Target::End => None,
    })
}
