//! The manual of faults: every code has a page, and its examples are what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::house;
use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn faults_of(example: &Example) -> Vec<Fault> {
    match example {
        // The base itself has a group that nobody is in, which is another page.
        Example::Organisation(sections) => house::judged(&house::source(sections))
            .into_iter()
            .filter(|fault| fault.code != "empty-group")
            .collect(),
        Example::Files(texts) => house::faults_of_files(&texts.split("---\n").collect::<Vec<_>>()),
        _ => house::faults("flow.yaml", &example.bytes()),
    }
}

#[test]
fn every_page_shows_a_flow_with_the_fault_and_one_without_any() {
    let mut wrong = Vec::new();
    for page in pages() {
        let before = faults_of(&page.before);
        match before.iter().find(|fault| fault.code == page.code) {
            Some(fault) if fault.severity == page.severity => {}
            Some(_) => wrong.push(format!("{}: its severity is another", page.code)),
            None => wrong.push(format!("{}: before has {before:?}", page.code)),
        }
        let after = faults_of(&page.after);
        if !after.is_empty() {
            wrong.push(format!("{}: after has {after:?}", page.code));
        }
        if !page.finds.starts_with("Finds ")
            || !page.finds.ends_with('.')
            || !page.hurts.ends_with('.')
        {
            wrong.push(format!("{}: not in whole sentences", page.code));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_page_is_found_by_its_code_and_drawn() {
    let page = explain("unknown-step").unwrap();
    insta::assert_snapshot!(page.render());
    assert_eq!(explain("unknown-stop").unwrap_err(), Some("unknown-step"));
    assert_eq!(explain("weather").unwrap_err(), None);
}

/// Files of the language that are no tests.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.is_dir() {
            if !path.ends_with("flow/tests") && !path.ends_with("flow/fault") {
                sources(&path, into);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// The codes that some line of the language gives a fault.
fn codes() -> BTreeSet<String> {
    const CALLS: [&str; 9] = [
        ".fault(",
        ".fault_help(",
        ".warn(",
        ".known(",
        "Fault::new(",
        "code: ",
        "wrong(",
        "let code =",
        "missing(",
    ];
    let mut files = Vec::new();
    sources(&root().join("src/flow"), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for call in CALLS {
            for (at, _) in text.match_indices(call) {
                let rest = &text[at + call.len()..];
                let end = rest.find(';').unwrap_or(rest.len());
                let mut quoted = rest[..end].split('"').skip(1).step_by(2);
                found.extend(
                    quoted
                        .next()
                        .filter(|word| is_code(word))
                        .map(str::to_owned),
                );
            }
        }
    }
    found
}

fn is_code(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c == '-';
    word.len() > 3 && word.chars().all(plain) && word.starts_with(|c: char| c != '-')
}

#[test]
fn every_code_has_a_page() {
    let paged: BTreeSet<String> = pages().iter().map(|page| page.code.to_owned()).collect();
    assert_eq!(paged.len(), pages().len(), "a code has one page");
    let codes = codes();
    assert!(codes.len() > 40, "codes are found: {codes:?}");
    // Words that stand where a code may stand, and are none.
    let words = [
        "menu",
        "said",
        "true",
        "reply",
        "group",
        "steps",
        "flow",
        "account",
        "duplicate",
        "script",
        "clinic",
    ];
    let bare: Vec<&String> = codes
        .iter()
        .filter(|code| !paged.contains(*code) && !words.contains(&code.as_str()))
        .collect();
    assert!(
        bare.is_empty(),
        "no page in src/flow/fault/pages/ for {bare:?}"
    );
}
