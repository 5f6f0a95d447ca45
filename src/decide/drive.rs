//! A call's run taken on by one event: the engine's steps carried out, and what the caller hears of them.

use crate::flow::{Effect, Event};
use crate::model::conversation::RunRow;
use crate::model::turn::Write;
use crate::model::{CallScript, CallVerb, CallbackKey, LegId, RunId, Waiting};

use super::begin::stand_in;
use super::call::{SILENCE_MAX, script};
use super::on_call::OnCall;
use super::run::{self, Going};
use super::stop::stopped;
use super::{Cx, Decided, leg, voicemail};

/// What the caller hears after an event.
#[derive(Default)]
pub(super) struct Heard {
    /// A new script.
    verbs: Option<Vec<CallVerb>>,
    /// The caller's leg must fetch it.
    fetches: bool,
}

/// Runs the engine until it waits or ends, and carries out what it asks.
pub(super) fn drive<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    mut going: Going,
    event: Event<'_>,
    awaited: bool,
) -> Decided {
    let mut heard = Heard::default();
    cx.turn.redact &= !going.flow.takes_open_keys(&going.run);
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
    let (mut event, mut said, mut gotos) = (event, Vec::new(), 0);
    loop {
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
        let left = run::leave(cx, going, &stepped)?;
        run::settle(cx, &mut going.row, &stepped);
        going.row.due_at.get_or_insert(cx.at.now + SILENCE_MAX);
        event = match run::goes_on(left.as_ref(), &mut gotos) {
            Some(next) => next,
            None => return Ok(left),
        };
        let back = stepped.returns.map(|back| back.said);
        said = stepped
            .goto
            .map(|(_, said)| said)
            .or(back)
            .unwrap_or_default();
    }
}

/// A new turn of the caller's leg.
fn speak(on: &mut OnCall<'_>, heard: &mut Heard, verbs: Vec<CallVerb>) {
    on.call.turn += 1;
    on.call.script = Some(script(&on.call, verbs.clone()));
    heard.verbs = Some(verbs);
}

/// Answers and saves, after having found another way for a caller whose run broke off.
pub(super) fn finish<'a>(
    cx: &mut Cx<'a>,
    mut on: OnCall<'a>,
    mut row: RunRow,
    left: Option<run::Left>,
    mut heard: Heard,
    awaited: bool,
) -> Decided {
    if let Some(why) = run::stop_of(left) {
        row.ended = true;
        stopped(cx, &mut on.frame, why);
        if on.call.ended_at.is_none() {
            rescue(cx, &mut on, &mut row, &mut heard)?;
            heard.fetches |= !awaited;
        }
    }
    if heard.fetches {
        leg::move_caller(cx, &on);
    }
    if awaited {
        on.call.fetched = on.call.turn;
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
    if run::thread_effect(cx, &mut on.frame, run, Some(on.call.id), effect) {
        return;
    }
    match effect {
        Effect::Ring {
            legs,
            room,
            ring_s,
            caller_id,
            detects,
        } => {
            let how = leg::How {
                ring_s: *ring_s,
                caller_id: caller_id.as_deref(),
                detects: *detects,
            };
            leg::ring(cx, on, legs, room.as_deref(), how);
        }
        Effect::Accepted { leg } => leg::accepted(on, *leg),
        Effect::LegEnded { leg, status } => leg::ended(on, *leg, *status),
        Effect::Waits { .. } | Effect::WaitsNoMore(_) => keep_place(cx, on, effect),
        Effect::EndLegs(legs) => legs.iter().for_each(|leg| leg::end(cx, on, *leg)),
        Effect::Voicemail {
            owner,
            duration_s,
            recording,
            url,
            notify,
        } => {
            let what = voicemail::Left {
                owner: *owner,
                duration_s: *duration_s,
                recording: recording.as_deref(),
                url: url.as_deref(),
                notify,
            };
            voicemail::left(cx, on, &what);
        }
        Effect::CallOutcome(outcome) => on.call.outcome = Some((*outcome).to_owned()),
        _ => {}
    }
}

/// The caller's place in a queue as the store keeps it.
fn keep_place(cx: &mut Cx<'_>, on: &OnCall<'_>, effect: &Effect) {
    let account = on.call.account;
    match *effect {
        Effect::Waits {
            id,
            group,
            user,
            since,
            until,
            version,
        } => cx.write(Write::Waiting(Box::new(Waiting {
            id,
            account,
            call: on.call.id,
            group,
            user,
            since,
            until,
            version,
        }))),
        Effect::WaitsNoMore(id) => cx.write(Write::WaitingOver(account, id)),
        _ => {}
    }
}
