//! Who would ring in which second, and who would not.

use super::*;

pub(super) const PEOPLE: (&str, &str) = (
    "main",
    "
  first:
    menu: { prompt: Press 1, timeout: 5s, tries: 1 }
    then: { 1: people, else: box }
  people:
    dial: { group: billing, ring: 15s }
    then: { answered: end, else: front }
  front:
    dial: { group: admissions, order: simultaneous, accept: key, ring: 20s }
    then: { answered: end, else: box }
  box:
    voicemail: { group: admissions }
    next: end
",
);

pub(super) fn with_people(parts: &mut crate::decide::tests::sample::Parts) {
    parts.uses("college", SHARED).call_flow = Some("main".into());
}

#[test]
fn who_rings_in_which_second() {
    let mut bench = Bench::with(&[PEOPLE], with_people);
    let mut connections = (*bench.world.connections).clone();
    connections.get_mut("twilio").unwrap().calls_per_second = 1.0;
    bench.world.connections = std::sync::Arc::new(connections);
    let told = pressing(&bench, SHARED, &["1".to_owned()]);
    assert_eq!(
        lines(&told, &["rings", "skips", "then"]),
        [
            "rings    1 s to 16 s: Ben (ben) at +12025550111, by main:people",
            "rings    16 s to 31 s: Ana (ana) at +12025550110, by main:people",
            "rings    31 s to 51 s: Ana (ana) at +12025550110, by main:front",
            "rings    32 s to 52 s: Ben (ben) at +12025550111, by main:front",
            "skips    Gone (gone), by main:people: does not work here any more",
            "skips    Cyd (cyd), by main:people: has no device",
            "then     1 s: main:6 first (menu) -> 1",
            "then     1 s: main:9 people (dial) -> waits",
            "then     31 s: main:9 people (dial) -> no_answer",
            "then     31 s: main:12 front (dial) -> waits",
            "then     52 s: main:12 front (dial) -> no_answer",
            "then     52 s: main:15 box (voicemail) -> waits",
            "then     60 s: main:15 box (voicemail) -> empty",
        ]
    );
    // The second before nobody was rung, and nothing was saved.
    assert!(bench.store.calls.is_empty() && bench.store.legs.is_empty());
    // Whoever presses nothing goes another way.
    let told = call(&bench, SHARED);
    assert_eq!((told.rings, told.skipped), (vec![], vec![]));
    assert_eq!(told.later[0].at_s, 6);
}

#[test]
fn who_does_not_ring_and_why() {
    let flow = PEOPLE.1.replace(
        "group: billing, ring: 15s",
        "group: billing, ring: 15s, total: 15s",
    );
    let flow = flow.replace(
        "then: { 1: people, else: box }",
        "then: { 1: front, else: people }",
    );
    let mut bench = Bench::with(&[("main", &flow)], |parts| {
        with_people(parts);
        let (ben, ana) = (
            parts.user("ben").devices[0].clone(),
            parts.user("ana").devices[0].clone(),
        );
        parts.user("cyd").devices = vec![ben];
        parts.user("gone").devices = vec![ana];
    });
    let skips =
        |bench: &Bench, presses: &[String]| lines(&pressing(bench, SHARED, presses), &["skips"]);
    let by = "by main:people";
    assert_eq!(
        skips(&bench, &[]),
        [
            format!("skips    Gone (gone), {by}: does not work here any more"),
            format!("skips    Ben (ben), {by}: the device rings for somebody before"),
            format!("skips    Ana (ana), {by}: the time is over before their turn"),
        ]
    );
    for (offline, busy, why) in [(true, false, "is away"), (false, true, "is on a call")] {
        let there = crate::model::people::Presence {
            offline,
            busy,
            ..Default::default()
        };
        bench.presence("ana", there);
        assert_eq!(
            skips(&bench, &["1".to_owned()]),
            [format!("skips    Ana (ana), by main:front: {why}")]
        );
    }
    let from = Party::read("+12025550111");
    let mine = told(&bench, |state, at| {
        explain::call(&bench.world, state, &from, SHARED, &["1".to_owned()], at)
    });
    assert!(
        mine.skipped
            .iter()
            .any(|one| (one.key.as_str(), one.why) == ("ben", "caller"))
    );
}

#[test]
fn phones_outside_that_do_not_ring_are_told() {
    let flow = PEOPLE.1.replace(
        "group: billing, ring: 15s",
        r#"to: [{ number: "+12025550150" }, { number: "+12025550188" }, { number: "+12025550189" }], ring: 15s, total: 15s"#,
    );
    let bench = Bench::with(&[("main", &flow)], with_people);
    let skips = |from: &str| {
        let from = Party::read(from);
        let told = told(&bench, |state, at| {
            explain::call(&bench.world, state, &from, SHARED, &["1".to_owned()], at)
        });
        lines(&told, &["skips    +"])
    };
    let later = "skips    +12025550189, by main:people: the time is over before their turn";
    assert_eq!(
        skips("+12025550188"),
        ["skips    +12025550188, by main:people: is who calls", later]
    );
    let second = "skips    +12025550188, by main:people: the time is over before their turn";
    assert_eq!(
        skips("+12025550150"),
        ["skips    +12025550150, by main:people: is who calls", later]
    );
    assert_eq!(skips("+12025550151"), [second, later]);
}
