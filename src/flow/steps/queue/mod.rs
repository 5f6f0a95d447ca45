//! `queue`: the caller waits until a member of a group is free.
//!
//! It is a `dial` that tries again. The caller is not put into a room while waiting, because a room takes no keys:
//! the caller hears music and is asked for a key, over and over, and whoever accepts and the caller then meet in a
//! room. The place in line is a row of the store that every caller of the account reads alone, so that each member
//! is rung for one caller only; a caller whose turn it is takes the first member whom nobody before needs.

mod read;

use super::Came;
use super::dial::{DECIDE_S, Dial, RING_S, accepted, end_live};
use crate::flow::effect::Wanted;
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::run::{Dialing, LegState, Queued, Queueing, Target, Wait};
use crate::flow::template::{SAY_CHARS_MAX, Text, by_language};
use crate::model::{CallVerb, GroupId, Timestamp, Waiting};

/// How long a caller waits at most.
const MAX_WAIT_S: (u32, u32, u32) = (10, 600, 3600);
/// Callers who wait for one group at the same time.
const CALLERS_MAX: usize = 200;
/// How often somebody looks for a free member whose turn may come at any moment, and how often somebody further back.
const LOOK_S: u32 = 3;
const LOOK_BACK_S: u32 = 10;
/// How long a member who did not take a call is left alone.
const REST_S: u32 = 15;
/// How much later than it should the carrier may tell that nobody answered.
const LATE_S: u32 = 15;
/// How long the ringing tone is between two questions for a key, and how long a key is awaited after it.
const TONE_S: u32 = 18;
const KEY_TIMEOUT_S: u32 = 1;
/// A place in line that changed is told after this time, and one that did not after the other.
const TOLD_CHANGED_S: u64 = 30;
const TOLD_AGAIN_S: u64 = 60;

/// Waits for a free member of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    group: String,
    /// How a free member is rung.
    dial: Dial,
    max_wait_s: u32,
    /// What is heard; ringing when not said.
    music: Option<Text>,
    position: bool,
    callback_key: Option<char>,
}

impl Queue {
    /// Whether a caller may ask to be called back.
    pub(crate) fn calls_back(&self) -> bool {
        self.callback_key.is_some()
    }

    /// How its members are rung.
    pub(crate) fn dial(&self) -> &Dial {
        &self.dial
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        engine.run.call.sought = true;
        let group = engine.facts.account.group(&self.group);
        let Some(group) = group.map(|group| group.id) else {
            return Came::outcome("timeout");
        };
        let Some(waiting) = engine.facts.waiting else {
            let presence = self
                .dial
                .unknown_presence(engine, &self.dial.candidates(engine));
            let presence = presence.into_iter().map(Wanted::Presence);
            return Came::Needs(presence.chain([Wanted::Waiting]).collect());
        };
        if waiting.iter().filter(|one| one.group == group).count() >= CALLERS_MAX {
            return Came::outcome("timeout");
        }
        engine.run.rings = engine.run.rings.saturating_add(1);
        let until = engine.after(self.max_wait_s);
        engine.run.queued = Some(self.place(engine, group, until));
        let room = format!("{}-{}.0", engine.run.id, engine.run.rings);
        let dialing = Dialing {
            queue: Vec::new(),
            legs: Vec::new(),
            room: Some(room),
            until,
            extended: false,
        };
        let queueing = Queueing {
            dialing,
            until,
            told: None,
        };
        self.go_on(engine, queueing, true)
    }

    /// What it would ask for: its line together with its members, because who looks into a line keeps others from
    /// ringing these members meanwhile.
    pub(super) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        let presence = self.dial.wants(engine).into_iter();
        presence.chain([Wanted::Waiting]).collect()
    }

    /// A new place at the end of the line.
    fn place(&self, engine: &mut Engine<'_>, group: GroupId, until: Timestamp) -> Queued {
        let late = std::time::Duration::from_secs(u64::from(LATE_S + DECIDE_S + self.dial.ring_s));
        Queued {
            id: engine.ids.fresh(),
            group,
            user: None,
            since: engine.facts.now,
            until: until + late,
            version: 0,
        }
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let mut queueing = match &engine.run.wait {
            // Somebody has taken the call.
            Wait::Dial(_) => return connected(self.dial.resume(engine, event)),
            // Worked on apart and put back only when the step waits on: it is small.
            Wait::Queue(queueing) => (**queueing).clone(),
            _ => return Came::Waits,
        };
        let dialing = &mut queueing.dialing;
        match event {
            Event::HungUp => {
                end_live(engine, dialing, LegState::NoAnswer);
                return Came::HungUp;
            }
            Event::Digits(keys) if self.wants_callback(keys) => {
                end_live(engine, dialing, LegState::NoAnswer);
                return Came::outcome("callback");
            }
            Event::Digits(_) => return self.go_on(engine, queueing, true),
            Event::Timer if engine.is_due() => {}
            Event::Screen {
                leg,
                digits,
                machine,
                unsure,
            } => {
                let judged = (*machine, *unsure);
                self.dial.screened(engine, dialing, *leg, *digits, judged);
                if accepted(dialing).is_some() {
                    return self.meet(engine, queueing.dialing);
                }
            }
            Event::LegStatus { leg, status } => {
                self.dial.leg_status(engine, dialing, *leg, *status);
            }
            _ => return Came::Waits,
        }
        self.go_on(engine, queueing, false)
    }

    /// The caller goes to the room where the member who accepted waits, and the queue is over: what follows is a dial
    /// that somebody took.
    fn meet(&self, engine: &mut Engine<'_>, dialing: Dialing) -> Came {
        let room = dialing.room.clone().unwrap_or_default();
        let record = self.dial.records();
        engine.give(CallVerb::Hold { room, record });
        engine.run.wait = Wait::Dial(Box::new(dialing));
        Came::Waits
    }

    fn wants_callback(&self, keys: &str) -> bool {
        self.callback_key.is_some_and(|key| keys.starts_with(key))
    }

    /// Rings a member where one is free, and has the caller wait on. `asks`: the caller's leg has played all it was
    /// given.
    fn go_on(&self, engine: &mut Engine<'_>, mut queueing: Queueing, asks: bool) -> Came {
        let members = self.dial.candidates(engine);
        let rings = self.still_rings(engine, &mut queueing.dialing);
        if !rings && (members.is_empty() || engine.facts.now >= queueing.until) {
            return Came::outcome("timeout");
        }
        if engine.facts.now >= queueing.until && !is_asked(&queueing.dialing) {
            end_live(engine, &mut queueing.dialing, LegState::NoAnswer);
            return Came::outcome("timeout");
        }
        let mut unknown: Vec<Wanted> = Vec::new();
        if engine.facts.waiting.is_none() {
            unknown.push(Wanted::Waiting);
        }
        if !rings {
            let presence = self.dial.unknown_presence(engine, &members);
            unknown.extend(presence.into_iter().map(Wanted::Presence));
        }
        if !unknown.is_empty() {
            return Came::Needs(unknown);
        }
        let seats = members.len();
        if !rings {
            self.look(engine, &mut queueing, members);
        }
        self.wait_on(engine, queueing, asks, seats)
    }

    /// Whether a member still rings, or hears the prompt. One whose end the carrier never told is given up.
    fn still_rings(&self, engine: &mut Engine<'_>, dialing: &mut Dialing) -> bool {
        if dialing.legs.iter().all(|leg| leg.state.is_over()) {
            return false;
        }
        if engine.facts.now < dialing.until {
            return true;
        }
        if is_asked(dialing) && !dialing.extended {
            dialing.extended = true;
            dialing.until = engine.after(DECIDE_S);
            return true;
        }
        end_live(engine, dialing, LegState::NoAnswer);
        false
    }

    /// Rings the first free member whom none of those before needs.
    fn look(&self, engine: &mut Engine<'_>, queueing: &mut Queueing, mut members: Vec<Target>) {
        queueing.dialing.legs.clear();
        let Some(mut place) = engine.run.queued.take() else {
            return;
        };
        place.user = None;
        let waiting = engine.facts.waiting.unwrap_or_default();
        let before = waiting.iter().filter(|one| is_before(&place, one));
        let needed = before.filter(|one| one.user.is_none()).count();
        let rung = |target: &Target| {
            let mut others = waiting.iter().filter(|one| one.id != place.id);
            let known = target.user.and_then(|user| (engine.facts.presence)(user));
            let elsewhere = known.is_some_and(|known| known.ringing);
            elsewhere || (target.user.is_some() && others.any(|one| one.user == target.user))
        };
        self.dial.sort(engine, &mut members);
        members.retain(|target| {
            self.dial.is_free(engine, target) && self.is_rested(engine, target) && !rung(target)
        });
        let left_s = queueing.until.since(engine.facts.now).as_secs();
        let left_s = u32::try_from(left_s).unwrap_or(u32::MAX);
        if let Some(target) = members.into_iter().nth(needed)
            && left_s >= RING_S.0
        {
            place.user = target.user;
            let ring_s = self.dial.ring_s.min(left_s);
            let dialing = &mut queueing.dialing;
            dialing.until = engine.after(ring_s + LATE_S);
            dialing.extended = false;
            self.dial.place_one(engine, dialing, target, ring_s);
        }
        engine.run.queued = Some(place);
    }

    /// Whether a member was not rung just now for nothing.
    fn is_rested(&self, engine: &Engine<'_>, target: &Target) -> bool {
        let known = target.user.and_then(|user| (engine.facts.presence)(user));
        let known = known.unwrap_or_default();
        let rest = std::time::Duration::from_secs(u64::from(self.dial.ring_s + REST_S));
        known.rung_at == known.answered_at
            || known.rung_at.is_none_or(|at| at + rest <= engine.facts.now)
    }

    /// The caller goes on hearing music, from time to time told the place in line.
    fn wait_on(
        &self,
        engine: &mut Engine<'_>,
        mut queueing: Queueing,
        asks: bool,
        seats: usize,
    ) -> Came {
        let rings = !queueing.dialing.legs.is_empty();
        let position = position(engine);
        let tells = self.tells(engine, &queueing, position, asks) && !rings;
        if tells {
            queueing.told = Some((position, engine.facts.now));
        }
        if asks || tells {
            self.give(engine, tells.then_some(position));
        }
        let soon = usize::try_from(position).is_ok_and(|position| position <= seats);
        let next = match rings {
            true => queueing.dialing.until,
            false => engine.after(if soon { LOOK_S } else { LOOK_BACK_S }),
        };
        let is_over = engine.facts.now >= queueing.until;
        engine.run.due_at = Some(if is_over {
            next
        } else {
            next.min(queueing.until)
        });
        engine.run.wait = Wait::Queue(Box::new(queueing));
        Came::Waits
    }

    /// Whether there is something to say to the caller. Music is cut short only for a new place in line.
    fn tells(&self, engine: &Engine<'_>, queueing: &Queueing, position: u32, asks: bool) -> bool {
        if !self.position && !self.calls_back() {
            return false;
        }
        let Some((told, at)) = queueing.told else {
            return true;
        };
        let since_s = engine.facts.now.since(at).as_secs();
        let moved = self.position && told != position && since_s >= TOLD_CHANGED_S;
        moved || (asks && since_s >= TOLD_AGAIN_S)
    }

    fn give(&self, engine: &mut Engine<'_>, position: Option<u32>) {
        let mut prompt = Vec::new();
        if let Some(position) = position.filter(|_| self.position) {
            prompt.push(in_line(engine, position));
        }
        if let (Some(_), Some(key)) = (position, self.callback_key) {
            prompt.push(call_back(engine, key));
        }
        prompt.push(match &self.music {
            Some(file) => CallVerb::Play {
                url: engine.render(file, SAY_CHARS_MAX).0,
            },
            None => CallVerb::Ringing { seconds: TONE_S },
        });
        engine.give(CallVerb::Gather {
            prompt,
            digits_max: Some(1),
            finish_on: None,
            timeout_s: KEY_TIMEOUT_S,
            barge_in: self.calls_back(),
        });
    }
}

/// What a dial that somebody took came to.
fn connected(came: Came) -> Came {
    match came {
        Came::Outcome(_) => Came::outcome("connected"),
        other => other,
    }
}

/// Whether a member hears the prompt.
fn is_asked(dialing: &Dialing) -> bool {
    let mut legs = dialing.legs.iter();
    legs.any(|leg| leg.state == LegState::Prompted)
}

fn is_before(place: &Queued, other: &Waiting) -> bool {
    other.group == place.group && other.place() < (place.since, place.id)
}

/// The caller's place in line, from 1.
fn position(engine: &Engine<'_>) -> u32 {
    let waiting = engine.facts.waiting.unwrap_or_default().iter();
    let before = engine.run.queued.as_ref().map_or(0, |place| {
        waiting.filter(|one| is_before(place, one)).count()
    });
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

/// What stands for a number in the texts below.
const HERE: &str = "#";

fn in_line(engine: &Engine<'_>, position: u32) -> CallVerb {
    let texts = match position {
        1 => [
            ("en", "You are next in line."),
            ("es", "Usted es el siguiente."),
            ("fr", "Vous êtes le prochain."),
            ("de", "Sie sind als Nächstes an der Reihe."),
        ],
        _ => [
            ("en", "You are number # in line."),
            ("es", "Usted es el número # en la fila."),
            ("fr", "Vous êtes en position #."),
            ("de", "Sie sind auf Platz # der Warteschlange."),
        ],
    };
    with(engine, &texts, &position.to_string())
}

fn call_back(engine: &Engine<'_>, key: char) -> CallVerb {
    let texts = [
        ("en", "To be called back instead, press #."),
        ("es", "Si prefiere que le devolvamos la llamada, pulse #."),
        ("fr", "Pour être rappelé, tapez #."),
        ("de", "Wenn wir Sie zurückrufen sollen, drücken Sie #."),
    ];
    with(engine, &texts, &key.to_string())
}

fn with(engine: &Engine<'_>, texts: &[(&str, &str)], value: &str) -> CallVerb {
    let (text, language) = engine.render(&by_language(texts), SAY_CHARS_MAX);
    CallVerb::Say {
        text: text.replace(HERE, value),
        language,
    }
}
