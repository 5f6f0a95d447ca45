//! What a member of staff does with a thread: allowed or refused, by the same rules on pages and in the API.

use crate::inbox::conversation::{self as moves};
use crate::inbox::{Refused, assignment, sight};
use crate::model::account::{Account, Route};
use crate::model::consent::Consent;
use crate::model::conversation::{RunRow, ThreadEventKind};
use crate::model::people::Contact;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::turn::{Need, Told, Turn, Write};
use crate::model::{
    CallId, ConversationId, MessageKind, NumberId, Party, ProgramId, UserId, VoicemailId,
};

use super::frame::{Frame, Place};
use super::text::change_consent;
use super::{Cx, Decided, run};

/// The longest text staff may send, in characters (what carriers take).
pub(super) const REPLY_CHARS_MAX: usize = 1600;

pub(super) fn needs(action: &StaffAction) -> Vec<Need> {
    match &action.what {
        StaffVerb::StartText { number, to, .. } => vec![Need::Thread(*number, to.clone())],
        StaffVerb::Heard { call, .. } => vec![Need::Voicemail(*call)],
        other => other
            .conversation()
            .map(Need::Conversation)
            .into_iter()
            .collect(),
    }
}

pub(super) fn act(cx: &mut Cx<'_>, action: &StaffAction) -> Decided {
    cx.rule("staff");
    cx.turn.account = Some(action.account);
    carry_out(cx, action)?;
    if cx.turn.refused.is_none() {
        cx.turn.told = Some(told(&cx.turn));
    }
    Ok(())
}

fn carry_out(cx: &mut Cx<'_>, action: &StaffAction) -> Decided {
    match &action.what {
        StaffVerb::StartText {
            program,
            number,
            to,
            text,
        } => start_text(
            cx,
            action,
            &Start {
                program: *program,
                number: *number,
                to,
                text,
            },
        ),
        StaffVerb::Heard { voicemail, call } => heard(cx, action, *voicemail, *call),
        other => match other.conversation() {
            Some(id) => on_thread(cx, action, id),
            None => Ok(()),
        },
    }
}

/// What came of an action that was carried out, for the member and for every repeat of it.
fn told(turn: &Turn) -> Told {
    let row = turn.writes.iter().rev().find_map(|write| match write {
        Write::Conversation(row) => Some(row),
        _ => None,
    });
    Told {
        conversation: row.map(|row| row.id),
        version: row.map(|row| row.version),
    }
}

/// The conversation's frame, if it is in the member's account and in their sight; else as if there were none.
fn frame<'a>(
    cx: &mut Cx<'a>,
    action: &StaffAction,
    id: ConversationId,
) -> Decided<Option<Frame<'a>>> {
    let state = cx.state;
    let known = state
        .conversations
        .get(&id)
        .ok_or_else(|| vec![Need::Conversation(id)])?;
    let Some((number, party)) = known else {
        return Ok(None);
    };
    let thread = cx.thread(*number, party)?;
    let of = |one: &&crate::model::conversation::Conversation| {
        one.id == id && one.account == action.account
    };
    let Some(found) = thread.conversations.iter().find(of) else {
        return Ok(None);
    };
    let (account, number) = (
        cx.directory().account(found.account),
        cx.directory().number(found.number),
    );
    let (Some(account), Some(number)) = (account, number) else {
        return Ok(None);
    };
    if !sight::sees(cx.directory(), found, action.by) {
        return Ok(None);
    }
    let place = Place {
        account,
        program: found.program,
        number,
        party,
        thread,
    };
    Ok(Frame::of(cx, &place, Some(found)))
}

fn on_thread<'a>(cx: &mut Cx<'a>, action: &StaffAction, id: ConversationId) -> Decided {
    let Some(mut frame) = frame(cx, action, id)? else {
        return refused(cx, Refused::NotYours);
    };
    match apply(cx, &mut frame, action) {
        Ok(()) => {
            frame.save(cx);
            Ok(())
        }
        Err(Why::Move(why)) => refused(cx, why),
        Err(Why::Text(code, words)) => cx.refuse(code, words),
    }
}

/// Why an action is not carried out.
enum Why {
    Move(Refused),
    Text(&'static str, &'static str),
}

impl From<Refused> for Why {
    fn from(why: Refused) -> Self {
        Self::Move(why)
    }
}

fn refused(cx: &mut Cx<'_>, why: Refused) -> Decided {
    cx.refuse(why.code(), why.to_string())
}

fn apply<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, action: &StaffAction) -> Result<(), Why> {
    let by = action.by;
    let contact = frame.contact.clone();
    let contact: Option<&Contact> = contact.as_ref();
    let conversation = &mut frame.conversation;
    let kind = match &action.what {
        StaffVerb::Reply {
            text,
            read_version,
            anyway,
            ..
        } => {
            sight::may_reply(cx.directory(), conversation, by, *read_version, *anyway)?;
            // The answer must come back to a person, not to a flow.
            frame.post_unless_open(cx, None, None);
            send(cx, frame, by, text)?;
            take_over(cx, frame);
            return Ok(());
        }
        StaffVerb::Assign { to, note, .. } => assignment::assign(
            cx.directory(),
            conversation,
            *to,
            Some(by),
            note.clone(),
            cx.at.now,
        )?,
        StaffVerb::Complete { close, .. } => {
            let kind = assignment::complete(cx.directory(), conversation, contact)?;
            if *close {
                let closed = moves::close(conversation)?;
                frame.event(cx, Some(by), kind);
                take_over(cx, frame);
                closed
            } else {
                kind
            }
        }
        StaffVerb::Close { .. } => {
            let closed = moves::close(conversation)?;
            take_over(cx, frame);
            closed
        }
        StaffVerb::Reopen { .. } => moves::reopen(cx.directory(), conversation, contact)?,
        StaffVerb::Read { .. } => {
            moves::read(conversation);
            return Ok(());
        }
        StaffVerb::Note { text, .. } => ThreadEventKind::Note { text: text.clone() },
        StaffVerb::JudgeRevocation { out, .. } => {
            judge(cx, frame, by, *out);
            return Ok(());
        }
        StaffVerb::StartText { .. } | StaffVerb::Heard { .. } => return Ok(()),
    };
    frame.event(cx, Some(by), kind);
    Ok(())
}

/// Who answers a thread or closes it ends the questions of flows in it: what the person says next is said to
/// people.
fn take_over<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>) {
    let (thread, here) = (frame.thread, Some(frame.conversation.id));
    let asking = |run: &&RunRow| run.conversation == here && run.waits_for_text && !run.ended;
    for row in thread.runs.iter().filter(asking) {
        run::end(cx, row);
        let text = format!(
            "The flow {} asked a question here; it has ended, because a member took the thread.",
            row.flow
        );
        frame.event(cx, None, ThreadEventKind::Note { text });
    }
}

/// The checks before a text of a member is queued; they are made again when it is dispatched.
fn send<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, by: UserId, text: &str) -> Result<(), Why> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Why::Text("empty", "There is nothing to send yet."));
    }
    if text.chars().count() > REPLY_CHARS_MAX {
        return Err(Why::Text(
            "too_long",
            "A text may have at most 1600 characters.",
        ));
    }
    if !frame.conversation.party.can_receive() {
        return Err(Why::Text(
            "not_textable",
            "This caller has no number that could be texted.",
        ));
    }
    if !frame.number.active || !frame.number.sms {
        return Err(Why::Text(
            "number_inactive",
            "This number cannot send texts.",
        ));
    }
    let contact = frame.contact.as_ref();
    let email = cx.world.email && contact.is_some_and(|contact| contact.email.is_some());
    if !frame.textable() && !email {
        return Err(Why::Text(
            "not_textable",
            "This phone is not to be texted, and no e-mail can go in a text's place.",
        ));
    }
    if frame.opted_out() && !email {
        return Err(Why::Text(
            "opted_out",
            "This person has opted out of texts, and no e-mail can go in their place.",
        ));
    }
    frame.send(cx, MessageKind::Staff, text, Some(by), None);
    frame.conversation.unread = false;
    Ok(())
}

fn judge<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, by: UserId, out: bool) {
    frame.conversation.flagged = false;
    if out {
        change_consent(cx, frame, Consent::Out, "staff", Some(by), None);
    }
}

/// A thread begun by a member.
struct Start<'e> {
    program: ProgramId,
    number: NumberId,
    to: &'e Party,
    text: &'e str,
}

fn start_text(cx: &mut Cx<'_>, action: &StaffAction, start: &Start<'_>) -> Decided {
    if let Err(why) = sight::may_start(cx.directory(), action.account, action.by) {
        return refused(cx, why);
    }
    let (state, key) = (cx.state, (start.number, start.to.clone()));
    let need = || vec![Need::Thread(start.number, start.to.clone())];
    let Some(((_, party), thread)) = state.threads.get_key_value(&key) else {
        return Err(need());
    };
    let uses = |account: &&Account| account.number(start.number).is_some();
    let account = cx.directory().account(action.account).filter(uses);
    let number = cx.directory().number(start.number);
    let (Some(account), Some(number)) = (account, number) else {
        return refused(cx, Refused::NotYours);
    };
    if account.program_by_id(start.program).is_none() {
        return refused(cx, Refused::NotYours);
    }
    let place = Place {
        account,
        program: start.program,
        number,
        party,
        thread,
    };
    let Some(mut frame) = Frame::find(cx, &place) else {
        return refused(cx, Refused::NobodyThere);
    };
    if let Some(stranger) = frame.stranger() {
        stranger.source = "staff".to_owned();
    }
    frame.post_unless_open(cx, Some(Route::User(action.by)), None);
    match send(cx, &mut frame, action.by, start.text) {
        Ok(()) => {
            take_over(cx, &mut frame);
            frame.save(cx);
            Ok(())
        }
        Err(Why::Move(why)) => refused(cx, why),
        Err(Why::Text(code, words)) => cx.refuse(code, words),
    }
}

/// Marks a voicemail as heard.
fn heard(cx: &mut Cx<'_>, action: &StaffAction, id: VoicemailId, call: CallId) -> Decided {
    let rows = cx
        .state
        .voicemails
        .get(&call)
        .ok_or_else(|| vec![Need::Voicemail(call)])?;
    let found = rows
        .iter()
        .find(|row| row.id == id && row.account == action.account);
    let Some(row) = found.filter(|row| sight::hears(cx.directory(), row, action.by)) else {
        return refused(cx, Refused::NotYours);
    };
    let mut row = row.clone();
    if crate::inbox::voicemail::heard(&mut row) {
        row.version += 1;
        cx.write(Write::Voicemail(Box::new(row)));
    }
    Ok(())
}
