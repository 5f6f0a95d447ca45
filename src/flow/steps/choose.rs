//! `hours` and `branch`: which way to go, without asking anybody.

use super::speak::required;
use super::{Came, Verb};
use crate::flow::engine::Engine;
use crate::flow::expr::{self, Expr};
use crate::flow::reader::Reading;
use crate::flow::scope::Val;
use crate::flow::steps::data::is_name;
use crate::flow::yaml::{Node, Value};
use crate::model::calendar::Hours;

/// Arms of one branch.
const ARMS_MAX: usize = 30;

/// A calendar is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HoursStep {
    calendar: String,
}

impl HoursStep {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "hours")?;
        let calendar = required(reading, fields.get("calendar"), node, "hours", "calendar")?;
        let key = reading.word(calendar, "a calendar")?.to_owned();
        let known = reading.names.calendars(&reading.account);
        let found = reading.known(&calendar.at, "unknown-calendar", "calendar", &key, known);
        found.then_some(Verb::Hours(Self { calendar: key }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let Some(calendar) = engine.facts.account.calendars.get(&self.calendar) else {
            return Came::fault(format!("the calendar {} is no more", self.calendar));
        };
        Came::outcome(match calendar.state(engine.facts.now) {
            Hours::Open => "open",
            Hours::Closed => "closed",
            Hours::Holiday => "holiday",
        })
    }
}

/// The first condition that holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Branch {
    pub(crate) arms: Vec<(String, Expr)>,
}

impl Branch {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let Value::Map(pairs) = &node.value else {
            let help = "write `branch: { adult: contact.age >= 18 }`";
            reading.fault_help(
                &node.at,
                "shape",
                "`branch` needs names and conditions",
                help,
            );
            return None;
        };
        if pairs.is_empty() || pairs.len() > ARMS_MAX {
            reading.fault(
                &node.at,
                "shape",
                format!("`branch` takes 1 to {ARMS_MAX} conditions"),
            );
        }
        let mut arms = Vec::new();
        for (key, value) in pairs {
            if !is_name(&key.text) || key.text == "else" {
                let message = format!("`{}` is no name for a condition", key.text);
                let help = "a name is written in small letters, digits and _; `else` stands in `then` only";
                reading.fault_help(&key.at, "name", message, help);
            }
            // An arm whose condition is wrong is still an outcome, so that one fault does not make others.
            let condition = reading.condition(value);
            arms.push((
                key.text.clone(),
                condition.unwrap_or(Expr::Const(Val::Missing)),
            ));
        }
        Some(Verb::Branch(Self { arms }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let values = engine.values();
        let found = self
            .arms
            .iter()
            .find(|(_, condition)| expr::holds(condition, &values));
        Came::outcome(found.map_or_else(|| "else".to_owned(), |(name, _)| name.clone()))
    }
}
