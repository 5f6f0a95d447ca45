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

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::Date;

use super::fault::suggest;
use super::scope::{Known, Scope, Type, Val, Values, read_number};

/// The longest expression.
pub(crate) const EXPRESSION_BYTES_MAX: usize = 500;
/// How deep parentheses and `not` may nest.
const DEPTH_MAX: usize = 24;

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

/// Reads a condition.
pub(crate) fn parse(source: &str, scope: &mut Scope) -> Result<Expr, Wrong> {
    if source.len() > EXPRESSION_BYTES_MAX {
        let words = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(wrong(0..source.len(), "expression", words));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
        scope,
    };
    let whole = parser.or()?;
    if let Some(token) = parser.tokens.get(parser.at) {
        let words = format!("`{}` is not expected here", &source[token.span.clone()]);
        let help = "join conditions with `and` or `or`; compare with == != < <= > >=";
        return Err(Wrong {
            help: Some(help.to_owned()),
            ..wrong(token.span.clone(), "expression", words)
        });
    }
    if !whole.kind.meets(Type::Bool) {
        let words = format!(
            "this is {}, and a branch needs yes or no",
            whole.kind.word()
        );
        let help = "compare it with something, or ask `present(…)`".to_owned();
        return Err(Wrong {
            help: Some(help),
            ..wrong(whole.span, "type", words)
        });
    }
    Ok(whole.expr)
}

fn wrong(span: Range<usize>, code: &'static str, message: impl Into<String>) -> Wrong {
    Wrong {
        span,
        code,
        message: message.into(),
        help: None,
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Tok {
    Word(String),
    Number(f64),
    Text(String),
    Sign(&'static str),
}

#[derive(Debug, Clone)]
struct Token {
    tok: Tok,
    span: Range<usize>,
}

const SIGNS: [&str; 15] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "(", ")", "[", "]", ",", "=", "!",
];

fn tokens(source: &str) -> Result<Vec<Token>, Wrong> {
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

/// An expression with its type and place.
struct Typed {
    expr: Expr,
    kind: Type,
    span: Range<usize>,
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    scope: &'s mut Scope,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Typed, Wrong> {
        self.joined("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Typed, Wrong> {
        self.joined("and", Self::not, Expr::And)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Typed, Wrong>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Typed, Wrong> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut span = first.span.clone();
        let mut parts = vec![condition(first)?];
        while self.take_word(word) {
            let next = part(self)?;
            span.end = next.span.end;
            parts.push(condition(next)?);
        }
        Ok(Typed {
            expr: join(parts),
            kind: Type::Bool,
            span,
        })
    }

    fn not(&mut self) -> Result<Typed, Wrong> {
        let start = self.place().start;
        if !self.take_word("not") {
            return self.compare();
        }
        self.deeper()?;
        let inner = self.not()?;
        self.depth -= 1;
        let span = start..inner.span.end;
        Ok(Typed {
            expr: Expr::Not(Box::new(condition(inner)?)),
            kind: Type::Bool,
            span,
        })
    }

    fn compare(&mut self) -> Result<Typed, Wrong> {
        let left = self.sum()?;
        let negated = self.is_word("not");
        if negated || self.is_word("in") {
            self.at += 1;
            if negated && !self.take_word("in") {
                return Err(wrong(
                    self.place(),
                    "expression",
                    "`not` is followed by `in` here",
                ));
            }
            return self.membership(left, negated);
        }
        let Some(op) = self.operator()? else {
            return Ok(left);
        };
        let right = self.sum()?;
        comparison(op, left, right)
    }

    fn membership(&mut self, left: Typed, negated: bool) -> Result<Typed, Wrong> {
        let right = self.sum()?;
        let span = left.span.start..right.span.end;
        let listed = match &right.expr {
            Expr::Items(items) => {
                // The kinds of a list's items were made one when it was read.
                items.first().map_or(Type::Any, kind_of_const)
            }
            _ if right.kind.meets(Type::List) => Type::Text,
            _ => {
                let words = format!("`in` looks into a list, and this is {}", right.kind.word());
                let help = Some("write the list as [\"a\", \"b\"]".to_owned());
                return Err(Wrong {
                    help,
                    ..wrong(right.span, "type", words)
                });
            }
        };
        if !left.kind.meets(listed) {
            let words = format!("{} is never in a list of another kind", left.kind.word());
            return Err(wrong(left.span, "type", words));
        }
        let expr = Expr::In(Box::new(left.expr), Box::new(right.expr));
        let expr = if negated {
            Expr::Not(Box::new(expr))
        } else {
            expr
        };
        Ok(Typed {
            expr,
            kind: Type::Bool,
            span,
        })
    }

    fn operator(&mut self) -> Result<Option<Op>, Wrong> {
        let Some(Token {
            tok: Tok::Sign(sign),
            span,
        }) = self.tokens.get(self.at)
        else {
            return Ok(None);
        };
        let op = match *sign {
            "==" => Op::Equal,
            "!=" => Op::Unequal,
            "<" => Op::Less,
            "<=" => Op::LessEqual,
            ">" => Op::Greater,
            ">=" => Op::GreaterEqual,
            "=" | "!" => {
                let help =
                    Some("equal is `==`, unequal is `!=`, and the opposite is `not`".to_owned());
                let words = format!("`{sign}` is no comparison");
                return Err(Wrong {
                    help,
                    ..wrong(span.clone(), "expression", words)
                });
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(op))
    }

    fn sum(&mut self) -> Result<Typed, Wrong> {
        let mut left = self.item()?;
        loop {
            let plus = self.take_sign("+");
            if !plus && !self.take_sign("-") {
                return Ok(left);
            }
            let right = self.item()?;
            left = arithmetic(plus, left, right)?;
        }
    }

    fn item(&mut self) -> Result<Typed, Wrong> {
        let Some(token) = self.tokens.get(self.at).cloned() else {
            let end = self.source.len();
            return Err(wrong(
                end..end,
                "expression",
                "something is missing at the end",
            ));
        };
        self.at += 1;
        match token.tok {
            Tok::Number(number) => Ok(constant(Val::Number(number), Type::Number, token.span)),
            Tok::Text(text) => Ok(constant(Val::Text(text), Type::Text, token.span)),
            Tok::Sign("-") => self.negative(token.span.start),
            Tok::Sign("(") => {
                self.deeper()?;
                let inner = self.or()?;
                self.depth -= 1;
                let end = self.close(")")?;
                Ok(Typed {
                    span: token.span.start..end,
                    ..inner
                })
            }
            Tok::Sign("[") => {
                self.deeper()?;
                let (items, end) = self.listed("]")?;
                self.depth -= 1;
                list(items, token.span.start..end)
            }
            Tok::Sign(sign) => {
                let words = format!("`{sign}` is not expected here");
                Err(wrong(token.span, "expression", words))
            }
            Tok::Word(word) => self.word(&word, token.span),
        }
    }

    fn word(&mut self, word: &str, span: Range<usize>) -> Result<Typed, Wrong> {
        match word {
            "true" | "yes" => return Ok(constant(Val::Bool(true), Type::Bool, span)),
            "false" | "no" => return Ok(constant(Val::Bool(false), Type::Bool, span)),
            "and" | "or" | "not" | "in" => {
                let words = format!("`{word}` needs something before and after it");
                return Err(wrong(span, "expression", words));
            }
            _ => {}
        }
        if self.take_sign("(") {
            return self.call(word, span);
        }
        match self.scope.resolve(word) {
            Ok(name) => Ok(Typed {
                kind: name.kind(),
                expr: Expr::Name(name),
                span,
            }),
            Err(unknown) => {
                let quoted = if word.contains('.') {
                    String::new()
                } else {
                    format!("; a text stands in quotes: \"{word}\"")
                };
                let help = Some(format!("{}{quoted}", unknown.help));
                Err(Wrong {
                    help,
                    ..wrong(span, unknown.code, unknown.message)
                })
            }
        }
    }

    fn call(&mut self, word: &str, span: Range<usize>) -> Result<Typed, Wrong> {
        let known = FUNCTIONS.iter().find(|(name, ..)| *name == word);
        let Some((name, func, takes, gives)) = known else {
            let help = Some(suggest(word, FUNCTIONS.iter().map(|(name, ..)| *name)));
            let words = format!("there is no function `{word}`");
            return Err(Wrong {
                help,
                ..wrong(span, "unknown-function", words)
            });
        };
        self.deeper()?;
        let (given, end) = self.listed(")")?;
        self.depth -= 1;
        if given.len() != takes.len() {
            let words = format!("`{name}` takes {} values, not {}", takes.len(), given.len());
            return Err(wrong(span.start..end, "expression", words));
        }
        let mut parts = Vec::new();
        for (value, wanted) in given.into_iter().zip(takes.iter()) {
            let list_for_contains =
                *func == Func::Contains && parts.is_empty() && value.kind == Type::List;
            let value = if *wanted == Type::Date {
                as_date(value)?
            } else {
                value
            };
            if !value.kind.meets(*wanted) && !list_for_contains {
                let words = format!(
                    "`{name}` takes {}, and this is {}",
                    wanted.word(),
                    value.kind.word()
                );
                return Err(wrong(value.span, "type", words));
            }
            parts.push(value.expr);
        }
        if let (Func::Date, [Expr::Const(Val::Text(text))]) = (func, parts.as_slice())
            && text.parse::<Date>().is_err()
        {
            return Err(no_date(text, span.start..end));
        }
        Ok(Typed {
            expr: Expr::Call(*func, parts),
            kind: *gives,
            span: span.start..end,
        })
    }

    fn negative(&mut self, start: usize) -> Result<Typed, Wrong> {
        self.deeper()?;
        let inner = self.item()?;
        self.depth -= 1;
        let zero = constant(Val::Number(0.0), Type::Number, start..start);
        arithmetic(false, zero, inner)
    }

    /// Values up to the closing sign.
    fn listed(&mut self, closing: &str) -> Result<(Vec<Typed>, usize), Wrong> {
        let mut items = Vec::new();
        if let Some(end) = self.closed(closing) {
            return Ok((items, end));
        }
        loop {
            items.push(self.or()?);
            if !self.take_sign(",") {
                return Ok((items, self.close(closing)?));
            }
        }
    }

    fn closed(&mut self, sign: &str) -> Option<usize> {
        let end = self.place().end;
        self.take_sign(sign).then_some(end)
    }

    fn close(&mut self, sign: &str) -> Result<usize, Wrong> {
        let place = self.place();
        let words = format!("`{sign}` is missing here");
        self.closed(sign)
            .ok_or_else(|| wrong(place, "expression", words))
    }

    fn deeper(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(wrong(self.place(), "expression", "this nests too deep"));
        }
        Ok(())
    }

    fn place(&self) -> Range<usize> {
        let end = self.source.len();
        self.tokens
            .get(self.at)
            .map_or(end..end, |token| token.span.clone())
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token { tok: Tok::Word(have), .. }) if have == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token { tok: Tok::Sign(have), .. }) if *have == sign);
        self.at += usize::from(found);
        found
    }
}

fn constant(value: Val, kind: Type, span: Range<usize>) -> Typed {
    Typed {
        expr: Expr::Const(value),
        kind,
        span,
    }
}

fn kind_of_const(expr: &Expr) -> Type {
    match expr {
        Expr::Const(Val::Text(_)) => Type::Text,
        Expr::Const(Val::Number(_)) => Type::Number,
        Expr::Const(Val::Date(_)) => Type::Date,
        Expr::Const(Val::Bool(_)) => Type::Bool,
        Expr::Name(name) => name.kind(),
        _ => Type::Any,
    }
}

fn condition(part: Typed) -> Result<Expr, Wrong> {
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
fn list(items: Vec<Typed>, span: Range<usize>) -> Result<Typed, Wrong> {
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
fn as_date(value: Typed) -> Result<Typed, Wrong> {
    let Expr::Const(Val::Text(text)) = &value.expr else {
        return Ok(value);
    };
    match text.parse() {
        Ok(date) => Ok(constant(Val::Date(date), Type::Date, value.span)),
        Err(_) => Err(no_date(text, value.span)),
    }
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

fn no_date(text: &str, span: Range<usize>) -> Wrong {
    let help = Some("a date is written \"2026-01-31\"".to_owned());
    Wrong {
        help,
        ..wrong(span, "type", format!("`{text}` is no date"))
    }
}

fn comparison(op: Op, left: Typed, right: Typed) -> Result<Typed, Wrong> {
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

fn arithmetic(plus: bool, left: Typed, right: Typed) -> Result<Typed, Wrong> {
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

/// Whether a condition holds.
pub(crate) fn holds(expr: &Expr, values: &Values<'_>) -> bool {
    matches!(value(expr, values), Val::Bool(true))
}

/// What an expression comes to; never fails.
fn value(expr: &Expr, values: &Values<'_>) -> Val {
    match expr {
        Expr::Const(value) => value.clone(),
        Expr::Name(name) => values.get(name),
        Expr::Not(inner) => Val::Bool(!holds(inner, values)),
        Expr::And(parts) => Val::Bool(parts.iter().all(|part| holds(part, values))),
        Expr::Or(parts) => Val::Bool(parts.iter().any(|part| holds(part, values))),
        Expr::Compare(op, left, right) => {
            Val::Bool(compare(*op, &value(left, values), &value(right, values)))
        }
        Expr::In(needle, list) => Val::Bool(is_in(&value(needle, values), list, values)),
        Expr::Items(_) => Val::Missing,
        Expr::Add(left, right) => add(&value(left, values), &value(right, values), 1.0),
        Expr::Sub(left, right) => add(&value(left, values), &value(right, values), -1.0),
        Expr::Call(func, given) => {
            let given: Vec<Val> = given.iter().map(|part| value(part, values)).collect();
            call(*func, &given, values)
        }
    }
}

fn compare(op: Op, left: &Val, right: &Val) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (left, right) = (&alike(left, right), &alike(right, left));
    let order = match (left, right) {
        (Val::Number(a), Val::Number(b)) => a.partial_cmp(b),
        (Val::Date(a), Val::Date(b)) => Some(a.cmp(b)),
        (Val::Text(a), Val::Text(b)) => Some(a.cmp(b)),
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    let Some(order) = order else {
        return false;
    };
    match op {
        Op::Equal => order == Equal,
        Op::Unequal => order != Equal,
        Op::Less => order == Less,
        Op::LessEqual => order != Greater,
        Op::Greater => order == Greater,
        Op::GreaterEqual => order != Less,
    }
}

/// A text beside a number, date or truth is read as one: a column's type may be known only now.
fn alike(value: &Val, other: &Val) -> Val {
    match (value, other) {
        (Val::Text(text), Val::Number(_)) => Val::read(text, Type::Number),
        (Val::Text(text), Val::Date(_)) => Val::read(text, Type::Date),
        (Val::Text(text), Val::Bool(_)) => Val::read(text, Type::Bool),
        _ => value.clone(),
    }
}

fn is_in(needle: &Val, list: &Expr, values: &Values<'_>) -> bool {
    if let Expr::Items(items) = list {
        return items
            .iter()
            .any(|item| compare(Op::Equal, needle, &value(item, values)));
    }
    match (needle, value(list, values)) {
        (Val::Text(needle), Val::List(items)) => items.contains(needle),
        _ => false,
    }
}

/// A sum or, with a sign of -1, a difference. What leaves the calendar is missing.
fn add(left: &Val, right: &Val, sign: f64) -> Val {
    let left = &match (left, right) {
        // Of a column whose type is not known, only what can be added to is of use.
        (Val::Text(text), Val::Number(_)) => match Val::read(text, Type::Date) {
            Val::Missing => Val::read(text, Type::Number),
            date => date,
        },
        _ => alike(left, right),
    };
    let right = &alike(right, left);
    match (left, right) {
        (Val::Number(a), Val::Number(b)) => Val::Number(a + sign * b),
        (Val::Date(date), Val::Number(days)) => moved(*date, sign * days),
        (Val::Date(a), Val::Date(b)) if sign < 0.0 => {
            let days = a.since(*b).map_or(0, |span| span.get_days());
            Val::Number(f64::from(days))
        }
        _ => Val::Missing,
    }
}

fn moved(date: Date, days: f64) -> Val {
    const DAYS_MAX: f64 = 4_000_000.0;
    if days.abs() > DAYS_MAX {
        return Val::Missing;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "inside the range checked above"
    )]
    let days = days.trunc() as i32;
    date.checked_add(days.days())
        .map_or(Val::Missing, Val::Date)
}

fn call(func: Func, given: &[Val], values: &Values<'_>) -> Val {
    match (func, given) {
        (Func::Today, _) => Val::Date(values.now().date()),
        (Func::Weekday, _) => Val::Text(weekday(values.now().weekday()).to_owned()),
        (Func::Hour, _) => Val::Number(f64::from(values.now().hour())),
        (Func::Age, [born]) => match alike(born, &Val::Date(Date::ZERO)) {
            Val::Date(born) => age(born, values.now().date()),
            _ => Val::Missing,
        },
        (Func::Present, [value]) => {
            Val::Bool(*value != Val::Missing && *value != Val::List(Vec::new()))
        }
        (Func::Length, [Val::Missing]) => Val::Number(0.0),
        (Func::Length, [Val::List(items)]) => count(items.len()),
        (Func::Length, [value]) => count(value.shown().chars().count()),
        (Func::Lower, [Val::Text(text)]) => Val::Text(text.to_lowercase()),
        (Func::Contains, [Val::Text(text), Val::Text(part)]) => Val::Bool(text.contains(part)),
        (Func::Contains, [Val::List(items), Val::Text(item)]) => Val::Bool(items.contains(item)),
        (Func::StartsWith, [Val::Text(text), Val::Text(part)]) => Val::Bool(text.starts_with(part)),
        (Func::Date, [Val::Text(text)]) => Val::read(text, Type::Date),
        (Func::Contains | Func::StartsWith, _) => Val::Bool(false),
        _ => Val::Missing,
    }
}

fn count(length: usize) -> Val {
    Val::Number(u32::try_from(length).map_or(f64::from(u32::MAX), f64::from))
}

fn age(born: Date, today: Date) -> Val {
    let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
    let years = today.year() - born.year() - i16::from(!had_birthday);
    Val::Number(f64::from(years))
}

fn weekday(day: jiff::civil::Weekday) -> &'static str {
    use jiff::civil::Weekday as Day;
    match day {
        Day::Monday => "monday",
        Day::Tuesday => "tuesday",
        Day::Wednesday => "wednesday",
        Day::Thursday => "thursday",
        Day::Friday => "friday",
        Day::Saturday => "saturday",
        Day::Sunday => "sunday",
    }
}
