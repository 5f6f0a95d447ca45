//! What is wrong with a flow is told with its place, its code and the next move.

use super::*;

fn faults(source: &str) -> Vec<Fault> {
    let directory = organisation();
    let flows = vec![
        FlowName {
            account: "clinic".into(),
            flow: "refill".into(),
            kind: Kind::Sms,
            with: vec!["a".into()],
            leads: Vec::new(),
            at: Default::default(),
        },
        FlowName {
            account: "clinic".into(),
            flow: "nurse-line".into(),
            kind: Kind::Call,
            with: Vec::new(),
            leads: Vec::new(),
            at: Default::default(),
        },
    ];
    match check("flow.yaml", source, &DirectoryNames::new(&directory, flows)) {
        Ok(checked) => checked.warnings,
        Err(faults) => faults,
    }
}

/// Each `code@line:column` found, in order.
fn found(source: &str) -> String {
    let all = faults(source);
    let shown: Vec<String> = all
        .iter()
        .map(|fault| format!("{}@{}:{}", fault.code, fault.line, fault.column))
        .collect();
    shown.join(" ")
}

/// A call flow of the clinic whose steps begin in line 5.
pub(super) fn call(steps: &str) -> String {
    format!("flow: test\naccount: clinic\non: call\nsteps:\n{steps}")
}

pub(super) fn sms(steps: &str) -> String {
    format!("flow: test\naccount: clinic\non: sms\nsteps:\n{steps}")
}

/// Compares what was found in each source; all that differ are shown at once.
pub(super) fn check_table<'t>(rows: impl IntoIterator<Item = (String, &'t str)>) {
    let mut wrong = String::new();
    for (source, expected) in rows {
        let found = found(&source);
        if found != expected {
            wrong += &format!("{source}\n  found {found}\n  expected {expected}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_head_of_a_file() {
    check_table(
        [
            ("", "shape@1:1"),
            ("- a\n", "shape@1:1"),
            (
                "flow: test\n",
                "missing-key@1:1 missing-key@1:1 missing-key@1:1",
            ),
            (
                "flow: Test\naccount: clinic\non: call\nsteps: { a: { hangup: } }\n",
                "name@1:7",
            ),
            (
                "flow: test\naccount: clinik\non: call\nsteps: { a: { hangup: } }\n",
                "unknown-account@2:10",
            ),
            (
                "flow: test\naccount: clinic\non: fax\nsteps: { a: { hangup: } }\n",
                "unknown-value@3:5",
            ),
            (
                "flow: test\naccount: clinic\non: call\nstep: { a: { hangup: } }\n",
                "unknown-key@4:1",
            ),
            (
                "flow: test\naccount: clinic\non: call\nsteps: []\n",
                "shape@4:8",
            ),
            (
                "flow: test\naccount: clinic\non: call\nsteps:\n",
                "empty@4:1 shape@4:6",
            ),
            ("flow: a: b\n", "yaml@1:8"),
            ("flow: [a\n", "yaml@1:7"),
            (
                "flow: a\nflow: b\naccount: clinic\non: call\nsteps: { a: { hangup: } }\n",
                "duplicate-key@2:1",
            ),
            ("flow: test\n---\nflow: other\n", "yaml@2:1"),
        ]
        .map(|(source, expected)| (source.to_owned(), expected)),
    );
}

#[test]
fn steps_of_calls() {
    check_table(
        [
            ("  one:\n    sya: Hi\n    next: end\n", "unknown-key@6:5"),
            ("  one:\n    say: Hi\n    nxt: end\n", "unknown-key@7:5"),
            (
                "  one:\n    say: Hi\n    play: a.mp3\n    next: end\n",
                "two-verbs@7:5",
            ),
            ("  one:\n    next: end\n", "no-verb@5:3"),
            ("  one: Hi\n", "no-verb@5:3"),
            ("  One:\n    say: Hi\n    next: end\n", "name@5:3"),
            ("  end:\n    say: Hi\n    next: end\n", "name@5:3"),
            ("  one:\n    say: Hi\n", "missing-next@6:5"),
            ("  one:\n    say: Hi\n    next: two\n", "unknown-step@7:11"),
            (
                "  one:\n    say: Hi\n    then: { next: end }\n    next: end\n",
                "",
            ),
            (
                "  one:\n    say: Hi\n    then: { ok: end }\n    next: end\n",
                "unknown-outcome@7:13",
            ),
            ("  one:\n    reply: Hi\n    next: end\n", "wrong-kind@6:5"),
            (
                "  one:\n    queue: { group: nurses }\n    next: end\n",
                "next-not-here@7:5",
            ),
            ("  one:\n    say:\n    next: end\n", "missing-key@6:8"),
            ("  one:\n    say: \"\"\n    next: end\n", "empty@6:10"),
            (
                "  one:\n    say: {{ account.name }}\n    next: end\n",
                "quote-text@6:10",
            ),
            ("  one:\n    say: Hi: there\n    next: end\n", "yaml@6:12"),
            (
                "  one:\n    say: press # to go on\n    next: end\n",
                "comment-in-text@6:10",
            ),
            (
                "  one:\n    say: { en: Hi, xx9: Ho }\n    next: end\n",
                "shape@6:20",
            ),
            (
                "  one:\n    say: \"{{ acount.name }}\"\n    next: end\n",
                "unknown-name@6:14",
            ),
            (
                "  one:\n    say: \"{{ account.nam }}\"\n    next: end\n",
                "unknown-name@6:14",
            ),
            (
                "  one:\n    say: \"{{ account.name | uper }}\"\n    next: end\n",
                "template@6:29",
            ),
            (
                "  one:\n    say: \"{{ 'a' * 100 }}\"\n    next: end\n",
                "template@6:18",
            ),
            (
                "  one:\n    say: \"{{ range(9) }}\"\n    next: end\n",
                "template@6:14",
            ),
            (
                "  one:\n    say: \"{% set x = 1 %}\"\n    next: end\n",
                "template@6:14",
            ),
            (
                "  one:\n    say: \"{{ account.name\"\n    next: end\n",
                "template@6:11",
            ),
            (
                "  one:\n    say: \"{% if account.name %}a\"\n    next: end\n",
                "template@6:32",
            ),
            ("  one:\n    play: ../secret\n    next: end\n", "file@6:11"),
            (
                "  one:\n    play: welcome.ogg\n    next: end\n",
                "file@6:11",
            ),
            (
                "  one:\n    play: http://example.org/a.mp3\n    next: end\n",
                "file@6:11",
            ),
            ("  one:\n    hangup:\n    next: end\n", "next-not-here@7:5"),
            ("  one:\n    hangup: now\n", "shape@6:13"),
            (
                "  one:\n    reject: { reason: lazy }\n",
                "unknown-value@6:23",
            ),
            ("  one:\n    goto: nurse-lin\n", "unknown-flow@6:11"),
            ("  one:\n    goto: refill\n", "wrong-kind@6:11"),
            (
                "  one:\n    hours: ofice\n    then: { open: end, closed: end, holiday: end }\n",
                "unknown-calendar@6:12",
            ),
            (
                "  one:\n    hours: office\n    then: { open: end, closed: end }\n",
                "missing-outcome@7:5",
            ),
            (
                "  one:\n    hours: office\n    next: end\n",
                "next-not-here@7:5",
            ),
            (
                "  one:\n    hours: office\n    then: { open: end, shut: end, else: end }\n",
                "unknown-outcome@7:24",
            ),
        ]
        .map(|(steps, expected)| (call(steps), expected)),
    );
}

#[test]
fn keys_people_and_boxes() {
    check_table([
        ("  one:\n    menu: { prompt: Press 1 }\n    then: { else: end }\n", "missing-outcome@6:5"),
        ("  one:\n    menu: { prompt: Press 1 }\n    then: { 1: end }\n", "missing-outcome@7:5"),
        ("  one:\n    menu: { prompt: Press 1, or 2 }\n    then: { 1: end, else: end }\n", "unknown-key@6:30"),
        ("  one:\n    menu: { prompt: Hi, tries: 0 }\n    then: { 1: end, else: end }\n", "out-of-range@6:32"),
        ("  one:\n    menu: { prompt: Hi, timeout: 5 }\n    then: { 1: end, else: end }\n", "duration@6:34"),
        ("  one:\n    menu: { prompt: Hi, timeout: 1h }\n    then: { 1: end, else: end }\n", "out-of-range@6:34"),
        ("  one:\n    menu: { prompt: Hi }\n    then: { one: end, 1: end, else: end }\n", "unknown-outcome@7:13"),
        ("  one:\n    menu: { prompt: Hi }\n    then: { 1: end, invalid: end, timeout: end, else: end }\n", "unused-else@7:49"),
        ("  one:\n    gather: { digits: 6..4 }\n    then: { got: end, timeout: end }\n", "digits@6:23"),
        ("  one:\n    gather: { finish_on: none }\n    then: { got: end, timeout: end }\n", "missing-key@6:13"),
        ("  one:\n    gather: { digits: 4, save_as: contact.pin }\n    then: { got: end, timeout: end }\n", "unknown-name@6:35"),
        ("  one:\n    gather: { digits: 4, save_as: contact.phone }\n    then: { got: end, timeout: end }\n", "not-writable@6:35"),
        ("  one:\n    gather: { digits: 4, save_as: pin }\n    then: { got: end, timeout: end }\n", "not-writable@6:35"),
        ("  one:\n    gather: { digits: 4, save_as: contact.medicine, secret: true }\n    then: { got: end, timeout: end }\n", "secret@6:35"),
        ("  one:\n    gather: { digits: 4, save_as: contact.birth_date }\n    then: { got: end, timeout: end }\n", "type@6:35"),
        ("  one:\n    dial: { group: nurse }\n    then: { else: end }\n", "unknown-group@6:20"),
        ("  one:\n    dial: { user: ana }\n    then: { else: end }\n", "unknown-user@6:19"),
        ("  one:\n    dial: { number: 12025550199 }\n    then: { else: end }\n", "phone@6:21"),
        ("  one:\n    dial: {}\n    then: { else: end }\n", "missing-key@6:11"),
        ("  one:\n    dial: { group: nurses, user: erin }\n    then: { else: end }\n", "two-owners@6:11"),
        ("  one:\n    dial: { group: nurses, order: round_robin, devices: ordered, when_taken: { en: Gone } }\n    then: { else: end }\n", ""),
        ("  one:\n    dial: { group: nurses, order: simultaneous, devices: ordered }\n    then: { else: end }\n", "unknown-value@6:58"),
        ("  one:\n    dial: { group: nurses, order: simultanous }\n    then: { else: end }\n", "unknown-value@6:35"),
        ("  one:\n    dial: { group: nurses, prompt: Hi }\n    then: { else: end }\n", "unused-prompt@6:36"),
        ("  one:\n    dial: { group: nurses, skip: [drunk] }\n    then: { else: end }\n", "unknown-value@6:35"),
        ("  one:\n    dial: { group: nurses, ring: 30s, total: 10s }\n    then: { else: end }\n", "out-of-range@6:46"),
        ("  one:\n    dial: { group: nurses, order: sequential, accept: none, record: true }\n    then: { else: end }\n", ""),
        ("  one:\n    dial: { group: nurses, record: always }\n    then: { else: end }\n", "unknown-value@6:36"),
        ("  one:\n    dial: { group: nurses }\n    then: { answered: end }\n", "missing-outcome@7:5"),
        ("  one:\n    dial: { group: nurses }\n    next: end\n", "next-not-here@7:5"),
        ("  one:\n    voicemail: { greeting: Hi }\n    next: end\n", "missing-key@6:16"),
        ("  one:\n    say: .nan\n    next: end\n", "yaml@6:10"),
        ("  one:\n    voicemail: { group: nurses, max: 5s }\n    next: end\n", "out-of-range@6:38"),
        ("  one:\n    voicemail: { group: nurses, notify: [ana] }\n    next: end\n", "unknown-user@6:42"),
        ("  one:\n    voicemail: { group: nurses, notify: [] }\n    next: end\n", "out-of-range@6:41"),
        ("  one:\n    voicemail: { group: nurses, notify: all }\n    next: end\n", "unknown-value@6:41"),
        ("  one:\n    voicemail: { group: nurses, notify: [erin, farid] }\n    next: end\n", ""),
        ("  one:\n    inbox: { group: nurses, priority: urgent }\n    next: end\n", "unknown-value@6:39"),
        ("  one:\n    inbox: { group: nurses }\n    then: { next: end, else: end }\n    next: end\n", "next-and-else@7:24"),
        ("  one:\n    tag: {}\n    next: end\n", "missing-key@6:10"),
        ("  one:\n    set: { contact.tags: a }\n    next: end\n", "not-writable@6:12"),
        ("  one:\n    set: { contact.birth_date: soon }\n    next: end\n", "type@6:32"),
        ("  one:\n    set: { contact.birth_date: \"{{ call.from }}\" }\n    next: end\n", "type@6:12"),
        ("  one:\n    set: { contact.size: l }\n    next: end\n", "unknown-name@6:12"),
    ].map(|(steps, expected)| (call(steps), expected)));
}

#[test]
fn texts_and_conditions() {
    check_table([
        ("  one:\n    ask: { expect: choice }\n    then: { else: end }\n", "missing-key@6:10"),
        ("  one:\n    ask: { expect: colour }\n    then: { else: end }\n", "unknown-value@6:20"),
        ("  one:\n    ask: { choices: { yes: [y], stop: [halt] } }\n    then: { else: end }\n", "compliance-word@6:33"),
        ("  one:\n    ask: { choices: { a: [quit] } }\n    then: { else: end }\n", "compliance-word@6:27"),
        ("  one:\n    ask: { choices: { a: [x], b: [X] } }\n    then: { else: end }\n", "two-owners@6:35"),
        ("  one:\n    ask: { expect: date, choices: { a: [x] } }\n    then: { else: end }\n", "unknown-key@6:35"),
        ("  one:\n    ask: { expect: date, save_as: contact.medicine }\n    then: { else: end }\n", ""),
        ("  one:\n    ask: { save_as: contact.birth_date }\n    then: { else: end }\n", "type@6:21"),
        ("  one:\n    ask: { pattern: abc }\n    then: { else: end }\n", "pattern@6:21"),
        ("  one:\n    ask: { prompt: Hi }\n    next: end\n", "next-not-here@7:5"),
        ("  one:\n    keywords: { BILL: [invoice], HELP: [] }\n    then: { else: end }\n", "compliance-word@6:34"),
        ("  one:\n    keywords: { BILL: [] }\n    then: { BILL: end }\n", "missing-outcome@7:5"),
        ("  one:\n    say: Hi\n    next: end\n", "wrong-kind@6:5"),
        ("  one:\n    inbox: { group: nurses }\n    then: { caller_hung_up: end }\n    next: end\n", "unknown-outcome@7:13"),
        ("  one:\n    branch: { a: contact.birth_date > 3 }\n    then: { a: end, else: end }\n", "type@6:18"),
        ("  one:\n    branch: { a: contact.medicine < \"x\" }\n    then: { a: end, else: end }\n", "type@6:18"),
        ("  one:\n    branch: { a: contact.medicin == \"x\" }\n    then: { a: end, else: end }\n", "unknown-name@6:18"),
        ("  one:\n    branch: { a: contact.medicine = \"x\" }\n    then: { a: end, else: end }\n", "expression@6:35"),
        ("  one:\n    branch: { a: contact.medicine == x }\n    then: { a: end, else: end }\n", "unknown-name@6:38"),
        ("  one:\n    branch: { a: contact.medicine }\n    then: { a: end, else: end }\n", "type@6:18"),
        ("  one:\n    branch: { a: \"contact.next_visit > \\\"soon\\\"\" }\n    then: { a: end, else: end }\n", "type@6:18"),
        ("  one:\n    branch: { a: contact.insured, a b: contact.insured }\n    then: { a: end, else: end }\n", "name@6:35"),
        ("  one:\n    branch: { a: ages(contact.birth_date) > 3 }\n    then: { a: end, else: end }\n", "unknown-function@6:18"),
        ("  one:\n    branch: { a: flow.size == 3 }\n    then: { a: end, else: end }\n", "unknown-name@6:18"),
        ("  one:\n    branch: { a: steps.two.outcome == \"x\" }\n    then: { a: end, else: end }\n", "unknown-step@6:18"),
        ("  one:\n    branch: { a: contact.insured }\n    then: { a: end }\n", "missing-outcome@7:5"),
    ].map(|(steps, expected)| (sms(steps), expected)));
}

#[test]
fn the_tests_of_a_file_are_checked_for_shape() {
    let with = |tests: &str| {
        call(&format!(
            "  one:\n    say: Hi\n    next: end\ntests:\n{tests}"
        ))
    };
    check_table([
        ("  - name: a\n    call: { from: \"+12025550143\", to: \"+12025550101\" }\n    expect: { state: closed }\n", ""),
        ("  - name: a\n", "missing-key@9:5 empty-test@9:5"),
        ("  - nam: a\n    call: { from: a, to: \"+12025550101\" }\n    expect: { sent: 0 }\n", "unknown-key@9:5"),
        ("  - name: a\n    sms: { from: a, to: \"+12025550101\", text: c }\n    expect: { sent: 0 }\n", "missing-key@9:5"),
        ("  - name: a\n    at: yesterday\n    call: { from: a, to: \"+12025550101\" }\n    expect: { sent: 0 }\n", "moment@10:9"),
        ("  - name: a\n    call: { from: a, to: \"+12025550101\" }\n    script: [{ heers: Hi }]\n    expect: {}\n", "unknown-key@11:16"),
        ("  - name: a\n    call: { from: a, to: \"+12025550101\" }\n    script: [{ hears: [Hi] }]\n    expect: {}\n", "shape@11:16"),
        ("  - name: a\n    call: { from: a, to: \"+12025550101\" }\n    script: [hangs_up, { answers: { user: erin, accept: false } }]\n    expect: { box: x }\n", "unknown-key@12:15"),
    ].map(|(tests, expected)| (with(tests), expected)));
}

#[test]
fn compliance_words_are_known_without_an_organisation() {
    let source = sms("  one:\n    ask: { choices: { stop: [halt] } }\n    then: { else: end }\n");
    let faults = check("flow.yaml", &source, &NoNames).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.code == "compliance-word"),
        "{faults:?}"
    );
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let source = format!("flow: test\n# {}\n", "x".repeat(256 * 1024));
    assert_eq!(found(&source), "too-large@1:1");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    assert!(found(bomb).starts_with("too-large@"), "{}", found(bomb));
    let deep = format!("a: {}\n", "[".repeat(20_000));
    assert!(found(&deep).starts_with("too-large@"), "{}", found(&deep));
}

#[test]
fn faults_are_drawn_with_the_line_and_the_spot() {
    let source = call(
        "  one:\n    dial: { group: nurse }\n    then: { else: tow }\n  two:\n    say: {{ x }}\n    next: end\n",
    );
    insta::assert_snapshot!(render(&source, &faults(&source)));
}

#[test]
fn people_consent_and_parts() {
    check_table([
        ("  one:\n    send: { to: nobody, text: Hi }\n    next: end\n", "phone@6:17"),
        ("  one:\n    send: { to: contact.insured, text: Hi }\n    next: end\n", "type@6:17"),
        ("  one:\n    send: { to: contact.fone, text: Hi }\n    next: end\n", "unknown-name@6:17"),
        ("  one:\n    send: Hi\n    next: end\n", "shape@6:11"),
        ("  one:\n    lookup: message.fro\n    then: { found: end, missing: end }\n", "unknown-name@6:13"),
        ("  one:\n    lookup: {}\n    next: end\n", "missing-key@6:13"),
        ("  one:\n    lookup: { field: contact.medicin, equals: a }\n    next: end\n", "unknown-name@6:22"),
        ("  one:\n    lookup: { field: contact.insured, equals: a }\n    next: end\n", "type@6:22"),
        ("  one:\n    lookup: { field: contact.phone, equals: a }\n    next: end\n", "type@6:22"),
        ("  one:\n    lookup: { field: medicine, equals: a }\n    next: end\n", "unknown-name@6:22"),
        ("  one:\n    lookup: { field: contact.medicine }\n    next: end\n", "missing-key@6:13"),
        ("  one:\n    lookup: { field: contact.medicine, equals: \"{{ flow.x }}\" }\n    next: end\n", "unknown-name@6:52"),
        ("  one:\n    lookup: { phone: message.from, field: contact.medicine, equals: a }\n    next: end\n", "two-owners@6:43"),
        ("  one:\n    lookup: { phone: message.from, equals: a }\n    next: end\n", "missing-key@6:44"),
        ("  one:\n    email: { to: here, subject: S, text: T }\n    next: end\n", "email@6:18"),
        ("  one:\n    email: { to: contact.email, text: T }\n    next: end\n", "missing-key@6:12"),
        ("  one:\n    email: { to: contact.email, group: nurses, subject: S, text: T }\n    next: end\n", "two-owners@6:40"),
        ("  one:\n    email: { subject: S, text: T }\n    next: end\n", "missing-key@6:12"),
        ("  one:\n    notify: { text: T }\n    next: end\n", "missing-key@6:13"),
        ("  one:\n    notify: { group: nurse, text: T }\n    next: end\n", "unknown-group@6:22"),
        ("  one:\n    notify: { group: nurses, by: [fax], text: T }\n    next: end\n", "unknown-value@6:35"),
        ("  one:\n    notify: { group: nurses, by: [], text: T }\n    next: end\n", "empty@6:34"),
        ("  one:\n    consent: {}\n    next: end\n", "missing-key@6:14"),
        ("  one:\n    consent: { record: in, check: program }\n    next: end\n", "missing-key@6:14"),
        ("  one:\n    consent: { record: maybe }\n    next: end\n", "unknown-value@6:24"),
        ("  one:\n    consent: { record: in, scope: galaxy }\n    next: end\n", "unknown-value@6:35"),
        ("  one:\n    consent: { record: in, tries: 2 }\n    next: end\n", "unknown-key@6:35"),
        ("  one:\n    consent: { check: program }\n    next: end\n", "next-not-here@7:5"),
        ("  one:\n    consent: { check: program }\n    then: { in: end, out: end }\n", "missing-outcome@7:5"),
        ("  one:\n    consent: { check: program }\n", "missing-outcome@6:5"),
        ("  one:\n    consent: { record: out }\n", "missing-next@6:5"),
        ("  one:\n    wait: soon\n    next: end\n", "duration@6:11"),
        ("  one:\n    wait: { until: ofice }\n    next: end\n", "unknown-calendar@6:20"),
        ("  one:\n    wait: { for: 2h, until: office }\n    next: end\n", "two-owners@6:29"),
        ("  one:\n    wait: { until: office }\n    then: { elapsed: one, replied: end }\n", "endless-loop@5:3"),
        ("  one:\n    wait: { until: office }\n    then: { elapsed: end, replied: two }\n  two:\n    reply: Hi\n    next: one\n", ""),
        ("  one:\n    wait: {}\n    next: end\n", "missing-key@6:11"),
        ("  one:\n    wait: 90d\n    next: end\n", "out-of-range@6:11"),
        ("  one:\n    split: { a: 1 }\n    then: { a: end }\n", "shape@6:12"),
        ("  one:\n    split: { a: 0, b: 0 }\n    then: { a: end, b: end }\n", "out-of-range@6:12"),
        ("  one:\n    split: { a: 1, B: 1 }\n    then: { a: end, else: end }\n", "name@6:20"),
        ("  one:\n    split: { a: 1, b: lots }\n    then: { a: end, else: end }\n", "number@6:23"),
        ("  one:\n    split: { a: 1, b: 2 }\n    then: { a: end }\n", "missing-outcome@7:5"),
        ("  one:\n    call: refil\n    next: end\n", "unknown-flow@6:11"),
        ("  one:\n    call: nurse-line\n    next: end\n", "wrong-kind@6:11"),
        ("  one:\n    call: { flow: refill, with: [a] }\n    next: end\n", "shape@6:33"),
        ("  one:\n    call: { flow: refill, with: { A: b } }\n    next: end\n", "name@6:35"),
        ("  one:\n    call: { flow: refill, with: { a: \"{{ contact.nam }}\" } }\n    next: end\n", "unknown-name@6:42"),
    ].map(|(steps, expected)| (sms(steps), expected)));
    check_table([
        ("  one:\n    transfer: 12\n", "phone@6:15"),
        ("  one:\n    transfer: \"+12025550199\"\n    next: end\n", "next-not-here@7:5"),
        ("  one:\n    wait: 2h\n    next: end\n", "wrong-kind@6:5"),
        ("  one:\n    menu: { prompt: Hi }\n    then: { 1: end, else: end, caller_hung_up: two }\n  two:\n    transfer: \"+12025550199\"\n", "needs-caller@9:5"),
        ("  one:\n    consent: { ask: Press 1, timeout: 2h }\n    then: { else: end }\n", "out-of-range@6:39"),
    ].map(|(steps, expected)| (call(steps), expected)));
    let with = |with: &str| {
        format!(
            "flow: test\naccount: clinic\non: sms\nwith: {with}\nsteps:\n  one:\n    reply: \"{{{{ flow.tries }}}}\"\n    next: end\n"
        )
    };
    check_table([
        (with("{ tries: 3 }"), ""),
        (with("{ tris: 3 }"), "unknown-name@7:16"),
        (with("tries"), "shape@4:7 unknown-name@7:16"),
        (with("{ tries: 1, Tries: 2 }"), "name@4:19"),
    ]);
}

#[test]
fn requests_to_other_systems() {
    let then = "    then: { ok: end, refused: end, failed: end }\n";
    let row = |http: &str, expected: &'static str| {
        (
            sms(&format!("  one:\n    http: {{ {http} }}\n{then}")),
            expected,
        )
    };
    check_table([
        row("url: https://crm.example.org/a", ""),
        row("method: GET", "missing-key@6:11"),
        row("url: crm.example.org", "url@6:18"),
        row("url: \"https://{{ contact.name }}/a\"", "url@6:18"),
        row(
            "url: \"https://crm.example.org{{ contact.name }}\"",
            "url@6:18",
        ),
        row(
            "url: \"https://a@crm.example.org/{{ contact.name }}\"",
            "url@6:18",
        ),
        row(
            "url: \"https://crm.example.org/{{ contact.name | upper }}\"",
            "url@6:18",
        ),
        row(
            "url: https://crm.example.org, method: get",
            "unknown-value@6:51",
        ),
        row(
            "url: https://crm.example.org, method: GET, body: { a: b }",
            "unknown-key@6:62",
        ),
        row(
            "url: https://crm.example.org, timeout: 1m",
            "out-of-range@6:52",
        ),
        row(
            "url: https://crm.example.org, headers: { Host: a }",
            "header@6:54",
        ),
        row(
            "url: https://crm.example.org, headers: { authorization: Bearer 123 }",
            "secret@6:69",
        ),
        row(
            "url: https://crm.example.org, headers: { x: { before: a } }",
            "missing-key@6:57",
        ),
        row(
            "url: https://crm.example.org, save_as: { contact.phone: a }",
            "not-writable@6:54",
        ),
        row(
            "url: https://crm.example.org, save_as: answer",
            "not-writable@6:52",
        ),
        row(
            "url: https://crm.example.org, body: { a: \"{{ contact.nam }}\" }",
            "unknown-name@6:58",
        ),
    ]);
    check_table([(
        sms("  one:\n    http: { url: https://crm.example.org }\n    next: end\n"),
        "next-not-here@7:5",
    )]);
}

#[test]
fn what_was_published_is_read_again_whatever_is_said_to_writers_since() {
    let head = "flow: f\naccount: clinic\non: sms\nsteps:\n";
    let http = "  a:\n    http: { url: \"https://crm.example.org/a\", headers: { authorization: Bearer sk_123 } }\n    \
                then: { else: end }\n";
    let reply = "  a:\n    reply: Hello\n    next: end\n";
    let round = "  a:\n    reply: Hello\n    next: b\n  b:\n    reply: Hello\n    next: a\n";
    let tests = "tests:\n  - name: t\n    nonsense: 1\n";
    for steps in [http.to_owned(), format!("{reply}{tests}"), round.to_owned()] {
        let text = format!("{head}{steps}");
        check("f", &text, &NoNames).unwrap_err();
        assert_eq!(read_published(&text, &NoNames).unwrap().key, "f");
    }
    // What cannot be run is still told.
    let nowhere = format!("{head}{}", reply.replace("end", "nowhere"));
    let faults = read_published(&nowhere, &NoNames).unwrap_err();
    assert_eq!(faults[0].code, "unknown-step");
}
