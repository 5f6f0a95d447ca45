//! A text from a phone: routed, stored in its thread, answered.

use crate::model::account::{Account, Number, OptOutBy};
use crate::model::consent::{ComplianceClass, Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{Conversation, RunRow, ThreadEventKind};
use crate::model::turn::{Job, JobKind, Need, Thread, Write};
use crate::model::{
    AccountId, ConversationId, MessageId, MessageKind, Mo, NumberId, Party, ProgramId, RunId,
    Timestamp, UserId,
};
use crate::policy::consent::{Compliance, Confirmation, classify, confirmation};
use crate::policy::routing::{MoFacts, Routed, Target, route};

use super::frame::{Frame, Place, program_of};
use super::{Cx, Decided, World, run};

/// Our active number of this connection that a text or call came to.
pub(super) fn number_of<'a>(
    world: &'a World,
    connection: &str,
    address: &str,
) -> Option<&'a Number> {
    let number = world.directory.number_by_address(address)?;
    (number.active && number.connection == connection).then_some(number)
}

pub(super) fn needs(world: &World, connection: &str, mo: &Mo) -> Vec<Need> {
    let number = number_of(world, connection, &mo.to);
    number
        .map(|number| Need::Thread(number.id, mo.from.clone()))
        .into_iter()
        .collect()
}

pub(super) fn received<'a>(cx: &mut Cx<'a>, connection: &str, mo: &'a Mo) -> Decided {
    let Some(number) = number_of(cx.world, connection, &mo.to) else {
        return cx.for_ops(
            "unknown_number",
            format!("a text came to a number that {connection} has not"),
        );
    };
    let thread = cx.thread(number.id, &mo.from)?;
    let compliance = compliance(cx.world, number, thread, mo);
    let routed = routed(cx.world, number, thread, &mo.text, compliance);
    cx.rule(routed.rule.as_str());
    let Some((account, program, known)) = home(cx.world, number, thread, &routed) else {
        record_anyway(cx, number, &mo.from, compliance);
        return cx.for_ops(
            "unknown_number",
            "a text came to a number that no account uses".to_owned(),
        );
    };
    let place = Place {
        account,
        program,
        number,
        party: &mo.from,
        thread,
    };
    let frame = match known {
        Some(known) => Frame::of(cx, &place, Some(known)),
        None => Frame::find(cx, &place),
    };
    let Some(mut frame) = frame else {
        record_anyway(cx, number, &mo.from, compliance);
        return cx.for_ops(
            "nobody_there",
            format!("account {} has neither groups nor members", account.key),
        );
    };
    let message = frame.receive(cx, mo);
    fetch_media(cx, &frame, connection, message, mo);
    if compliance == Compliance::Review {
        suspect(cx, &mut frame);
    }
    lead_on(cx, frame, &routed, mo)
}

/// A person judges whether this was a wish to stop.
fn suspect<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>) {
    frame.conversation.flagged = true;
    frame.event(cx, None, ThreadEventKind::RevocationSuspected);
    let note = "reads like a wish to stop; please judge";
    frame.post_unless_open(cx, None, Some(note.into()));
}

/// What follows from a text that stands in its thread: a flow begins or goes on, or members read it.
fn lead_on<'a>(cx: &mut Cx<'a>, mut frame: Frame<'a>, routed: &Routed<'a>, mo: &'a Mo) -> Decided {
    let flow = match routed.target {
        Target::Run(waiting) => return run::answer(cx, frame, waiting, &mo.text),
        Target::Keyword(keyword, sub) => {
            let of_sub = sub.and_then(|sub| sub.flow.as_deref());
            of_sub.or(keyword.flow.as_deref())
        }
        Target::Unmatched => {
            let uses = frame.account.number(frame.number.id);
            uses.and_then(|uses| uses.text_flow.as_deref())
        }
        Target::Compliance(word) => {
            comply(cx, &mut frame, word, mo);
            frame.save(cx);
            return Ok(());
        }
        Target::Conversation(_) => {
            frame.save(cx);
            return Ok(());
        }
    };
    run::start_text(cx, frame, flow, &mo.text)
}

/// What a text means for consent, by our words and by the carrier's; a wish to stop read by either counts.
pub(super) fn compliance(world: &World, number: &Number, thread: &Thread, mo: &Mo) -> Compliance {
    let out = opted_out_anywhere(thread, number);
    let ours = classify(&mo.text, out, &world.words);
    match mo.carrier_said {
        _ if ours == Compliance::Stop => ours,
        Some(ComplianceClass::Stop) => Compliance::Stop,
        Some(ComplianceClass::Start | ComplianceClass::Yes) => Compliance::Start,
        Some(ComplianceClass::Help) => Compliance::Help,
        None => ours,
    }
}

/// Routes a text by the facts of its thread.
pub(super) fn routed<'a>(
    world: &'a World,
    number: &'a Number,
    thread: &'a Thread,
    text: &'a str,
    compliance: Compliance,
) -> Routed<'a> {
    route(&facts(world, number, thread, text, compliance))
}

/// What is known of a text when it is routed.
pub(super) fn facts<'a>(
    world: &'a World,
    number: &'a Number,
    thread: &'a Thread,
    text: &'a str,
    compliance: Compliance,
) -> MoFacts<'a> {
    MoFacts {
        number,
        keywords: world.directory.keywords(number.id),
        text,
        compliance,
        runs: &thread.runs,
        conversations: &thread.conversations,
    }
}

/// Whether YES would re-subscribe: out for the number as such, whoever's thread it was said in.
pub(super) fn opted_out_anywhere(thread: &Thread, number: &Number) -> bool {
    let on_number = |entry: &ConsentEntry| entry.scope == ConsentScope::Number(number.id);
    thread
        .consents
        .iter()
        .any(|entry| on_number(entry) && entry.verdict == Consent::Out)
}

type Home<'a> = (&'a Account, ProgramId, Option<&'a Conversation>);

/// The account, program and, where it is known already, conversation that a routed text belongs to.
pub(super) fn home<'a>(
    world: &'a World,
    number: &'a Number,
    thread: &'a Thread,
    routed: &Routed<'a>,
) -> Option<Home<'a>> {
    let of = |one: &'a Conversation| {
        Some((
            world.directory.account(one.account)?,
            one.program,
            Some(one),
        ))
    };
    let unmatched = || {
        let account = world.directory.account(number.manage_unmatched)?;
        Some((account, program_of(account, number.id)?, None))
    };
    match routed.target {
        Target::Compliance(_) => {
            let latest = thread
                .conversations
                .iter()
                .max_by_key(|one| (one.last_at, one.id));
            latest.and_then(of).or_else(unmatched)
        }
        Target::Run(run) => of_run(thread, run).and_then(of).or_else(unmatched),
        Target::Keyword(keyword, sub) => {
            let program = sub.and_then(|sub| sub.program).unwrap_or(keyword.program);
            let account = world.directory.account(keyword.account);
            account
                .map(|account| (account, program, None))
                .or_else(unmatched)
        }
        Target::Conversation(one) => of(one).or_else(unmatched),
        Target::Unmatched => unmatched(),
    }
}

fn of_run<'a>(thread: &'a Thread, run: &RunRow) -> Option<&'a Conversation> {
    thread
        .conversations
        .iter()
        .find(|one| Some(one.id) == run.conversation)
}

fn fetch_media<'a>(
    cx: &mut Cx<'a>,
    frame: &Frame<'a>,
    connection: &str,
    message: MessageId,
    mo: &Mo,
) {
    for (index, media) in mo.media.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let kind = JobKind::FetchMedia {
            message,
            index,
            url: media.url.clone(),
        };
        let now = cx.at.now;
        job(cx, frame.account.id, connection, kind, now);
    }
}

/// Adds something that must leave.
pub(super) fn job(
    cx: &mut Cx<'_>,
    account: AccountId,
    connection: &str,
    kind: JobKind,
    due_at: Timestamp,
) {
    let job = Job {
        id: cx.ids.fresh(),
        account,
        connection: connection.to_owned(),
        kind,
        due_at,
        attempts: 0,
    };
    cx.write(Write::Job(Box::new(job)));
}

/// Writes the ledger and confirms once, unless the carrier does.
fn comply<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, word: Compliance, mo: &Mo) {
    let was_out = opted_out_anywhere(frame.thread, frame.number);
    let (which, verdict) = match word {
        Compliance::Stop => (Confirmation::Stop, Some(Consent::Out)),
        Compliance::Start => (Confirmation::Start, Some(Consent::In)),
        _ => (Confirmation::Help, None),
    };
    if let Some(verdict) = verdict {
        change_consent(cx, frame, verdict, "text", None, None);
    }
    if word == Compliance::Start {
        allow_again(cx, frame);
    }
    let repeated = word == Compliance::Stop && was_out;
    if !repeated && !mo.carrier_answered && opt_out_by(cx, frame.number) == OptOutBy::Us {
        let language = frame
            .contact
            .as_ref()
            .and_then(|one| one.language.as_deref());
        let language = language.unwrap_or(&frame.account.language).to_owned();
        let text = confirmation(which, &language, &frame.account.name, "");
        frame.send(cx, MessageKind::Compliance, &text, None, None);
    }
}

/// Who says START is told to be subscribed again: what they had refused to an account of this number, when a flow
/// asked, is taken back with it.
fn allow_again<'a>(cx: &mut Cx<'a>, frame: &Frame<'a>) {
    let number = frame.number.id;
    let here = |scope: ConsentScope| {
        let mut accounts = cx.directory().accounts();
        accounts.any(|account| {
            account.number(number).is_some()
                && match scope {
                    ConsentScope::Account(id) => account.id == id,
                    ConsentScope::Program(id) => account.program_by_id(id).is_some(),
                    ConsentScope::Number(_) | ConsentScope::Organisation => false,
                }
        })
    };
    let out = frame.thread.consents.iter();
    let out = out.filter(|entry| entry.verdict == Consent::Out && here(entry.scope));
    let scopes: Vec<ConsentScope> = out.map(|entry| entry.scope).collect();
    let party = frame.conversation.party.clone();
    for scope in scopes {
        record_consent(cx, scope, &party, Consent::In, "text");
    }
}

fn opt_out_by(cx: &Cx<'_>, number: &Number) -> OptOutBy {
    let connection = cx
        .world
        .connections
        .get(&number.connection)
        .map(|facts| facts.opt_out);
    number.opt_out.or(connection).unwrap_or(OptOutBy::Us)
}

/// A wish to stop counts even where nobody is there to read it.
fn record_anyway(cx: &mut Cx<'_>, number: &Number, party: &Party, word: Compliance) {
    match word {
        Compliance::Stop => record_consent(
            cx,
            ConsentScope::Number(number.id),
            party,
            Consent::Out,
            "text",
        ),
        Compliance::Start => record_consent(
            cx,
            ConsentScope::Number(number.id),
            party,
            Consent::In,
            "text",
        ),
        _ => {}
    }
}

/// A person of this thread opts out or in again: written down, shown, and acted on. `in_run`: a flow's step says so.
pub(super) fn change_consent<'a>(
    cx: &mut Cx<'a>,
    frame: &mut Frame<'a>,
    verdict: Consent,
    source: &str,
    by: Option<UserId>,
    in_run: Option<RunId>,
) {
    let (number, party) = (frame.number, frame.conversation.party.clone());
    record_consent(cx, ConsentScope::Number(number.id), &party, verdict, source);
    frame.event(cx, by, shown_as(verdict));
    show_elsewhere(
        cx,
        frame.thread,
        number,
        Some(frame.conversation.id),
        verdict,
    );
    if verdict == Consent::Out {
        end_runs(cx, frame.thread, in_run);
    }
}

/// The carrier says that a phone has opted out of our number.
pub(super) fn opted_out_at_carrier<'a>(
    cx: &mut Cx<'a>,
    thread: &'a Thread,
    number: NumberId,
    party: &Party,
) {
    record_consent(
        cx,
        ConsentScope::Number(number),
        party,
        Consent::Out,
        "carrier",
    );
    if let Some(number) = cx.directory().number(number) {
        show_elsewhere(cx, thread, number, None, Consent::Out);
    }
    end_runs(cx, thread, None);
}

const fn shown_as(verdict: Consent) -> ThreadEventKind {
    match verdict {
        Consent::Out => ThreadEventKind::OptedOut,
        Consent::In => ThreadEventKind::OptedIn,
    }
}

/// An entry of the ledger for the whole number, of every account on it.
fn record_consent(
    cx: &mut Cx<'_>,
    scope: ConsentScope,
    party: &Party,
    verdict: Consent,
    source: &str,
) {
    let entry = ConsentEntry {
        id: cx.ids.fresh(),
        party: party.clone(),
        scope,
        verdict,
        at: cx.at.now,
        source: source.to_owned(),
        event: Some(cx.at.event),
    };
    cx.write(Write::Consent(Box::new(entry)));
}

/// The line stands in every thread of this phone on the number.
fn show_elsewhere<'a>(
    cx: &mut Cx<'a>,
    thread: &'a Thread,
    number: &'a Number,
    shown: Option<ConversationId>,
    verdict: Consent,
) {
    let conversations = thread.conversations.iter();
    for other in conversations.filter(|one| Some(one.id) != shown) {
        let Some(account) = cx.directory().account(other.account) else {
            continue;
        };
        let place = Place {
            account,
            program: other.program,
            number,
            party: &other.party,
            thread,
        };
        let Some(mut other) = Frame::of(cx, &place, Some(other)) else {
            continue;
        };
        other.event(cx, None, shown_as(verdict));
        other.save(cx);
    }
}

/// Whoever opted out is asked nothing more on this number; a run that took it down itself goes on to its end.
fn end_runs(cx: &mut Cx<'_>, thread: &Thread, save: Option<RunId>) {
    for run in thread.runs.iter().filter(|run| Some(run.id) != save) {
        run::end(cx, run);
    }
}
