//! Takes a run on: from step to step until one waits or the flow ends.

use std::collections::BTreeMap;

use super::Flow;
use super::effect::{Effect, Ended, Return, Scope, Step, Stepped, Trace, Wanted};
use super::event::{Allowed, Event, Facts};
use super::reader::Who;
use super::run::{Queued, Run, Wait};
use super::scope::{Val, Values};
use super::steps::{Came, StepDef, Target, Verb};
use super::template::Text;
use crate::flow::Kind;
use crate::model::account::Route;
use crate::model::consent::{Consent, Verdict};
use crate::model::turn::FieldValue;
use crate::model::{CallVerb, Ids, Party, Timestamp};

/// Steps that one event may take.
pub(crate) const STEPS_PER_EVENT_MAX: u32 = 100;
/// Steps that one run may take.
pub(crate) const STEPS_PER_RUN_MAX: u32 = 500;
/// Flows that may be inside one another by `call`.
pub(crate) const CALLS_DEEP_MAX: usize = 5;
/// How often one event may leave for another flow, or call one.
pub(crate) const FLOWS_PER_EVENT_MAX: usize = 10;

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
    calls: Option<(String, BTreeMap<String, serde_json::Value>)>,
    returns: bool,
    /// The caller's leg comes by itself to ask for its script, in a moment.
    comes_by_itself: bool,
    trace: Vec<Trace>,
    /// How many of the effects and of the spoken verbs the trace has told of.
    told: (usize, usize),
    needs: Vec<Wanted>,
    /// The caller's place in a queue before this event.
    queued: Option<Queued>,
    /// What this event has taken down of the person's consent, which what was loaded does not show yet.
    allowed: Allowed,
    /// Whose phones this event has asked about.
    pub(super) people: Vec<Party>,
    /// Whose phones are loaded by now, as far as one step could ask for the next ones'.
    pub(super) foreseen: Vec<Party>,
    /// By which values contacts are loaded by now, in the same sense.
    pub(super) sought: Vec<FieldValue>,
}

/// What a step told people.
#[derive(Default)]
struct Told {
    /// The texts it spoke or sent.
    said: Vec<String>,
    /// The addresses it e-mailed.
    emailed: Vec<String>,
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
        effects: Vec::new(),
        told: (0, said.len()),
        said,
        script: None,
        leg_script: None,
        goto: None,
        calls: None,
        returns: false,
        comes_by_itself: matches!(run.wait, Wait::Http { .. }),
        trace: Vec::new(),
        needs: Vec::new(),
        queued: run.queued.clone(),
        allowed: facts.consent,
        people: Vec::new(),
        foreseen: Vec::new(),
        sought: Vec::new(),
        run,
    };
    engine.take(event);
    engine.finish(event)
}

impl Engine<'_> {
    fn take(&mut self, event: &Event<'_>) {
        if !self.run.leaving {
            self.run.steps_event = 0;
            self.run.asked_event = 0;
            self.run.unasked_event = 0;
            self.run.fields.clear();
            self.run.tags = None;
            self.run.caseloads = None;
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
                for (name, value) in &self.flow.with {
                    let slot = self.run.vars.entry(name.clone());
                    slot.or_insert_with(|| value.clone());
                }
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
        self.run.leaving = false;
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
        match came {
            // A question that is asked once more is told of; the rest of waiting is not.
            Came::Waits => {
                let told = self.told_since();
                if !told.said.is_empty() {
                    self.trace_step(def, "waits", told);
                }
            }
            came => self.came(def, came),
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
                return self.end(Ended::Looped(reason));
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
            Came::Calls(flow, with) if self.run.callers.len() < CALLS_DEEP_MAX => {
                self.traced(def, "calls");
                self.calls = Some((flow, with));
                None
            }
            Came::Calls(..) => {
                let reason = format!("more than {CALLS_DEEP_MAX} flows inside one another");
                self.end(Ended::Looped(reason));
                None
            }
            Came::Needs(mut wanted) => {
                let ahead = self.ahead().into_iter().filter(|one| !self.knows(one));
                for more in ahead {
                    if !wanted.contains(&more) {
                        wanted.push(more);
                    }
                }
                self.needs = wanted;
                None
            }
        }
    }

    fn traced(&mut self, def: &StepDef, outcome: &str) {
        let told = self.told_since();
        self.trace_step(def, outcome, told);
    }

    fn trace_step(&mut self, def: &StepDef, outcome: &str, told_now: Told) {
        let traced = self.facts.traced;
        let told = |word: &str| match traced {
            true => word.to_owned(),
            false => String::new(),
        };
        self.trace.push(Trace {
            step: told(&def.name),
            verb: def.spec.word,
            line: def.line,
            outcome: told(outcome),
            said: told_now.said,
            emailed: told_now.emailed,
        });
    }

    /// What has come since the latest step was told of.
    fn told_since(&mut self) -> Told {
        if !self.facts.traced {
            return Told::default();
        }
        let spoken = self.script.as_ref().unwrap_or(&self.said);
        let effects = self.effects.iter().skip(self.told.0);
        let addresses = effects.clone().flat_map(Effect::addresses);
        let emailed = addresses.cloned().collect();
        let texts = effects.filter_map(Effect::text).map(str::to_owned);
        let spoken_now = spoken.iter().skip(self.told.1);
        let said = texts.chain(spoken_now.flat_map(CallVerb::texts)).collect();
        self.told = (self.effects.len(), spoken.len());
        Told { said, emailed }
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

    /// A text that members of staff read, in the account's language.
    pub(crate) fn render_for_staff(&self, text: &Text, chars_max: usize) -> (String, String) {
        text.render_for_staff(&self.values(), chars_max)
    }

    /// A text spoken to a member of staff.
    pub(crate) fn spoken_to_member(&self, text: &Text) -> CallVerb {
        let (text, language) = self.render_for_staff(text, super::template::SAY_CHARS_MAX);
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

    /// What the far end allows, with what this event has just taken down.
    pub(crate) fn allowed(&self) -> Allowed {
        self.allowed
    }

    /// Takes down what the far end allows.
    pub(crate) fn allow(&mut self, scope: Scope, verdict: Consent) {
        let told = match verdict {
            Consent::In => Verdict::In,
            Consent::Out => Verdict::Out,
        };
        match scope {
            Scope::Number => self.allowed.number = told,
            Scope::Program => self.allowed.program = told,
            Scope::Account => self.allowed.account = told,
        }
        self.effects.push(Effect::Consent { scope, verdict });
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

    /// Whether an end is only that of a called flow. One whose recording may still be told keeps the run, because
    /// the calling flow would not know what to do with it.
    fn is_part(&self, ended: &Ended) -> bool {
        let comes_back = matches!(ended, Ended::End | Ended::CallerGone);
        comes_back && self.run.is_called() && self.run.recording.is_none()
    }

    fn end(&mut self, ended: Ended) {
        self.run.wait = Wait::Nothing;
        self.run.due_at = None;
        if self.is_part(&ended) {
            self.returns = true;
            return;
        }
        if self.flow.kind == Kind::Call {
            self.hang_up(&ended);
            self.effects
                .push(Effect::CallOutcome(self.call_outcome(&ended)));
        }
        self.run.ended = Some(ended);
    }

    fn hang_up(&mut self, ended: &Ended) {
        let other = matches!(ended, Ended::Rejected | Ended::Transferred);
        if !self.run.call.gone && !other {
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
            Ended::Transferred => "ended",
            Ended::End | Ended::Hangup if !call.sought => "ended",
            _ => "missed",
        }
    }

    /// Tells of the caller's place in a queue. Whichever way a run has left its queue, the place is given up here.
    fn keep_place(&mut self) {
        if !matches!(self.run.wait, Wait::Queue(_)) {
            self.run.queued = None;
        }
        let before = self.queued.take();
        if self.run.queued == before {
            return;
        }
        let now = self.run.queued.as_mut();
        if let Some(left) = before.filter(|one| now.as_ref().is_none_or(|now| now.id != one.id)) {
            self.effects.push(Effect::WaitsNoMore(left.id));
        }
        if let Some(now) = now {
            now.version += 1;
            self.effects.push(Effect::Waits {
                id: now.id,
                group: now.group,
                user: now.user,
                since: now.since,
                until: now.until,
                version: now.version,
            });
        }
    }

    fn finish(mut self, event: &Event<'_>) -> Step {
        if !self.needs.is_empty() {
            return Step::Need(self.needs);
        }
        self.keep_place();
        let waits_at_caller = matches!(
            event,
            Event::Started
                | Event::Returned
                | Event::Digits(_)
                | Event::DialEnded { .. }
                | Event::Recorded { .. }
        );
        let leaves = self.goto.is_some() || self.calls.is_some() || self.returns;
        let says_more = self.script.is_some() || (leaves && !self.run.call.gone);
        if self.flow.kind == Kind::Call && says_more && !waits_at_caller && !self.comes_by_itself {
            self.effects.push(Effect::MoveCaller);
        }
        let (mut goto, mut returns) = (None, None);
        let text = self.facts.text;
        let mut run = match (self.goto, self.calls) {
            (Some(flow), _) => {
                let run = self.run.into_flow(&flow);
                goto = Some((flow, self.said));
                run
            }
            (None, Some((flow, with))) => {
                let run = self.run.into_part(&flow, with);
                goto = Some((flow, self.said));
                run
            }
            (None, None) if self.returns => {
                let (run, revision) = self.run.back();
                let said = self.said;
                returns = Some(Return { revision, said });
                run
            }
            (None, None) => self.run,
        };
        if run.ended.is_none() && text.is_some() {
            run.text = text.map(str::to_owned);
        }
        Step::Done(Box::new(Stepped {
            waits_for_text: matches!(run.wait, Wait::Answer { .. } | Wait::Pause),
            due_at: run.due_at,
            ended: run.ended.clone(),
            run,
            effects: self.effects,
            script: self.script,
            leg_script: self.leg_script,
            goto,
            returns,
            trace: self.trace,
        }))
    }
}
