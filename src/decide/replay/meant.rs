//! What a recorded event means on one side, where calls, runs and legs have other ids than in production.

use crate::decide::Input;
use crate::model::turn::CallState;
use crate::model::{
    CallEvent, CallEventKind, CallVerb, CallbackKey, Inbound, Leg, LegId, Order, RunId, UserId,
};

use super::record::{Rung, Whose};
use super::side::Side;

impl Side<'_, '_> {
    /// A recorded event with the ids that things have here; nothing where it fits nothing.
    pub(super) fn meant(&mut self, input: &Input) -> Option<Input> {
        let mut meant = input.clone();
        match &mut meant {
            Input::Carrier {
                inbound: Inbound::Call(event),
                ..
            } => self.meant_on_call(event)?,
            Input::Ordered {
                order: Order::PlaceLeg { leg, .. },
                ..
            } => *leg = self.leg(*leg)?,
            Input::Answered { run, call, .. } => {
                *call = call.and(self.call);
                *run = self.waiting_run().unwrap_or(*run);
            }
            _ => {}
        }
        Some(meant)
    }

    /// The run that may wait for an answer.
    fn waiting_run(&self) -> Option<RunId> {
        match &self.story.whose {
            Whose::Call(..) => self.own_call()?.run.as_ref().map(|run| run.id),
            Whose::Thread(number, party) => {
                let thread = self.state.threads.get(&(*number, party.clone()))?;
                thread.runs.last().map(|run| run.id)
            }
        }
    }

    fn meant_on_call(&mut self, event: &mut CallEvent) -> Option<()> {
        event.key = match event.key {
            Some(CallbackKey::Call(_, turn)) => {
                let turn = self.turn(turn, &event.kind)?;
                self.call.map(|call| CallbackKey::Call(call, turn))
            }
            Some(CallbackKey::Leg(leg)) => Some(CallbackKey::Leg(self.leg(leg)?)),
            None => None,
        };
        Some(())
    }

    /// The turn here of something told of a turn there; nothing where the caller is not asked for that here. What was too
    /// late there is too late here.
    fn turn(&mut self, told: u32, kind: &CallEventKind) -> Option<u32> {
        let Some(on) = self.own_call() else {
            return Some(told);
        };
        let here = on.call.turn;
        let (there, asked) = (i64::from(told) + self.ahead, is_asked_for(on, kind));
        let Some(asked) = asked else {
            return Some(here);
        };
        let is_next = told > self.told && (there > i64::from(here) || is_telling(kind));
        match (asked, there == i64::from(here) || is_next) {
            (true, true) => {
                self.told = told;
                self.ahead = i64::from(here) - i64::from(told);
                Some(here)
            }
            // That the caller has gone is told at any turn.
            (false, _) if there >= i64::from(here) && !is_farewell(kind) => None,
            _ => Some(0),
        }
    }

    /// The leg here that stands for one of production: of the same device, the like of no other, and rung at the same time
    /// or still there.
    fn leg(&mut self, there: LegId) -> Option<LegId> {
        if let Some(here) = self.legs.get(&there) {
            return Some(*here);
        }
        let rung = self.story.rung.get(&there);
        let at = rung.map(|rung| rung.at);
        let fits = |leg: &&Leg| {
            let is_anothers = self.legs.values().any(|taken| *taken == leg.id);
            !is_anothers && rung.is_none_or(|rung| self.is_device(rung, leg))
        };
        let close = |leg: &Leg| (leg.id == there, Some(leg.started_at) == at);
        let like = self.own_legs().filter(fits);
        let like = like.filter(|leg| close(leg) > (false, false) || !leg.status.is_final());
        let here = like.max_by_key(|leg| (close(leg), leg.started_at))?.id;
        self.legs.insert(there, here);
        Some(here)
    }
}

impl Side<'_, '_> {
    /// Whether a leg rings the device that was rung; or one of the same member, who has that device no more.
    fn is_device(&self, rung: &Rung, leg: &Leg) -> bool {
        let has = |user: UserId| {
            let devices = self.world.directory.user(user).map(|user| &user.devices);
            let mut devices = devices.into_iter().flatten();
            devices.any(|device| device.phone == rung.phone)
        };
        let moved = rung.user.is_some_and(|user| !has(user));
        leg.phone == rung.phone || (moved && leg.user == rung.user)
    }
}

/// Whether the caller was asked for what is told; nothing where that may be told at any time.
fn is_asked_for(on: &CallState, kind: &CallEventKind) -> Option<bool> {
    let fits: fn(&CallVerb) -> bool = match kind {
        CallEventKind::Digits { .. } => |verb| matches!(verb, CallVerb::Gather { .. }),
        CallEventKind::DialEnded { .. } => {
            |verb| matches!(verb, CallVerb::Dial { .. } | CallVerb::Hold { .. })
        }
        CallEventKind::Recorded { .. } => |verb| matches!(verb, CallVerb::Record { .. }),
        _ => return None,
    };
    let script = on.call.script.as_ref();
    Some(script.is_some_and(|script| script.verbs.iter().any(fits)))
}

/// Whether it tells that the caller has gone.
fn is_farewell(kind: &CallEventKind) -> bool {
    let (CallEventKind::DialEnded { caller_gone, .. }
    | CallEventKind::Recorded { caller_gone, .. }) = kind
    else {
        return false;
    };
    *caller_gone
}

/// Whether it tells more than that a time has passed.
fn is_telling(kind: &CallEventKind) -> bool {
    !matches!(kind, CallEventKind::Digits { digits } if digits.is_empty())
}
