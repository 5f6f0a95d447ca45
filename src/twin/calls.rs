//! Calls from their first to their last moment, and what persons do with their phones.

use std::sync::Arc;

use url::Url;

use super::leg::{Command, LegTask, NewLeg, Speech, Stop};
use super::run::Source;
use super::settings::TwinError;
use super::shared::Shared;
use super::transcript::LineKind;
use super::twiml::Callback;
use super::world::{Direction, Leg, LegStatus};

/// Seconds that a person speaks into a recording, at most.
const SPEECH_S_MAX: u32 = 3_600;
/// Characters of what is said, at most.
const WORDS_CHARS_MAX: usize = 2_000;
/// Keys pressed at once, at most.
const KEYS_MAX: usize = 32;
/// Seconds until it is known whether a person or a machine has picked up.
const DETECT_S: f64 = 2.0;

/// What a person does with a ringing or connected phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneAction {
    /// Picks up.
    Answer,
    /// Lets the phone's voicemail pick up.
    Machine,
    /// Refuses the call.
    Decline,
    /// Is engaged.
    Busy,
    /// Puts the phone down; refuses when it still rings.
    HangUp,
}

/// A leg that the daemon wants placed, already checked.
pub(super) struct Placed {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) source: Source,
    pub(super) callback: Option<(Url, Callback)>,
    pub(super) timeout_s: f64,
    /// Whether it is told who has picked up.
    pub(super) detects: bool,
}

impl Shared {
    /// A person calls one of our numbers. Returns the call's id; it is under way.
    pub(super) fn person_calls(
        self: &Arc<Self>,
        from: &str,
        to: &str,
    ) -> Result<String, TwinError> {
        if !self.is_ours(to) {
            return Err(TwinError::UnknownNumber);
        }
        if from.is_empty() || from.len() > 64 {
            return Err(TwinError::Malformed(
                "a call needs a caller, a phone number or \"withheld\"",
            ));
        }
        let token = self.world().sid("");
        let new = NewLeg {
            parent: None,
            from: from.to_owned(),
            to: to.to_owned(),
            direction: Direction::Inbound,
            token: Some(format!("%7B%22parentCallInfoToken%22%3A%22{token}%22%7D")),
        };
        let mut leg = LegTask::new(self, new).ok_or(TwinError::TooMany("legs alive"))?;
        leg.report_to(
            self.own_hook("call-status"),
            false,
            vec!["completed".to_owned()],
        );
        leg.line(LineKind::Calls, to);
        let sid = leg.sid.clone();
        let source = Source::Ask {
            url: self.own_hook("call"),
            get: false,
            more: Vec::new(),
        };
        self.spawn(async move {
            let status = leg.program(source).await;
            leg.finish(status);
        });
        Ok(sid)
    }

    /// Places a leg for the daemon; `None` when too many are alive.
    pub(super) fn place(self: &Arc<Self>, placed: Placed) -> Option<String> {
        let new = NewLeg {
            parent: None,
            from: placed.from,
            to: placed.to,
            direction: Direction::Api,
            token: None,
        };
        let mut leg = LegTask::new(self, new)?;
        if let Some((url, callback)) = placed.callback {
            leg.report_to(url, callback.target.get, callback.events);
        }
        let sid = leg.sid.clone();
        self.spawn(async move {
            let status = match leg.ring(Some(placed.timeout_s)).await {
                Err(status) => status,
                Ok(()) => {
                    leg.picked_up();
                    match leg.judged(placed.source, placed.detects).await {
                        Ok(source) => leg.program(source).await,
                        Err(status) => status,
                    }
                }
            };
            leg.finish(status);
        });
        Some(sid)
    }

    /// The caller of a live call presses keys.
    pub(super) fn press(&self, call: &str, keys: &str) -> Result<(), TwinError> {
        let keys = checked_keys(keys)?;
        self.tell(call, Command::Press(keys))
    }

    /// The caller of a live call hangs up.
    pub(super) fn hang_up(&self, call: &str) -> Result<(), TwinError> {
        self.tell(call, Command::HangUp)
    }

    /// The caller will speak so long after the next tone, or speaks now when it has sounded.
    pub(super) fn speak(&self, call: &str, seconds: u32, words: &str) -> Result<(), TwinError> {
        if seconds == 0 || seconds > SPEECH_S_MAX {
            return Err(TwinError::Malformed("a voicemail has 1 to 3600 seconds"));
        }
        let words = words.chars().take(WORDS_CHARS_MAX).collect();
        self.tell(call, Command::Speak(Speech { seconds, words }))
    }

    /// Somebody does something with the latest call on a phone that was rung.
    pub(super) fn use_phone(&self, phone: &str, action: PhoneAction) -> Result<(), TwinError> {
        let ringing = self.leg_on(phone, LegStatus::Ringing);
        let (leg, command) = match action {
            PhoneAction::Answer => (ringing, Command::Answer { machine: false }),
            PhoneAction::Machine => (ringing, Command::Answer { machine: true }),
            PhoneAction::Decline | PhoneAction::Busy => (ringing, Command::Refuse),
            PhoneAction::HangUp => match self.leg_on(phone, LegStatus::InProgress) {
                Some(talking) => (Some(talking), Command::HangUp),
                None => (ringing, Command::Refuse),
            },
        };
        let leg = leg.ok_or(TwinError::IdlePhone)?;
        told(leg.tell(command))
    }

    /// Keys pressed on a phone that was rung and picked up.
    pub(super) fn press_on(&self, phone: &str, keys: &str) -> Result<(), TwinError> {
        let keys = checked_keys(keys)?;
        let leg = self.leg_on(phone, LegStatus::InProgress);
        told(leg.ok_or(TwinError::IdlePhone)?.tell(Command::Press(keys)))
    }

    fn leg_on(&self, phone: &str, status: LegStatus) -> Option<Leg> {
        let world = self.world();
        let rung = world
            .legs
            .values()
            .filter(|leg| leg.direction != Direction::Inbound);
        let found = rung.filter(|leg| leg.to == phone && leg.status == status);
        found.max_by_key(|leg| leg.created).cloned()
    }

    fn tell(&self, call: &str, command: Command) -> Result<(), TwinError> {
        let world = self.world();
        let leg = world.legs.get(call).ok_or(TwinError::UnknownCall)?;
        told(leg.tell(command))
    }

    /// Whether this is one of our numbers.
    pub(super) fn is_ours(&self, number: &str) -> bool {
        self.settings
            .numbers
            .iter()
            .any(|ours| ours.number == number)
    }

    /// The address configured at the carrier for one kind of event.
    pub(super) fn own_hook(&self, kind: &str) -> Url {
        let mut url = self.settings.hooks_base.clone();
        let path = format!("{}/{kind}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let options = self.settings.hook_options.as_str();
        url.set_fragment(Some(options).filter(|options| !options.is_empty()));
        url
    }

    /// Where the REST API of our account begins.
    pub(super) fn api(&self) -> String {
        let base = self.settings.own_base.as_str().trim_end_matches('/');
        format!("{base}/2010-04-01/Accounts/{}", self.settings.account_sid)
    }
}

impl LegTask {
    /// Where the leg's first document comes from, with what is known of who has picked up, where that is asked for.
    async fn judged(&mut self, source: Source, detects: bool) -> Result<Source, LegStatus> {
        if !detects {
            return Ok(source);
        }
        match self.wait(DETECT_S).await {
            Ok(()) => {}
            Err(Stop::Redirected(source)) => return Ok(source),
            Err(Stop::Ended(status)) => return Err(status),
            Err(Stop::HungUp) => return Err(self.hung_up_status()),
            Err(Stop::Fault(_)) => return Err(LegStatus::Failed),
        }
        let who = if self.machine {
            "machine_start"
        } else {
            "human"
        };
        Ok(match source {
            Source::Ask { url, get, mut more } => {
                more.push(("AnsweredBy".to_owned(), who.to_owned()));
                Source::Ask { url, get, more }
            }
            given => given,
        })
    }
}

fn checked_keys(keys: &str) -> Result<String, TwinError> {
    let valid = |key: char| key.is_ascii_digit() || key == '*' || key == '#';
    if keys.is_empty() || keys.len() > KEYS_MAX || !keys.chars().all(valid) {
        return Err(TwinError::Malformed("keys are 0 to 9, * and #"));
    }
    Ok(keys.to_owned())
}

fn told(taken: bool) -> Result<(), TwinError> {
    if taken {
        Ok(())
    } else {
        Err(TwinError::TooMany("commands for this call"))
    }
}
