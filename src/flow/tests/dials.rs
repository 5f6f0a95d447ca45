//! Ringing by the carrier's own dial: one after another, and few at once.

use super::*;
use crate::model::{CallStatus, DialStatus};

/// A dial whose outcomes are spoken.
fn dial(with: &str) -> String {
    let outcomes = [
        "answered",
        "no_answer",
        "busy",
        "declined",
        "failed",
        "nobody_available",
    ];
    let then: Vec<String> = outcomes
        .iter()
        .map(|name| format!("{name}: {name}"))
        .collect();
    let mut steps = format!(
        "  one:\n    dial: {{ {with} }}\n    then: {{ {}, caller_hung_up: gone }}\n  gone:\n    inbox: {{ group: nurses }}\n    next: end\n",
        then.join(", ")
    );
    for name in outcomes {
        steps += &format!("  {name}:\n    say: {name}\n    next: end\n");
    }
    steps
}

fn ended(status: DialStatus) -> Event<'static> {
    Event::DialEnded {
        status,
        duration_s: 0,
        caller_gone: false,
    }
}

#[test]
fn one_after_another_until_somebody_answers() {
    let mut drive = Drive::call(&dial("group: nurses, ring: 15s"));
    drive.start();
    assert_eq!(drive.hears(), "dial 1 for 15s");
    assert_eq!(drive.asked(), "ring farid 15s");
    drive.take(ended(DialStatus::NoAnswer));
    assert_eq!(drive.asked(), "ended farid no_answer; ring erin 15s");
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 30,
        caller_gone: false,
    });
    assert_eq!(
        drive.asked(),
        "accepted erin; ended erin completed; outcome answered"
    );
    assert_eq!(drive.hears(), "en:answered | hangup");
}

#[test]
fn the_worst_is_told_last() {
    use DialStatus as Is;
    for (first, second, expected) in [
        (Is::NoAnswer, Is::Busy, "no_answer"),
        (Is::Busy, Is::NoAnswer, "no_answer"),
        (Is::Busy, Is::Declined, "busy"),
        (Is::Failed, Is::Declined, "declined"),
        (Is::Failed, Is::Failed, "failed"),
        (Is::Canceled, Is::Failed, "no_answer"),
    ] {
        let mut drive = Drive::call(&dial("group: nurses"));
        drive.start();
        drive.take(ended(first));
        drive.take(ended(second));
        assert_eq!(
            drive.hears(),
            format!("en:{expected} | hangup"),
            "{first:?} {second:?}"
        );
        assert_eq!(drive.call_outcome(), Some("missed"));
    }
}

#[test]
fn a_talk_is_recorded_only_where_the_flow_says_so() {
    for (with, heard) in [
        ("group: nurses, record: true", "dial 1 for 20s recorded"),
        ("group: nurses, record: false", "dial 1 for 20s"),
        (
            "group: nurses, accept: key, record: true",
            "dial 1 for 20s screened recorded",
        ),
        ("group: nurses, accept: amd, record: true", "hold recorded"),
        (
            "group: nurses, order: simultaneous, accept: key, record: true",
            "hold recorded",
        ),
        ("group: nurses, order: simultaneous, accept: key", "hold"),
    ] {
        let mut drive = Drive::call(&dial(with));
        drive.start();
        assert_eq!(drive.hears(), heard, "{with}");
    }
}

#[test]
fn nobody_can_be_tried() {
    // Nobody there; everybody away; only the caller's own phone; a member without a device.
    let mut drive = Drive::call(&dial("group: nurses"));
    drive.leave("farid");
    drive.leave("erin");
    drive.start();
    assert_eq!(drive.hears(), "en:nobody_available | hangup");
    let mut drive = Drive::call(&dial("group: nurses, order: simultaneous"));
    for (key, offline) in [("farid", true), ("erin", false)] {
        let presence = Presence {
            offline,
            busy: !offline,
            ..Presence::default()
        };
        drive.presence.insert(drive.user(key), presence);
    }
    drive.start();
    assert_eq!(drive.hears(), "en:nobody_available | hangup");
    let mut drive = Drive::call(&dial("user: erin"));
    drive.party = Party::read("+12025550115");
    drive.start();
    assert_eq!(drive.hears(), "en:nobody_available | hangup");
    let mut drive = Drive::call(&dial("user: erin, skip: []"));
    drive.party = Party::read("+12025550115");
    drive.start();
    assert_eq!(drive.hears(), "dial 1 for 20s");
    let mut drive = Drive::new(&dial_of_college("group: admissions"));
    drive.start();
    assert_eq!(drive.asked(), "ring ana 20s", "dev has no device");
    drive.take(ended(DialStatus::NoAnswer));
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

fn dial_of_college(with: &str) -> String {
    let steps = dial(with).replace("group: nurses }", "group: billing }");
    format!("flow: test\naccount: college\non: call\nsteps:\n{steps}")
}

#[test]
fn who_becomes_busy_or_leaves_meanwhile_is_skipped() {
    let mut drive = Drive::call(&dial("group: nurses"));
    drive.start();
    drive.presence.insert(
        drive.user("erin"),
        Presence {
            offline: false,
            busy: true,
            ..Presence::default()
        },
    );
    drive.take(ended(DialStatus::Busy));
    assert_eq!(drive.hears(), "en:busy | hangup");
    let mut drive = Drive::call(&dial("group: nurses"));
    drive.start();
    drive.leave("erin");
    drive.take(ended(DialStatus::NoAnswer));
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

#[test]
fn all_of_it_has_an_end_in_time() {
    let mut drive = Drive::call(&dial("group: nurses, ring: 15s, total: 20s"));
    drive.start();
    drive.later(12).take(ended(DialStatus::NoAnswer));
    assert_eq!(drive.asked(), "ended farid no_answer; ring erin 8s");
    let mut drive = Drive::call(&dial("group: nurses, ring: 15s, total: 20s"));
    drive.start();
    drive.later(16).take(ended(DialStatus::NoAnswer));
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

#[test]
fn devices_numbers_and_lists() {
    let mut drive = Drive::call(&dial("user: carla, devices: ordered, caller_id: number"));
    drive.start();
    assert_eq!(drive.asked(), "ring carla 20s");
    assert!(
        matches!(&drive.last().effects[0], Effect::Ring { caller_id: Some(number), .. } if number == "+12025550101")
    );
    drive.take(ended(DialStatus::NoAnswer));
    assert_eq!(
        drive.asked(),
        "ended carla no_answer; ring carla 20s",
        "her second device"
    );
    let mut drive = Drive::call(&dial(
        "to: [{ number: \"+12025550199\" }, { user: erin }, { group: nurses }], order: simultaneous",
    ));
    drive.start();
    assert_eq!(
        drive.asked(),
        "ring +12025550199+erin+farid 20s",
        "each device once"
    );
    assert_eq!(drive.hears(), "dial 3 for 20s");
}

#[test]
fn with_acceptance_an_answer_alone_is_worth_nothing() {
    let begin = || {
        let mut drive = Drive::call(&dial(
            "user: farid, accept: key, prompt: \"Call for {{ account.name }}\"",
        ));
        drive.start();
        assert_eq!(drive.hears(), "dial 1 for 20s screened");
        let leg = drive.leg("farid");
        (drive, leg)
    };
    let asks = |leg, digits| Event::Screen {
        leg,
        digits,
        machine: false,
        unsure: false,
    };
    // The carrier says answered, and nobody accepted.
    let (mut drive, _) = begin();
    drive.take(ended(DialStatus::Answered));
    assert_eq!(drive.hears(), "en:no_answer | hangup");
    // The mobile's voicemail hears the prompt to its end.
    let (mut drive, leg) = begin();
    drive.take(asks(leg, None));
    assert_eq!(drive.leg_hears(), "gather<1>(en:Call for Clinic) | hangup");
    drive.take(asks(leg, Some("")));
    assert_eq!(drive.leg_hears(), "hangup");
    drive.take(ended(DialStatus::Answered));
    assert_eq!(drive.hears(), "en:no_answer | hangup");
    // The carrier hears a machine.
    let (mut drive, leg) = begin();
    drive.take(Event::Screen {
        leg,
        digits: None,
        machine: true,
        unsure: false,
    });
    assert_eq!(drive.leg_hears(), "hangup");
    // Key 2, and hanging up at the prompt.
    let (mut drive, leg) = begin();
    drive.take(asks(leg, None));
    drive.take(asks(leg, Some("2")));
    assert_eq!(
        (drive.leg_hears().as_str(), drive.asked().as_str()),
        ("hangup", "ended farid completed")
    );
    drive.take(ended(DialStatus::Answered));
    assert_eq!(drive.hears(), "en:declined | hangup");
    let (mut drive, leg) = begin();
    drive.take(asks(leg, None));
    drive.take(Event::LegStatus {
        leg,
        status: CallStatus::Completed,
    });
    drive.take(ended(DialStatus::Answered));
    assert_eq!(drive.hears(), "en:declined | hangup");
    let (mut drive, leg) = begin();
    drive.take(asks(leg, None));
    drive.take(ended(DialStatus::Answered));
    assert_eq!(
        drive.hears(),
        "en:declined | hangup",
        "the leg's end comes second"
    );
    // Accepted, told twice, then over.
    let (mut drive, leg) = begin();
    drive.take(asks(leg, None));
    drive.take(asks(leg, Some("1")));
    assert_eq!(drive.asked(), "accepted farid");
    assert_eq!(drive.last().leg_script, Some(Vec::new()), "connected");
    drive.take(asks(leg, Some("1")));
    assert_eq!(
        (drive.asked().as_str(), &drive.last().leg_script),
        ("", &Some(Vec::new()))
    );
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 9,
        caller_gone: true,
    });
    assert_eq!(drive.call_outcome(), Some("answered"));
    assert_eq!(drive.last().ended, Some(Ended::CallerGone));
}

#[test]
fn the_key_may_come_before_the_prompt_is_known_to_be_heard() {
    let mut drive = Drive::call(&dial("user: farid, accept: key"));
    drive.start();
    let leg = drive.leg("farid");
    drive.take(Event::Screen {
        leg,
        digits: Some("1"),
        machine: false,
        unsure: false,
    });
    assert_eq!(drive.asked(), "accepted farid");
    drive.take(Event::Screen {
        leg,
        digits: None,
        machine: false,
        unsure: false,
    });
    assert_eq!(drive.last().leg_script, Some(Vec::new()));
}

#[test]
fn the_caller_leaves() {
    let begin = || {
        let mut drive = Drive::call(&dial("group: nurses"));
        drive.start();
        drive
    };
    // While it rings, told by either event or by both.
    let mut drive = begin();
    drive.take(Event::HungUp);
    assert_eq!(
        drive.asked(),
        "ended farid canceled; inbox Nurses; outcome missed"
    );
    drive.take(Event::DialEnded {
        status: DialStatus::Canceled,
        duration_s: 0,
        caller_gone: true,
    });
    assert_eq!(drive.asked(), "");
    let mut drive = begin();
    drive.take(Event::DialEnded {
        status: DialStatus::Canceled,
        duration_s: 0,
        caller_gone: true,
    });
    assert_eq!(
        drive.asked(),
        "ended farid canceled; inbox Nurses; outcome missed"
    );
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "");
    // After a conversation, in both orders.
    let mut drive = begin();
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 40,
        caller_gone: true,
    });
    assert_eq!(
        drive.asked(),
        "accepted farid; ended farid completed; outcome answered"
    );
    let mut drive = begin();
    let leg = drive.leg("farid");
    drive.take(Event::LegStatus {
        leg,
        status: CallStatus::InProgress,
    });
    assert_eq!(drive.asked(), "accepted farid");
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "ended farid canceled; outcome answered");
}

#[test]
fn a_conversation_is_known_by_the_end_of_its_leg() {
    let mut drive = Drive::call(&dial("group: nurses"));
    drive.start();
    let leg = drive.leg("farid");
    let status = CallStatus::Completed;
    drive.take(Event::LegStatus { leg, status });
    assert_eq!(drive.asked(), "accepted farid; ended farid completed");
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "outcome answered");
}

#[test]
fn late_reports_of_legs_change_nothing() {
    let mut drive = Drive::call(&dial("group: nurses"));
    drive.start();
    let farid = drive.leg("farid");
    drive.take(Event::LegStatus {
        leg: farid,
        status: CallStatus::Busy,
    });
    assert_eq!(
        (drive.asked().as_str(), drive.hears().as_str()),
        ("ended farid busy", "-")
    );
    drive.take(ended(DialStatus::Busy));
    assert_eq!(drive.asked(), "ring erin 20s");
    for status in [
        CallStatus::Ringing,
        CallStatus::InProgress,
        CallStatus::Completed,
        CallStatus::Busy,
    ] {
        drive.take(Event::LegStatus { leg: farid, status });
        assert_eq!(
            (drive.asked().as_str(), drive.hears().as_str()),
            ("", "-"),
            "{status:?}"
        );
    }
    drive.take(Event::Screen {
        leg: farid,
        digits: None,
        machine: false,
        unsure: false,
    });
    assert_eq!(drive.leg_hears(), "hangup");
    drive.take(ended(DialStatus::NoAnswer));
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

#[test]
fn few_at_once_ring_by_one_dial() {
    let begin = || {
        let mut drive = Drive::call(&dial("group: nurses, order: simultaneous, ring: 25s"));
        drive.start();
        assert_eq!(
            (drive.hears().as_str(), drive.asked().as_str()),
            ("dial 2 for 25s", "ring farid+erin 25s")
        );
        drive
    };
    let mut drive = begin();
    let leg = drive.leg("erin");
    drive.take(Event::LegStatus {
        leg,
        status: CallStatus::InProgress,
    });
    drive.take(ended(DialStatus::Answered));
    assert_eq!(
        drive.asked(),
        "ended farid canceled; ended erin completed; outcome answered"
    );
    // Who it was is not known, and it is answered all the same.
    let mut drive = begin();
    drive.take(ended(DialStatus::Answered));
    assert_eq!(drive.call_outcome(), Some("answered"));
    let mut drive = begin();
    let leg = drive.leg("farid");
    drive.take(Event::LegStatus {
        leg,
        status: CallStatus::Busy,
    });
    drive.take(ended(DialStatus::Failed));
    assert_eq!(drive.hears(), "en:busy | hangup");
}

#[test]
fn presence_is_asked_for_once_for_all() {
    let drive = Drive::call(&dial("group: nurses"));
    let mut ids = drive.ids.clone();
    let presence = |_| None;
    let facts = Facts {
        now: drive.now,
        account: drive.account(),
        directory: &drive.directory,
        program: None,
        number: drive.number(),
        party: &drive.party,
        contact: None,
        text: None,
        waiting: None,
        presence: &presence,
        legs_max: 10,
        calls_per_second: 1.0,
        consent: Allowed::default(),
        textable: true,
        automated_left: true,
        reach: &|_| None,
        with_value: &|_| None,
        email: true,
        traced: true,
    };
    let came = step(
        &drive.flow,
        drive.run.clone(),
        &Event::Started,
        &facts,
        &mut ids,
        Vec::new(),
    );
    assert_eq!(
        came,
        Step::Need(vec![
            Wanted::Presence(drive.user("farid")),
            Wanted::Presence(drive.user("erin"))
        ])
    );
}

#[test]
fn the_called_hear_the_language_of_the_house_and_the_caller_their_own() {
    let mut drive = Drive::call(
        "  one:\n    say: { es: Un momento., en: One moment. }\n    next: two\n  two:\n    dial: { group: nurses, order: simultaneous, accept: key, when_taken: { es: Ya no., en: Too late. } }\n    then: { answered: end, else: end }\n",
    );
    drive.contact = Some(drive.known(Some("es")));
    drive.start();
    assert_eq!(drive.hears(), "es:Un momento. | hold");
    let prompt = "gather<1>(en:You have a call. Press 1 to accept it, 2 to decline.) | hangup";
    assert_eq!(screen(&mut drive, "farid", None).0, prompt);
    assert_eq!(screen(&mut drive, "erin", None).0, prompt);
    screen(&mut drive, "farid", Some("1"));
    let late = screen(&mut drive, "erin", Some("1")).0;
    assert_eq!(late, "en:Too late. | hangup");
}
