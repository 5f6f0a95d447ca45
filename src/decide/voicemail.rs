//! Voicemails: left by a caller, their file awaited and fetched, their words added.

use std::time::Duration;

use crate::flow::{EarlyRecording, Event, Notify};
use crate::inbox::assignment::lively_route;
use crate::inbox::voicemail::{advance, is_missed_call, transcribed as words};
use crate::model::account::Route;
use crate::model::conversation::{ThreadEventKind, Voicemail, VoicemailState};
use crate::model::people::User;
use crate::model::turn::{CallState, JobKind, Need, Notice, Write};

use super::call::resume;
use super::on_call::OnCall;
use super::text::job;
use super::{Cx, Decided};

/// The carrier tells when a file is ready; if that never comes, it is tried all the same after this time.
const FETCH_UNASKED_AFTER: Duration = Duration::from_secs(10);

/// Members of a box who are told of a voicemail by e-mail, at most.
const TOLD_MAX: usize = 50;

/// What a caller has left.
pub(super) struct Left<'e> {
    pub(super) owner: Route,
    pub(super) duration_s: u32,
    pub(super) recording: Option<&'e str>,
    pub(super) url: Option<&'e str>,
    /// Who is told by e-mail.
    pub(super) notify: &'e Notify,
}

/// A caller has left a voicemail.
pub(super) fn left<'a>(cx: &mut Cx<'a>, on: &mut OnCall<'a>, what: &Left<'_>) {
    let owner = lively(cx, on, what.owner);
    let mut row = fresh(cx, on, owner);
    row.recording = what.recording.map(str::to_owned);
    row.duration_s = what.duration_s;
    if what.url.is_some() || what.recording.is_some() {
        row.state = VoicemailState::Awaited;
    }
    if let Some(missed) = missed_before(cx, on) {
        // Its length was told so late that the call had been taken for a missed one.
        (row.id, row.version) = (missed.id, missed.version + 1);
    }
    if let Some(url) = what.url {
        let kind = JobKind::FetchVoicemail {
            voicemail: row.id,
            call: row.call,
            url: url.to_owned(),
        };
        let due_at = cx.at.now + FETCH_UNASKED_AFTER;
        job(cx, row.account, &on.call.connection, kind, due_at);
    }
    on.frame.touch(cx, "Voicemail", true);
    on.frame.event(
        cx,
        None,
        ThreadEventKind::VoicemailLeft { voicemail: row.id },
    );
    on.frame.post_unless_open(cx, Some(owner), None);
    tell(cx, &row);
    tell_people(cx, on, &row, what.notify);
    cx.write(Write::Voicemail(Box::new(row)));
}

/// The people of the box, or those named, are told by e-mail where to listen.
fn tell_people<'a>(cx: &mut Cx<'a>, on: &OnCall<'a>, row: &Voicemail, notify: &Notify) {
    let (whose, members) = box_of(cx, on, row.owner);
    let people = match notify {
        Notify::Nobody => return,
        Notify::Members => members,
        Notify::Users(ids) => {
            let users = ids.iter().filter_map(|id| cx.directory().user(*id));
            users.collect()
        }
    };
    let now = cx.at.now;
    let addresses = people.into_iter().filter_map(|user| user.email.clone());
    for to in addresses.take(TOLD_MAX) {
        let kind = JobKind::TellOfVoicemail {
            to,
            whose: whose.clone(),
            seconds: row.duration_s,
        };
        job(cx, row.account, "", kind, now);
    }
}

/// A box's name, and whose it is.
fn box_of<'a>(cx: &Cx<'a>, on: &OnCall<'a>, owner: Route) -> (String, Vec<&'a User>) {
    let directory = cx.directory();
    let (name, people) = match owner {
        Route::User(id) => {
            let user = directory.user(id);
            (user.map(|user| &user.name), user.into_iter().collect())
        }
        Route::Group(id) => {
            let group = on.frame.account.group_by_id(id);
            let members = group.into_iter();
            let members = members.flat_map(|group| directory.active_members(group));
            (group.map(|group| &group.name), members.collect())
        }
    };
    (name.cloned().unwrap_or_default(), people)
}

/// Nobody took the call and nothing was left: an item in the box of whoever is responsible.
pub(super) fn missed<'a>(cx: &mut Cx<'a>, on: &OnCall<'a>) {
    let owner = lively(cx, on, on.frame.conversation.responsible());
    let row = fresh(cx, on, owner);
    tell(cx, &row);
    cx.write(Write::Voicemail(Box::new(row)));
}

fn lively<'a>(cx: &Cx<'a>, on: &OnCall<'a>, owner: Route) -> Route {
    let frame = &on.frame;
    let (number, contact) = (frame.number.id, frame.contact.as_ref());
    lively_route(cx.directory(), frame.account, number, contact, owner)
}

fn fresh<'a>(cx: &mut Cx<'a>, on: &OnCall<'a>, owner: Route) -> Voicemail {
    Voicemail {
        id: cx.ids.fresh(),
        account: on.call.account,
        owner,
        call: on.call.id,
        conversation: Some(on.frame.conversation.id),
        party: on.call.party.clone(),
        recording: None,
        duration_s: 0,
        state: VoicemailState::Absent,
        blob: None,
        transcript: None,
        heard: false,
        created_at: cx.at.now,
        version: 1,
    }
}

fn missed_before<'a>(cx: &Cx<'a>, on: &OnCall<'_>) -> Option<&'a Voicemail> {
    let rows = cx.state.voicemails.get(&on.call.id)?;
    rows.iter().find(|row| is_missed_call(row))
}

/// What the boxes have of a call.
pub(super) fn known<'a>(cx: &Cx<'a>, state: &CallState) -> Decided<&'a [Voicemail]> {
    let call = state.call.id;
    let rows = cx.state.voicemails.get(&call);
    rows.map(Vec::as_slice)
        .ok_or_else(|| vec![Need::Voicemail(call)])
}

fn tell(cx: &mut Cx<'_>, row: &Voicemail) {
    cx.notice(Notice {
        account: row.account,
        conversation: row.conversation,
        boxes: vec![row.owner],
    });
}

/// The file of a recording is ready, or never will be. It may come before the caller's leg reports the end
/// of the recording, and after a hang-up it may be the only word of it.
pub(super) fn recording_ready<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    recording: &'a str,
    url: Option<&'a str>,
    duration_s: u32,
) -> Decided {
    cx.rule("recording");
    cx.turn.account = Some(state.call.account);
    let Some(known) = find(cx, state, recording)? else {
        if state.call.ended_at.is_none() {
            return early(cx, state, recording, url, duration_s);
        }
        let event = Event::Recorded {
            duration_s,
            recording: Some(recording),
            url,
            caller_gone: true,
        };
        return resume(cx, state, event, false);
    };
    let mut row = known.clone();
    row.recording.get_or_insert_with(|| recording.to_owned());
    let moved = match (url, row.state) {
        // A recording that nobody named at first has its file now.
        (Some(_), VoicemailState::Absent) if known.recording.is_none() => {
            row.state = VoicemailState::Fetching;
            true
        }
        (Some(_), _) => advance(&mut row, VoicemailState::Fetching, None),
        (None, _) => advance(&mut row, VoicemailState::Absent, None),
    };
    if !moved {
        return Ok(());
    }
    row.duration_s = if duration_s > 0 {
        duration_s
    } else {
        row.duration_s
    };
    row.version += 1;
    if let Some(url) = url {
        let kind = JobKind::FetchVoicemail {
            voicemail: row.id,
            call: row.call,
            url: url.to_owned(),
        };
        let now = cx.at.now;
        job(cx, row.account, &state.call.connection, kind, now);
    }
    tell(cx, &row);
    cx.write(Write::Voicemail(Box::new(row)));
    Ok(())
}

/// The file is ready while its recording still counts as under way: its run keeps it in mind.
fn early<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    recording: &'a str,
    url: Option<&'a str>,
    duration_s: u32,
) -> Decided {
    let live = state.run.as_ref().is_some_and(|run| !run.ended);
    let Some(url) = url.filter(|_| live) else {
        return cx.ignored("recording_early");
    };
    let event = Event::RecordingReady(EarlyRecording {
        recording,
        url,
        duration_s,
    });
    resume(cx, state, event, false)
}

/// The words of a recording.
pub(super) fn transcribed(
    cx: &mut Cx<'_>,
    state: &CallState,
    recording: &str,
    text: Option<&str>,
) -> Decided {
    cx.turn.account = Some(state.call.account);
    let (Some(known), Some(text)) = (find(cx, state, recording)?, text) else {
        return cx.ignored("transcript_unmatched");
    };
    cx.rule("transcript");
    let mut row = known.clone();
    if !words(&mut row, text) {
        return Ok(());
    }
    row.version += 1;
    tell(cx, &row);
    cx.write(Write::Voicemail(Box::new(row)));
    Ok(())
}

/// By the recording's id; a voicemail whose recording the carrier did not name takes the call's only one.
fn find<'a>(cx: &Cx<'a>, state: &CallState, recording: &str) -> Decided<Option<&'a Voicemail>> {
    let rows = known(cx, state)?;
    let named = rows
        .iter()
        .find(|row| row.recording.as_deref() == Some(recording));
    let unnamed = |row: &&Voicemail| row.recording.is_none() && !is_missed_call(row);
    Ok(named.or_else(|| rows.iter().find(unnamed)))
}
