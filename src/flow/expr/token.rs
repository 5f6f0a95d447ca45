//! The words, numbers, texts and signs of an expression.

use std::ops::Range;

use super::{Wrong, wrong};
use crate::flow::scope::read_number;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tok {
    Word(String),
    Number(f64),
    Text(String),
    Sign(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) tok: Tok,
    pub(super) span: Range<usize>,
}

const SIGNS: [&str; 16] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "(", ")", "[", "]", ",", "=", "!", "|",
];

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Wrong> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        let (tok, length) = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
            let length = rest.find(end).unwrap_or(rest.len());
            (Tok::Word(rest[..length].to_owned()), length)
        } else if c.is_ascii_digit() {
            let end = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_');
            let length = rest.find(end).unwrap_or(rest.len());
            let number = read_number(&rest[..length]);
            let Some(number) = number else {
                let help = Some("texts and dates stand in quotes: \"2026-01-31\"".to_owned());
                let words = format!("`{}` is no number", &rest[..length]);
                return Err(Wrong {
                    help,
                    ..wrong(at..at + length, "expression", words)
                });
            };
            (Tok::Number(number), length)
        } else if c == '"' || c == '\'' {
            let Some(end) = rest[1..].find(c) else {
                return Err(wrong(
                    at..source.len(),
                    "expression",
                    "this text has no closing quote",
                ));
            };
            (Tok::Text(rest[1..=end].to_owned()), end + 2)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Tok::Sign(sign), sign.len())
        } else {
            let words = format!("`{c}` means nothing in an expression");
            return Err(wrong(at..at + c.len_utf8(), "expression", words));
        };
        found.push(Token {
            tok,
            span: at..at + length,
        });
        at += length;
    }
    Ok(found)
}
