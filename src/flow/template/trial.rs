//! Puts a template together before it is used: with every value missing, and with values of each kind that a name may
//! hold. What fails then could cut a text short when the flow runs.

use minijinja::ErrorKind;
use serde_json::{Value, json};

use super::{Capped, Full};
use crate::flow::scope::{Known, Type};

/// More than any text is long, so that what fails is the template.
const BYTES_MAX: usize = 64 * 1024;

/// Why it cannot be put together, for the first values with which it cannot.
pub(super) fn fails(full: &Full) -> Option<String> {
    let free = [Value::Null, json!("a"), json!(1), json!(["a"])];
    let missing = ("where values are missing", Value::Null);
    let others = free[1..]
        .iter()
        .map(|value| ("with some values", value.clone()));
    let mut all = std::iter::once(missing).chain(others);
    all.find_map(|(when, value)| {
        let mut out = Capped {
            bytes: Vec::new(),
            left: BYTES_MAX,
        };
        let is_missing = value.is_null();
        let sample = |name: &Known| match is_missing {
            true => Value::Null,
            false => sample(name.kind(), &value),
        };
        let error = full.render_to(&mut out, sample).err()?;
        let is_bound = matches!(error.kind(), ErrorKind::OutOfFuel | ErrorKind::WriteFailure);
        let words = || {
            error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned)
        };
        (!is_bound).then(|| format!("this text cannot be put together {when}: {}", words()))
    })
}

/// A value of this type; where any may come, this one.
fn sample(kind: Type, any: &Value) -> Value {
    match kind {
        Type::Text => json!("a"),
        Type::Number => json!(1),
        Type::Date => json!("2026-01-31"),
        Type::Bool => json!(true),
        Type::List => json!(["a"]),
        Type::Any => any.clone(),
    }
}
