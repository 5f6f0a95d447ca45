//! `dial`: rings people, one after another or all at once.
//!
//! A carrier connects the first device that *answers*, a mobile's voicemail included. Where a called
//! person must accept, the answer alone is therefore worth nothing: one after another, each device is a
//! dial of its own with a prompt on the called leg; all at once, the caller waits in a room, every
//! device is placed by order, and the first accepted key joins. Whoever reports what and in which order,
//! `answered` comes only from the state kept here.

use super::speak::required;
use super::{Came, Verb};
use crate::flow::effect::{Effect, RingLeg};
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::reader::{Fields, Reading};
use crate::flow::run::{Dialing, LegState, RungLeg, Target, Wait};
use crate::flow::scope::Val;
use crate::flow::template::{SAY_CHARS_MAX, Text, by_language};
use crate::flow::yaml::{Node, Value};
use crate::model::people::User;
use crate::model::{CallStatus, CallVerb, DialLeg, DialStatus, LegId, Phone, UserId};

/// Ring time of a device, and of the whole dial.
const RING_S: (u32, u32, u32) = (5, 20, 120);
const TOTAL_S: (u32, u32, u32) = (5, 600, 1800);
/// Devices one dial may ring.
const TARGETS_MAX: usize = 50;
/// How long the accept prompt waits for a key.
const ACCEPT_TIMEOUT_S: u32 = 8;
/// What somebody who has just answered gets on top of the ring time, to decide.
const DECIDE_S: u32 = 15;
/// How long the end of a room is awaited when the member has left it.
const ROOM_END_S: u32 = 10;

/// Rings people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dial {
    who: Vec<DialWho>,
    simultaneous: bool,
    ring_s: u32,
    total_s: Option<u32>,
    all_devices: bool,
    skip: Skip,
    accept: bool,
    prompt: Text,
    caller_id: CallerId,
    record: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum DialWho {
    Group(String),
    User(String),
    Number(Phone),
}

/// Who is not rung.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Skip {
    busy: bool,
    offline: bool,
    caller: bool,
}

/// The number shown to the called.
#[derive(Debug, Clone, Copy, PartialEq)]
enum CallerId {
    Caller,
    Ours,
    Other(Phone),
}

const KEYS: [&str; 13] = [
    "group",
    "user",
    "number",
    "to",
    "order",
    "ring",
    "total",
    "devices",
    "skip",
    "accept",
    "prompt",
    "caller_id",
    "record",
];

impl Dial {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.fields(node, "dial", &KEYS, None)?;
        let who = read_who(reading, node, &fields);
        let order = fields
            .get("order")
            .and_then(|node| read_order(reading, node));
        let all_devices = fields.get("devices").and_then(|node| {
            reading.choice(
                node,
                "choice of devices",
                &[("all", true), ("first", false)],
            )
        });
        let accept = fields.get("accept").and_then(|node| {
            reading.choice(node, "way to accept", &[("key", true), ("none", false)])
        });
        let prompt = fields
            .get("prompt")
            .and_then(|node| reading.text(node, "the accept prompt"));
        let record = fields
            .get("record")
            .and_then(|node| reading.boolean(node, "record"));
        let ring_s = seconds(reading, &fields, "ring", RING_S);
        let total_s = seconds(reading, &fields, "total", TOTAL_S);
        let skip = read_skip(reading, &fields);
        let caller_id = fields
            .get("caller_id")
            .and_then(|node| read_caller_id(reading, node));
        let dial = Self {
            who: who?,
            simultaneous: order.unwrap_or(false),
            ring_s: ring_s.unwrap_or(RING_S.1),
            total_s,
            all_devices: all_devices.unwrap_or(false),
            skip,
            accept: accept.unwrap_or(false),
            prompt: prompt.unwrap_or_else(default_prompt),
            caller_id: caller_id.unwrap_or(CallerId::Caller),
            record: record.unwrap_or(false),
        };
        dial.judge(reading, &fields);
        Some(Verb::Dial(Box::new(dial)))
    }

    /// What does not go together.
    fn judge(&self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        if let (Some(prompt), false) = (fields.get("prompt"), self.accept) {
            let help = "add `accept: key`, or leave the prompt out";
            reading.warn(
                &prompt.at,
                "unused-prompt",
                "nobody hears this prompt",
                help,
            );
        }
        if let (Some(record), true, true, true) = (
            fields.get("record"),
            self.record,
            self.accept,
            self.simultaneous,
        ) {
            let help = "ring one after another, or without `accept: key`";
            let message = "several who must accept cannot be recorded yet: not available yet";
            reading.fault_help(&record.at, "not-available", message, help);
        }
        if let (Some(total), Some(total_s)) = (fields.get("total"), self.total_s)
            && total_s < self.ring_s
        {
            let message = "`total` is shorter than the ring time of one";
            reading.fault(&total.at, "out-of-range", message);
        }
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let found = self.candidates(engine);
        let unknown = self.unknown_presence(engine, &found);
        if !unknown.is_empty() {
            return Came::Needs(unknown);
        }
        engine.run.call.sought = true;
        let free: Vec<Target> = found
            .into_iter()
            .filter(|target| self.is_free(engine, target))
            .collect();
        let until = engine.after(self.total_s.unwrap_or(if self.simultaneous {
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
        if self.simultaneous {
            self.ring_all(engine, dialing)
        } else {
            self.ring_next(engine, dialing)
        }
    }

    /// The devices of everybody meant, in order, each once; members as the group is now.
    fn candidates(&self, engine: &Engine<'_>) -> Vec<Target> {
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
        found.truncate(TARGETS_MAX);
        found
    }

    fn devices(&self, user: &User, found: &mut Vec<Target>) {
        let count = if self.all_devices {
            user.devices.len()
        } else {
            1
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

    fn unknown_presence(&self, engine: &Engine<'_>, targets: &[Target]) -> Vec<UserId> {
        let mut unknown: Vec<UserId> = Vec::new();
        if !self.skip.busy && !self.skip.offline {
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
    fn is_free(&self, engine: &Engine<'_>, target: &Target) -> bool {
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

    /// One device after another: the next that is free, by a dial of its own.
    fn ring_next(&self, engine: &mut Engine<'_>, mut dialing: Dialing) -> Came {
        let unknown = self.unknown_presence(engine, &dialing.queue);
        if !unknown.is_empty() {
            return Came::Needs(unknown);
        }
        let left = dialing.until.since(engine.facts.now).as_secs();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        if left < RING_S.0 {
            return outcome(&dialing);
        }
        while !dialing.queue.is_empty() {
            let target = dialing.queue.remove(0);
            if self.is_free(engine, &target) {
                return self.dial(engine, dialing, vec![target], self.ring_s.min(left));
            }
        }
        outcome(&dialing)
    }

    fn ring_all(&self, engine: &mut Engine<'_>, mut dialing: Dialing) -> Came {
        let targets = std::mem::take(&mut dialing.queue);
        let few = u32::try_from(targets.len()).is_ok_and(|count| count <= engine.facts.legs_max);
        match targets.len() {
            0 => outcome(&dialing),
            // Of one device it does not matter who answers first.
            1 => self.dial(engine, dialing, targets, self.ring_s),
            _ if few && !self.accept => self.dial(engine, dialing, targets, self.ring_s),
            _ => self.ring_into_room(engine, dialing, targets),
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
        let caller_id = self.shown_number(engine);
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
            screen: self.accept,
            record: self.record,
        });
        engine.effects.push(Effect::Ring {
            legs,
            room: None,
            ring_s,
            caller_id,
        });
        engine.run.wait = Wait::Dial(Box::new(dialing));
        Came::Waits
    }

    fn ring_into_room(
        &self,
        engine: &mut Engine<'_>,
        mut dialing: Dialing,
        targets: Vec<Target>,
    ) -> Came {
        let room = format!("{}-{}", engine.run.id, engine.run.rings);
        let legs = place(engine, &mut dialing, targets);
        let caller_id = self.shown_number(engine);
        engine.give(CallVerb::Hold { room: room.clone() });
        engine.effects.push(Effect::Ring {
            legs,
            room: Some(room.clone()),
            ring_s: self.ring_s,
            caller_id,
        });
        dialing.room = Some(room);
        engine.run.due_at = Some(dialing.until);
        engine.run.wait = Wait::Dial(Box::new(dialing));
        Came::Waits
    }

    fn shown_number(&self, engine: &Engine<'_>) -> Option<String> {
        match self.caller_id {
            CallerId::Caller => None,
            CallerId::Ours => Some(engine.facts.number.address.clone()),
            CallerId::Other(phone) => Some(phone.to_string()),
        }
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let Wait::Dial(dialing) = &engine.run.wait else {
            return Came::Waits;
        };
        // Worked on apart and put back only when the step waits on: it is small.
        let mut dialing = (**dialing).clone();
        let came = match event {
            Event::DialEnded {
                status,
                duration_s,
                caller_gone,
            } => {
                return self.dial_ended(engine, dialing, *status, *duration_s, *caller_gone);
            }
            Event::HungUp => return hung_up(engine, dialing),
            Event::Timer if engine.is_due() => time_over(engine, &mut dialing),
            Event::Screen {
                leg,
                digits,
                machine,
            } => {
                self.screened(engine, &mut dialing, *leg, *digits, *machine);
                nobody_left(&dialing)
            }
            Event::LegStatus { leg, status } => {
                self.leg_status(engine, &mut dialing, *leg, *status);
                nobody_left(&dialing)
            }
            _ => return Came::Waits,
        };
        match came {
            Some(came) => came,
            None => {
                engine.run.wait = Wait::Dial(Box::new(dialing));
                Came::Waits
            }
        }
    }

    /// The carrier's own dial, or the caller's stay in the room, is over.
    fn dial_ended(
        &self,
        engine: &mut Engine<'_>,
        mut dialing: Dialing,
        status: DialStatus,
        duration_s: u32,
        gone: bool,
    ) -> Came {
        if dialing.room.is_some() {
            if accepted(&dialing).is_none() {
                end_live(engine, &mut dialing, LegState::Failed);
                return if gone {
                    Came::HungUp
                } else {
                    Came::outcome("failed")
                };
            }
        } else {
            self.settle(engine, &mut dialing, status);
        }
        if let Some(user) = accepted(&dialing) {
            return answered(engine, user, duration_s);
        }
        if status == DialStatus::Answered && !self.accept {
            return answered(engine, None, duration_s);
        }
        if gone {
            return Came::HungUp;
        }
        if self.simultaneous {
            outcome(&dialing)
        } else {
            self.ring_next(engine, dialing)
        }
    }

    /// What the carrier says of its dial, taken over for the devices nothing else is known of. Without
    /// acceptance, its `answered` counts; with it, only an accepted key does.
    fn settle(&self, engine: &mut Engine<'_>, dialing: &mut Dialing, status: DialStatus) {
        let taken = status == DialStatus::Answered && !self.accept;
        let (state, leg_status) = match status {
            DialStatus::Answered => (LegState::NoAnswer, CallStatus::Completed),
            DialStatus::NoAnswer => (LegState::NoAnswer, CallStatus::NoAnswer),
            DialStatus::Busy => (LegState::Busy, CallStatus::Busy),
            DialStatus::Declined => (LegState::Declined, CallStatus::Busy),
            DialStatus::Failed => (LegState::Failed, CallStatus::Failed),
            DialStatus::Canceled => (LegState::NoAnswer, CallStatus::Canceled),
        };
        let live: Vec<usize> = (0..dialing.legs.len())
            .filter(|at| !dialing.legs[*at].state.is_over())
            .collect();
        let sole = live.len() == 1;
        let known = accepted(dialing).is_some();
        for at in live {
            let leg = &mut dialing.legs[at];
            if leg.state == LegState::Accepted {
                engine.effects.push(Effect::LegEnded {
                    leg: leg.leg,
                    status: CallStatus::Completed,
                });
                leg.state = LegState::Left;
            } else if taken && sole && !known {
                engine.effects.push(Effect::Accepted { leg: leg.leg });
                engine.effects.push(Effect::LegEnded {
                    leg: leg.leg,
                    status: CallStatus::Completed,
                });
                leg.state = LegState::Left;
            } else {
                // Of several devices only one was answered; the others rang until then.
                let leg_status = if taken {
                    CallStatus::Canceled
                } else {
                    leg_status
                };
                engine.effects.push(Effect::LegEnded {
                    leg: leg.leg,
                    status: leg_status,
                });
                leg.state = state;
            }
        }
    }

    /// A called leg has answered, or pressed a key.
    fn screened(
        &self,
        engine: &mut Engine<'_>,
        dialing: &mut Dialing,
        leg: LegId,
        digits: Option<&str>,
        machine: bool,
    ) {
        let winner = dialing
            .legs
            .iter()
            .find(|have| is_taken(have.state))
            .map(|have| have.leg);
        let room = dialing.room.clone();
        let Some(rung) = dialing.legs.iter_mut().find(|have| have.leg == leg) else {
            return;
        };
        if rung.state == LegState::Accepted {
            engine.leg_script = Some(connect(room));
            return;
        }
        if winner.is_some() {
            over(engine, rung, LegState::NoAnswer, CallStatus::Completed);
            engine.leg_script = Some(vec![taken_already(engine), CallVerb::Hangup]);
            return;
        }
        if rung.state.is_over() {
            return;
        }
        match digits {
            None if machine => over(engine, rung, LegState::NoAnswer, CallStatus::Completed),
            None if self.accept => {
                rung.state = LegState::Prompted;
                engine.leg_script = Some(self.accept_prompt(engine));
            }
            Some("1") | None => {
                rung.state = LegState::Accepted;
                engine.effects.push(Effect::Accepted { leg });
                engine.leg_script = Some(connect(room.clone()));
                if room.is_some() {
                    end_live(engine, dialing, LegState::NoAnswer);
                }
                engine.run.due_at = None;
            }
            Some("2") => over(engine, rung, LegState::Declined, CallStatus::Completed),
            Some(_) => over(engine, rung, LegState::NoAnswer, CallStatus::Completed),
        }
    }

    fn accept_prompt(&self, engine: &Engine<'_>) -> Vec<CallVerb> {
        let (text, language) = engine.render(&self.prompt, SAY_CHARS_MAX);
        let gather = CallVerb::Gather {
            prompt: vec![CallVerb::Say { text, language }],
            digits_max: Some(1),
            finish_on: None,
            timeout_s: ACCEPT_TIMEOUT_S,
            barge_in: true,
        };
        vec![gather, CallVerb::Hangup]
    }

    /// A called leg's own report. Repeats and reports of legs that are over change nothing.
    fn leg_status(
        &self,
        engine: &mut Engine<'_>,
        dialing: &mut Dialing,
        leg: LegId,
        status: CallStatus,
    ) {
        let in_room = dialing.room.is_some();
        let winner = dialing.legs.iter().any(|have| is_taken(have.state));
        let Some(rung) = dialing.legs.iter_mut().find(|have| have.leg == leg) else {
            return;
        };
        if rung.state.is_over() {
            return;
        }
        match (status, rung.state) {
            (CallStatus::Queued | CallStatus::Ringing, _) => {}
            // Without a prompt, the carrier's own dial connects whoever answers.
            (CallStatus::InProgress, LegState::Ringing) if !self.accept && !in_room && !winner => {
                rung.state = LegState::Accepted;
                engine.effects.push(Effect::Accepted { leg });
            }
            (CallStatus::InProgress, _) => {}
            (_, LegState::Accepted) => {
                over(engine, rung, LegState::Left, status);
                // The room ends with its member; should that never be told, the caller is fetched.
                if in_room {
                    engine.run.due_at = Some(engine.after(ROOM_END_S));
                }
            }
            // Without a prompt, a leg that has been answered and is over has talked to the caller, though
            // the report of its answer was lost or is late.
            (CallStatus::Completed, LegState::Ringing) if !self.accept && !in_room && !winner => {
                engine.effects.push(Effect::Accepted { leg });
                over(engine, rung, LegState::Left, status);
            }
            (CallStatus::Completed, LegState::Prompted) => {
                over(engine, rung, LegState::Declined, status)
            }
            (CallStatus::Busy, _) => over(engine, rung, LegState::Busy, status),
            (CallStatus::Failed, _) => over(engine, rung, LegState::Failed, status),
            (CallStatus::Completed | CallStatus::NoAnswer | CallStatus::Canceled, _) => {
                over(engine, rung, LegState::NoAnswer, status);
            }
        }
    }
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

fn is_taken(state: LegState) -> bool {
    matches!(state, LegState::Accepted | LegState::Left)
}

/// Who took the call, when somebody did.
fn accepted(dialing: &Dialing) -> Option<Option<UserId>> {
    dialing
        .legs
        .iter()
        .find(|leg| is_taken(leg.state))
        .map(|leg| leg.user)
}

fn connect(room: Option<String>) -> Vec<CallVerb> {
    room.map(|room| CallVerb::Join { room })
        .into_iter()
        .collect()
}

fn over(engine: &mut Engine<'_>, leg: &mut RungLeg, state: LegState, status: CallStatus) {
    if !leg.state.is_over() {
        leg.state = state;
        engine.effects.push(Effect::LegEnded {
            leg: leg.leg,
            status,
        });
    }
}

/// Ends everything that still rings or hears the prompt.
fn end_live(engine: &mut Engine<'_>, dialing: &mut Dialing, state: LegState) {
    let mut ended = Vec::new();
    for leg in &mut dialing.legs {
        if matches!(leg.state, LegState::Ringing | LegState::Prompted) {
            leg.state = state;
            ended.push(leg.leg);
        }
    }
    if !ended.is_empty() {
        engine.effects.push(Effect::EndLegs(ended));
    }
}

fn answered(engine: &mut Engine<'_>, user: Option<UserId>, duration_s: u32) -> Came {
    engine.run.call.answered = true;
    let name = user
        .and_then(|user| engine.facts.directory.user(user))
        .map(|user| user.name.clone());
    engine.keep_here("user", name.map_or(Val::Missing, Val::text));
    engine.keep_here("seconds", Val::Number(f64::from(duration_s)));
    Came::outcome("answered")
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

/// In a room: over when every device is, and nobody took the call. The carrier's own dial tells its end itself.
fn nobody_left(dialing: &Dialing) -> Option<Came> {
    let over = dialing.legs.iter().all(|leg| leg.state.is_over());
    (dialing.room.is_some() && over && accepted(dialing).is_none()).then(|| outcome(dialing))
}

/// The caller has left.
fn hung_up(engine: &mut Engine<'_>, mut dialing: Dialing) -> Came {
    let taken = accepted(&dialing);
    if dialing.room.is_some() {
        end_live(engine, &mut dialing, LegState::NoAnswer);
    } else {
        // The carrier's own dial ends its legs with the caller's.
        for leg in &mut dialing.legs {
            over(engine, leg, LegState::NoAnswer, CallStatus::Canceled);
        }
    }
    match taken {
        Some(user) => answered(engine, user, 0),
        None => Came::HungUp,
    }
}

/// The ring time of a room is over, or its end was never told.
fn time_over(engine: &mut Engine<'_>, dialing: &mut Dialing) -> Option<Came> {
    if let Some(user) = accepted(dialing) {
        return Some(answered(engine, user, 0));
    }
    let deciding = dialing
        .legs
        .iter()
        .any(|leg| leg.state == LegState::Prompted);
    if deciding && !dialing.extended {
        dialing.extended = true;
        engine.run.due_at = Some(engine.after(DECIDE_S));
        return None;
    }
    end_live(engine, dialing, LegState::NoAnswer);
    Some(outcome(dialing))
}

fn taken_already(engine: &Engine<'_>) -> CallVerb {
    engine.spoken(&by_language(&[
        ("en", "The call has already been taken."),
        ("es", "La llamada ya fue atendida."),
        ("fr", "L'appel a déjà été pris."),
        ("de", "Der Anruf wurde schon angenommen."),
    ]))
}

fn default_prompt() -> Text {
    by_language(&[
        ("en", "You have a call. Press 1 to accept it, 2 to decline."),
        (
            "es",
            "Tiene una llamada. Pulse 1 para aceptarla, 2 para rechazarla.",
        ),
        (
            "fr",
            "Vous avez un appel. Tapez 1 pour l'accepter, 2 pour le refuser.",
        ),
        (
            "de",
            "Sie haben einen Anruf. Drücken Sie 1, um ihn anzunehmen, 2, um ihn abzulehnen.",
        ),
    ])
}

/// `group`, `user`, `number`, or `to: [{ … }, …]`: exactly one of them.
fn read_who(reading: &mut Reading<'_>, node: &Node, fields: &Fields<'_>) -> Option<Vec<DialWho>> {
    let given: Vec<&str> = ["group", "user", "number", "to"]
        .into_iter()
        .filter(|key| fields.get(key).is_some())
        .collect();
    if given.len() > 1 {
        let help = "name several as `to: [{ user: … }, { group: … }]`";
        reading.fault_help(
            fields.at,
            "two-owners",
            "`dial` says twice who is rung",
            help,
        );
        return None;
    }
    if let Some(to) = fields.get("to") {
        let items = reading.list(to, "`to`");
        let mut found = Vec::new();
        for item in items {
            let fields = reading.fields(item, "to", &["group", "user", "number"], None)?;
            found.push(one(reading, item, &fields)?);
        }
        if found.is_empty() {
            reading.fault(&to.at, "empty", "nobody is named here");
            return None;
        }
        return Some(found);
    }
    one(reading, node, fields).map(|one| vec![one])
}

fn one(reading: &mut Reading<'_>, node: &Node, fields: &Fields<'_>) -> Option<DialWho> {
    if let Some(group) = fields.get("group") {
        return reading.group(group).map(DialWho::Group);
    }
    if let Some(user) = fields.get("user") {
        return reading.user(user).map(DialWho::User);
    }
    let number = required(reading, fields.get("number"), node, "dial", "group")?;
    reading.phone(number).map(DialWho::Number)
}

fn read_order(reading: &mut Reading<'_>, node: &Node) -> Option<bool> {
    if let Value::Scalar { text, .. } = &node.value
        && matches!(text.as_str(), "round_robin" | "least_recent")
    {
        let message = format!("the order `{text}` is not available yet");
        reading.fault_help(
            &node.at,
            "not-available",
            message,
            "use `sequential` or `simultaneous`",
        );
        return None;
    }
    reading.choice(
        node,
        "order",
        &[("sequential", false), ("simultaneous", true)],
    )
}

fn seconds(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
    key: &str,
    (min, _, max): (u32, u32, u32),
) -> Option<u32> {
    let node = fields.get(key)?;
    reading.duration(node, &format!("`{key}`"), min, max)
}

/// By default nobody is rung who is away or talking, nor the caller's own phone.
fn read_skip(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Skip {
    let Some(node) = fields.get("skip") else {
        return Skip {
            busy: true,
            offline: true,
            caller: true,
        };
    };
    let mut skip = Skip {
        busy: false,
        offline: false,
        caller: false,
    };
    for item in reading.list(node, "`skip`") {
        match reading.choice(
            item,
            "reason to skip",
            &[("busy", 0), ("offline", 1), ("caller", 2)],
        ) {
            Some(0) => skip.busy = true,
            Some(1) => skip.offline = true,
            Some(_) => skip.caller = true,
            None => {}
        }
    }
    skip
}

fn read_caller_id(reading: &mut Reading<'_>, node: &Node) -> Option<CallerId> {
    match reading.word(node, "the caller id")? {
        "caller" => Some(CallerId::Caller),
        "number" => Some(CallerId::Ours),
        _ => reading.phone(node).map(CallerId::Other),
    }
}
