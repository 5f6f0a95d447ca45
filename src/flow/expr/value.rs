//! What an expression comes to. Nothing here can fail: what makes no sense is missing.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Expr, Func, Op};
use crate::flow::scope::{Type, Val, Values};

/// Whether a condition holds.
pub(crate) fn holds(expr: &Expr, values: &Values<'_>) -> bool {
    matches!(value(expr, values), Val::Bool(true))
}

/// What an expression comes to; never fails.
pub(crate) fn value(expr: &Expr, values: &Values<'_>) -> Val {
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
        Expr::Default(wanted, other) => match value(wanted, values) {
            Val::Missing => value(other, values),
            wanted => wanted,
        },
        Expr::Call(func, given) => {
            let given: Vec<Val> = given.iter().map(|part| value(part, values)).collect();
            call(*func, &given, values)
        }
    }
}

pub(super) fn compare(op: Op, left: &Val, right: &Val) -> bool {
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
pub(super) fn add(left: &Val, right: &Val, sign: f64) -> Val {
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
        (Val::Number(a), Val::Number(b)) => Val::Number(rounded(a + sign * b)),
        (Val::Date(date), Val::Number(days)) => moved(*date, sign * days),
        (Val::Date(a), Val::Date(b)) if sign < 0.0 => {
            let days = a.since(*b).map_or(0, |span| span.get_days());
            Val::Number(f64::from(days))
        }
        _ => Val::Missing,
    }
}

/// Without the last digits, which come of how a machine holds numbers: 0.1 + 0.2 is 0.3.
fn rounded(number: f64) -> f64 {
    const PARTS: f64 = 1e9;
    match number.abs() < 1e6 {
        true => (number * PARTS).round() / PARTS,
        false => number,
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

/// What weekdays are called, from Monday on.
pub(super) const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

fn weekday(day: jiff::civil::Weekday) -> &'static str {
    let mut names = WEEKDAYS.iter().zip(0..);
    let found = names.find(|(_, at)| *at == day.to_monday_zero_offset());
    found.map_or("", |(name, _)| name)
}
