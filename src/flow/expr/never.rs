//! Comparisons that come out the same whatever the day: with what no weekday is called and no clock shows.

use super::value::WEEKDAYS;
use super::{Expr, Func, Op};
use crate::flow::scope::Val;

/// As [`Func::Hour`] gives them: from the first to before the second.
const HOURS: (f64, f64) = (0.0, 24.0);

/// What is wrong with the first comparison in an expression that decides nothing, and the next move.
pub(crate) fn undecided(expr: &Expr) -> Option<(String, &'static str)> {
    match expr {
        Expr::Const(_) | Expr::Name(_) => None,
        Expr::Not(inner) => undecided(inner),
        Expr::And(parts) | Expr::Or(parts) | Expr::Items(parts) | Expr::Call(_, parts) => {
            parts.iter().find_map(undecided)
        }
        Expr::Compare(op, left, right) => compared(*op, left, right)
            .or_else(|| compared(turned(*op), right, left))
            .or_else(|| undecided(left).or_else(|| undecided(right))),
        Expr::In(needle, list) => match list.as_ref() {
            Expr::Items(items) => {
                let mut items = items.iter();
                items.find_map(|item| compared(Op::Equal, needle, item))
            }
            _ => None,
        },
        Expr::Add(left, right) | Expr::Sub(left, right) | Expr::Default(left, right) => {
            undecided(left).or_else(|| undecided(right))
        }
    }
}

/// The same comparison with its sides exchanged.
const fn turned(op: Op) -> Op {
    match op {
        Op::Equal | Op::Unequal => op,
        Op::Less => Op::Greater,
        Op::LessEqual => Op::GreaterEqual,
        Op::Greater => Op::Less,
        Op::GreaterEqual => Op::LessEqual,
    }
}

fn compared(op: Op, call: &Expr, constant: &Expr) -> Option<(String, &'static str)> {
    match (call, constant) {
        (Expr::Call(Func::Weekday, _), Expr::Const(Val::Text(text))) => {
            let help = "weekdays are written in English and small letters: \"monday\"";
            let words = || (format!("`{text}` is no weekday here"), help);
            (!WEEKDAYS.contains(&text.as_str())).then(words)
        }
        (Expr::Call(Func::Hour, _), Expr::Const(Val::Number(number))) => {
            let (first, end) = HOURS;
            let decides = match op {
                Op::Equal | Op::Unequal => (first..end).contains(number) && number.fract() == 0.0,
                // Whole hours: the last one is before the end.
                Op::Less | Op::GreaterEqual => *number > first && *number <= end - 1.0,
                Op::LessEqual | Op::Greater => *number >= first && *number < end - 1.0,
            };
            let help = "an hour is 0 to 23: `hour() >= 18 or hour() < 6`";
            let words = || match op {
                Op::Equal | Op::Unequal => format!("no hour is {number}"),
                _ => format!("with {number} this is the same at every hour"),
            };
            (!decides).then(|| (words(), help))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::expr::parse;
    use crate::flow::scope::Scope;

    #[test]
    fn what_no_day_decides() {
        for (text, odd) in [
            ("weekday() == \"monday\"", false),
            ("weekday() == \"Monday\"", true),
            ("\"Mon\" != weekday()", true),
            ("weekday() in [\"saturday\", \"sunday\"]", false),
            ("weekday() in [\"saturday\", \"Sunday\"]", true),
            ("hour() >= 18 or hour() < 6", false),
            ("hour() >= 24", true),
            ("hour() < 24", true),
            ("24 > hour()", true),
            ("hour() <= 22", false),
            ("hour() > 22", false),
            ("hour() > 23", true),
            ("hour() >= 0", true),
            ("hour() == 0", false),
            ("not (hour() == 9.5)", true),
            ("today() - 1 > \"2026-01-01\"", false),
        ] {
            let expr = parse(text, &mut Scope::default()).unwrap();
            assert_eq!(undecided(&expr).is_some(), odd, "{text}");
        }
    }
}
