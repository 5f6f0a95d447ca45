//! Explanations: the same as what then happens, with the rules that lost.

mod rings;

use self::rings::{PEOPLE, with_people};
use super::sample::{Bench, PAT, PLAIN, SHARED, caseload, sent};
use super::threads::contact;
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
    pressing(bench, to, &[])
}

fn pressing(bench: &Bench, to: &str, presses: &[String]) -> Explained {
    let from = Party::read(PAT);
    told(bench, |state, at| {
        explain::call(&bench.world, state, &from, to, presses, at)
    })
}

/// For people, without what any text would meet.
fn without_texting(told: &Explained) -> String {
    let shown = told.to_string();
    let texting = ["texting", "plan", "budget", "window", "rate"];
    let others = shown
        .lines()
        .filter(|line| !texting.iter().any(|word| line.starts_with(word)));
    others.map(|line| format!("{line}\n")).collect()
}

/// Explains a text for people, then lets it come: the same answers.
#[track_caller]
fn check(bench: &mut Bench, words: &str, expected: &str) {
    let told = text(bench, SHARED, words);
    assert_eq!(
        without_texting(&told),
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
not      conversation: this phone has no open conversation here
not      unmatched: takes only what nothing before it takes
rule     keyword: APPLY
account  The college (college)
program  college main (main)
flow     apply
step     apply:6 birth (ask) -> waits
reply    text, 1 segment of GSM-7, 19 of 160: When were you born?
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
not      keyword: none of the number's 3 keywords matches
not      conversation: this phone has no open conversation here
not      unmatched: takes only what nothing before it takes
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
not      question: no question to this phone is open on this number
not      keyword: none of the number's 3 keywords matches
not      conversation: this phone has an open conversation here, and comes after the rule compliance
not      unmatched: takes only what nothing before it takes
rule     compliance: stop
account  The college (college)
program  college main (main)
reply    confirmation, 1 segment of GSM-7, 92 of 160: The college: you are unsubscribed and will get no more messages. Reply START to resubscribe.
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
not      unmatched: takes only what nothing before it takes
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
    let shown = without_texting(&call(&bench, SHARED));
    let expected = "
number   +12025550100 on twilio
not      keyword: a call carries no keyword
not      conversation: calls go to the account that has the number's calls, whoever has an open conversation
not      unmatched: the number's calls are another account's than its unmatched texts
rule     call_started: the flow main, as The college has the number's calls
account  The college (college)
program  college main (main)
flow     main
step     main:6 hello (say) -> next
step     main:9 ring (dial) -> waits
caller   hears: Welcome
caller   waits while devices ring
rings    0 s to 20 s: Ana (ana) at +12025550110, by main:ring
rings    0 s to 20 s: Ben (ben) at +12025550111, by main:ring
then     20 s: main:9 ring (dial) -> no_answer
thread   new, in nobody's list yet; responsible: The admissions group
person   new contact without a name
consent  never asked
";
    assert_eq!(shown, expected.trim_start_matches('\n'));
    assert_eq!(call(&bench, PLAIN).flow.as_deref(), Some("~group front"));
    let (_, turn) = bench.rings(SHARED);
    let (first, verbs) = (call(&bench, SHARED).script, turn.answer.unwrap().verbs);
    assert_eq!((first.len(), &first[0]), (verbs.len(), &verbs[0]));
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

/// The lines of an explanation that begin with one of these words.
fn lines(told: &Explained, words: &[&str]) -> Vec<String> {
    let shown = told.to_string();
    let of = |line: &&str| words.iter().any(|word| line.starts_with(word));
    shown.lines().filter(of).map(str::to_owned).collect()
}

#[test]
fn what_a_text_costs_and_what_would_hold_it() {
    use crate::model::account::{Beyond, PlanUnit};
    use crate::model::turn::Usage;
    const DEAR: (&str, &str) = (
        "apply",
        "
  one:
    reply: You’re in. We text you tomorrow with all that you need for your first day, and where to be.
    next: two
  two:
    reply: See you!
    next: end
",
    );
    let limited = |parts: &mut super::sample::Parts| {
        let plan = &mut parts.accounts[0].plan;
        (plan.monthly, plan.unit, plan.beyond) = (Some(10), PlanUnit::Segments, Beyond::Hold);
        parts.number(SHARED).rate = Some(0.5);
    };
    let bench = Bench::with(&[DEAR], limited);
    let from = Party::read(PAT);
    let told = |used: Option<u64>, to: &str, words: &str| {
        told(&bench, |state, at| {
            let mut state = state.clone();
            for known in state.usage.values_mut() {
                let segments = used;
                *known = segments.map(|segments| Usage {
                    messages: 1,
                    segments,
                });
            }
            explain::text(&bench.world, &state, &from, to, words, at)
        })
    };
    let first = told(Some(8), SHARED, "apply");
    let facts = [
        "reply",
        "         ",
        "texting",
        "plan",
        "budget",
        "window",
        "rate",
    ];
    assert_eq!(
        lines(&first, &facts),
        [
            "reply    text, 2 segments of UCS-2, 91 of 134; `’` (U+2019), character 4, is not in GSM-7: You’re in. We text you tomorrow with all that you need for your first day, and where to be.",
            "reply    text, 1 segment of GSM-7, 8 of 160: See you!",
            "         The message plan of this month is used up: it waits until 2026-04-01T05:00:00Z",
            "texting  an answer would go at once",
            "plan     8 of 10 segments used this month, 2 left; this takes 2; texts beyond wait for the next month",
            "budget   0 of 6 automatic texts in the last minute, 0 of 20 in the last hour",
            "window   texts leave at any hour",
            "rate     10 texts a second of the account, 0.5 segments a second of the number, 30 segments a second of the connection",
        ]
    );
    let json = serde_json::to_value(&first).unwrap();
    assert_eq!(json["replies"][0]["encoding"], "UCS-2");
    assert_eq!(json["replies"][0]["segments"], 2);
    assert_eq!(json["replies"][0]["forces_ucs2"]["code"], "U+2019");
    assert_eq!(json["replies"][1]["fate"]["reason"], "plan_exhausted");
    assert_eq!(json["texting"]["plan"]["left"], 2);
    assert_eq!(json["texting"]["rates"][1]["of"], "number");
    let unknown = told(None, SHARED, "hello");
    assert_eq!(unknown.texting.as_ref().unwrap().plan.used, None);
    let spent = told(Some(10), SHARED, "apply").texting.unwrap();
    assert_eq!((spent.fate.verdict, spent.plan.left), ("hold", Some(0)));
}

#[test]
fn sending_hours_hold_what_answers_nobody() {
    const TELLS: (&str, &str) = (
        "apply",
        "
  one:
    send: { to: \"+12025550150\", text: Pat applies }
    next: two
  two:
    reply: Thank you
    next: end
",
    );
    // The clock of the bench stands on a Tuesday.
    let spec = serde_json::from_str(r#"{"open":{"wed":"09:00-17:00"}}"#).unwrap();
    let zone = jiff::tz::TimeZone::get("America/Chicago").unwrap();
    let bench = Bench::with(&[TELLS], |parts| {
        let college = &mut parts.accounts[0];
        let office = crate::model::calendar::Calendar::new(&spec, &zone).unwrap();
        college.calendars.insert("office".into(), office);
        college.plan.hours = Some("office".into());
    });
    assert_eq!(
        lines(
            &text(&bench, SHARED, "apply"),
            &["reply", "         ", "window"]
        ),
        [
            "reply    text to +12025550150, 1 segment of GSM-7, 11 of 160: Pat applies",
            "         It is outside the sending hours: it waits until 2026-03-04T15:00:00Z",
            "reply    text, 1 segment of GSM-7, 9 of 160: Thank you",
            "window   texts that answer nobody leave inside the hours of office only: closed until 2026-03-04T15:00:00Z",
        ]
    );
}

#[test]
fn what_would_hold_any_text() {
    let mut bench = Bench::new(&[APPLY]);
    let fate = |bench: &Bench| {
        let texting = text(bench, SHARED, "apply").texting.unwrap();
        (
            texting.fate.verdict,
            texting.fate.reason.map(|reason| reason.code()),
            texting.budget.minute,
        )
    };
    assert_eq!(fate(&bench), ("send", None, 0));
    for _ in 0..6 {
        bench.sms(SHARED, "apply");
        bench.sms(SHARED, "no date");
    }
    assert_eq!(fate(&bench), ("refuse", Some("budget_exhausted"), 6));
    bench.sms(SHARED, "stop");
    assert_eq!(fate(&bench), ("refuse", Some("opted_out"), 6));
    bench.pass(3600);
    bench.reorganise(|parts| parts.number(SHARED).sms = false);
    assert_eq!(fate(&bench), ("refuse", Some("number_inactive"), 0));
}

#[test]
fn calls_tell_what_lost_too() {
    let bench = Bench::with(&[PEOPLE], with_people);
    let told = |to: &str| lines(&call(&bench, to), &["not", "rule"]);
    assert_eq!(
        told(SHARED),
        [
            "not      keyword: a call carries no keyword",
            "not      conversation: calls go to the account that has the number's calls, whoever has an open conversation",
            "not      unmatched: the number's calls are another account's than its unmatched texts",
            "rule     call_started: the flow main, as The college has the number's calls",
        ]
    );
    assert_eq!(
        told(PLAIN)[2..],
        [
            "not      flow: the account has no call flow on this number",
            "rule     call_started: a voicemail, as The college has the number's calls",
        ]
    );
}

#[test]
fn whoever_waits_in_line_is_followed_too() {
    const LINE: (&str, &str) = (
        "main",
        "
  line:
    queue: { group: billing, max_wait: 60s }
    then: { connected: end, timeout: box }
  box:
    voicemail: { group: admissions }
    next: end
",
    );
    let bench = Bench::with(&[LINE], with_people);
    let told = call(&bench, SHARED);
    let first = &told.rings[0];
    assert_eq!(
        (first.who.key.as_str(), first.step.as_str(), first.from_s),
        ("ben", "line", 0)
    );
    assert!(
        told.rings.iter().all(|ring| ring.until_s <= 90),
        "{:?}",
        told.rings
    );
    let skipped: Vec<_> = told
        .skipped
        .iter()
        .map(|one| (one.key.as_str(), one.why))
        .collect();
    assert_eq!(skipped[..2], [("gone", "inactive"), ("cyd", "no_device")]);
    assert!(
        told.later
            .iter()
            .any(|later| later.step.outcome == "timeout")
    );
    assert!(bench.store.calls.is_empty());
}

/// Without a store a file's contacts are known all the same.
#[test]
fn people_of_a_file_are_answered_as_they_are() {
    let apply = "
  ours:
    lookup: { caseload: north }
    then: { found: hello, missing: stranger }
  hello:
    reply: { en: \"Hello {{ contact.name }}\", es: \"Hola {{ contact.name }}: {{ contact.tags }}\" }
    next: end
  stranger:
    reply: Who are you?
    next: end
";
    let bench = Bench::with(&[("apply", apply)], |parts| caseload(parts, "north"));
    let pat = crate::model::people::Contact {
        language: Some("es".to_owned()),
        tags: vec!["vip".to_owned()],
        caseloads: vec!["north".to_owned()],
        ..contact("college", "Pat")
    };
    let at = At {
        event: Ids::new(bench.now, 0).fresh(),
        now: bench.now,
        seed: 0,
    };
    let told = |from: &str| {
        let mut known = Vec::new();
        loop {
            let state = explain::people_known(&known, std::slice::from_ref(&pat));
            match explain::text(
                &bench.world,
                &state,
                &Party::read(from),
                SHARED,
                "apply",
                at,
            ) {
                Ok(told) => return told,
                Err(needs) => known.extend(needs),
            }
        }
    };
    let known = told(PAT);
    assert_eq!(known.replies[0].text, "Hola Pat: vip");
    let person = known.contact.unwrap();
    assert_eq!((person.new, person.name.as_deref()), (false, Some("Pat")));
    let other = told("+12025550150");
    assert_eq!(other.replies[0].text, "Who are you?");
    assert!(other.contact.unwrap().new);
}
