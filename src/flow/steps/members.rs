//! Whom `notify` and `email` tell: the members of a group, or one of them.

use super::Came;
use crate::flow::effect::{Effect, Wanted};
use crate::flow::engine::Engine;
use crate::flow::reader::{Fields, Reading, Who};
use crate::model::UserId;
use crate::model::people::User;

/// Members told by one step.
const TOLD_MAX: usize = 20;
/// Members of a group of whom it is asked who is on shift.
const ASKED_MAX: usize = 1_000;

/// Members of the account who are told something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Members {
    who: Who,
    /// Only those who are not away, unless all are.
    on_shift: bool,
}

/// Who is told now.
pub(super) struct Told<'a> {
    pub(super) users: Vec<&'a User>,
    /// How many more should be.
    others: usize,
    /// They and the others are on shift.
    on_shift: bool,
}

impl Members {
    pub(super) fn read(reading: &mut Reading<'_>, fields: &Fields<'_>, what: &str) -> Option<Self> {
        let who = match (fields.get("group"), fields.get("user")) {
            (None, None) => {
                let message = format!("`{what}` does not say who is told");
                let help = "add `group: …` or `user: …`";
                reading.fault_help(fields.at, "missing-key", message, help);
                None
            }
            _ => reading.who(fields, what),
        };
        let on_shift = fields
            .get("on_shift")
            .and_then(|node| reading.boolean(node, "on_shift"));
        Some(Self {
            who: who?,
            on_shift: on_shift.unwrap_or(false),
        })
    }

    fn all<'a>(&self, engine: &Engine<'a>) -> Vec<&'a User> {
        let facts = engine.facts;
        match &self.who {
            Who::Group(key) => {
                let group = facts.account.group(key).into_iter();
                let members = group.flat_map(|group| facts.directory.active_members(group));
                members.take(ASKED_MAX).collect()
            }
            Who::User(key) => {
                let user = facts.directory.user_by_key(key);
                user.filter(|user| user.active).into_iter().collect()
            }
        }
    }

    /// The first of them, whether on shift or not.
    pub(super) fn first<'a>(&self, engine: &Engine<'a>) -> Vec<&'a User> {
        let mut users = self.all(engine);
        users.truncate(TOLD_MAX);
        users
    }

    /// What must be known to say who is told.
    pub(super) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        let users = match self.on_shift {
            true => self.all(engine),
            false => Vec::new(),
        };
        let presence = users.into_iter().map(|user| Wanted::Presence(user.id));
        presence.collect()
    }

    /// Those who are told now: of a group that is larger than the most the first ones.
    pub(super) fn told<'a>(&self, engine: &Engine<'a>) -> Result<Told<'a>, Came> {
        let mut users = self.all(engine);
        let mut on_shift = self.on_shift;
        if on_shift {
            let known = |user: &UserId| (engine.facts.presence)(*user);
            let ids = users.iter().map(|user| user.id);
            let unknown: Vec<UserId> = ids.filter(|id| known(id).is_none()).collect();
            if !unknown.is_empty() {
                let wanted = unknown.into_iter().map(Wanted::Presence);
                return Err(Came::Needs(wanted.collect()));
            }
            let here = |user: &&User| known(&user.id).is_some_and(|presence| !presence.offline);
            on_shift = users.iter().any(here);
            users.retain(|user| here(user) || !on_shift);
        }
        let others = users.len().saturating_sub(TOLD_MAX);
        users.truncate(TOLD_MAX);
        Ok(Told {
            users,
            others,
            on_shift,
        })
    }

    /// Tells in the thread that there are others, if what came since `before` leaves to anybody at all.
    pub(super) fn note_others(&self, engine: &mut Engine<'_>, before: usize, told: &Told<'_>) {
        let leaves = |effect: &Effect| matches!(effect, Effect::Send { .. } | Effect::Email { .. });
        let Who::Group(key) = &self.who else { return };
        let Told { others, .. } = told;
        let Some(group) = engine.facts.account.group(key).filter(|_| *others > 0) else {
            return;
        };
        if engine.effects[before..].iter().any(leaves) {
            let (name, on_shift) = (&group.name, if told.on_shift { " on shift" } else { "" });
            let text = format!(
                "A notice of the flow goes to {TOLD_MAX} members of {name} at most: {others} more{on_shift} are not told."
            );
            engine.effects.push(Effect::Note { text });
        }
    }
}
