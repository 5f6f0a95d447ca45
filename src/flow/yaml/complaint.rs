//! What the parser of YAML complains of, in words for people who are no programmers.

use super::{At, QUOTE_HELP, Source, place};
use crate::flow::Fault;

/// The parser's own complaint, with the advice that most often helps.
pub(super) fn syntax(file: &str, source: Source<'_>, error: &serde_yaml::Error) -> Fault {
    let at = error.location().map_or_else(At::default, |location| {
        let (line, column, span) = (location.line(), location.column(), location.span());
        match (span.byte_offset(), span.byte_len()) {
            (Some(start), Some(length)) => place(source, line, column, start, length),
            _ => at_character(source, line, column),
        }
    });
    let words = error.render_with_options(serde_yaml::render_options! {
        snippets: serde_yaml::SnippetMode::Off,
    });
    let words = plain_words(&words);
    let above = words.contains(COLON).then(|| colon_alone(source, at.line));
    if let Some(at) = above.flatten() {
        let told = "a colon needs a blank behind it";
        let help = "write `say: Hello`, with a blank from the space bar";
        return Fault::new(file, &at, "yaml", told).with_help(help);
    }
    let tab = TAB.iter().any(|part| words.contains(part));
    let at = tab
        .then(|| indenting_tab(source.text))
        .flatten()
        .unwrap_or(at);
    let line = (source.text.lines())
        .nth(at.line.saturating_sub(1) as usize)
        .unwrap_or("");
    match known(&words) {
        Some(Known {
            code, told, help, ..
        }) => {
            let told = told.replace("{}", first_quoted(&words));
            Fault::new(file, &at, code, told).with_help(*help)
        }
        None => {
            let fault = Fault::new(file, &at, "yaml", words);
            match advice(line) {
                Some(help) => fault.with_help(help),
                None => fault,
            }
        }
    }
}

/// The place of a character that is known by its line and column alone, as YAML counts lines.
fn at_character(source: Source<'_>, line: u64, column: u64) -> At {
    let mut begins = source.skipped;
    for _ in 1..line {
        let left = &source.text[begins..];
        let Some(end) = left.find(['\n', '\r']) else {
            break;
        };
        begins += end
            + if left[end..].starts_with("\r\n") {
                2
            } else {
                1
            };
    }
    let within = usize::try_from(column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let line_rest = source.text[begins..]
        .split(['\n', '\r'])
        .next()
        .unwrap_or("");
    let chars = line_rest.char_indices().map(|(at, _)| at);
    let start = begins
        + chars
            .chain([line_rest.len()])
            .nth(within)
            .unwrap_or(line_rest.len());
    place(source, line, column, (start - source.skipped) as u64, 0)
}

/// By what the parser says that a colon stands where none may; often the line above was taken for a text.
const COLON: &str = "mapping values are not allowed";

/// The colon without a blank behind it in the line above this one, when a key may stand before it.
fn colon_alone(source: Source<'_>, line: u32) -> Option<At> {
    let above = usize::try_from(line).ok()?.checked_sub(2)?;
    let text = source.text.split_inclusive('\n').nth(above)?;
    let begins: usize = source
        .text
        .split_inclusive('\n')
        .take(above)
        .map(str::len)
        .sum();
    let key = text.trim_start().trim_start_matches("- ");
    let from = text.len() - key.len();
    let colon = key.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
    let rest = key[colon..].strip_prefix(':')?;
    let blank = rest.chars().next().is_none_or(|c| c.is_ascii_whitespace());
    let at = begins + from + colon;
    (colon > 0 && !blank).then(|| crate::flow::reader::at_byte(source.text, at..at + 1))
}

/// By what the parser says that a line begins with a tab: of its own, or behind a text that it may go on with.
const TAB: [&str; 2] = ["tabs disallowed", "found a tab"];

/// The first tab that a line begins with; the parser may name the first line of the mapping it stands in.
fn indenting_tab(text: &str) -> Option<At> {
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            return Some(crate::flow::reader::at_byte(
                text,
                from + tab..from + tab + 1,
            ));
        }
        from += line.len();
    }
    None
}

const TAB_TOLD: &str = "a tab stands in front of this line";
const TAB_HELP: &str = "begin the line with blanks; YAML takes no tabs there";

/// A complaint of the parser, by a part of it, and how people are told.
struct Known {
    part: &'static str,
    code: &'static str,
    /// `{}` stands for what the parser names.
    told: &'static str,
    help: &'static str,
}

const fn told(
    part: &'static str,
    code: &'static str,
    told: &'static str,
    help: &'static str,
) -> Known {
    Known {
        part,
        code,
        told,
        help,
    }
}

static KNOWN: [Known; 19] = [
    told(
        "recursion limit",
        "too-large",
        "this is nested deeper than 40 levels",
        "a bracket too many? no flow needs more than ten",
    ),
    told(
        "Documents {",
        "yaml",
        "`---` begins a second document, and a file holds one flow",
        "make a file of its own of it",
    ),
    told(
        "Depth {",
        "too-large",
        "this is nested deeper than 40 levels",
        "a bracket too many? no flow needs more than ten",
    ),
    told(
        "Anchors {",
        "too-large",
        "there are more than 50 anchors (`&name`)",
        "write what is meant where it is meant",
    ),
    told(
        "ScalarBytes {",
        "too-large",
        "this file holds too much: more than 512 KiB of text, what an alias (`*name`) stands for counted each time",
        "write what is meant where it is meant, or make several flows of it",
    ),
    told(
        "budget breached",
        "too-large",
        "this file holds too much: more than 20000 values, what an alias (`*name`) stands for counted each time",
        "make several flows of it; `goto` leads from one to another",
    ),
    told(
        "recursive references",
        "yaml",
        "this alias stands inside of what it stands for",
        "write what is meant in its place",
    ),
    told(
        "unknown anchor",
        "yaml",
        "to YAML `*` begins an alias, and there is no anchor (`&name`) of this name",
        QUOTE_HELP,
    ),
    told(
        "unexpected character",
        "yaml",
        "a text cannot begin with `{}`",
        QUOTE_HELP,
    ),
    told(
        COLON,
        "yaml",
        "a colon and a blank stand inside of this text, or the line above is not indented like this one",
        QUOTE_HELP,
    ),
    told(TAB[0], "yaml", TAB_TOLD, TAB_HELP),
    told(TAB[1], "yaml", TAB_TOLD, TAB_HELP),
    told(
        "after single-quoted scalar",
        "yaml",
        "the text in '…' ends before this",
        "an apostrophe inside '…' is written twice (''), or the text stands in \"…\"",
    ),
    told(
        "after double-quoted scalar",
        "yaml",
        "the text in \"…\" ends before this",
        "a quote inside \"…\" is written as \\\"",
    ),
    told(
        "unclosed quote",
        "yaml",
        "this quote is not closed",
        "end the text with the same quote; a quote inside it is written twice ('') or as \\\"",
    ),
    told(
        "simple key expected",
        "yaml",
        "a colon and a blank are missing in this line",
        "write `next: end`, with a blank from the space bar behind the colon",
    ),
    told(
        "expected <document start>",
        "yaml",
        "this line stands further to the left than the first one",
        "begin `flow:`, `account:`, `on:` and `steps:` at the left edge",
    ),
    told(
        "non-finite float",
        "yaml",
        "to YAML this is a number, and one that cannot be counted with",
        QUOTE_HELP,
    ),
    told(
        "did not find expected key",
        "yaml",
        "this line is not indented like its neighbours",
        "begin it as far to the right as the lines it belongs to",
    ),
];

fn known(words: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| words.contains(known.part))
}

/// What the parser names: behind a colon, up to a comma, without its quotes.
fn first_quoted(words: &str) -> &str {
    let rest = words.split_once(": ").map_or("", |(_, rest)| rest);
    let end = rest.rfind(", set ").unwrap_or(rest.len());
    rest[..end].trim_matches(['`', '\''])
}

/// What most often helps with a line that YAML cannot read.
fn advice(line: &str) -> Option<&'static str> {
    let odd = [": ", "{", "\"", "%", "@", "`", "*", "&"];
    odd.iter()
        .any(|mark| line.contains(mark))
        .then_some(QUOTE_HELP)
}

/// The message without its place, which the fault shows itself.
fn plain_words(rendered: &str) -> String {
    let first = rendered.lines().next().unwrap_or("");
    let end = first.rfind(" at line ").unwrap_or(first.len());
    first[..end].trim_end_matches([':', ' ']).to_owned()
}
