//! Which step of a flow something comes from. Each text and each e-mail of a turn is claimed once, in the order of the
//! steps, so that two steps that say the same are told apart.

use std::collections::BTreeMap;

use super::transcript::Place;
use crate::flow::Trace;

/// What the steps taken so far have said, and to whom.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// Texts of the latest turn that nobody has claimed.
    said: Vec<(String, Place)>,
    /// Addresses of its e-mails, likewise.
    emailed: Vec<(String, Place)>,
    /// The latest step that said a text, in any turn.
    texts: BTreeMap<String, Place>,
    /// The latest step that was done recording.
    recorded: Option<Place>,
    /// The latest step.
    latest: Option<Place>,
}

impl Origins {
    /// Another turn took steps: what is left of the one before is claimed no more.
    pub(super) fn begins(&mut self) {
        self.said.clear();
        self.emailed.clear();
    }

    /// A step was taken.
    pub(super) fn takes(&mut self, step: &Trace, place: &Place) {
        for text in &step.said {
            self.said.push((text.clone(), place.clone()));
            self.texts.insert(text.clone(), place.clone());
        }
        let addresses = step.emailed.iter().cloned();
        self.emailed.extend(addresses.map(|to| (to, place.clone())));
        if step.verb == "voicemail" && step.outcome != "waits" {
            self.recorded = Some(place.clone());
        }
        self.latest = Some(place.clone());
    }

    /// The step that says a text.
    pub(super) fn of_text(&mut self, text: &str) -> Option<Place> {
        claim(&mut self.said, text).or_else(|| self.texts.get(text).cloned())
    }

    /// The step that e-mails somebody; where a text goes by e-mail in its stead, the one that says it.
    pub(super) fn of_email(&mut self, to: &str, text: &str) -> Option<Place> {
        claim(&mut self.emailed, to).or_else(|| self.texts.get(text).cloned())
    }

    /// The step whose voicemail is told of.
    pub(super) fn of_voicemail(&self) -> Option<Place> {
        self.recorded.clone()
    }

    /// The latest step.
    pub(super) fn latest(&self) -> Option<Place> {
        self.latest.clone()
    }
}

/// Takes the first of these by its words.
fn claim(open: &mut Vec<(String, Place)>, words: &str) -> Option<Place> {
    let at = open.iter().position(|(one, _)| one == words)?;
    Some(open.remove(at).1)
}
