//! A call followed to its end when nobody takes it: who rings from which second to which, and who does not and why.
//!
//! The call is played through the functions that decide it, on the virtual phones of `flow test`: nobody answers, the
//! caller presses what they are said to press and says nothing. There words take no time; here what the caller hears
//! puts off whatever comes after it, by how long it takes to speak.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Named;
use crate::decide::World;
use crate::decide::trial::{Kept, Stage};
use crate::flow::{Dial, Rung, Trace};
use crate::model::account::{Account, Number};
use crate::model::directory::Directory;
use crate::model::people::User;
use crate::model::turn::{Need, State, Write};
use crate::model::{CallVerb, Connection, LegId, Party, Timestamp, UserId};

/// How long a call is followed.
const FOLLOWED_S_MAX: u32 = 4 * 3600;
/// Words that are spoken to a caller in a minute, as carriers' voices speak at their usual pace.
const WORDS_PER_MINUTE: u64 = 150;
/// Steps that are told of.
const LATER_MAX: usize = 200;

/// What becomes of a call that nobody takes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Course {
    pub(super) rings: Vec<Ring>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) later: Vec<Later>,
}

/// A device that rings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ring {
    /// Whose it is.
    #[serde(flatten)]
    pub who: Named,
    /// The device.
    pub phone: String,
    /// The second of the call in which it begins to ring.
    pub from_s: u64,
    /// The second in which it stops, when nobody takes the call.
    pub until_s: u64,
    /// The flow of the step that rings it.
    pub flow: String,
    /// The step.
    pub step: String,
}

/// Somebody whom a step names and who does not ring.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// The flow of the step.
    pub flow: String,
    /// The step.
    pub step: String,
    /// Their key; empty for a phone outside.
    pub key: String,
    /// Their name, or the phone.
    pub name: String,
    /// A stable word: `inactive`, `no_device`, `offline`, `busy`, `caller`, `same_device` or `not_reached`.
    pub why: &'static str,
}

/// A step taken later in the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Later {
    /// The second of the call.
    pub at_s: u64,
    /// The flow's key.
    pub flow: String,
    /// The step.
    #[serde(flatten)]
    pub step: Trace,
}

/// A call that is asked about.
pub(super) struct Asked<'a> {
    pub(super) world: &'a World,
    pub(super) state: &'a State,
    pub(super) account: &'a Account,
    pub(super) number: &'a Number,
    pub(super) party: &'a Party,
    /// What the caller presses, prompt by prompt.
    pub(super) presses: &'a [String],
    pub(super) now: Timestamp,
}

/// Follows a call.
///
/// # Errors
/// What must be known first.
pub(super) fn follow(asked: &Asked<'_>) -> Result<Course, Vec<Need>> {
    let mut stage = Stage::asking(
        asked.world,
        asked.state,
        (asked.account, asked.number),
        asked.party,
        asked.now,
    );
    // What the phones cannot play is told as far as it went.
    let _ = play(&mut stage, asked.presses);
    if !stage.unknown().is_empty() {
        return Err(all_at_once(asked, stage.unknown()));
    }
    let mut course = Course::default();
    let mut told = Telling {
        asked,
        course: &mut course,
        at: None,
        open: Vec::new(),
        dials: Vec::new(),
        spoken_s: 0,
    };
    for (place, kept) in stage.kept().iter().enumerate() {
        told.turn(kept, place == 0);
    }
    told.skips();
    Ok(course)
}

fn play(stage: &mut Stage, presses: &[String]) -> Result<(), String> {
    stage.calls()?;
    for keys in presses {
        stage.wait_for_keys(FOLLOWED_S_MAX)?;
        stage.presses(keys)?;
    }
    stage.passes(FOLLOWED_S_MAX)
}

/// With whether each member is there, since any of them may be rung before the call is over.
fn all_at_once(asked: &Asked<'_>, unknown: &[Need]) -> Vec<Need> {
    let members = asked.account.members.iter().map(|member| member.user);
    let unasked = members.filter(|user| !asked.state.presence.contains_key(user));
    let presence = unasked.map(Need::Presence);
    let fresh = |need: &Need| !unknown.contains(need);
    let more: Vec<Need> = presence.filter(fresh).collect();
    unknown.iter().cloned().chain(more).collect()
}

/// Turns become what is told.
struct Telling<'a, 'c> {
    asked: &'a Asked<'a>,
    course: &'c mut Course,
    /// The step that rings people now.
    at: Option<(String, String)>,
    /// Who rings: the leg, and its place in what is told.
    open: Vec<(LegId, usize)>,
    /// The steps that rang people, in order.
    dials: Vec<(String, String)>,
    /// How long the caller has listened.
    spoken_s: u64,
}

/// How long it takes to speak what is said in these verbs.
fn spoken_s(verbs: &[CallVerb]) -> u64 {
    let words = |text: &String| u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX);
    let seconds = |verb: &CallVerb| match verb {
        CallVerb::Say { text, .. } => words(text).saturating_mul(60).div_ceil(WORDS_PER_MINUTE),
        CallVerb::Gather { prompt, .. } => spoken_s(prompt),
        CallVerb::Pause { seconds } => u64::from(*seconds),
        _ => 0,
    };
    verbs.iter().map(seconds).sum()
}

impl Telling<'_, '_> {
    fn turn(&mut self, kept: &Kept, first: bool) {
        let at_s = kept.at.since(self.asked.now).as_secs() + self.spoken_s;
        for (flow, step) in &kept.trace {
            if matches!(step.verb, "dial" | "queue") {
                let here = (flow.clone(), step.step.clone());
                if !self.dials.contains(&here) {
                    self.dials.push(here.clone());
                }
                self.at = Some(here);
            }
            if !first && self.course.later.len() < LATER_MAX {
                self.course.later.push(Later {
                    at_s,
                    flow: flow.clone(),
                    step: step.clone(),
                });
            }
        }
        let answer = kept.turn.answer.as_ref();
        let spoken_s = answer.map_or(0, |script| spoken_s(&script.verbs));
        // Legs that are placed by order ring while the caller still listens.
        let placed = |write: &Write| matches!(write, Write::Leg(leg) if leg.room.is_some());
        let waits = !kept.turn.writes.iter().any(placed);
        let heard_s = if waits { spoken_s } else { 0 };
        self.legs(kept, at_s, heard_s);
        self.spoken_s += heard_s;
    }

    /// Legs that end here ring no more, and others begin once the caller has heard what is said before.
    fn legs(&mut self, kept: &Kept, at_s: u64, heard_s: u64) {
        let mut placed = 0;
        for write in &kept.turn.writes {
            let Write::Leg(leg) = write else { continue };
            let known = self.open.iter().find(|(id, _)| *id == leg.id);
            match known {
                Some((_, place)) if leg.status.is_final() => {
                    let ring = &mut self.course.rings[*place];
                    ring.until_s = at_s.max(ring.from_s);
                }
                Some(_) => {}
                None if leg.status.is_final() => {}
                None => {
                    let delay = match leg.room {
                        Some(_) => self.delay_s(placed),
                        None => 0,
                    };
                    placed += usize::from(leg.room.is_some());
                    let (flow, step) = self.at.clone().unwrap_or_default();
                    self.open.push((leg.id, self.course.rings.len()));
                    self.course.rings.push(Ring {
                        who: whose(
                            &self.asked.world.directory,
                            leg.user,
                            &leg.phone.to_string(),
                        ),
                        phone: leg.phone.to_string(),
                        from_s: at_s + heard_s + delay,
                        until_s: at_s + heard_s + delay,
                        flow,
                        step,
                    });
                }
            }
        }
    }

    /// Legs that are placed by order leave no faster than the connection's rate; those of the first second at once.
    fn delay_s(&self, placed: usize) -> u64 {
        let connection = self
            .asked
            .world
            .connections
            .get(&self.asked.number.connection);
        let default = Connection::CALLS_PER_SECOND_DEFAULT;
        let rate = connection.map_or(default, |facts| facts.calls_per_second);
        super::super::trial::placed_after_s(placed, rate)
    }

    fn skips(&mut self) {
        let directory = &self.asked.world.directory;
        let mut told: BTreeSet<(String, String, UserId)> = BTreeSet::new();
        for (flow_key, step) in &self.dials {
            let active = self
                .asked
                .world
                .flows
                .active(self.asked.account.id, flow_key);
            let Some(dial) = active.as_ref().and_then(|(_, flow)| flow.dial(step)) else {
                continue;
            };
            skip_outside(self.asked, self.course, dial, (flow_key, step));
            for user in named(dial, self.asked.account, directory) {
                let rang = self.course.rings.iter().any(|ring| {
                    ring.flow == *flow_key && ring.step == *step && ring.who.key == user.key
                });
                if rang || !told.insert((flow_key.clone(), step.clone(), user.id)) {
                    continue;
                }
                let why = self.why(dial, (flow_key, step), user);
                self.course.skipped.push(Skipped {
                    flow: flow_key.clone(),
                    step: step.clone(),
                    key: user.key.clone(),
                    name: user.name.clone(),
                    why,
                });
            }
        }
    }

    /// Why somebody whom a step names does not ring, by the first reason that keeps them from it.
    fn why(&self, dial: &Dial, (key, step): (&str, &str), user: &User) -> &'static str {
        let presence = self.asked.state.presence.get(&user.id).copied();
        let presence = presence.unwrap_or_default();
        let skip = dial.skips();
        let phones: Vec<String> = user
            .devices
            .iter()
            .map(|one| one.phone.to_string())
            .collect();
        let caller = self.asked.party.to_string();
        let rings_for_another = |phone: &String| {
            let mut rings = self.course.rings.iter();
            rings.any(|ring| ring.flow == key && ring.step == step && ring.phone == *phone)
        };
        match () {
            () if !user.active => "inactive",
            () if phones.is_empty() => "no_device",
            () if presence.offline && skip.offline => "offline",
            () if presence.busy && skip.busy => "busy",
            () if skip.caller && phones.contains(&caller) => "caller",
            () if phones.iter().any(rings_for_another) => "same_device",
            () => "not_reached",
        }
    }
}

fn whose(directory: &Directory, user: Option<UserId>, phone: &str) -> Named {
    match user.and_then(|id| directory.user(id)) {
        Some(user) => super::named(&user.key, &user.name),
        None => super::named("", phone),
    }
}

/// Phones outside that a step names and that do not ring.
fn skip_outside(asked: &Asked<'_>, course: &mut Course, dial: &Dial, (flow, step): (&str, &str)) {
    let caller = asked.party.to_string();
    for phone in dial.phones().map(|phone| phone.to_string()) {
        let by_step = |ring: &&Ring| ring.flow == flow && ring.step == step;
        let mut rings = course.rings.iter().filter(by_step);
        if rings.any(|ring| ring.phone == phone) {
            continue;
        }
        let called_by = dial.skips().caller && phone == caller;
        let skipped = Skipped {
            flow: flow.to_owned(),
            step: step.to_owned(),
            key: String::new(),
            name: phone,
            why: if called_by { "caller" } else { "not_reached" },
        };
        if !course.skipped.contains(&skipped) {
            course.skipped.push(skipped);
        }
    }
}

/// Everybody whom a step names, whether or not they may be rung, in its order.
fn named<'d>(dial: &Dial, account: &'d Account, directory: &'d Directory) -> Vec<&'d User> {
    let mut all = Vec::new();
    for rung in dial.named() {
        match rung {
            Rung::Group(key) => {
                let group = account.group(key).into_iter();
                let members = group.flat_map(|group| &group.members);
                all.extend(members.filter_map(|id| directory.user(*id)));
            }
            Rung::User(key) => all.extend(directory.user_by_key(key)),
        }
    }
    all
}
