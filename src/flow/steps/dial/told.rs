//! What is known of a dial before it rings anybody.

use super::{Dial, DialWho};
use crate::flow::Rung;
use crate::flow::effect::Wanted;
use crate::flow::engine::Engine;

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

    /// Whether it leaves out who is on a call, and who is away.
    pub(crate) fn skips(&self) -> (bool, bool) {
        (self.skip.busy, self.skip.offline)
    }
}
