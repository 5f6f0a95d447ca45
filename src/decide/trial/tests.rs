//! What tests see: each kind of line holds where it should, and tells what is otherwise where it does not.

mod http;
mod keys;
mod origin;
mod people;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use super::{Ground, Played, made_up, play};
use crate::decide::{ConnectionFacts, Flows, World};
use crate::flow::{Checked, NoNames, check};
use crate::model::account::OptOutBy;
use crate::model::consent::ComplianceWords;
use crate::model::{Ids, Timestamp};

fn ground(flows: &[&Checked]) -> Ground {
    let directory = Arc::new(made_up(flows));
    let mut ids = Ids::new(Timestamp::default(), 9);
    let mut published = Flows::default();
    for checked in flows {
        let account = directory.account_by_key(&checked.flow.account).unwrap();
        published.insert(
            account.id,
            ids.fresh(),
            Arc::new(checked.flow.clone()),
            true,
        );
    }
    let facts = ConnectionFacts {
        opt_out: OptOutBy::Us,
        legs_max: 10,
        calls_per_second: 1.0,
        rate: 1.0,
    };
    Ground {
        world: World {
            directory,
            flows: Arc::new(published),
            connections: Arc::new(HashMap::from([("twilio".to_owned(), facts)])),
            words: Arc::new(ComplianceWords::everywhere().clone()),
            email: true,
        },
    }
}

/// The shipped flows.
fn shipped() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/flows");
    let files = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    paths.iter().map(read).collect()
}

fn read(source: &str) -> Checked {
    check("a.yaml", source, &NoNames)
        .unwrap_or_else(|faults| panic!("{}", crate::flow::render(source, &faults)))
}

/// Plays one test of these steps; `script` and what follows are the lines of the test.
fn played(on: &str, steps: &str, test: &str) -> Played {
    given(
        on,
        steps,
        &format!("    given: {{ groups: {{ nurses: [ana, ben] }} }}\n{test}"),
    )
}

/// The same, with what is given among the lines of the test.
fn given(on: &str, steps: &str, test: &str) -> Played {
    let begin = match on {
        "call" => "call: { from: \"+12025550143\", to: \"+12025550101\" }",
        _ => "sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }",
    };
    let source = format!(
        "flow: a\naccount: clinic\non: {on}\nsteps:\n{steps}\ntests:\n  - name: t\n    at: 2026-03-03 10:30\n    \
         {begin}\n{test}"
    );
    let checked = read(&source);
    let report = play(&ground(&[&checked]), &checked);
    report.tests.into_iter().next().unwrap()
}

/// Each script with the words of its first difference; none: it holds.
fn check_table(on: &str, steps: &str, table: &[(&str, &str, &str)]) {
    for (script, expect, difference) in table {
        let test = format!("    script: [{script}]\n    expect: {{ {expect} }}\n");
        let played = played(on, steps, &test);
        let found = played.failed.map_or(String::new(), |one| one.words);
        assert_eq!(found, *difference, "{script}");
    }
}

const MENU: &str = "
  choose:
    menu: { prompt: Press 1 or 2, timeout: 5s, tries: 2 }
    then: { 1: one, 2: all, invalid: box, timeout: box, caller_hung_up: missed }
  one:
    dial: { group: nurses, order: sequential, ring: 20s }
    then: { answered: end, else: box }
  all:
    dial: { group: nurses, order: simultaneous, accept: key, ring: 30s }
    then: { answered: end, caller_hung_up: missed, else: box }
  missed:
    inbox: { group: nurses, auto_reply: Sorry }
    next: end
  box:
    voicemail: { group: nurses, greeting: Speak now, min: 2s }
    then: { left: end, empty: bye }
  bye:
    say: Goodbye
    next: end
";

#[test]
fn calls() {
    check_table(
        "call",
        MENU,
        &[
            (
                "{ hears: Press 1 }, { presses: 1 }, { rings: ana }, { answers: ana }, { rings: [] }, hangs_up",
                "ended_at: one",
                "",
            ),
            (
                "{ presses: 1 }, { no_answer: ana }, { rings: [ben] }, { declines: ben }, { hears: Speak }, { leaves_voicemail: 9s }",
                "voicemail_in: nurses, notified: [ana, ben]",
                "",
            ),
            (
                "{ presses: 1 }, { answers: ana }, { hangs_up: ana }",
                "sent: 0, ended_at: one",
                "",
            ),
            (
                "{ presses: 2 }, { rings: [ben, ana] }, { answers: { user: ana, accept: false } }, { answers: ben }, { hangs_up: ben }",
                "ended_at: all",
                "",
            ),
            (
                "{ presses: 2 }, { declines: ana }, { busy: ben }, { leaves_voicemail: 1s }, { hears: Goodbye }",
                "ended_at: bye",
                "",
            ),
            (
                "{ presses: 2 }, no_answer, { hears: Speak }, hangs_up, { passes: 5m }",
                "ended_at: box",
                "",
            ),
            (
                "{ presses: 2 }, hangs_up, { receives: Sorry }",
                "in_box: nurses, sent: 1, state: open",
                "",
            ),
            (
                "{ passes: 9s }, { presses: 2 }, { rings: [ana, ben] }",
                "",
                "",
            ),
            (
                "{ passes: 10s }, { hears: Speak }, { passes: 5s }",
                "ended_at: bye",
                "",
            ),
            // What does not hold is told.
            (
                "{ hears: Welcome }",
                "",
                "the caller has heard: \"Press 1 or 2\"",
            ),
            (
                "{ presses: 9 }, { hears: Speak }",
                "",
                "the caller has heard: \"Press 1 or 2\"",
            ),
            (
                "{ presses: 1 }, { presses: 1 }",
                "",
                "no keys are awaited now; it rings at ana",
            ),
            (
                "{ presses: 1 }, { rings: [ana, ben] }",
                "",
                "it rings at ana",
            ),
            ("{ rings: [ana] }", "", "nobody rings; keys are awaited"),
            (
                "{ presses: 1 }, { answers: ben }",
                "",
                "ben does not ring; it rings at ana",
            ),
            (
                "{ presses: 1 }, { hangs_up: ana }",
                "",
                "ana is not on the line; it rings at ana",
            ),
            ("hangs_up, hangs_up", "sent: 1", "the call is over"),
            (
                "{ leaves_voicemail: 5s }",
                "",
                "nothing is recorded now; keys are awaited",
            ),
            (
                "hangs_up, receives_nothing",
                "",
                "a text was sent: \"Sorry\"",
            ),
            ("hangs_up", "voicemail_in: nurses", "no voicemail was left"),
            (
                "hangs_up",
                "in_box: ana",
                "the thread is in \"nurses\", not \"ana\"",
            ),
            ("hangs_up", "notified: [ana]", "nobody was told"),
            (
                "{ presses: 1 }, { no_answer: ana }, { declines: ben }, { leaves_voicemail: 9s }",
                "notified: []",
                "those told are ana@example.org, ben@example.org",
            ),
            (
                "{ presses: 1 }",
                "ended_at: one",
                "the flow is still under way",
            ),
            (
                "hangs_up",
                "ended_at: one",
                "the last step was \"missed\", not \"one\"",
            ),
        ],
    );
}

const ASK: &str = "
  born:
    ask: { prompt: When were you born?, expect: date, save_as: contact.birth_date, tries: 2, timeout: 24h }
    then: { valid: mark, invalid: person, timeout: end }
  mark:
    tag: { add: [asked] }
    next: thanks
  thanks:
    reply: Thank you
    next: end
  person:
    inbox: { group: nurses, auto_reply: Somebody will answer }
    next: end
";

#[test]
fn texts() {
    check_table(
        "sms",
        ASK,
        &[
            (
                "{ receives: born }, { texts: 2001-02-03 }, { receives: Thank }",
                "sent: 2, state: automated, contact: { birth_date: 2001-02-03, tags: [asked], name: ~ }",
                "",
            ),
            (
                "{ texts: no }, { receives: born }, { texts: no }, { receives: Somebody }, { texts: Hello }, receives_nothing",
                "in_box: nurses",
                "",
            ),
            (
                "{ passes: 23h }, { texts: 2001-02-03 }",
                "ended_at: thanks",
                "",
            ),
            (
                "{ passes: 25h }, { texts: 2001-02-03 }, { receives: born }",
                "sent: 2",
                "",
            ),
            // Whoever opts out is asked nothing more; a receipt may tell of it too.
            (
                "{ texts: STOP }, { passes: 25h }, { texts: Hello }, receives_nothing",
                "sent: 2",
                "",
            ),
            (
                "{ receipt: delivered }, { receipt: { status: failed, error: 21610 } }, { texts: Hi }, receives_nothing",
                "",
                "",
            ),
            (
                "{ receipt: { status: undelivered, error: 21610 } }, { texts: Hi }, receives_nothing",
                "sent: 1",
                "",
            ),
            // Staff take part.
            (
                "{ texts: a }, { texts: b }, { staff: { user: ana, replies: Good day } }, { receives: Good day }, { staff: { user: ana, closes: } }",
                "state: closed",
                "",
            ),
            (
                "{ texts: a }, { texts: b }, { staff: { user: ana, assigns: ben } }",
                "in_box: ben",
                "",
            ),
            (
                "{ texts: a }, { texts: b }, { staff: { user: ana, assigns: ben } }, { staff: { user: ben, completes: } }",
                "in_box: nurses",
                "",
            ),
            // What does not hold is told.
            (
                "{ receives: Thank }",
                "",
                "the texts were: \"When were you born?\"",
            ),
            (
                "{ texts: 2001-02-03 }, { receives: born }",
                "",
                "the texts were: \"Thank you\"",
            ),
            (
                "{ passes: 1h }, { receives: born }",
                "",
                "the texts were: nothing",
            ),
            (
                "receives_nothing",
                "",
                "a text was sent: \"When were you born?\"",
            ),
            (
                "{ texts: 2001-02-03 }",
                "contact: { birth_date: 2001-02-04 }",
                "`birth_date` is \"2001-02-03\", not \"2001-02-04\"",
            ),
            (
                "{ texts: 2001-02-03 }",
                "contact: { tags: [new] }",
                "the tag `new` is missing; there is [asked]",
            ),
            (
                "{ texts: 2001-02-03 }",
                "sent: 3",
                "the number of texts sent is 2, not 3",
            ),
            (
                "{ texts: 2001-02-03 }",
                "in_box: nurses",
                "the thread is in no box: it is automated",
            ),
            (
                "{ texts: a }",
                "state: open",
                "the thread is automated, not open",
            ),
            ("{ http: 200 }", "", "no other system was asked"),
        ],
    );
}

#[test]
fn nothing_is_recorded_beyond_the_end() {
    let steps = "
  box:
    voicemail: { group: nurses, max: 10s }
    next: told
  told:
    say: \"That was {{ steps.box.seconds }} s\"
    next: end
";
    check_table(
        "call",
        steps,
        &[
            ("{ leaves_voicemail: 9s }, { hears: That was 9 s }", "", ""),
            ("{ leaves_voicemail: 2m }, { hears: That was 10 s }", "", ""),
        ],
    );
}

#[test]
fn what_is_given_is_so() {
    let steps = "
  open:
    hours: office
    then: { open: known, closed: shut, holiday: feast }
  known:
    branch: { rich: contact.credits > 5 and contact.member }
    then: { rich: ring, else: end }
  ring:
    dial: { group: nurses, ring: 20s }
    then: { answered: end, else: end }
  shut:
    say: We are closed
    next: end
  feast:
    say: It is a holiday
    next: end
";
    let head = "flow: a\naccount: clinic\non: call\nsteps:";
    let call = "call: { from: \"+12025550143\", to: \"+12025550101\" }";
    for (given, script) in [
        ("calendars: { office: closed }", "hears: We are closed"),
        ("calendars: { office: holiday }", "hears: It is a holiday"),
        (
            "calendars: { office: { open: { mon: \"09:00-17:00\" } } }",
            "hears: We are closed",
        ),
        (
            "calendars: { office: { open: { tue: [\"09:00-10:00\", \"10:15-11:00\"] } } }",
            "rings: []",
        ),
        (
            "contacts: { \"+12025550143\": { credits: 6, member: yes } }, groups: { nurses: [eve] }",
            "rings: [eve]",
        ),
        (
            "contacts: { \"+12025550143\": { credits: 6, member: yes } }, groups: { nurses: [eve, ana] }, presence: { eve: offline }",
            "rings: [ana]",
        ),
        (
            "contacts: { \"+12025550143\": { credits: 6, member: yes } }",
            "rings: [nurses-member]",
        ),
        (
            "contacts: { \"+12025550143\": { credits: 5, member: yes } }",
            "rings: []",
        ),
    ] {
        let test = format!(
            "  - {{ name: t, {call}, given: {{ {given} }}, script: [{{ {script} }}], expect: {{}} }}"
        );
        let checked = read(&format!("{head}{steps}\ntests:\n{test}\n"));
        let report = play(&ground(&[&checked]), &checked);
        assert_eq!(report.tests[0].failed, None, "{given}");
    }
}

#[test]
fn outcomes_that_were_not_tried_are_told() {
    let test = "    script: [{ texts: 2001-02-03 }]\n    expect: { sent: 2 }\n";
    let source = format!(
        "flow: a\naccount: clinic\non: sms\nsteps:\n{ASK}\ntests:\n  - name: t\n    \
         sms: {{ from: \"+12025550143\", to: \"+12025550101\", text: Hello }}\n{test}"
    );
    let checked = read(&source);
    let report = play(&ground(&[&checked]), &checked);
    let missed = report.coverage.missed.iter();
    let missed: Vec<String> = missed
        .map(|one| format!("{} {} {}", one.line, one.step, one.outcome))
        .collect();
    assert_eq!(
        missed,
        ["6 born invalid", "6 born timeout", "15 person reached"]
    );
    assert_eq!((report.coverage.all, report.coverage.tried()), (6, 3));
}

#[test]
fn a_flow_goes_on_in_another() {
    let other = read(
        "flow: b\naccount: clinic\non: sms\nsteps:\n  hi:\n    reply: From the other\n    next: end\n",
    );
    let first = |to: &str| {
        read(&format!(
            "flow: a\naccount: clinic\non: sms\nsteps:\n  go:\n    goto: {to}\ntests:\n  - name: t\n    \
             sms: {{ from: \"+12025550143\", to: \"+12025550101\", text: Hello }}\n    \
             script: [{{ receives: From the other }}]\n    expect: {{ ended_at: go }}\n"
        ))
    };
    let checked = first("b");
    let report = play(&ground(&[&checked, &other]), &checked);
    assert_eq!(report.tests[0].failed, None);
    let checked = first("c");
    let report = play(&ground(&[&checked, &other]), &checked);
    assert!(report.tests[0].failed.is_some());
}

#[test]
fn a_flow_that_cannot_go_on_fails_its_test() {
    let steps = "  go:\n    goto: nowhere\n";
    let played = played("sms", steps, "    expect: { sent: 1 }\n");
    let words = played.failed.unwrap().words;
    assert_eq!(
        words,
        "the flow could not go on: the flow nowhere has no published revision"
    );
}

/// Scripts that make no sense come to an end too, whatever is done after what cannot be.
#[test]
fn lines_in_any_order_end() {
    let mut dice = Ids::new(Timestamp::default(), 4);
    let flows: Vec<Checked> = shipped().iter().map(|source| read(source)).collect();
    let ground = ground(&flows.iter().collect::<Vec<_>>());
    let tests = flows.iter().flat_map(|flow| &flow.tests);
    let lines: Vec<_> = tests.flat_map(|test| test.script.clone()).collect();
    let (mut done, mut refused) = (0, 0);
    for flow in &flows {
        for test in &flow.tests {
            let mut stage = super::Stage::new(&ground, &flow.flow, test).unwrap();
            stage.begins(test.text.as_deref()).unwrap();
            for _ in 0..30 {
                let at = usize::try_from(dice.mix() >> 32).unwrap() % lines.len();
                match stage.plays(&lines[at].says) {
                    Ok(()) => done += 1,
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(done > 500 && refused > 500, "{done} {refused}");
}

/// Tests are played by functions without a clock, so that many of them take no time. Printed, not judged: machines
/// differ.
#[test]
fn a_thousand_tests() {
    let one = |at: usize| {
        format!(
            "  - name: t{at}\n    call: {{ from: \"+12025550143\", to: \"+12025550101\" }}\n    \
             given: {{ groups: {{ nurses: [ana, ben] }} }}\n    \
             script: [{{ presses: 2 }}, {{ rings: [ana, ben] }}, {{ no_answer: }}, {{ leaves_voicemail: 9s }}]\n    \
             expect: {{ voicemail_in: nurses }}\n"
        )
    };
    let tests: String = (0..200).map(one).collect();
    let checked = read(&format!(
        "flow: a\naccount: clinic\non: call\nsteps:\n{MENU}\ntests:\n{tests}"
    ));
    let ground = ground(&[&checked]);
    let begun = crate::ambient::Stopwatch::start();
    let reports: Vec<_> = (0..5).map(|_| play(&ground, &checked)).collect();
    let took = begun.elapsed();
    let played: usize = reports.iter().map(|report| report.tests.len()).sum();
    assert_eq!(played, 1_000);
    assert!(
        reports
            .iter()
            .flat_map(|report| &report.tests)
            .all(|test| test.failed.is_none())
    );
    println!("{played} tests in {took:?}");
}
