//! `wait`: time passes, or the person texts first. It is no question: routing gives it only what no keyword takes.

use super::{Came, Verb};
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::reader::Reading;
use crate::flow::run::Wait as Waiting;
use crate::flow::yaml::Node;

/// How long a flow may wait.
const FOR_S: (u32, u32) = (1, 60 * 24 * 3600);

/// Waits for a duration, or until a calendar opens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wait {
    For(u32),
    Until(String),
}

impl Wait {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "wait")?;
        let wait = match (fields.get("for"), fields.get("until")) {
            (Some(time), None) => {
                let (min, max) = FOR_S;
                Self::For(reading.duration(time, "a wait", min, max)?)
            }
            (None, Some(calendar)) => {
                let key = reading.word(calendar, "a calendar")?.to_owned();
                let known = reading.names.calendars(&reading.account);
                if !reading.known(&calendar.at, "unknown-calendar", "calendar", &key, known) {
                    return None;
                }
                Self::Until(key)
            }
            (Some(_), Some(until)) => {
                let message = "`wait` takes a time or a calendar, not both";
                let help = "use two steps to wait for both";
                reading.fault_help(&until.at, "two-owners", message, help);
                return None;
            }
            (None, None) => {
                let message = "`wait` does not say how long";
                let help = "write `wait: 2h`, or `wait: { until: office }`";
                reading.fault_help(fields.at, "missing-key", message, help);
                return None;
            }
        };
        Some(Verb::Wait(wait))
    }

    /// Whether it may pass at once: the calendar may be open.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Until(_))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let now = engine.facts.now;
        let until = match self {
            Self::For(seconds) => engine.after(*seconds),
            Self::Until(key) => match engine.facts.account.calendars.get(key) {
                Some(calendar) => match calendar.next_open(now) {
                    Some(opens) => opens,
                    None => return Came::fault(format!("the calendar {key} never opens")),
                },
                None => return Came::fault(format!("the calendar {key} is no more")),
            },
        };
        if until <= now {
            return Came::outcome("elapsed");
        }
        engine.run.wait = Waiting::Pause;
        engine.run.due_at = Some(until);
        Came::Waits
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        match event {
            Event::Timer if engine.is_due() => Came::outcome("elapsed"),
            Event::Text(_) => Came::outcome("replied"),
            _ => Came::Waits,
        }
    }
}
