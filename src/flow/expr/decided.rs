//! What a condition comes to where only some of its names are known.

use std::collections::BTreeMap;

use super::value::{add, compare};
use super::{Expr, Func, Op};
use crate::flow::scope::{Known, Val};

/// Whether a condition holds; `None`: that depends on what is not known. `known` has values by name (`flow.reminded`).
pub(crate) fn decided(expr: &Expr, known: &BTreeMap<String, Val>) -> Option<bool> {
    match expr {
        Expr::Not(inner) => Some(!decided(inner, known)?),
        Expr::And(parts) => all(parts, false, known),
        Expr::Or(parts) => all(parts, true, known),
        Expr::Compare(op, left, right) => {
            Some(compare(*op, &value(left, known)?, &value(right, known)?))
        }
        Expr::In(needle, list) => {
            let Expr::Items(items) = list.as_ref() else {
                return None;
            };
            let needle = value(needle, known)?;
            let is = |item| Some(compare(Op::Equal, &needle, &value(item, known)?));
            let found: Option<Vec<bool>> = items.iter().map(is).collect();
            Some(found?.contains(&true))
        }
        other => Some(value(other, known)? == Val::Bool(true)),
    }
}

/// Of parts joined by `or` (`ends` is true) or `and`: one that ends it decides, else all must be known.
fn all(parts: &[Expr], ends: bool, known: &BTreeMap<String, Val>) -> Option<bool> {
    let found: Vec<Option<bool>> = parts.iter().map(|part| decided(part, known)).collect();
    if found.contains(&Some(ends)) {
        return Some(ends);
    }
    let open = found.contains(&None);
    (!open).then_some(!ends)
}

fn value(expr: &Expr, known: &BTreeMap<String, Val>) -> Option<Val> {
    match expr {
        Expr::Const(value) => Some(value.clone()),
        Expr::Name(name) => known.get(&path(name)?).cloned(),
        Expr::Add(left, right) => Some(add(&value(left, known)?, &value(right, known)?, 1.0)),
        Expr::Sub(left, right) => Some(add(&value(left, known)?, &value(right, known)?, -1.0)),
        Expr::Default(wanted, other) => match value(wanted, known)? {
            Val::Missing => value(other, known),
            wanted => Some(wanted),
        },
        Expr::Call(Func::Present, given) => {
            let given = value(given.first()?, known)?;
            Some(Val::Bool(given != Val::Missing))
        }
        Expr::Call(..) | Expr::Items(_) => None,
        condition => decided(condition, known).map(Val::Bool),
    }
}

/// Whether a value is missing as long as this variable is: by sums alone, with nothing in its place.
pub(crate) fn needs(expr: &Expr, variable: &str) -> bool {
    match expr {
        Expr::Name(Known::Var(key, _)) => key == variable,
        Expr::Add(left, right) | Expr::Sub(left, right) => {
            needs(left, variable) || needs(right, variable)
        }
        _ => false,
    }
}

/// The names that an expression asks for, of those that a step may write.
pub(crate) fn names(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::Const(_) => Vec::new(),
        Expr::Name(name) => path(name).into_iter().collect(),
        Expr::Not(inner) => names(inner),
        Expr::And(parts) | Expr::Or(parts) | Expr::Items(parts) | Expr::Call(_, parts) => {
            parts.iter().flat_map(names).collect()
        }
        Expr::Compare(_, left, right)
        | Expr::In(left, right)
        | Expr::Add(left, right)
        | Expr::Sub(left, right)
        | Expr::Default(left, right) => [names(left), names(right)].concat(),
    }
}

/// A name as it is written, of those that a step may write.
fn path(name: &Known) -> Option<String> {
    Some(match name {
        Known::Var(key, _) => format!("flow.{key}"),
        Known::Column(key, _) => format!("contact.{key}"),
        Known::ContactName => "contact.name".to_owned(),
        Known::ContactEmail => "contact.email".to_owned(),
        Known::ContactLanguage => "contact.language".to_owned(),
        Known::ContactTags => "contact.tags".to_owned(),
        Known::ContactCaseloads => "contact.caseloads".to_owned(),
        Known::Step(step, value, _) => format!("steps.{step}.{value}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::expr::parse;
    use crate::flow::scope::{Scope, Type};

    #[test]
    fn what_is_decided_and_what_is_not() {
        let mut scope = Scope::default();
        for name in ["n", "x"] {
            scope.vars.insert(name.to_owned(), Type::Any);
        }
        let known = BTreeMap::from([("flow.n".to_owned(), Val::text("1"))]);
        for (text, expected) in [
            ("flow.n == \"1\"", Some(true)),
            ("flow.n >= 3", Some(false)),
            ("flow.n + 2 >= 3", Some(true)),
            ("flow.x == \"1\"", None),
            ("flow.x == \"1\" or flow.n == 1", Some(true)),
            ("flow.x == \"1\" and flow.n == 2", Some(false)),
            ("flow.x == \"1\" and flow.n == 1", None),
            ("not (flow.n in [\"2\", \"1\"])", Some(false)),
            ("present(flow.n)", Some(true)),
            ("present(flow.x)", None),
            ("contact.insured", None),
            ("true", Some(true)),
        ] {
            let expr = parse(text, &mut scope).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
            assert_eq!(decided(&expr, &known), expected, "{text}");
        }
        let expr = parse("flow.n > 1 and \"a\" in contact.tags", &mut scope).unwrap();
        assert_eq!(names(&expr), ["flow.n", "contact.tags"]);
    }
}
