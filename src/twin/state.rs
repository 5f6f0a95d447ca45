//! The whole picture for the page: who is who, who rings, which texts there are.

use serde_json::{Value, json};

use super::Twin;
use super::settings::{TwinError, TwinPerson};
use super::shared::Shared;
use super::world::{Direction, Leg, Text, World};

/// Texts shown.
const TEXTS_SHOWN: usize = 300;
/// Phones switched off at the same time, at most.
const UNREACHABLE_MAX: usize = 1_000;

impl Twin {
    /// Everything that the page shows, apart from the transcript.
    pub fn state(&self) -> Value {
        let shared = self.shared();
        let settings = &shared.settings;
        let world = shared.world();
        let texts = world
            .texts
            .iter()
            .rev()
            .take(TEXTS_SHOWN)
            .collect::<Vec<_>>();
        json!({
            "inbox": settings.inbox,
            "numbers": settings.numbers,
            "outside": settings.outside,
            "phones": phones(&world, &settings.people),
            "calls": world.legs.values().filter(inbound).map(call).collect::<Vec<_>>(),
            "rooms": world.rooms.iter().map(|(name, room)| json!({
                "name": name,
                "started": room.is_started(),
                "calls": room.legs().collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "texts": texts.into_iter().rev().map(text).collect::<Vec<_>>(),
            "last_line": shared.transcript.last(),
        })
    }
}

impl Shared {
    /// Switches a phone off or on.
    pub(super) fn set_reachable(&self, phone: &str, reachable: bool) -> Result<(), TwinError> {
        let mut world = self.world();
        if reachable {
            world.unreachable.remove(phone);
        } else if world.unreachable.len() < UNREACHABLE_MAX && phone.len() <= 64 {
            world.unreachable.insert(phone.to_owned());
        } else {
            return Err(TwinError::TooMany("phones switched off"));
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn inbound(leg: &&Leg) -> bool {
    leg.direction == Direction::Inbound
}

/// The members' phones, and every other phone that is being rung.
fn phones(world: &World, people: &[TwinPerson]) -> Vec<Value> {
    let rung = |leg: &&Leg| leg.direction != Direction::Inbound;
    let mut everyone = people.to_vec();
    for leg in world.legs.values().filter(rung) {
        if !everyone.iter().any(|person| person.phone == leg.to) {
            let (name, phone) = ("Another phone".to_owned(), leg.to.clone());
            everyone.push(TwinPerson { name, phone });
        }
    }
    let shown = everyone.iter().map(|person| {
        let legs = world
            .legs
            .values()
            .filter(rung)
            .filter(|leg| leg.to == person.phone);
        json!({
            "name": person.name,
            "phone": person.phone,
            "reachable": !world.unreachable.contains(&person.phone),
            "calls": legs.map(call).collect::<Vec<_>>(),
        })
    });
    shown.collect()
}

fn call(leg: &Leg) -> Value {
    json!({
        "call": leg.sid,
        "parent": leg.parent,
        "from": leg.from,
        "to": leg.to,
        "status": leg.status.word(),
        "doing": leg.doing,
        "since": leg.answered.unwrap_or(leg.created),
    })
}

fn text(text: &Text) -> Value {
    json!({
        "text": text.sid,
        "inbound": text.inbound,
        "from": text.from,
        "to": text.to,
        "body": text.body,
        "media": text.media.len(),
        "status": text.status,
        "error": text.error,
        "at": text.at,
    })
}
