//! Takes a run on: from step to step until one waits or the flow ends.

use super::Flow;
use super::effect::{Effect, Ended, Step, Stepped, Trace};
use super::event::{Event, Facts};
use super::reader::Who;
use super::run::{Run, Wait};
use super::scope::{Val, Values};
use super::steps::{Came, StepDef, Target, Verb};
use super::template::Text;
use crate::flow::Kind;
use crate::model::account::Route;
use crate::model::{CallVerb, Ids, Timestamp, UserId};

/// Steps that one event may take.
pub(crate) const STEPS_PER_EVENT_MAX: u32 = 100;
/// Steps that one run may take.
pub(crate) const STEPS_PER_RUN_MAX: u32 = 500;

/// One event of one run, while it is decided.
pub(crate) struct Engine<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) ids: &'a mut Ids,
    pub(crate) run: Run,
    pub(crate) effects: Vec<Effect>,
    /// What the caller hears before the next waiting verb.
    pub(crate) said: Vec<CallVerb>,
    pub(crate) script: Option<Vec<CallVerb>>,
    pub(crate) leg_script: Option<Vec<CallVerb>>,
    goto: Option<String>,
    trace: Vec<Trace>,
    /// How many of the effects and of the spoken verbs the trace has told of.
    told: (usize, usize),
    needs: Vec<UserId>,
}

/// See [`super::step`].
pub(crate) fn step(
    flow: &Flow,
    run: Run,
    event: &Event<'_>,
    facts: &Facts<'_>,
    ids: &mut Ids,
    said: Vec<CallVerb>,
) -> Step {
    // The text that an event brings is the latest.
    let text = match event {
        Event::Text(text) => Some(*text),
        _ => facts.text,
    };
    let facts = &Facts { text, ..*facts };
    let mut engine = Engine {
        flow,
        facts,
        ids,
        run,
        effects: Vec::new(),
        told: (0, said.len()),
        said,
        script: None,
        leg_script: None,
        goto: None,
        trace: Vec::new(),
        needs: Vec::new(),
    };
    engine.take(event);
    engine.finish(event)
}

impl Engine<'_> {
    fn take(&mut self, event: &Event<'_>) {
        if !self.run.leaving {
            self.run.steps_event = 0;
            self.run.fields.clear();
            self.run.tags = None;
        }
        if self.run.ended.is_some() {
            return self.take_late(event);
        }
        match (&self.run.step, event) {
            (None, Event::HungUp) => {
                self.run.call.gone = true;
                self.end(Ended::CallerGone);
            }
            (None, Event::Started) => {
                self.run.leaving = false;
                self.go(Target::Step(0));
            }
            (None, _) => self.refuse_leg(event),
            (Some(_), Event::Started) => {}
            (Some(step), _) => match self.flow.steps.iter().find(|def| def.name == *step) {
                Some(def) => self.resume(def, event),
                None => self.end(Ended::Fault(
                    "the flow has no such step any more".to_owned(),
                )),
            },
        }
    }

    fn resume(&mut self, def: &StepDef, event: &Event<'_>) {
        let gone = matches!(
            event,
            Event::HungUp
                | Event::DialEnded {
                    caller_gone: true,
                    ..
                }
                | Event::Recorded {
                    caller_gone: true,
                    ..
                }
        );
        if matches!(event, Event::HungUp) && self.run.call.gone {
            return;
        }
        self.run.call.gone |= gone;
        let mut came = def.verb.resume(self, event);
        // A leaving told by an event of another verb is a leaving all the same.
        if gone && matches!(came, Came::Waits) && !matches!(event, Event::HungUp) {
            came = def.verb.resume(self, &Event::HungUp);
        }
        self.refuse_leg(event);
        if gone && matches!(came, Came::Waits) && !self.outlives_caller() {
            came = Came::HungUp;
        }
        if !matches!(came, Came::Waits) {
            self.came(def, came);
        }
    }

    /// A recording's length may still be on its way when the caller has left.
    fn outlives_caller(&self) -> bool {
        matches!(self.run.wait, Wait::Recording { .. })
    }

    /// A leg that asks what it shall hear is never left without an answer.
    fn refuse_leg(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Screen { .. }) && self.leg_script.is_none() {
            self.leg_script = Some(vec![CallVerb::Hangup]);
        }
    }

    /// A run that is over stays over; only a recording whose length was never told is still taken.
    fn take_late(&mut self, event: &Event<'_>) {
        self.refuse_leg(event);
        let step = self.run.recording.clone();
        let def = step.and_then(|step| self.flow.steps.iter().find(|def| def.name == step));
        if let Some(StepDef {
            verb: Verb::Voicemail(voicemail),
            ..
        }) = def
        {
            voicemail.take_late(self, event);
        }
    }

    fn go(&mut self, mut target: Target) {
        loop {
            let Target::Step(position) = target else {
                return self.end(if self.run.call.gone {
                    Ended::CallerGone
                } else {
                    Ended::End
                });
            };
            let Some(def) = self.flow.steps.get(position) else {
                return self.end(Ended::Fault("the flow has no step".to_owned()));
            };
            if let Some(reason) = self.over_bounds() {
                return self.end(Ended::Fault(reason));
            }
            if self.run.call.gone && def.spec.needs_caller {
                return self.end(Ended::CallerGone);
            }
            self.run.step = Some(def.name.clone());
            self.run.wait = Wait::Nothing;
            self.run.due_at = None;
            let came = def.verb.enter(self);
            match self.settle(def, came) {
                Some(next) => target = next,
                None => return,
            }
        }
    }

    fn over_bounds(&mut self) -> Option<String> {
        self.run.steps_event += 1;
        self.run.steps_total += 1;
        if self.run.steps_event > STEPS_PER_EVENT_MAX {
            return Some(format!("more than {STEPS_PER_EVENT_MAX} steps at once"));
        }
        (self.run.steps_total > STEPS_PER_RUN_MAX)
            .then(|| format!("more than {STEPS_PER_RUN_MAX} steps in all"))
    }

    fn came(&mut self, def: &StepDef, came: Came) {
        self.run.wait = Wait::Nothing;
        self.run.due_at = None;
        if let Some(next) = self.settle(def, came) {
            self.go(next);
        }
    }

    /// Takes down what came of a step; where to go on, if anywhere.
    fn settle(&mut self, def: &StepDef, came: Came) -> Option<Target> {
        match came {
            Came::Outcome(outcome) => {
                self.keep(def, "outcome", Val::text(outcome.as_ref()));
                let found = def.then.iter().find(|(name, _)| *name == outcome);
                self.traced(def, &outcome);
                match found {
                    Some((_, target)) => Some(*target),
                    None => {
                        let reason =
                            format!("step {} came to {outcome}, which leads nowhere", def.name);
                        self.end(Ended::Fault(reason));
                        None
                    }
                }
            }
            Came::HungUp => {
                self.keep(def, "outcome", Val::text("caller_hung_up"));
                self.traced(def, "caller_hung_up");
                Some(def.hung_up)
            }
            Came::Waits => {
                self.traced(def, "waits");
                None
            }
            Came::Ends(ended) => {
                self.traced(def, "ends");
                self.end(ended);
                None
            }
            Came::Leaves(flow) => {
                self.traced(def, "leaves");
                self.goto = Some(flow);
                None
            }
            Came::Needs(users) => {
                self.needs = users;
                None
            }
        }
    }

    fn traced(&mut self, def: &StepDef, outcome: &str) {
        let said = self.said_since();
        self.trace.push(Trace {
            step: def.name.clone(),
            verb: def.spec.word,
            line: def.line,
            outcome: outcome.to_owned(),
            said,
        });
    }

    /// The texts that have come since the latest step was told of.
    fn said_since(&mut self) -> Vec<String> {
        let spoken = self.script.as_ref().unwrap_or(&self.said);
        let effects = self.effects.iter().skip(self.told.0);
        let texts = effects.filter_map(Effect::text).map(str::to_owned);
        let spoken_now = spoken.iter().skip(self.told.1);
        let said = texts.chain(spoken_now.flat_map(CallVerb::texts)).collect();
        self.told = (self.effects.len(), spoken.len());
        said
    }

    /// Keeps a step's value, when a text or a condition of the flow asks for it.
    pub(crate) fn keep(&mut self, def: &StepDef, value: &'static str, is: Val) {
        let wanted = |(step, name): &(String, String)| *step == def.name && name == value;
        if self.flow.kept.iter().any(wanted) {
            let values = self.run.steps.entry(def.name.clone()).or_default();
            values.insert(value.to_owned(), is.to_json());
        }
    }

    /// Keeps a value of the step the run stands at.
    pub(crate) fn keep_here(&mut self, value: &'static str, is: Val) {
        let here = self.run.step.as_deref();
        let def = self
            .flow
            .steps
            .iter()
            .find(|def| Some(def.name.as_str()) == here);
        if let Some(def) = def {
            self.keep(def, value, is);
        }
    }

    /// The names' values now.
    pub(crate) fn values(&self) -> Values<'_> {
        Values {
            run: &self.run,
            facts: self.facts,
        }
    }

    /// A text for this person, and its language.
    pub(crate) fn render(&self, text: &Text, chars_max: usize) -> (String, String) {
        text.render(&self.values(), chars_max)
    }

    /// A text spoken to the caller.
    pub(crate) fn spoken(&self, text: &Text) -> CallVerb {
        let (text, language) = self.render(text, super::template::SAY_CHARS_MAX);
        CallVerb::Say { text, language }
    }

    /// Now, or so many seconds later.
    pub(crate) fn after(&self, seconds: u32) -> Timestamp {
        self.facts.now + std::time::Duration::from_secs(u64::from(seconds))
    }

    /// Whether the time that the run wanted to be woken at has come.
    pub(crate) fn is_due(&self) -> bool {
        self.run.due_at.is_some_and(|due| self.facts.now >= due)
    }

    /// The caller hears what was said and then this verb, which waits.
    pub(crate) fn give(&mut self, verb: CallVerb) {
        let mut script = std::mem::take(&mut self.said);
        script.push(verb);
        self.script = Some(script);
        self.run.turns = self.run.turns.saturating_add(1);
    }

    /// Whom a step means, when they are still there.
    pub(crate) fn route(&self, who: &Who) -> Option<Route> {
        match who {
            Who::Group(key) => self
                .facts
                .account
                .group(key)
                .map(|group| Route::Group(group.id)),
            Who::User(key) => self
                .facts
                .directory
                .user_by_key(key)
                .map(|user| Route::User(user.id)),
        }
    }

    fn end(&mut self, ended: Ended) {
        self.run.wait = Wait::Nothing;
        self.run.due_at = None;
        if self.flow.kind == Kind::Call {
            self.hang_up(&ended);
            self.effects
                .push(Effect::CallOutcome(self.call_outcome(&ended)));
        }
        self.run.ended = Some(ended);
    }

    fn hang_up(&mut self, ended: &Ended) {
        let rejected = matches!(ended, Ended::Rejected);
        if !self.run.call.gone && !rejected {
            self.give(CallVerb::Hangup);
        }
    }

    /// How the call ended for people. A caller who heard an announcement to its end has missed nobody.
    fn call_outcome(&self, ended: &Ended) -> &'static str {
        let call = self.run.call;
        match ended {
            Ended::Rejected => "rejected",
            _ if call.answered => "answered",
            _ if call.voicemail => "voicemail",
            Ended::End | Ended::Hangup if !call.sought => "ended",
            _ => "missed",
        }
    }

    fn finish(mut self, event: &Event<'_>) -> Step {
        if !self.needs.is_empty() {
            return Step::NeedPresence(self.needs);
        }
        let waits_at_caller = matches!(
            event,
            Event::Started | Event::Digits(_) | Event::DialEnded { .. } | Event::Recorded { .. }
        );
        let says_more = self.script.is_some() || (self.goto.is_some() && !self.run.call.gone);
        if self.flow.kind == Kind::Call && says_more && !waits_at_caller {
            self.effects.push(Effect::MoveCaller);
        }
        let (run, goto) = match self.goto {
            Some(flow) => (self.run.into_flow(&flow), Some((flow, self.said))),
            None => (self.run, None),
        };
        Step::Done(Box::new(Stepped {
            waits_for_text: matches!(run.wait, Wait::Answer { .. }),
            due_at: run.due_at,
            ended: run.ended.clone(),
            run,
            effects: self.effects,
            script: self.script,
            leg_script: self.leg_script,
            goto,
            trace: self.trace,
        }))
    }
}
