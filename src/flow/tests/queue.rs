//! Waiting in line for a free member: who is rung when, what the caller hears, and how the wait ends.

use super::*;
use crate::model::{AccountId, CallStatus, DialStatus, GroupId, WaitingId};

const STEPS: &str = "  one:\n    queue: { group: nurses, max_wait: 2m, KEYS }\n    then: { connected: done, timeout: late, BACK caller_hung_up: missed }\n  done:\n    say: \"{{ steps.one.user }} for {{ steps.one.seconds }} s\"\n    next: end\n  late:\n    say: late\n    next: end\n  back:\n    say: back\n    next: end\n  missed:\n    inbox: { group: nurses }\n    next: end\n";

fn queue(keys: &str) -> Drive {
    let back = match keys.contains("callback_key") {
        true => "callback: back,",
        false => "",
    };
    let steps = STEPS.replace("KEYS", keys).replace("BACK", back);
    Drive::call(&match back {
        "" => steps.replace("  back:\n    say: back\n    next: end\n", ""),
        _ => steps,
    })
}

fn begin(keys: &str) -> Drive {
    let mut drive = queue(keys);
    drive.start();
    drive
}

/// Somebody else in line, `seconds` before now.
fn other(drive: &mut Drive, seconds: u64, group: &str, rung: Option<&str>) {
    let mut ids = Ids::new(drive.now, 100 + seconds);
    let account: AccountId = drive.account().id;
    let group: GroupId = drive.account().group(group).unwrap().id;
    let id: WaitingId = ids.fresh();
    let row = Waiting {
        id,
        account,
        call: ids.fresh(),
        group,
        user: rung.map(|key| drive.user(key)),
        since: drive.now - std::time::Duration::from_secs(seconds),
        until: drive.now + std::time::Duration::from_secs(600),
        version: 1,
    };
    drive.waiting.push(row);
    drive.waiting.sort_by_key(Waiting::place);
}

/// A member has just been rung, and took the call or not.
fn rung(drive: &mut Drive, who: &str, seconds_ago: u64, took: bool) {
    let user = drive.user(who);
    let at = Some(drive.now - std::time::Duration::from_secs(seconds_ago));
    let known = Presence {
        rung_at: at,
        answered_at: at.filter(|_| took),
        ..Presence::default()
    };
    drive.presence.insert(user, known);
}

/// These are on a call.
fn talking(drive: &mut Drive, who: &[&str]) {
    for key in who {
        let busy = Presence {
            busy: true,
            ..Presence::default()
        };
        drive.presence.insert(drive.user(key), busy);
    }
}

const ROUND: &str = "gather<1>(ringing 18)";
const PROMPT: &str = "gather<1>(en:You have a call. Press 1 to accept it, 2 to decline.) | hangup";

#[test]
fn a_free_member_is_rung_and_meets_the_caller() {
    let mut drive = begin("ring: 15s");
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        (ROUND, "ring farid 15s into a room; waits for farid")
    );
    assert_eq!(
        screen(&mut drive, "farid", None),
        (PROMPT.into(), String::new())
    );
    assert_eq!(
        screen(&mut drive, "farid", Some("1")),
        (
            "join".into(),
            "accepted farid; waits no more; move caller".into()
        )
    );
    assert_eq!(drive.hears(), "hold");
    assert_eq!(drive.last().due_at, None);
    // The key pressed once more still joins.
    assert_eq!(screen(&mut drive, "farid", Some("1")).0, "join");
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 60,
        caller_gone: false,
    });
    assert_eq!(drive.hears(), "en:Farid Haddad for 60 s | hangup");
    assert_eq!(drive.call_outcome(), Some("answered"));
}

#[test]
fn without_a_prompt_whoever_picks_up_has_the_call() {
    let mut drive = begin("accept: none");
    assert_eq!(
        screen(&mut drive, "farid", None),
        (
            "join".into(),
            "accepted farid; waits no more; move caller".into()
        )
    );
}

#[test]
fn the_next_is_rung_when_one_does_not_take_it() {
    for (end, told) in [
        (CallStatus::NoAnswer, "no_answer"),
        (CallStatus::Busy, "busy"),
        (CallStatus::Failed, "failed"),
    ] {
        let mut drive = begin("ring: 15s");
        rung(&mut drive, "farid", 1, false);
        assert_eq!(
            status(&mut drive, "farid", end),
            format!("ended farid {told}; ring erin 15s into a room; waits for erin")
        );
        // What is heard is not cut short, and the leg that is over hears nothing more.
        assert_eq!(drive.hears(), "-");
        assert_eq!(screen(&mut drive, "farid", Some("1")).0, "hangup");
    }
    let mut drive = begin("ring: 15s");
    screen(&mut drive, "farid", None);
    rung(&mut drive, "farid", 1, false);
    let (hears, asked) = screen(&mut drive, "farid", Some("2"));
    assert_eq!(hears, "hangup");
    assert_eq!(
        asked,
        "ended farid completed; ring erin 15s into a room; waits for erin"
    );
}

#[test]
fn who_did_not_take_a_call_is_left_alone_for_a_while() {
    for (seconds_ago, took, expected) in [
        (29, false, "waits"),
        (30, false, "ring farid 15s into a room; waits for farid"),
        (1, true, "ring farid 15s into a room; waits for farid"),
    ] {
        let mut drive = queue("ring: 15s");
        let erin = drive.user("erin");
        let offline = Presence {
            offline: true,
            ..Presence::default()
        };
        drive.presence.insert(erin, offline);
        rung(&mut drive, "farid", seconds_ago, took);
        drive.start();
        assert_eq!(drive.asked(), expected, "{seconds_ago} {took}");
    }
}

#[test]
fn those_who_came_first_are_served_first() {
    let both = "ring farid 20s into a room; waits for farid";
    let second = "ring erin 20s into a room; waits for erin";
    type Others<'a> = &'a [(u64, &'a str, Option<&'a str>)];
    let table: [(Others<'_>, &str); 7] = [
        (&[], both),
        // Somebody before needs the first member.
        (&[(9, "nurses", None)], second),
        (&[(9, "nurses", None), (8, "nurses", None)], "waits"),
        // Somebody before is rung for already.
        (&[(9, "nurses", Some("farid"))], second),
        (
            &[(9, "nurses", Some("farid")), (8, "nurses", Some("erin"))],
            "waits",
        ),
        // Another group's callers have no claim, but a member rings for one of them only.
        (&[(9, "reception", None)], both),
        (&[(9, "reception", Some("farid"))], second),
    ];
    for (others, expected) in table {
        let mut drive = queue("position: false");
        for (seconds, group, rung) in others {
            other(&mut drive, *seconds, group, *rung);
        }
        drive.start();
        assert_eq!(drive.asked(), expected, "{others:?}");
    }
}

#[test]
fn the_place_in_line_is_told() {
    let mut drive = queue("position: true, callback_key: 9");
    talking(&mut drive, &["farid", "erin"]);
    other(&mut drive, 9, "nurses", None);
    other(&mut drive, 8, "nurses", None);
    drive.start();
    assert_eq!(
        drive.hears(),
        "gather<1>(en:You are number 3 in line. | en:To be called back instead, press 9. | ringing 18)"
    );
    // Further back than there are members, one looks less often.
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 10);
    drive.later(19).take(Event::Digits(""));
    assert_eq!(drive.hears(), ROUND);
    // Nobody is cut short within half a minute.
    drive.waiting.remove(0);
    drive.later(10).take(Event::Timer);
    assert_eq!(drive.hears(), "-");
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 3);
    drive.later(3).take(Event::Timer);
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        (
            "gather<1>(en:You are number 2 in line. | en:To be called back instead, press 9. | ringing 18)",
            "move caller"
        )
    );
    drive.waiting.clear();
    drive.presence.clear();
    drive.later(30).take(Event::Digits(""));
    assert_eq!(drive.asked(), "ring farid 20s into a room; waits for farid");
    assert_eq!(drive.hears(), ROUND);
}

#[test]
fn music_and_languages() {
    let mut drive = queue("position: true, music: hold.mp3");
    drive.contact = Some(drive.known(Some("es")));
    other(&mut drive, 9, "nurses", None);
    other(&mut drive, 8, "nurses", None);
    drive.start();
    assert_eq!(
        drive.hears(),
        "gather<1>(es:Usted es el número 3 en la fila. | play hold.mp3)"
    );
}

#[test]
fn the_key_asks_to_be_called_back() {
    let mut drive = begin("callback_key: 9");
    drive.take(Event::Digits("5"));
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        (ROUND, "")
    );
    drive.take(Event::Digits("9"));
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        (
            "en:back | hangup",
            "end farid; outcome missed; waits no more"
        )
    );
    assert_eq!(screen(&mut drive, "farid", Some("1")).0, "hangup");
    // Without such a key no key means anything.
    let mut drive = begin("position: true");
    drive.take(Event::Digits("9"));
    assert_eq!(drive.hears(), ROUND);
}

#[test]
fn nobody_waits_longer_than_that() {
    let mut drive = queue("ring: 15s");
    talking(&mut drive, &["farid", "erin"]);
    drive.start();
    assert_eq!(drive.asked(), "waits");
    drive.later(119).take(Event::Timer);
    assert_eq!((drive.hears().as_str(), drive.asked().as_str()), ("-", ""));
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 1);
    drive.later(1).take(Event::Timer);
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        (
            "en:late | hangup",
            "outcome missed; waits no more; move caller"
        )
    );
    // A member who rings is not rung past the end, and one who hears the prompt may still decide.
    let mut drive = queue("ring: 15s");
    other(&mut drive, 9, "nurses", Some("erin"));
    rung(&mut drive, "farid", 1, false);
    drive.start();
    drive.later(110).take(Event::Timer);
    assert_eq!(drive.asked(), "ring farid 10s into a room; waits for farid");
    screen(&mut drive, "farid", None);
    drive.later(12).take(Event::Digits(""));
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        (ROUND, "")
    );
    assert_eq!(screen(&mut drive, "farid", Some("1")).0, "join");
}

#[test]
fn a_leg_whose_end_is_never_told_is_given_up() {
    let mut drive = begin("ring: 15s");
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 30);
    rung(&mut drive, "farid", 0, false);
    drive.later(29).take(Event::Timer);
    assert_eq!(drive.asked(), "");
    drive.later(1).take(Event::Timer);
    // Farid was last rung half a minute ago, so that his turn comes again.
    assert_eq!(drive.asked(), "end farid; ring farid 15s into a room");
}

#[test]
fn who_hangs_up_gives_up_the_place() {
    let mut drive = begin("ring: 15s");
    screen(&mut drive, "farid", None);
    drive.take(Event::HungUp);
    assert_eq!(
        drive.asked(),
        "end farid; inbox Nurses; outcome missed; waits no more"
    );
    assert_eq!(screen(&mut drive, "farid", Some("1")).0, "hangup");
    // On the way into the room, the call counts as answered.
    let mut drive = begin("ring: 15s");
    screen(&mut drive, "farid", Some("1"));
    drive.take(Event::HungUp);
    assert_eq!(drive.call_outcome(), Some("answered"));
}

#[test]
fn with_nobody_to_wait_for_nobody_waits() {
    let mut drive = queue("ring: 15s");
    drive.change(
        |account| {
            account
                .groups
                .iter_mut()
                .for_each(|group| group.members.clear())
        },
        |_| {},
    );
    drive.start();
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        ("en:late | hangup", "outcome missed")
    );
    let mut drive = queue("ring: 15s");
    drive.drop_group("nurses");
    drive.start();
    assert_eq!(drive.hears(), "en:late | hangup");
    // The last one leaves while somebody waits.
    let mut drive = queue("ring: 15s");
    other(&mut drive, 9, "nurses", None);
    other(&mut drive, 8, "nurses", None);
    drive.start();
    drive.leave("farid");
    drive.leave("erin");
    drive.later(10).take(Event::Timer);
    assert_eq!(drive.hears(), "en:late | hangup");
}

#[test]
fn a_line_has_an_end() {
    let mut drive = queue("ring: 15s");
    for seconds in 0..200 {
        other(&mut drive, 300 + seconds, "nurses", None);
    }
    drive.start();
    assert_eq!(drive.hears(), "en:late | hangup");
}

#[test]
fn a_step_that_is_no_more_gives_up_the_place() {
    let mut drive = begin("ring: 15s");
    drive.flow.steps.remove(0);
    drive.take(Event::Digits(""));
    assert!(
        drive.asked().ends_with("waits no more"),
        "{}",
        drive.asked()
    );
}

#[test]
fn the_talk_is_recorded_whoever_enters_the_room_first() {
    let mut drive = begin("ring: 15s, record: true");
    assert_eq!(drive.hears(), ROUND, "waiting is not recorded");
    screen(&mut drive, "farid", None);
    assert_eq!(screen(&mut drive, "farid", Some("1")).0, "join recorded");
    assert_eq!(drive.hears(), "hold recorded");
    let mut drive = begin("accept: none, record: true");
    assert_eq!(screen(&mut drive, "farid", None).0, "join recorded");
    let mut drive = begin("accept: none, record: false");
    assert_eq!(screen(&mut drive, "farid", None).0, "join");
    assert_eq!(drive.hears(), "hold");
}

#[test]
fn whose_phone_rings_for_another_call_is_not_rung() {
    let mut drive = queue("ring: 15s");
    let rings = Presence {
        ringing: true,
        ..Presence::default()
    };
    drive.presence.insert(drive.user("farid"), rings);
    drive.start();
    assert_eq!(
        drive.asked(),
        "ring erin 15s into a room; waits for erin",
        "the next member is free"
    );
    let mut drive = queue("ring: 15s");
    for key in ["farid", "erin"] {
        drive.presence.insert(drive.user(key), rings);
    }
    drive.start();
    assert_eq!(drive.asked(), "waits", "the caller waits on");
}

#[test]
fn members_are_spoken_to_in_the_language_of_the_house() {
    let mut drive = queue("position: true");
    drive.contact = Some(drive.known(Some("es")));
    talking(&mut drive, &["farid", "erin"]);
    drive.start();
    let next = "gather<1>(es:Usted es el siguiente. | ringing 18)";
    assert_eq!(drive.hears(), next);
    drive.presence.clear();
    drive.later(3).take(Event::Timer);
    assert_eq!(screen(&mut drive, "farid", None).0, PROMPT);
}
