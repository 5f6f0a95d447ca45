//! What may stand beside what: the types of parts of an expression.

use std::ops::Range;

use super::{Expr, Op, Wrong, wrong};
use crate::flow::scope::{Type, Val};

/// An expression with its type and place.
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) kind: Type,
    pub(super) span: Range<usize>,
}

pub(super) fn constant(value: Val, kind: Type, span: Range<usize>) -> Typed {
    Typed {
        expr: Expr::Const(value),
        kind,
        span,
    }
}

pub(super) fn kind_of_const(expr: &Expr) -> Type {
    match expr {
        Expr::Const(Val::Text(_)) => Type::Text,
        Expr::Const(Val::Number(_)) => Type::Number,
        Expr::Const(Val::Date(_)) => Type::Date,
        Expr::Const(Val::Bool(_)) => Type::Bool,
        Expr::Name(name) => name.kind(),
        _ => Type::Any,
    }
}

pub(super) fn condition(part: Typed) -> Result<Expr, Wrong> {
    if part.kind.meets(Type::Bool) {
        return Ok(part.expr);
    }
    let words = format!(
        "this is {}, and `and`, `or` and `not` join conditions",
        part.kind.word()
    );
    Err(wrong(part.span, "type", words))
}

/// A list, all of whose items are of one kind.
pub(super) fn list(items: Vec<Typed>, span: Range<usize>) -> Result<Typed, Wrong> {
    let kind = items.first().map_or(Type::Any, |item| item.kind);
    if let Some(odd) = items.iter().find(|item| !item.kind.meets(kind)) {
        let words = format!(
            "this is {} among others that are {}",
            odd.kind.word(),
            kind.word()
        );
        return Err(wrong(odd.span.clone(), "type", words));
    }
    let items = items.into_iter().map(|item| item.expr).collect();
    Ok(Typed {
        expr: Expr::Items(items),
        kind: Type::List,
        span,
    })
}

/// A text in quotes where a date is wanted is one.
pub(super) fn as_date(value: Typed) -> Result<Typed, Wrong> {
    let Expr::Const(Val::Text(text)) = &value.expr else {
        return Ok(value);
    };
    match text.parse() {
        Ok(date) => Ok(constant(Val::Date(date), Type::Date, value.span)),
        Err(_) => Err(no_date(text, value.span)),
    }
}

/// The texts of a list in which a date is looked for are dates.
pub(super) fn dates(list: Typed) -> Result<Typed, Wrong> {
    let Expr::Items(items) = list.expr else {
        return Ok(list);
    };
    let span = list.span.clone();
    let date = |expr| {
        let kind = kind_of_const(&expr);
        let span = span.clone();
        as_date(Typed { expr, kind, span }).map(|date| date.expr)
    };
    let items: Result<Vec<Expr>, Wrong> = items.into_iter().map(date).collect();
    Ok(Typed {
        expr: Expr::Items(items?),
        ..list
    })
}

/// A value with another one for where it is missing; `end` is where that ends.
pub(super) fn or_else(value: Typed, other: Typed, end: usize) -> Result<Typed, Wrong> {
    let other = match value.kind {
        Type::Date => as_date(other)?,
        _ => other,
    };
    if matches!(value.expr, Expr::Items(_)) || matches!(other.expr, Expr::Items(_)) {
        let words = "a list cannot be put together here";
        return Err(wrong(other.span, "type", words));
    }
    if !value.kind.meets(other.kind) {
        let words = format!(
            "this is {}, and what stands in its place {}",
            value.kind.word(),
            other.kind.word()
        );
        return Err(wrong(other.span, "type", words));
    }
    let kind = match value.kind == other.kind {
        true => value.kind,
        false => Type::Any,
    };
    Ok(Typed {
        span: value.span.start..end,
        expr: Expr::Default(Box::new(value.expr), Box::new(other.expr)),
        kind,
    })
}

fn as_date_if(value: Typed) -> Typed {
    match &value.expr {
        Expr::Const(Val::Text(text)) => match text.parse() {
            Ok(date) => constant(Val::Date(date), Type::Date, value.span),
            Err(_) => value,
        },
        _ => value,
    }
}

pub(super) fn no_date(text: &str, span: Range<usize>) -> Wrong {
    let help = Some("a date is written \"2026-01-31\"".to_owned());
    Wrong {
        help,
        ..wrong(span, "type", format!("`{text}` is no date"))
    }
}

pub(super) fn comparison(op: Op, left: Typed, right: Typed) -> Result<Typed, Wrong> {
    let (left, right) = match (left.kind, right.kind) {
        (Type::Date, Type::Text) => (left, as_date(right)?),
        (Type::Text, Type::Date) => (as_date(left)?, right),
        // Where the column's type is not known, a text that is a date is taken for one.
        (Type::Any, Type::Text) => (left, as_date_if(right)),
        (Type::Text, Type::Any) => (as_date_if(left), right),
        _ => (left, right),
    };
    let span = left.span.start..right.span.end;
    if !left.kind.meets(right.kind) {
        let words = format!(
            "{} is compared with {}",
            left.kind.word(),
            right.kind.word()
        );
        let help = match (left.kind, right.kind) {
            (Type::Number, Type::Text) | (Type::Text, Type::Number) => {
                Some("numbers stand without quotes; a text column is no number".to_owned())
            }
            _ => None,
        };
        return Err(Wrong {
            help,
            ..wrong(span, "type", words)
        });
    }
    let ordered = !matches!(op, Op::Equal | Op::Unequal);
    let disordered = [left.kind, right.kind]
        .into_iter()
        .find(|kind| matches!(kind, Type::Text | Type::Bool | Type::List));
    if let (true, Some(kind)) = (ordered, disordered) {
        let words = format!("{} is neither less nor greater", kind.word());
        let help =
            Some("order holds for numbers and dates; is the column's type right?".to_owned());
        return Err(Wrong {
            help,
            ..wrong(span, "type", words)
        });
    }
    if left.kind == Type::List || right.kind == Type::List {
        let help = Some("ask with `in`: \"vip\" in contact.tags".to_owned());
        return Err(Wrong {
            help,
            ..wrong(span, "type", "lists are not compared")
        });
    }
    let expr = Expr::Compare(op, Box::new(left.expr), Box::new(right.expr));
    Ok(Typed {
        expr,
        kind: Type::Bool,
        span,
    })
}

pub(super) fn arithmetic(plus: bool, left: Typed, right: Typed) -> Result<Typed, Wrong> {
    let span = left.span.start..right.span.end;
    let kind = match (left.kind, plus, right.kind) {
        (Type::Number, _, Type::Number) => Type::Number,
        (Type::Date, _, Type::Number) => Type::Date,
        (Type::Date, false, Type::Date) => Type::Number,
        (Type::Any, ..) | (.., Type::Any) => Type::Any,
        (a, _, b) => {
            let sign = if plus { "+" } else { "-" };
            let words = format!(
                "`{sign}` takes numbers, or a date and days; here are {} and {}",
                a.word(),
                b.word()
            );
            return Err(wrong(span, "type", words));
        }
    };
    let (left, right) = (Box::new(left.expr), Box::new(right.expr));
    let expr = if plus {
        Expr::Add(left, right)
    } else {
        Expr::Sub(left, right)
    };
    Ok(Typed { expr, kind, span })
}
