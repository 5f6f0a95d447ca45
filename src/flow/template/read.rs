//! Reads a template: its words and values, the names it uses, and whatever is not allowed in it.

use super::{Part, WrongText, wrong};
use crate::flow::fault::suggest;
use crate::flow::filters::names as filters;
use crate::flow::scope::{Known, Scope};

/// What was read: the parts of a plain template; names with what they are; those behind `in`; all that is wrong.
type Found = (
    Option<Vec<Part>>,
    Vec<(String, Known)>,
    Vec<String>,
    Vec<WrongText>,
);

/// Reads a template once.
pub(super) fn read(source: &str, scope: &mut Scope) -> Found {
    let mut reader = Reader {
        source,
        scope,
        plain: Some(Vec::new()),
        names: Vec::new(),
        lists: Vec::new(),
        is_after_in: false,
        locals: Vec::new(),
        wrong: Vec::new(),
    };
    reader.read();
    (reader.plain, reader.names, reader.lists, reader.wrong)
}

struct Reader<'s> {
    source: &'s str,
    scope: &'s mut Scope,
    /// `None` once something stands there that only minijinja can do.
    plain: Option<Vec<Part>>,
    names: Vec<(String, Known)>,
    /// Names behind `in`.
    lists: Vec<String>,
    is_after_in: bool,
    /// Names made by `for`.
    locals: Vec<String>,
    wrong: Vec<WrongText>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(found) = self.source[at..].find('{') {
            let open = at + found;
            let rest = &self.source[open..];
            let (closing, block) = if rest.starts_with("{{") {
                ("}}", false)
            } else if rest.starts_with("{%") {
                ("%}", true)
            } else if rest.starts_with("{#") {
                ("#}", true)
            } else {
                self.words(at, open + 1);
                at = open + 1;
                continue;
            };
            self.words(at, open);
            let Some(length) = closing_at(rest, closing) else {
                let message = format!("`{}` has no closing `{closing}`", &rest[..2]);
                self.wrong.push(wrong(open..open + 2, message));
                return;
            };
            let inner = open + 2..open + length;
            match (closing, block) {
                ("#}", _) => self.plain = None,
                (_, true) => self.statement(inner),
                (_, false) => self.output(inner),
            }
            at = open + length + 2;
        }
        self.words(at, self.source.len());
    }

    fn words(&mut self, from: usize, to: usize) {
        let words = &self.source[from..to];
        let Some(parts) = &mut self.plain else { return };
        match parts.last_mut() {
            Some(Part::Words(before)) => before.push_str(words),
            _ if words.is_empty() => {}
            _ => parts.push(Part::Words(words.to_owned())),
        }
    }

    /// `{{ … }}`
    fn output(&mut self, inner: std::ops::Range<usize>) {
        let text = &self.source[inner.clone()];
        let bare = text.trim();
        let is_name = bare.contains('.')
            && bare
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
        if !is_name {
            self.plain = None;
            return self.tokens(inner);
        }
        let start = inner.start + text.find(bare).unwrap_or(0);
        if let Some(name) = self.name(bare, start)
            && let Some(parts) = &mut self.plain
        {
            parts.push(Part::Value(name));
        }
    }

    /// `{% … %}`
    fn statement(&mut self, inner: std::ops::Range<usize>) {
        self.plain = None;
        let text = self.source[inner.clone()].trim_matches(|c: char| c.is_whitespace() || c == '-');
        let word = text.split_whitespace().next().unwrap_or("");
        let start = inner.start + self.source[inner.clone()].find(word).unwrap_or(0);
        match word {
            "if" | "elif" => self.tokens(start + word.len()..inner.end),
            "else" | "endif" | "endfor" => {}
            "for" => {
                let rest = &self.source[start + 3..inner.end];
                let Some((local, _)) = rest.split_once(" in ") else {
                    let message = "`for` is written `{% for tag in contact.tags %}`";
                    return self.wrong.push(wrong(start..inner.end, message));
                };
                self.locals.push(local.trim().to_owned());
                let list = rest[local.len() + " in ".len()..].trim_matches([' ', '-']);
                let is_name = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
                let is_list = list.starts_with(|c: char| c.is_ascii_alphabetic())
                    && list.chars().all(is_name);
                if !is_list && !self.scope.is_published {
                    let message = "`for` goes through one name: `{% for tag in contact.tags %}`";
                    self.wrong.push(wrong(start..inner.end, message));
                }
                let from = start + 3 + local.len() + " in ".len();
                self.is_after_in = true;
                self.tokens(from..inner.end);
            }
            _ => {
                let mut fault = wrong(
                    start..start + word.len(),
                    format!("`{word}` is not available in a text"),
                );
                fault.help = Some("a text knows {{ … }}, {% if … %}, {% elif … %}, {% else %} and {% for … in … %}".to_owned());
                self.wrong.push(fault);
            }
        }
    }

    /// Looks at every token of an expression: names must be known, and only small operators are allowed.
    fn tokens(&mut self, inner: std::ops::Range<usize>) {
        let inner = self.without_control(inner);
        let mut at = inner.start;
        let mut after_pipe = false;
        while at < inner.end {
            let rest = &self.source[at..inner.end];
            let Some(c) = rest.chars().next() else { return };
            let length = if c.is_whitespace() {
                c.len_utf8()
            } else if c == '"' || c == '\'' {
                rest[1..].find(c).map_or(rest.len(), |end| end + 2)
            } else if c.is_ascii_digit() {
                rest.find(|c: char| !c.is_ascii_digit() && c != '.')
                    .unwrap_or(rest.len())
            } else if c.is_ascii_alphabetic() || c == '_' {
                let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
                let length = rest.find(end).unwrap_or(rest.len());
                self.word(at, length, after_pipe);
                after_pipe = false;
                at += length;
                continue;
            } else {
                self.sign(at, c, rest);
                after_pipe = c == '|';
                at += c.len_utf8();
                continue;
            };
            after_pipe &= c.is_whitespace();
            at += length;
        }
    }

    /// Without the signs that take blanks away around a pair of braces: `{{- … -}}`.
    fn without_control(&self, inner: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let text = &self.source[inner.clone()];
        let starts = text.starts_with('-') && self.source[..inner.start].ends_with("{{");
        let ends = text.len() > 1 && text.ends_with('-');
        inner.start + usize::from(starts)..inner.end - usize::from(ends)
    }

    fn word(&mut self, at: usize, length: usize, after_pipe: bool) {
        let source = self.source;
        let word = &source[at..at + length];
        if after_pipe {
            if !filters().contains(&word) {
                let mut fault = wrong(at..at + length, format!("there is no filter `{word}`"));
                fault.help = Some(suggest(word, filters()));
                self.wrong.push(fault);
            } else if !self.scope.is_published && !is_given(word, &source[at + length..]) {
                let message = match word {
                    "default" => "`default` takes one value: `default('…')`".to_owned(),
                    _ => format!("`{word}` takes nothing in brackets"),
                };
                self.wrong.push(wrong(at..at + length, message));
            }
            return;
        }
        let keyword = [
            "and", "or", "not", "in", "if", "else", "true", "false", "none",
        ]
        .contains(&word);
        if std::mem::replace(&mut self.is_after_in, word == "in") && !keyword {
            self.lists.push(word.to_owned());
        }
        if keyword || self.locals.iter().any(|local| local == word) {
            return;
        }
        if source[at + length..].trim_start().starts_with('(') {
            let message = format!("there is no function `{word}` in a text");
            let mut fault = wrong(at..at + length, message);
            let known = filters().join(", ");
            fault.help = Some(format!("filters stand behind a bar: {known}"));
            return self.wrong.push(fault);
        }
        self.name(word, at);
    }

    fn name(&mut self, path: &str, at: usize) -> Option<Known> {
        match self.scope.resolve(path) {
            Ok(name) => {
                self.names.push((path.to_owned(), name.clone()));
                Some(name)
            }
            Err(unknown) => {
                let help = Some(unknown.help);
                let span = at..at + path.len();
                self.wrong.push(WrongText {
                    span,
                    code: unknown.code,
                    message: unknown.message,
                    help,
                });
                None
            }
        }
    }

    fn sign(&mut self, at: usize, c: char, rest: &str) {
        let allowed = "|(),=!<>.".contains(c) && !rest.starts_with("..");
        let is_of_number = c == '-' && self.is_of_number(at, rest);
        let was_allowed = self.scope.is_published && "+-".contains(c);
        if !allowed && !is_of_number && !was_allowed {
            let message = match c {
                '+' | '-' => "a text computes nothing".to_owned(),
                _ => format!("`{c}` is not available in a text"),
            };
            let mut fault = wrong(at..at + c.len_utf8(), message);
            let help = "compute in a `set`, as `set: { flow.day: \"{{ contact.next_visit + 7 }}\" }`, and keep texts to words and values";
            fault.help = Some(help.to_owned());
            self.wrong.push(fault);
        }
    }

    /// Whether a minus belongs to the number behind it: `default(-1)`.
    fn is_of_number(&self, at: usize, rest: &str) -> bool {
        let before = self.source[..at].trim_end();
        let begins = before.ends_with(['(', ',', '=', '<', '>', '{']) || before.ends_with(" in");
        begins && rest[1..].starts_with(|c: char| c.is_ascii_digit())
    }
}

/// Whether a filter has what it takes behind it: `default` one value in brackets, others none.
fn is_given(filter: &str, behind: &str) -> bool {
    let Some(inside) = behind.trim_start().strip_prefix('(') else {
        return filter != "default";
    };
    let (mut quote, mut deep, mut values) = (None, 0_u32, 0);
    for c in inside.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => (quote, values) = (Some(c), values.max(1)),
            None if c == '(' => deep += 1,
            None if c == ')' && deep == 0 => break,
            None if c == ')' => deep -= 1,
            None if c == ',' && deep == 0 => values += 1,
            None if !c.is_whitespace() => values = values.max(1),
            None => {}
        }
    }
    filter == "default" && values == 1
}

/// Where the closing mark is, quotes apart.
fn closing_at(text: &str, closing: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices().skip(2) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if text[at..].starts_with(closing) => return Some(at),
            None if (c == '"' || c == '\'') && closing != "#}" => quote = Some(c),
            None => {}
        }
    }
    None
}
