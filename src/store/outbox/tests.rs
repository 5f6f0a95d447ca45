//! Sending on both databases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

use super::*;
use crate::model::account::{Number, Route};
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{Conversation, ConversationState};
use crate::model::organisation::{OrgChange, OrgRow};
use crate::model::people::{Contact, ContactPhone};
use crate::model::turn::{Decision, JobKind, Need, State, StatusChange, Turn, Write};
use crate::model::{EventId, Id, MessageKind, Party};
use crate::store::testing::{Bench, event as test_event, on_both};
use crate::store::{Actor, Lane, NewEvent, Store};

const LEASE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000) + Duration::from_secs(seconds)
}

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn party(n: u128) -> Party {
    Party::read(&format!("+120255501{:02}", n % 100))
}

/// The id of text `n`, in the order of the numbers.
fn msg(n: u128) -> MessageId {
    let millis = u128::try_from(at(0).millis()).unwrap();
    id((millis << 80) + n)
}

/// A text that waits, of conversation `of`.
fn text(n: u128, of: u128) -> Message {
    Message {
        id: msg(n),
        account: id(2),
        conversation: id(100 + of),
        number: id(10),
        party: party(of),
        kind: MessageKind::Automated,
        text: "Hello".to_owned(),
        media: Vec::new(),
        status: MessageStatus::Queued,
        via: Via::Text,
        segments: 2,
        carrier_id: None,
        reason: None,
        author: None,
        run: None,
        contact: Some(id(60)),
        event: None,
        created_at: at(0),
        due_at: Some(at(0)),
        attempts: 0,
    }
}

fn conversation(of: u128) -> Conversation {
    Conversation {
        id: id(100 + of),
        account: id(2),
        program: id(20),
        number: id(10),
        party: party(of),
        contact: None,
        state: ConversationState::Automated,
        route: Route::Group(id(40)),
        assignment: None,
        tags: Vec::new(),
        priority: false,
        flagged: false,
        unread: false,
        preview: String::new(),
        last_at: at(0),
        auto_replied_at: None,
        created_at: at(0),
        version: 1,
    }
}

async fn write(store: &Store, n: u128, writes: Vec<Write>) {
    let event = test_event(1_000_000 + n, at(0), Vec::new());
    let decide = move |_: &State, _: usize, _: &NewEvent| {
        Decision::Done(Box::new(Turn {
            writes: writes.clone(),
            ..Turn::default()
        }))
    };
    let done = store.turn(NodeScope::daemon(), vec![event], decide).await;
    assert!(matches!(
        done.unwrap()[0],
        crate::store::Answer::Decided { .. }
    ));
}

/// A number, a contact with an address, and these texts as (text, conversation).
async fn prepared(bench: &Bench, texts: &[(u128, u128)]) {
    let number = Number {
        id: id(10),
        address: "+12025550100".to_owned(),
        connection: "twilio".to_owned(),
        sms: true,
        mms: true,
        voice: true,
        opt_out: None,
        manage_unmatched: id(2),
        calls: id(2),
        active: true,
        open_conversations: true,
        rate: None,
    };
    let contact = Contact {
        id: id(60),
        account: id(2),
        name: None,
        phones: vec![ContactPhone {
            phone: party(9),
            kind: "home".to_owned(),
            textable: false,
        }],
        email: Some("cy@example.org".to_owned()),
        language: None,
        source: "staff".to_owned(),
        columns: BTreeMap::new(),
        tags: Vec::new(),
        caseloads: Vec::new(),
        forwarded_route: None,
        created_at: at(0),
        version: 1,
    };
    let rows = [OrgRow::Number(number), OrgRow::Contact(contact)];
    let changes = rows.into_iter().map(|what| OrgChange {
        what,
        subject: String::new(),
        before: None,
        after: String::new(),
    });
    let changes = changes.collect();
    bench
        .store
        .apply(&Actor::Node, at(0), 0, changes)
        .await
        .unwrap();
    let of: BTreeSet<u128> = texts.iter().map(|(_, of)| *of).collect();
    let conversations = of
        .iter()
        .map(|of| Write::Conversation(Box::new(conversation(*of))));
    let texts = texts
        .iter()
        .map(|(n, of)| Write::Message(Box::new(text(*n, *of))));
    write(&bench.store, 0, conversations.chain(texts).collect()).await;
}

async fn dispatch(
    store: &Store,
    now: Timestamp,
    judge: impl FnMut(&DueText) -> Dispatch + Send + 'static,
) -> Vec<ToSend> {
    let scope = NodeScope::daemon();
    store
        .dispatch(scope, now, 100, LEASE, |_| 202_609, judge)
        .await
        .unwrap()
}

fn ids(sent: &[ToSend]) -> Vec<MessageId> {
    sent.iter().map(|sent| sent.text.message.id).collect()
}

async fn outcome(store: &Store, n: u128, attempt: u16, result: AttemptResult) {
    let outcome = AttemptOutcome {
        message: msg(n),
        attempt,
        at: at(1),
        result,
    };
    store
        .attempted(NodeScope::daemon(), vec![outcome])
        .await
        .unwrap();
}

fn accepted() -> AttemptResult {
    AttemptResult::Accepted {
        carrier_id: "SM1".to_owned(),
        status: MessageStatus::Accepted,
    }
}

/// A text as it stands.
async fn read(store: &Store, n: u128) -> Message {
    let found = Arc::new(std::sync::Mutex::new(None));
    let out = found.clone();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let event = NewEvent {
        id: id::<EventId>(2_000_000 + u128::from(NEXT.fetch_add(1, Ordering::Relaxed))),
        connection: String::new(),
        hook: "test".to_owned(),
        dedupe: None,
        received_at: at(0),
        seed: 1,
        raw: b"{}".to_vec(),
        needs: vec![Need::Message(msg(n))],
    };
    let look = move |state: &State, _: usize, _: &NewEvent| {
        *out.lock().unwrap() = state.messages[&msg(n)].clone();
        Decision::Done(Box::default())
    };
    store
        .turn(NodeScope::daemon(), vec![event], look)
        .await
        .unwrap();
    found.lock().unwrap().take().unwrap()
}

/// What the account has used, as the next due text sees it.
async fn used(store: &Store, n: u128) -> PlanUse {
    let seen = Arc::new(std::sync::Mutex::new(PlanUse::default()));
    let out = seen.clone();
    let message = Message {
        id: msg(n),
        ..text(n, 77)
    };
    let rows = vec![
        Write::Conversation(Box::new(Conversation {
            id: id(100 + 1_000 + n),
            ..conversation(77)
        })),
        Write::Message(Box::new(Message {
            conversation: id(100 + 1_000 + n),
            ..message
        })),
    ];
    write(store, 500 + n, rows).await;
    dispatch(store, at(0), move |due| {
        *out.lock().unwrap() = due.plan_used;
        Dispatch::Refuse("enough".to_owned())
    })
    .await;
    *seen.lock().unwrap()
}

on_both! {
    async fn a_text_goes_out_once(bench: Bench) {
        prepared(&bench, &[(1, 1), (2, 2)]).await;
        let sent = dispatch(&bench.store, at(0), |due| {
            assert_eq!((&due.number_address[..], &due.connection[..]), ("+12025550100", "twilio"));
            assert_eq!((due.contact_email.as_deref(), due.consent, due.textable), (Some("cy@example.org"), None, true));
            Dispatch::Send
        }).await;
        assert_eq!(ids(&sent), [msg(1), msg(2)]);
        assert_eq!(sent[0].attempt, 1);
        assert!(dispatch(&bench.store, at(1), |_| Dispatch::Send).await.is_empty());
        outcome(&bench.store, 1, 1, accepted()).await;
        outcome(&bench.store, 1, 1, AttemptResult::Retry { due_at: at(1), code: "late".to_owned() }).await;
        let text = read(&bench.store, 1).await;
        assert_eq!((text.status, text.due_at, text.carrier_id.as_deref()), (MessageStatus::Accepted, None, Some("SM1")));
        assert!(dispatch(&bench.store, at(99), |_| Dispatch::Send).await.is_empty());
    }

    async fn texts_of_a_conversation_go_in_order(bench: Bench) {
        prepared(&bench, &[(1, 1), (2, 1), (3, 2)]).await;
        let send = |_: &DueText| Dispatch::Send;
        assert_eq!(ids(&dispatch(&bench.store, at(0), send).await), [msg(1), msg(3)]);
        outcome(&bench.store, 1, 1, AttemptResult::Retry { due_at: at(50), code: "busy".to_owned() }).await;
        assert!(dispatch(&bench.store, at(2), send).await.is_empty());
        assert_eq!(ids(&dispatch(&bench.store, at(50), send).await), [msg(1)]);
        outcome(&bench.store, 1, 2, accepted()).await;
        assert_eq!(ids(&dispatch(&bench.store, at(51), send).await), [msg(2)]);
    }

    async fn what_may_not_go_is_held_refused_or_mailed(bench: Bench) {
        prepared(&bench, &[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]).await;
        let sent = dispatch(&bench.store, at(0), |due| match due.message.party {
            ref to if *to == party(1) => Dispatch::Hold(at(10), "plan_exhausted".to_owned()),
            ref to if *to == party(2) => Dispatch::Refuse("opted_out".to_owned()),
            ref to if *to == party(3) => Dispatch::Email {
                to: due.contact_email.clone().unwrap(), subject: "s".to_owned(), text: "t".to_owned(), reason: "opted_out".to_owned(),
            },
            ref to if *to == party(4) => Dispatch::Later(at(20)),
            _ => panic!("a judge that fails"),
        }).await;
        assert!(sent.is_empty());
        for (n, status, via, due_at, reason) in [
            (1, MessageStatus::Held, Via::Text, Some(at(10)), Some("plan_exhausted")),
            (2, MessageStatus::Refused, Via::Text, None, Some("opted_out")),
            (3, MessageStatus::Queued, Via::Email, None, Some("opted_out")),
            (4, MessageStatus::Queued, Via::Text, Some(at(20)), None),
            (5, MessageStatus::Refused, Via::Text, None, Some("internal")),
        ] {
            let text = read(&bench.store, n).await;
            assert_eq!((text.status, text.via, text.due_at, text.reason.as_deref()), (status, via, due_at, reason), "{n}");
        }
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let jobs = store.jobs_due(scope, Lane::Work, at(0), 10, LEASE).await.unwrap();
        let [job] = &jobs[..] else { panic!("{jobs:?}") };
        assert!(matches!(&job.kind, JobKind::Email { message: Some(of), .. } if *of == msg(3)));
        assert!(store.jobs_due(scope, Lane::Work, at(1), 10, LEASE).await.unwrap().is_empty());
        store.job_retry(scope, job.id, at(5)).await.unwrap();
        let again = store.jobs_due(scope, Lane::Work, at(5), 10, LEASE).await.unwrap();
        assert_eq!((again[0].attempts, again[0].due_at), (1, at(5)));
        store.job_done(scope, job.id, at(6)).await.unwrap();
        assert_eq!(read(store, 3).await.status, MessageStatus::Sent);
        assert!(store.jobs_due(scope, Lane::Work, at(500), 10, LEASE).await.unwrap().is_empty());
    }

    async fn a_mail_that_fails_fails_its_text(bench: Bench) {
        prepared(&bench, &[(1, 1)]).await;
        let (store, scope) = (&bench.store, NodeScope::daemon());
        dispatch(store, at(0), |_| Dispatch::Email {
            to: "cy@example.org".to_owned(), subject: String::new(), text: String::new(), reason: "plan_exhausted".to_owned(),
        }).await;
        let job = store.jobs_due(scope, Lane::Work, at(0), 10, LEASE).await.unwrap().remove(0);
        store.job_failed(scope, job.id, at(1), "no_such_mailbox").await.unwrap();
        let text = read(store, 1).await;
        assert_eq!((text.status, text.reason.as_deref()), (MessageStatus::Failed, Some("no_such_mailbox")));
        assert!(store.jobs_due(scope, Lane::Work, at(900), 10, LEASE).await.unwrap().is_empty());
    }

    async fn an_opt_out_in_any_scope_wins(bench: Bench) {
        prepared(&bench, &[(1, 1), (2, 2), (3, 3)]).await;
        let says = |n: u128, of: u128, scope, verdict| Write::Consent(Box::new(ConsentEntry {
            id: id(n), party: party(of), scope, verdict, at: at(0), source: "text".to_owned(), event: None,
        }));
        write(&bench.store, 1, vec![
            says(1, 1, ConsentScope::Number(id(10)), Consent::In),
            says(2, 1, ConsentScope::Program(id(20)), Consent::Out),
            says(3, 2, ConsentScope::Account(id(2)), Consent::In),
            says(4, 2, ConsentScope::Number(id(11)), Consent::Out),
            says(5, 3, ConsentScope::Organisation, Consent::Out),
        ]).await;
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let out = seen.clone();
        dispatch(&bench.store, at(0), move |due| {
            out.lock().unwrap().push(due.consent);
            Dispatch::Later(at(9))
        }).await;
        assert_eq!(*seen.lock().unwrap(), [Some(Verdict::Out), Some(Verdict::In), Some(Verdict::Out)]);
    }

    async fn what_did_not_leave_is_not_counted(bench: Bench) {
        prepared(&bench, &[(1, 1), (2, 2), (3, 3), (4, 4)]).await;
        let store = &bench.store;
        assert_eq!(dispatch(store, at(0), |_| Dispatch::Send).await.len(), 4);
        assert_eq!(used(store, 90).await, PlanUse { messages: 4, segments: 8 });
        outcome(store, 1, 1, accepted()).await;
        outcome(store, 2, 1, AttemptResult::Retry { due_at: at(500), code: "busy".to_owned() }).await;
        outcome(store, 3, 1, AttemptResult::Failed { code: "bad_number".to_owned() }).await;
        outcome(store, 3, 1, AttemptResult::Failed { code: "bad_number".to_owned() }).await;
        outcome(store, 4, 1, AttemptResult::Unknown { code: "lost".to_owned(), look_again_at: Some(at(30)) }).await;
        assert_eq!(used(store, 91).await, PlanUse { messages: 2, segments: 4 });
        assert_eq!(read(store, 3).await.status, MessageStatus::Failed);
    }

    async fn a_receipt_before_the_answer_stands(bench: Bench) {
        prepared(&bench, &[(1, 1)]).await;
        let store = &bench.store;
        dispatch(store, at(0), |_| Dispatch::Send).await;
        write(store, 1, vec![Write::MessageStatus(StatusChange {
            message: msg(1), status: MessageStatus::Delivered, carrier_id: None, reason: None, at: at(1),
        })]).await;
        outcome(store, 1, 1, accepted()).await;
        let text = read(store, 1).await;
        assert_eq!((text.status, text.carrier_id.as_deref(), text.due_at), (MessageStatus::Delivered, Some("SM1"), None));
    }

    async fn a_node_that_went_away_leaves_unknown(bench: Bench) {
        prepared(&bench, &[(1, 1), (2, 2)]).await;
        let (store, scope) = (&bench.store, NodeScope::daemon());
        dispatch(store, at(0), |_| Dispatch::Send).await;
        outcome(store, 2, 1, accepted()).await;
        assert_eq!(store.stale_sending(scope, at(59)).await.unwrap(), 0);
        assert_eq!(store.stale_sending(scope, at(60)).await.unwrap(), 1);
        assert!(dispatch(store, at(61), |_| Dispatch::Send).await.is_empty(), "it is never sent again");
        let unknown = store.unknown_texts(scope, at(61), 10, LEASE).await.unwrap();
        assert_eq!(unknown.iter().map(|text| text.message.id).collect::<Vec<_>>(), [msg(1)]);
        assert_eq!(unknown[0].attempted_at, at(0));
        assert!(store.unknown_texts(scope, at(62), 10, LEASE).await.unwrap().is_empty());
        outcome(store, 1, 1, accepted()).await;
        assert_eq!(read(store, 1).await.status, MessageStatus::Accepted);
        assert!(store.unknown_texts(scope, at(900), 10, LEASE).await.unwrap().is_empty());
        assert_eq!(used(store, 90).await.messages, 2);
    }

    async fn an_unknown_text_can_be_let_be(bench: Bench) {
        prepared(&bench, &[(1, 1)]).await;
        let (store, scope) = (&bench.store, NodeScope::daemon());
        dispatch(store, at(0), |_| Dispatch::Send).await;
        outcome(store, 1, 1, AttemptResult::Unknown { code: "lost".to_owned(), look_again_at: Some(at(5)) }).await;
        assert_eq!(store.unknown_texts(scope, at(5), 10, LEASE).await.unwrap().len(), 1);
        store.settled(scope, vec![msg(1)]).await.unwrap();
        assert!(store.unknown_texts(scope, at(900), 10, LEASE).await.unwrap().is_empty());
        assert_eq!(read(store, 1).await.status, MessageStatus::Unknown);
    }

    async fn the_monthly_limit_is_exact(bench: Bench) {
        let texts: Vec<(u128, u128)> = (1..=80).map(|n| (n, n)).collect();
        prepared(&bench, &texts).await;
        let other = Store::open(&bench.at).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..12 {
            let store = if n % 2 == 0 { bench.store.clone() } else { other.clone() };
            tasks.spawn(async move {
                let judge = |due: &DueText| match due.plan_used.messages < 33 {
                    true => Dispatch::Send,
                    false => Dispatch::Refuse("plan_exhausted".to_owned()),
                };
                store.dispatch(NodeScope::daemon(), at(0), 7, LEASE, |_| 202_609, judge).await.unwrap().len()
            });
        }
        let mut sent = tasks.join_all().await.into_iter().sum::<usize>();
        sent += dispatch(&bench.store, at(0), |due| match due.plan_used.messages < 33 {
            true => Dispatch::Send,
            false => Dispatch::Refuse("plan_exhausted".to_owned()),
        }).await.len();
        assert_eq!(sent, 33);
    }
}

/// Statements that grow with the store would stop the daemon one day: every one that a table's size could slow
/// down must find its rows by an index. PostgreSQL has the same indexes.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_a_growing_table_whole() {
    let bench = Bench::sqlite().await;
    prepared(&bench, &[(1, 1), (2, 2)]).await;
    let (store, scope) = (&bench.store, NodeScope::daemon());
    let look = NewEvent {
        id: id::<EventId>(5),
        connection: "twilio".to_owned(),
        hook: "test".to_owned(),
        dedupe: Some([1; 16]),
        received_at: at(0),
        seed: 1,
        raw: b"{}".to_vec(),
        needs: vec![
            Need::Thread(id(10), party(1)),
            Need::Conversation(id(101)),
            Need::Call(id(1)),
            Need::Leg(id(1)),
            Need::Run(id(1)),
            Need::Message(msg(1)),
            Need::MessageByCarrier("twilio".to_owned(), "SM1".to_owned()),
            Need::CallByCarrier("twilio".to_owned(), "CA1".to_owned()),
            Need::Voicemail(id(1)),
            Need::Presence(id(1)),
        ],
    };
    let again = NewEvent {
        id: id::<EventId>(6),
        ..look.clone()
    };
    let done = |_: &State, _: usize, _: &NewEvent| Decision::Done(Box::default());
    store.turn(scope, vec![look], done).await.unwrap();
    store.turn(scope, vec![again], done).await.unwrap();
    dispatch(store, at(0), |_| Dispatch::Send).await;
    outcome(store, 1, 1, accepted()).await;
    store.stale_sending(scope, at(99)).await.unwrap();
    store.unknown_texts(scope, at(99), 10, LEASE).await.unwrap();
    for lane in [Lane::Work, Lane::Requests] {
        store.jobs_due(scope, lane, at(0), 10, LEASE).await.unwrap();
    }
    store.job_done(scope, id(1), at(0)).await.unwrap();
    store.timers_due(scope, at(0), 10, LEASE).await.unwrap();
    store.leg_is_wanted(scope, id(1)).await.unwrap();
    store.backlogs(scope, at(99)).await.unwrap();
    store
        .contacts_with(scope, &[(id(2), party(9))])
        .await
        .unwrap();
    store.revisions_of_live_runs(scope).await.unwrap();
    let crate::store::pools::Pools::Lite(lite) = &store.inner.pools else {
        panic!()
    };
    let growing = [
        "m",
        "c",
        "x",
        "l",
        "p",
        "f",
        "s",
        "v",
        "j",
        "e",
        "o",
        "a",
        "message",
        "conversation",
        "run",
        "job",
        "attempt",
        "event",
    ];
    // The organisation is small, and read whole into memory.
    let small = [
        "directory_version",
        "account ",
        "program",
        "user_group",
        "role",
        "member",
        "account_number n",
        "calendar",
        "cost_centre",
        "staff_user",
        "number n",
        "keyword",
        "flow",
        "revision",
        "seen_segment",
    ];
    let mut bad = Vec::new();
    for sql in crate::store::both::known() {
        if sql.contains("pg_")
            || small
                .iter()
                .any(|name| sql.contains(&format!("FROM {name}")))
        {
            continue;
        }
        for step in lite.on_writer(|writer| plan(writer, sql)).await {
            let scanned = step
                .strip_prefix("SCAN ")
                .and_then(|rest| rest.split(' ').next());
            if scanned.is_some_and(|name| growing.contains(&name)) {
                bad.push(format!("{step}: {sql}"));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    // Of many due jobs one lane is found without a walk over the other.
    let lanes = [("IS NULL", "job_due_work"), ("IS NOT NULL", "job_due_http")];
    for (asks, index) in lanes {
        let asks = format!("(j.kind -> 'http') {asks} ORDER");
        let mut known = crate::store::both::known().into_iter();
        let sql = known.find(|sql| sql.contains(&asks)).unwrap();
        let steps = lite.on_writer(|writer| plan(writer, sql)).await;
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
    }
}

/// The steps of a statement; none where it is PostgreSQL's alone.
fn plan(writer: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let Ok(mut explain) = writer.prepare(&format!("EXPLAIN QUERY PLAN {sql}")) else {
        return Vec::new();
    };
    let mut steps = explain.raw_query();
    let mut found = Vec::new();
    while let Some(step) = steps.next().unwrap() {
        found.push(step.get(3).unwrap());
    }
    found
}
