//! What the steps ahead will want to know, so that it is loaded together with what the present one wants.
//!
//! A guess may be wrong: what a step between sets can lead to somebody else. Then that person is asked for when the
//! step is reached, and one question more is spent.

use super::effect::Wanted;
use super::engine::Engine;
use super::event::{Person, Reach};
use super::steps::{Came, StepDef, Target, Verb};
use crate::model::Party;
use crate::model::turn::FieldValue;

/// Steps that are looked at.
const STEPS_AHEAD_MAX: usize = 50;
/// Answers that are asked for ahead.
const WANTED_AHEAD_MAX: usize = 100;

/// Other people that one event may look up or text, each of whom must be loaded.
const PEOPLE_PER_EVENT_MAX: usize = 24;
/// How often one event may need other people whom only what was just loaded tells of: with a run's revision, which may
/// have to be loaded too, no more than the rounds a decision has ([`crate::model::turn::ROUNDS_MAX`]).
const ASKED_PER_EVENT_MAX: u32 = 3;

impl Engine<'_> {
    /// What is known of these phones, none of them the far end's own; or what must come of the step first.
    pub(crate) fn reach(&mut self, who: &[Party]) -> Result<Vec<Reach>, Came> {
        let fresh = who.iter().filter(|party| !self.people.contains(party));
        let fresh: Vec<Party> = fresh.cloned().collect();
        if fresh.iter().any(|party| !self.foreseen.contains(party)) {
            self.run.asked_event += 1;
            self.foresee(&fresh);
        }
        self.people.extend(fresh);
        let asked = self.run.asked_event;
        if self.people.len() > PEOPLE_PER_EVENT_MAX || asked > ASKED_PER_EVENT_MAX {
            return Err(Came::fault("too many other people in one go"));
        }
        let known: Vec<Option<Reach>> = who.iter().map(self.facts.reach).collect();
        let missing = who.iter().zip(&known).filter(|(_, known)| known.is_none());
        let missing: Vec<Wanted> = missing
            .map(|(party, _)| Wanted::Reach(party.clone()))
            .collect();
        if missing.is_empty() {
            Ok(known.into_iter().flatten().collect())
        } else {
            Err(Came::Needs(missing))
        }
    }

    /// The contacts with a value in a field; or what must come of the step first.
    pub(crate) fn with_value(&mut self, asked: &FieldValue) -> Result<Vec<Person>, Came> {
        if !self.sought.contains(asked) {
            self.run.asked_event += 1;
            self.foresee(&[]);
            self.sought.push(asked.clone());
        }
        if self.run.asked_event > ASKED_PER_EVENT_MAX {
            return Err(Came::fault("too many other people in one go"));
        }
        let known = (self.facts.with_value)(asked);
        known.ok_or_else(|| Came::Needs(vec![Wanted::Contacts(asked.clone())]))
    }

    /// Takes down whom the question about these brings too.
    fn foresee(&mut self, fresh: &[Party]) {
        for wanted in self.ahead() {
            match wanted {
                Wanted::Reach(party) => self.foreseen.push(party),
                Wanted::Contacts(asked) => self.sought.push(asked),
                Wanted::Presence(_) | Wanted::Waiting => {}
            }
        }
        self.foreseen.extend_from_slice(fresh);
    }

    pub(super) fn knows(&self, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Presence(user) => (self.facts.presence)(*user).is_some(),
            Wanted::Reach(party) => (self.facts.reach)(party).is_some(),
            Wanted::Contacts(asked) => (self.facts.with_value)(asked).is_some(),
            Wanted::Waiting => self.facts.waiting.is_some(),
        }
    }

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
    let takes_time = def.waits() || matches!(def.verb, Verb::Http(_));
    let outcomes = def.then.iter();
    let outcomes =
        outcomes.filter(move |(name, _)| !takes_time && (!rings || name == "nobody_available"));
    outcomes.filter_map(|(_, target)| match target {
        Target::Step(position) => Some(*position),
        Target::End => None,
    })
}
