//! `inbox`, `assign` and `close`: what people find in their boxes.

use super::data::tags;
use super::{Came, Verb};
use crate::flow::effect::Effect;
use crate::flow::engine::Engine;
use crate::flow::reader::{Fields, Reading, Who};
use crate::flow::template::{NOTE_CHARS_MAX, REPLY_CHARS_MAX, Text};
use crate::flow::yaml::{Node, Value};

/// Puts the thread into a box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InboxStep {
    to: Who,
    note: Option<Text>,
    tags: Vec<String>,
    high: bool,
    auto_reply: Option<Text>,
}

impl InboxStep {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "inbox")?;
        let to = reading.who(&fields, "inbox");
        let note = text(reading, &fields, "note");
        let auto_reply = text(reading, &fields, "auto_reply");
        let tags = fields
            .get("tags")
            .map_or_else(Vec::new, |node| tags(reading, node));
        let priority = fields.get("priority").and_then(|node| {
            reading.choice(node, "priority", &[("high", true), ("normal", false)])
        });
        let high = priority.unwrap_or(false);
        Some(Verb::Inbox(Box::new(Self {
            to: to?,
            note,
            tags,
            high,
            auto_reply,
        })))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let Some(to) = engine.route(&self.to) else {
            return Came::fault("the box that the flow names is no more");
        };
        let note = self
            .note
            .as_ref()
            .map(|note| engine.render_for_staff(note, NOTE_CHARS_MAX).0);
        let auto_reply = self
            .auto_reply
            .as_ref()
            .map(|text| engine.render(text, REPLY_CHARS_MAX).0);
        let tags = self.tags.clone();
        engine.effects.push(Effect::Inbox {
            to,
            note,
            tags,
            high: self.high,
            auto_reply,
        });
        Came::outcome("next")
    }
}

/// Hands the thread over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assign {
    to: Who,
    note: Option<Text>,
}

impl Assign {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "assign")?;
        let to = reading.who(&fields, "assign");
        let note = text(reading, &fields, "note");
        Some(Verb::Assign(Self { to: to?, note }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let facts = engine.facts;
        let route = engine.route(&self.to);
        let to = route.filter(|to| facts.directory.leads_somewhere(facts.account.id, *to));
        let Some(to) = to else {
            let (Who::Group(key) | Who::User(key)) = &self.to;
            let reason = format!("nobody in {key} can take it");
            engine.effects.push(Effect::NotAssigned { reason });
            return Came::outcome("nobody_available");
        };
        let note = self
            .note
            .as_ref()
            .map(|note| engine.render_for_staff(note, NOTE_CHARS_MAX).0);
        engine.effects.push(Effect::Assign { to, note });
        Came::outcome("ok")
    }
}

fn text(reading: &mut Reading<'_>, fields: &Fields<'_>, key: &str) -> Option<Text> {
    fields
        .get(key)
        .and_then(|node| reading.text(node, &format!("`{key}`")))
}

pub(super) fn read_close(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
    if node.value != Value::Null {
        reading.fault_help(
            &node.at,
            "shape",
            "`close` takes nothing",
            "write `close:` alone",
        );
        return None;
    }
    Some(Verb::Close)
}

pub(super) fn close(engine: &mut Engine<'_>) -> Came {
    engine.effects.push(Effect::Close);
    Came::outcome("ok")
}
