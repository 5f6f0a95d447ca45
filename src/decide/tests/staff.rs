//! What members do with threads: allowed, or refused with a word.

use super::sample::{Bench, PAT, SHARED, account, group, messages, number, sent, user};
use super::texts::{APPLY, PILLS};
use crate::decide::Input;
use crate::model::account::Route;
use crate::model::consent::Consent;
use crate::model::conversation::ConversationState;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::turn::Turn;
use crate::model::{ConversationId, Ids, MessageKind, Party, ProgramId};

fn act(bench: &mut Bench, by: &str, what: StaffVerb) -> Turn {
    act_in(bench, by, "college", what)
}

fn act_in(bench: &mut Bench, by: &str, of: &str, what: StaffVerb) -> Turn {
    let (by, account) = (user(by), account(of));
    bench.happens(&Input::Staff(StaffAction { by, account, what }))
}

/// Acts, and says why it was refused; `ok` when it was not.
#[track_caller]
fn check(bench: &mut Bench, by: &str, what: StaffVerb, expected: &str) -> Turn {
    let turn = act(bench, by, what.clone());
    let code = turn.refused.as_ref().map_or("ok", |refused| refused.code);
    assert_eq!(code, expected, "{by}: {what:?}");
    assert_eq!(turn.told.is_some(), code == "ok");
    turn
}

fn reply(conversation: ConversationId, text: &str, read_version: i64, anyway: bool) -> StaffVerb {
    StaffVerb::Reply {
        conversation,
        text: text.to_owned(),
        read_version,
        anyway,
    }
}

/// A thread in the box of admissions: ana and ben.
fn begun() -> (Bench, ConversationId) {
    let mut bench = Bench::new(&[]);
    bench.sms(SHARED, "bills");
    let id = bench.conversation("college").id;
    (bench, id)
}

#[test]
fn no_reply_goes_out_on_a_thread_that_moved() {
    let (mut bench, id) = begun();
    let read = bench.conversation("college").version;
    // Looking is no move, and neither is looking twice.
    check(
        &mut bench,
        "ben",
        StaffVerb::Read { conversation: id },
        "ok",
    );
    check(
        &mut bench,
        "ben",
        StaffVerb::Read { conversation: id },
        "ok",
    );
    assert!(!bench.conversation("college").unread);
    let turn = check(&mut bench, "ana", reply(id, " Sure \n", read, false), "ok");
    assert_eq!(sent(&turn), ["Sure"]);
    assert_eq!(messages(&turn)[0].author, Some(user("ana")));
    assert_eq!(messages(&turn)[0].kind, MessageKind::Staff);
    // Ben did not see that answer.
    check(
        &mut bench,
        "ben",
        reply(id, "No", read, false),
        "thread_moved",
    );
    let turn = check(&mut bench, "ben", reply(id, "No", read, true), "ok");
    assert_eq!(sent(&turn), ["No"]);
    // The same words once more are another text.
    let read = bench.conversation("college").version;
    bench.sms(SHARED, "well");
    check(
        &mut bench,
        "ben",
        reply(id, "No", read, false),
        "thread_moved",
    );
    let read = bench.conversation("college").version;
    bench.now = bench.now - std::time::Duration::from_secs(3600);
    bench.sms(SHARED, "well");
    check(
        &mut bench,
        "ben",
        reply(id, "No", read, false),
        "thread_moved",
    );
    let read = bench.conversation("college").version;
    let note = "she called".to_owned();
    let note = StaffVerb::Note {
        conversation: id,
        text: note,
    };
    check(&mut bench, "ana", note, "ok");
    check(
        &mut bench,
        "ben",
        reply(id, "No", read, false),
        "thread_moved",
    );
}

#[test]
fn replies_that_cannot_be_sent() {
    let (mut bench, id) = begun();
    let long = "é".repeat(1601);
    for (text, code) in [("  ", "empty"), (long.as_str(), "too_long")] {
        check(&mut bench, "ana", reply(id, text, 0, true), code);
    }
    check(&mut bench, "ana", reply(id, &long[2..], 0, true), "ok");
    bench.sms(SHARED, "STOP");
    check(
        &mut bench,
        "ana",
        reply(id, "But why?", 0, true),
        "opted_out",
    );
    bench.sms(SHARED, "START");
    check(&mut bench, "ana", reply(id, "Good", 0, true), "ok");
    bench.reorganise(|parts| parts.number(SHARED).sms = false);
    check(
        &mut bench,
        "ana",
        reply(id, "Hello", 0, true),
        "number_inactive",
    );
    let mut bench = Bench::new(&[]);
    bench.sms_from("ACME", SHARED, "bills");
    let id = bench.conversation("college").id;
    check(
        &mut bench,
        "ana",
        reply(id, "Hello", 0, true),
        "not_textable",
    );
}

#[test]
fn a_phone_not_to_be_texted_gets_no_reply_but_an_e_mail() {
    let (mut bench, id) = begun();
    let contact = bench.store.contacts.values_mut().next().unwrap();
    contact.phones[0].textable = false;
    check(
        &mut bench,
        "ana",
        reply(id, "Soon", 0, true),
        "not_textable",
    );
    let contact = bench.store.contacts.values_mut().next().unwrap();
    contact.email = Some("pat@example.org".into());
    let turn = check(&mut bench, "ana", reply(id, "Soon", 0, true), "ok");
    assert_eq!(sent(&turn), ["Soon"]);
}

#[test]
fn somebody_opted_out_with_an_address_is_answered_by_e_mail() {
    let (mut bench, id) = begun();
    bench.sms(SHARED, "STOP");
    let contact = bench.store.contacts.values_mut().next().unwrap();
    contact.email = Some("pat@example.org".into());
    // Nothing can take the other way where there is no mail server.
    bench.world.email = false;
    let papers = reply(id, "We have your papers", 0, true);
    check(&mut bench, "ana", papers, "opted_out");
    bench.world.email = true;
    // Queued; the dispatch finds the opt-out and takes the other way.
    let papers = reply(id, "We have your papers", 0, true);
    assert_eq!(sent(&check(&mut bench, "ana", papers, "ok")).len(), 1);
}

#[test]
fn threads_of_others_are_as_if_there_were_none() {
    let (mut bench, id) = begun();
    for (by, of) in [
        ("cyd", "college"),
        ("gone", "college"),
        ("eve", "college"),
        ("eve", "clinic"),
        ("root", "clinic"),
    ] {
        for what in [
            reply(id, "Hello", 0, true),
            StaffVerb::Close { conversation: id },
            StaffVerb::Read { conversation: id },
        ] {
            let turn = act_in(&mut bench, by, of, what);
            assert_eq!(turn.refused.unwrap().code, "not_yours", "{by} in {of}");
        }
    }
    let none = Ids::new(bench.now, 5).fresh();
    check(
        &mut bench,
        "ana",
        reply(none, "Hello", 0, true),
        "not_yours",
    );
    check(
        &mut bench,
        "root",
        StaffVerb::Close { conversation: id },
        "ok",
    );
}

#[test]
fn handed_over_completed_closed_and_opened_again() {
    let (mut bench, id) = begun();
    let assign = |to: Route| StaffVerb::Assign {
        conversation: id,
        to,
        note: Some("please".into()),
    };
    let cyd = Route::User(user("cyd"));
    for nobody in [
        group("left"),
        group("nurses"),
        Route::User(user("gone")),
        Route::User(user("eve")),
    ] {
        check(&mut bench, "ana", assign(nobody), "nobody_there");
    }
    let complete = |close| StaffVerb::Complete {
        conversation: id,
        close,
    };
    check(&mut bench, "ana", complete(false), "not_assigned");
    check(&mut bench, "ana", assign(cyd), "ok");
    assert_eq!(bench.conversation("college").responsible(), cyd);
    check(&mut bench, "cyd", complete(false), "ok");
    assert_eq!(
        bench.conversation("college").responsible(),
        group("admissions")
    );
    check(
        &mut bench,
        "cyd",
        reply(id, "Me again", 0, true),
        "not_yours",
    );
    check(&mut bench, "ana", assign(cyd), "ok");
    check(&mut bench, "cyd", complete(true), "ok");
    let thread = bench.conversation("college");
    assert_eq!(
        (thread.state, thread.assignment),
        (ConversationState::Closed, None)
    );
    check(
        &mut bench,
        "ana",
        StaffVerb::Close { conversation: id },
        "already_closed",
    );
    check(
        &mut bench,
        "ana",
        StaffVerb::Reopen { conversation: id },
        "ok",
    );
    check(
        &mut bench,
        "ana",
        StaffVerb::Reopen { conversation: id },
        "not_closed",
    );
    assert_eq!(
        bench.lines("college"),
        [
            "posted",
            "assigned",
            "completed",
            "assigned",
            "completed",
            "closed",
            "reopened"
        ]
    );
    // What comes to a closed thread opens one where no rule takes it.
    check(
        &mut bench,
        "ana",
        StaffVerb::Close { conversation: id },
        "ok",
    );
    assert_eq!(bench.sms(SHARED, "hello?").rule, "unmatched");
}

/// Two questions of flows wait: one in the thread that a member takes, one in another account's.
fn asked() -> (Bench, ConversationId) {
    let mut bench = Bench::new(&[APPLY, PILLS]);
    assert_eq!(sent(&bench.sms(SHARED, "pills")), ["Which pills?"]);
    bench.store.runs.values_mut().next().unwrap().asked_at = bench.now;
    // The clinic's question is put off, so that the keyword is heard.
    let waiting = bench.store.runs.clone();
    bench.store.runs.clear();
    assert_eq!(sent(&bench.sms(SHARED, "apply")), ["When were you born?"]);
    bench.store.runs.extend(waiting);
    let id = bench.conversation("college").id;
    (bench, id)
}

#[test]
fn the_answer_to_a_member_is_taken_by_no_flow() {
    let complete = |conversation| StaffVerb::Complete {
        conversation,
        close: true,
    };
    for taken in [
        |id| reply(id, "May I ask something?", 0, true),
        |id| StaffVerb::Close { conversation: id },
        complete,
    ] {
        let (mut bench, id) = asked();
        if matches!(taken(id), StaffVerb::Complete { .. }) {
            let to = group("admissions");
            let note = None;
            let assign = StaffVerb::Assign {
                conversation: id,
                to,
                note,
            };
            check(&mut bench, "ana", assign, "ok");
        }
        check(&mut bench, "ana", taken(id), "ok");
        let of = |key: &str| {
            let mut runs = bench.store.runs.values();
            runs.find(|run| run.account == account(key)).unwrap().ended
        };
        assert!(of("college") && !of("clinic"));
        assert!(bench.lines("college").contains(&"note".to_owned()));
        // What was asked for in vain is asked no more, and no time-out speaks.
        bench.store.runs.retain(|_, run| run.ended);
        bench.pass(25 * 3600);
        assert_eq!(bench.timers(), []);
        assert_ne!(bench.sms(SHARED, "certainly").rule, "question");
    }
}

#[test]
fn a_refused_answer_ends_no_question() {
    let (mut bench, id) = asked();
    check(&mut bench, "ana", reply(id, " ", 0, true), "empty");
    assert!(bench.store.runs.values().all(|run| !run.ended));
    assert_eq!(bench.sms(SHARED, "1990-05-17").rule, "question");
}

#[test]
fn an_answer_opens_the_thread_so_that_its_answer_comes_back() {
    let (mut bench, id) = begun();
    check(
        &mut bench,
        "ana",
        StaffVerb::Close { conversation: id },
        "ok",
    );
    check(
        &mut bench,
        "ana",
        reply(id, "One more thing", 0, true),
        "ok",
    );
    let thread = bench.conversation("college");
    assert_eq!(
        (thread.state, thread.unread),
        (ConversationState::Open, false)
    );
    assert_eq!(bench.sms(SHARED, "yes?").rule, "conversation");
}

#[test]
fn beginning_a_text_needs_the_permission() {
    let mut bench = Bench::new(&[]);
    let programs: Vec<ProgramId> = bench
        .world
        .directory
        .accounts()
        .find(|one| one.key == "college")
        .unwrap()
        .programs
        .iter()
        .map(|one| one.id)
        .collect();
    let clinic = bench
        .world
        .directory
        .account_by_key("clinic")
        .unwrap()
        .programs[0]
        .id;
    let start = |program, text: &str| StaffVerb::StartText {
        program,
        number: number(SHARED),
        to: Party::read(PAT),
        text: text.to_owned(),
    };
    check(
        &mut bench,
        "ben",
        start(programs[0], "Hello"),
        "may_not_start",
    );
    check(
        &mut bench,
        "eve",
        start(programs[0], "Hello"),
        "may_not_start",
    );
    check(&mut bench, "ana", start(clinic, "Hello"), "not_yours");
    check(&mut bench, "ana", start(programs[0], ""), "empty");
    assert!(bench.store.conversations.is_empty() && bench.store.contacts.is_empty());
    let turn = check(&mut bench, "ana", start(programs[0], "Hello"), "ok");
    assert_eq!(sent(&turn), ["Hello"]);
    let thread = bench.conversation("college");
    assert_eq!(thread.responsible(), Route::User(user("ana")));
    assert_eq!(
        (thread.state, thread.unread),
        (ConversationState::Open, false)
    );
    assert_eq!(
        bench.store.contacts.values().next().unwrap().source,
        "staff"
    );
    // The answer comes back to her.
    assert_eq!(bench.sms(SHARED, "hi").rule, "conversation");
    bench.sms(SHARED, "STOP");
    check(&mut bench, "ana", start(programs[1], "Hello"), "opted_out");
    assert_eq!(bench.store.conversations.len(), 1);
}

#[test]
fn a_suspected_wish_to_stop_is_judged() {
    let mut bench = Bench::new(&[]);
    bench.sms(SHARED, "bills");
    bench.sms(SHARED, "please stop texting me");
    let id = bench.conversation("college").id;
    let judge = |out| StaffVerb::JudgeRevocation {
        conversation: id,
        out,
    };
    assert!(bench.conversation("college").flagged);
    check(&mut bench, "ana", judge(false), "ok");
    assert!(!bench.conversation("college").flagged);
    assert!(bench.store.consents.is_empty());
    check(&mut bench, "ana", judge(true), "ok");
    let entry = bench.store.consents.last().unwrap();
    assert_eq!(
        (entry.verdict, entry.source.as_str()),
        (Consent::Out, "staff")
    );
    check(&mut bench, "ana", reply(id, "Sorry", 0, true), "opted_out");
    let by = bench.store.events.last().unwrap().by;
    assert_eq!(by, Some(user("ana")));
}
