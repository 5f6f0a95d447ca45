//! What steps ask of people other than the one whose thread it is, and of the ledger: texts to other phones,
//! e-mails, consent.

use crate::flow::{Person, Reach, Scope};
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{RunRow, ThreadEventKind};
use crate::model::http::HttpRequest;
use crate::model::turn::{FieldValue, JobKind, State, Write};
use crate::model::{CallId, MessageKind, Party, RunId, Timestamp};

use crate::policy::budget::{Budget, LoopBudget};

use super::Cx;
use super::contact::{self, Whose};
use super::frame::Frame;
use super::run::{self, automated_left};
use super::text::{change_consent, job};

/// What is known of somebody at another phone of this thread's number; see [`crate::flow::Facts::reach`].
pub(super) fn known(
    state: &State,
    now: Timestamp,
    frame: &Frame<'_>,
    party: &Party,
) -> Option<Reach> {
    if let Some(open) = frame.opened(party) {
        return Some(Reach {
            contact: open.contact.as_ref().map(Person::from),
            consent: open.allowed(),
            textable: open.textable() && party.can_receive(),
            automated_left: automated_left(now, open),
            notices_left: run::budget_left(now, open, LoopBudget::OF_STAFF),
        });
    }
    let key = (frame.number.id, party.clone());
    let thread = state.threads.get(&key)?;
    let (account, program) = (frame.account.id, frame.conversation.program);
    let here = |one: &&crate::model::conversation::Conversation| {
        one.account == account && one.program == program
    };
    let last = thread.conversations.iter().find(here);
    let contact = match contact::find(thread, account, last.and_then(|one| one.contact)) {
        Whose::Known(contact) => Some(contact),
        Whose::Several | Whose::Nobody => None,
    };
    let sent = thread.lately.automated();
    let left = |budget: LoopBudget| budget.check(&sent, now) == Budget::Left;
    Some(Reach {
        contact: contact.map(Person::from),
        consent: contact::allowed(thread, account, program, frame.number.id),
        textable: contact::textable(contact, party) && party.can_receive(),
        automated_left: left(LoopBudget::default()),
        notices_left: left(LoopBudget::OF_STAFF),
    })
}

/// The account's contacts with a value in a field; see [`crate::flow::Facts::with_value`]. The person of the thread counts
/// as this turn has them.
pub(super) fn with_value(
    state: &State,
    frame: &Frame<'_>,
    asked: &FieldValue,
) -> Option<Vec<Person>> {
    let key = (frame.account.id, asked.clone());
    let found = state.contacts.get(&key)?.iter();
    let own = frame.contact.as_ref();
    let others = found.filter(|one| own.is_none_or(|own| own.id != one.id));
    let own = own.filter(|own| own.compared(&asked.field).as_ref() == Some(&asked.value));
    Some(others.chain(own).map(Person::from).collect())
}

/// A text to another phone. A member's own phone is no thread of anybody's box: its flow alone has it.
pub(super) fn send<'a>(
    cx: &mut Cx<'a>,
    frame: &mut Frame<'a>,
    run: RunId,
    to: &Party,
    text: &str,
    member: bool,
) {
    let Some(other) = frame.other(cx, to, member) else {
        return;
    };
    let budget = match member {
        true => LoopBudget::OF_STAFF,
        false => LoopBudget::default(),
    };
    // Asked again here, because one event may text the same phone more than once.
    if other.opted_out() || !run::budget_left(cx.at.now, other, budget) {
        let text = "A text of the flow to another phone did not leave: too many have gone there in a short time, or the person has opted out.";
        let kind = ThreadEventKind::Note {
            text: text.to_owned(),
        };
        return frame.event(cx, None, kind);
    }
    // A member is told at any hour.
    let kind = match member {
        true => MessageKind::Automated,
        false => MessageKind::Unprompted,
    };
    other.send(cx, kind, text, None, Some(run));
}

/// One e-mail each, so that nobody sees the others' addresses.
pub(super) fn email(cx: &mut Cx<'_>, frame: &Frame<'_>, to: &[String], subject: &str, text: &str) {
    let (account, now) = (frame.account.id, cx.at.now);
    for to in to {
        let kind = JobKind::Email {
            to: to.clone(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            message: None,
        };
        job(cx, account, "", kind, now);
    }
}

/// Another system is asked; what it answers comes back to this run.
pub(super) fn ask(
    cx: &mut Cx<'_>,
    frame: &Frame<'_>,
    (run, call): (RunId, Option<CallId>),
    ask: u32,
    request: &HttpRequest,
) {
    let kind = JobKind::Http {
        run,
        call,
        ask,
        request: request.clone(),
    };
    let (account, now) = (frame.account.id, cx.at.now);
    job(cx, account, "", kind, now);
}

/// The ledger takes down what the person said in a flow. Whoever is out is asked nothing more by the flows it
/// concerns, save the one that took it down.
pub(super) fn consent<'a>(
    cx: &mut Cx<'a>,
    frame: &mut Frame<'a>,
    run: RunId,
    scope: Scope,
    verdict: Consent,
) {
    let (account, program) = (frame.account.id, frame.conversation.program);
    let scope = match scope {
        Scope::Number => {
            frame
                .told
                .push((ConsentScope::Number(frame.number.id), verdict));
            return change_consent(cx, frame, verdict, "flow", None, Some(run));
        }
        Scope::Program => ConsentScope::Program(program),
        Scope::Account => ConsentScope::Account(account),
    };
    frame.told.push((scope, verdict));
    let entry = ConsentEntry {
        id: cx.ids.fresh(),
        party: frame.conversation.party.clone(),
        scope,
        verdict,
        at: cx.at.now,
        source: "flow".to_owned(),
        event: Some(cx.at.event),
    };
    cx.write(Write::Consent(Box::new(entry)));
    let kind = match verdict {
        Consent::In => ThreadEventKind::OptedIn,
        Consent::Out => ThreadEventKind::OptedOut,
    };
    frame.event(cx, None, kind);
    if verdict == Consent::Out {
        let conversations = &frame.thread.conversations;
        let program_of = |row: &RunRow| {
            let mut all = conversations.iter();
            all.find(|one| Some(one.id) == row.conversation)
                .map(|one| one.program)
        };
        let concerns = |row: &&RunRow| {
            let program_too =
                !matches!(scope, ConsentScope::Program(_)) || program_of(row) == Some(program);
            row.id != run && row.account == account && program_too
        };
        let runs = frame.thread.runs.iter().filter(concerns);
        runs.for_each(|row| run::end(cx, row));
    }
}
