//! Sending, looking up, telling, consent, waiting, splitting, and flows as parts of flows.

use super::*;

/// Steps that the outcomes of `one` lead to, each saying its name.
fn says(outcomes: &[&str]) -> String {
    let step = |name: &&str| format!("  at_{name}:\n    reply: {name}\n    next: end\n");
    outcomes.iter().map(step).collect()
}

/// A text flow whose first step is this verb, with the outcomes it leads to.
fn one(verb: &str, outcomes: &[&str]) -> Drive {
    let then: Vec<String> = outcomes
        .iter()
        .map(|name| format!("{name}: at_{name}"))
        .collect();
    let steps = says(outcomes);
    Drive::sms(&format!(
        "  one:\n    {verb}\n    then: {{ {} }}\n{steps}",
        then.join(", ")
    ))
}

fn other() -> Party {
    Party::read("+12025550199")
}

fn open() -> Reach {
    Reach {
        textable: true,
        automated_left: true,
        ..Reach::default()
    }
}

#[test]
fn a_text_goes_to_another_phone_where_it_may() {
    let check = |verb: &str, reach: Reach, expected: &str| {
        let mut drive = one(verb, &["ok", "refused"]);
        drive.reach.insert(other(), reach);
        drive.start();
        assert_eq!(drive.asked(), expected, "{verb}");
        assert_eq!(drive.last().ended, Some(Ended::End));
    };
    let verb = "send: { to: \"+12025550199\", text: \"From {{ message.from }}\" }";
    let sent = "send +12025550199 \"From +12025550143\"; reply \"ok\"";
    check(verb, open(), sent);
    // As people write it: without the country's code.
    check(
        "send: { to: \"{{ contact.phone }}\", text: Hi }",
        open(),
        "reply \"Hi\"; reply \"ok\"",
    );
    for reach in [
        Reach {
            consent: Allowed {
                account: Verdict::Out,
                ..Allowed::default()
            },
            ..open()
        },
        Reach {
            textable: false,
            ..open()
        },
        Reach {
            automated_left: false,
            ..open()
        },
    ] {
        check(verb, reach, "reply \"refused\"");
    }
    // A text of nothing but missing values is none, and a value that is no phone is nobody's.
    check(
        "send: { to: \"+12025550199\", text: \"{{ contact.email }}\" }",
        open(),
        "reply \"refused\"",
    );
    check(
        "send: { to: contact.email, text: Hi }",
        open(),
        "reply \"refused\"",
    );
}

#[test]
fn a_text_to_the_person_is_a_reply() {
    let verb = "send: { text: Hi }";
    let mut drive = one(verb, &["ok", "refused"]);
    drive.start();
    assert_eq!(drive.asked(), "reply \"Hi\"; reply \"ok\"");
    let mut drive = one(verb, &["ok", "refused"]);
    drive.opted_out = true;
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "refused");
    let mut drive = one(verb, &["ok", "refused"]);
    drive.textable = false;
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "refused");
    assert_eq!(
        drive.asked(),
        "reply \"refused\"",
        "nothing was sent before"
    );
    // After a missed call.
    let mut drive = Drive::call(
        "  one:\n    say: Hi\n    then: { caller_hung_up: two }\n    next: box\n  box:\n    voicemail: { group: nurses }\n    then: { caller_hung_up: two }\n    next: end\n  two:\n    send: { text: \"Sorry we missed you\" }\n    next: end\n",
    );
    drive.start();
    drive.take(Event::HungUp);
    drive.later(60).take(Event::Timer);
    assert_eq!(
        drive.asked(),
        "reply \"Sorry we missed you\"; outcome missed"
    );
}

#[test]
fn who_a_phone_belongs_to_is_looked_up() {
    let steps = "  one:\n    lookup: { phone: \"+12025550199\" }\n    then: { found: yes, missing: no }\n  yes:\n    reply: \"{{ steps.one.name }} {{ steps.one.email }} {{ steps.one.language }}\"\n    next: end\n  no:\n    reply: Nobody\n    next: end\n";
    let person = Person {
        name: Some("Rosa".into()),
        email: None,
        language: Some("es".into()),
        stranger: false,
    };
    let stranger = Person {
        stranger: true,
        ..Person::default()
    };
    for (contact, expected) in [
        (Some(person), "reply \"Rosa  es\""),
        (Some(stranger), "reply \"Nobody\""),
        (None, "reply \"Nobody\""),
    ] {
        let mut drive = Drive::sms(steps);
        drive.reach.insert(other(), Reach { contact, ..open() });
        drive.start();
        assert_eq!(drive.asked(), expected);
    }
    // The person's own phone needs no look.
    let own = steps.replace("\"+12025550199\"", "message.from");
    let mut drive = Drive::sms(&own);
    drive.contact = Some(drive.known(Some("es")));
    drive.start();
    assert_eq!(drive.asked(), "reply \"Pia  es\"");
    let mut drive = Drive::sms(&own);
    drive.start();
    assert_eq!(drive.asked(), "reply \"Nobody\"");
    let mut drive = Drive::sms(&own);
    drive.party = Party::Withheld;
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "missing");
}

#[test]
fn e_mails_leave_where_there_is_somebody() {
    let check = |verb: &str, change: fn(&mut Drive), expected: &str| {
        let mut drive = Drive::sms(&format!("  one:\n    {verb}\n    next: end\n"));
        let mut pia = drive.known(None);
        pia.email = Some("pia@example.org".into());
        drive.contact = Some(pia);
        change(&mut drive);
        drive.start();
        assert_eq!(drive.asked(), expected, "{verb}");
    };
    let verb = "email: { to: contact.email, subject: \"For\\n{{ contact.name }}\", text: Hello }";
    check(verb, |_| {}, "email pia@example.org \"For Pia\" \"Hello\"");
    let nobody = "note \"An e-mail of the flow did not leave: nobody it goes to has an address.\"";
    let unable = "note \"An e-mail of the flow did not leave: no mail server is configured.\"";
    check(verb, |drive| drive.contact = None, nobody);
    check(verb, |drive| drive.email = false, unable);
    // What a person gave as their address never becomes a list of addresses.
    let two = |drive: &mut Drive| {
        if let Some(pia) = &mut drive.contact {
            pia.email = Some("a@example.org, b@example.org".into());
        }
    };
    check(verb, two, nobody);
    check(
        "email: { group: nurses, subject: S, text: T }",
        |_| {},
        "email farid@example.org+erin@example.org \"S\" \"T\"",
    );
    check(
        "email: { user: erin, subject: S, text: T }",
        |drive| drive.leave("erin"),
        nobody,
    );
}

#[test]
fn consent_is_taken_down_and_holds_at_once() {
    let mut drive = Drive::sms(
        "  one:\n    consent: { record: out, scope: account }\n    next: two\n  two:\n    reply: Still there?\n    then: { ok: end, refused: three }\n  three:\n    consent: { record: in, scope: account }\n    next: four\n  four:\n    consent: { check: account }\n    then: { in: five, else: end }\n  five:\n    reply: Welcome\n    next: end\n",
    );
    drive.start();
    assert_eq!(
        drive.asked(),
        "consent account out; consent account in; reply \"Welcome\""
    );
    // A STOP is undone by the person's own START alone.
    let mut drive = one("consent: { record: in, scope: number }", &["ok"]);
    drive.opted_out = true;
    drive.start();
    assert!(drive.asked().starts_with("note "), "{}", drive.asked());
    let mut drive = one("consent: { record: in }", &["ok"]);
    drive.party = Party::Withheld;
    drive.start();
    assert_eq!(drive.asked(), "");
}

#[test]
fn consent_is_checked_by_every_scope_that_keeps_somebody_out() {
    let with = |change: fn(&mut Allowed)| {
        let mut allowed = Allowed::default();
        change(&mut allowed);
        allowed
    };
    for (consent, expected) in [
        (Allowed::default(), "unknown"),
        (with(|it| it.program = Verdict::In), "in"),
        (with(|it| it.account = Verdict::In), "unknown"),
        (with(|it| it.organisation = Verdict::Out), "out"),
        (
            with(|it| (it.program, it.number) = (Verdict::In, Verdict::Out)),
            "out",
        ),
    ] {
        let mut drive = one("consent: { check: program }", &["in", "out", "unknown"]);
        drive.consent = consent;
        drive.start();
        assert_eq!(drive.last().trace[0].outcome, expected, "{consent:?}");
    }
}

#[test]
fn consent_is_asked_for_by_text() {
    let begin = || {
        let mut drive = one(
            "consent: { ask: May we text you?, scope: number, tries: 2, timeout: 2h }",
            &["in", "out", "unknown"],
        );
        drive.start();
        assert_eq!(drive.asked(), "reply \"May we text you?\"");
        assert!(drive.last().waits_for_text);
        drive
    };
    for (answers, expected) in [
        (&["Yes"][..], "consent number in; reply \"in\""),
        (&["what?", "yes"][..], "consent number in; reply \"in\""),
        (&["no thanks"][..], "consent number out; reply \"out\""),
        (&["what?", "who?"][..], "reply \"unknown\""),
    ] {
        let mut drive = begin();
        for answer in answers {
            drive.texts(answer);
        }
        // Having said no, the person gets no text that tells of it.
        let expected = expected.replace("; reply \"out\"", "");
        assert_eq!(drive.asked(), expected, "{answers:?}");
        assert_eq!(drive.last().ended, Some(Ended::End));
    }
    let mut drive = begin();
    drive.later(7200).take(Event::Timer);
    assert_eq!(drive.asked(), "reply \"unknown\"");
    let mut drive = one("consent: { ask: May we? }", &["in", "out", "unknown"]);
    drive.opted_out = true;
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "out");
}

#[test]
fn consent_is_asked_for_by_key() {
    let steps = "  one:\n    consent: { ask: Press 1 for texts., tries: 2 }\n    then: { in: yes, out: no, unknown: no, caller_hung_up: note }\n  yes:\n    say: Thanks\n    next: end\n  no:\n    say: Fine\n    next: end\n  note:\n    inbox: { group: nurses }\n    next: end\n";
    for (keys, asked, heard) in [
        (
            &["1"][..],
            "consent program in; outcome ended",
            "en:Thanks | hangup",
        ),
        (
            &["9", "2"][..],
            "consent program out; outcome ended",
            "en:Fine | hangup",
        ),
        (&["", ""][..], "outcome ended", "en:Fine | hangup"),
    ] {
        let mut drive = Drive::call(steps);
        drive.start();
        assert_eq!(drive.hears(), "gather<1>(en:Press 1 for texts.)");
        for key in keys {
            drive.take(Event::Digits(key));
        }
        assert_eq!(
            (drive.asked().as_str(), drive.hears().as_str()),
            (asked, heard)
        );
    }
    let mut drive = Drive::call(steps);
    drive.start();
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "inbox Nurses; outcome missed");
}

#[test]
fn time_passes_or_the_person_writes_first() {
    let begin = |verb: &str| {
        let mut drive = one(verb, &["elapsed", "replied"]);
        drive.start();
        drive
    };
    let mut drive = begin("wait: 2h");
    assert_eq!(drive.asked(), "");
    assert!(drive.last().waits_for_text);
    assert_eq!(
        drive.last().due_at.unwrap().since(drive.now).as_secs(),
        7200
    );
    drive.later(7199).take(Event::Timer);
    assert_eq!(drive.last().ended, None);
    drive.later(1).take(Event::Timer);
    assert_eq!(drive.asked(), "reply \"elapsed\"");
    let mut drive = begin("wait: 2h");
    drive.later(7201).texts("hello");
    assert_eq!(drive.asked(), "reply \"replied\"");
    // The clinic is open on this Tuesday until noon, and again from one.
    let drive = begin("wait: { until: office }");
    assert_eq!(drive.asked(), "reply \"elapsed\"");
    let mut drive = one("wait: { until: office }", &["elapsed", "replied"]);
    drive.later(2 * 3600).start();
    let due = drive.last().due_at.unwrap();
    assert_eq!(due.since(drive.now).as_secs(), 1800);
}

#[test]
fn a_split_is_even_and_always_the_same_for_one_person() {
    let mut went = [0_u32; 2];
    for number in 100..200 {
        let mut drive = one("split: { new: 25, old: 75 }", &["new", "old"]);
        drive.party = Party::read(&format!("+12025550{number}"));
        drive.start();
        let first = drive.last().trace[0].outcome.clone();
        let mut again = one("split: { new: 25, old: 75 }", &["new", "old"]);
        again.party = drive.party.clone();
        again.later(99_999).start();
        assert_eq!(again.last().trace[0].outcome, first);
        went[usize::from(first == "old")] += 1;
    }
    assert!((15..=35).contains(&went[0]), "{went:?}");
    // Whichever phone a person uses, they stay who they are.
    let mut outcomes = Vec::new();
    for own in ["+12025550143", "+12025550144", "+12025550145"] {
        let mut drive = one("split: { a: 1, b: 1 }", &["a", "b"]);
        let mut pia = drive.known(None);
        pia.phones = vec![crate::model::people::ContactPhone {
            phone: Party::read("+12025550120"),
            kind: "mobile".into(),
            textable: true,
        }];
        drive.contact = Some(pia);
        drive.party = Party::read(own);
        drive.start();
        outcomes.push(drive.last().trace[0].outcome.clone());
    }
    outcomes.dedup();
    assert_eq!(outcomes.len(), 1);
    let mut drive = one("split: { never: 0, all: 1 }", &["never", "all"]);
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "all");
}

/// Goes on in another flow, as whoever keeps the flows does.
fn enter(drive: &mut Drive, source: &str) -> Flow {
    let called = Drive::new(source).flow;
    assert_eq!(drive.run.flow, called.key);
    std::mem::replace(&mut drive.flow, called)
}

const VERIFY: &str = "flow: verify\naccount: clinic\non: sms\nwith: { tries: 3, word: open, when: ~ }\nsteps:\n  ask:\n    ask: { prompt: \"{{ flow.tries }} {{ flow.word }} {{ flow.when }}?\", save_as: flow.result }\n    then: { valid: end, invalid: end, timeout: away }\n  away:\n    goto: refill\n";

#[test]
fn a_flow_is_a_part_of_another() {
    let mut drive = Drive::sms(
        "  name:\n    set: { flow.own: mine }\n    next: one\n  one:\n    call: { flow: verify, with: { word: \"{{ flow.own }}\" } }\n    next: two\n  two:\n    reply: \"{{ flow.own }} {{ steps.one.result }} {{ steps.one.outcome }}\"\n    next: end\n",
    );
    drive.start();
    assert_eq!(drive.last().goto.as_ref().unwrap().0, "verify");
    let outer = enter(&mut drive, VERIFY);
    drive.start();
    assert_eq!(drive.asked(), "reply \"3 mine ?\"");
    assert!(drive.last().waits_for_text);
    drive.texts("sesame");
    assert!(drive.last().returns.is_some() && drive.last().ended.is_none());
    assert_eq!(drive.run.flow, "test");
    drive.flow = outer;
    drive.take(Event::Returned);
    assert_eq!(drive.asked(), "reply \"mine sesame returned\"");
    assert_eq!(drive.last().ended, Some(Ended::End));
}

#[test]
fn whoever_leaves_a_called_flow_for_another_does_not_come_back() {
    let mut drive = Drive::sms("  one:\n    call: verify\n    next: end\n");
    drive.start();
    enter(&mut drive, VERIFY);
    drive.start();
    drive.later(24 * 3600).take(Event::Timer);
    assert_eq!(drive.last().goto.as_ref().unwrap().0, "refill");
    assert!(!drive.run.is_called());
}

#[test]
fn flows_that_call_themselves_end() {
    let mut drive = Drive::sms("  one:\n    call: test\n    next: end\n");
    let mut deep = 0;
    while drive.start().goto.is_some() {
        deep += 1;
        assert!(deep < 10);
    }
    assert_eq!(deep, 5);
    let fault = drive.last().ended.clone();
    assert!(matches!(fault, Some(Ended::Looped(reason)) if reason.contains("inside one another")));
}

#[test]
fn a_caller_who_leaves_a_called_flow_has_left_the_calling_one() {
    let called = "flow: inner\naccount: clinic\non: call\nsteps:\n  key:\n    menu: { prompt: Press 1 }\n    then: { 1: bye, else: end }\n  bye:\n    hangup:\n";
    let begin = || {
        let mut drive = Drive::call(
            "  hello:\n    say: Hello\n    next: one\n  one:\n    call: inner\n    then: { returned: two, caller_hung_up: note }\n  two:\n    say: Back\n    next: end\n  note:\n    inbox: { group: nurses }\n    next: end\n",
        );
        drive.start();
        let outer = enter(&mut drive, called);
        let said = drive.last().goto.clone().unwrap().1;
        assert_eq!(shown(&said), "en:Hello");
        drive.start();
        assert_eq!(drive.hears(), "gather<1>(en:Press 1)");
        (drive, outer)
    };
    let (mut drive, outer) = begin();
    for _ in 0..3 {
        drive.take(Event::Digits("9"));
    }
    assert!(drive.last().returns.is_some());
    drive.flow = outer;
    drive.take(Event::Returned);
    assert_eq!(drive.hears(), "en:Back | hangup");
    assert_eq!(drive.call_outcome(), Some("ended"));
    let (mut drive, outer) = begin();
    drive.take(Event::HungUp);
    assert!(drive.last().returns.is_some());
    drive.flow = outer;
    drive.take(Event::Returned);
    assert_eq!(drive.asked(), "inbox Nurses; outcome missed");
    // Hanging up is for good, wherever it stands.
    let (mut drive, _) = begin();
    drive.take(Event::Digits("1"));
    assert_eq!(drive.last().ended, Some(Ended::Hangup));
    assert_eq!(drive.hears(), "hangup");
}

#[test]
fn a_call_is_handed_on() {
    let mut drive = Drive::call(
        "  one:\n    say: One moment\n    next: two\n  two:\n    transfer: \"+12025550199\"\n",
    );
    drive.start();
    assert_eq!(drive.hears(), "en:One moment | transfer +12025550199");
    assert_eq!(
        drive.asked(),
        "note \"The call was handed on to +12025550199.\"; outcome ended"
    );
    assert_eq!(drive.last().ended, Some(Ended::Transferred));
    let mut drive =
        Drive::call("  one:\n    transfer: { number: \"+12025550199\", caller_id: number }\n");
    drive.start();
    assert_eq!(drive.hears(), "transfer +12025550199 as +12025550101");
}
