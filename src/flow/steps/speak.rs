//! `say` and `play`: what the caller hears on the way.

use super::{Came, Verb};
use crate::flow::engine::Engine;
use crate::flow::reader::Reading;
use crate::flow::template::{SAY_CHARS_MAX, Text};
use crate::flow::yaml::Node;
use crate::model::CallVerb;
use crate::model::call::is_sound_file;

/// Speaks a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Say {
    text: Text,
}

impl Say {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "say")?;
        let text = required(reading, fields.get("text"), node, "say", "text")?;
        let text = reading.text(text, "what is said")?;
        Some(Verb::Say(Self { text }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let verb = engine.spoken(&self.text);
        engine.said.push(verb);
        Came::outcome("next")
    }
}

/// Plays a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Play {
    file: Text,
}

impl Play {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "play")?;
        let file = required(reading, fields.get("file"), node, "play", "file")?;
        let file = read_file(reading, file)?;
        Some(Verb::Play(Self { file }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let (url, _) = engine.render(&self.file, SAY_CHARS_MAX);
        engine.said.push(CallVerb::Play { url });
        Came::outcome("next")
    }
}

/// The name of a file that is played, or one per language.
pub(super) fn read_file(reading: &mut Reading<'_>, node: &Node) -> Option<Text> {
    let text = reading.text(node, "the file")?;
    for (_, template) in &text.variants {
        if !template.fixed().is_some_and(|name| is_file(&name)) {
            let help = "the name of a .mp3 or .wav file such as welcome.mp3, or an address that begins with https://";
            reading.fault_help(&node.at, "file", "this names no file", help);
            return None;
        }
    }
    let names = text
        .variants
        .iter()
        .filter_map(|(_, template)| template.fixed());
    for name in names.filter(|name| is_sound_file(name)) {
        if !reading.names.has_sound(&name) {
            let message = format!("the file `{name}` is not in the folder `media`");
            let help = "put it there, beside the flow files";
            reading.warn(&node.at, "missing-file", message, help);
        }
    }
    Some(text)
}

/// A sound file of ours, or an address that a carrier fetches over TLS.
fn is_file(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix("https://") {
        return !rest.is_empty() && !rest.contains(char::is_whitespace);
    }
    is_sound_file(name)
}

/// A key that a verb cannot do without.
pub(super) fn required<'n>(
    reading: &mut Reading<'_>,
    found: Option<&'n Node>,
    node: &Node,
    what: &str,
    key: &str,
) -> Option<&'n Node> {
    if found.is_none() {
        let message = format!("`{what}` has no `{key}`");
        reading.fault_help(&node.at, "missing-key", message, format!("add `{key}: …`"));
    }
    found
}
