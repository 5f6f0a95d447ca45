//! Rooms: `<Dial><Conference>`. A room begins when two are in it and one of them may begin it.

use tokio::sync::{mpsc, watch};

use super::dial::DialResult;
use super::fields::{form, rfc2822};
use super::hook::Hook;
use super::leg::{Heard, LegTask, Stop};
use super::record;
use super::run::Source;
use super::sign::Form;
use super::transcript::LineKind;
use super::twiml::{Conference, Dial, Target, Verb};
use super::world::LegStatus;
use crate::model::Timestamp;

/// How far a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomState {
    Waiting,
    Started {
        at: Timestamp,
    },
    Ended {
        /// When they could hear each other, if ever.
        started: Option<Timestamp>,
    },
}

impl RoomState {
    /// Since when its members have heard each other, or until its end have.
    fn started(self) -> Option<Timestamp> {
        match self {
            Self::Waiting => None,
            Self::Started { at } => Some(at),
            Self::Ended { started } => started,
        }
    }
}

struct Member {
    sid: String,
    start: bool,
    end: bool,
    muted: bool,
}

/// Where the room's events go: the address that the first member named.
struct Events {
    url: url::Url,
    get: bool,
    wanted: Vec<String>,
    hooks: mpsc::Sender<Hook>,
}

/// One room.
pub(super) struct Room {
    sid: String,
    name: String,
    members: Vec<Member>,
    state: watch::Sender<RoomState>,
    events: Option<Events>,
    sequence: u32,
    /// The leg that entered first, which says whether the room is recorded.
    first: String,
}

impl Room {
    /// Names of the state for the page.
    pub(super) fn is_started(&self) -> bool {
        matches!(*self.state.borrow(), RoomState::Started { .. })
    }

    /// The legs inside.
    pub(super) fn legs(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.sid.as_str())
    }

    fn tell(&mut self, event: &str, account: &str, now: Timestamp, more: Form) {
        self.sequence += 1;
        let Some(events) = &self.events else { return };
        let short = event.rsplit('-').next().unwrap_or_default();
        if !events.wanted.iter().any(|wanted| wanted == short) {
            return;
        }
        let mut fields = form([
            ("ConferenceSid", &self.sid),
            ("FriendlyName", &self.name),
            ("AccountSid", account),
            ("SequenceNumber", &self.sequence.to_string()),
            ("Timestamp", &rfc2822(now)),
            ("StatusCallbackEvent", event),
        ]);
        fields.extend(more);
        let (url, get) = (events.url.clone(), events.get);
        // The queue is bounded; a room that is so busy loses events, as callbacks are best effort.
        let _ = events.hooks.try_send(Hook {
            url,
            get,
            form: fields,
        });
    }

    fn tell_member(&mut self, event: &str, account: &str, now: Timestamp, member: &Member) {
        let flag = |on: bool| if on { "true" } else { "false" };
        let more = form([
            ("CallSid", &member.sid),
            ("Muted", flag(member.muted)),
            ("Hold", "false"),
            ("EndConferenceOnExit", flag(member.end)),
            ("StartConferenceOnEnter", flag(member.start)),
            ("Coaching", "false"),
        ]);
        self.tell(event, account, now, more);
    }
}

impl LegTask {
    /// Is in the room until the person or our side ends that. Returns how it went and what stopped it.
    pub(super) async fn join(
        &mut self,
        dial: &Dial,
        conference: &Conference,
    ) -> (DialResult, Option<Stop>) {
        self.ensure_answered();
        let entered = self.twin.now();
        let (mut state, is_first) = match self.enter(conference) {
            Ok(entered) => entered,
            Err(stop) => return (self.room_result(entered, false), stop),
        };
        // Waiting may end in the middle of a waiting document, so the current document is kept here.
        let at = self.at.clone();
        let stay = self.stay(dial, conference, &mut state);
        let mut stop = stay.await.err();
        self.at = at;
        self.leave(conference);
        let recorded = conference.recorded.as_ref().filter(|_| is_first);
        // The room's own word: a talk may be over before this leg has noticed that it began.
        let begun = state.borrow().started();
        if let (Some(callback), Some(begun)) = (recorded, begun) {
            let seconds = self.twin.seconds_between(begun, self.twin.now());
            let made = self.talk_recorded(callback, record::Source::Room, seconds);
            stop = stop.or(made.err());
        }
        (self.room_result(entered, true), stop)
    }

    fn room_result(&self, entered: Timestamp, in_room: bool) -> DialResult {
        DialResult {
            sid: None,
            status: if in_room {
                "answered"
            } else {
                LegStatus::Failed.word()
            },
            seconds: self.twin.seconds_between(entered, self.twin.now()),
            connected: in_room,
        }
    }

    fn enter(
        &mut self,
        conference: &Conference,
    ) -> Result<(watch::Receiver<RoomState>, bool), Option<Stop>> {
        let events = self.room_events(conference).map_err(Some)?;
        let (now, account) = (self.twin.now(), self.twin.settings.account_sid.clone());
        let mut world = self.twin.world();
        let sid = world.sid("CF");
        let new = || Room {
            sid,
            name: conference.name.clone(),
            members: Vec::new(),
            state: watch::Sender::new(RoomState::Waiting),
            events: None,
            sequence: 0,
            first: self.sid.clone(),
        };
        let room = world
            .rooms
            .entry(conference.name.clone())
            .or_insert_with(new);
        if room.members.len() >= conference.members_max {
            drop(world);
            self.line(LineKind::Fault, "the room is full");
            return Err(None);
        }
        room.events = room.events.take().or(events);
        let member = Member {
            sid: self.sid.clone(),
            start: conference.start_on_enter,
            end: conference.end_on_exit,
            muted: conference.muted,
        };
        room.tell_member("participant-join", &account, now, &member);
        room.members.push(member);
        let begins = room.members.len() > 1 && room.members.iter().any(|member| member.start);
        if begins && !room.is_started() {
            room.tell("conference-start", &account, now, Vec::new());
            room.state.send_replace(RoomState::Started { at: now });
        }
        let state = room.state.subscribe();
        let is_first = room.first == self.sid;
        drop(world);
        let beep = if conference.beep { " with a beep" } else { "" };
        self.line(LineKind::Joined, format!("enters a room{beep}"));
        Ok((state, is_first))
    }

    fn room_events(&self, conference: &Conference) -> Result<Option<Events>, Stop> {
        let Some(callback) = &conference.callback else {
            return Ok(None);
        };
        Ok(Some(Events {
            url: self.address(&callback.target.url)?,
            get: callback.target.get,
            wanted: callback.events.clone(),
            hooks: self.twin.ordered_hooks(),
        }))
    }

    async fn stay(
        &mut self,
        dial: &Dial,
        conference: &Conference,
        state: &mut watch::Receiver<RoomState>,
    ) -> Result<(), Stop> {
        self.doing("waits in a room");
        tokio::select! {
            biased;
            changed = state.wait_for(|state| *state != RoomState::Waiting) => drop(changed),
            held = self.hold(dial, conference.wait.as_ref()) => return held,
        }
        if matches!(*state.borrow(), RoomState::Started { .. }) {
            self.line(LineKind::Connected, "hears the others in the room");
            self.doing("talks");
        }
        let mut limit = self.timer(dial.limit_s);
        loop {
            tokio::select! {
                biased;
                ended = state.wait_for(|state| matches!(state, RoomState::Ended { .. })) => {
                    drop(ended);
                    return Ok(());
                }
                heard = self.next(Some(&mut limit)) => match heard? {
                    Heard::TimeUp => return Ok(()),
                    Heard::Keys(keys) if dial.hang_up_on_star && keys.contains('*') => return Ok(()),
                    _ => {}
                },
            }
        }
    }

    /// What is heard until the room begins; ends only when the person leaves.
    async fn hold(&mut self, dial: &Dial, wait: Option<&Target>) -> Result<(), Stop> {
        match wait {
            None => self.line(LineKind::Plays, "music"),
            Some(target) if target.url.is_empty() => {}
            Some(target) => self.hold_document(target).await?,
        }
        loop {
            match self.next(None).await? {
                Heard::Keys(keys) if dial.hang_up_on_star && keys.contains('*') => return Ok(()),
                _ => {}
            }
        }
    }

    async fn hold_document(&mut self, target: &Target) -> Result<(), Stop> {
        match self.play_hold(target).await {
            Err(Stop::Fault(text)) => {
                self.line(
                    LineKind::Fault,
                    format!("while waiting in the room: {text}"),
                );
                Ok(())
            }
            other => other,
        }
    }

    async fn play_hold(&mut self, target: &Target) -> Result<(), Stop> {
        let mut next: Option<Source> = Some(self.source(target, Vec::new())?);
        while let Some(source) = next.take() {
            for verb in &self.load(source).await? {
                match verb {
                    Verb::Redirect(target) => {
                        next = Some(self.source(target, Vec::new())?);
                        break;
                    }
                    Verb::Say(_) | Verb::Play(_) | Verb::Pause { .. } => {
                        self.prompt(verb, false).await?;
                    }
                    _ => {
                        return Err(Stop::Fault(
                            "only words, sounds, pauses and redirects".to_owned(),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn leave(&mut self, conference: &Conference) {
        let (now, account) = (self.twin.now(), self.twin.settings.account_sid.clone());
        let mut world = self.twin.world();
        let Some(room) = world.rooms.get_mut(&conference.name) else {
            return;
        };
        let Some(at) = room
            .members
            .iter()
            .position(|member| member.sid == self.sid)
        else {
            return;
        };
        let member = room.members.remove(at);
        room.tell_member("participant-leave", &account, now, &member);
        if member.end {
            for other in std::mem::take(&mut room.members) {
                room.tell_member("participant-leave", &account, now, &other);
            }
        }
        if room.members.is_empty() {
            let reason = if member.end {
                "participant-with-end-conference-on-exit-left"
            } else {
                "last-participant-left"
            };
            room.tell(
                "conference-end",
                &account,
                now,
                form([("ReasonConferenceEnded", reason)]),
            );
            let started = room.state.borrow().started();
            room.state.send_replace(RoomState::Ended { started });
            world.rooms.remove(&conference.name);
        }
        drop(world);
        self.line(LineKind::Left, "leaves the room");
    }
}
