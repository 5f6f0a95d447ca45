//! The schema for editors and the reader agree: in their tables, and on every file there is.

use std::io::Write;
use std::process::{Command, Stdio};

use super::corpus;
use super::house;
use super::shipped::SHIPPED;
use super::*;
use crate::flow::form::outcomes::{KEY, NAME, meaning, rows};
use crate::flow::form::{self, Absent, Body, Shape};
use crate::flow::steps::{SPECS, Style};

/// A step with this verb and what stands behind it, its outcomes taken care of.
fn step(verb: &str, value: &str) -> String {
    let spec = crate::flow::steps::spec(verb).unwrap();
    let ways = match (spec.style, verb) {
        (crate::flow::steps::Style::Leaves, _) => "",
        (_, "consent") if !value.contains("record") => "    then: { else: end }\n",
        (crate::flow::steps::Style::Then(_), "menu") => "    then: { 1: end, else: end }\n",
        (crate::flow::steps::Style::Then(_), _) => "    then: { else: end }\n",
        (crate::flow::steps::Style::Next(_), _) => "    next: end\n",
    };
    let on = spec.kinds.first().unwrap().as_str();
    format!("flow: test\naccount: clinic\non: {on}\nsteps:\n  one:\n    {verb}: {value}\n{ways}")
}

/// What stands behind a key so that its reader takes it, and what it refuses.
fn samples(word: &str, shape: Shape) -> (Vec<String>, Vec<String>) {
    let own = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    match shape {
        Shape::Text if matches!(word, "file" | "music") => (own(&["a.mp3"]), own(&["a.ogg"])),
        Shape::Text | Shape::Sms => (
            own(&["Hi", "{ en: Hi, es: Hola }", "12"]),
            own(&["[a]", "\"\""]),
        ),
        Shape::Value => (own(&["Hi", "~"]), own(&["[a]"])),
        Shape::Word => (own(&["AA-99"]), own(&["[a]"])),
        Shape::Within(min, max) => {
            let mut bad = vec![format!("{}s", max + 1), "30".to_owned(), "soon".to_owned()];
            bad.extend(min.checked_sub(1).map(|less| format!("{less}s")));
            (vec![format!("{min}s"), format!("{max}s")], bad)
        }
        Shape::Duration => (own(&["60s"]), own(&["30", "[a]", "soon"])),
        Shape::Count(min, max) => {
            let mut bad = vec![(max + 1).to_string(), format!("0{min}"), "x".to_owned()];
            bad.extend(min.checked_sub(1).map(|less| less.to_string()));
            (vec![min.to_string(), max.to_string()], bad)
        }
        Shape::Bool => (
            own(&["true", "false"]),
            own(&["yes", "no", "on", "1", "[a]"]),
        ),
        Shape::OneOf(words) | Shape::SomeOf(words) => {
            let quoted = words.iter().map(|word| format!("\"{word}\""));
            (quoted.collect(), own(&["zzz", "{ a: b }"]))
        }
        Shape::Name => (Vec::new(), own(&["[a]", "{ a: b }"])),
        Shape::Told => (own(&["members", "none"]), own(&["all", "[]", "{ a: b }"])),
        Shape::Names => (
            own(&["insulin", "[insulin, home-visits]"]),
            own(&["{ a: b }"]),
        ),
        Shape::Phone => (
            own(&["\"+12025550199\"", "+12025550199"]),
            own(&["nobody", "[a]"]),
        ),
        Shape::CallerId => (
            own(&["caller", "number", "\"+12025550199\""]),
            own(&["nobody"]),
        ),
        Shape::Place if word == "field" => (own(&["contact.medicine"]), own(&["x", "[a]"])),
        Shape::Place => (own(&["flow.x"]), own(&["x", "flow.X", "[a]"])),
        Shape::Digits => (own(&["4", "4..6"]), own(&["some", "[a]"])),
        Shape::Words => (own(&["[a, b]", "a"]), own(&["{ a: b }"])),
        Shape::Choices => (
            own(&["{ a: [b], c: }"]),
            own(&["[a]", "a", "{ a: { b: c } }"]),
        ),
        Shape::Condition => (own(&["contact.insured"]), own(&["[a]"])),
        Shape::Targets => (
            own(&["[{ user: erin }, { group: nurses }]"]),
            own(&["[a]", "[]"]),
        ),
        Shape::Values => (own(&["{ a: b }"]), own(&["a"])),
        Shape::Reached => (
            own(&["contact.phone", "\"+12025550199\""]),
            own(&["nobody", "contact.nobody", "[a]"]),
        ),
        Shape::Url => (
            own(&[
                "\"https://example.org/a?b={{ contact.name }}\"",
                "https://example.org",
            ]),
            own(&["example.org", "[a]"]),
        ),
        Shape::Headers => (
            own(&["{ accept: a, authorization: { secret: crm, before: c } }"]),
            own(&["a", "{ a: { secret: crm, zzz: c } }"]),
        ),
        Shape::Saves => (
            own(&["flow.x", "{ flow.x: a.b.0 }"]),
            own(&["x", "{ x: a }", "[a]"]),
        ),
        Shape::Any => (own(&["a", "{ a: [b, 1, ~] }"]), Vec::new()),
        Shape::Mail => (
            own(&["contact.email", "front@example.org"]),
            own(&["nobody", "[a]"]),
        ),
    }
}

/// A verb with one key, beside what it cannot do without.
fn with_key(form: &form::Form, key: &form::KeyForm, value: &str) -> String {
    let Body::Keys { keys, one_of, .. } = form.body else {
        panic!("{} has no keys", form.word);
    };
    let mut parts = vec![format!("{}: {value}", key.word)];
    let others = keys
        .iter()
        .filter(|other| other.required && other.word != key.word);
    for other in others {
        let value = match other.shape {
            Shape::Phone => "\"+12025550199\"",
            Shape::Reached => "contact.phone",
            Shape::Name if other.word == "group" => "nurses",
            Shape::Name => "refill",
            Shape::Url => "https://example.org",
            _ => "Hi",
        };
        parts.push(format!("{}: {value}", other.word));
    }
    if !one_of.is_empty() && !one_of.contains(&key.word) {
        let first = match (form.word, key.word) {
            ("consent", "scope") => "record: in",
            ("consent", _) => "ask: Hi",
            ("lookup", _) => "field: contact.medicine",
            _ => "group: nurses",
        };
        parts.push(first.to_owned());
    }
    for (verb, word, beside) in [
        ("gather", "digits", "digits: 4"),
        ("dial", "prompt", "accept: key"),
        ("dial", "total", "ring: 5s"),
    ] {
        if form.word == verb && (key.word != word) == (verb == "gather") {
            parts.push(beside.to_owned());
        }
    }
    if (form.word, key.word) == ("lookup", "field") {
        parts.push("equals: Hi".to_owned());
    }
    if form.word == "ask" && key.word == "expect" {
        match value {
            "\"choice\"" => parts.push("choices: { a: [b] }".to_owned()),
            "\"pattern\"" => parts.push("pattern: AA".to_owned()),
            _ => {}
        }
    }
    step(form.word, &format!("{{ {} }}", parts.join(", ")))
}

/// Every verb, key and kind of value, as a file that the reader takes or refuses.
fn made() -> Vec<(String, String, bool)> {
    let mut files = Vec::new();
    for spec in SPECS.iter().filter(|spec| spec.read.is_some()) {
        let form = form::of(spec.word)
            .unwrap_or_else(|| panic!("no form of `{}` in src/flow/form/", spec.word));
        for key in form.keys() {
            let (good, bad) = samples(key.word, key.shape);
            for (values, good) in [(good, true), (bad, false)] {
                for value in values {
                    let name = format!("{} {}: {value}", form.word, key.word);
                    files.push((name, with_key(form, key, &value), good));
                }
            }
        }
        let odd = format!("{} with a key of no meaning", form.word);
        files.push((odd, step(form.word, "{ zzz_zzz: { a: [b] } }"), false));
    }
    files
}

#[test]
fn the_reader_takes_every_listed_key_and_value_and_no_other() {
    let directory = house::directory(&house::source(""));
    let (mut wrong, mut count) = (String::new(), 0);
    for (name, source, good) in made() {
        count += 1;
        let faults = house::faults_in(&directory, "flow.yaml", source.as_bytes());
        let refused: Vec<_> = faults
            .iter()
            .filter(|fault| fault.severity == Severity::Fault)
            .collect();
        if refused.is_empty() != good {
            wrong += &format!("{name}: {refused:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count > 200, "{count}");
}

/// A step's checked flow.
fn flow_of(source: &str) -> Flow {
    let directory = house::directory(&house::source(""));
    let names = DirectoryNames::new(&directory, house::flows());
    match check("flow.yaml", source, &names) {
        Ok(checked) => checked.flow,
        Err(faults) => panic!("{}", render(source, &faults)),
    }
}

#[test]
fn a_key_left_out_is_the_same_as_its_default_written_out() {
    let mut count = 0;
    for form in SPECS.iter().filter_map(|spec| form::of(spec.word)) {
        for key in form.keys() {
            let Absent::Is(default) = key.absent else {
                continue;
            };
            count += 1;
            let written = with_key(form, key, default);
            let part = format!("{}: {default}", key.word);
            let left_out = written
                .replace(&format!("{part}, "), "")
                .replace(&format!(", {part}"), "")
                .replace(&part, "");
            assert_ne!(written, left_out);
            assert_eq!(
                flow_of(&written).steps,
                flow_of(&left_out).steps,
                "{} {part}",
                form.word
            );
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn every_outcome_has_a_meaning_and_every_meaning_an_outcome() {
    let mut wrong = Vec::new();
    for spec in SPECS.iter().filter(|spec| spec.read.is_some()) {
        let (Style::Next(fixed) | Style::Then(fixed)) = spec.style else {
            assert_eq!(rows(spec.word).count(), 0, "{}", spec.word);
            continue;
        };
        for outcome in fixed {
            if meaning(spec.word, outcome).is_none() {
                wrong.push(format!("{} {outcome}", spec.word));
            }
        }
        // A step may have outcomes of its own, which the writer names or another key brings.
        for (outcome, _) in rows(spec.word) {
            let own = matches!(outcome, KEY | NAME) || spec.word == "consent";
            if !own && !fixed.contains(&outcome) {
                wrong.push(format!("{} {outcome}: no such outcome", spec.word));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "rows of src/flow/form/outcomes.rs: {wrong:?}"
    );
}

/// Marks of a table would end its cells.
#[test]
fn what_tables_say_is_one_line_without_bars() {
    for form in SPECS.iter().filter_map(|spec| form::of(spec.word)) {
        for about in form
            .keys()
            .iter()
            .map(|key| key.about)
            .chain([form.about])
            .chain(rows(form.word).map(|row| row.1))
        {
            assert!(
                about.ends_with('.') && !about.contains(['|', '\n']),
                "{}: {about}",
                form.word
            );
        }
    }
}

#[test]
fn every_verb_and_key_is_shown_in_an_example_of_the_page() {
    let page = include_str!("../../../docs/flows.md");
    let examples: Vec<&str> = (page.split("```yaml\n").skip(1))
        .filter_map(|block| block.split("```").next())
        .collect();
    let shown = |part: &str| examples.iter().any(|example| example.contains(part));
    let mut missing = Vec::new();
    for spec in SPECS.iter().filter(|spec| spec.read.is_some()) {
        if !shown(&format!("    {}:", spec.word)) {
            missing.push(spec.word.to_owned());
        }
        let keys = form::of(spec.word).map_or(&[][..], form::Form::keys);
        let main = form::of(spec.word).and_then(|form| form.main);
        let keys = keys.iter().filter(|key| Some(key.word) != main);
        for key in keys {
            if !shown(&format!("{}:", key.word)) {
                missing.push(format!("{} {}", spec.word, key.word));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no example in docs/flows.md: {missing:?}"
    );
}

#[test]
fn every_reader_asks_for_the_keys_of_its_form() {
    for spec in SPECS.iter().filter(|spec| spec.read.is_some()) {
        let form = form::of(spec.word)
            .unwrap_or_else(|| panic!("no form of `{}` in src/flow/form/", spec.word));
        if !matches!(form.body, Body::Keys { .. }) {
            continue;
        }
        let source = step(spec.word, "{ zzz_zzz: 1 }");
        let faults = house::faults("flow.yaml", source.as_bytes());
        let fault = faults
            .iter()
            .find(|fault| fault.code == "unknown-key")
            .unwrap();
        let help = fault.help.as_deref().unwrap();
        let mut listed: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        let mut keys: Vec<&str> = form.keys().iter().map(|key| key.word).collect();
        keys.sort_unstable();
        listed.sort_unstable();
        // A help names a dozen at most.
        keys.retain(|key| {
            help.ends_with("and more") && !listed.contains(key) || listed.contains(key)
        });
        listed.retain(|key| !keys.contains(key));
        assert!(listed.is_empty(), "{}: {listed:?}", spec.word);
    }
}

#[test]
fn the_schema_knows_every_verb_and_outcome() {
    let schema = schema();
    for spec in SPECS.iter().filter(|spec| spec.read.is_some()) {
        for kind in spec.kinds {
            let step = &schema["$defs"][format!("{}_step", kind.as_str())];
            assert!(step["properties"].get(spec.word).is_some(), "{}", spec.word);
            let ways = step["oneOf"].as_array().unwrap();
            let way = ways
                .iter()
                .find(|way| way["required"][0] == spec.word)
                .unwrap();
            let text = way.to_string();
            let outcomes = match spec.style {
                crate::flow::steps::Style::Next(outcomes)
                | crate::flow::steps::Style::Then(outcomes) => outcomes,
                crate::flow::steps::Style::Leaves => &[],
            };
            for outcome in outcomes {
                assert!(
                    text.contains(&format!("\"{outcome}\"")),
                    "{} {outcome}",
                    spec.word
                );
            }
        }
    }
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

/// What the schema cannot know: names, meanings, the whole.
const BEYOND: [&str; 50] = [
    "silent-loop",
    "calls-too-deep",
    "too-many-flows",
    "same-name",
    "too-many-steps",
    "not-allowed",
    "unknown-caseload",
    "calendar",
    "unknown-box",
    "unknown-number",
    "url",
    "header",
    "flow-loop",
    "email",
    "unknown-step",
    "unknown-account",
    "unknown-group",
    "unknown-user",
    "inactive-user",
    "unknown-calendar",
    "unknown-flow",
    "unknown-name",
    "unknown-function",
    "expression",
    "template",
    "not-writable",
    "type",
    "secret",
    "unreachable-step",
    "never-ends",
    "endless-loop",
    "needs-caller",
    "moment",
    "compliance-word",
    "two-owners",
    "pattern",
    "word",
    "digits",
    "file",
    "out-of-range",
    "too-large",
    "next-and-else",
    "wrong-kind",
    "number",
    "empty",
    "phone",
    "shape",
    "missing-key",
    "unknown-key",
    "name",
];
/// Of these the schema may know some.
const SOME: [&str; 16] = [
    "url",
    "header",
    "too-large",
    "not-writable",
    "two-owners",
    "pattern",
    "digits",
    "file",
    "out-of-range",
    "wrong-kind",
    "number",
    "empty",
    "phone",
    "shape",
    "missing-key",
    "unknown-key",
];

/// Files that are judged otherwise for a reason: the other reader takes no tabs between words, which YAML 1.2 allows,
/// the schema does not know the outcomes that a step chooses for itself, what does not go together, nor what nobody sees,
/// and the other reader has done what `<<` asks for before the schema looks.
const LEFT: [&str; 7] = [
    "yaml-merge-key",
    "yaml-turned-text",
    "yaml-tab-between",
    "yaml-escaped-bell",
    "consent-open",
    "split-open",
    "dial-ordered-at-once",
];

fn faulty_only_in_its_bounds(name: &str) -> bool {
    let value = name.rsplit(' ').next().unwrap_or_default();
    crate::flow::amounts::read_duration(value).is_some()
}

/// Every file there is with the verdict the schema must come to; nothing where it may come to either.
fn verdicts() -> Vec<(String, String, bool)> {
    let mut files: Vec<(String, String, bool)> = made()
        .into_iter()
        // Whether a sound file, a phone or an address is one is for the check to tell, and 01 and 00 are numbers to YAML.
        .filter(|(name, _, good)| {
            let odd = [
                "file:",
                "music:",
                "\"\"",
                " to: nobody",
                " to: contact.",
                "phone: nobody",
                "phone: contact.",
            ];
            // The schema knows what a duration looks like, and not its bounds.
            let bound = name.ends_with('s') && faulty_only_in_its_bounds(name);
            *good
                || !(bound
                    || odd.iter().any(|part| name.contains(part))
                    || [": 01", ": 00"].iter().any(|odd| name.ends_with(odd)))
        })
        .collect();
    files.extend(SHIPPED.map(|(name, source)| (name.to_owned(), source.to_owned(), true)));
    let page = include_str!("../../../docs/flows.md");
    for (n, block) in page.split("```yaml\n").skip(1).enumerate() {
        let source = block.split("```").next().unwrap().to_owned();
        files.push((format!("docs/flows.md example {}", n + 1), source, true));
    }
    let directory = house::directory(&house::source(""));
    for (name, bytes) in corpus::files() {
        let text = String::from_utf8(bytes).ok();
        let Some(text) = text.filter(|_| !LEFT.contains(&name.as_str())) else {
            continue;
        };
        let faults = house::faults_in(&directory, "flow.yaml", text.as_bytes());
        let codes: Vec<&str> = faults
            .iter()
            .filter(|fault| fault.severity == Severity::Fault)
            .map(|fault| fault.code)
            .collect();
        if codes
            .iter()
            .all(|code| BEYOND.contains(code) && !SOME.contains(code))
            && !codes.contains(&"name")
        {
            files.push((name, text, true));
        } else if codes.iter().any(|code| !BEYOND.contains(code)) {
            files.push((name, text, false));
        }
    }
    files
}

/// Debian's own, whose packages `./check` installs.
const PYTHON: &str = "/usr/bin/python3";

#[test]
#[ignore = "needs Python: ./check"]
fn an_independent_validator_takes_what_the_check_takes() {
    let files: Vec<serde_json::Value> = verdicts()
        .into_iter()
        .map(|(name, text, good)| serde_json::json!({ "name": name, "text": text, "good": good }))
        .collect();
    let good = files.iter().filter(|file| file["good"] == true).count();
    assert!(
        good > 120 && files.len() - good > 80,
        "{good} of {}",
        files.len()
    );
    let asked = serde_json::json!({ "schema": schema(), "files": files }).to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/flow/tests/schema.py");
    let mut python = Command::new(PYTHON)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(asked.as_bytes())
        .unwrap();
    let done = python.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "\n{printed}");
    println!("{printed}");
}
