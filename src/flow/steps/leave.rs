//! `goto`, `hangup` and `reject`: the ways out other than `end`.

use super::speak::required;
use super::{Came, Verb};
use crate::flow::effect::Ended;
use crate::flow::engine::Engine;
use crate::flow::reader::Reading;
use crate::flow::yaml::{Node, Value};
use crate::model::CallVerb;

/// Leaves for another flow of the same account and kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goto {
    pub(super) flow: String,
}

impl Goto {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "goto")?;
        let flow = required(reading, fields.get("flow"), node, "goto", "flow")?;
        let key = reading.word(flow, "a flow")?.to_owned();
        let known = reading.names.flows(&reading.account);
        if let Some(known) = known {
            let keys = known.iter().map(|(key, _)| key.clone()).collect();
            if !reading.known(&flow.at, "unknown-flow", "flow", &key, Some(keys)) {
                return None;
            }
            let kind = reading.kind;
            if let Some((_, other)) = known
                .iter()
                .find(|(have, other)| *have == key && *other != kind)
            {
                let message = format!(
                    "`{key}` is a flow on {}, and this one is on {}",
                    other.as_str(),
                    kind.as_str()
                );
                reading.fault(&flow.at, "wrong-kind", message);
                return None;
            }
        }
        Some(Verb::Goto(Self { flow: key }))
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
