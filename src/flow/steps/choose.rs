//! `hours`, `branch` and `split`: which way to go, without asking anybody.

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
            let read = arms.len() < ARMS_MAX;
            let condition = read.then(|| reading.condition(value)).flatten();
            if let Some((message, help)) = condition.as_ref().and_then(expr::undecided) {
                reading.warn(&value.at, "decides-nothing", message, help);
            }
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

/// Arms of one split, and the weight of one.
const SPLIT_MAX: usize = 10;
const WEIGHT_MAX: u32 = 1_000;

/// So many of a hundred people go one way: always the same way for one person at one step, without dice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) arms: Vec<(String, u32)>,
}

impl Split {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let Value::Map(pairs) = &node.value else {
            let help = "write `split: { new: 10, old: 90 }`";
            reading.fault_help(&node.at, "shape", "`split` needs names and weights", help);
            return None;
        };
        if !(2..=SPLIT_MAX).contains(&pairs.len()) {
            let message = format!("`split` takes 2 to {SPLIT_MAX} ways");
            reading.fault(&node.at, "shape", message);
        }
        let mut arms = Vec::new();
        for (key, value) in pairs {
            if !is_name(&key.text) || key.text == "else" {
                let message = format!("`{}` is no name for a way", key.text);
                let help = "a name is written in small letters, digits and _";
                reading.fault_help(&key.at, "name", message, help);
            }
            let weight = reading.count(value, "a weight", 0, WEIGHT_MAX);
            arms.push((key.text.clone(), weight.unwrap_or(1)));
        }
        if !arms.is_empty() && arms.iter().all(|(_, weight)| *weight == 0) {
            let help = "give one of them a number above 0";
            reading.fault_help(&node.at, "out-of-range", "nobody goes any way", help);
        }
        Some(Verb::Split(Self { arms }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let step = engine.run.step.clone().unwrap_or_default();
        let total: u64 = self.arms.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let hash = u128::from(hash(&[&person(engine), &step]));
        // The upper bits of the product spread evenly over any total.
        let mut at = (hash * u128::from(total)) >> 64;
        for (name, weight) in &self.arms {
            match at.checked_sub(u128::from(*weight)) {
                Some(rest) => at = rest,
                None => return Came::outcome(name.clone()),
            }
        }
        Came::fault("a split leads nowhere")
    }
}

/// What stands for a person: the first phone of their contact, whichever they use now, else this one.
fn person(engine: &Engine<'_>) -> String {
    let contact = engine.facts.contact;
    let first = contact.and_then(|contact| contact.phones.first());
    first
        .map_or(engine.facts.party, |phone| &phone.phone)
        .to_string()
}

/// The same on every machine and in every version: FNV-1a, its bits mixed once more because the words are short.
fn hash(words: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for word in words {
        for byte in word.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
