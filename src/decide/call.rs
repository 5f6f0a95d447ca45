//! A call: begun, taken on by what the carrier tells of it, and ended.

use std::time::Duration;

use crate::flow::{Event, Run};
use crate::model::conversation::RunRow;
use crate::model::turn::{CallState, Need, Write};
use crate::model::{
    Call, CallEvent, CallEventKind, CallId, CallScript, CallStatus, CallVerb, CallbackKey, Leg,
    Party, RunId,
};

use super::begin::begin_run;
use super::drive::{Heard, drive, finish};
use super::frame::{Frame, Place, program_of};
use super::on_call::OnCall;
use super::text::number_of;
use super::{Cx, Decided, World, leg, run, talk, voicemail};

/// A call of which nothing was heard for so long is over, whether or not the carrier told its end. Carriers end
/// a dial after four hours.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(5 * 3600);

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
    // Keys may be a secret until a step takes them that asked for none.
    cx.turn.redact = matches!(event.kind, CallEventKind::Digits { .. });
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

impl Arrived<'_> {
    /// The call's row, on the thread it belongs to.
    fn call(&self, cx: &mut Cx<'_>, frame: &Frame<'_>) -> Call {
        Call {
            id: cx.ids.fresh(),
            account: frame.account.id,
            number: frame.number.id,
            connection: self.connection.to_owned(),
            carrier_id: self.carrier_id.to_owned(),
            party: self.from.clone(),
            conversation: Some(frame.conversation.id),
            run: None,
            token: self.token.map(str::to_owned),
            status: CallStatus::Ringing,
            outcome: None,
            turn: 0,
            fetched: 0,
            script: None,
            started_at: cx.at.now,
            ended_at: None,
            version: 0,
        }
    }
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
    let call = arrived.call(cx, &frame);
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
        CallEventKind::TalkRecorded {
            url, duration_s, ..
        } => return talk::recorded(cx, state, url.as_deref(), *duration_s),
        CallEventKind::Transcribed { recording, text } => {
            return voicemail::transcribed(cx, state, recording, text.as_deref());
        }
        _ => {}
    }
    cx.turn.account = Some(state.call.account);
    if turn.is_some_and(|turn| turn != state.call.turn) {
        return stale(cx, state, kind);
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
            repeat_script(cx, state);
            return cx.ignored("call_resumed");
        }
    };
    cx.rule("call_turn");
    resume(cx, state, event, true)
}

/// A report of an earlier turn changes nothing, save that it may be the only one that tells of a hang-up.
fn stale<'a>(cx: &mut Cx<'a>, state: &'a CallState, kind: &CallEventKind) -> Decided {
    if let CallEventKind::DialEnded { caller_gone, .. }
    | CallEventKind::Recorded { caller_gone, .. } = kind
        && *caller_gone
    {
        return status_changed(cx, state, CallStatus::Completed);
    }
    repeat_script(cx, state);
    cx.ignored("call_stale")
}

/// What the caller should be hearing: for a carrier that lost its place.
fn repeat_script(cx: &mut Cx<'_>, state: &CallState) {
    let call = &state.call;
    let hangup = || script(call, vec![CallVerb::Hangup]);
    let again = call.script.clone().filter(|_| call.ended_at.is_none());
    cx.answer(again.map_or_else(hangup, |script| without_said(call, script)));
    if call.fetched < call.turn {
        let mut now = call.clone();
        now.fetched = call.turn;
        now.version += 1;
        cx.write(Write::Call(Box::new(now)));
    }
}

/// Who only asks whether there is something new, as told, has heard the rest already.
fn without_said(call: &Call, mut script: CallScript) -> CallScript {
    let asks = matches!(script.verbs.last(), Some(CallVerb::AskAgain { .. }));
    if asks && call.fetched == call.turn {
        script.verbs.drain(..script.verbs.len() - 1);
    }
    script
}

pub(super) fn script(call: &Call, verbs: Vec<CallVerb>) -> CallScript {
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
            let left = Some(run::Left::Stopped(reason.into()));
            finish(cx, on, row.clone(), left, Heard::default(), awaited)
        }
    }
}

/// A call's run wakes by itself.
pub(super) fn timer<'a>(cx: &mut Cx<'a>, call: CallId, run: RunId) -> Decided {
    let state = cx.call(call)?;
    let due = |row: &&RunRow| row.id == run && run::is_due(row, cx.at.now);
    let Some(state) = state.filter(|state| state.run.as_ref().filter(due).is_some()) else {
        return cx.ignored("timer_stale");
    };
    if state.run.as_ref().is_some_and(is_forgotten) {
        return forgotten(cx, state);
    }
    cx.rule("timer");
    resume(cx, state, Event::Timer, false)
}

/// What came of a request of a call's run to another system.
pub(super) fn answered<'a>(cx: &mut Cx<'a>, call: CallId, run: RunId, event: Event<'_>) -> Decided {
    let state = cx.call(call)?;
    let live = |row: &&RunRow| row.id == run && !row.ended;
    let Some(state) = state.filter(|state| state.run.as_ref().filter(live).is_some()) else {
        return cx.ignored("answer_stale");
    };
    cx.rule("http_answer");
    resume(cx, state, event, false)
}

/// Whether a run that is due had not asked to be: nothing was heard of its call for [`SILENCE_MAX`].
fn is_forgotten(row: &RunRow) -> bool {
    Run::from_json(&row.state).is_ok_and(|run| !run.wakes())
}

fn forgotten<'a>(cx: &mut Cx<'a>, state: &'a CallState) -> Decided {
    let done = status_changed(cx, state, CallStatus::Completed);
    cx.rule("call_forgotten");
    done
}
