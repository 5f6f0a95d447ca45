//! Texts and their threads when people, contacts and accounts come and go.

use super::sample::{Bench, PAT, SHARED, account, group, sent, user};
use super::texts::*;
use crate::model::account::Route;
use crate::model::people::{Contact, ContactPhone};
use crate::model::turn::{JobKind, Write};
use crate::model::{Inbound, MediaRef, Party, Timestamp};

#[test]
fn threads_leave_those_who_have_gone() {
    // The number's default route leads to nobody: the first group with somebody in it stands in.
    let dead =
        |parts: &mut super::sample::Parts| parts.uses("clinic", SHARED).route = group("left");
    let mut bench = Bench::with(&[], dead);
    check(&mut bench, "hello", "unmatched", "clinic", &[]);
    assert_eq!(bench.conversation("clinic").responsible(), group("nurses"));
    // A flow names a box whose people have left.
    let flow = (
        "nurse",
        "\n  hi:  # sms\n    inbox: { group: left }\n    next: end\n",
    );
    let mut bench = Bench::new(&[flow]);
    bench.sms(SHARED, "apply nurse");
    assert_eq!(
        bench.conversation("college").responsible(),
        group("admissions")
    );
    // Somebody leaves while the thread is theirs: the next text finds somebody else.
    let mut bench = Bench::new(&[]);
    check(&mut bench, "bills", "keyword", "college", &[]);
    bench.reorganise(|parts| {
        parts.user("ana").active = false;
        parts.user("ben").active = false;
    });
    check(&mut bench, "hello", "conversation", "college", &[]);
    assert_eq!(
        bench.conversation("college").responsible(),
        group("billing")
    );
    assert_eq!(bench.lines("college"), ["posted", "posted"]);
    // A hand-over to nobody leaves the thread where somebody sees it.
    let flow = (
        "nurse",
        "\n  hi:  # sms\n    assign: { user: eve }\n    next: end\n",
    );
    let mut bench = Bench::new(&[flow]);
    bench.sms(SHARED, "apply nurse");
    assert_eq!(bench.lines("college"), ["not_assigned", "posted"]);
    assert_eq!(
        bench.conversation("college").responsible(),
        group("admissions")
    );
}

#[test]
fn a_contact_route_comes_before_the_number_route() {
    let mut bench = Bench::new(&[]);
    let mut known = contact("college", "Pat");
    known.forwarded_route = Some(Route::User(user("ben")));
    bench.store.contacts.insert(known.id, known.clone());
    check(&mut bench, "bills", "keyword", "college", &[]);
    let thread = bench.conversation("college");
    assert_eq!(thread.responsible(), Route::User(user("ben")));
    assert_eq!(thread.contact, Some(known.id));
    assert_eq!(bench.store.contacts.len(), 1);
}

#[test]
fn of_a_shared_phone_nobody_is_taken_and_nobody_invented() {
    let mut bench = Bench::new(&[]);
    for (at, name) in ["Pat", "Kim"].iter().enumerate() {
        let mut known = contact("college", name);
        known.id = crate::model::Ids::new(known.created_at, at as u64).fresh();
        bench.store.contacts.insert(known.id, known);
    }
    for _ in 0..3 {
        bench.sms(SHARED, "bills");
    }
    assert_eq!(bench.store.contacts.len(), 2);
    assert_eq!(bench.conversation("college").contact, None);
    assert_eq!(bench.lines("college"), ["note", "posted"]);
    // The last one in the thread is taken, once there was one.
    let kim = bench
        .store
        .contacts
        .values()
        .find(|one| one.name.as_deref() == Some("Kim"));
    let kim = kim.unwrap().id;
    let thread = bench.store.conversations.values_mut().next().unwrap();
    thread.contact = Some(kim);
    let turn = bench.sms(SHARED, "hello");
    let from = |write: &Write| match write {
        Write::Message(message) => message.contact,
        _ => None,
    };
    assert_eq!(turn.writes.iter().find_map(from), Some(kim));
    // A contact that was taken out of the store is not missed for ever.
    bench.store.contacts.clear();
    bench.sms(SHARED, "hello");
    bench.sms(SHARED, "hello");
    assert_eq!(bench.store.contacts.len(), 1);
}

pub(super) fn contact(of: &str, name: &str) -> Contact {
    Contact {
        id: crate::model::Ids::new(Timestamp::default(), 5).fresh(),
        account: account(of),
        name: Some(name.to_owned()),
        phones: vec![ContactPhone {
            phone: Party::read(PAT),
            kind: "mobile".into(),
            textable: true,
        }],
        email: None,
        language: None,
        source: "import".into(),
        columns: Default::default(),
        tags: vec![],
        caseloads: Vec::new(),
        forwarded_route: None,
        created_at: Timestamp::default(),
        version: 1,
    }
}

#[test]
fn senders_who_cannot_be_answered() {
    let mut bench = Bench::new(&flows());
    for from in ["ACME", "anonymous", "whatsapp:+12025550143"] {
        let turn = bench.sms_from(from, SHARED, "apply nurse");
        assert_eq!((turn.rule, sent(&turn).len()), ("keyword", 0), "{from}");
    }
    assert!(bench.store.contacts.is_empty());
    let code = bench.sms_from("74454", SHARED, "apply nurse");
    assert_eq!(sent(&code), ["Hello nurse"]);
}

#[test]
fn pictures_are_fetched() {
    let mut bench = Bench::new(&[]);
    let mut mo = bench.mo(PAT, SHARED, "");
    let file = |name: &str| MediaRef {
        url: format!("https://example.org/{name}"),
        content_type: "image/png".into(),
    };
    mo.media = vec![file("a"), file("b")];
    let turn = bench.carrier(Inbound::Message(mo));
    assert_eq!(turn.rule, "unmatched");
    let fetched: Vec<(u16, &str)> = bench
        .store
        .jobs
        .iter()
        .map(|job| match &job.kind {
            JobKind::FetchMedia { index, url, .. } => (*index, url.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        fetched,
        [(0, "https://example.org/a"), (1, "https://example.org/b")]
    );
    assert_eq!(bench.store.messages.values().next().unwrap().media.len(), 2);
}

#[test]
fn flows_that_lead_into_each_other_end() {
    let there = ("apply", "\n  on:  # sms\n    goto: nurse\n");
    let back = ("nurse", "\n  on:  # sms\n    goto: apply\n");
    let mut bench = Bench::new(&[there, back]);
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(turn.rule, "keyword");
    assert_eq!(bench.lines("college"), ["flow_stopped", "posted"]);
    let nowhere = ("apply", "\n  on:  # sms\n    goto: elsewhere\n");
    let mut bench = Bench::new(&[nowhere]);
    bench.sms(SHARED, "apply");
    assert_eq!(bench.lines("college"), ["flow_stopped", "posted"]);
    assert!(bench.store.runs.is_empty());
}

#[test]
fn a_thread_whose_account_is_no_more_waits_for_nothing() {
    let mut bench = Bench::new(&flows());
    check(&mut bench, "pills", "keyword", "clinic", &["Which pills?"]);
    bench.reorganise(|parts| {
        parts.accounts.pop();
        parts
            .keywords
            .retain(|one| one.account == account("college"));
        parts.number(SHARED).manage_unmatched = account("college");
    });
    let turn = bench.sms(SHARED, "blue");
    assert_eq!(
        (turn.rule, turn.account),
        ("question", Some(account("college")))
    );
    bench.pass(2 * 3600);
    bench.timers();
    assert!(bench.store.runs.values().all(|run| run.ended));
}
