//! What is known of a dial before it rings anybody.

use super::{Dial, DialWho, Skip};
use crate::flow::Rung;
use crate::flow::effect::Wanted;
use crate::flow::engine::Engine;
use crate::model::Phone;

impl Dial {
    /// Whose presence it would ask for.
    pub(in crate::flow::steps) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        let found = self.candidates(engine);
        let unknown = self.unknown_presence(engine, &found);
        unknown.into_iter().map(Wanted::Presence).collect()
    }

    /// The groups and users it names, in their order.
    pub(crate) fn named(&self) -> impl Iterator<Item = Rung<'_>> {
        self.who.iter().filter_map(|who| match who {
            DialWho::Group(key) => Some(Rung::Group(key)),
            DialWho::User(key) => Some(Rung::User(key)),
            DialWho::Number(_) => None,
        })
    }

    /// The phones outside that it names, in their order.
    pub(crate) fn phones(&self) -> impl Iterator<Item = Phone> {
        self.who.iter().filter_map(|who| match who {
            DialWho::Number(phone) => Some(*phone),
            DialWho::Group(_) | DialWho::User(_) => None,
        })
    }

    /// Whom it leaves out.
    pub(crate) fn skips(&self) -> Skip {
        self.skip
    }
}
