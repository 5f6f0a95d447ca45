//! Explanations: the same as what then happens, with the rules that lost.

use super::sample::{Bench, PAT, PLAIN, SHARED, sent};
use crate::decide::At;
use crate::decide::explain::{self, Explained};
use crate::model::turn::{Need, State};
use crate::model::{Ids, Party};

const APPLY: (&str, &str) = (
    "apply",
    "
  birth:
    ask: { prompt: When were you born?, save_as: contact.birth_date, tries: 1 }
    then: { valid: over, invalid: over, timeout: end }
  over:
    inbox: { group: billing, note: by APPLY }
    next: end
",
);

fn told(bench: &Bench, look: impl Fn(&State, At) -> Result<Explained, Vec<Need>>) -> Explained {
    let at = At {
        event: Ids::new(bench.now, 0).fresh(),
        now: bench.now,
        seed: 0,
    };
    let mut known = Vec::new();
    for _ in 0..6 {
        match look(&bench.store.load(&known), at) {
            Ok(told) => return told,
            Err(needs) => known.extend(needs),
        }
    }
    panic!("needs more and more: {known:?}");
}

fn text(bench: &Bench, to: &str, text: &str) -> Explained {
    let from = Party::read(PAT);
    told(bench, |state, at| {
        explain::text(&bench.world, state, &from, to, text, at)
    })
}

fn call(bench: &Bench, to: &str) -> Explained {
    let from = Party::read(PAT);
    told(bench, |state, at| {
        explain::call(&bench.world, state, &from, to, at)
    })
}

/// Explains a text for people, then lets it come: the same answers.
#[track_caller]
fn check(bench: &mut Bench, words: &str, expected: &str) {
    let told = text(bench, SHARED, words);
    assert_eq!(
        told.to_string(),
        expected.trim_start_matches('\n'),
        "{words}"
    );
    let turn = bench.sms(SHARED, words);
    assert_eq!(turn.rule, told.rule);
    let replies: Vec<String> = told.replies.into_iter().map(|reply| reply.text).collect();
    assert_eq!(sent(&turn), replies);
}

#[test]
fn texts() {
    let mut bench = Bench::new(&[APPLY]);
    check(
        &mut bench,
        "Apply",
        "
number   +12025550100 on twilio
not      compliance: the text is no compliance word
not      question: no question to this phone is open on this number
rule     keyword: APPLY
account  The college (college)
program  college main (main)
flow     apply
step     apply:6 birth (ask) -> waits
reply    text, 1 segment: When were you born?
thread   new, in nobody's list yet; responsible: The admissions group
person   new contact without a name
consent  never asked
",
    );
    check(
        &mut bench,
        "1990-05-17",
        "
number   +12025550100 on twilio
not      compliance: the text is no compliance word
rule     question: the flow apply waits for an answer
account  The college (college)
program  college main (main)
flow     apply
step     apply:6 birth (ask) -> valid
step     apply:9 over (inbox) -> next
thread   known, open in the box of The billing group
person   contact without a name
consent  never asked
line     put into a box: by APPLY
",
    );
    check(
        &mut bench,
        "stop",
        "
number   +12025550100 on twilio
rule     compliance: stop
account  The college (college)
program  college main (main)
reply    confirmation, 1 segment: The college: you are unsubscribed and will get no more messages. Reply START to resubscribe.
thread   known, open in the box of The billing group
person   contact without a name
consent  never asked, then opted out
line     opted out
",
    );
    check(
        &mut bench,
        "well?",
        "
number   +12025550100 on twilio
not      compliance: the text is no compliance word
not      question: no question to this phone is open on this number
not      keyword: none of the number's 3 keywords matches
rule     conversation
account  The college (college)
program  college main (main)
thread   known, open in the box of The billing group
person   contact without a name
consent  opted out
",
    );
}

#[test]
fn calls() {
    let main = (
        "main",
        "
  hello:
    say: Welcome
    next: ring
  ring:
    dial: { group: admissions, order: simultaneous, accept: key }
    then: { answered: end, else: end }
",
    );
    let mut bench = Bench::with(&[main], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    });
    let shown = call(&bench, SHARED).to_string();
    let expected = "
number   +12025550100 on twilio
rule     call_started
account  The college (college)
program  college main (main)
flow     main
step     main:6 hello (say) -> next
step     main:9 ring (dial) -> waits
caller   hears: Welcome
caller   waits while devices ring
rings    Ana (ana)
rings    Ben (ben)
thread   new, in nobody's list yet; responsible: The admissions group
person   new contact without a name
consent  never asked
";
    assert_eq!(shown, expected.trim_start_matches('\n'));
    assert_eq!(call(&bench, PLAIN).flow.as_deref(), Some("~group front"));
    let (_, turn) = bench.rings(SHARED);
    assert_eq!(call(&bench, SHARED).script, turn.answer.unwrap().verbs);
}

#[test]
fn numbers_that_are_not_ours() {
    let bench = Bench::with(&[], |parts| parts.number(PLAIN).active = false);
    let none = text(&bench, "+12025550199", "STOP");
    assert_eq!(none.to_string(), "+12025550199 is none of our numbers.\n");
    assert_eq!((none.rule, none.connection), ("unknown_number", None));
    for told in [text(&bench, PLAIN, "hello"), call(&bench, PLAIN)] {
        assert_eq!((told.rule, told.ops.len()), ("unknown_number", 1));
    }
}

#[test]
fn for_programs() {
    let bench = Bench::new(&[APPLY]);
    let json = serde_json::to_value(text(&bench, SHARED, "apply")).unwrap();
    assert_eq!(json["rule"], "keyword");
    assert_eq!(json["lost"][0]["rule"], "compliance");
    assert_eq!(json["steps"][0]["verb"], "ask");
    assert_eq!(json["steps"][0]["flow"], "apply");
    assert_eq!(json["thread"]["box"], "The admissions group");
    assert_eq!(json["consent"]["before"], "unknown");
    assert_eq!(json["replies"][0]["kind"], "automated");
}
