//! A call: begun, taken on by what the carrier tells of it, and ended.

use std::sync::Arc;

use crate::flow::{self, Effect, Event, Flow, NoNames, Run};
use crate::model::account::{Account, Route};
use crate::model::conversation::RunRow;
use crate::model::turn::{CallState, Need};
use crate::model::{
    Call, CallEvent, CallEventKind, CallId, CallScript, CallStatus, CallVerb, CallbackKey, Leg,
    LegId, Party, RevisionId, RunId,
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
    let mut on = OnCall::new(call, frame);
    let Some(going) = begin_run(cx, &mut on) else {
        return cx.for_ops(
            "no_flow",
            format!("the calls of account {} lead nowhere", account.key),
        );
    };
    on.call.run = Some(going.row.id);
    drive(cx, on, going, Event::Started, true)
}

/// The run of the number's call flow, or of the voicemail that stands in for it.
fn begin_run<'a>(cx: &mut Cx<'a>, on: &mut OnCall<'a>) -> Option<Going> {
    let id: RunId = cx.ids.fresh();
    let uses = on.frame.account.number(on.call.number);
    let wanted = uses.and_then(|uses| uses.call_flow.as_deref());
    let active = wanted.and_then(|key| cx.world.flows.active(on.frame.account.id, key));
    match (wanted, active) {
        (Some(key), Some((revision, flow))) => Some(Going {
            row: row(cx, on, id, key, revision),
            run: Run::new(id, key, cx.at.now),
            flow,
        }),
        (Some(key), None) => {
            let reason = format!("the flow {key} has no published revision");
            run::stopped(cx, &mut on.frame, reason);
            stand_in(cx, on, id)
        }
        (None, _) => stand_in(cx, on, id),
    }
}

fn row(cx: &Cx<'_>, on: &OnCall<'_>, id: RunId, flow: &str, revision: RevisionId) -> RunRow {
    RunRow {
        id,
        account: on.frame.account.id,
        flow: flow.to_owned(),
        revision,
        call: Some(on.call.id),
        conversation: Some(on.frame.conversation.id),
        number: on.call.number,
        party: on.call.party.clone(),
        waits_for_text: false,
        asked_at: cx.at.now,
        due_at: None,
        ended: false,
        state: String::new(),
        version: 0,
    }
}

/// A number without a flow takes voicemails into its default route's box; so does a call whose flow broke off.
fn stand_in(cx: &Cx<'_>, on: &OnCall<'_>, id: RunId) -> Option<Going> {
    let account = on.frame.account;
    let uses = account.number(on.call.number).map(|uses| uses.route);
    let mut routes = uses.into_iter().chain([on.frame.conversation.route]);
    let key = routes.find_map(|route| fallback_key(cx, account, route))?;
    let flow = fallback(account, &key)?;
    Some(Going {
        row: row(cx, on, id, &key, run::no_revision()),
        run: Run::new(id, &key, cx.at.now),
        flow,
    })
}

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
        "flow: default\naccount: \"{account}\"\non: call\nsteps:\n  box:\n    voicemail: {{ {kind}: \"{who}\" }}\n    next: end\n"
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
        // Nobody can tell any more whether these were secret.
        cx.turn.redact = matches!(kind, CallEventKind::Digits { .. });
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
        return homeless(cx, state);
    };
    if !status.is_final() {
        if leg::forward(on.call.status, status) {
            on.call.status = status;
            on.save(cx, None);
        }
        return Ok(());
    }
    on.end(cx, status);
    hung_up(cx, on, state)
}

fn hung_up<'a>(cx: &mut Cx<'a>, on: OnCall<'a>, state: &'a CallState) -> Decided {
    match state.run.as_ref().filter(|run| !run.ended) {
        Some(row) => take_on(cx, on, row, Event::HungUp, false),
        None => {
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
        None => homeless(cx, state),
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
        return homeless(cx, state);
    };
    if let Some(known) = on.leg(leg.id) {
        *known = leg;
    }
    go_on(cx, on, state, event, false)
}

/// The call's account or number is no more; left alone its run would be due for ever.
fn homeless(cx: &mut Cx<'_>, state: &CallState) -> Decided {
    if let Some(row) = state.run.as_ref().filter(|run| !run.ended) {
        run::end(cx, row);
    }
    cx.ignored("call_unknown")
}

fn go_on<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    state: &'a CallState,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    let recorded = matches!(event, Event::Recorded { .. });
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
    if gone {
        on.end(cx, CallStatus::Completed);
    }
    // What was recorded may be told only after its run was over.
    let row = state.run.as_ref().filter(|run| !run.ended || recorded);
    let awaited = awaited && !gone;
    match row {
        Some(row) => {
            if row.ended {
                voicemail::known(cx, state)?;
            }
            take_on(cx, on, row, event, awaited)
        }
        None => {
            if awaited {
                let hangup = script(&on.call, vec![CallVerb::Hangup]);
                cx.answer(hangup);
            }
            on.save(cx, None);
            Ok(())
        }
    }
}

fn take_on<'a>(
    cx: &mut Cx<'a>,
    on: OnCall<'a>,
    row: &RunRow,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    match run::going(cx, row)? {
        Ok(going) => drive(cx, on, going, event, awaited),
        Err(reason) => {
            let left = Some(run::Left::Stopped(reason));
            finish(cx, on, row.clone(), left, Heard::default(), awaited)
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

/// What the caller hears after an event.
#[derive(Default)]
struct Heard {
    /// A new script.
    verbs: Option<Vec<CallVerb>>,
    /// The caller's leg must fetch it.
    fetches: bool,
}

/// Runs the engine until it waits or ends, and carries out what it asks.
fn drive<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    mut going: Going,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    let mut heard = Heard::default();
    cx.turn.redact |= matches!(event, Event::Digits(_)) && going.flow.wants_secret(&going.run);
    let left = take_steps(cx, &mut on, &mut going, event, &mut heard)?;
    finish(cx, on, going.row, left, heard, awaited)
}

/// Follows the run, through other flows too, until it waits or ends.
fn take_steps<'a>(
    cx: &mut Cx<'a>,
    on: &mut OnCall<'a>,
    going: &mut Going,
    event: Event<'_>,
    heard: &mut Heard,
) -> Decided<Option<run::Left>> {
    let (mut event, mut said, mut left) = (event, Vec::new(), None);
    for _ in 0..GOTOS_PER_EVENT_MAX {
        let stepped = run::take_step(cx, &on.frame, going, &event, None, said)?;
        if let Some(verbs) = stepped.script.clone() {
            speak(on, heard, verbs);
        }
        if let (Event::Screen { leg, .. }, Some(verbs)) = (&event, &stepped.leg_script) {
            cx.answer(CallScript {
                key: CallbackKey::Leg(*leg),
                verbs: verbs.clone(),
            });
        }
        heard.fetches |= stepped.effects.contains(&Effect::MoveCaller);
        for effect in &stepped.effects {
            effect_on_call(cx, on, going.row.id, effect);
        }
        left = run::leave(cx, going, &stepped);
        run::settle(cx, &mut going.row, &stepped);
        if left != Some(run::Left::Gone) {
            break;
        }
        said = stepped.goto.map(|(_, said)| said).unwrap_or_default();
        event = Event::Started;
    }
    Ok(left)
}

/// A new turn of the caller's leg.
fn speak(on: &mut OnCall<'_>, heard: &mut Heard, verbs: Vec<CallVerb>) {
    on.call.turn += 1;
    on.call.script = Some(script(&on.call, verbs.clone()));
    heard.verbs = Some(verbs);
}

/// Answers and saves, after having found another way for a caller whose run broke off.
fn finish<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    mut row: RunRow,
    left: Option<run::Left>,
    mut heard: Heard,
    awaited: bool,
) -> Decided {
    if let Some(reason) = run::stop_reason(left) {
        row.ended = true;
        run::stopped(cx, &mut on.frame, reason);
        if on.call.ended_at.is_none() {
            rescue(cx, &mut on, &mut row, &mut heard)?;
            heard.fetches |= !awaited;
        }
    }
    if heard.fetches {
        leg::move_caller(cx, &on);
    }
    if awaited {
        let ended = row.ended;
        let otherwise = if ended {
            CallVerb::Hangup
        } else {
            CallVerb::AskAgain { seconds: 1 }
        };
        let verbs = heard.verbs.unwrap_or_else(|| vec![otherwise]);
        let script = script(&on.call, verbs);
        cx.answer(script);
    }
    on.save(cx, Some(row));
    Ok(())
}

/// A caller whose run broke off may still leave a voicemail; nobody's device goes on ringing for it.
fn rescue<'a>(
    cx: &mut Cx<'a>,
    on: &mut OnCall<'a>,
    row: &mut RunRow,
    heard: &mut Heard,
) -> Decided {
    let ringing: Vec<LegId> = on
        .legs
        .iter()
        .filter(|leg| !leg.accepted)
        .map(|leg| leg.id)
        .collect();
    ringing.into_iter().for_each(|id| leg::end(cx, on, id));
    let stand_in = stand_in(cx, on, row.id).filter(|_| !row.flow.starts_with('~'));
    let Some(mut going) = stand_in else {
        speak(on, heard, vec![CallVerb::Hangup]);
        return Ok(());
    };
    going.row.version = row.version;
    let left = take_steps(cx, on, &mut going, Event::Started, heard)?;
    going.row.ended |= left.is_some();
    *row = going.row;
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
