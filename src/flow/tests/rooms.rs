//! Ringing several who must accept: the caller waits in a room, and the first accepted key wins.

use super::*;
use crate::model::{CallStatus, DialStatus};

fn begin() -> Drive {
    let mut drive = Drive::call(
        "  one:\n    dial: { group: nurses, order: simultaneous, accept: key, ring: 25s }\n    then: { answered: done, caller_hung_up: missed, no_answer: box, declined: refused, else: odd }\n  done:\n    say: done\n    next: end\n  missed:\n    inbox: { group: nurses }\n    next: end\n  refused:\n    say: refused\n    next: end\n  odd:\n    say: \"{{ steps.one.outcome }}\"\n    next: end\n  box:\n    voicemail: { group: nurses, greeting: Speak }\n    next: end\n",
    );
    drive.start();
    drive
}

const PROMPT: &str = "gather<1>(en:You have a call. Press 1 to accept it, 2 to decline.) | hangup";

#[test]
fn the_first_key_wins() {
    let mut drive = begin();
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        ("hold", "ring farid+erin 25s into a room")
    );
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 25);
    assert_eq!(
        screen(&mut drive, "farid", None),
        (PROMPT.into(), String::new())
    );
    assert_eq!(
        screen(&mut drive, "erin", None),
        (PROMPT.into(), String::new())
    );
    assert_eq!(
        screen(&mut drive, "erin", Some("1")),
        ("join".into(), "accepted erin".into())
    );
    // The other, who hears the prompt, pressed it too, a moment later.
    let taken = "en:The call has already been taken. | hangup";
    assert_eq!(
        screen(&mut drive, "farid", Some("1")),
        (taken.into(), "ended farid completed".into())
    );
    assert_eq!(
        screen(&mut drive, "erin", Some("1")),
        ("join".into(), String::new())
    );
    assert_eq!(status(&mut drive, "farid", CallStatus::Canceled), "");
    assert_eq!(drive.hears(), "-");
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 60,
        caller_gone: false,
    });
    assert_eq!(drive.hears(), "en:done | hangup");
    assert_eq!(drive.call_outcome(), Some("answered"));
}

#[test]
fn who_is_still_asked_when_another_accepts() {
    // Hears that it is taken when the prompt is over without a key.
    let mut drive = begin();
    screen(&mut drive, "farid", None);
    screen(&mut drive, "erin", Some("1"));
    let (hears, asked) = screen(&mut drive, "farid", Some(""));
    assert_eq!(
        (hears.as_str(), asked.as_str()),
        (
            "en:The call has already been taken. | hangup",
            "ended farid completed"
        )
    );
    // Says nothing at all: is ended after a while, and the conversation goes on.
    let mut drive = begin();
    screen(&mut drive, "farid", None);
    screen(&mut drive, "erin", Some("1"));
    drive.later(15).take(Event::Timer);
    assert_eq!(
        (drive.asked().as_str(), drive.hears().as_str()),
        ("end farid", "-")
    );
    assert_eq!((drive.last().due_at, &drive.last().ended), (None, &None));
    // The conversation may be shorter than the prompt.
    let mut drive = begin();
    screen(&mut drive, "farid", None);
    screen(&mut drive, "erin", Some("1"));
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 3,
        caller_gone: false,
    });
    assert_eq!(drive.asked(), "end farid; outcome answered");
}

#[test]
fn both_leave_the_room_in_any_order() {
    // The member first: the caller's report follows, or is fetched after a moment.
    let mut drive = begin();
    screen(&mut drive, "erin", Some("1"));
    assert_eq!(
        status(&mut drive, "erin", CallStatus::Completed),
        "ended erin completed"
    );
    assert!(drive.last().due_at.is_some());
    drive.take(Event::DialEnded {
        status: DialStatus::Answered,
        duration_s: 60,
        caller_gone: false,
    });
    assert_eq!(drive.hears(), "en:done | hangup");
    let mut drive = begin();
    screen(&mut drive, "erin", Some("1"));
    status(&mut drive, "erin", CallStatus::Completed);
    drive.later(10).take(Event::Timer);
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        ("en:done | hangup", "outcome answered; move caller")
    );
    // The caller first.
    let mut drive = begin();
    screen(&mut drive, "erin", Some("1"));
    drive.take(Event::HungUp);
    assert_eq!(drive.call_outcome(), Some("answered"));
    assert_eq!(drive.hears(), "-");
}

#[test]
fn when_nobody_is_left_the_caller_is_moved() {
    let mut drive = begin();
    assert_eq!(
        status(&mut drive, "farid", CallStatus::Busy),
        "ended farid busy"
    );
    assert_eq!(drive.hears(), "-");
    assert_eq!(
        status(&mut drive, "erin", CallStatus::NoAnswer),
        "ended erin no_answer; move caller"
    );
    assert_eq!(drive.hears(), "en:Speak | record 180s");
    // Both refuse.
    let mut drive = begin();
    screen(&mut drive, "farid", None);
    screen(&mut drive, "farid", Some("2"));
    screen(&mut drive, "erin", None);
    assert_eq!(
        status(&mut drive, "erin", CallStatus::Completed),
        "ended erin completed; outcome missed; move caller"
    );
    assert_eq!(drive.hears(), "en:refused | hangup");
    // Nothing could be placed.
    let mut drive = begin();
    status(&mut drive, "farid", CallStatus::Failed);
    status(&mut drive, "erin", CallStatus::Failed);
    assert_eq!(drive.hears(), "en:failed | hangup");
}

#[test]
fn the_last_of_many_rings_as_long_as_the_first() {
    // Erin's leg is placed ten seconds after farid's.
    let steps = "  one:\n    dial: { group: nurses, order: simultaneous, accept: key, ring: 25s }\n    then: { else: end }\n";
    for (steps, seconds) in [
        (steps.to_owned(), 35),
        (steps.replace("ring: 25s", "ring: 25s, total: 30s"), 30),
    ] {
        let mut drive = Drive::call(&steps);
        drive.calls_per_second = 0.1;
        drive.start();
        assert_eq!(drive.asked(), "ring farid+erin 25s into a room");
        let due = drive.last().due_at.unwrap();
        assert_eq!(due.since(drive.now).as_secs(), seconds);
    }
}

#[test]
fn the_ring_time_is_over() {
    let mut drive = begin();
    drive.later(24).take(Event::Timer);
    assert_eq!((drive.hears().as_str(), drive.asked().as_str()), ("-", ""));
    drive.later(1).take(Event::Timer);
    assert_eq!(
        (drive.hears().as_str(), drive.asked().as_str()),
        ("en:Speak | record 180s", "end farid+erin; move caller")
    );
    assert_eq!(screen(&mut drive, "farid", None).0, "hangup");
    // Who has just answered may still decide, once.
    let mut drive = begin();
    screen(&mut drive, "erin", None);
    drive.later(25).take(Event::Timer);
    assert_eq!(drive.hears(), "-");
    assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 15);
    drive.later(15).take(Event::Timer);
    assert_eq!(drive.asked(), "end farid+erin; move caller");
}

#[test]
fn the_caller_leaves_while_it_rings() {
    let mut drive = begin();
    screen(&mut drive, "erin", None);
    drive.take(Event::HungUp);
    assert_eq!(
        drive.asked(),
        "end farid+erin; inbox Nurses; outcome missed"
    );
    assert_eq!(screen(&mut drive, "erin", Some("1")).0, "hangup");
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
        "end farid+erin; inbox Nurses; outcome missed"
    );
}

#[test]
fn a_broken_room_is_a_failure() {
    let mut drive = begin();
    drive.take(Event::DialEnded {
        status: DialStatus::Failed,
        duration_s: 0,
        caller_gone: false,
    });
    assert_eq!(drive.asked(), "end farid+erin; outcome missed");
    assert_eq!(drive.hears(), "en:failed | hangup");
}

#[test]
fn more_than_the_carrier_takes_ring_into_a_room() {
    let mut drive = Drive::call(
        "  one:\n    dial: { group: nurses, order: simultaneous }\n    then: { else: end }\n",
    );
    drive.legs_max = 1;
    drive.start();
    assert_eq!(drive.asked(), "ring farid+erin 20s into a room");
    // Without acceptance, whoever answers first has it.
    assert_eq!(
        screen(&mut drive, "erin", None),
        ("join".into(), "accepted erin; end farid".into())
    );
    assert_eq!(
        screen(&mut drive, "farid", None).0,
        "en:The call has already been taken. | hangup"
    );
}
