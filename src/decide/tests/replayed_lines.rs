//! Lines of callers, played again: whom they rang is known from the record alone, and no call from another.

use super::phone::dial_ended;
use super::replayed::{changed, events, legs, played};
use super::sample::{Bench, PLAIN, SHARED, user};
use crate::decide::replay::{Record, Replayed, replay};
use crate::model::people::{Device, Presence};
use crate::model::{CallId, CallStatus, DialStatus, Order};

const ORDERS: [&str; 3] = ["sequential", "least_recent", "round_robin"];

fn line(order: &str, connected: &str) -> String {
    format!(
        "
  line:
    queue: {{ group: admissions, order: {order}, max_wait: 5m, ring: 15s, position: true }}
    then: {{ connected: {connected}, timeout: box }}
  box:
    voicemail: {{ group: admissions }}
    next: end
"
    )
}

/// The same, save that who was connected hears a word more.
fn finer(order: &str) -> String {
    line(order, "fine") + "  fine:\n    say: Goodbye\n    next: end\n"
}

fn bench(order: &str) -> Bench {
    Bench::with(&[("main", &line(order, "end"))], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
        let device = Device {
            phone: "+12025550119".parse().unwrap(),
            name: None,
        };
        parts.user("cyd").devices.push(device);
    })
}

fn away(bench: &mut Bench, key: &str, offline: bool) {
    let told = Presence {
        offline,
        ..Presence::default()
    };
    bench.presence(key, told);
}

/// Time passes in which whoever is rung does not answer.
fn rings_out(bench: &mut Bench, looks: usize) {
    for _ in 0..looks {
        for order in bench.store.orders() {
            let Order::PlaceLeg { leg, .. } = order else {
                continue;
            };
            bench.ordered(&order, None);
            bench.leg_status(leg, CallStatus::Ringing);
            bench.pass(13);
            bench.leg_status(leg, CallStatus::NoAnswer);
        }
        bench.pass(2);
        bench.timers();
    }
}

/// The member who is rung takes the call; they talk, and part.
fn talks(bench: &mut Bench, call: CallId, key: &str) {
    for order in bench.store.orders() {
        bench.ordered(&order, None);
    }
    let leg = bench.takes(key);
    bench.pass(60);
    bench.leg_status(leg, CallStatus::Completed);
    bench.told(call, dial_ended(DialStatus::Answered, false));
    assert_eq!(bench.outcome(call), "answered");
    bench.status(call, CallStatus::Completed);
    bench.store.orders();
}

/// Somebody waits to the end, and leaves a message.
fn waits_in_vain(bench: &mut Bench) {
    let call = bench.queues(51);
    rings_out(bench, 200);
    assert_eq!(
        bench.hears_now(call),
        "\"Please leave a message after the tone.\", records"
    );
    bench.recorded(call, 12, true);
    bench.status(call, CallStatus::Completed);
    assert_eq!(bench.outcome(call), "voicemail");
}

fn replayed_from(bench: &Bench, first: usize, steps: &str) -> Replayed {
    let until = bench.now + std::time::Duration::from_secs(3_600);
    let (events, legs) = (events(bench), legs(bench));
    let record = Record {
        events: &events[first..],
        legs: &legs,
    };
    let now = changed(bench, "main", steps);
    replay(&bench.world, &now, "main", record, until)
}

#[test]
fn a_verdict_on_a_call_does_not_depend_on_what_was_before() {
    for order in ORDERS {
        let mut bench = bench(order);
        waits_in_vain(&mut bench);
        let first = bench.recorded.len();
        let call = bench.queues(52);
        let rung = bench.rung_now();
        talks(&mut bench, call, &rung);
        for (from, followed) in [(first, 1), (0, 2)] {
            let found = replayed_from(&bench, from, &finer(order));
            let counts = (found.followed, found.same, found.unmatched);
            assert_eq!(counts, (followed, followed - 1, 0), "{order} {from}");
            let [parted] = found.differences.as_slice() else {
                panic!("{order}: {found:?}")
            };
            let ways = (parted.before.as_str(), parted.now.as_str(), parted.count);
            assert_eq!(ways, ("end", "fine", 1), "{order} {from}");
        }
        let found = played(&bench, "main", &line(order, "end"));
        assert_eq!((found.followed, found.same), (2, 2), "{order}");
    }
}

#[test]
fn whoever_was_not_free_is_not_rung_again_in_a_replay() {
    for order in ORDERS {
        let mut bench = bench(order);
        // Ana, the first of the group, is away; Ben comes back after a while, and takes the call at the third ringing.
        away(&mut bench, "ana", true);
        away(&mut bench, "ben", true);
        let call = bench.queues(52);
        rings_out(&mut bench, 12);
        away(&mut bench, "ben", false);
        rings_out(&mut bench, 30);
        while bench.store.legs.values().all(|leg| leg.status.is_final()) {
            bench.pass(2);
            bench.timers();
        }
        talks(&mut bench, call, "ben");
        let found = played(&bench, "main", &finer(order));
        assert_eq!(
            (found.followed, found.same, found.unmatched),
            (1, 0, 0),
            "{order}"
        );
        assert_eq!(found.differences[0].now, "fine", "{order}");
    }
}

#[test]
fn what_fits_nobody_is_told() {
    let mut bench = bench("sequential");
    let call = bench.queues(52);
    talks(&mut bench, call, "ana");
    // Of Cyd, who is rung now, nothing was recorded.
    let other =
        line("sequential", "end").replace("group: admissions, order", "group: front, order");
    let found = played(&bench, "main", &other);
    assert_eq!((found.followed, found.same, found.unmatched), (1, 0, 1));
    assert_eq!(found.differences, []);
    // What was decided before that is told all the same.
    let nobody = other.replace("group: front", "group: left");
    let found = played(&bench, "main", &nobody);
    assert_eq!(
        (found.unmatched, found.differences[0].now.as_str()),
        (0, "box")
    );
}

#[test]
fn who_calls_again_is_followed_too() {
    let mut bench = bench("sequential");
    for _ in 0..3 {
        let call = bench.queues(52);
        talks(&mut bench, call, "ana");
    }
    bench.rings_from("+12025550152", PLAIN);
    let found = played(&bench, "main", &finer("sequential"));
    assert_eq!((found.followed, found.same, found.unmatched), (3, 0, 0));
    assert_eq!(found.differences[0].count, 3);
}

impl Bench {
    /// The member whose device rings.
    fn rung_now(&self) -> String {
        let mut legs = self.store.legs.values();
        let leg = legs.find(|leg| !leg.status.is_final()).expect("a leg");
        let rung = |key: &&str| leg.user == Some(user(key));
        let key = super::sample::USERS.into_iter().find(|key| rung(key));
        key.expect("a member").to_owned()
    }
}
