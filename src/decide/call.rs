//! A call: begun, taken on by what the carrier tells of it, and ended.

use std::sync::Arc;

use crate::flow::{self, Effect, Event, Flow, NoNames, Run};
use crate::model::account::{Account, Route};
use crate::model::conversation::RunRow;
use crate::model::turn::{CallState, Need};
use crate::model::{
    Call, CallEvent, CallEventKind, CallId, CallScript, CallStatus, CallVerb, CallbackKey, Leg,
    Party, RunId,
};

use super::frame::{Frame, Place, program_of};
use super::on_call::OnCall;
use super::run::{self, GOTOS_PER_EVENT_MAX, Going};
use super::text::number_of;
use super::{Cx, Decided, World, leg, voicemail};

pub(super) fn needs(world: &World, connection: &str, event: &CallEvent) -> Vec<Need> {
    match (event.key, &event.kind) {
        (Some(CallbackKey::Call(call, _)), kind) => match kind {
            CallEventKind::RecordingReady { .. } | CallEventKind::Transcribed { .. } => {
                vec![Need::Call(call), Need::Voicemail(call)]
            }
            _ => vec![Need::Call(call)],
        },
        (Some(CallbackKey::Leg(leg)), _) => vec![Need::Leg(leg)],
        (None, CallEventKind::Started { from, to, .. }) => {
            let number = number_of(world, connection, to);
            number
                .map(|number| Need::Thread(number.id, from.clone()))
                .into_iter()
                .collect()
        }
        (None, _) => vec![Need::CallByCarrier(
            connection.to_owned(),
            event.carrier_id.clone(),
        )],
    }
}

pub(super) fn happened<'a>(cx: &mut Cx<'a>, connection: &'a str, event: &'a CallEvent) -> Decided {
    match (event.key, &event.kind) {
        (_, CallEventKind::HoldAsked) => cx.ignored("hold"),
        (None, CallEventKind::Started { from, to, token }) => {
            let arrived = Arrived {
                connection,
                carrier_id: &event.carrier_id,
                from,
                to,
                token: token.as_deref(),
            };
            started(cx, &arrived)
        }
        (Some(CallbackKey::Leg(id)), kind) => leg::happened(cx, id, &event.carrier_id, kind),
        (Some(CallbackKey::Call(id, turn)), kind) => match cx.call(id)? {
            Some(state) => went_on(cx, state, Some(turn), kind),
            None => cx.ignored("call_unknown"),
        },
        (None, kind) => {
            let key = (connection.to_owned(), event.carrier_id.clone());
            let known = cx.state.carrier_calls.get(&key);
            let known = known.ok_or_else(|| vec![Need::CallByCarrier(key.0, key.1)])?;
            match known.map(|id| cx.call(id)).transpose()?.flatten() {
                Some(state) => went_on(cx, state, None, kind),
                None => cx.ignored("call_unknown"),
            }
        }
    }
}

/// A new inbound call, as it arrived.
struct Arrived<'e> {
    connection: &'e str,
    carrier_id: &'e str,
    from: &'e Party,
    to: &'e str,
    token: Option<&'e str>,
}

fn started<'a>(cx: &mut Cx<'a>, arrived: &Arrived<'a>) -> Decided {
    let number = number_of(cx.world, arrived.connection, arrived.to).filter(|number| number.voice);
    let owner = number.and_then(|number| Some((number, cx.directory().account(number.calls)?)));
    let Some((number, account)) = owner else {
        return cx.for_ops(
            "unknown_number",
            format!(
                "a call came to a number that {} has not",
                arrived.connection
            ),
        );
    };
    let thread = cx.thread(number.id, arrived.from)?;
    let Some(program) = program_of(account, number.id) else {
        return cx.for_ops(
            "unknown_number",
            "a call came to an account without a program".to_owned(),
        );
    };
    let Some(frame) = Frame::find(
        cx,
        &Place {
            account,
            program,
            number,
            party: arrived.from,
            thread,
        },
    ) else {
        return cx.for_ops(
            "nobody_there",
            format!("account {} has neither groups nor members", account.key),
        );
    };
    let call = Call {
        id: cx.ids.fresh(),
        account: account.id,
        number: number.id,
        connection: arrived.connection.to_owned(),
        carrier_id: arrived.carrier_id.to_owned(),
        party: arrived.from.clone(),
        conversation: Some(frame.conversation.id),
        run: None,
        token: arrived.token.map(str::to_owned),
        status: CallStatus::Ringing,
        outcome: None,
        turn: 0,
        script: None,
        started_at: cx.at.now,
        ended_at: None,
        version: 0,
    };
    cx.rule("call_started");
    let Some(going) = begin_run(cx, &frame, &call) else {
        return cx.for_ops(
            "no_flow",
            format!("the calls of account {} lead nowhere", account.key),
        );
    };
    let mut on = OnCall {
        call,
        legs: Vec::new(),
        legs_before: Vec::new(),
        frame,
    };
    on.call.run = Some(going.row.id);
    drive(cx, on, going, Event::Started, true)
}

/// The run of the number's call flow, or of the voicemail that stands in for it.
fn begin_run(cx: &mut Cx<'_>, frame: &Frame<'_>, call: &Call) -> Option<Going> {
    let uses = frame.account.number(call.number);
    let key = uses.and_then(|uses| uses.call_flow.as_deref());
    let active = key.and_then(|key| {
        Some((
            key.to_owned(),
            cx.world.flows.active(frame.account.id, key)?,
        ))
    });
    let (key, revision, flow) = match active {
        Some((key, (revision, flow))) => (key, revision, flow),
        None => {
            let route = uses.map_or(frame.conversation.route, |uses| uses.route);
            let key = fallback_key(cx, frame.account, route)?;
            (
                key.clone(),
                run::no_revision(),
                fallback(frame.account, &key)?,
            )
        }
    };
    let id: RunId = cx.ids.fresh();
    let row = RunRow {
        id,
        account: frame.account.id,
        flow: key.clone(),
        revision,
        call: Some(call.id),
        conversation: Some(frame.conversation.id),
        number: call.number,
        party: call.party.clone(),
        waits_for_text: false,
        asked_at: cx.at.now,
        due_at: None,
        ended: false,
        state: String::new(),
        version: 0,
    };
    Some(Going {
        row,
        run: Run::new(id, &key, cx.at.now),
        flow,
    })
}

/// A number without a flow takes voicemails into its default route's box.
fn fallback_key(cx: &Cx<'_>, account: &Account, route: Route) -> Option<String> {
    match route {
        Route::Group(id) => account
            .group_by_id(id)
            .map(|group| format!("~group {}", group.key)),
        Route::User(id) => cx
            .directory()
            .user(id)
            .map(|user| format!("~user {}", user.key)),
    }
}

/// The stand-in flow of a saved run, when it is on one.
pub(super) fn fallback_flow(cx: &Cx<'_>, row: &RunRow) -> Option<Arc<Flow>> {
    fallback(cx.directory().account(row.account)?, &row.flow)
}

fn fallback(account: &Account, key: &str) -> Option<Arc<Flow>> {
    let (kind, who) = key.strip_prefix('~')?.split_once(' ')?;
    let account = &account.key;
    let source = format!(
        "flow: default\naccount: {account}\non: call\nsteps:\n  box:\n    voicemail: {{ {kind}: {who} }}\n    next: end\n"
    );
    flow::check("default", &source, &NoNames)
        .ok()
        .map(|checked| Arc::new(checked.flow))
}

/// Something happened to the caller's leg.
fn went_on<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    turn: Option<u32>,
    kind: &'a CallEventKind,
) -> Decided {
    match kind {
        CallEventKind::Status { status, .. } => return status_changed(cx, state, *status),
        CallEventKind::RecordingReady {
            recording,
            url,
            duration_s,
        } => {
            return voicemail::recording_ready(cx, state, recording, url.as_deref(), *duration_s);
        }
        CallEventKind::Transcribed { recording, text } => {
            return voicemail::transcribed(cx, state, recording, text.as_deref());
        }
        _ => {}
    }
    cx.turn.account = Some(state.call.account);
    if turn.is_some_and(|turn| turn != state.call.turn) {
        repeat_script(cx, &state.call);
        return cx.ignored("call_stale");
    }
    let event = match kind {
        CallEventKind::Digits { digits } => Event::Digits(digits),
        CallEventKind::DialEnded {
            status,
            duration_s,
            caller_gone,
        } => Event::DialEnded {
            status: *status,
            duration_s: *duration_s,
            caller_gone: *caller_gone,
        },
        CallEventKind::Recorded {
            duration_s,
            recording,
            url,
            caller_gone,
        } => Event::Recorded {
            duration_s: *duration_s,
            recording: recording.as_deref(),
            url: url.as_deref(),
            caller_gone: *caller_gone,
        },
        _ => {
            repeat_script(cx, &state.call);
            return cx.ignored("call_resumed");
        }
    };
    cx.rule("call_turn");
    resume(cx, state, event, true)
}

/// What the caller should be hearing: for a carrier that lost its place.
fn repeat_script(cx: &mut Cx<'_>, call: &Call) {
    let hangup = || script(call, vec![CallVerb::Hangup]);
    let again = call.script.clone().filter(|_| call.ended_at.is_none());
    cx.answer(again.unwrap_or_else(hangup));
}

fn script(call: &Call, verbs: Vec<CallVerb>) -> CallScript {
    CallScript {
        key: CallbackKey::Call(call.id, call.turn),
        verbs,
    }
}

fn status_changed<'a>(cx: &mut Cx<'a>, state: &'a CallState, status: CallStatus) -> Decided {
    cx.rule("call_status");
    cx.turn.account = Some(state.call.account);
    if state.call.ended_at.is_some() || state.call.status == status {
        return Ok(());
    }
    let Some(mut on) = OnCall::load(cx, state)? else {
        return cx.ignored("call_unknown");
    };
    if !status.is_final() {
        on.call.status = status;
        on.save(cx, None);
        return Ok(());
    }
    on.end(cx, status);
    hung_up(cx, on, state)
}

fn hung_up<'a>(cx: &mut Cx<'a>, on: OnCall<'a>, state: &'a CallState) -> Decided {
    let live = state.run.as_ref().filter(|run| !run.ended);
    match live.map(|row| run::going(cx, row)) {
        Some(Ok(going)) => drive(cx, on, going, Event::HungUp, false),
        _ => {
            on.save(cx, None);
            Ok(())
        }
    }
}

/// Takes the call's run on. `awaited`: the carrier's webhook of the caller's leg wants a script.
pub(super) fn resume<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    match OnCall::load(cx, state)? {
        Some(on) => go_on(cx, on, state, event, awaited),
        None => cx.ignored("call_unknown"),
    }
}

/// Takes the call's run on by what a called leg tells; `leg` is that leg with what was learnt of it.
pub(super) fn resume_leg<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    event: Event<'_>,
    leg: Leg,
) -> Decided {
    let Some(mut on) = OnCall::load(cx, state)? else {
        return cx.ignored("call_unknown");
    };
    if let Some(known) = on.leg(leg.id) {
        *known = leg;
    }
    go_on(cx, on, state, event, false)
}

fn go_on<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    state: &'a CallState,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    let gone = matches!(
        event,
        Event::DialEnded {
            caller_gone: true,
            ..
        } | Event::Recorded {
            caller_gone: true,
            ..
        } | Event::HungUp
    );
    let live = state
        .run
        .as_ref()
        .filter(|run| !run.ended)
        .map(|row| run::going(cx, row));
    if gone {
        on.end(cx, CallStatus::Completed);
    }
    match live {
        Some(Ok(going)) => drive(cx, on, going, event, awaited && !gone),
        other => {
            if let Some(Err(reason)) = other {
                run::stopped(cx, &mut on.frame, reason);
            }
            if awaited {
                let hangup = script(&on.call, vec![CallVerb::Hangup]);
                cx.answer(hangup);
            }
            on.save(cx, None);
            Ok(())
        }
    }
}

/// A call's run wakes by itself.
pub(super) fn timer<'a>(cx: &mut Cx<'a>, call: CallId, run: RunId) -> Decided {
    let state = cx.call(call)?;
    let due = |row: &&RunRow| row.id == run && run::is_due(row, cx.at.now);
    match state.filter(|state| state.run.as_ref().filter(due).is_some()) {
        Some(state) => {
            cx.rule("timer");
            resume(cx, state, Event::Timer, false)
        }
        None => cx.ignored("timer_stale"),
    }
}

/// Runs the engine until it waits or ends, and carries out what it asks.
fn drive<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    mut going: Going,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    let (mut event, mut said, mut left) = (event, Vec::new(), None);
    let mut spoken = None;
    for _ in 0..GOTOS_PER_EVENT_MAX {
        let stepped = run::take_step(
            cx,
            &on.frame,
            &going,
            &event,
            None,
            std::mem::take(&mut said),
        )?;
        if let Some(verbs) = stepped.script.clone() {
            spoken = Some(verbs.clone());
            on.call.turn += 1;
            on.call.script = Some(script(&on.call, verbs));
        }
        if let (Event::Screen { leg, .. }, Some(verbs)) = (&event, &stepped.leg_script) {
            cx.answer(CallScript {
                key: CallbackKey::Leg(*leg),
                verbs: verbs.clone(),
            });
        }
        for effect in &stepped.effects {
            effect_on_call(cx, &mut on, going.row.id, effect);
        }
        left = run::leave(cx, &mut going, &stepped);
        run::settle(cx, &mut going.row, &stepped);
        if left != Some(run::Left::Gone) {
            break;
        }
        said = stepped.goto.map(|(_, said)| said).unwrap_or_default();
        event = Event::Started;
    }
    if let Some(reason) = run::stop_reason(left) {
        going.row.ended = true;
        run::stopped(cx, &mut on.frame, reason);
    }
    if awaited {
        let ended = going.row.ended;
        let otherwise = if ended {
            CallVerb::Hangup
        } else {
            CallVerb::AskAgain { seconds: 1 }
        };
        let verbs = spoken.unwrap_or_else(|| vec![otherwise]);
        let script = script(&on.call, verbs);
        cx.answer(script);
    }
    on.save(cx, Some(going.row));
    Ok(())
}

fn effect_on_call<'a>(cx: &mut Cx<'a>, on: &mut OnCall<'a>, run: RunId, effect: &Effect) {
    if run::thread_effect(cx, &mut on.frame, run, effect) {
        return;
    }
    match effect {
        Effect::Ring {
            legs,
            room,
            ring_s,
            caller_id,
        } => {
            leg::ring(cx, on, legs, room.as_deref(), *ring_s, caller_id.as_deref());
        }
        Effect::Accepted { leg } => leg::accepted(on, *leg),
        Effect::LegEnded { leg, status } => leg::ended(on, *leg, *status),
        Effect::EndLegs(legs) => legs.iter().for_each(|leg| leg::end(cx, on, *leg)),
        Effect::MoveCaller => leg::move_caller(cx, on),
        Effect::Voicemail {
            owner,
            duration_s,
            recording,
            url,
            ..
        } => {
            voicemail::left(
                cx,
                on,
                *owner,
                *duration_s,
                recording.clone(),
                url.as_deref(),
            );
        }
        Effect::CallOutcome(outcome) => on.call.outcome = Some((*outcome).to_owned()),
        _ => {}
    }
}
