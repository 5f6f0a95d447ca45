//! Which outcomes of a flow's steps its tests came to.

use std::collections::BTreeSet;

use crate::flow::Flow;

/// How much of a flow its tests have tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Outcomes that its steps can come to.
    pub all: usize,
    /// Those that no test came to, in the order of the file.
    pub missed: Vec<Missed>,
}

/// An outcome that no test came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The step's line in the file.
    pub line: u32,
    /// The step.
    pub step: String,
    /// The outcome; `reached` of a step with one way out.
    pub outcome: String,
}

impl Coverage {
    /// The outcomes of a flow against those that were taken: flow, step, outcome.
    pub fn of<'t>(flow: &Flow, taken: impl Iterator<Item = &'t (String, String, String)>) -> Self {
        let ours = taken.filter(|(key, ..)| *key == flow.key);
        let taken: BTreeSet<(&str, &str)> = ours
            .map(|(_, step, outcome)| (step.as_str(), outcome.as_str()))
            .collect();
        let mut made = Self::default();
        for branch in flow.branches() {
            made.all += 1;
            let came = match branch.outcome {
                Some(outcome) => taken.contains(&(branch.step, outcome)),
                None => taken
                    .iter()
                    .any(|(step, outcome)| *step == branch.step && *outcome != "caller_hung_up"),
            };
            if !came {
                made.missed.push(Missed {
                    line: branch.line,
                    step: branch.step.to_owned(),
                    outcome: branch.outcome.unwrap_or("reached").to_owned(),
                });
            }
        }
        made
    }

    /// How many were tried.
    pub fn tried(&self) -> usize {
        self.all - self.missed.len()
    }
}
