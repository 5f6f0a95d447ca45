//! The values that `set` and `call` give: a text; or, where one `{{ }}` is all of it, what stands in there, computed and
//! in the type that it has.

use super::expr::{self, Expr};
use super::reader::Reading;
use super::scope::{Type, Val, Values, read_number};
use super::template::{Template, VALUE_CHARS_MAX, typed};
use super::yaml::{Node, Value};

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Formula {
    /// A text, or one name, which keeps its type.
    Text(Template),
    /// Something to compute.
    Computed(Expr, Type),
    /// A number or a truth written bare.
    Fixed(Val),
}

impl Formula {
    /// Reads a value; `what` is what it is called. A bare truth is one only where `is_free`, and a text elsewhere.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        node: &Node,
        what: &str,
        is_free: bool,
    ) -> Option<Self> {
        let Value::Scalar { text, bare } = &node.value else {
            return reading.template(node, what).map(Self::Text);
        };
        if let Some(value) = plain(text, is_free).filter(|_| *bare) {
            return Some(Self::Fixed(value));
        }
        let Some(inner) = only_braces(text) else {
            return reading.template(node, what).map(Self::Text);
        };
        match expr::parse_value(&text[inner.clone()], &mut reading.scope) {
            Ok((Expr::Name(_), _)) => reading.template(node, what).map(Self::Text),
            Ok((expr, kind)) => Some(Self::Computed(expr, kind)),
            Err(wrong) if computes(&text[inner.clone()]) && !reading.is_published => {
                let span = inner.start + wrong.span.start..inner.start + wrong.span.end;
                reading.wrong(node, text, expr::Wrong { span, ..wrong });
                None
            }
            // Filters are for texts.
            Err(_) => reading.template(node, what).map(Self::Text),
        }
    }

    /// Whether it is computed from this variable, which must be there already.
    pub(crate) fn needs(&self, name: &str) -> bool {
        matches!(self, Self::Computed(expr, _) if expr::needs(expr, name))
    }

    /// The type of the value, as far as it is known before.
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Text(template) => template.sole().map_or(Type::Any, |name| name.kind()),
            Self::Computed(_, kind) => *kind,
            Self::Fixed(Val::Bool(_)) => Type::Bool,
            Self::Fixed(_) => Type::Number,
        }
    }

    /// The value itself, when nothing that may be otherwise is in it.
    pub(crate) fn fixed(&self) -> Option<Val> {
        match self {
            Self::Text(template) => template.fixed().map(Val::text),
            Self::Computed(..) => None,
            Self::Fixed(value) => Some(value.clone()),
        }
    }

    /// The value now.
    pub(crate) fn value(&self, values: &Values<'_>) -> Val {
        match self {
            Self::Text(template) => typed(template, values, VALUE_CHARS_MAX),
            Self::Computed(expr, _) => expr::value(expr, values),
            Self::Fixed(value) => value.clone(),
        }
    }
}

/// A number that is shown again as it is written: `02139` and `3.50` stay texts.
fn plain_number(text: &str) -> Option<f64> {
    read_number(text).filter(|number| number.to_string() == text)
}

/// What is written bare, as a value of its type.
fn plain(text: &str, is_free: bool) -> Option<Val> {
    match text {
        "true" | "false" => is_free.then_some(Val::Bool(text == "true")),
        _ => plain_number(text).map(Val::Number),
    }
}

/// What stands between the braces of a text that is one `{{ }}`, without the signs that take blanks away.
fn only_braces(text: &str) -> Option<std::ops::Range<usize>> {
    let trimmed = text.trim();
    let whole = trimmed.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = whole.strip_prefix('-').unwrap_or(whole);
    let start = text.len() - text.trim_start().len() + 2 + whole.len() - inner.len();
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    let other = ["{{", "}}", "{%", "{#"].iter();
    let is_only = !other.clone().any(|mark| inner.contains(mark));
    is_only.then(|| start..start + inner.len())
}

/// Whether a sign of arithmetic stands there, quotes apart.
fn computes(inner: &str) -> bool {
    let mut quote = None;
    inner.chars().any(|c| {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => return c == '+' || c == '-',
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_stay_as_they_are_written() {
        for (text, number) in [
            ("0", Some(0.0)),
            ("12", Some(12.0)),
            ("-3.5", Some(-3.5)),
            ("02139", None),
            ("3.50", None),
            ("+1", None),
            ("1e3", None),
            ("3,5", None),
            ("twelve", None),
        ] {
            assert_eq!(plain_number(text), number, "{text}");
        }
    }

    #[test]
    fn one_pair_of_braces_is_all_of_it() {
        for (text, inner) in [
            ("{{ flow.n + 1 }}", Some(" flow.n + 1 ")),
            (" {{flow.n}} ", Some("flow.n")),
            ("{{- flow.n -}}", Some(" flow.n ")),
            ("{{ a }}{{ b }}", None),
            ("{{ a }} b", None),
            ("{% if a %}{{ b }}", None),
            ("{{", None),
            ("{{}}", Some("")),
        ] {
            let found = only_braces(text).map(|range| &text[range]);
            assert_eq!(found, inner, "{text}");
        }
    }

    #[test]
    fn signs_in_quotes_compute_nothing() {
        assert!(computes("flow.n + 1") && computes("contact.next_visit -7"));
        assert!(!computes("contact.name | default('a-b + c')"));
    }
}
