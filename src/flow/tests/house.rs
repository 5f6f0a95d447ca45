//! The organisation that broken flows are checked against.

use super::*;
use crate::model::Capabilities;
use crate::model::http::{HttpRules, SecretRule};
use std::collections::{BTreeMap, BTreeSet};

/// All but what [`SECTIONS`] adds to its last account.
const BASE: &str = include_str!("organisation.yaml");

/// What the clinic has unless a page says otherwise.
const SECTIONS: [(&str, &str); 3] = [
    (
        "    numbers:\n",
        "      - { number: \"+12025550100\", text_flow: none, call_flow: none, route: { group: reception } }\n      - { number: \"+12025550101\", call_flow: nurse-line, text_flow: refill, route: { group: reception } }\n",
    ),
    (
        "    calendars:\n",
        "      office: { open: { mon-fri: \"08:00-18:00\" }, holidays: [2026-12-25, 2027-12-25] }\n",
    ),
    (
        "    keywords:\n",
        "      - { number: \"+12025550101\", word: REFILL, flow: refill }\n",
    ),
];

/// Late in 2026, when next year's holidays are looked for.
pub(super) fn now() -> Timestamp {
    Timestamp::from_jiff("2026-11-22T18:00:00Z".parse().unwrap())
}

/// The organisation's file, some sections of the clinic replaced by these.
pub(super) fn source(sections: &str) -> String {
    let mut text = BASE.to_owned() + sections;
    for (head, body) in SECTIONS {
        if !sections.contains(head) {
            text += head;
            text += body;
        }
    }
    text
}

pub(super) fn directory(source: &str) -> Directory {
    let read = OrganisationFile::read("organisation.yaml", source);
    read.directory(&mut Ids::new(now(), 7), now())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// The flows that the house has.
pub(super) fn flows() -> Vec<FlowName> {
    let name = |account: &str, flow: &str, kind| FlowName {
        account: account.to_owned(),
        flow: flow.to_owned(),
        kind,
        with: match flow {
            "refill" => ["a", "tries", "reason"].map(str::to_owned).to_vec(),
            _ => Vec::new(),
        },
        leads: Vec::new(),
        at: Default::default(),
    };
    vec![
        name("clinic", "refill", Kind::Sms),
        name("clinic", "nurse-line", Kind::Call),
        name("clinic", "example", Kind::Call),
        name("college", "main-line", Kind::Call),
        name("college", "front", Kind::Sms),
    ]
}

/// A carrier that can do little.
pub(super) fn carriers() -> BTreeMap<String, Capabilities> {
    let tin = Capabilities {
        voice: true,
        dial_legs_max: 2,
        calls_per_second: 1,
        text_chars_max: 700,
        say_chars_max: 1000,
        ring_s_max: 60,
        record_s_max: 240,
        shows_caller: false,
        detects_machines: false,
        transcribes: false,
        finds_texts: false,
    };
    BTreeMap::from([("tin".to_owned(), tin)])
}

/// What flows may ask of other systems.
fn http() -> HttpRules {
    let url = |text: &str| text.parse().unwrap();
    let secret = |account: &str| SecretRule {
        places: vec![
            url("https://crm.example.org/api"),
            url("https://example.org"),
        ],
        accounts: vec![account.to_owned()],
    };
    HttpRules {
        allow: vec![url("https://crm.example.org"), url("https://example.org")],
        secrets: BTreeMap::from([
            ("crm".to_owned(), secret("clinic")),
            ("campus".to_owned(), secret("college")),
        ]),
    }
}

/// Everything wrong with these bytes of a flow file.
pub(super) fn faults(file: &str, bytes: &[u8]) -> Vec<Fault> {
    let directory = directory(&source(""));
    faults_in(&directory, file, bytes)
}

/// Everything wrong with these flow files of one folder.
pub(super) fn faults_of_files(texts: &[&str]) -> Vec<Fault> {
    let directory = directory(&source(""));
    let mut there = flows();
    there.extend(known(texts.iter().copied(), []));
    let names = names_with(&directory, there);
    let files: Vec<(&str, &str)> = texts.iter().map(|text| ("flow.yaml", *text)).collect();
    let alone: Vec<Findings> = files
        .iter()
        .map(|(file, text)| inspect(file, text, &names, &Bounds::default()))
        .collect();
    let together = same_names(&files).into_iter().map(|(_, fault)| fault);
    let mut faults: Vec<Fault> = between(&alone).into_iter().chain(together).collect();
    faults.extend(alone.into_iter().flat_map(|one| one.faults));
    faults
}

/// Everything wrong with the ways between flows.
fn between(flows: &[Findings]) -> Vec<Fault> {
    let ways = |found| {
        let Findings { flow, passages, .. }: &Findings = found;
        flow.as_ref().map(|flow| Ways {
            file: "flow.yaml",
            account: &flow.account,
            flow: &flow.key,
            steps: passages,
        })
    };
    let ways: Vec<Ways<'_>> = flows.iter().filter_map(ways).collect();
    let faults = judge_flows(&ways).into_iter();
    faults.map(|(_, fault)| fault).collect()
}

pub(super) fn faults_in(directory: &Directory, file: &str, bytes: &[u8]) -> Vec<Fault> {
    let names = names(directory);
    let text = match text_of(file, bytes) {
        Ok(text) => text,
        Err(fault) => return vec![fault],
    };
    let found = inspect(file, text, &names, &Bounds::default());
    let between = between(std::slice::from_ref(&found));
    found.faults.into_iter().chain(between).collect()
}

/// What the house knows by name.
pub(super) fn names(directory: &Directory) -> DirectoryNames<'_> {
    names_with(directory, flows())
}

fn names_with(directory: &Directory, flows: Vec<FlowName>) -> DirectoryNames<'_> {
    DirectoryNames::new(directory, flows)
        .with_carriers(carriers())
        .with_http(http())
        .with_sounds(BTreeSet::from([
            "welcome.mp3".to_owned(),
            "a.mp3".to_owned(),
        ]))
}

/// Everything wrong with the organisation itself.
pub(super) fn judged(source: &str) -> Vec<Fault> {
    let directory = directory(source);
    judge_organisation(&Organisation {
        directory: &directory,
        flows: Some(&flows()),
        file: "organisation.yaml",
        source,
        now: now(),
        told_empty: &BTreeSet::new(),
    })
}
