//! The typed expressions of `branch`: a small grammar, read by hand, that cannot fail or loop when it runs.
//!
//! ```text
//! or      = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | compare
//! compare = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ] "in" ) sum ]
//! sum     = item { ( "+" | "-" ) item }
//! item    = number | text | true | false | name | function "(" [ or { "," or } ] ")"
//!         | "[" or { "," or } "]" | "(" or ")" | "-" item
//! ```
//!
//! Types are known when the flow is checked. A comparison with a missing value is false.

mod read;
mod token;
mod typed;
mod value;

use std::ops::Range;

pub(crate) use read::parse;
pub(crate) use value::holds;

use super::scope::{Known, Type, Val};

/// The longest expression.
pub(crate) const EXPRESSION_BYTES_MAX: usize = 500;

/// A checked expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Const(Val),
    Name(Known),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Op, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
    Items(Vec<Expr>),
    Add(Box<Expr>, Box<Expr>),
    Sub(Box<Expr>, Box<Expr>),
    Call(Func, Vec<Expr>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// The functions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Func {
    Today,
    Weekday,
    Hour,
    Age,
    Present,
    Length,
    Lower,
    Contains,
    StartsWith,
    Date,
}

/// Name, what it takes and what it gives.
const FUNCTIONS: [(&str, Func, &[Type], Type); 10] = [
    ("today", Func::Today, &[], Type::Date),
    ("weekday", Func::Weekday, &[], Type::Text),
    ("hour", Func::Hour, &[], Type::Number),
    ("age", Func::Age, &[Type::Date], Type::Number),
    ("present", Func::Present, &[Type::Any], Type::Bool),
    ("length", Func::Length, &[Type::Any], Type::Number),
    ("lower", Func::Lower, &[Type::Text], Type::Text),
    (
        "contains",
        Func::Contains,
        &[Type::Text, Type::Text],
        Type::Bool,
    ),
    (
        "starts_with",
        Func::StartsWith,
        &[Type::Text, Type::Text],
        Type::Bool,
    ),
    ("date", Func::Date, &[Type::Text], Type::Date),
];

/// What is wrong with an expression, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) span: Range<usize>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

fn wrong(span: Range<usize>, code: &'static str, message: impl Into<String>) -> Wrong {
    Wrong {
        span,
        code,
        message: message.into(),
        help: None,
    }
}
