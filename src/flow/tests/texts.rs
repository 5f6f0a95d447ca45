//! Conversations by text.

use super::*;

#[test]
fn a_reply_is_sent_and_the_flow_goes_on() {
    let mut drive = Drive::sms(
        "  one:\n    reply: \"Hello {{ contact.name | default('there') }} at {{ account.name }}\"\n    next: two\n  two:\n    inbox: { group: nurses, note: \"from {{ message.from }}\", tags: [a], priority: high, auto_reply: Thanks }\n    next: end\n",
    );
    drive.start();
    assert_eq!(
        drive.asked(),
        "reply \"Hello there at Clinic\"; inbox Nurses note \"from +12025550143\" tags [\"a\"] high auto \"Thanks\""
    );
    assert_eq!(drive.last().ended, Some(Ended::End));
    let steps: Vec<&str> = drive
        .last()
        .trace
        .iter()
        .map(|trace| trace.step.as_str())
        .collect();
    assert_eq!(steps, ["one", "two"]);
}

#[test]
fn who_opted_out_gets_nothing_and_two_machines_end_before_a_person() {
    let steps = "  one:\n    reply: Hi\n    then: { refused: two }\n    next: end\n  two:\n    close:\n    next: end\n";
    let mut drive = Drive::sms(steps);
    drive.opted_out = true;
    drive.start();
    assert_eq!(drive.asked(), "close");
    let mut drive = Drive::sms(steps);
    drive.automated_left = false;
    drive.start();
    assert_eq!(drive.asked(), "");
    assert!(matches!(drive.last().ended, Some(Ended::Looped(_))));
    let mut drive = Drive::sms(steps);
    drive.party = Party::read("ACME");
    drive.start();
    assert_eq!(drive.asked(), "close");
}

const ASK: &str = "  one:\n    ask: { prompt: When?, again: A date please, save_as: contact.birth_date, expect: date, tries: 2, timeout: 2h }\n    then: { valid: yes, invalid: no, timeout: late }\n  yes:\n    reply: \"{{ contact.birth_date }} {{ steps.one.text }} {{ steps.one.outcome }}\"\n    next: end\n  no:\n    reply: No\n    next: end\n  late:\n    reply: Late\n    next: end\n";

#[test]
fn an_answer_is_awaited_read_and_saved() {
    let mut drive = Drive::sms(ASK);
    drive.start();
    assert_eq!(drive.asked(), "reply \"When?\"");
    assert!(drive.last().waits_for_text);
    let due = drive.last().due_at.unwrap();
    assert_eq!(due.since(drive.now).as_secs(), 7200);
    drive.later(60).texts("soon");
    assert_eq!(drive.asked(), "reply \"A date please\"");
    assert_eq!(drive.last().due_at.unwrap().since(due).as_secs(), 60);
    drive.texts(" 2/3/2001 ");
    assert_eq!(
        drive.asked(),
        "set birth_date=\"2001-02-03\"; reply \"2001-02-03 2/3/2001 valid\""
    );
    assert_eq!(drive.last().ended, Some(Ended::End));
    assert!(!drive.last().waits_for_text);
    // A run that is over stays over.
    drive.texts("again");
    assert_eq!(drive.asked(), "");
    assert_eq!(drive.last().ended, Some(Ended::End));
}

#[test]
fn tries_run_out_and_so_does_time() {
    let mut drive = Drive::sms(ASK);
    drive.start();
    drive.texts("a");
    drive.texts("b");
    assert_eq!(drive.asked(), "reply \"No\"");
    let mut drive = Drive::sms(ASK);
    drive.start();
    // A timer that comes early changes nothing.
    drive.later(7199).take(Event::Timer);
    assert_eq!(drive.asked(), "");
    assert!(drive.last().waits_for_text && drive.last().due_at.is_some());
    drive.later(1).take(Event::Timer);
    assert_eq!(drive.asked(), "reply \"Late\"");
    // A question that cannot be put is not awaited.
    let mut drive = Drive::sms(ASK);
    drive.opted_out = true;
    drive.start();
    assert_eq!(drive.last().ended, Some(Ended::End));
}

#[test]
fn choices_and_variables() {
    let mut drive = Drive::sms(
        "  one:\n    ask: { choices: { small: [s, little], large: [l] }, save_as: flow.size }\n    then: { valid: two, else: end }\n  two:\n    branch: { big: flow.size == \"large\", other: present(flow.size) }\n    then: { big: three, other: four, else: end }\n  three:\n    reply: Large\n    next: end\n  four:\n    reply: \"Size {{ flow.size | upper }}\"\n    next: end\n",
    );
    drive.start();
    assert_eq!(drive.asked(), "", "without a prompt nothing is sent");
    drive.texts("Little, please");
    assert_eq!(drive.asked(), "reply \"Size SMALL\"");
    assert_eq!(drive.last().ended, Some(Ended::End));
}

#[test]
fn keywords_look_at_the_latest_text() {
    let steps = "  one:\n    keywords: { BILL: [billing, my invoice], HOURS: [] }\n    then: { BILL: bill, HOURS: hours, unmatched: end }\n  bill:\n    reply: Bill\n    next: end\n  hours:\n    reply: Hours\n    next: end\n";
    for (text, expected) in [
        ("bill", "reply \"Bill\""),
        ("My invoice?", "reply \"Bill\""),
        ("HOURS please", "reply \"Hours\""),
        ("hello", ""),
        ("", ""),
    ] {
        let mut drive = Drive::sms(steps);
        drive.text = Some(text.to_owned());
        drive.start();
        assert_eq!(drive.asked(), expected, "{text}");
        assert_eq!(drive.last().ended, Some(Ended::End));
    }
    // A flow started for a contact has no text.
    let mut drive = Drive::sms(steps);
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "unmatched");
}

#[test]
fn the_latest_text_is_known_to_later_events() {
    let mut drive = Drive::sms(
        "  one:\n    wait: 1h\n    then: { elapsed: two, replied: two }\n  two:\n    keywords: { BILL: [] }\n    then: { BILL: three, unmatched: end }\n  three:\n    reply: \"About {{ message.text }}\"\n    next: end\n",
    );
    drive.text = Some("bill 7".to_owned());
    drive.start();
    drive.text = None;
    drive.later(3_600).take(Event::Timer);
    assert_eq!(drive.asked(), "reply \"About bill 7\"");
}

#[test]
fn fields_and_tags_are_seen_by_the_steps_that_follow() {
    let mut drive = Drive::sms(
        "  one:\n    set: { contact.name: \"Pia {{ contact.language }}\", contact.insured: yes, contact.next_visit: 2026-04-01, flow.when: \"{{ contact.next_visit }}\" , contact.medicine: ~ }\n    next: two\n  two:\n    tag: { add: [vip, new], remove: [old] }\n    next: three\n  three:\n    branch: { ok: '\"vip\" in contact.tags and contact.insured and flow.when > \"2026-03-31\" and not present(contact.medicine)' }\n    then: { ok: four, else: end }\n  four:\n    reply: \"{{ contact.name }}: {{ contact.tags }}, {{ contact.insured }}\"\n    next: end\n",
    );
    drive.start();
    assert_eq!(
        drive.asked(),
        "set name=\"Pia \"; set insured=true; set next_visit=\"2026-04-01\"; set medicine=null; tag +[\"vip\", \"new\"] -[\"old\"]; reply \"Pia : vip, new, yes\""
    );
}

#[test]
fn caseloads_are_seen_by_the_steps_that_follow() {
    let steps = "  one:\n    lookup: { caseload: insulin }\n    then: { found: two, missing: four }\n  two:\n    tag: { add: [seen], add_caseload: home-visits, remove_caseload: [insulin, home-visits] }\n    next: three\n  three:\n    lookup: { caseload: insulin }\n    then: { found: end, missing: four }\n  four:\n    branch: { ours: '\"home-visits\" in contact.caseloads' }\n    then: { ours: five, else: six }\n  five:\n    reply: \"{{ steps.one.name }}: {{ contact.caseloads }}\"\n    next: end\n  six:\n    close:\n    next: end\n";
    let asked = |caseloads: Option<&[&str]>| {
        let mut drive = Drive::sms(steps);
        drive.contact = caseloads.map(|keys| Contact {
            caseloads: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..drive.known(None)
        });
        drive.start();
        drive.asked()
    };
    let moved =
        "tag +[\"seen\"] -[]; caseloads +[\"home-visits\"] -[\"insulin\", \"home-visits\"]; ";
    assert_eq!(
        asked(Some(&["insulin"])),
        format!("{moved}reply \"Pia: home-visits\"")
    );
    assert_eq!(asked(Some(&["home-visits"])), "reply \": home-visits\"");
    assert_eq!(asked(Some(&[])), "close");
    assert_eq!(asked(None), "close", "nobody is in no caseload");
}

/// A revision may be older than the organisation that it runs in.
#[test]
fn nobody_comes_into_a_caseload_that_is_not_there() {
    let mut drive = Drive::sms(
        "  one:\n    tag: { add_caseload: [insulin, home-visits] }\n    next: two\n  two:\n    reply: \"{{ contact.caseloads }}\"\n    next: end\n",
    );
    drive.contact = Some(drive.known(None));
    drive.change(
        |account| {
            for program in &mut account.programs {
                program.caseloads.retain(|one| one.key != "insulin");
            }
        },
        |_| {},
    );
    drive.start();
    assert_eq!(
        drive.asked(),
        "caseloads +[\"home-visits\"] -[]; reply \"home-visits\""
    );
}

#[test]
fn who_has_left_takes_nothing_over() {
    let steps = "  one:\n    assign: { group: nurses, note: Hi }\n    then: { ok: end, nobody_available: two }\n  two:\n    close:\n    next: end\n";
    let mut drive = Drive::sms(steps);
    drive.start();
    assert_eq!(drive.asked(), "assign Nurses");
    let mut drive = Drive::sms(steps);
    drive.leave("farid");
    drive.leave("erin");
    drive.start();
    assert_eq!(
        drive.asked(),
        "not assigned: nobody in nurses can take it; close"
    );
}

#[test]
fn another_flow_goes_on_from_its_beginning() {
    let mut drive =
        Drive::sms("  one:\n    set: { flow.a: x }\n    next: two\n  two:\n    goto: refill\n");
    drive.start();
    let (key, said) = drive.last().goto.clone().unwrap();
    assert_eq!((key.as_str(), said.len()), ("refill", 0));
    assert_eq!(drive.last().ended, None);
    assert_eq!(drive.run.flow, "refill");
    assert_eq!(drive.run.step, None);
    // The bounds on steps do not begin anew, or two flows could pass a person to and fro for ever.
    let taken = drive.run.steps_event;
    drive.start();
    assert!(drive.run.steps_event > taken);
}

#[test]
fn languages_are_chosen_by_the_contact() {
    let steps = "  one:\n    reply: { en: Hello, es: Hola, fr-CA: Salut }\n    next: end\n";
    for (language, expected) in [
        (None, "Hello"),
        (Some("es"), "Hola"),
        (Some("es-MX"), "Hola"),
        (Some("fr"), "Salut"),
        (Some("de"), "Hello"),
    ] {
        let mut drive = Drive::sms(steps);
        drive.contact = Some(drive.known(language));
        drive.start();
        assert_eq!(drive.asked(), format!("reply {expected:?}"), "{language:?}");
    }
}

#[test]
fn conditions() {
    let check = |condition: &str, expected: bool| {
        let quoted = condition.replace('\'', "''");
        let mut drive = Drive::sms(&format!(
            "  one:\n    branch: {{ yes: '{quoted}' }}\n    then: {{ yes: two, else: end }}\n  two:\n    close:\n    next: end\n"
        ));
        let mut contact = drive.known(Some("es"));
        contact
            .columns
            .insert("birth_date".into(), "2001-03-04".into());
        contact.columns.insert("insured".into(), true.into());
        contact.columns.insert("medicine".into(), "7".into());
        contact.tags = vec!["vip".into()];
        contact.caseloads = vec!["insulin".into()];
        drive.contact = Some(contact);
        drive.text = Some("Hello World".into());
        drive.start();
        assert_eq!(drive.asked() == "close", expected, "{condition}");
    };
    for (condition, expected) in [
        ("contact.insured", true),
        ("not contact.insured", false),
        ("contact.insured == true and contact.name == \"Pia\"", true),
        ("contact.name != \"Pia\" or contact.insured", true),
        ("age(contact.birth_date) == 24", true),
        ("age(contact.birth_date) >= 18 + 7", false),
        ("contact.birth_date < \"2001-03-05\"", true),
        ("contact.birth_date + 1 == \"2001-03-05\"", true),
        ("today() == \"2026-03-03\"", true),
        ("today() - contact.birth_date > 9000", true),
        ("date(\"2026-03-03\") == today()", true),
        ("weekday() in [\"monday\", \"tuesday\"]", true),
        ("weekday() not in [\"monday\", \"tuesday\"]", false),
        ("hour() >= 10 and hour() < 11", true),
        ("\"vip\" in contact.tags", true),
        ("contains(contact.tags, \"vip\")", true),
        ("\"insulin\" in contact.caseloads", true),
        ("\"home-visits\" not in contact.caseloads", true),
        ("length(contact.caseloads) == 1", true),
        ("contains(lower(message.text), \"world\")", true),
        ("starts_with(message.text, \"World\")", false),
        ("length(message.text) == 11", true),
        ("length(contact.tags) == 1", true),
        ("- 3 < 2 - (1 + 1)", true),
        // A comparison with a missing value is false, whichever way it is asked.
        ("contact.next_visit > today()", false),
        ("contact.next_visit <= today()", false),
        ("contact.next_visit == contact.next_visit", false),
        ("not contact.next_visit <= today()", true),
        ("age(contact.next_visit) < 18", false),
        ("contact.email != \"x\"", false),
        ("contact.birth_date + 99999999 > today()", false),
        ("present(contact.email)", false),
        ("present(contact.name)", true),
    ] {
        check(condition, expected);
    }
}

#[test]
fn texts_have_an_end() {
    let long = "x".repeat(3000);
    let mut drive = Drive::sms(&format!("  one:\n    reply: {long}\n    next: end\n"));
    drive.start();
    assert!(
        matches!(&drive.last().effects[..], [Effect::Reply { text, .. }] if text.len() == 1600)
    );
    let mut drive = Drive::sms(
        "  one:\n    reply: \"{% for a in contact.tags %}{% for b in contact.tags %}{% for c in contact.tags %}é{{ a }}{% endfor %}{% endfor %}{% endfor %}\"\n    next: end\n",
    );
    let mut contact = drive.known(None);
    contact.tags = (0..60).map(|n| format!("tag {n}")).collect();
    drive.contact = Some(contact);
    drive.start();
    assert!(
        matches!(&drive.last().effects[..], [Effect::Reply { text, .. }] if text.chars().count() <= 1600 && text.len() > 1000)
    );
}

#[test]
fn templates() {
    for (template, expected) in [
        ("plain { text }", "plain { text }"),
        ("{{contact.name}}!", "Pia!"),
        ("{{ contact.email }}-", "-"),
        ("{% if contact.email %}a{% else %}b{% endif %}", "b"),
        (
            "{% if contact.name == 'Pia' and not contact.email %}x{% endif %}",
            "x",
        ),
        (
            "{{ contact.name | upper }} {{ contact.name | lower | capitalize }}",
            "PIA Pia",
        ),
        ("{{ message.text | first_word }}", "Hello"),
        ("{{ contact.email | default('none') }}", "none"),
        // What is missing is nothing behind a filter too.
        (
            "-{{ contact.email | upper }}{{ contact.email | trim | capitalize }}{{ contact.email | spaced }}",
            "-",
        ),
        (
            "{{ contact.email | lower | first_word | default('friend') }}",
            "friend",
        ),
        (
            "{% if contact.email | first_word %}a{% else %}b{% endif %}",
            "b",
        ),
        (
            "-{{ contact.tags | upper }}{{ contact.insured | upper }}",
            "-YES",
        ),
        ("{{ '202' | spaced }}", "2 0 2"),
        ("{# note #}{{ account.key }}", "clinic"),
        (
            "{{ contact.insured }} {{ contact.insured | default('?') }}",
            "yes yes",
        ),
        ("{{ program.name }}{{ call.from }}", "Clinic+12025550143"),
    ] {
        let quoted = template.replace('\'', "''");
        let mut drive = Drive::sms(&format!("  one:\n    reply: '{quoted}'\n    next: end\n"));
        let mut contact = drive.known(None);
        contact.columns.insert("insured".into(), true.into());
        drive.contact = Some(contact);
        drive.text = Some("Hello World".into());
        drive.start();
        assert_eq!(drive.asked(), format!("reply {expected:?}"), "{template}");
    }
}

#[test]
fn rounds_are_counted() {
    let steps = |first: &str, condition: &str| {
        format!(
            "  zero:\n    set: {{ flow.n: {first} }}\n    next: one\n  one:\n    reply: \"Round {{{{ flow.n }}}}\"\n    next: two\n  two:\n    set: {{ flow.n: \"{{{{ flow.n | default(0) + 1 }}}}\" }}\n    next: three\n  three:\n    branch: {{ enough: {condition} }}\n    then: {{ enough: end, else: four }}\n  four:\n    wait: 1h\n    then: {{ elapsed: one, replied: end }}\n"
        )
    };
    for (first, condition, texts) in [
        (
            "~",
            "flow.n >= 3",
            ["Round ", "Round 1", "Round 2"].as_slice(),
        ),
        ("1", "flow.n == 3", &["Round 1", "Round 2"]),
        ("0", "not (flow.n < 2)", &["Round 0", "Round 1"]),
        ("\"{{ 5 - 3 }}\"", "flow.n > 2", &["Round 2"]),
    ] {
        let mut drive = Drive::sms(&steps(first, condition));
        drive.start();
        let mut sent = vec![drive.asked()];
        while drive.last().ended.is_none() && sent.len() < 10 {
            drive.later(3600).take(Event::Timer);
            sent.push(drive.asked());
        }
        let expected: Vec<String> = texts.iter().map(|text| format!("reply {text:?}")).collect();
        assert_eq!(sent, expected, "{first} {condition}");
    }
}

#[test]
fn what_is_computed_has_its_type() {
    let shown = |value: &str| {
        let mut drive = Drive::sms(&format!(
            "  zero:\n    set: {{ contact.next_visit: \"2026-12-03\", flow.five: 5, flow.word: \"5\" }}\n    next: one\n  one:\n    set: {{ flow.x: '{value}' }}\n    next: two\n  two:\n    reply: \"is {{{{ flow.x }}}}\"\n    next: end\n"
        ));
        drive.start();
        drive
            .asked()
            .rsplit("; ")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    for (value, expected) in [
        ("{{ contact.next_visit + 7 }}", "is 2026-12-10"),
        ("{{ contact.next_visit - date(\"2026-12-01\") }}", "is 2"),
        ("{{ flow.five + flow.five }}", "is 10"),
        ("{{ contact.name | default(\"x\") }}", "is x"),
        ("{{ contact.name | default(\"you\") | upper }}", "is YOU"),
    ] {
        assert_eq!(shown(value), format!("reply {expected:?}"), "{value}");
    }
}

#[test]
fn what_could_fail_in_a_text_is_refused() {
    for (text, sound) in [
        ("{{ contact.name | default('a-b + c') }}", true),
        ("{{- contact.name -}}", true),
        ("{% if 'a' in contact.name %}x{% endif %}", true),
        ("{% if 'vip' in contact.tags %}x{% endif %}", true),
        ("{% for tag in contact.tags %}{{ tag }}{% endfor %}", true),
        (
            "{% if contact.medicine == 'x' or not contact.insured %}x{% endif %}",
            true,
        ),
        ("{{ contact.name | default }}", false),
        ("{{ contact.next_visit + 7 }}", false),
        ("{{ 1 - 2 }}", false),
        ("{{ 'a'.b }}", false),
        ("{% if 1 in contact.insured %}x{% endif %}", true),
        ("{{ contact.name | default(-1) }}", true),
        (
            "{% if contact.name == 'a' %}{{ contact.name | default('a', 'b') }}{% endif %}",
            false,
        ),
        (
            "{% if contact.name == 'vip' %}{{ contact.name | upper(1) }}{% endif %}",
            false,
        ),
        ("{{ contact.name | default(('a, b')) | trim }}", true),
        (
            "{% if contact.name == 'vip' %}{% for x in 5 %}{{ x }}{% endfor %}{% endif %}",
            false,
        ),
    ] {
        let source = format!(
            "flow: t\naccount: clinic\non: sms\nsteps:\n  one:\n    reply: \"{text}\"\n    next: end\n"
        );
        let directory = organisation();
        let read = check("f", &source, &DirectoryNames::new(&directory, Vec::new()));
        assert_eq!(read.is_ok(), sound, "{text}: {read:?}");
        // What was published before it was refused stays in force.
        if text.contains('+') {
            assert!(read_published(&source, &DirectoryNames::new(&directory, Vec::new())).is_ok());
        }
    }
}

#[test]
fn what_was_published_is_read_whatever_is_refused_since() {
    for value in [
        "{{ contact.name -}}",
        "{{- contact.name -}}",
        "{{ contact.name + 'x' }}",
        "{{ contact.name == -1 }}",
        "{{ contact.name | default }}",
        "{{ 'a' if contact.insured else -1 }}",
    ] {
        for step in ["reply", "set: { flow.x", "call: { flow: refill, with: { x"] {
            let (begin, end) = match step {
                "reply" => ("reply: ".to_owned(), ""),
                other => (
                    format!("{other}: "),
                    if other.starts_with("set") {
                        " }"
                    } else {
                        " } }"
                    },
                ),
            };
            let source = format!(
                "flow: t\naccount: clinic\non: sms\nsteps:\n  one:\n    {begin}\"{value}\"{end}\n    next: end\n"
            );
            assert!(read_published(&source, &NoNames).is_ok(), "{source}");
        }
    }
    // And a blank of another script begins a paragraph.
    let source = "flow: t\naccount: clinic\non: sms\nsteps:\n  one:\n    reply: |\n      Hello\n      \u{3000}and more\n    next: end\n";
    assert!(check("f", source, &NoNames).is_ok());
}

#[test]
fn a_bare_truth_is_one_in_a_variable() {
    for (value, expected) in [("true", "yes"), ("false", "no"), ("\"{{ true }}\"", "yes")] {
        let mut drive = Drive::sms(&format!(
            "  one:\n    set: {{ flow.done: {value} }}\n    next: two\n  two:\n    branch: {{ done: flow.done }}\n    then: {{ done: good, else: bad }}\n  good:\n    reply: \"yes\"\n    next: end\n  bad:\n    reply: \"no\"\n    next: end\n"
        ));
        drive.start();
        assert_eq!(drive.asked(), format!("reply {expected:?}"), "{value}");
    }
}
