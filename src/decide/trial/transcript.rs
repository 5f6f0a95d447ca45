//! What happened in a test, line by line.

use crate::model::Timestamp;

/// Where a test first went otherwise than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line of the file that does not hold.
    pub line: u32,
    /// What was expected, and what there is.
    pub words: String,
    /// The place in the transcript of the line of the script that does not hold, where it is one.
    pub entry: Option<usize>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Whose doing it is.
    pub who: Who,
    /// What, for people.
    pub words: String,
    /// The step that did it, where it was one.
    pub place: Option<Place>,
}

/// Whose doing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The script's, at this line of the file.
    Script(u32),
    /// The flow's.
    Flow,
}

/// Where in a flow something comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The flow's key.
    pub flow: String,
    /// The step.
    pub step: String,
    /// Its verb.
    pub verb: &'static str,
    /// Its line.
    pub line: u32,
}

/// `welcome (say), line 6`.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}), line {}", self.step, self.verb, self.line)
    }
}
