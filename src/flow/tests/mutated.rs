//! Shipped flows and broken ones, damaged further: whatever a file holds, the check answers, soon, and every fault has
//! a place that can be drawn.

use proptest::prelude::*;

use super::corpus;
use super::house;
use super::shipped::SHIPPED;
use super::*;
use crate::ambient::Stopwatch;

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    /// Characters replaced.
    Splice(prop::sample::Index, usize, &'static str),
    /// A line doubled.
    Double(prop::sample::Index),
    /// A line left out.
    Drop(prop::sample::Index),
    /// Two lines changing places.
    Swap(prop::sample::Index, prop::sample::Index),
    /// A line moved to the right.
    Indent(prop::sample::Index, usize),
    /// The rest cut off.
    Cut(prop::sample::Index),
}

/// What goes wrong in files.
const PIECES: [&str; 34] = [
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u{feff}",
    "\0",
    ":",
    ": ",
    " #",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "[",
    "]",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "&a",
    "*a",
    "<<: *a",
    "!!binary x",
    "---\n",
    "no",
    "0123",
    "+12025550143",
    "é☃\u{10ffff}",
    "end",
    "next: end\n",
    "-",
    "?",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), 0..12usize, prop::sample::select(PIECES.to_vec())).prop_map(|(at, cut, put)| Change::Splice(at, cut, put)),
        1 => at().prop_map(Change::Double),
        1 => at().prop_map(Change::Drop),
        1 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => (at(), 1..5usize).prop_map(|(at, by)| Change::Indent(at, by)),
        1 => at().prop_map(Change::Cut),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut chars: Vec<char> = text.chars().collect();
    if lines.is_empty() {
        return "x".to_owned();
    }
    match change {
        Change::Splice(at, cut, put) => {
            let at = at.index(chars.len());
            let end = (at + cut).min(chars.len());
            chars.splice(at..end, put.chars());
            return chars.into_iter().collect();
        }
        Change::Cut(at) => {
            chars.truncate(at.index(chars.len()));
            return chars.into_iter().collect();
        }
        Change::Double(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at].clone());
        }
        Change::Drop(at) => drop(lines.remove(at.index(lines.len()))),
        Change::Swap(a, b) => {
            lines.swap(a.index(text.lines().count()), b.index(text.lines().count()))
        }
        Change::Indent(at, by) => {
            let at = at.index(lines.len());
            lines[at].insert_str(0, &" ".repeat(*by));
        }
    }
    lines.concat()
}

proptest! {
    // A fixed seed: what fails here fails for everybody.
    #![proptest_config(ProptestConfig {
        cases: 1500,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x51_6e_a1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_files_are_read_or_refused(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        thread_local! {
            static AROUND: (Directory, Vec<String>) = {
                let shipped = SHIPPED.iter().map(|(_, source)| (*source).to_owned());
                let broken = corpus::files().into_iter().map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned());
                (house::directory(&house::source("")), shipped.chain(broken).collect())
            };
        }
        AROUND.with(|(directory, sources)| {
            let mut text = sources[file.index(sources.len())].clone();
            for change in &changes {
                text = changed(&text, change);
            }
            let began = Stopwatch::start();
            let faults = house::faults_in(directory, "flow.yaml", text.as_bytes());
            assert!(began.elapsed() < corpus::CHECK_MAX, "{:?}", began.elapsed());
            for fault in &faults {
                let _ = fault.draw(&text, false);
                let record = fault.record(&text);
                assert!(record.line >= 1 && record.column >= 1 && record.end_column >= record.column);
                // To YAML a carriage return alone ends a line too.
                let lines = text.matches(['\n', '\r']).count() + 1;
                assert!(record.line as usize <= lines + 1, "{record:?}");
                assert!(explain(fault.code).is_ok(), "{}", fault.code);
            }
            // What nothing is wrong with is a flow.
            let names = house::names(directory);
            // A flow alone is not asked where others lead.
            let alone = inspect("flow.yaml", &text, &names, &Bounds::default()).faults;
            let refused = alone.iter().any(|fault| fault.severity == Severity::Fault);
            let checked = check("flow.yaml", &text, &names);
            assert_eq!(checked.is_err(), refused);
            // And published, it is read again as the same.
            let again = read_published(&text, &ColumnNames(directory));
            if let Ok(checked) = checked {
                assert_eq!(again.as_ref(), Ok(&checked.flow));
            }
        });
    }
}
