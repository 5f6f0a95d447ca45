//! What is wrong with a flow, where, and what to do about it.
//!
//! Every code has a page beside it ([`page`]): what it finds, why that hurts, and a flow before and after.

mod page;
mod pages;

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::yaml::At;

pub use page::{Example, Page, explain, pages};

/// The longest line that is drawn; of a longer one only the place is told.
const LINE_BYTES_MAX: usize = 2_048;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The flow cannot run.
    Fault,
    /// It runs, and probably not as it was meant.
    Warning,
}

impl Severity {
    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
        }
    }
}

/// One thing wrong with a flow file.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Whether the flow can run all the same.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    pub(crate) fn new(file: &str, at: &At, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: at.line.max(1),
            column: at.column.max(1),
            span: at.span.clone(),
            code,
            severity: Severity::Fault,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The name that was probably meant.
    pub fn nearest(&self) -> Option<&str> {
        let (before, after) = MEANT;
        let rest = self.help.as_deref()?.strip_prefix(before)?;
        rest.split_once(after).map(|(name, _)| name)
    }

    /// The fault for other programs; `source` is the text of its file.
    pub fn record<'f>(&'f self, source: &str) -> Record<'f> {
        let marked = &source[self.marked(source)];
        let length = u32::try_from(marked.chars().count()).unwrap_or(u32::MAX);
        Record {
            file: &self.file,
            line: self.line,
            column: self.column,
            end_column: self.column.saturating_add(length),
            code: self.code,
            severity: self.severity,
            text: &self.message,
            help: self.help.as_deref(),
            nearest: self.nearest(),
        }
    }

    /// The fault as people read it: the line of `source` with the spot marked, and the next move. `colour` is for
    /// terminals.
    pub fn draw(&self, source: &str, colour: bool) -> String {
        let level = match self.severity {
            Severity::Warning => Level::WARNING,
            Severity::Fault => Level::ERROR,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code);
        let mut group = Group::with_title(title);
        let span = self.marked(source);
        // The line alone is handed on: drawing takes as long as what it is given.
        let start = source[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let line = source[start..].lines().next().unwrap_or("");
        if line.len() > LINE_BYTES_MAX {
            let (line, column) = (self.line as usize, self.column as usize);
            let origin = Origin::path(self.file.as_str());
            group = group.element(origin.line(line).char_column(column));
        } else {
            let before = source[..start].bytes().filter(|b| *b == b'\n').count();
            let span = span.start - start..span.end - start;
            let snippet = Snippet::source(line)
                .line_start(before + 1)
                .path(self.file.as_str())
                .annotation(AnnotationKind::Primary.span(span));
            group = group.element(snippet);
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&[group]).to_string()
    }

    /// The span on its first line only: a step of twenty lines is not to be underlined whole.
    fn marked(&self, source: &str) -> Range<usize> {
        let fits = |at: usize| at <= source.len() && source.is_char_boundary(at);
        if !fits(self.span.start) || !fits(self.span.end) || self.span.start > self.span.end {
            return 0..0;
        }
        let text = &source[self.span.clone()];
        let first = text.lines().next().map_or(0, |line| line.trim_end().len());
        self.span.start..self.span.start + first
    }
}

/// A fault for other programs. The names of these fields stay as they are; more may come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record<'f> {
    /// The file, as it was named.
    pub file: &'f str,
    /// The line, from 1.
    pub line: u32,
    /// The first column, in characters from 1.
    pub column: u32,
    /// The column behind the last one, on the same line.
    pub end_column: u32,
    /// The stable code, such as `unknown-step`.
    pub code: &'static str,
    /// `fault` or `warning`.
    pub severity: Severity,
    /// What is wrong.
    pub text: &'f str,
    /// What to do about it.
    pub help: Option<&'f str>,
    /// The name that was probably meant.
    pub nearest: Option<&'f str>,
}

/// All faults of a file as people read them, without colours.
pub fn render(source: &str, faults: &[Fault]) -> String {
    let drawn: Vec<String> = faults
        .iter()
        .map(|fault| fault.draw(source, false))
        .collect();
    drawn.join("\n\n")
}

/// The name most like `wanted`, when it is like it at all: for "did you mean".
pub(crate) fn nearest<'n>(
    wanted: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    // What has no letter in common is not near, however short it is.
    let common = |far: usize, name: &str| far < wanted.chars().count().max(name.chars().count());
    let scored = names
        .into_iter()
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(far, name)| {
            far.eq(&0) || (*far <= limit && common(*far, name)) || alike(&wanted, name)
        });
    scored.min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// The same word but for separators (`front_desk`, `front-desk`, `frontdesk`).
fn alike(wanted: &str, name: &str) -> bool {
    let bare = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
    bare(wanted) == bare(name)
}

/// The names compared are cut to this, so that the table below stays small.
const NAME_CHARS_MAX: usize = 64;

/// Edit distance, a swap of neighbours counting once (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(NAME_CHARS_MAX).collect();
    let b: Vec<char> = b.chars().take(NAME_CHARS_MAX).collect();
    let width = b.len() + 1;
    let mut table = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (table[(i - 1) * width + j] + 1)
                    .min(table[i * width + j - 1] + 1)
                    .min(table[(i - 1) * width + j - 1] + change);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(table[(i - 2) * width + j - 2] + 1);
                }
                best
            };
        }
    }
    table[a.len() * width + b.len()]
}

/// What stands around the nearest name, at the beginning of a help.
const MEANT: (&str, &str) = ("did you mean `", "`?");

/// The help that names the nearest name.
pub(crate) fn meant(name: &str) -> String {
    let (before, after) = MEANT;
    format!("{before}{name}{after}")
}

/// The help for an unknown name: the nearest one, else all of them.
pub(crate) fn suggest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    if let Some(name) = nearest(wanted, names.iter().copied()) {
        return meant(name);
    }
    names.sort_unstable();
    match names.len() {
        0 => "there is none to choose from".to_owned(),
        1..=NAMES_LISTED_MAX => format!("there is {}", quoted(&names)),
        _ => format!("there is {} and more", quoted(&names[..NAMES_LISTED_MAX])),
    }
}

/// How many names a help line lists.
const NAMES_LISTED_MAX: usize = 12;

/// `a`, `b` and `c` as a list for people.
pub(crate) fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_when_it_is_near() {
        let names = ["admissions", "billing", "front-desk", "say", "set"];
        for (wanted, found) in [
            ("admisions", Some("admissions")),
            ("biling", Some("billing")),
            ("front_desk", Some("front-desk")),
            ("frontdesk", Some("front-desk")),
            ("Billing", Some("billing")),
            ("ste", Some("set")),
            ("nurses", None),
            ("9", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, names), found, "{wanted}");
        }
    }
}
