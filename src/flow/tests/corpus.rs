//! Broken flow files and what is found in each: `corpus/*.yaml` beside `corpus/*.txt`.

use std::path::PathBuf;
use std::time::Duration;

use super::house;
use super::*;
use crate::ambient::Stopwatch;

/// The longest that a check may take in a test build on a machine that does much else: what grows with the square of a
/// file's length takes minutes.
pub(super) const CHECK_MAX: Duration = Duration::from_secs(30);

pub(super) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/flow/tests/corpus")
}

/// Every file with its name, in order.
pub(super) fn files() -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

/// One line a fault, and its help below it.
fn shown(faults: &[Fault], source: &str) -> String {
    let mut text = String::new();
    for fault in faults {
        let record = fault.record(source);
        text += &format!(
            "{}:{}-{} {} {}: {}\n",
            record.line,
            record.column,
            record.end_column,
            record.severity.as_str(),
            record.code,
            record.text
        );
        if let Some(help) = record.help {
            text += &format!("    {help}\n");
        }
    }
    if text.is_empty() {
        text += "nothing\n";
    }
    text
}

/// `UPDATE_SNAPSHOTS=1 cargo test broken_files` writes what is found anew; read what changed before you keep it.
#[test]
fn broken_files_are_told_as_recorded() {
    let directory = house::directory(&house::source(""));
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let (mut wrong, mut count) = (String::new(), 0);
    let (mut slowest, mut slow) = (Duration::ZERO, String::new());
    for (name, bytes) in files() {
        count += 1;
        let began = Stopwatch::start();
        let faults = house::faults_in(&directory, "flow.yaml", &bytes);
        let took = began.elapsed();
        if took > slowest {
            (slowest, slow) = (took, name.clone());
        }
        let source = String::from_utf8_lossy(&bytes);
        for fault in &faults {
            let place = format!("flow.yaml:{}:{}\n", fault.line, fault.column);
            let drawn = fault.draw(&source, false);
            if !drawn.contains(&place) {
                wrong += &format!("{name} is drawn elsewhere than at {place}{drawn}\n");
            }
        }
        let found = shown(&faults, &source);
        let path = folder().join(format!("{name}.txt"));
        if update {
            std::fs::write(&path, &found).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            wrong += &format!("{name}\n found:\n{found} expected:\n{expected}\n");
        }
    }
    println!("{count} files; the slowest took {slowest:?}: {slow}");
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count >= 120, "{count} files");
    assert!(slowest < CHECK_MAX, "{slow} took {slowest:?}");
}

/// What is too long to be kept as a file.
fn horrors() -> Vec<(&'static str, String, &'static str)> {
    let head = "flow: test\naccount: clinic\non: sms\n";
    let step = "  one:\n    reply: Hi\n    next: end\n";
    let aliases = |from: char| {
        let list = vec![format!("*{from}"); 9].join(",");
        format!("[{list}]")
    };
    let mut bomb = format!("{head}a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (from, to) in ('a'..='h').zip('b'..='i') {
        bomb += &format!("{to}: &{to} {}\n", aliases(from));
    }
    let steps: String = (0..400)
        .map(|n| format!("  s{n}:\n    reply: Hi\n    next: end\n"))
        .collect();
    vec![
        ("an alias bomb", bomb, "too-large"),
        (
            "an alias of itself",
            format!("{head}a: &a [*a]\nsteps:\n{step}"),
            "yaml",
        ),
        (
            "a hundred anchors",
            (0..100).map(|n| format!("k{n}: &a{n} x\n")).collect(),
            "too-large",
        ),
        (
            "brackets 20 000 deep",
            format!("{head}steps: {}\n", "[".repeat(20_000)),
            "too-large",
        ),
        (
            "braces 20 000 deep",
            format!("{head}steps: {}\n", "{a: ".repeat(20_000)),
            "too-large",
        ),
        (
            "dashes 20 000 deep",
            format!("{head}steps:\n  {}\n", "- ".repeat(20_000)),
            "too-large",
        ),
        (
            "blocks 500 deep",
            (0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
            "too-large",
        ),
        (
            "10 MB of comments",
            format!("{head}{}", "# x\n".repeat(2_500_000)),
            "too-large",
        ),
        (
            "10 MB in one line",
            format!("flow: {}", "x".repeat(10_000_000)),
            "too-large",
        ),
        ("10 MB of emptiness", "\n".repeat(10_000_000), "too-large"),
        (
            "250 kB of one word",
            format!("flow: {}", "x".repeat(250_000)),
            "missing-key",
        ),
        (
            "250 kB of one quoted text",
            format!(
                "{head}steps:\n  one:\n    reply: \"{}\"\n    next: end\n",
                "é".repeat(120_000)
            ),
            "template",
        ),
        (
            "250 kB of an open quote",
            format!("flow: \"{}", "x ".repeat(120_000)),
            "yaml",
        ),
        (
            "30 000 keys",
            (0..30_000).map(|n| format!("k{n}:\n")).collect(),
            "too-large",
        ),
        (
            "400 steps",
            format!("{head}steps:\n{steps}"),
            "out-of-range",
        ),
        (
            "250 kB of template marks",
            format!(
                "{head}steps:\n  one:\n    reply: '{}'\n    next: end\n",
                "{{ ".repeat(80_000)
            ),
            "template",
        ),
        (
            "8 kB of template marks",
            format!(
                "{head}steps:\n  one:\n    reply: '{}'\n    next: end\n",
                "{% if a %}".repeat(800)
            ),
            "unknown-name",
        ),
        (
            "8 kB of brackets in a condition",
            format!(
                "{head}steps:\n  one:\n    branch: {{ a: '{}' }}\n    then: {{ a: end, else: end }}\n",
                "(".repeat(8_000)
            ),
            "expression",
        ),
        (
            "9 900 keys that are none",
            (0..9_900)
                .map(|n| format!("k{n}: 1\n"))
                .fold(head.to_owned(), |all, one| all + &one),
            "more-faults",
        ),
        (
            "9 000 conditions in one line",
            format!(
                "{head}steps:\n  one:\n    branch: {{ {} }}\n    then: {{ else: end }}\n",
                (0..9_000)
                    .map(|n| format!("f{n}: nobody.x{n}, "))
                    .collect::<String>()
            ),
            "shape",
        ),
        (
            "19 000 aliases of a long text",
            format!(
                "{head}x: &x {}\ny: [{}]\n",
                "y".repeat(100_000),
                "*x,".repeat(19_000)
            ),
            "too-large",
        ),
        ("nulls", "\0".repeat(1000), "encoding"),
        ("2 000 documents", "---\na: b\n".repeat(2_000), "yaml"),
    ]
}

#[test]
fn horrors_are_refused_at_once() {
    let directory = house::directory(&house::source(""));
    let mut wrong = String::new();
    for (what, source, code) in horrors() {
        let began = Stopwatch::start();
        let faults = house::faults_in(&directory, "flow.yaml", source.as_bytes());
        for fault in &faults {
            assert!(!fault.draw(&source, false).is_empty());
        }
        let took = began.elapsed();
        println!("{what}: {took:?}");
        let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
        if !codes.contains(&code) || took > CHECK_MAX {
            let words = faults.first().map_or("", |fault| &fault.message);
            wrong += &format!(
                "{what}: {:?} in {took:?}, not {code}: {words}\n",
                &codes[..codes.len().min(5)]
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The widest flow that is allowed: three hundred steps that all lead on and back.
#[test]
fn the_largest_flow_is_proven_in_time() {
    let mut source = "flow: test\naccount: clinic\non: call\nsteps:\n".to_owned();
    for n in 0..300 {
        let (next, far) = ((n + 1) % 300, (n * 7 + 3) % 300);
        source += &format!(
            "  s{n}:\n    menu: {{ prompt: \"Hello {{{{ contact.name }}}}\" }}\n    then: {{ 1: s{next}, 2: s{far}, 3: end, invalid: s{next}, timeout: end }}\n"
        );
    }
    let began = Stopwatch::start();
    let faults = house::faults("flow.yaml", source.as_bytes());
    let took = began.elapsed();
    println!("300 steps: {took:?}");
    assert_eq!(faults, []);
    assert!(took < CHECK_MAX, "{took:?}");
}

#[test]
fn a_call_on_a_number_without_texts_sends_none() {
    let source = house::source("").replace(
        "\"+12025550101\", connection: tin, can: [sms, mms, voice]",
        "\"+12025550101\", connection: tin, can: [voice]",
    );
    let check = |key: &str, step: &str, expected: &str| {
        let steps = format!("  one:\n    {step}\n    next: end\n");
        let flow = format!("flow: {key}\naccount: clinic\non: call\nsteps:\n{steps}");
        let found = house::faults_in(&house::directory(&source), "flow.yaml", flow.as_bytes());
        let found: Vec<String> = found.into_iter().map(|fault| fault.message).collect();
        assert_eq!(found.join("; "), expected, "{key} {step}");
    };
    let none = "the number +12025550101 sends no texts";
    check("nurse-line", "send: { text: Call us back }", none);
    check(
        "nurse-line",
        "notify: { group: nurses, by: [email, text], text: Look }",
        none,
    );
    check(
        "nurse-line",
        "notify: { group: nurses, by: text, text: Look }",
        none,
    );
    check("nurse-line", "notify: { group: nurses, text: Look }", "");
    check("example", "send: { text: Call us back }", "");
}
