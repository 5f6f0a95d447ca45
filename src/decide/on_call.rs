//! A call under decision with its legs and its thread: read, changed, written back once.

use crate::model::conversation::{RunRow, ThreadEventKind};
use crate::model::turn::{CallState, Write};
use crate::model::{Call, CallStatus, Leg, LegId};

use super::frame::{Frame, Place, program_of};
use super::{Cx, Decided, leg, run, voicemail};

/// A call under decision.
pub(super) struct OnCall<'a> {
    pub(super) call: Call,
    pub(super) legs: Vec<Leg>,
    pub(super) legs_before: Vec<Leg>,
    pub(super) frame: Frame<'a>,
    /// Whether its run was still under way.
    live: bool,
    /// Whether the thread has been told of its end.
    told: bool,
}

impl<'a> OnCall<'a> {
    /// A call that has just come.
    pub(super) fn new(call: Call, frame: Frame<'a>) -> Self {
        Self {
            call,
            legs: Vec::new(),
            legs_before: Vec::new(),
            frame,
            live: false,
            told: false,
        }
    }

    /// The call with its thread.
    pub(super) fn load(cx: &mut Cx<'a>, state: &'a CallState) -> Decided<Option<Self>> {
        let call = &state.call;
        let account = cx.directory().account(call.account);
        let (Some(account), Some(number)) = (account, cx.directory().number(call.number)) else {
            return Ok(None);
        };
        let thread = cx.thread(call.number, &call.party);
        let thread = thread.map_err(|needs| run::with_revision(cx, needs, state.run.as_ref()))?;
        let known = thread
            .conversations
            .iter()
            .find(|one| Some(one.id) == call.conversation);
        let program = known
            .map(|one| one.program)
            .or_else(|| program_of(account, number.id));
        let Some(program) = program else {
            return Ok(None);
        };
        let place = Place {
            account,
            program,
            number,
            party: &call.party,
            thread,
        };
        let Some(frame) = Frame::of(cx, &place, known) else {
            return Ok(None);
        };
        let live = state.run.as_ref().is_some_and(|run| !run.ended);
        let legs = state.legs.clone();
        Ok(Some(Self {
            call: call.clone(),
            legs_before: legs.clone(),
            legs,
            frame,
            live,
            told: is_over(call, live),
        }))
    }

    /// The leg with this id.
    pub(super) fn leg(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// The caller has left, or we have ended the call. A member who is only just on the way into the room
    /// would wait there alone.
    pub(super) fn end(&mut self, cx: &mut Cx<'a>, status: CallStatus) {
        if self.call.ended_at.is_some() {
            return;
        }
        self.call.status = status;
        self.call.ended_at = Some(cx.at.now);
        let accepted = |leg: &&Leg| leg.accepted && !leg.status.is_final();
        let accepted: Vec<LegId> = self
            .legs
            .iter()
            .filter(accepted)
            .map(|leg| leg.id)
            .collect();
        for id in accepted {
            leg::end(cx, self, id);
            leg::set(self, id, CallStatus::Completed);
        }
    }

    /// Writes what has changed; the call before its run and legs.
    pub(super) fn save(mut self, cx: &mut Cx<'a>, run: Option<RunRow>) {
        self.live = run.as_ref().map_or(self.live, |run| !run.ended);
        self.tell_the_thread(cx);
        self.call.version += 1;
        let legs: Vec<Leg> = self
            .legs
            .iter()
            .filter(|leg| !self.legs_before.contains(leg))
            .cloned()
            .collect();
        cx.write(Write::Call(Box::new(self.call.clone())));
        for mut leg in legs {
            leg.version += 1;
            cx.write(Write::Leg(Box::new(leg)));
        }
        if let Some(run) = run {
            run::save_run(cx, run, false);
        }
        self.frame.save(cx);
    }

    /// When the call is over the thread says so, once. A recording's length may be awaited after its caller
    /// has left, so it is the run that counts.
    fn tell_the_thread(&mut self, cx: &mut Cx<'a>) {
        if self.told || !is_over(&self.call, self.live) {
            return;
        }
        let outcome = self
            .call
            .outcome
            .get_or_insert_with(|| "ended".into())
            .clone();
        let user = self
            .legs
            .iter()
            .find(|leg| leg.accepted)
            .and_then(|leg| leg.user);
        let missed = outcome == "missed";
        self.frame.touch(cx, &format!("Call: {outcome}"), missed);
        let kind = ThreadEventKind::Called {
            call: self.call.id,
            outcome,
            user,
        };
        self.frame.event(cx, None, kind);
        if missed {
            self.frame.post_unless_open(cx, None, None);
            voicemail::missed(cx, self);
        }
    }
}

/// Whether nothing more is decided about a call.
fn is_over(call: &Call, live: bool) -> bool {
    !live && (call.run.is_some() || call.ended_at.is_some())
}
