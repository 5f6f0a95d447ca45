//! `goto`, `transfer`, `hangup` and `reject`: the ways out other than `end`; and `call`, which comes back.

use super::data::is_name;
use super::dial::{CallerId, read_caller_id};
use super::reachable::foreign_phone;
use super::speak::required;
use super::{Came, Verb};
use crate::flow::effect::{Effect, Ended};
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::fault::suggest;
use crate::flow::formula::Formula;
use crate::flow::reader::Reading;
use crate::flow::scope::{Type, Val};
use crate::flow::yaml::{Key, Node, Value};
use crate::model::{CallVerb, Phone};

/// Leaves for another flow of the same account and kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goto {
    pub(super) flow: String,
}

impl Goto {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "goto")?;
        let flow = required(reading, fields.get("flow"), node, "goto", "flow")?;
        let flow = flow_key(reading, flow)?;
        Some(Verb::Goto(Self { flow }))
    }
}

/// The key of a flow of this account and kind.
fn flow_key(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    let key = reading.word(node, "a flow")?.to_owned();
    let Some(known) = reading.names.flows(&reading.account) else {
        return Some(key);
    };
    let keys = known.iter().map(|(key, _)| key.clone()).collect();
    if !reading.known(&node.at, "unknown-flow", "flow", &key, Some(keys)) {
        return None;
    }
    let kind = reading.kind;
    let other = known
        .iter()
        .find(|(have, other)| *have == key && *other != kind);
    if let Some((_, other)) = other {
        let message = format!(
            "`{key}` is a flow on {}, and this one is on {}",
            other.as_str(),
            kind.as_str()
        );
        reading.fault(&node.at, "wrong-kind", message);
        return None;
    }
    Some(key)
}

/// Parameters of one call.
const PARAMETERS_MAX: usize = 20;

/// Takes another flow as a part of this one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(super) flow: String,
    with: Vec<(String, Formula)>,
}

impl Call {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "call")?;
        let flow = required(reading, fields.get("flow"), node, "call", "flow")?;
        let flow = flow_key(reading, flow);
        let with = match fields.get("with") {
            Some(with) => parameters(reading, with),
            None => Some(Vec::new()),
        };
        if let (Some(flow), Some(with)) = (&flow, fields.get("with")) {
            taken(reading, flow, with);
        }
        Some(Verb::Call(Self {
            flow: flow?,
            with: with?,
        }))
    }

    pub(super) fn gives(&self) -> Vec<String> {
        self.with.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let values = engine.values();
        let given =
            |(name, formula): &(String, Formula)| (name.clone(), formula.value(&values).to_json());
        let with = self.with.iter().map(given);
        Came::Calls(self.flow.clone(), with.collect())
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        if !matches!(event, Event::Returned) {
            return Came::Waits;
        }
        let result = engine.run.result.take();
        if engine.run.call.gone {
            return Came::HungUp;
        }
        let result = result.map_or(Val::Missing, |json| Val::from_json(&json, Type::Any));
        engine.keep_here("result", result);
        Came::outcome("returned")
    }
}

fn parameters(reading: &mut Reading<'_>, node: &Node) -> Option<Vec<(String, Formula)>> {
    let Value::Map(pairs) = &node.value else {
        let help = "write `with: { tries: 3 }`";
        reading.fault_help(&node.at, "shape", "`with` needs names and values", help);
        return None;
    };
    if pairs.len() > PARAMETERS_MAX {
        let message = format!("`with` takes at most {PARAMETERS_MAX} names");
        reading.fault(&node.at, "out-of-range", message);
    }
    let mut found = Vec::new();
    for (key, value) in pairs {
        if !is_name(&key.text) {
            let message = format!("`{}` is no name for a value", key.text);
            let help = "a name is written in small letters, digits and _, without `flow.`";
            reading.fault_help(&key.at, "name", message, help);
        }
        let formula = Formula::read(reading, value, "the value", true);
        found.extend(formula.map(|formula| (key.text.clone(), formula)));
    }
    Some(found)
}

/// Faults values that the called flow does not take.
fn taken(reading: &mut Reading<'_>, flow: &str, with: &Node) {
    let (Some(taken), Value::Map(pairs)) =
        (reading.names.taken_by(&reading.account, flow), &with.value)
    else {
        return;
    };
    let odd = |key: &Key| is_name(&key.text) && !taken.contains(&key.text);
    for (key, _) in pairs.iter().filter(|(key, _)| odd(key)) {
        let message = format!("`{flow}` takes no `{}`", key.text);
        let help = match taken.is_empty() {
            true => "take it out, or let the flow take it: `with:` below its head".to_owned(),
            false => suggest(&key.text, taken.iter().map(String::as_str)),
        };
        reading.fault_help(&key.at, "unknown-name", message, help);
    }
}

/// The variables that a flow takes from whoever calls it, with what they are otherwise.
pub(crate) fn read_parameters(
    reading: &mut Reading<'_>,
    node: &Node,
) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    let Value::Map(pairs) = &node.value else {
        let help =
            "write `with: { tries: 3 }`: the names, and what they are when nobody gives them";
        reading.fault_help(&node.at, "shape", "`with` needs names and values", help);
        return found;
    };
    if pairs.len() > PARAMETERS_MAX {
        let message = format!("`with` takes at most {PARAMETERS_MAX} names");
        reading.fault(&node.at, "out-of-range", message);
    }
    for (key, value) in pairs {
        if !is_name(&key.text) {
            let message = format!("`{}` is no name for a value", key.text);
            let help = "a name is written in small letters, digits and _, without `flow.`";
            reading.fault_help(&key.at, "name", message, help);
        }
        let (value, kind) = match &value.value {
            Value::Null => (Val::Missing, Type::Any),
            _ => match reading.word(value, "the value") {
                Some(word) => default_of(word),
                None => continue,
            },
        };
        reading.scope.vars.insert(key.text.clone(), kind);
        found.push((key.text.clone(), value.to_json()));
    }
    found
}

/// What is written says of what kind it is.
fn default_of(word: &str) -> (Val, Type) {
    let kinds = [Type::Number, Type::Bool, Type::Date];
    let read = kinds.map(|kind| (Val::read(word, kind), kind));
    let found = read.into_iter().find(|(value, _)| *value != Val::Missing);
    found.unwrap_or_else(|| (Val::text(word), Type::Text))
}

/// Hands the call to another number; our part ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Transfer {
    number: Phone,
    caller_id: CallerId,
}

impl Transfer {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "transfer")?;
        let number = required(reading, fields.get("number"), node, "transfer", "number")?;
        let number = foreign_phone(reading, number);
        let caller_id = fields
            .get("caller_id")
            .and_then(|node| read_caller_id(reading, node));
        Some(Verb::Transfer(Self {
            number: number?,
            caller_id: caller_id.unwrap_or(CallerId::Caller),
        }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let caller_id = self.caller_id.shown(engine);
        engine.give(CallVerb::Transfer {
            phone: self.number,
            caller_id,
        });
        let text = format!("The call was handed on to {}.", self.number);
        engine.effects.push(Effect::Note { text });
        Came::Ends(Ended::Transferred)
    }
}

pub(super) fn read_hangup(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
    if node.value != Value::Null {
        reading.fault_help(
            &node.at,
            "shape",
            "`hangup` takes nothing",
            "write `hangup:` alone",
        );
        return None;
    }
    Some(Verb::Hangup)
}

/// Refuses the call without answering it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reject {
    busy: bool,
}

impl Reject {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "reject")?;
        let busy = match fields.get("reason") {
            Some(reason) => {
                reading.choice(reason, "reason", &[("busy", true), ("rejected", false)])?
            }
            None => false,
        };
        Some(Verb::Reject(Self { busy }))
    }

    /// A call that was answered can no longer be refused; it is hung up.
    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        if engine.run.turns > 0 || !engine.said.is_empty() {
            return Came::Ends(Ended::Hangup);
        }
        engine.script = Some(vec![CallVerb::Reject { busy: self.busy }]);
        Came::Ends(Ended::Rejected)
    }
}
