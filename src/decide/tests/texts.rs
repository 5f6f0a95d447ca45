//! Texts: which rule takes them, what their flows do, where their threads are then.

use super::sample::{Bench, PAT, PLAIN, SHARED, account, group, messages, number, ops, sent};
use crate::model::account::OptOutBy;
use crate::model::consent::{ComplianceClass, Consent, ConsentScope};
use crate::model::conversation::ConversationState;
use crate::model::{Inbound, MessageKind};

/// Asks, keeps the answer and hands over.
pub(super) const APPLY: (&str, &str) = (
    "apply",
    r#"
  birth:
    ask: { prompt: "When were you born?", save_as: contact.birth_date, tries: 2, timeout: 24h }
    then: { valid: over, invalid: over, timeout: late }
  over:
    inbox: { group: billing, note: "by APPLY", tags: [applied] }
    next: thanks
  thanks:
    reply: "Thank you"
    next: end
  late:
    reply: "Too late"
    next: end
"#,
);
pub(super) const NURSE: (&str, &str) = (
    "nurse",
    "
  hello:
    reply: Hello nurse
    next: end
",
);
pub(super) const PILLS: (&str, &str) = (
    "pills",
    "
  which:
    ask: { prompt: Which pills?, save_as: flow.pills, timeout: 1h }
    then: { valid: yes, invalid: end, timeout: end }
  yes:
    reply: \"Soon: {{ flow.pills }}\"
    next: end
",
);

pub(super) fn flows() -> [(&'static str, &'static str); 3] {
    [APPLY, NURSE, PILLS]
}

/// One text: the rule that took it, whose it is, and what we answer.
#[track_caller]
pub(super) fn check(bench: &mut Bench, text: &str, rule: &str, whose: &str, answers: &[&str]) {
    let turn = bench.sms(SHARED, text);
    assert_eq!(turn.rule, rule, "{text}");
    assert_eq!(turn.account, Some(account(whose)), "{text}");
    assert_eq!(sent(&turn), answers, "{text}");
}

pub(super) const STOPPED: &str =
    "you are unsubscribed and will get no more messages. Reply START to resubscribe.";
pub(super) const STARTED: &str = "you are subscribed again. Reply HELP for help, STOP to end.";

#[test]
fn a_stop_comes_before_an_open_question_and_is_confirmed_once() {
    for word in ["STOP", "stop.", "Unsubscribe", "QUIT", "ARRÊT"] {
        let mut bench = Bench::new(&flows());
        check(
            &mut bench,
            "apply",
            "keyword",
            "college",
            &["When were you born?"],
        );
        let confirmed = format!("The college: {STOPPED}");
        check(&mut bench, word, "compliance", "college", &[&confirmed]);
        assert!(bench.store.runs.values().all(|run| run.ended), "{word}");
        check(&mut bench, word, "compliance", "college", &[]);
        assert_eq!(bench.lines("college"), ["opted_out", "opted_out"]);
        // Nobody who opted out is asked anything, whatever they text.
        check(&mut bench, "apply", "keyword", "college", &[]);
        let confirmed = format!("The college: {STARTED}");
        check(&mut bench, "YES", "compliance", "college", &[&confirmed]);
        check(&mut bench, "YES", "unmatched", "clinic", &[]);
    }
}

#[test]
fn a_stop_shows_in_every_thread_of_the_number() {
    let mut bench = Bench::new(&flows());
    check(&mut bench, "bills", "keyword", "college", &[]);
    assert_eq!(bench.sms(PLAIN, "hello").rule, "unmatched");
    check(
        &mut bench,
        "apply nurse",
        "keyword",
        "college",
        &["Hello nurse"],
    );
    check(&mut bench, "PILLS", "keyword", "clinic", &["Which pills?"]);
    let versions: Vec<i64> = bench
        .store
        .conversations
        .values()
        .map(|one| one.version)
        .collect();
    let turn = bench.sms(SHARED, "STOP");
    assert_eq!(sent(&turn).len(), 1);
    assert!(bench.store.runs.values().all(|run| run.ended));
    assert_eq!(bench.lines("clinic"), ["opted_out"]);
    assert_eq!(
        bench.lines("college"),
        ["posted", "posted", "opted_out", "opted_out"]
    );
    let after: Vec<i64> = bench
        .store
        .conversations
        .values()
        .map(|one| one.version)
        .collect();
    let moved: Vec<bool> = versions
        .iter()
        .zip(&after)
        .map(|(was, is)| is > was)
        .collect();
    assert_eq!(
        moved,
        [true, false, true, true],
        "the other number's thread stays"
    );
    let entry = bench.store.consents.last().unwrap();
    assert_eq!(entry.scope, ConsentScope::Number(number(SHARED)));
    assert_eq!(entry.verdict, Consent::Out);
    // The other number is not concerned.
    assert_eq!(bench.sms(PLAIN, "yes").rule, "conversation");
}

#[test]
fn who_confirms() {
    let stop = |bench: &mut Bench, answered: bool| {
        let mut mo = bench.mo(PAT, SHARED, "STOP");
        mo.carrier_answered = answered;
        let turn = bench.carrier(Inbound::Message(mo));
        assert_eq!(bench.store.consents.len(), 1);
        messages(&turn)
    };
    let mut ours = Bench::new(&[]);
    let confirmed = stop(&mut ours, false);
    assert_eq!(confirmed[0].kind, MessageKind::Compliance);
    assert_eq!(stop(&mut Bench::new(&[]), true), []);
    let by = |by| Bench::with(&[], |parts| parts.number(SHARED).opt_out = Some(by));
    assert_eq!(stop(&mut by(OptOutBy::Carrier), false), []);
    assert_eq!(stop(&mut by(OptOutBy::Us), false).len(), 1);
}

#[test]
fn the_carriers_own_words_count_as_ours() {
    use ComplianceClass::{Help, Start, Stop};
    let mut bench = Bench::new(&flows());
    let mut says = |text: &str, said: Option<ComplianceClass>| {
        let mut mo = bench.mo(PAT, SHARED, text);
        (mo.carrier_said, mo.carrier_answered) = (said, said.is_some());
        let turn = bench.carrier(Inbound::Message(mo));
        let out = bench.store.consents.last().map(|entry| entry.verdict);
        let asked = bench.store.runs.values().any(|run| !run.ended);
        (turn.rule, sent(&turn).len(), out, asked)
    };
    // Basta is no word of ours, but Twilio was told that it is one.
    assert_eq!(says("apply", None), ("keyword", 1, None, true));
    let stopped = ("compliance", 0, Some(Consent::Out), false);
    assert_eq!(says("basta", Some(Stop)), stopped);
    let told = ("compliance", 0, Some(Consent::Out), false);
    assert_eq!(says("que", Some(Help)), told);
    let again = ("compliance", 0, Some(Consent::In), false);
    assert_eq!(says("vamos", Some(Start)), again);
    // Nobody else can turn our word into its opposite.
    assert_eq!(says("stop", Some(Start)), stopped);
}

#[test]
fn help_is_told_to_everybody_and_changes_nothing() {
    let mut bench = Bench::new(&flows());
    let help = "The clinic: Msg&data rates may apply. Reply STOP to end.";
    check(&mut bench, "HELP", "compliance", "clinic", &[help]);
    check(&mut bench, "help?", "compliance", "clinic", &[help]);
    assert_eq!(bench.store.consents, []);
    assert_eq!(
        bench.conversation("clinic").state,
        ConversationState::Automated
    );
}

#[test]
fn keywords_of_two_accounts_on_one_number() {
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "aply please",
        "keyword",
        "college",
        &["When were you born?"],
    );
    check(
        &mut bench,
        "STOP",
        "compliance",
        "college",
        &[&format!("The college: {STOPPED}")],
    );
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "Apply: nurse",
        "keyword",
        "college",
        &["Hello nurse"],
    );
    let nursing = bench.conversation("college").program;
    check(&mut bench, "refill", "keyword", "clinic", &["Which pills?"]);
    assert_ne!(bench.conversation("clinic").program, nursing);
    let contacts: Vec<_> = bench
        .store
        .contacts
        .values()
        .map(|one| one.account)
        .collect();
    assert_eq!(contacts, [account("college"), account("clinic")]);
    // A keyword without a flow: the default route.
    check(
        &mut bench,
        "aspirin",
        "question",
        "clinic",
        &["Soon: aspirin"],
    );
    check(&mut bench, "bills", "keyword", "college", &[]);
    let main = bench
        .store
        .conversations
        .values()
        .find(|one| one.account == account("college") && one.program != nursing);
    assert_eq!(main.unwrap().responsible(), group("admissions"));
    assert_eq!(main.unwrap().state, ConversationState::Open);
}

#[test]
fn the_latest_question_gets_the_answer() {
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "apply",
        "keyword",
        "college",
        &["When were you born?"],
    );
    // A question takes what would else be a keyword.
    check(&mut bench, "pills", "question", "college", &["Thank you"]);
    check(&mut bench, "pills", "keyword", "clinic", &["Which pills?"]);
    bench.pass(60);
    // Both are open now; only the engine of the one that asked last hears it.
    let mut both = Bench::new(&flows());
    check(&mut both, "pills", "keyword", "clinic", &["Which pills?"]);
    let first = both.store.runs.values().next().unwrap().clone();
    check(&mut both, "blue", "question", "clinic", &["Soon: blue"]);
    check(
        &mut both,
        "apply",
        "keyword",
        "college",
        &["When were you born?"],
    );
    // The clinic's question is put again, as another node would have done at the same time.
    both.store.runs.insert(first.id, first);
    check(
        &mut both,
        "1990-01-01",
        "question",
        "college",
        &["Thank you"],
    );
    check(&mut both, "red", "question", "clinic", &["Soon: red"]);
}

#[test]
fn an_open_conversation_gets_what_no_rule_takes() {
    let mut bench = Bench::new(&flows());
    check(&mut bench, "bills", "keyword", "college", &[]);
    check(&mut bench, "how much?", "conversation", "college", &[]);
    bench.pass(5);
    check(&mut bench, "refill", "keyword", "clinic", &["Which pills?"]);
    check(&mut bench, "blue", "question", "clinic", &["Soon: blue"]);
    // The clinic's thread is in nobody's list, so that the college's goes on.
    check(&mut bench, "and now?", "conversation", "college", &[]);
    let thread = bench.conversation("college");
    assert_eq!((thread.preview.as_str(), thread.unread), ("and now?", true));
    let ignore = |parts: &mut super::sample::Parts| parts.number(SHARED).open_conversations = false;
    let mut bench = Bench::with(&flows(), ignore);
    check(&mut bench, "bills", "keyword", "college", &[]);
    check(&mut bench, "how much?", "unmatched", "clinic", &[]);
    assert_eq!(bench.conversation("clinic").responsible(), group("nurses"));
    // What is in somebody's list already is not put there again by every text.
    check(&mut bench, "hello?", "unmatched", "clinic", &[]);
    assert_eq!(bench.lines("clinic"), ["posted"]);
}

#[test]
fn a_closed_thread_that_a_flow_takes_is_no_longer_closed() {
    let mut bench = Bench::new(&flows());
    for (text, after) in [
        ("apply nurse", ConversationState::Automated),
        ("apply nurse", ConversationState::Automated),
    ] {
        bench.sms(SHARED, text);
        assert_eq!(bench.conversation("college").state, after);
        let mut threads = bench.store.conversations.values_mut();
        threads.next().unwrap().state = ConversationState::Closed;
    }
    // What is in somebody's list stays there.
    let mut threads = bench.store.conversations.values_mut();
    threads.next().unwrap().state = ConversationState::Open;
    bench.sms(SHARED, "apply nurse");
    assert_eq!(bench.conversation("college").state, ConversationState::Open);
}

#[test]
fn what_nobody_claims_goes_to_the_managing_account() {
    let mut bench = Bench::new(&[]);
    check(&mut bench, "hello", "unmatched", "clinic", &[]);
    let thread = bench.conversation("clinic");
    assert_eq!(thread.responsible(), group("nurses"));
    assert_eq!(thread.state, ConversationState::Open);
    let flow = ("front", "\n  hi:\n    reply: We are here\n    next: end\n");
    let change = |parts: &mut super::sample::Parts| {
        parts.uses("clinic", SHARED).text_flow = Some("front".into());
    };
    let mut bench = Bench::with(&[flow], change);
    check(&mut bench, "hello", "unmatched", "clinic", &["We are here"]);
    assert_eq!(
        bench.conversation("clinic").state,
        ConversationState::Automated
    );
    assert!(
        bench.store.runs.is_empty(),
        "a run that ends at once leaves no row"
    );
    // A flow that was never published: a person gets it, with the reason.
    let mut bench = Bench::with(&[], change);
    check(&mut bench, "hello", "unmatched", "clinic", &[]);
    assert_eq!(bench.lines("clinic"), ["flow_stopped", "posted"]);
}

#[test]
fn a_wish_to_stop_in_free_words_is_flagged_for_a_person() {
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "please stop texting me",
        "unmatched",
        "clinic",
        &[],
    );
    let thread = bench.conversation("clinic");
    assert!(thread.flagged && thread.unread);
    assert_eq!(bench.lines("clinic"), ["revocation_suspected", "posted"]);
    assert_eq!(bench.store.consents, []);
    // The question is answered all the same.
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "apply",
        "keyword",
        "college",
        &["When were you born?"],
    );
    check(
        &mut bench,
        "remove me",
        "question",
        "college",
        &["Thank you"],
    );
    let thread = bench.conversation("college");
    assert!(thread.flagged);
    assert_eq!(thread.state, ConversationState::Open);
}

#[test]
fn numbers_that_are_not_ours_are_shown_to_ops() {
    let mut bench = Bench::with(&[], |parts| parts.number(PLAIN).active = false);
    for (to, rule) in [
        ("+12025550199", "unknown_number"),
        (PLAIN, "unknown_number"),
    ] {
        let turn = bench.sms(to, "STOP");
        assert_eq!((turn.rule, ops(&turn)), (rule, vec![rule]), "{to}");
        assert_eq!(turn.account, None);
    }
    assert!(bench.store.messages.is_empty());
    let mut other = Bench::new(&[]);
    let mo = other.mo(PAT, SHARED, "hello");
    let turn = other.happens(&crate::decide::Input::Carrier {
        connection: "another".into(),
        inbound: Inbound::Message(mo),
    });
    assert_eq!(ops(&turn), ["unknown_number"]);
}

#[test]
fn a_stop_counts_where_nobody_is_left() {
    let nobody = |parts: &mut super::sample::Parts| {
        let clinic = &mut parts.accounts[1];
        (clinic.groups, clinic.members, clinic.numbers) = (vec![], vec![], vec![]);
    };
    let mut bench = Bench::with(&[], nobody);
    let turn = bench.sms(SHARED, "STOP");
    assert_eq!(ops(&turn), ["nobody_there"]);
    assert_eq!(bench.store.consents[0].verdict, Consent::Out);
    assert_eq!(bench.sms(SHARED, "hello").rule, "nobody_there");
}

#[test]
fn a_question_from_asking_to_the_inbox() {
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "apply",
        "keyword",
        "college",
        &["When were you born?"],
    );
    let run = bench.store.runs.values().next().unwrap();
    assert!(run.waits_for_text && run.due_at.is_some());
    assert_eq!(
        bench.conversation("college").state,
        ConversationState::Automated
    );
    let contact = bench.store.contacts.values().next().unwrap();
    assert_eq!((contact.source.as_str(), contact.version), ("inbound", 1));
    check(
        &mut bench,
        "1990-05-17",
        "question",
        "college",
        &["Thank you"],
    );
    let thread = bench.conversation("college");
    assert_eq!(thread.responsible(), group("billing"));
    assert_eq!(thread.state, ConversationState::Open);
    assert_eq!(thread.tags, ["applied"]);
    let contact = bench.store.contacts.values().next().unwrap();
    assert_eq!(contact.columns["birth_date"], "1990-05-17");
    assert_eq!(contact.version, 2);
    assert_eq!(bench.store.contacts.len(), 1);
    assert_eq!(bench.timers(), []);
}

#[test]
fn a_question_nobody_answers_times_out_once() {
    let mut bench = Bench::new(&flows());
    check(
        &mut bench,
        "apply",
        "keyword",
        "college",
        &["When were you born?"],
    );
    let run = bench.store.runs.values().next().unwrap().id;
    bench.pass(23 * 3600);
    let early = bench.happens(&crate::decide::Input::Timer { run, call: None });
    assert_eq!(early.rule, "timer_stale");
    bench.pass(2 * 3600);
    let turns = bench.timers();
    assert_eq!(sent(&turns[0]), ["Too late"]);
    let again = bench.happens(&crate::decide::Input::Timer { run, call: None });
    assert_eq!(again.rule, "timer_stale");
    assert!(again.writes.is_empty());
    check(&mut bench, "1990-05-17", "unmatched", "clinic", &[]);
}

#[test]
fn runs_under_way_finish_on_their_revision() {
    let mut bench = Bench::new(&flows());
    check(&mut bench, "pills", "keyword", "clinic", &["Which pills?"]);
    bench.publish("pills", "\n  gone:\n    reply: Quite new\n    next: end\n");
    check(&mut bench, "blue", "question", "clinic", &["Soon: blue"]);
    check(&mut bench, "pills", "keyword", "clinic", &["Quite new"]);
    // A revision that is no more: a person gets the thread, and the run is over.
    let mut bench = Bench::new(&flows());
    check(&mut bench, "pills", "keyword", "clinic", &["Which pills?"]);
    bench.world.flows = std::sync::Arc::default();
    check(&mut bench, "blue", "question", "clinic", &[]);
    assert_eq!(bench.lines("clinic"), ["flow_stopped", "posted"]);
    assert!(bench.store.runs.values().all(|run| run.ended));
}

#[test]
fn two_robots_end_in_the_inbox() {
    let echo = ("nurse", "\n  hi:\n    reply: Hello nurse\n    next: end\n");
    let mut bench = Bench::new(&[echo]);
    let mut answers = 0;
    for _ in 0..30 {
        answers += sent(&bench.sms(SHARED, "apply nurse")).len();
    }
    assert_eq!(answers, 6);
    let thread = bench.conversation("college");
    assert_eq!(thread.state, ConversationState::Open);
    assert_eq!(thread.responsible(), group("admissions"));
    bench.pass(61);
    assert_eq!(sent(&bench.sms(SHARED, "apply nurse")), ["Hello nurse"]);
}

#[test]
fn a_box_is_answered_automatically_once_a_day() {
    let flow = (
        "nurse",
        "\n  hi:  # sms\n    inbox: { group: admissions, auto_reply: We will read it }\n    next: end\n",
    );
    let mut bench = Bench::new(&[flow]);
    assert_eq!(sent(&bench.sms(SHARED, "apply nurse")), ["We will read it"]);
    bench.pass(3600);
    assert_eq!(sent(&bench.sms(SHARED, "apply nurse")), [""; 0]);
    bench.pass(24 * 3600);
    assert_eq!(sent(&bench.sms(SHARED, "apply nurse")), ["We will read it"]);
    bench.sms(SHARED, "STOP");
    bench.pass(25 * 3600);
    assert_eq!(sent(&bench.sms(SHARED, "apply nurse")), [""; 0]);
}
