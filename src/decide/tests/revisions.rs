//! Runs go on with the text they began with, whatever was published since and wherever they began.

use std::sync::Arc;
use std::time::Duration;

use super::sample::{Bench, document};
use super::texts::{PILLS, check, flows};
use crate::config::organisation::OrganisationFile;
use crate::decide::Flows;
use crate::flow::{self, DirectoryNames, NoNames};
use crate::model::turn::FlowText;
use crate::model::{Ids, Timestamp};

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

#[test]
fn a_published_flow_knows_its_columns_when_somebody_has_left() {
    let source = include_str!("../../../config/organisation.yaml");
    let organisation = OrganisationFile::read("organisation.yaml", source);
    let now = Timestamp::default();
    let directory = organisation.directory(&mut Ids::new(now, 7), now).unwrap();
    let text = "flow: f\naccount: clinic\non: sms\nsteps:\n  a:\n    branch: { known: contact.insured }\n    \
                then: { known: b, else: end }\n  b:\n    notify: { user: nobody, text: Hello }\n    next: end\n";
    let names = DirectoryNames::new(&directory, Vec::new());
    let faults = flow::check("f", text, &names).unwrap_err();
    assert_eq!(faults[0].code, "unknown-user");
    let read = Flows::read(&directory, text).unwrap();
    assert_ne!(*read, flow::read_published(text, &NoNames).unwrap());
    // Neither is a column that is gone a reason to stop.
    let gone = text.replace("insured", "gone");
    let read = Flows::read(&directory, &gone).unwrap();
    assert_eq!(*read, flow::read_published(&gone, &NoNames).unwrap());
}
