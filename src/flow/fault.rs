//! What is wrong with a flow, where, and what to do about it.

use std::ops::Range;

use serde::Serialize;

/// One thing wrong with a flow file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// The offending bytes of the source.
    pub span: Range<usize>,
    /// A stable code, such as `unknown-step`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
