//! Who rings first, with which devices, what the late hear, and waves of people.

use super::*;
use crate::model::{CallStatus, DialStatus};

/// A dial of one group after another, and what is said when nobody took the call.
fn waves(first: &str, second: &str) -> Drive {
    Drive::call(&format!(
        "  one:\n    dial: {{ {first} }}\n    then: {{ answered: end, else: two }}\n  two:\n    dial: {{ {second} }}\n    then: {{ answered: end, else: over }}\n  over:\n    say: \"{{{{ steps.two.outcome }}}}\"\n    next: end\n"
    ))
}

fn one(dial: &str) -> Drive {
    Drive::call(&format!(
        "  one:\n    dial: {{ {dial} }}\n    then: {{ answered: end, else: over }}\n  over:\n    say: \"{{{{ steps.one.outcome }}}}\"\n    next: end\n"
    ))
}

fn ended(drive: &mut Drive, status: DialStatus) -> String {
    drive.take(Event::DialEnded {
        status,
        duration_s: 0,
        caller_gone: false,
    });
    drive.asked()
}

fn status(drive: &mut Drive, leg: LegId, status: CallStatus) -> String {
    drive.take(Event::LegStatus { leg, status });
    drive.asked()
}

fn screen(drive: &mut Drive, leg: LegId, digits: Option<&str>) -> String {
    drive.take(Event::Screen {
        leg,
        digits,
        machine: false,
        unsure: false,
    });
    drive.leg_hears()
}

/// The legs of the latest ring.
fn legs(drive: &Drive) -> Vec<LegId> {
    let ring = drive.effects.iter().rev().find_map(|effect| match effect {
        Effect::Ring { legs, .. } => Some(legs),
        _ => None,
    });
    ring.unwrap().iter().map(|leg| leg.leg).collect()
}

fn known(drive: &mut Drive, key: &str, rung: Option<i64>, answered: Option<i64>) {
    let at = |ago: i64| Timestamp::from_micros(OPEN - ago * 1_000_000);
    let presence = Presence {
        rung_at: rung.map(at),
        answered_at: answered.map(at),
        ..Presence::default()
    };
    drive.presence.insert(drive.user(key), presence);
}

#[test]
fn who_waited_longest_comes_first() {
    let check = |order: &str, farid: (Option<i64>, Option<i64>), erin, expected: &str| {
        let mut drive = one(&format!(
            "group: nurses, order: {order}, skip: [], ring: 10s"
        ));
        known(&mut drive, "farid", farid.0, farid.1);
        let (rung, answered): (Option<i64>, Option<i64>) = erin;
        known(&mut drive, "erin", rung, answered);
        let first = drive.start().effects.clone();
        assert_eq!(first.len(), 1);
        let asked = drive.asked();
        let next = ended(&mut drive, DialStatus::NoAnswer);
        let next = next.split("; ").last().unwrap().to_owned();
        assert_eq!(format!("{asked}, {next}"), expected, "{order}");
        assert_eq!(ended(&mut drive, DialStatus::Busy).split("; ").count(), 2);
        assert_eq!(drive.hears(), "en:no_answer | hangup");
    };
    let (own, other) = (
        "ring farid 10s, ring erin 10s",
        "ring erin 10s, ring farid 10s",
    );
    check("round_robin", (None, None), (None, None), own);
    check("round_robin", (Some(60), None), (None, None), other);
    check("round_robin", (Some(60), None), (Some(90), Some(90)), other);
    check("round_robin", (Some(90), Some(90)), (Some(60), None), own);
    check("least_recent", (Some(60), None), (Some(90), Some(90)), own);
    check(
        "least_recent",
        (Some(60), Some(60)),
        (Some(10), Some(90)),
        other,
    );
    // The group's own order settles what is alike, and holds where nothing else is asked for.
    check("least_recent", (None, None), (None, None), own);
    check("sequential", (Some(1), Some(1)), (None, None), own);
}

#[test]
fn bare_numbers_come_after_people() {
    let mut drive =
        one("to: [{ number: \"+12025550199\" }, { user: erin }], order: round_robin, ring: 10s");
    known(&mut drive, "erin", Some(5), None);
    drive.start();
    assert_eq!(drive.asked(), "ring erin 10s");
    assert_eq!(
        ended(&mut drive, DialStatus::Busy),
        "ended erin busy; ring +12025550199 10s"
    );
}

#[test]
fn the_devices_of_one_person_ring_as_it_is_said() {
    let check = |devices: &str, expected: &[&str]| {
        let mut drive = one(&format!("user: carla, devices: {devices}, ring: 10s"));
        drive.start();
        let mut rung = vec![drive.asked()];
        while drive.last().ended.is_none() {
            let asked = ended(&mut drive, DialStatus::NoAnswer);
            rung.extend(asked.split("; ").last().map(str::to_owned));
        }
        assert_eq!(rung, expected, "{devices}");
    };
    check("first", &["ring carla 10s", "outcome missed"]);
    check("all", &["ring carla+carla 10s", "outcome missed"]);
    check(
        "ordered",
        &["ring carla 10s", "ring carla 10s", "outcome missed"],
    );
}

#[test]
fn one_person_with_all_devices_after_another_by_key() {
    let mut drive = one(
        "to: [{ user: carla }, { user: erin }], devices: all, accept: key, ring: 10s, when_taken: Too late",
    );
    drive.start();
    assert_eq!(drive.hears(), "hold");
    assert_eq!(drive.asked(), "ring carla+carla 10s into a room");
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 10);
    let both = legs(&drive);
    assert!(screen(&mut drive, both[0], None).starts_with("gather<1>"));
    assert_eq!(screen(&mut drive, both[0], Some("2")), "hangup");
    // Nobody is left of the first, so the second is rung, and the caller moved out of the room.
    assert_eq!(
        status(&mut drive, both[1], CallStatus::NoAnswer),
        "ended carla no_answer; ring erin 10s; move caller"
    );
    assert_eq!(drive.hears(), "dial 1 for 10s screened");
    assert_eq!(drive.last().due_at, None);
    // What was told late of the first changes nothing.
    assert_eq!(status(&mut drive, both[0], CallStatus::Completed), "");
    assert_eq!(screen(&mut drive, both[1], Some("1")), "hangup");
    ended(&mut drive, DialStatus::NoAnswer);
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

#[test]
fn the_time_of_a_room_brings_the_next_person() {
    let mut drive =
        one("to: [{ user: carla }, { user: erin }], devices: all, accept: key, ring: 10s");
    drive.start();
    drive.later(10).take(Event::Timer);
    assert_eq!(drive.asked(), "end carla+carla; ring erin 10s; move caller");
    let erin = legs(&drive)[0];
    assert!(screen(&mut drive, erin, None).starts_with("gather<1>"));
    screen(&mut drive, erin, Some("1"));
    ended(&mut drive, DialStatus::Answered);
    assert_eq!(drive.call_outcome(), Some("answered"));
}

#[test]
fn the_late_hear_what_the_flow_says() {
    let mut drive = one(
        "group: nurses, order: simultaneous, accept: key, when_taken: { en: \"Taken, {{ account.name }}\", es: Tomada }",
    );
    drive.start();
    let both = legs(&drive);
    screen(&mut drive, both[0], None);
    screen(&mut drive, both[1], None);
    assert_eq!(screen(&mut drive, both[0], Some("1")), "join");
    assert_eq!(
        screen(&mut drive, both[1], Some("1")),
        "en:Taken, Clinic | hangup"
    );
}

#[test]
fn a_second_wave_rings_when_the_first_is_over() {
    // Both one after another.
    let mut drive = waves("group: nurses, ring: 10s", "group: reception, ring: 15s");
    drive.start();
    ended(&mut drive, DialStatus::NoAnswer);
    let asked = ended(&mut drive, DialStatus::Busy);
    assert_eq!(asked, "ended erin busy; ring grace 15s");
    // Both in rooms, the second by the time of the first; each room has a name of its own.
    let room = |drive: &Drive| {
        let hold = drive.last().script.as_ref().and_then(|verbs| verbs.last());
        match hold {
            Some(CallVerb::Hold { room, .. }) => room.clone(),
            other => panic!("{other:?}"),
        }
    };
    let all = "order: simultaneous, accept: key, ring: 10s";
    let mut drive = waves(
        &format!("group: nurses, {all}"),
        &format!("group: reception, {all}"),
    );
    drive.start();
    let (first, before) = (room(&drive), legs(&drive));
    drive.later(10).take(Event::Timer);
    assert_eq!(
        drive.asked(),
        "end farid+erin; ring grace+carla 10s into a room; move caller"
    );
    assert_ne!(room(&drive), first);
    // One of the first wave presses the key too late: the second goes on.
    assert_eq!(screen(&mut drive, before[0], Some("1")), "hangup");
    let second = legs(&drive);
    screen(&mut drive, second[1], None);
    assert_eq!(screen(&mut drive, second[1], Some("1")), "join");
    assert_eq!(drive.last().ended, None);
    ended(&mut drive, DialStatus::Answered);
    assert_eq!(drive.call_outcome(), Some("answered"));
    // A wave of nobody is passed over at once.
    let mut drive = waves("user: erin", "group: reception, ring: 15s");
    drive.leave("erin");
    drive.start();
    assert_eq!(drive.asked(), "ring grace 15s");
}

#[test]
fn nobody_is_skipped_who_is_not_named() {
    let busy = Presence {
        busy: true,
        ..Presence::default()
    };
    let away = Presence {
        offline: true,
        ..Presence::default()
    };
    for (skip, expected) in [
        ("[]", "ring farid+erin+grace 10s"),
        ("[busy]", "ring erin+grace 10s"),
        ("[offline]", "ring farid+grace 10s"),
        ("[caller]", "ring farid+erin 10s"),
        ("[busy, offline, caller]", "outcome missed"),
    ] {
        let mut drive = one(&format!(
            "to: [{{ group: nurses }}, {{ user: grace }}], order: simultaneous, ring: 10s, skip: {skip}"
        ));
        drive.presence.insert(drive.user("farid"), busy);
        drive.presence.insert(drive.user("erin"), away);
        drive.party = Party::read("+12025550117");
        drive.start();
        assert_eq!(drive.asked(), expected, "{skip}");
    }
}
