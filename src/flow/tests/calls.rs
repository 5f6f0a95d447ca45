//! Calls, all but their dials.

use super::*;

const MENU: &str = "  hello:\n    say: \"Hello {{ call.from }}\"\n    next: one\n  one:\n    menu: { prompt: { en: Press, es: Pulse }, tries: 2, timeout: 4s }\n    then: { 1: two, 22: end, invalid: wrong, timeout: box, caller_hung_up: missed }\n  two:\n    play: https://example.org/a.mp3\n    next: end\n  wrong:\n    say: Wrong\n    next: three\n  three:\n    hangup:\n  box:\n    voicemail: { group: nurses, greeting: Speak, max: 1m }\n    then: { left: end, empty: box2, caller_hung_up: missed }\n  box2:\n    say: Nothing\n    next: end\n  missed:\n    inbox: { group: nurses, note: missed }\n    next: end\n";

fn recorded(duration_s: u32, caller_gone: bool) -> Event<'static> {
    Event::Recorded {
        duration_s,
        recording: Some("RE1"),
        url: None,
        caller_gone,
    }
}

#[test]
fn keys_lead_on() {
    let mut drive = Drive::call(MENU);
    drive.start();
    assert_eq!(drive.hears(), "en:Hello +12025550143 | gather<2>(en:Press)");
    drive.take(Event::Digits("1"));
    assert_eq!(drive.hears(), "play https://example.org/a.mp3 | hangup");
    assert_eq!(drive.last().ended, Some(Ended::End));
    assert_eq!(drive.call_outcome(), Some("ended"));
}

#[test]
fn wrong_keys_and_none_count_as_tries() {
    let mut drive = Drive::call(MENU);
    drive.start();
    drive.take(Event::Digits("9"));
    assert_eq!(
        drive.hears(),
        "gather<2>(en:Press)",
        "asked once more, without what was said before"
    );
    drive.take(Event::Digits("9"));
    assert_eq!(drive.hears(), "en:Wrong | hangup");
    assert_eq!(drive.last().ended, Some(Ended::Hangup));
    let mut drive = Drive::call(MENU);
    drive.start();
    drive.take(Event::Digits("9"));
    drive.take(Event::Digits(""));
    assert_eq!(drive.hears(), "en:Speak | record 60s");
}

#[test]
fn events_that_do_not_belong_change_nothing() {
    let mut drive = Drive::call(MENU);
    drive.start();
    let before = drive.run.clone();
    for event in [
        Event::Started,
        Event::Text("1"),
        Event::Timer,
        recorded(9, false),
        Event::DialEnded {
            status: crate::model::DialStatus::Answered,
            duration_s: 3,
            caller_gone: false,
        },
    ] {
        drive.take(event);
        assert_eq!(drive.hears(), "-", "{event:?}");
        assert_eq!(drive.asked(), "");
        assert_eq!(drive.run.step, before.step);
        assert_eq!(drive.run.wait, before.wait);
    }
    let leg = drive.ids.fresh();
    drive.take(Event::Screen {
        leg,
        digits: Some("1"),
        machine: false,
        unsure: false,
    });
    assert_eq!(
        drive.leg_hears(),
        "hangup",
        "a leg is never left without an answer"
    );
}

#[test]
fn who_hangs_up_in_a_menu_is_missed() {
    let mut drive = Drive::call(MENU);
    drive.start();
    drive.take(Event::HungUp);
    assert_eq!(
        drive.asked(),
        "inbox Nurses note \"missed\"; outcome missed"
    );
    assert_eq!(drive.last().ended, Some(Ended::CallerGone));
    assert_eq!(drive.hears(), "-");
    drive.take(Event::HungUp);
    drive.take(Event::Digits("1"));
    assert_eq!(drive.asked(), "");
    // Before the first script, too.
    let mut drive = Drive::call(MENU);
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "outcome missed");
    drive.start();
    assert_eq!(drive.asked(), "");
}

#[test]
fn a_voicemail_is_left() {
    let at_box = || {
        let mut drive = Drive::call(MENU);
        drive.start();
        drive.take(Event::Digits(""));
        drive.take(Event::Digits(""));
        drive
    };
    let mut drive = at_box();
    drive.take(recorded(12, false));
    assert_eq!(drive.asked(), "voicemail Nurses 12s; outcome voicemail");
    assert_eq!(drive.hears(), "hangup");
    // Hung up behind the message, in both orders.
    let mut drive = at_box();
    drive.take(recorded(12, true));
    assert_eq!(drive.asked(), "voicemail Nurses 12s; outcome voicemail");
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "");
    let mut drive = at_box();
    drive.take(Event::HungUp);
    assert_eq!((drive.asked().as_str(), &drive.last().ended), ("", &None));
    assert!(drive.last().due_at.is_some());
    drive.later(1).take(recorded(12, true));
    assert_eq!(drive.asked(), "voicemail Nurses 12s; outcome voicemail");
    assert_eq!(drive.last().ended, Some(Ended::CallerGone));
}

#[test]
fn too_short_a_message_is_none() {
    let at_box = || {
        let mut drive = Drive::call(MENU);
        drive.start();
        drive.take(Event::Digits(""));
        drive.take(Event::Digits(""));
        drive
    };
    let mut drive = at_box();
    drive.take(recorded(1, false));
    assert_eq!(drive.hears(), "en:Nothing | hangup");
    assert_eq!(drive.call_outcome(), Some("missed"));
    let mut drive = at_box();
    drive.take(recorded(1, true));
    assert_eq!(
        drive.asked(),
        "inbox Nurses note \"missed\"; outcome missed"
    );
    // Never told: the run ends by itself, and takes the recording all the same when it is told later.
    let mut drive = at_box();
    drive.take(Event::HungUp);
    drive.later(59).take(Event::Timer);
    assert_eq!(drive.last().ended, None);
    drive.later(1).take(Event::Timer);
    assert_eq!(
        drive.asked(),
        "inbox Nurses note \"missed\"; outcome missed"
    );
    drive.later(600).take(recorded(20, true));
    assert_eq!(drive.asked(), "voicemail Nurses 20s; outcome voicemail");
    drive.take(recorded(20, true));
    assert_eq!(drive.asked(), "", "once");
}

#[test]
fn a_box_that_is_no_more_does_not_cost_the_message() {
    let mut drive = Drive::call(MENU);
    drive.start();
    drive.take(Event::Digits(""));
    drive.take(Event::Digits(""));
    drive.drop_group("nurses");
    drive.take(recorded(12, false));
    assert_eq!(drive.asked(), "voicemail Reception 12s; outcome voicemail");
}

#[test]
fn digits_are_gathered() {
    let steps = "  one:\n    gather: { prompt: Number, digits: 3..4, tries: 2, save_as: flow.n, secret: true }\n    then: { got: two, timeout: end }\n  two:\n    branch: { known: flow.n == \"1234\" }\n    then: { known: three, else: end }\n  three:\n    say: Known\n    next: end\n";
    let mut drive = Drive::call(steps);
    drive.start();
    assert_eq!(drive.hears(), "gather<4>(en:Number)");
    assert!(!drive.flow.takes_open_keys(&drive.run));
    drive.take(Event::Digits("12"));
    assert_eq!(drive.hears(), "gather<4>(en:Number)");
    drive.take(Event::Digits("1234"));
    assert_eq!(drive.hears(), "en:Known | hangup");
    assert!(
        !drive.flow.takes_open_keys(&drive.run),
        "nothing is awaited"
    );
    let mut drive = Drive::call(steps);
    drive.start();
    drive.take(Event::Digits(""));
    drive.take(Event::Digits("12345"));
    assert_eq!(drive.hears(), "hangup");
}

#[test]
fn a_call_is_refused_only_while_it_is_not_answered() {
    let mut drive = Drive::call("  one:\n    reject: { reason: busy }\n");
    drive.start();
    assert_eq!(drive.hears(), "reject busy");
    assert_eq!(drive.last().ended, Some(Ended::Rejected));
    assert_eq!(drive.call_outcome(), Some("rejected"));
    let mut drive = Drive::call("  one:\n    say: Hi\n    next: two\n  two:\n    reject:\n");
    drive.start();
    assert_eq!(drive.hears(), "en:Hi | hangup");
    assert_eq!(drive.last().ended, Some(Ended::Hangup));
}

#[test]
fn what_was_said_is_taken_along_to_another_flow() {
    let mut drive =
        Drive::call("  one:\n    say: Hi\n    next: two\n  two:\n    goto: nurse-line\n");
    drive.start();
    let (key, said) = drive.last().goto.clone().unwrap();
    assert_eq!(
        (key.as_str(), shown(&said).as_str()),
        ("nurse-line", "en:Hi")
    );
    assert_eq!(drive.hears(), "-");
    assert_eq!(drive.call_outcome(), None);
}

#[test]
fn hours_decide() {
    let steps = "  one:\n    hours: office\n    then: { open: a, closed: b, holiday: c }\n  a:\n    say: Open\n    next: end\n  b:\n    say: Closed\n    next: end\n  c:\n    say: Holiday\n    next: end\n";
    const DAY_S: u64 = 24 * 3600;
    for (later, expected) in [(0, "Open"), (12 * 3600, "Closed"), (83 * DAY_S, "Holiday")] {
        let mut drive = Drive::call(steps);
        drive.later(later).start();
        assert_eq!(drive.hears(), format!("en:{expected} | hangup"));
    }
}

#[test]
fn a_loop_of_menus_ends() {
    let mut drive = Drive::call(
        "  one:\n    menu: { prompt: Press, tries: 1 }\n    then: { 1: end, else: one }\n",
    );
    drive.start();
    for _ in 0..600 {
        drive.take(Event::Digits(""));
    }
    assert!(matches!(&drive.last().ended, Some(Ended::Looped(reason)) if reason.contains("500")));
}
