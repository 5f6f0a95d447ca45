//! The called legs of a call: placed, asked, joined, ended; in whatever order the carrier tells of them.

use crate::flow::{Event, RingLeg};
use crate::model::turn::{CallState, JobKind, Write};
use crate::model::{
    CallEventKind, CallScript, CallStatus, CallVerb, CallbackKey, Leg, LegId, Order,
};

use super::call::{resume, resume_leg};
use super::on_call::OnCall;
use super::text::job;
use super::{Cx, Decided, talk};

/// Something happened to a called leg.
pub(super) fn happened<'a>(
    cx: &mut Cx<'a>,
    id: LegId,
    carrier_id: &str,
    kind: &'a CallEventKind,
) -> Decided {
    let Some(state) = cx.call_of_leg(id)? else {
        hang_up(cx, id, kind);
        return cx.ignored("leg_unknown");
    };
    let known = state.legs.iter().find(|leg| leg.id == id);
    let Some(known) = known else {
        return cx.ignored("leg_unknown");
    };
    cx.turn.account = Some(known.account);
    if let CallEventKind::TalkRecorded {
        url, duration_s, ..
    } = kind
    {
        return talk::recorded(cx, state, url.as_deref(), *duration_s);
    }
    if known.status.is_final() {
        return too_late(cx, state, known, carrier_id, kind);
    }
    if let Some(event) = screened(id, kind) {
        cx.rule("leg_screen");
        hang_up(cx, id, kind);
        let now = learnt(known, carrier_id, CallStatus::InProgress);
        return resume_leg(cx, state, event, now);
    }
    match kind {
        // An answer tells who took a call that nobody had to accept.
        CallEventKind::LegStatus { status, .. }
            if status.is_final() || answers(known.status, *status) =>
        {
            cx.rule("leg_status");
            let event = Event::LegStatus {
                leg: id,
                status: *status,
            };
            resume_leg(cx, state, event, learnt(known, carrier_id, *status))
        }
        CallEventKind::LegStatus { status, .. } => {
            let mut now = learnt(known, carrier_id, *status);
            if now != *known {
                now.version += 1;
                cx.write(Write::Leg(Box::new(now)));
            }
            cx.ignored("leg_status")
        }
        _ => {
            hang_up(cx, id, kind);
            cx.ignored("leg_other")
        }
    }
}

/// A leg that asks what it shall hear.
fn screened(leg: LegId, kind: &CallEventKind) -> Option<Event<'_>> {
    let CallEventKind::Screen {
        digits,
        machine,
        unsure,
    } = kind
    else {
        return None;
    };
    Some(Event::Screen {
        leg,
        digits: digits.as_deref(),
        machine: *machine,
        unsure: *unsure,
    })
}

/// A leg that asks and gets no better answer is ended.
fn hang_up(cx: &mut Cx<'_>, id: LegId, kind: &CallEventKind) {
    let asks = matches!(
        kind,
        CallEventKind::Screen { .. } | CallEventKind::DialEnded { .. } | CallEventKind::Resumed
    );
    if asks {
        cx.answer(CallScript {
            key: CallbackKey::Leg(id),
            verbs: vec![CallVerb::Hangup],
        });
    }
}

/// A leg that we had ended before the carrier told us its id is ended as soon as it shows itself. One that
/// answered the prompt late still hears that the call is taken.
fn too_late<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    leg: &Leg,
    carrier_id: &str,
    kind: &'a CallEventKind,
) -> Decided {
    hang_up(cx, leg.id, kind);
    if let Some(event) = screened(leg.id, kind) {
        cx.rule("leg_late");
        return resume(cx, state, event, false);
    }
    let alive = matches!(kind, CallEventKind::LegStatus { status, .. } if !status.is_final());
    if alive && leg.status == CallStatus::Canceled && leg.room.is_some() {
        let order = Order::EndLeg {
            leg: leg.id,
            carrier_id: carrier_id.to_owned(),
        };
        let now = cx.at.now;
        job(
            cx,
            leg.account,
            &state.call.connection,
            JobKind::Order(order),
            now,
        );
    }
    cx.ignored("leg_late")
}

/// The leg with what its webhook tells: the carrier's id and the state.
fn learnt(leg: &Leg, carrier_id: &str, status: CallStatus) -> Leg {
    let mut now = leg.clone();
    now.carrier_id.get_or_insert_with(|| carrier_id.to_owned());
    if forward(leg.status, status) {
        now.status = status;
    }
    now
}

fn answers(from: CallStatus, to: CallStatus) -> bool {
    to == CallStatus::InProgress && forward(from, to)
}

/// A late report of ringing does not undo an answer.
pub(super) fn forward(from: CallStatus, to: CallStatus) -> bool {
    let rank = |status| match status {
        CallStatus::Queued => 0,
        CallStatus::Ringing => 1,
        CallStatus::InProgress => 2,
        _ => 3,
    };
    rank(to) > rank(from)
}

/// How devices are rung.
#[derive(Clone, Copy)]
pub(super) struct How<'e> {
    pub(super) ring_s: u32,
    pub(super) caller_id: Option<&'e str>,
    pub(super) detects: bool,
}

/// Rings devices: by the carrier's own dial, or one placed leg each.
pub(super) fn ring<'a>(
    cx: &mut Cx<'a>,
    on: &mut OnCall<'a>,
    legs: &[RingLeg],
    room: Option<&str>,
    how: How<'_>,
) {
    for planned in legs {
        on.legs.push(Leg {
            id: planned.leg,
            account: on.call.account,
            call: on.call.id,
            user: planned.user,
            phone: planned.phone,
            carrier_id: None,
            status: CallStatus::Queued,
            room: room.map(str::to_owned),
            accepted: false,
            started_at: cx.at.now,
            version: 0,
        });
        if room.is_some() {
            place(cx, on, planned, how);
        }
    }
}

/// The caller's own number may be shown only with the token the carrier gave for it.
fn place<'a>(cx: &mut Cx<'a>, on: &OnCall<'a>, planned: &RingLeg, how: How<'_>) {
    let How {
        ring_s,
        caller_id,
        detects,
    } = how;
    let token = on.call.token.clone().filter(|_| caller_id.is_none());
    let callers = token
        .as_ref()
        .and_then(|_| on.call.party.phone())
        .map(|phone| phone.to_string());
    let from = caller_id.map(str::to_owned).or(callers);
    let order = Order::PlaceLeg {
        leg: planned.leg,
        from: from.unwrap_or_else(|| on.frame.number.address.clone()),
        to: planned.phone,
        ring_s,
        token,
        detects,
    };
    let now = cx.at.now;
    job(
        cx,
        on.call.account,
        &on.call.connection,
        JobKind::Order(order),
        now,
    );
}

pub(super) fn accepted(on: &mut OnCall<'_>, id: LegId) {
    if let Some(leg) = on.leg(id) {
        leg.accepted = true;
        // Its end may have been told before the end of the dial that says who took the call.
        if forward(leg.status, CallStatus::InProgress) {
            leg.status = CallStatus::InProgress;
        }
    }
}

pub(super) fn ended(on: &mut OnCall<'_>, id: LegId, status: CallStatus) {
    if on.leg(id).is_some_and(|leg| !leg.status.is_final()) {
        set(on, id, status);
    }
}

pub(super) fn set(on: &mut OnCall<'_>, id: LegId, status: CallStatus) {
    if let Some(leg) = on.leg(id) {
        leg.status = status;
    }
}

/// Ends a leg. One without a carrier's id is ended when it shows itself.
pub(super) fn end<'a>(cx: &mut Cx<'a>, on: &mut OnCall<'a>, id: LegId) {
    let connection = on.call.connection.clone();
    let Some(leg) = on.leg(id).filter(|leg| !leg.status.is_final()) else {
        return;
    };
    leg.status = CallStatus::Canceled;
    let placed = leg.carrier_id.clone().filter(|_| leg.room.is_some());
    let account = leg.account;
    if let Some(carrier_id) = placed {
        let now = cx.at.now;
        job(
            cx,
            account,
            &connection,
            JobKind::Order(Order::EndLeg {
                leg: id,
                carrier_id,
            }),
            now,
        );
    }
}

/// Has the caller's leg fetch its new script.
pub(super) fn move_caller<'a>(cx: &mut Cx<'a>, on: &OnCall<'a>) {
    if on.call.ended_at.is_some() {
        return;
    }
    let order = Order::MoveCall {
        call: on.call.id,
        carrier_id: on.call.carrier_id.clone(),
        turn: on.call.turn,
    };
    let now = cx.at.now;
    job(
        cx,
        on.call.account,
        &on.call.connection,
        JobKind::Order(order),
        now,
    );
}
