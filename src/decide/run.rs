//! Taking a run of a text flow on by one event, and what its steps ask of the thread.

use std::sync::Arc;

use crate::flow::{
    self, Effect, Ended, Event, FLOWS_PER_EVENT_MAX, Facts, Flow, Run, Step, Stepped, Wanted,
};
use crate::inbox::assignment;
use crate::inbox::conversation::{self as moves, Posting};
use crate::model::account::{Program, Route};
use crate::model::conversation::{RunRow, ThreadEventKind};
use crate::model::turn::{FieldValue, FlowText, Need, Write};
use crate::model::{
    CallId, CallVerb, Connection, MessageKind, Party, RevisionId, RunId, Timestamp,
};
use crate::policy::budget::{Budget, LoopBudget};

use super::frame::{Frame, Place};
use super::stop::{Stop, stopped};
use super::{Cx, Decided, Flows, begin, call, reach};

/// What is noted where the loop guard lets no more texts go.
pub(super) const TEXTS_USED_UP: &str = "too many automatic texts in a short time; no more are sent";

/// Starts the text flow of this key on a thread; without one the thread goes to its default route.
pub(super) fn start_text<'a>(
    cx: &mut Cx<'a>,
    mut frame: Frame<'a>,
    key: Option<&str>,
    text: &str,
) -> Decided {
    let Some(key) = key else {
        frame.post_unless_open(cx, None, None);
        frame.save(cx);
        return Ok(());
    };
    let Some((revision, flow)) = cx.world.flows.active(frame.account.id, key) else {
        stopped(
            cx,
            &mut frame,
            format!("the flow {key} has no published revision"),
        );
        frame.save(cx);
        return Ok(());
    };
    moves::automate(&mut frame.conversation);
    let id: RunId = cx.ids.fresh();
    let row = RunRow {
        id,
        account: frame.account.id,
        flow: key.to_owned(),
        revision,
        call: None,
        conversation: Some(frame.conversation.id),
        number: frame.number.id,
        party: frame.conversation.party.clone(),
        waits_for_text: false,
        asked_at: cx.at.now,
        due_at: None,
        ended: false,
        state: String::new(),
        version: 0,
    };
    let run = Run::new(id, key, cx.at.now);
    drive_text(
        cx,
        frame,
        Going { row, run, flow },
        Event::Started,
        Some(text),
    )
}

/// A text that answers a waiting run.
pub(super) fn answer<'a>(cx: &mut Cx<'a>, frame: Frame<'a>, row: &RunRow, text: &str) -> Decided {
    resume_text(cx, frame, row, Event::Text(text), Some(text))
}

/// A run's time has come.
pub(super) fn due<'a>(cx: &mut Cx<'a>, run: RunId, on: Option<CallId>) -> Decided {
    match on {
        // The caller is still there.
        Some(on) => call::timer(cx, on, run),
        None => {
            cx.unprompted = true;
            wake(cx, run, Event::Timer)
        }
    }
}

/// What came of a request of a run to another system.
pub(super) fn answered<'a>(
    cx: &mut Cx<'a>,
    run: RunId,
    on: Option<CallId>,
    event: Event<'_>,
) -> Decided {
    match on {
        Some(on) => call::answered(cx, on, run, event),
        None => wake(cx, run, event),
    }
}

/// Something of our own happened to a run of texts.
fn wake<'a>(cx: &mut Cx<'a>, run: RunId, event: Event<'_>) -> Decided {
    let timer = matches!(event, Event::Timer);
    let state = cx.state;
    let Some((number, party)) = state.runs.get(&run).ok_or_else(|| vec![Need::Run(run)])? else {
        return cx.ignored("timer_stale");
    };
    let thread = cx.thread(*number, party)?;
    let row = thread
        .runs
        .iter()
        .find(|row| row.id == run && !row.ended && (!timer || is_due(row, cx.at.now)));
    let Some(row) = row else {
        return cx.ignored(if timer { "timer_stale" } else { "answer_stale" });
    };
    cx.rule(if timer { "timer" } else { "http_answer" });
    let known = thread
        .conversations
        .iter()
        .find(|one| Some(one.id) == row.conversation);
    let place = place_of(cx, row, party, thread);
    match place.and_then(|place| Frame::of(cx, &place, known)) {
        Some(frame) => resume_text(cx, frame, row, event, None),
        None => {
            // Its account or number is no more; left alone it would be due for ever.
            end(cx, row);
            cx.ignored("timer_homeless")
        }
    }
}

/// Ends a run from outside.
pub(super) fn end(cx: &mut Cx<'_>, row: &RunRow) {
    cx.write(Write::Run(Box::new(RunRow {
        ended: true,
        waits_for_text: false,
        due_at: None,
        version: row.version + 1,
        ..row.clone()
    })));
}

/// A timer may have been claimed before the run moved on.
pub(super) fn is_due(row: &RunRow, now: Timestamp) -> bool {
    !row.ended && row.due_at.is_some_and(|due| due <= now)
}

fn place_of<'a>(
    cx: &Cx<'a>,
    row: &RunRow,
    party: &'a Party,
    thread: &'a crate::model::turn::Thread,
) -> Option<Place<'a>> {
    let account = cx.directory().account(row.account)?;
    let number = cx.directory().number(row.number)?;
    let known = thread
        .conversations
        .iter()
        .find(|one| Some(one.id) == row.conversation)?;
    Some(Place {
        account,
        program: known.program,
        number,
        party,
        thread,
    })
}

fn resume_text<'a>(
    cx: &mut Cx<'a>,
    mut frame: Frame<'a>,
    row: &RunRow,
    event: Event<'_>,
    text: Option<&str>,
) -> Decided {
    match going(cx, row)? {
        Ok(going) => drive_text(cx, frame, going, event, text),
        Err(reason) => {
            end(cx, row);
            stopped(cx, &mut frame, reason);
            frame.save(cx);
            Ok(())
        }
    }
}

/// A run on its way: its row, its inner state and the revision it is on.
pub(super) struct Going {
    pub(super) row: RunRow,
    pub(super) run: Run,
    pub(super) flow: Arc<Flow>,
}

/// Reads a saved run. The inner error says why it cannot go on.
pub(super) fn going(cx: &Cx<'_>, row: &RunRow) -> Decided<Result<Going, String>> {
    let Ok(run) = Run::from_json(&row.state) else {
        return Ok(Err(format!("the run of {} cannot be read", row.flow)));
    };
    let gone = || format!("the revision of {} is gone", row.flow);
    let flow = flow_of(cx, row)?.ok_or_else(gone);
    Ok(flow.map(|flow| Going {
        row: row.clone(),
        run,
        flow,
    }))
}

/// These needs, and the revision of a run that cannot go on without it, so that it is not asked for by itself.
pub(super) fn with_revision(cx: &Cx<'_>, mut needs: Vec<Need>, row: Option<&RunRow>) -> Vec<Need> {
    let live = row.filter(|row| !row.ended);
    if let Some(Err(more)) = live.map(|row| flow_of(cx, row)) {
        needs.extend(more);
    }
    needs
}

/// The flow as the run began with it. Another node may have begun it with a revision not heard of here yet.
fn flow_of(cx: &Cx<'_>, row: &RunRow) -> Decided<Option<Arc<Flow>>> {
    let known = cx.world.flows.revision(row.revision);
    if let Some(flow) = known.or_else(|| begin::fallback_flow(cx, row)) {
        return Ok(Some(flow));
    }
    let asked = cx.state.revisions.get(&row.revision);
    let text = asked.ok_or_else(|| vec![Need::Revision(row.revision)])?;
    let read = |text: &FlowText| Flows::read(cx.directory(), &text.yaml).ok();
    Ok(text.as_ref().and_then(read))
}

fn drive_text<'a>(
    cx: &mut Cx<'a>,
    mut frame: Frame<'a>,
    mut going: Going,
    event: Event<'_>,
    text: Option<&str>,
) -> Decided {
    let fresh = going.row.version == 0;
    let (mut event, mut gotos) = (event, 0);
    let left = loop {
        let stepped = take_step(cx, &frame, &going, &event, text, Vec::new())?;
        for effect in &stepped.effects {
            thread_effect(cx, &mut frame, going.row.id, None, effect);
        }
        let left = leave(cx, &mut going, &stepped)?;
        settle(cx, &mut going.row, &stepped);
        match goes_on(left.as_ref(), &mut gotos) {
            Some(next) => event = next,
            None => break left,
        }
    };
    if let Some(why) = stop_of(left) {
        going.row.ended = true;
        stopped(cx, &mut frame, why);
    }
    save_run(cx, going.row, fresh);
    frame.save(cx);
    Ok(())
}

/// Whether a run left for another flow in this event.
#[derive(Debug, PartialEq)]
pub(super) enum Left {
    /// It did; the loop goes on.
    Gone,
    /// It came back to the flow that had called it; the loop goes on.
    Back,
    /// It wanted to, or broke off.
    Stopped(Stop),
}

/// Why a run that left its loop did so against its will.
pub(super) fn stop_of(left: Option<Left>) -> Option<Stop> {
    match left {
        Some(Left::Gone) => {
            let reason = format!("more than {FLOWS_PER_EVENT_MAX} flows in one event");
            Some(Stop::looped(reason))
        }
        Some(Left::Stopped(why)) => Some(why),
        Some(Left::Back) | None => None,
    }
}

/// The event with which a run goes on in the flow it left for or came back to. Ways back end by themselves, as each
/// needs a call.
pub(super) fn goes_on(left: Option<&Left>, gotos: &mut usize) -> Option<Event<'static>> {
    match left {
        Some(Left::Gone) => {
            *gotos += 1;
            (*gotos <= FLOWS_PER_EVENT_MAX).then_some(Event::Started)
        }
        Some(Left::Back) => Some(Event::Returned),
        _ => None,
    }
}

/// Moves to the flow that a step leaves for or comes back to, or tells why the run broke off.
pub(super) fn leave(cx: &Cx<'_>, going: &mut Going, stepped: &Stepped) -> Decided<Option<Left>> {
    going.run = stepped.run.clone();
    match &stepped.ended {
        Some(Ended::Fault(reason)) => return Ok(Some(Left::Stopped(reason.clone().into()))),
        Some(Ended::Looped(reason)) => return Ok(Some(Left::Stopped(Stop::looped(reason)))),
        _ => {}
    }
    if let Some(back) = &stepped.returns {
        return come_back(cx, going, back.revision).map(Some);
    }
    let Some((key, _)) = stepped.goto.as_ref() else {
        return Ok(None);
    };
    let Some((revision, flow)) = cx.world.flows.active(going.row.account, key) else {
        let reason = format!("the flow {key} has no published revision");
        return Ok(Some(Left::Stopped(reason.into())));
    };
    going.run.called_from(going.row.revision);
    (going.row.flow, going.row.revision, going.flow) = (key.clone(), revision, flow);
    Ok(Some(Left::Gone))
}

/// The calling flow, as it was when it called.
fn come_back(cx: &Cx<'_>, going: &mut Going, revision: Option<RevisionId>) -> Decided<Left> {
    let mut row = going.row.clone();
    row.flow.clone_from(&going.run.flow);
    row.revision = revision.unwrap_or_else(no_revision);
    Ok(match flow_of(cx, &row)? {
        Some(flow) => {
            (going.row, going.flow) = (row, flow);
            Left::Back
        }
        None => Left::Stopped(format!("the revision of {} is gone", row.flow).into()),
    })
}

/// One look of the engine at one event.
pub(super) fn take_step<'a>(
    cx: &mut Cx<'a>,
    frame: &Frame<'a>,
    going: &Going,
    event: &Event<'_>,
    text: Option<&str>,
    said: Vec<CallVerb>,
) -> Decided<Stepped> {
    let state = cx.state;
    let known = |user| state.presence.get(&user).copied();
    let now = cx.at.now;
    let reach = |party: &Party| reach::known(state, now, frame, party);
    let with_value = |asked: &FieldValue| reach::with_value(state, frame, asked);
    let connection = cx.world.connections.get(&frame.number.connection);
    let facts = Facts {
        now,
        account: frame.account,
        directory: cx.directory(),
        program: program(frame),
        number: frame.number,
        party: &frame.conversation.party,
        contact: frame.contact.as_ref(),
        text,
        presence: &known,
        waiting: state.waiting.get(&frame.account.id).map(Vec::as_slice),
        legs_max: connection.map_or(1, |facts| facts.legs_max),
        calls_per_second: connection.map_or(Connection::CALLS_PER_SECOND_DEFAULT, |facts| {
            facts.calls_per_second
        }),
        consent: frame.allowed(),
        textable: frame.textable(),
        automated_left: automated_left(now, frame),
        reach: &reach,
        with_value: &with_value,
        email: cx.world.email,
        traced: cx.trace.is_some(),
    };
    match flow::step(
        &going.flow,
        going.run.clone(),
        event,
        &facts,
        &mut cx.ids,
        said,
    ) {
        Step::Done(stepped) => {
            cx.count(&going.row.flow, &stepped.trace);
            Ok(*stepped)
        }
        Step::Need(wanted) => Err(wanted.into_iter().map(|it| need(frame, it)).collect()),
    }
}

fn need(frame: &Frame<'_>, wanted: Wanted) -> Need {
    match wanted {
        Wanted::Presence(user) => Need::Presence(user),
        Wanted::Waiting => Need::Waiting(frame.account.id),
        Wanted::Reach(party) => Need::Thread(frame.number.id, party),
        Wanted::Contacts(asked) => Need::Contacts(frame.account.id, asked),
    }
}

fn program<'a>(frame: &Frame<'a>) -> Option<&'a Program> {
    frame.account.program_by_id(frame.conversation.program)
}

/// Whether the loop guard lets another automated text go to this thread's phone.
pub(super) fn automated_left(now: Timestamp, frame: &Frame<'_>) -> bool {
    budget_left(now, frame, LoopBudget::default())
}

/// The same by another budget.
pub(super) fn budget_left(now: Timestamp, frame: &Frame<'_>, budget: LoopBudget) -> bool {
    let made = std::iter::repeat_n(now, frame.automated);
    let all: Vec<Timestamp> = made.chain(frame.thread.lately.automated()).collect();
    budget.check(&all, now) == Budget::Left
}

/// Takes over what a step says of waiting and ending.
pub(super) fn settle(cx: &Cx<'_>, row: &mut RunRow, stepped: &Stepped) {
    if stepped.waits_for_text {
        row.asked_at = cx.at.now;
    }
    row.waits_for_text = stepped.waits_for_text;
    row.due_at = stepped.due_at;
    row.ended = stepped.ended.is_some();
    // One that leaves no row needs none of it written down.
    if !(row.ended && row.version == 0 && row.call.is_none()) {
        row.state = stepped.run.to_json();
    }
}

/// A run that began and ended in one event leaves no row: its texts and the event tell of it.
pub(super) fn save_run(cx: &mut Cx<'_>, mut row: RunRow, fresh: bool) {
    if fresh && row.ended && row.call.is_none() {
        return;
    }
    if row.ended {
        (row.waits_for_text, row.due_at) = (false, None);
    }
    row.version += 1;
    cx.write(Write::Run(Box::new(row)));
}

/// Carries out what a step asks of its thread. `false`: it is not the thread's business.
pub(super) fn thread_effect<'a>(
    cx: &mut Cx<'a>,
    frame: &mut Frame<'a>,
    run: RunId,
    call: Option<CallId>,
    effect: &Effect,
) -> bool {
    match effect {
        Effect::Reply { text, .. } => reply(cx, frame, run, text),
        Effect::Send { to, text, staff } => reach::send(cx, frame, run, to, text, *staff),
        Effect::Email { to, subject, text } => reach::email(cx, frame, to, subject, text),
        Effect::Http { ask, request } => reach::ask(cx, frame, (run, call), *ask, request),
        Effect::Consent { scope, verdict } => reach::consent(cx, frame, run, *scope, *verdict),
        Effect::Inbox {
            to,
            note,
            tags,
            high,
            auto_reply,
        } => {
            let posting = Posting {
                to: Some(*to),
                note: note.clone(),
                tags: tags.clone(),
                priority: *high,
            };
            frame.post(cx, posting);
            if let Some(text) = auto_reply {
                reply_once_a_day(cx, frame, run, text);
            }
        }
        Effect::Assign { to, note } => assign(cx, frame, *to, note.clone()),
        Effect::NotAssigned { reason } => {
            let reason = reason.clone();
            frame.event(cx, None, ThreadEventKind::NotAssigned { reason });
        }
        Effect::Close => {
            if let Ok(kind) = moves::close(&mut frame.conversation) {
                frame.event(cx, None, kind);
            }
        }
        Effect::SetField { field, value } => set_field(frame, field, value),
        Effect::Tag { add, remove } => {
            if let Some(contact) = &mut frame.contact {
                flow::change(&mut contact.tags, add, remove);
            }
        }
        Effect::Caseloads { add, remove } => {
            if let Some(contact) = &mut frame.contact {
                flow::change(&mut contact.caseloads, add, remove);
            }
        }
        Effect::Note { text } => {
            frame.event(cx, None, ThreadEventKind::Note { text: text.clone() })
        }
        _ => return false,
    }
    true
}

/// A bot that answers a bot ends in the inbox.
fn reply<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, run: RunId, text: &str) {
    if automated_left(cx.at.now, frame) {
        let kind = match cx.unprompted {
            true => MessageKind::Unprompted,
            false => MessageKind::Automated,
        };
        frame.send(cx, kind, text, None, Some(run));
    } else {
        frame.post_unless_open(cx, None, Some(TEXTS_USED_UP.into()));
    }
}

fn reply_once_a_day<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, run: RunId, text: &str) {
    let may = !frame.opted_out() && frame.conversation.party.can_receive();
    if may && moves::auto_reply(&mut frame.conversation, cx.at.now) {
        reply(cx, frame, run, text);
    }
}

fn assign<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, to: Route, note: Option<String>) {
    let kind = assignment::assign(
        cx.directory(),
        &mut frame.conversation,
        to,
        None,
        note,
        cx.at.now,
    );
    match kind {
        Ok(kind) => frame.event(cx, None, kind),
        Err(refused) => {
            let reason = refused.to_string();
            frame.event(cx, None, ThreadEventKind::NotAssigned { reason });
            frame.post_unless_open(cx, None, None);
        }
    }
}

fn set_field(frame: &mut Frame<'_>, field: &str, value: &serde_json::Value) {
    let Some(contact) = &mut frame.contact else {
        return;
    };
    let text = match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    match field {
        "name" => contact.name = text,
        "email" => contact.email = text,
        "language" => contact.language = text,
        _ if value.is_null() => drop(contact.columns.remove(field)),
        _ => drop(contact.columns.insert(field.to_owned(), value.clone())),
    }
}

/// The revision of runs that no stored flow decides: those of [`begin::fallback_flow`].
pub(super) fn no_revision() -> RevisionId {
    crate::model::Id::from_uuid(uuid::Uuid::nil())
}
