//! Whoever the carrier takes for a person has the call; a machine has not.

use super::*;
use crate::model::CallStatus;

fn begin(dial: &str) -> Drive {
    let mut drive = Drive::call(&format!(
        "  one:\n    dial: {{ {dial}, accept: amd }}\n    then: {{ answered: done, else: other }}\n  done:\n    say: done\n    next: end\n  other:\n    say: \"{{{{ steps.one.outcome }}}}\"\n    next: end\n",
    ));
    drive.start();
    drive
}

fn picks_up(drive: &mut Drive, who: &str, machine: bool, unsure: bool) -> (String, String) {
    let leg = drive.leg(who);
    drive.take(Event::Screen {
        leg,
        digits: None,
        machine,
        unsure,
    });
    (drive.leg_hears(), drive.asked())
}

fn status(drive: &mut Drive, who: &str, status: CallStatus) {
    let leg = drive.leg(who);
    drive.take(Event::LegStatus { leg, status });
}

#[test]
fn even_one_device_is_placed_by_order_so_that_it_is_told_who_picks_up() {
    for (dial, ring) in [
        ("user: erin", "ring erin 20s into a room"),
        ("group: nurses", "ring farid 20s into a room"),
        (
            "group: nurses, order: simultaneous",
            "ring farid+erin 20s into a room",
        ),
    ] {
        let drive = begin(dial);
        assert_eq!(
            (drive.hears().as_str(), drive.asked().as_str()),
            ("hold", ring)
        );
        let asks = |effect: &Effect| matches!(effect, Effect::Ring { detects: true, .. });
        assert!(drive.effects.iter().any(asks));
    }
    let mut drive = Drive::call(
        "  one:\n    dial: { group: nurses, order: simultaneous, accept: key }\n    then: { else: end }\n",
    );
    drive.start();
    let asks = |effect: &Effect| matches!(effect, Effect::Ring { detects: true, .. });
    assert!(!drive.effects.iter().any(asks));
}

#[test]
fn a_person_has_the_call_without_a_key() {
    let mut drive = begin("group: nurses");
    let accepted = ("join".to_owned(), "accepted farid".to_owned());
    assert_eq!(picks_up(&mut drive, "farid", false, false), accepted);
}

#[test]
fn a_machine_has_not_and_counts_as_no_answer() {
    let mut drive = begin("group: nurses");
    assert_eq!(
        picks_up(&mut drive, "farid", true, false),
        (
            "hangup".to_owned(),
            "ended farid completed; ring erin 20s into a room; move caller".to_owned()
        )
    );
    picks_up(&mut drive, "erin", true, false);
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

#[test]
fn what_the_carrier_cannot_tell_is_taken_for_a_person_and_noted() {
    let mut drive = begin("group: nurses");
    let (hears, asked) = picks_up(&mut drive, "farid", false, true);
    assert_eq!(hears, "join");
    assert!(
        asked.starts_with("note \"The carrier could not tell"),
        "{asked}"
    );
    assert!(asked.ends_with("accepted farid"), "{asked}");
}

#[test]
fn while_the_carrier_listens_nobody_is_given_up() {
    let mut drive = begin("user: erin");
    drive.later(19);
    status(&mut drive, "erin", CallStatus::InProgress);
    drive.later(1).take(Event::Timer);
    assert_eq!((drive.hears().as_str(), drive.asked().as_str()), ("-", ""));
    assert_eq!(picks_up(&mut drive, "erin", false, false).0, "join");
    // Whoever hangs up meanwhile has not taken the call.
    let mut drive = begin("user: erin");
    status(&mut drive, "erin", CallStatus::InProgress);
    status(&mut drive, "erin", CallStatus::Completed);
    assert_eq!(drive.hears(), "en:no_answer | hangup");
}

#[test]
fn a_queue_may_ask_for_it_too() {
    let mut drive = Drive::call(
        "  one:\n    queue: { group: nurses, accept: amd, position: true }\n    then: { else: end }\n",
    );
    drive.start();
    let known = Presence {
        rung_at: Some(drive.now),
        ..Presence::default()
    };
    drive.presence.insert(drive.user("farid"), known);
    let (hears, asked) = picks_up(&mut drive, "farid", true, false);
    assert_eq!(hears, "hangup");
    assert_eq!(
        asked,
        "ended farid completed; ring erin 20s into a room; waits for erin"
    );
    assert_eq!(picks_up(&mut drive, "erin", false, false).0, "join");
}
