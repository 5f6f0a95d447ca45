//! What is wrong with a configuration file, and how it is shown: every mistake, in place, with a next move.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes of the file it stands in; `None` when it is about the file as a whole.
    pub at: Option<Range<usize>>,
    /// The key it is about, such as `limits.answer_ms`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub words: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// All mistakes of one file. Shown by `Display` with the source lines marked.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The file, as the user named it.
    pub file: String,
    /// At least one.
    pub list: Vec<Problem>,
    pub(super) source: String,
}

impl Problems {
    /// Line and column of a problem, both from 1; columns count characters.
    pub fn place(&self, problem: &Problem) -> Option<(usize, usize)> {
        let start = problem.at.as_ref()?.start.min(self.source.len());
        let before = self.source.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Some((line, before[line_start..].chars().count() + 1))
    }

    fn show(&self, problem: &Problem) -> String {
        let title = match problem.key.as_str() {
            "" => problem.words.clone(),
            key => format!("{key}: {}", problem.words),
        };
        let mut group = match &problem.at {
            Some(at) => Level::ERROR.primary_title(title).element(
                Snippet::source(&*self.source)
                    .path(&*self.file)
                    .annotation(AnnotationKind::Primary.span(self.visible(at))),
            ),
            None => Level::ERROR
                .primary_title(format!("{}: {title}", self.file))
                .elements([Level::NOTE.message("this is about the file as a whole")]),
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }

    /// A span inside the source, on character borders and at least one character wide where there is one.
    fn visible(&self, at: &Range<usize>) -> Range<usize> {
        let border = |mut byte: usize| {
            byte = byte.min(self.source.len());
            while !self.source.is_char_boundary(byte) {
                byte -= 1;
            }
            byte
        };
        let start = border(at.start);
        let width = self.source[start..]
            .chars()
            .next()
            .map_or(0, char::len_utf8);
        start..border(at.end).max(start + width)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            writeln!(f, "{}\n", self.show(problem))?;
        }
        let (n, s) = (self.list.len(), if self.list.len() == 1 { "" } else { "s" });
        write!(f, "{}: {n} mistake{s}", self.file)
    }
}

impl std::error::Error for Problems {}

/// The text with some of it blotted out, byte for byte, because problems end in logs.
pub(super) fn without(text: &str, hidden: &[Range<usize>]) -> String {
    let blot = |(at, letter): (usize, char)| match hidden.iter().any(|range| range.contains(&at)) {
        true => "*".repeat(letter.len_utf8()),
        false => letter.to_string(),
    };
    text.char_indices().map(blot).collect()
}

/// The known word that was probably meant, if one is near enough.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let most = (letters / 3).max(if letters > 3 { 2 } else { 1 });
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(far, _)| *far <= most)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_the_far_one_is_not() {
        let known = ["data", "store", "redis", "public_url"];
        assert_eq!(nearest("sotre", known), Some("store"));
        assert_eq!(nearest("publik_url", known), Some("public_url"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(distance("ca", "abc"), 3);
    }
}
