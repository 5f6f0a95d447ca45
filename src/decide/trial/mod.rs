//! Plays the tests written in flow files: scripted callers, members and days on a virtual clock, through the very
//! functions that decide in production. A carrier that only exists here tells what a real one would.

mod asked;
mod coverage;
mod expect;
mod keys;
mod line;
mod made_up;
mod origin;
mod phone;
mod script;
mod stage;
#[cfg(test)]
mod tests;
mod transcript;
mod world;

use std::collections::BTreeSet;

use super::World;
use crate::flow::{Checked, Test};

pub use coverage::{Coverage, Missed};
pub use made_up::made_up;
pub use stage::Stage;
pub(in crate::decide) use stage::{Kept, placed_after_s};
pub use transcript::{Difference, Entry, Place, Who};

/// What tests are played on: an organisation and all its flows. It knows nobody outside; a test says whom it knows.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// The organisation; of its flows those that are tried, as if they were published.
    pub world: World,
}

/// What came of a flow's tests.
#[derive(Debug, Clone)]
pub struct Report {
    /// The tests, in the order of the file.
    pub tests: Vec<Played>,
    /// Which outcomes they came to.
    pub coverage: Coverage,
}

/// What came of one test.
#[derive(Debug, Clone)]
pub struct Played {
    /// Its name.
    pub name: String,
    /// Its line in the file.
    pub line: u32,
    /// Where it first went otherwise than it says.
    pub failed: Option<Difference>,
    /// What happened, in order.
    pub transcript: Vec<Entry>,
    /// The outcomes that steps came to: flow, step, outcome.
    pub taken: BTreeSet<(String, String, String)>,
}

/// Plays the tests of a flow.
pub fn play(ground: &Ground, checked: &Checked) -> Report {
    let tests: Vec<Played> = checked
        .tests
        .iter()
        .map(|test| one(ground, checked, test))
        .collect();
    let taken = tests.iter().flat_map(|test| &test.taken);
    let coverage = Coverage::of(&checked.flow, taken);
    Report { tests, coverage }
}

fn one(ground: &Ground, checked: &Checked, test: &Test) -> Played {
    let mut stage = match Stage::new(ground, &checked.flow, test) {
        Ok(stage) => stage,
        Err(words) => return unplayable(test, words),
    };
    let failed = script::play(&mut stage, test).err();
    Played {
        name: test.name.clone(),
        line: test.line,
        failed,
        transcript: stage.transcript,
        taken: stage.taken,
    }
}

fn unplayable(test: &Test, words: String) -> Played {
    Played {
        name: test.name.clone(),
        line: test.line,
        failed: Some(Difference {
            line: test.line,
            words,
            entry: None,
        }),
        transcript: Vec::new(),
        taken: BTreeSet::new(),
    }
}
