//! What one event asks about other people: at once what it can foresee, and never more than so often.

use super::*;

fn open() -> Reach {
    Reach {
        textable: true,
        automated_left: true,
        notices_left: true,
        ..Reach::default()
    }
}

/// Steps one after another, each made by its place.
fn row(count: usize, verb: impl Fn(usize) -> String) -> String {
    let next = |at: usize| match at + 1 == count {
        true => "end".to_owned(),
        false => format!("s{}", at + 1),
    };
    let step = |at: usize| format!("  s{at}:\n    {}\n    next: {}\n", verb(at), next(at));
    (0..count).map(step).collect()
}

#[test]
fn an_event_asks_about_a_bounded_number_of_people() {
    let ended = |count: usize| {
        let send = |at: usize| format!("send: {{ to: \"+120255501{at:02}\", text: Hi }}");
        let mut drive = Drive::sms(&row(count, send));
        drive.start();
        (drive.last().ended.clone(), drive.rounds.get())
    };
    assert_eq!(ended(24), (Some(Ended::End), 1), "all are known to come");
    let (ended, _) = ended(25);
    assert!(matches!(ended, Some(Ended::Fault(reason)) if reason.contains("people")));
}

#[test]
fn who_leads_to_whom_is_asked_a_bounded_number_of_times() {
    let ended = |count: usize| {
        let lookup = |at: usize| match at {
            0 => "lookup: \"+12025550150\"".to_owned(),
            _ => format!("lookup: \"{{{{ steps.s{}.name }}}}\"", at - 1),
        };
        let mut drive = Drive::sms(&row(count, lookup));
        for at in 0..count {
            let next = Person {
                name: Some(format!("+1202555015{}", at + 1)),
                ..Person::default()
            };
            let contact = Some(next);
            let reach = Reach { contact, ..open() };
            drive
                .reach
                .insert(Party::read(&format!("+1202555015{at}")), reach);
        }
        drive.start();
        assert!(drive.rounds.get() < crate::model::turn::ROUNDS_MAX);
        drive.last().ended.clone()
    };
    assert_eq!(ended(3), Some(Ended::End));
    assert!(matches!(ended(4), Some(Ended::Fault(reason)) if reason.contains("people")));
}

#[test]
fn dials_that_may_follow_at_once_ask_together() {
    let mut drive = Drive::call(
        "  one:
    dial: { user: erin }
    then: { answered: end, nobody_available: two, else: end }
  two:
    dial: { group: nurses }
    then: { else: end }
",
    );
    // Erin calls herself.
    let erin = drive.directory.user_by_key("erin").unwrap();
    drive.party = Party::Phone(erin.devices[0].phone);
    drive.start();
    assert_eq!(drive.last().trace[0].outcome, "nobody_available");
    assert_eq!(drive.rounds.get(), 1);
}

#[test]
fn people_are_found_by_a_field() {
    let check = |text: &str, people: Option<Vec<Person>>, expected: &str| {
        let mut drive = Drive::sms(
            "  one:
    lookup: { field: contact.medicine, equals: \"{{ message.text }}\" }
    then: { found: yes, missing: no }
  yes:
    reply: \"{{ steps.one.name }}\"
    next: end
  no:
    reply: Nobody
    next: end
",
        );
        drive.text = Some(text.to_owned());
        let asked = FieldValue {
            field: "medicine".to_owned(),
            value: "aspirin".to_owned(),
        };
        drive
            .with_value
            .extend(people.map(|people| (asked, people)));
        drive.start();
        assert_eq!(drive.asked(), format!("reply {expected:?}"), "{text}");
        drive.rounds.get()
    };
    let pia = || Person {
        name: Some("Pia".to_owned()),
        ..Person::default()
    };
    // Whoever a flow asked for it is known by it, with or without a name.
    let stranger = Person {
        stranger: true,
        ..pia()
    };
    assert_eq!(check(" Aspirin ", Some(vec![pia()]), "Pia"), 1);
    check("ASPIRIN", Some(vec![stranger]), "Pia");
    check("aspirin", Some(vec![pia(), pia()]), "Nobody");
    check("aspirin", None, "Nobody");
    check("ibuprofen", Some(vec![pia()]), "Nobody");
    assert_eq!(
        check("  ", Some(vec![pia()]), "Nobody"),
        0,
        "nothing is asked"
    );
}
