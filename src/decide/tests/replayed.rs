//! What was recorded, played again: the same by the same flows, and elsewhere by others.

use std::sync::Arc;

use super::calls::{DOWN as MAIN, answers};
use super::sample::{Bench, SHARED, account, document};
use super::texts::{APPLY, NURSE};
use crate::decide::explain::nothing_known;
use crate::decide::replay::{
    Difference, Record, Recorded, RecordedLeg, Replayed, inputs_of, replay, replay_within,
};
use crate::decide::{Input, World, decide};
use crate::flow::{self, NoNames};
use crate::model::turn::{Decision, State};
use crate::model::{DialStatus, Id};

/// A call that ends in the box, one that is answered, and two people who text.
fn day() -> Bench {
    let mut bench = Bench::with(&[MAIN, APPLY, NURSE], answers);
    let (call, _) = bench.rings(SHARED);
    bench.dial_ended(call, DialStatus::NoAnswer);
    bench.dial_ended(call, DialStatus::Busy);
    bench.recorded(call, 12, false);
    bench.sms(SHARED, "apply");
    bench.sms(SHARED, "2001-02-03");
    bench.sms_from("+12025550177", SHARED, "apply");
    bench.pass(2 * 24 * 3_600);
    bench.timers();
    bench
}

/// As the store keeps them and reads them back.
pub(super) fn events(bench: &Bench) -> Vec<Recorded> {
    let event = |(at, input, _): &(crate::decide::At, Input, crate::model::turn::Turn)| Recorded {
        event: at.event,
        at: at.now,
        seed: at.seed,
        input: match input {
            Input::Carrier {
                connection,
                inbound,
            } => {
                let raw = serde_json::json!({ "body": "", "inbound": [inbound] }).to_string();
                inputs_of(connection, &raw).remove(0)
            }
            own => inputs_of("", &serde_json::to_string(own).unwrap()).remove(0),
        },
    };
    bench.recorded.iter().map(event).collect()
}

/// The devices that were rung, as the store has them.
pub(super) fn legs(bench: &Bench) -> Vec<RecordedLeg> {
    let legs = bench.store.legs.values();
    let leg = |leg: &crate::model::Leg| RecordedLeg {
        leg: leg.id,
        user: leg.user,
        phone: leg.phone,
    };
    legs.map(leg).collect()
}

/// The world with this flow in place of the one of its name.
pub(super) fn changed(bench: &Bench, key: &str, steps: &str) -> World {
    let checked = flow::check(key, &document(key, steps), &NoNames).unwrap();
    let mut world = bench.world.clone();
    let mut flows = (*world.flows).clone();
    let revision = Id::from_uuid(uuid::Uuid::from_u128(99));
    flows.insert(account("college"), revision, Arc::new(checked.flow), true);
    world.flows = Arc::new(flows);
    world
}

pub(super) fn played(bench: &Bench, key: &str, steps: &str) -> Replayed {
    let until = bench.now + std::time::Duration::from_secs(3_600);
    let now = changed(bench, key, steps);
    let (events, legs) = (events(bench), legs(bench));
    let record = Record {
        events: &events,
        legs: &legs,
    };
    replay(&bench.world, &now, key, record, until)
}

#[test]
fn the_same_events_decide_the_same() {
    let bench = day();
    let mut state = State::default();
    for (event, (at, _, turn)) in events(&bench).iter().zip(&bench.recorded) {
        let mut known = Vec::new();
        let again = loop {
            match decide(&bench.world, &state, &event.input, *at) {
                Decision::Done(again) => break again,
                Decision::Need(needs) => {
                    assert!(needs.iter().all(|need| !known.contains(need)), "{needs:?}");
                    state.absorb(nothing_known(&needs));
                    known.extend(needs);
                }
                Decision::Undecided(why) => panic!("{why}"),
            }
        };
        assert_eq!(*again, *turn);
        state.apply(&again);
    }
}

#[test]
fn an_unchanged_flow_changes_nothing() {
    let bench = day();
    for (key, steps, followed) in [(MAIN.0, MAIN.1, 1), (APPLY.0, APPLY.1, 2)] {
        let found = played(&bench, key, steps);
        assert_eq!(
            (found.followed, found.same, found.undecided),
            (followed, followed, 0),
            "{key}"
        );
        assert_eq!(found.differences, []);
    }
}

#[test]
fn who_goes_elsewhere_is_counted_where_the_ways_part() {
    let bench = day();
    let elsewhere = MAIN.1.replace("else: box", "no_answer: box, else: other");
    let elsewhere = format!("{elsewhere}  other:\n    say: Goodbye\n    next: end\n");
    let found = played(&bench, "main", &elsewhere);
    // Of two who did not answer one was rung at least: that is still no answer.
    assert_eq!((found.followed, found.same), (1, 1));
    let other = MAIN.1.replace("else: box", "busy: box, else: other")
        + "  other:\n    say: Goodbye\n    next: end\n";
    let found = played(&bench, "main", &other);
    assert_eq!((found.followed, found.same), (1, 0));
    let [
        Difference {
            after,
            before,
            now,
            count,
            examples,
        },
    ] = found.differences.as_slice()
    else {
        panic!("{found:?}")
    };
    assert_eq!(
        (after.as_deref(), before.as_str(), now.as_str(), *count),
        (Some("ring"), "box", "other", 1)
    );
    // The time is that at which the call came.
    let (rang, ..) = &bench.recorded[0];
    assert_eq!(examples, &[format!("{} +…43", rang.now)]);
}

#[test]
fn waits_that_are_not_played_are_told() {
    let bench = day();
    let until = bench.now + std::time::Duration::from_secs(3_600);
    let world = changed(&bench, "apply", APPLY.1);
    // Somebody was asked and never answered: one wait ends.
    for (most, left_out) in [(0, true), (1, false), (2, false)] {
        let worlds = (&bench.world, &world);
        let record = Record {
            events: &events(&bench),
            legs: &[],
        };
        let found = replay_within(worlds, "apply", record, until, most);
        assert_eq!(found.waits_left_out, left_out, "{most}");
        // What cannot be played to its end is not judged, nor what comes after it.
        let followed = if left_out { 1 } else { 2 };
        assert_eq!(found.followed, followed, "{most}: {found:?}");
    }
}

#[test]
fn a_wait_that_is_shorter_ends_before_the_answer() {
    let mut bench = Bench::with(&[MAIN, APPLY, NURSE], answers);
    bench.sms(SHARED, "apply");
    bench.pass(7_200);
    bench.sms(SHARED, "2001-02-03");
    let found = played(&bench, "apply", &APPLY.1.replace("24h", "1h"));
    let parted = &found.differences[0];
    assert_eq!(
        (parted.before.as_str(), parted.now.as_str(), parted.count),
        ("over", "late", 1)
    );
}
