//! Calls in which somebody could not be rung, because they talked to another caller: played again, they are not rung either.

use super::phone::dial_ended;
use super::replayed::played;
use super::sample::{Bench, SHARED};
use crate::decide::replay::Replayed;
use crate::model::{CallId, CallStatus, DialStatus};

/// A front desk: 1 rings Ana and Ben at once, 2 and 3 one after another, 4 has the caller wait in line for them.
const DESK: &str = "
  choose:
    menu: { prompt: Press one, tries: 1 }
    then: { 1: together, 2: in_turn, 3: rested, 4: line, else: end }
  together:
    dial: { group: admissions, order: simultaneous, accept: key }
    then: { answered: end, caller_hung_up: end, nobody_available: box, else: box }
  in_turn:
    dial: { group: admissions, order: sequential, ring: 15s, accept: key }
    then: { answered: end, caller_hung_up: end, nobody_available: box, else: box }
  rested:
    dial: { group: admissions, order: least_recent, ring: 15s }
    then: { answered: end, caller_hung_up: end, nobody_available: box, else: box }
  line:
    queue: { group: admissions, max_wait: 30s, ring: 15s }
    then: { connected: end, caller_hung_up: end, timeout: box }
  box:
    voicemail: { group: admissions }
    next: end
";

/// The same with another end of one outcome.
fn other(was: &str) -> String {
    let now = was.replace(": end", ": other").replace(": box", ": other");
    assert!(DESK.contains(was), "{was}");
    DESK.replace(was, &now) + "  other:\n    inbox: { group: admissions }\n    next: end\n"
}

/// A desk at which so many talk to callers who came before.
fn bench(busy: u32) -> Bench {
    let mut bench = Bench::with(&[("main", DESK)], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    });
    for caller in 0..busy {
        let call = bench.chooses(61 + caller, "2");
        let key = if caller == 0 { "ana" } else { "ben" };
        assert_eq!(bench.hears_now(call), format!("rings {key}"));
        let leg = bench.leg_of(key).id;
        bench.screen(leg, None);
        bench.screen(leg, Some("1"));
    }
    bench
}

impl Bench {
    /// Somebody calls and presses a key.
    fn chooses(&mut self, caller: u32, key: &str) -> CallId {
        let (call, _) = self.rings_from(&format!("+120255501{caller}"), SHARED);
        self.presses(call, key);
        call
    }
}

/// What the caller does who has come to the box.
#[derive(Debug, Clone, Copy)]
enum Then {
    HangsUp,
    LeavesMessage,
    SaysNothing,
}

const THENS: [Then; 3] = [Then::HangsUp, Then::LeavesMessage, Then::SaysNothing];

#[track_caller]
fn in_box(bench: &mut Bench, call: CallId, then: Then) {
    let heard = bench.hears_now(call);
    assert!(heard.ends_with("records"), "{heard}");
    let (seconds, gone) = match then {
        Then::HangsUp => (0, true),
        Then::LeavesMessage => (12, false),
        Then::SaysNothing => (0, false),
    };
    bench.pass(20);
    bench.recorded(call, seconds, gone);
    bench.status(call, CallStatus::Completed);
}

/// Who goes elsewhere, by the end of the phone, as far as it is told; nobody may be left untold.
#[track_caller]
fn named(bench: &Bench, steps: &str, about: &str) -> Vec<String> {
    let found: Replayed = played(bench, "main", steps);
    assert_eq!(
        (found.unmatched, found.undecided),
        (0, 0),
        "{about}: {found:?}"
    );
    let people = found.differences.iter().flat_map(|one| &one.examples);
    let last = |one: &String| one[one.len() - 2..].to_owned();
    let people: Vec<String> = people.map(last).collect();
    assert_eq!(found.same + people.len(), found.followed, "{about}");
    people
}

/// Nobody differs in a copy, nor by what callers do who hang up while somebody rings; by this outcome caller 52 does.
#[track_caller]
fn only_by(bench: &Bench, outcome: &str, about: &str) {
    let none: [&str; 0] = [];
    assert_eq!(named(bench, DESK, about), none, "{about}");
    for was in [
        "caller_hung_up: end",
        "nobody_available: box",
        "timeout: box",
    ] {
        let expected: &[&str] = if was == outcome { &["52"] } else { &[] };
        assert_eq!(named(bench, &other(was), about), expected, "{about} {was}");
    }
}

#[test]
fn whom_nobody_could_take_is_followed_into_the_box() {
    for (key, outcome) in [
        ("1", "nobody_available: box"),
        ("2", "nobody_available: box"),
        ("3", "nobody_available: box"),
        ("4", "timeout: box"),
    ] {
        for then in THENS {
            let mut bench = bench(2);
            let call = bench.chooses(52, key);
            for _ in 0..15 {
                bench.pass(2);
                bench.timers();
            }
            assert_eq!(bench.store.legs.len(), 2, "{key}");
            in_box(&mut bench, call, then);
            only_by(&bench, outcome, &format!("{key} {then:?}"));
        }
    }
}

#[test]
fn what_came_of_one_member_is_not_taken_for_what_came_of_another() {
    let ends = [
        DialStatus::Declined,
        DialStatus::Busy,
        DialStatus::NoAnswer,
        DialStatus::Failed,
    ];
    for key in ["1", "2", "3"] {
        for end in ends {
            let mut bench = bench(1);
            let call = bench.chooses(52, key);
            assert_eq!(bench.hears_now(call), "rings ben", "{key}");
            bench.pass(10);
            bench.dial_ended(call, end);
            in_box(&mut bench, call, Then::HangsUp);
            only_by(&bench, "nothing", &format!("{key} {end:?}"));
        }
    }
}

#[test]
fn who_hangs_up_while_somebody_rings_is_named() {
    for key in ["1", "2", "3"] {
        let mut bench = bench(1);
        let call = bench.chooses(52, key);
        bench.told(call, dial_ended(DialStatus::Canceled, true));
        bench.status(call, CallStatus::Completed);
        only_by(&bench, "caller_hung_up: end", key);
    }
}

#[test]
fn members_ring_in_the_order_of_the_record() {
    let mut bench = bench(1);
    let ana = bench.leg_of("ana").id;
    bench.leg_status(ana, CallStatus::Completed);
    let call = bench.chooses(52, "3");
    for key in ["ben", "ana"] {
        assert_eq!(bench.hears_now(call), format!("rings {key}"));
        bench.pass(10);
        bench.dial_ended(call, DialStatus::NoAnswer);
    }
    in_box(&mut bench, call, Then::LeavesMessage);
    only_by(&bench, "nothing", "least recent");
}

#[test]
fn whom_the_record_does_not_tell_of_may_be_there_in_a_changed_flow() {
    // Ben was not tried, because Ana took the call.
    let mut bench = bench(0);
    let call = bench.chooses(52, "2");
    let leg = bench.leg_of("ana").id;
    bench.screen(leg, None);
    bench.screen(leg, Some("1"));
    bench.pass(30);
    bench.told(call, dial_ended(DialStatus::Answered, false));
    bench.status(call, CallStatus::Completed);
    let ben = DESK.replace("group: admissions, order: sequential", "user: ben");
    let found = played(&bench, "main", &ben);
    assert_eq!((found.followed, found.unmatched), (1, 1));
}
