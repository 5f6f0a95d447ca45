//! What steps ask of other people, of the ledger and of other flows, carried out.

use super::sample::{Bench, PAT, SHARED, caseload, messages, number, sent, user};
use crate::decide::Input;
use crate::model::consent::{Consent, ConsentScope};
use crate::model::conversation::ThreadEventKind;
use crate::model::http::HttpAnswer;
use crate::model::people::Device;
use crate::model::turn::{JobKind, Turn};
use crate::model::{CallEventKind, CallStatus, MessageKind, Party};

/// A number outside.
const QUINN: &str = "+12025550150";

fn told(bench: &Bench) -> Vec<(String, String)> {
    let mail = |job: &crate::model::turn::Job| match &job.kind {
        JobKind::Email { to, subject, .. } => Some((to.clone(), subject.clone())),
        _ => None,
    };
    bench.store.jobs.iter().filter_map(mail).collect()
}

/// Whom the texts of a turn go to.
fn to(turn: &Turn) -> Vec<String> {
    let all = messages(turn).into_iter();
    all.map(|one| one.party.to_string()).collect()
}

#[test]
fn a_text_to_another_phone_has_a_thread_of_its_own() {
    let apply = "
  first:
    send: { to: \"+12025550150\", text: About Pat }
    next: second
  second:
    send: { to: \"+12025550150\", text: Once more }
    next: third
  third:
    reply: Told
    next: end
";
    let mut bench = Bench::new(&[("apply", apply)]);
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(sent(&turn), ["About Pat", "Once more", "Told"]);
    assert_eq!(to(&turn), [QUINN, QUINN, PAT]);
    assert_eq!(bench.store.conversations.len(), 2);
    let quinn = bench
        .store
        .contacts
        .values()
        .find(|one| one.phones[0].phone == Party::read(QUINN));
    assert_eq!(quinn.unwrap().source, "flow");
    // What they answer comes to people.
    bench.sms_from(QUINN, SHARED, "who are you?");
    // Again, now that the thread is there; and never once they said STOP.
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(messages(&turn).len(), 3);
    bench.sms_from(QUINN, SHARED, "STOP");
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(to(&turn), [PAT]);
}

#[test]
fn texts_of_one_event_to_another_phone_are_budgeted() {
    let mut steps = String::new();
    for at in 0..9 {
        let next = if at == 8 {
            "end".to_owned()
        } else {
            format!("s{}", at + 1)
        };
        steps +=
            &format!("\n  s{at}:\n    send: {{ to: \"{QUINN}\", text: Hi }}\n    next: {next}\n");
    }
    let mut bench = Bench::new(&[("apply", &format!("# sms\n{steps}"))]);
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(messages(&turn).len(), 6);
    assert_eq!(
        bench.lines("college"),
        ["note"; 3],
        "what did not leave is told"
    );
}

#[test]
fn members_are_told_by_text_and_make_no_contact() {
    let apply = "
  first:
    notify: { group: admissions, by: [email, text], text: \"{{ message.from }} wrote\" } # sms
    next: end
";
    let mut bench = Bench::with(&[("apply", apply)], |parts| {
        let device = Device {
            phone: "+12025550160".parse().unwrap(),
            name: None,
        };
        parts.user("ben").devices.insert(0, device);
    });
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(to(&turn), ["+12025550110", "+12025550160"]);
    assert_eq!(bench.store.contacts.len(), 1, "only the person who wrote");
    assert_eq!(
        told(&bench),
        [
            ("ana@example.org", "A notice"),
            ("ben@example.org", "A notice")
        ]
        .map(|(to, subject)| (to.to_owned(), subject.to_owned()))
    );
    assert_eq!(
        bench
            .world
            .directory
            .user(user("ben"))
            .unwrap()
            .devices
            .len(),
        2
    );
}

#[test]
fn notices_to_members_have_a_budget_of_their_own_and_then_go_by_email() {
    let apply = "
  first:
    notify: { user: ana, by: text, text: Look } # sms
    next: end
";
    let mut bench = Bench::new(&[("apply", apply)]);
    let sent = (0..18).map(|_| messages(&bench.sms(SHARED, "apply")).len());
    assert_eq!(sent.sum::<usize>(), 16);
    assert_eq!(told(&bench).len(), 2, "the others by e-mail");
}

#[test]
fn a_text_is_unprompted_when_nobody_has_just_written() {
    use MessageKind::{Automated, Unprompted};
    let apply = "
  first:
    send: { to: \"+12025550150\", text: About Pat }
    next: second
  second:
    reply: Thank you
    next: third
  third:
    wait: 9h
    next: fourth
  fourth:
    reply: Are you there?
    next: end
";
    let mut bench = Bench::new(&[("apply", apply)]);
    let kinds = |turn: &Turn| {
        messages(turn)
            .iter()
            .map(|one| one.kind)
            .collect::<Vec<_>>()
    };
    let turn = bench.sms(SHARED, "apply");
    assert_eq!(kinds(&turn), [Unprompted, Automated]);
    bench.pass(9 * 3600);
    assert_eq!(kinds(&bench.timers()[0]), [Unprompted]);
}

#[test]
fn the_ledger_takes_down_what_a_flow_heard() {
    let apply = "
  first:
    consent: { record: out, scope: program }
    next: second
  second:
    reply: Hello
    then: { ok: end, refused: third }
  third:
    inbox: { group: billing }
    next: end
";
    let mut bench = Bench::new(&[("apply", apply)]);
    let turn = bench.sms(SHARED, "apply");
    assert!(sent(&turn).is_empty());
    let program = bench.conversation("college").program;
    let entry = bench.store.consents.last().unwrap().clone();
    assert_eq!(
        (entry.scope, entry.verdict),
        (ConsentScope::Program(program), Consent::Out)
    );
    assert_eq!(
        (entry.source.as_str(), entry.event.is_some()),
        ("flow", true)
    );
    assert_eq!(bench.lines("college"), ["opted_out", "posted"]);
    // It holds at the next event too.
    assert!(sent(&bench.sms(SHARED, "apply")).is_empty());
}

#[test]
fn start_takes_back_what_was_refused_to_an_account_of_the_number() {
    let apply = "
  first:
    consent: { ask: May we?, scope: program }
    then: { in: second, else: end }
  second:
    reply: Welcome
    next: end
";
    let mut bench = Bench::new(&[("apply", apply)]);
    bench.sms(SHARED, "apply");
    bench.sms(SHARED, "no thanks");
    assert!(sent(&bench.sms(SHARED, "apply")).is_empty());
    bench.sms(SHARED, "START");
    assert_eq!(sent(&bench.sms(SHARED, "apply")), ["May we?"]);
    assert_eq!(sent(&bench.sms(SHARED, "yes")), ["Welcome"]);
}

#[test]
fn a_flow_that_takes_down_an_opt_out_goes_on_to_its_end() {
    let nurse = "
  first:
    ask: { prompt: Well?, timeout: 1h }
    then: { valid: second, else: end }
  second:
    consent: { record: out, scope: number }
    next: third
  third:
    wait: 2h
    next: fourth
  fourth:
    inbox: { group: billing, note: Came to its end }
    next: end
";
    let mut bench = Bench::new(&[("nurse", nurse)]);
    bench.sms(SHARED, "apply nurse");
    let live = |bench: &Bench| bench.store.runs.values().filter(|run| !run.ended).count();
    assert_eq!(live(&bench), 1);
    bench.sms(SHARED, "please no more");
    let entry = bench.store.consents.last().unwrap();
    assert_eq!(entry.scope, ConsentScope::Number(number(SHARED)));
    assert_eq!(live(&bench), 1, "the flow that heard it waits on");
    bench.pass(7200);
    bench.timers();
    assert!(bench.lines("college").contains(&"posted".to_owned()));
    assert_eq!(live(&bench), 0);
}

const VERIFY: &str = "
  ask:
    ask: { prompt: Your word?, save_as: flow.result, timeout: 1h }
    then: { valid: end, invalid: end, timeout: end }
";
const APPLY: &str = "
  first:
    call: nurse
    next: second
  second:
    reply: \"Old: {{ steps.first.result }}\"
    next: end
";

#[test]
fn a_called_flow_comes_back_to_the_revision_that_called_it() {
    let mut bench = Bench::new(&[("apply", APPLY), ("nurse", VERIFY)]);
    assert_eq!(sent(&bench.sms(SHARED, "apply")), ["Your word?"]);
    bench.publish("apply", &APPLY.replace("Old", "New"));
    assert_eq!(sent(&bench.sms(SHARED, "sesame")), ["Old: sesame"]);
    assert!(bench.store.runs.values().all(|run| run.ended));
    assert_eq!(sent(&bench.sms(SHARED, "apply")), ["Your word?"]);
    assert_eq!(sent(&bench.sms(SHARED, "sesame")), ["New: sesame"]);
    // By a timer too.
    bench.sms(SHARED, "apply");
    bench.pass(3600);
    let turns = bench.timers();
    assert_eq!(sent(&turns[0]), ["New: "]);
}

#[test]
fn a_called_flow_that_is_not_there_comes_before_a_person() {
    let mut bench = Bench::new(&[("apply", APPLY)]);
    bench.sms(SHARED, "apply");
    assert_eq!(bench.lines("college"), ["flow_stopped", "posted"]);
}

#[test]
fn a_call_goes_through_a_called_flow_and_is_handed_on() {
    let main = "
  hello:
    say: Hello
    next: part
  part:
    call: other
    then: { returned: on, caller_hung_up: end }
  on:
    transfer: \"+12025550150\"
";
    let other = "
  key:
    menu: { prompt: Press 1, tries: 1 }
    then: { 1: end, else: bye }
  bye:
    hangup:
";
    let mut bench = Bench::with(&[("main", main), ("other", other)], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    });
    let (call, turn) = bench.rings(SHARED);
    assert_eq!(bench.hears(&turn), "\"Hello\", keys");
    let turn = bench.presses(call, "1");
    assert_eq!(bench.hears(&turn), "handed on to +12025550150");
    assert!(bench.store.runs.values().all(|run| run.ended));
    bench.status(call, CallStatus::Completed);
    assert!(bench.store.calls[&call].ended_at.is_some());
    assert_eq!(bench.lines("college"), ["note", "called ended"]);
}

/// What a turn asks of other systems, answered so.
fn answered(bench: &mut Bench, status: u16, body: &str) -> Turn {
    let asked = bench
        .store
        .jobs
        .iter()
        .rev()
        .find_map(|job| match &job.kind {
            JobKind::Http { run, call, ask, .. } => Some((*run, *call, *ask)),
            _ => None,
        });
    let (run, call, ask) = asked.expect("a request");
    bench.happens(&Input::Answered {
        run,
        call,
        ask,
        answer: HttpAnswer::Answer {
            status,
            body: body.to_owned(),
        },
    })
}

#[test]
fn another_systems_answer_takes_a_text_flow_on() {
    let apply = "
  first:
    http: { url: https://crm.example.org/a, save_as: { flow.name: name } }
    then: { ok: second, else: end }
  second:
    reply: \"Hello {{ flow.name }}\"
    next: end
";
    let mut bench = Bench::new(&[("apply", apply)]);
    let turn = bench.sms(SHARED, "apply");
    assert!(sent(&turn).is_empty());
    let turn = answered(&mut bench, 200, "{\"name\":\"Pat\"}");
    assert_eq!(
        (turn.rule, sent(&turn)),
        ("http_answer", vec!["Hello Pat".to_owned()])
    );
    let turn = answered(&mut bench, 200, "{\"name\":\"Pat\"}");
    assert_eq!(turn.rule, "answer_stale");
    // Without an answer the run wakes by itself.
    bench.sms(SHARED, "apply");
    bench.pass(20);
    assert_eq!(bench.timers().len(), 1);
    assert!(bench.store.runs.values().all(|run| run.ended));
}

#[test]
fn a_caller_waits_for_another_systems_answer() {
    let main = "
  hello:
    say: One moment
    next: request
  request:
    http: { url: https://crm.example.org/a, save_as: flow.name }
    then: { ok: known, else: end }
  known:
    menu: { prompt: \"Hello {{ flow.name }}\" }
    then: { 1: end, else: end }
";
    let mut bench = Bench::with(&[("main", main)], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    });
    let (call, turn) = bench.rings(SHARED);
    assert_eq!(bench.hears(&turn), "\"One moment\", asks again");
    // What was said is not said again while the answer is awaited.
    let turn = bench.told(call, CallEventKind::Resumed);
    assert_eq!(bench.hears(&turn), "asks again");
    let before = bench.store.calls[&call].turn;
    let turn = answered(&mut bench, 200, "Pat");
    assert_eq!(turn.rule, "http_answer");
    let orders = |job: &&crate::model::turn::Job| matches!(job.kind, JobKind::Order(_));
    let moved = bench.store.jobs.iter().filter(orders).count();
    assert_eq!(moved, 0, "the caller comes by itself");
    // It asks by the turn that it knows, and gets the new script.
    let turn = bench.told_at(call, before, CallEventKind::Resumed);
    assert_eq!(bench.hears(&turn), "keys");
    assert_eq!(
        bench.store.calls[&call].fetched,
        bench.store.calls[&call].turn
    );
    // The caller leaves: what comes late changes nothing.
    bench.status(call, CallStatus::Completed);
    assert_eq!(answered(&mut bench, 200, "Pat").rule, "answer_stale");
}

/// Applies, and then lets a day pass.
const LATER: &str = "
  first:
    reply: We text you tomorrow.
    next: pause
  pause:
    wait: 1d
    then: { elapsed: end, replied: heard }
  heard:
    inbox: { group: billing, note: Came early }
    next: end
";
#[test]
fn a_wait_takes_what_comes_but_compliance_words() {
    let mut bench = Bench::new(&[("apply", LATER)]);
    let live = |bench: &Bench| bench.store.runs.values().filter(|run| !run.ended).count();
    assert_eq!(bench.sms(SHARED, "apply").rule, "keyword");
    assert_eq!(bench.sms(SHARED, "help").rule, "compliance");
    assert_eq!(live(&bench), 1, "it waits on");
    // A run that waits comes before the keywords.
    assert_eq!(bench.sms(SHARED, "bills").rule, "question");
    let note = |event: &crate::model::conversation::ThreadEvent| matches!(&event.kind, ThreadEventKind::Posted { note: Some(note), .. } if note == "Came early");
    assert!(bench.store.events.iter().any(note));
    assert_eq!(live(&bench), 0);
    // Whoever wants no more texts is waited for no more.
    bench.sms(SHARED, "apply");
    assert_eq!(bench.sms(SHARED, "stop").rule, "compliance");
    assert_eq!(live(&bench), 0);
}

#[test]
fn people_are_found_by_what_a_flow_has_saved() {
    let apply = "
  number:
    ask: { prompt: Your number?, save_as: contact.student_id, tries: 1 }
    then: { valid: end, invalid: end, timeout: end }
";
    let nurse = "
  who:
    lookup: { field: contact.student_id, equals: \"{{ message.text }}\" }
    then: { found: yes, missing: no }
  yes:
    reply: Known
    next: end
  no:
    reply: Not known
    next: end
";
    let mut bench = Bench::new(&[("apply", apply), ("nurse", nurse)]);
    bench.sms(SHARED, "apply");
    bench.sms(SHARED, "APPLY NURSE");
    assert_eq!(
        sent(&bench.sms_from(QUINN, SHARED, "apply nurse")),
        ["Known"]
    );
    assert_eq!(
        sent(&bench.sms_from(QUINN, SHARED, "aply nurse")),
        ["Not known"]
    );
    // Two who say the same are nobody.
    bench.sms_from("+12025550151", SHARED, "apply");
    bench.sms_from("+12025550151", SHARED, "apply nurse");
    assert_eq!(
        sent(&bench.sms_from(QUINN, SHARED, "apply nurse")),
        ["Not known"]
    );
}

#[test]
fn caseloads_are_kept_from_one_event_to_the_next() {
    let apply = "
  ours:
    lookup: { caseload: north }
    then: { found: out, missing: in }
  in:
    tag: { add_caseload: north }
    next: welcome
  welcome:
    reply: Welcome
    next: end
  out:
    tag: { remove_caseload: north }
    next: end
";
    let mut bench = Bench::with(&[("apply", apply)], |parts| caseload(parts, "north"));
    let caseloads = |bench: &Bench| {
        let all = bench.store.contacts.values();
        let all: Vec<String> = all.flat_map(|one| one.caseloads.clone()).collect();
        all.join(" ")
    };
    assert_eq!(sent(&bench.sms(SHARED, "apply")), ["Welcome"]);
    assert_eq!(caseloads(&bench), "north");
    assert_eq!(sent(&bench.sms(SHARED, "apply")), [""; 0]);
    assert_eq!(caseloads(&bench), "");
}
