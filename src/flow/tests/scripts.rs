//! The tests in a flow file are read with their faults told at their place.

use super::*;

/// `code@line:column` of every fault in the tests of a call flow, the tests beginning in line 9.
fn found(kind: &str, tests: &str) -> String {
    let steps = match kind {
        "call" => "  one:\n    say: Hi\n    next: end\n",
        _ => "  one:\n    reply: Hi\n    next: end\n",
    };
    let source = format!("flow: test\naccount: clinic\non: {kind}\nsteps:\n{steps}tests:\n{tests}");
    let directory = organisation();
    let faults = match check("a.yaml", &source, &DirectoryNames::new(&directory, vec![])) {
        Ok(checked) => checked.warnings,
        Err(faults) => faults,
    };
    let shown = faults
        .iter()
        .map(|fault| format!("{}@{}:{}", fault.code, fault.line, fault.column));
    shown.collect::<Vec<_>>().join(" ")
}

/// A test of one line whose script, `given` and `expect` are these.
fn one(kind: &str, given: &str, script: &str, expect: &str) -> String {
    let begin = match kind {
        "call" => "call: { from: \"+12025550143\", to: \"+12025550101\" }",
        _ => "sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hi }",
    };
    let test = format!(
        "  - name: t\n    {begin}\n    given: {{ {given} }}\n    script:\n      - {script}\n    expect: {{ {expect} }}\n"
    );
    found(kind, &test)
}

#[test]
fn lines() {
    for (kind, line, expected) in [
        ("call", "hears: Hi", ""),
        ("call", "hangs_up", ""),
        ("call", "hangs_up: erin", ""),
        ("call", "presses: 12*#", ""),
        ("call", "presses: 1a", "unknown-value@13:18"),
        ("call", "rings: [erin, farid, \"+12025550150\"]", ""),
        ("call", "rings: [ana]", "unknown-user@13:17"),
        ("call", "rings:", "shape@13:9"),
        ("call", "answers: { user: erin, accept: false }", ""),
        (
            "call",
            "answers: { user: erin, accept: perhaps }",
            "unknown-value@13:40",
        ),
        ("call", "answers: { who: erin }", "unknown-key@13:20"),
        ("call", "fails: errin", "unknown-user@13:16"),
        ("call", "leaves_voicemail: 12", "duration@13:27"),
        ("call", "passes: 2h", ""),
        ("call", "passes: 401d", "out-of-range@13:17"),
        ("call", "receives: Hi", ""),
        ("call", "{ hears: Hi, presses: 1 }", "shape@13:9"),
        ("call", "[hears]", "shape@13:9"),
        ("sms", "presses: 1", "unknown-key@13:9"),
        ("sms", "texts: \"\"", ""),
        ("sms", "receives: \" \"", "empty@13:19"),
        ("sms", "texts:", "shape@13:9"),
        ("sms", "receives_nothing", ""),
        ("sms", "receives_nothing: 1", "shape@13:9"),
        ("sms", "receipt: delivered", ""),
        ("sms", "receipt: { status: failed, error: 21610 }", ""),
        ("sms", "receipt: delivred", "unknown-value@13:18"),
        ("sms", "staff: { user: erin, replies: Hi }", ""),
        ("sms", "staff: { user: erin, assigns: nurses }", ""),
        (
            "sms",
            "staff: { user: erin, assigns: nobody }",
            "unknown-box@13:39",
        ),
        (
            "sms",
            "staff: { user: erin, sings: La }",
            "unknown-key@13:30",
        ),
        ("sms", "staff: { user: erin }", "shape@13:9"),
        ("sms", "staff: erin", "shape@13:9"),
        ("sms", "http: 404", ""),
        ("sms", "http: no_answer", ""),
        (
            "sms",
            "http: { status: 200, body: { name: [Pat, 1] }, url: /a }",
            "",
        ),
        ("sms", "http: 1000", "out-of-range@13:15"),
        ("sms", "http: { code: 200 }", "unknown-key@13:17"),
        ("sms", "http: [200]", "shape@13:9"),
    ] {
        assert_eq!(one(kind, "", line, "sent: 0"), expected, "{kind}: {line}");
    }
}

#[test]
fn what_is_given_and_expected() {
    for (given, expect, expected) in [
        (
            "groups: { nurses: [erin] }",
            "in_box: nurses, voicemail_in: erin",
            "",
        ),
        ("groups: { nurse: [erin] }", "", "unknown-group@11:24"),
        ("groups: { nurses: [ana] }", "", "unknown-user@11:33"),
        ("calendars: { office: closed }", "", ""),
        ("calendars: { ofice: open }", "", "unknown-calendar@11:27"),
        ("calendars: { office: shut }", "", "unknown-value@11:35"),
        (
            "calendars: { office: { open: { mon: \"9-17\" } } }",
            "",
            "calendar@11:35",
        ),
        (
            "contacts: { \"+12025550143\": { language: es, insured: true, tags: [a] } }",
            "",
            "",
        ),
        (
            "contacts: { \"+12025550143\": { height: 180 } }",
            "",
            "unknown-name@11:44",
        ),
        ("contacts: { pat: { name: Pat } }", "", "phone@11:26"),
        (
            "presence: { erin: busy }, opted_out: [\"+12025550143\"]",
            "",
            "",
        ),
        ("presence: { erin: asleep }", "", "unknown-value@11:32"),
        ("people: 1", "", "unknown-key@11:14"),
        ("", "in_box: nurse", "unknown-box@14:23"),
        ("", "notified: [ana]", "unknown-user@14:26"),
        ("", "state: opn", "unknown-value@14:22"),
        ("", "sent: many", "number@14:21"),
        ("", "ended_at: two", "unknown-step@14:25"),
        ("", "contact: { medicine: insulin, insured: ~ }", ""),
        ("", "contact: { medecine: insulin }", "unknown-name@14:26"),
    ] {
        assert_eq!(
            one("call", given, "hears: Hi", expect),
            expected,
            "{given} {expect}"
        );
    }
}

#[test]
fn a_number_that_is_not_ours_is_told() {
    let test = "  - name: t\n    call: { from: \"+12025550143\", to: \"+12025550199\" }\n    expect: { sent: 0 }\n";
    assert_eq!(found("call", test), "unknown-number@10:39");
}

#[test]
fn what_a_file_names_is_kept_for_those_who_make_it_up() {
    let source = "flow: a\naccount: b\non: call\nsteps:\n  one:\n    dial: { group: nurses }\n    then: { else: two }\n  two:\n    hours: office\n    then: { else: end }\n\
        tests:\n  - name: t\n    call: { from: \"+12025550143\", to: \"+12025550101\" }\n    script: [{ rings: [eve] }]\n    expect: { in_box: nurses }\n";
    let used = check("a.yaml", source, &NoNames).unwrap().used;
    let keys = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&used.groups), "nurses");
    assert_eq!(keys(&used.users), "eve");
    assert_eq!(keys(&used.calendars), "office");
}
