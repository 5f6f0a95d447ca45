//! Runs go on with the text they began with, whatever was published since and wherever they began.

use std::sync::Arc;
use std::time::Duration;

use super::sample::{Bench, document};
use super::texts::{PILLS, check, flows};
use crate::decide::Flows;
use crate::model::turn::FlowText;

#[test]
fn a_run_that_another_node_began_goes_on_with_a_revision_not_heard_of_here() {
    let mut bench = Bench::new(&flows());
    check(&mut bench, "pills", "keyword", "clinic", &["Which pills?"]);
    let revision = bench.store.runs.values().next().unwrap().revision;
    let (key, yaml) = (PILLS.0.to_owned(), document(PILLS.0, PILLS.1));
    bench
        .store
        .revisions
        .insert(revision, FlowText { key, yaml });
    bench.world.flows = Arc::default();
    check(&mut bench, "blue", "question", "clinic", &["Soon: blue"]);
}

#[test]
fn a_revision_stays_for_an_hour_after_the_next_one() {
    let mut bench = Bench::new(&flows());
    check(&mut bench, "pills", "keyword", "clinic", &["Which pills?"]);
    let revision = bench.store.runs.values().next().unwrap().revision;
    // The run was not saved yet when the store was read.
    let next = Bench::new(&flows()).world.flows;
    let reloaded = |before: &Flows, now| {
        let mut flows = Flows::clone(&next);
        flows.revisions.remove(&revision);
        flows.keep(before, now);
        flows
    };
    let (mut held, began) = (reloaded(&bench.world.flows, bench.now), bench.now);
    for minutes in [1, 30, 59] {
        held = reloaded(&held, began + Duration::from_secs(minutes * 60));
        assert!(held.revision(revision).is_some(), "{minutes}");
    }
    let mut later = bench.world.clone();
    later.flows = Arc::new(held.clone());
    bench.world = later;
    check(&mut bench, "blue", "question", "clinic", &["Soon: blue"]);
    assert!(
        reloaded(&held, began + Duration::from_secs(3600))
            .revision(revision)
            .is_none()
    );
}

#[test]
fn revisions_that_stay_are_no_more_than_so_many() {
    let mut bench = Bench::new(&[]);
    for _ in 0..=super::super::REVISIONS_KEPT_MAX {
        bench.publish(PILLS.0, PILLS.1);
    }
    let mut flows = Flows::default();
    flows.keep(&bench.world.flows, bench.now);
    assert_eq!(flows.len(), super::super::REVISIONS_KEPT_MAX);
}
