//! The typed expressions of `branch`, and of what a `set` computes: a small grammar, read by hand, that cannot fail or
//! loop when it runs.
//!
//! ```text
//! or      = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | compare
//! compare = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ] "in" ) sum ]
//! sum     = given { ( "+" | "-" ) given }
//! given   = item { "|" "default" "(" or ")" }
//! item    = number | text | true | false | name | function "(" [ or { "," or } ] ")"
//!         | "[" or { "," or } "]" | "(" or ")" | "-" item
//! ```
//!
//! Types are known when the flow is checked. A comparison with a missing value is false.

mod decided;
mod never;
mod read;
mod token;
mod typed;
mod value;

use std::ops::Range;

pub(crate) use decided::{decided, names, needs};
pub(crate) use never::undecided;
pub(crate) use read::{parse, parse_value};
pub(crate) use value::{holds, value};

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
    /// The second where the first is missing.
    Default(Box<Expr>, Box<Expr>),
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

/// A function of conditions.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    func: Func,
    pub(crate) takes: &'static [Type],
    pub(crate) gives: Type,
    /// What it gives, for the reference.
    pub(crate) about: &'static str,
}

const fn function(
    name: &'static str,
    func: Func,
    takes: &'static [Type],
    gives: Type,
    about: &'static str,
) -> Function {
    Function {
        name,
        func,
        takes,
        gives,
        about,
    }
}

const TWO_TEXTS: &[Type] = &[Type::Text, Type::Text];

pub(crate) static FUNCTIONS: [Function; 10] = [
    function(
        "today",
        Func::Today,
        &[],
        Type::Date,
        "The day it is in the account's zone.",
    ),
    function(
        "weekday",
        Func::Weekday,
        &[],
        Type::Text,
        "Its weekday in English and small letters: `\"monday\"`.",
    ),
    function(
        "hour",
        Func::Hour,
        &[],
        Type::Number,
        "The hour in the account's zone, 0 to 23.",
    ),
    function(
        "age",
        Func::Age,
        &[Type::Date],
        Type::Number,
        "Whole years since that day.",
    ),
    function(
        "present",
        Func::Present,
        &[Type::Any],
        Type::Bool,
        "Whether there is a value.",
    ),
    function(
        "length",
        Func::Length,
        &[Type::Any],
        Type::Number,
        "How many characters a text has, or entries a list.",
    ),
    function(
        "lower",
        Func::Lower,
        &[Type::Text],
        Type::Text,
        "The text in small letters.",
    ),
    function(
        "contains",
        Func::Contains,
        TWO_TEXTS,
        Type::Bool,
        "Whether the second stands in the first, a text or a list of texts; case counts.",
    ),
    function(
        "starts_with",
        Func::StartsWith,
        TWO_TEXTS,
        Type::Bool,
        "Whether the first begins with the second; case counts.",
    ),
    function(
        "date",
        Func::Date,
        &[Type::Text],
        Type::Date,
        "The date that a text such as `\"2026-01-31\"` says.",
    ),
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
