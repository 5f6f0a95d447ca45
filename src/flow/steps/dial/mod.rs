//! `dial`: rings people, one after another or all at once.
//!
//! A carrier connects the first device that *answers*, a mobile's voicemail included. Where a called
//! person must accept, the answer alone is therefore worth nothing: one after another, each device is a
//! dial of its own with a prompt on the called leg; all at once, the caller waits in a room, every
//! device is placed by order, and the first accepted key joins. Whoever reports what and in which order,
//! `answered` comes only from the state kept here.

mod heard;
mod read;
mod told;

pub(super) use heard::{DECIDE_S, accepted, end_live};
pub(super) use read::{default_prompt, read_accept, read_caller_id, read_order_of_one, seconds};

use super::Came;
use crate::flow::effect::{Effect, RingLeg, Wanted};
use crate::flow::engine::Engine;
use crate::flow::run::{Dialing, LegState, RungLeg, Target, Wait};
use crate::flow::template::Text;
use crate::model::people::User;
use crate::model::{CallVerb, DialLeg, Phone, UserId};

/// Ring time of a device, and of the whole dial.
pub(super) const RING_S: (u32, u32, u32) = (5, 20, 120);
const TOTAL_S: (u32, u32, u32) = (5, 600, 1800);
/// Devices one dial may ring.
const TARGETS_MAX: usize = 50;
/// Devices that are put in order, so that those rung are the ones whose turn it is.
const CANDIDATES_MAX: usize = 500;

/// Rings people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dial {
    who: Vec<DialWho>,
    order: Order,
    pub(super) ring_s: u32,
    total_s: Option<u32>,
    devices: Devices,
    skip: Skip,
    accept: Accept,
    prompt: Text,
    /// What somebody hears who is too late; ours when not said.
    when_taken: Option<Text>,
    caller_id: CallerId,
    /// Whether what caller and called say to each other is recorded.
    record: bool,
    /// Whether who takes the call may enter the room before the caller, as from a queue.
    enters_first: bool,
}

/// In which order people ring.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// One after another, as the group has them.
    Sequential,
    /// All at once.
    Simultaneous,
    /// One after another, from who was rung longest ago.
    RoundRobin,
    /// One after another, from who took a call longest ago.
    LeastRecent,
}

/// Which devices of a user ring.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Devices {
    First,
    /// All of one user together.
    All,
    /// One after another.
    Ordered,
}

#[derive(Debug, Clone, PartialEq)]
enum DialWho {
    Group(String),
    User(String),
    Number(Phone),
}

/// When a called person counts as having taken the call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Accept {
    /// As soon as somebody or something picks up.
    Anyone,
    /// When the key is pressed.
    Key,
    /// When the carrier takes for a person who picks up.
    Person,
}

/// Who is not rung.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Skip {
    pub(crate) busy: bool,
    pub(crate) offline: bool,
    pub(crate) caller: bool,
}

/// The number shown to the called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CallerId {
    Caller,
    Ours,
    Other(Phone),
}

impl CallerId {
    /// The number shown; nothing for the caller's own.
    pub(super) fn shown(self, engine: &Engine<'_>) -> Option<String> {
        match self {
            Self::Caller => None,
            Self::Ours => Some(engine.facts.number.address.clone()),
            Self::Other(phone) => Some(phone.to_string()),
        }
    }
}

/// How the members of a group are rung one by one, as a queue writes it.
pub(super) struct OneByOne {
    pub(super) group: String,
    pub(super) order: Order,
    pub(super) ring_s: u32,
    pub(super) accept: Accept,
    pub(super) prompt: Text,
    pub(super) caller_id: CallerId,
    pub(super) record: bool,
}

impl From<OneByOne> for Dial {
    fn from(how: OneByOne) -> Self {
        Self {
            who: vec![DialWho::Group(how.group)],
            order: how.order,
            ring_s: how.ring_s,
            total_s: None,
            devices: Devices::First,
            skip: Skip {
                busy: true,
                offline: true,
                caller: true,
            },
            accept: how.accept,
            prompt: how.prompt,
            when_taken: None,
            caller_id: how.caller_id,
            record: how.record,
            enters_first: true,
        }
    }
}

impl Dial {
    /// Whether what caller and called say to each other is recorded.
    pub(super) fn records(&self) -> bool {
        self.record
    }

    /// Places a leg to this device; who accepts there meets the caller in the room of `dialing`.
    pub(super) fn place_one(
        &self,
        engine: &mut Engine<'_>,
        dialing: &mut Dialing,
        target: Target,
        ring_s: u32,
    ) {
        let legs = place(engine, dialing, vec![target]);
        engine.effects.push(Effect::Ring {
            legs,
            room: dialing.room.clone(),
            ring_s,
            caller_id: self.caller_id.shown(engine),
            detects: self.accept == Accept::Person,
        });
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let mut found = self.candidates(engine);
        let unknown = self.unknown_presence(engine, &found);
        if !unknown.is_empty() {
            return needs(unknown);
        }
        self.sort(engine, &mut found);
        engine.run.call.sought = true;
        let free: Vec<Target> = found
            .into_iter()
            .filter(|target| self.is_free(engine, target))
            .take(TARGETS_MAX)
            .collect();
        let until = engine.after(self.total_s.unwrap_or(if self.at_once() {
            self.ring_s
        } else {
            TOTAL_S.1
        }));
        let dialing = Dialing {
            queue: free,
            legs: Vec::new(),
            room: None,
            until,
            extended: false,
        };
        engine.run.rings = engine.run.rings.saturating_add(1);
        if self.at_once() {
            self.ring_all(engine, dialing)
        } else {
            self.ring_next(engine, dialing)
        }
    }

    fn at_once(&self) -> bool {
        self.order == Order::Simultaneous
    }

    /// Whoever waited longest comes first, who never had a turn before all; a group's own order settles the rest.
    /// Bare numbers, of which nothing is known, come last.
    pub(super) fn sort(&self, engine: &Engine<'_>, targets: &mut [Target]) {
        let presence = |target: &Target| {
            let known = target.user.and_then(|user| (engine.facts.presence)(user));
            (target.user.is_none(), known.unwrap_or_default())
        };
        match self.order {
            Order::Sequential | Order::Simultaneous => {}
            Order::RoundRobin => targets.sort_by_key(|target| {
                let (bare, known) = presence(target);
                (bare, known.rung_at)
            }),
            Order::LeastRecent => targets.sort_by_key(|target| {
                let (bare, known) = presence(target);
                (bare, known.answered_at)
            }),
        }
    }

    /// The devices of everybody meant, in order, each once; members as the group is now.
    pub(super) fn candidates(&self, engine: &Engine<'_>) -> Vec<Target> {
        let mut found: Vec<Target> = Vec::new();
        let facts = engine.facts;
        for who in &self.who {
            match who {
                DialWho::Group(key) => {
                    for user in facts
                        .account
                        .group(key)
                        .into_iter()
                        .flat_map(|group| facts.directory.active_members(group))
                    {
                        self.devices(user, &mut found);
                    }
                }
                DialWho::User(key) => {
                    if let Some(user) = facts.directory.user_by_key(key).filter(|user| user.active)
                    {
                        self.devices(user, &mut found);
                    }
                }
                DialWho::Number(phone) => add(
                    &mut found,
                    Target {
                        user: None,
                        phone: *phone,
                    },
                ),
            }
        }
        found.truncate(CANDIDATES_MAX);
        found
    }

    fn devices(&self, user: &User, found: &mut Vec<Target>) {
        let count = match self.devices {
            Devices::First => 1,
            Devices::All | Devices::Ordered => user.devices.len(),
        };
        for device in user.devices.iter().take(count) {
            add(
                found,
                Target {
                    user: Some(user.id),
                    phone: device.phone,
                },
            );
        }
    }

    pub(super) fn unknown_presence(&self, engine: &Engine<'_>, targets: &[Target]) -> Vec<UserId> {
        let mut unknown: Vec<UserId> = Vec::new();
        let sorted = matches!(self.order, Order::RoundRobin | Order::LeastRecent);
        if !self.skip.busy && !self.skip.offline && !sorted {
            return unknown;
        }
        for user in targets.iter().filter_map(|target| target.user) {
            if (engine.facts.presence)(user).is_none() && !unknown.contains(&user) {
                unknown.push(user);
            }
        }
        unknown
    }

    /// Whether a device may ring now: still of somebody who works here, neither away nor on a call, and not the
    /// caller's own.
    pub(super) fn is_free(&self, engine: &Engine<'_>, target: &Target) -> bool {
        let facts = engine.facts;
        if self.skip.caller && facts.party.phone() == Some(target.phone) {
            return false;
        }
        let Some(user) = target.user else { return true };
        let active = facts.directory.user(user).is_some_and(|user| user.active);
        let presence = (facts.presence)(user).unwrap_or_default();
        let away = (self.skip.offline && presence.offline) || (self.skip.busy && presence.busy);
        active && !away
    }

    /// One after another: the next that is free, by a dial of its own; with all of a user's devices together, these.
    fn ring_next(&self, engine: &mut Engine<'_>, mut dialing: Dialing) -> Came {
        let unknown = self.unknown_presence(engine, &dialing.queue);
        if !unknown.is_empty() {
            return needs(unknown);
        }
        let left = dialing.until.since(engine.facts.now).as_secs();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        if left < RING_S.0 {
            return outcome(&dialing);
        }
        while !dialing.queue.is_empty() {
            let targets = self.next_targets(engine, &mut dialing.queue);
            if !targets.is_empty() {
                engine.run.due_at = None;
                (dialing.room, dialing.extended) = (None, false);
                return self.ring(engine, dialing, targets, self.ring_s.min(left));
            }
        }
        outcome(&dialing)
    }

    /// The next device in the queue, or all of the next user's, as far as they are free.
    fn next_targets(&self, engine: &Engine<'_>, queue: &mut Vec<Target>) -> Vec<Target> {
        let next = queue.remove(0);
        let mut targets = vec![next];
        if let (Devices::All, Some(user)) = (self.devices, targets[0].user) {
            let more = |target: &&Target| target.user == Some(user);
            let count = queue.iter().take_while(more).count();
            targets.extend(queue.drain(..count));
        }
        targets.retain(|target| self.is_free(engine, target));
        targets
    }

    fn ring_all(&self, engine: &mut Engine<'_>, mut dialing: Dialing) -> Came {
        let targets = std::mem::take(&mut dialing.queue);
        if targets.is_empty() {
            return outcome(&dialing);
        }
        self.ring(engine, dialing, targets, self.ring_s)
    }

    /// These devices at once, by the carrier's own dial where it is sure to connect the right one.
    fn ring(
        &self,
        engine: &mut Engine<'_>,
        dialing: Dialing,
        targets: Vec<Target>,
        ring_s: u32,
    ) -> Came {
        let few = u32::try_from(targets.len()).is_ok_and(|count| count <= engine.facts.legs_max);
        // Of one device it does not matter who answers first. Only of legs placed by order it is told who picks up.
        let dials = targets.len() == 1 || (few && self.accept == Accept::Anyone);
        if dials && self.accept != Accept::Person {
            self.dial(engine, dialing, targets, ring_s)
        } else {
            self.ring_into_room(engine, dialing, targets, ring_s)
        }
    }

    /// The carrier's own dial, in the script of this turn.
    fn dial(
        &self,
        engine: &mut Engine<'_>,
        mut dialing: Dialing,
        targets: Vec<Target>,
        ring_s: u32,
    ) -> Came {
        let legs = place(engine, &mut dialing, targets);
        let caller_id = self.caller_id.shown(engine);
        engine.give(CallVerb::Dial {
            legs: legs
                .iter()
                .map(|leg| DialLeg {
                    leg: leg.leg,
                    phone: leg.phone,
                })
                .collect(),
            ring_s,
            caller_id: caller_id.clone(),
            screen: self.accept == Accept::Key,
            record: self.record,
        });
        engine.effects.push(Effect::Ring {
            legs,
            room: None,
            ring_s,
            caller_id,
            detects: false,
        });
        engine.run.wait = Wait::Dial(Box::new(dialing));
        Came::Waits
    }

    fn ring_into_room(
        &self,
        engine: &mut Engine<'_>,
        mut dialing: Dialing,
        targets: Vec<Target>,
        ring_s: u32,
    ) -> Came {
        // One dial may need several rooms, one after another.
        let before = dialing.legs.len();
        let room = format!("{}-{}.{before}", engine.run.id, engine.run.rings);
        let placed_s = placing_s(targets.len(), engine.facts.calls_per_second);
        let rung = engine.after(ring_s + placed_s);
        if self.at_once() && self.total_s.is_none() {
            dialing.until = rung;
        }
        let legs = place(engine, &mut dialing, targets);
        let caller_id = self.caller_id.shown(engine);
        engine.give(CallVerb::Hold {
            room: room.clone(),
            record: self.record,
        });
        engine.effects.push(Effect::Ring {
            legs,
            room: Some(room.clone()),
            ring_s,
            caller_id,
            detects: self.accept == Accept::Person,
        });
        dialing.room = Some(room);
        let ends = if self.at_once() {
            dialing.until
        } else {
            dialing.until.min(rung)
        };
        engine.run.due_at = Some(ends);
        engine.run.wait = Wait::Dial(Box::new(dialing));
        Came::Waits
    }
}

/// Seconds until the last of so many legs is placed: it shall ring as long as the first. Those of the first second
/// leave at once.
fn placing_s(legs: usize, per_second: f64) -> u32 {
    let others = f64::from(u32::try_from(legs).unwrap_or(u32::MAX)) - per_second.ceil();
    // Out of range and not a number are brought into range by the conversion.
    ((others / per_second).ceil() as u32).min(TOTAL_S.2)
}

/// Every device of a dial that is rung now, with an id of its own.
fn place(engine: &mut Engine<'_>, dialing: &mut Dialing, targets: Vec<Target>) -> Vec<RingLeg> {
    let legs: Vec<RingLeg> = targets
        .into_iter()
        .map(|target| RingLeg {
            leg: engine.ids.fresh(),
            user: target.user,
            phone: target.phone,
        })
        .collect();
    let rung = legs.iter().map(|leg| RungLeg {
        leg: leg.leg,
        user: leg.user,
        state: LegState::Ringing,
    });
    dialing.legs.extend(rung);
    legs
}

fn add(found: &mut Vec<Target>, target: Target) {
    if !found.iter().any(|have| have.phone == target.phone) {
        found.push(target);
    }
}

/// What a dial that nobody took came to.
fn outcome(dialing: &Dialing) -> Came {
    let any = |state: LegState| dialing.legs.iter().any(|leg| leg.state == state);
    Came::outcome(if dialing.legs.is_empty() {
        "nobody_available"
    } else if any(LegState::NoAnswer) {
        "no_answer"
    } else if any(LegState::Busy) {
        "busy"
    } else if any(LegState::Declined) {
        "declined"
    } else {
        "failed"
    })
}

fn needs(presence: Vec<UserId>) -> Came {
    Came::Needs(presence.into_iter().map(Wanted::Presence).collect())
}
