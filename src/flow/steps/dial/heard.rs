//! What carriers tell of a dial and its legs, in whatever order.

use super::{Accept, Dial, outcome};
use crate::flow::effect::Effect;
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::run::{Dialing, LegState, RungLeg, Wait};
use crate::flow::scope::Val;
use crate::flow::steps::Came;
use crate::flow::template::by_language;
use crate::model::{CallStatus, CallVerb, DialStatus, LegId, UserId};

/// How long the accept prompt waits for a key.
const ACCEPT_TIMEOUT_S: u32 = 8;
/// What somebody who hears the prompt gets on top of the ring time to decide, or, when another was quicker,
/// to come to its end.
pub(in crate::flow::steps) const DECIDE_S: u32 = 15;
/// How long the end of a room is awaited when the member has left it.
const ROOM_END_S: u32 = 10;

impl Dial {
    pub(in crate::flow::steps) fn resume(
        &self,
        engine: &mut Engine<'_>,
        event: &Event<'_>,
    ) -> Came {
        let Wait::Dial(dialing) = &engine.run.wait else {
            return Came::Waits;
        };
        // Worked on apart and put back only when the step waits on: it is small.
        let mut dialing = (**dialing).clone();
        let came = match event {
            Event::DialEnded {
                status,
                duration_s,
                caller_gone,
            } => {
                return self.dial_ended(engine, dialing, *status, *duration_s, *caller_gone);
            }
            Event::HungUp => return hung_up(engine, dialing),
            Event::Timer if engine.is_due() => self.time_over(engine, &mut dialing),
            Event::Screen {
                leg,
                digits,
                machine,
                unsure,
            } => {
                let judged = (*machine, *unsure);
                self.screened(engine, &mut dialing, *leg, *digits, judged);
                self.nobody_left(engine, &dialing)
            }
            Event::LegStatus { leg, status } => {
                self.leg_status(engine, &mut dialing, *leg, *status);
                self.nobody_left(engine, &dialing)
            }
            _ => return Came::Waits,
        };
        match came {
            Some(came) => came,
            None => {
                engine.run.wait = Wait::Dial(Box::new(dialing));
                Came::Waits
            }
        }
    }

    /// The carrier's own dial, or the caller's stay in the room, is over.
    fn dial_ended(
        &self,
        engine: &mut Engine<'_>,
        mut dialing: Dialing,
        status: DialStatus,
        duration_s: u32,
        gone: bool,
    ) -> Came {
        if dialing.room.is_some() {
            end_live(engine, &mut dialing, LegState::Failed);
            if accepted(&dialing).is_none() {
                return match (gone, dialing.queue.is_empty()) {
                    (true, _) => Came::HungUp,
                    (false, true) => Came::outcome("failed"),
                    (false, false) => self.ring_next(engine, dialing),
                };
            }
        } else {
            self.settle(engine, &mut dialing, status);
        }
        if let Some(user) = accepted(&dialing) {
            return answered(engine, user, duration_s);
        }
        if status == DialStatus::Answered && self.accept == Accept::Anyone {
            return answered(engine, None, duration_s);
        }
        if gone {
            return Came::HungUp;
        }
        self.go_on(engine, &dialing)
    }

    /// Nobody of those rung took the call: the next ones, where there are any.
    fn go_on(&self, engine: &mut Engine<'_>, dialing: &Dialing) -> Came {
        if self.at_once() {
            outcome(dialing)
        } else {
            self.ring_next(engine, dialing.clone())
        }
    }

    /// In a room: over when every device is, and nobody took the call. The carrier's own dial tells its end itself.
    fn nobody_left(&self, engine: &mut Engine<'_>, dialing: &Dialing) -> Option<Came> {
        let over = dialing.legs.iter().all(|leg| leg.state.is_over());
        let nobody = dialing.room.is_some() && over && accepted(dialing).is_none();
        nobody.then(|| self.go_on(engine, dialing))
    }

    /// The ring time of a room is over, or its end was never told.
    fn time_over(&self, engine: &mut Engine<'_>, dialing: &mut Dialing) -> Option<Came> {
        if let Some(user) = accepted(dialing) {
            end_live(engine, dialing, LegState::NoAnswer);
            engine.run.due_at = None;
            let talks = any_in(dialing, LegState::Accepted);
            return (!talks).then(|| answered(engine, user, 0));
        }
        if any_in(dialing, LegState::Prompted) && !dialing.extended {
            dialing.extended = true;
            engine.run.due_at = Some(engine.after(DECIDE_S));
            return None;
        }
        end_live(engine, dialing, LegState::NoAnswer);
        Some(self.go_on(engine, dialing))
    }

    /// What somebody hears who would take a call that is taken.
    fn taken_already(&self, engine: &Engine<'_>) -> CallVerb {
        match &self.when_taken {
            Some(text) => engine.spoken_to_member(text),
            None => engine.spoken_to_member(&by_language(&[
                ("en", "The call has already been taken."),
                ("es", "La llamada ya fue atendida."),
                ("fr", "L'appel a déjà été pris."),
                ("de", "Der Anruf wurde schon angenommen."),
            ])),
        }
    }

    /// What the carrier says of its dial, taken over for the devices nothing else is known of. Without
    /// acceptance, its `answered` counts; with it, only an accepted key does.
    fn settle(&self, engine: &mut Engine<'_>, dialing: &mut Dialing, status: DialStatus) {
        let taken = status == DialStatus::Answered && self.accept == Accept::Anyone;
        let (state, leg_status) = match status {
            DialStatus::Answered => (LegState::NoAnswer, CallStatus::Completed),
            DialStatus::NoAnswer => (LegState::NoAnswer, CallStatus::NoAnswer),
            DialStatus::Busy => (LegState::Busy, CallStatus::Busy),
            DialStatus::Declined => (LegState::Declined, CallStatus::Busy),
            DialStatus::Failed => (LegState::Failed, CallStatus::Failed),
            DialStatus::Canceled => (LegState::NoAnswer, CallStatus::Canceled),
        };
        let live: Vec<usize> = (0..dialing.legs.len())
            .filter(|at| !dialing.legs[*at].state.is_over())
            .collect();
        let sole = live.len() == 1;
        let known = accepted(dialing).is_some();
        for at in live {
            let leg = &mut dialing.legs[at];
            if leg.state == LegState::Accepted {
                engine.effects.push(Effect::LegEnded {
                    leg: leg.leg,
                    status: CallStatus::Completed,
                });
                leg.state = LegState::Left;
            } else if taken && sole && !known {
                engine.effects.push(Effect::Accepted { leg: leg.leg });
                engine.effects.push(Effect::LegEnded {
                    leg: leg.leg,
                    status: CallStatus::Completed,
                });
                leg.state = LegState::Left;
            } else {
                // Of several devices only one was answered; the others rang until then.
                let leg_status = if taken {
                    CallStatus::Canceled
                } else {
                    leg_status
                };
                engine.effects.push(Effect::LegEnded {
                    leg: leg.leg,
                    status: leg_status,
                });
                // Who hears the prompt and is no more has hung up at it, whichever is told first.
                let refused = leg.state == LegState::Prompted && status != DialStatus::Canceled;
                leg.state = if refused { LegState::Declined } else { state };
            }
        }
    }

    /// A called leg has answered, or pressed a key.
    pub(in crate::flow::steps) fn screened(
        &self,
        engine: &mut Engine<'_>,
        dialing: &mut Dialing,
        leg: LegId,
        digits: Option<&str>,
        (machine, unsure): (bool, bool),
    ) {
        let winner = dialing
            .legs
            .iter()
            .find(|have| is_taken(have.state))
            .map(|have| have.leg);
        let room = dialing.room.clone();
        let Some(rung) = dialing.legs.iter_mut().find(|have| have.leg == leg) else {
            return;
        };
        if rung.state == LegState::Accepted {
            engine.leg_script = Some(self.connect(room));
            return;
        }
        if winner.is_some() {
            over(engine, rung, LegState::NoAnswer, CallStatus::Completed);
            engine.leg_script = Some(vec![self.taken_already(engine), CallVerb::Hangup]);
            return;
        }
        if rung.state.is_over() {
            return;
        }
        match digits {
            None if machine => over(engine, rung, LegState::NoAnswer, CallStatus::Completed),
            None if self.accept == Accept::Key => {
                rung.state = LegState::Prompted;
                engine.leg_script = Some(self.accept_prompt(engine));
            }
            Some("1") | None => {
                if unsure {
                    let text = "The carrier could not tell whether a person or a machine picked up; it was taken for a person.";
                    engine.effects.push(Effect::Note { text: text.into() });
                }
                rung.state = LegState::Accepted;
                engine.effects.push(Effect::Accepted { leg });
                engine.leg_script = Some(self.connect(room.clone()));
                engine.run.due_at = None;
                if room.is_some() {
                    end_ringing(engine, dialing);
                }
            }
            Some("2") => over(engine, rung, LegState::Declined, CallStatus::Completed),
            Some(_) => over(engine, rung, LegState::NoAnswer, CallStatus::Completed),
        }
    }

    /// What brings the member who took the call to the caller.
    fn connect(&self, room: Option<String>) -> Vec<CallVerb> {
        let record = self.record && self.enters_first;
        room.map(|room| CallVerb::Join { room, record })
            .into_iter()
            .collect()
    }

    fn accept_prompt(&self, engine: &Engine<'_>) -> Vec<CallVerb> {
        let gather = CallVerb::Gather {
            prompt: vec![engine.spoken_to_member(&self.prompt)],
            digits_max: Some(1),
            finish_on: None,
            timeout_s: ACCEPT_TIMEOUT_S,
            barge_in: true,
        };
        vec![gather, CallVerb::Hangup]
    }

    /// A called leg's own report. Repeats and reports of legs that are over change nothing.
    pub(in crate::flow::steps) fn leg_status(
        &self,
        engine: &mut Engine<'_>,
        dialing: &mut Dialing,
        leg: LegId,
        status: CallStatus,
    ) {
        let in_room = dialing.room.is_some();
        let winner = dialing.legs.iter().any(|have| is_taken(have.state));
        let Some(rung) = dialing.legs.iter_mut().find(|have| have.leg == leg) else {
            return;
        };
        if rung.state.is_over() {
            return;
        }
        match (status, rung.state) {
            (CallStatus::Queued | CallStatus::Ringing, _) => {}
            // Without a prompt, the carrier's own dial connects whoever answers.
            (CallStatus::InProgress, LegState::Ringing)
                if self.accept == Accept::Anyone && !in_room && !winner =>
            {
                rung.state = LegState::Accepted;
                engine.effects.push(Effect::Accepted { leg });
            }
            // The carrier still listens to who it is: that takes as long as somebody may take to decide.
            (CallStatus::InProgress, LegState::Ringing) if self.accept == Accept::Person => {
                rung.state = LegState::Prompted;
            }
            (CallStatus::InProgress, _) => {}
            (_, LegState::Accepted) => {
                over(engine, rung, LegState::Left, status);
                // The room ends with its member; should that never be told, the caller is fetched.
                if in_room {
                    engine.run.due_at = Some(engine.after(ROOM_END_S));
                }
            }
            // Without a prompt, a leg that has been answered and is over has talked to the caller, though
            // the report of its answer was lost or is late.
            (CallStatus::Completed, LegState::Ringing)
                if self.accept == Accept::Anyone && !in_room && !winner =>
            {
                engine.effects.push(Effect::Accepted { leg });
                over(engine, rung, LegState::Left, status);
            }
            (CallStatus::Completed, LegState::Prompted) if self.accept == Accept::Key => {
                over(engine, rung, LegState::Declined, status)
            }
            (CallStatus::Busy, _) => over(engine, rung, LegState::Busy, status),
            (CallStatus::Failed, _) => over(engine, rung, LegState::Failed, status),
            (CallStatus::Completed | CallStatus::NoAnswer | CallStatus::Canceled, _) => {
                over(engine, rung, LegState::NoAnswer, status);
            }
        }
    }
}

fn is_taken(state: LegState) -> bool {
    matches!(state, LegState::Accepted | LegState::Left)
}

/// Who took the call, when somebody did.
pub(in crate::flow::steps) fn accepted(dialing: &Dialing) -> Option<Option<UserId>> {
    dialing
        .legs
        .iter()
        .find(|leg| is_taken(leg.state))
        .map(|leg| leg.user)
}

fn over(engine: &mut Engine<'_>, leg: &mut RungLeg, state: LegState, status: CallStatus) {
    if !leg.state.is_over() {
        leg.state = state;
        engine.effects.push(Effect::LegEnded {
            leg: leg.leg,
            status,
        });
    }
}

/// Somebody took the call. Who hears the prompt is told so at the end of it, within a time.
fn end_ringing(engine: &mut Engine<'_>, dialing: &mut Dialing) {
    end_those(engine, dialing, &[LegState::Ringing], LegState::NoAnswer);
    if any_in(dialing, LegState::Prompted) {
        engine.run.due_at = Some(engine.after(DECIDE_S));
    }
}

/// Ends everything that still rings or hears the prompt.
pub(in crate::flow::steps) fn end_live(
    engine: &mut Engine<'_>,
    dialing: &mut Dialing,
    state: LegState,
) {
    let live = [LegState::Ringing, LegState::Prompted];
    end_those(engine, dialing, &live, state);
}

fn any_in(dialing: &Dialing, state: LegState) -> bool {
    dialing.legs.iter().any(|leg| leg.state == state)
}

fn end_those(engine: &mut Engine<'_>, dialing: &mut Dialing, those: &[LegState], state: LegState) {
    let mut ended = Vec::new();
    for leg in &mut dialing.legs {
        if those.contains(&leg.state) {
            leg.state = state;
            ended.push(leg.leg);
        }
    }
    if !ended.is_empty() {
        engine.effects.push(Effect::EndLegs(ended));
    }
}

fn answered(engine: &mut Engine<'_>, user: Option<UserId>, duration_s: u32) -> Came {
    engine.run.call.answered = true;
    let name = user
        .and_then(|user| engine.facts.directory.user(user))
        .map(|user| user.name.clone());
    engine.keep_here("user", name.map_or(Val::Missing, Val::text));
    engine.keep_here("seconds", Val::Number(f64::from(duration_s)));
    Came::outcome("answered")
}

/// The caller has left.
fn hung_up(engine: &mut Engine<'_>, mut dialing: Dialing) -> Came {
    let taken = accepted(&dialing);
    if dialing.room.is_some() {
        end_live(engine, &mut dialing, LegState::NoAnswer);
    } else {
        // The carrier's own dial ends its legs with the caller's.
        for leg in &mut dialing.legs {
            over(engine, leg, LegState::NoAnswer, CallStatus::Canceled);
        }
    }
    match taken {
        Some(user) => answered(engine, user, 0),
        None => Came::HungUp,
    }
}
