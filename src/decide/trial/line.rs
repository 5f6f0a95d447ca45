//! What a caller's line and the phones that ring are at, and what comes due on them by itself.

use super::keys::Takes;
use crate::model::{CallId, CallStatus, CallVerb, DialStatus, LegId, RunId, Timestamp};

/// The caller's line and those that ring.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) call: Option<CallId>,
    /// The turn whose script the caller hears.
    pub(super) turn: u32,
    pub(super) waits: Waits,
    /// The keys that were pressed, and are not handed in yet.
    pub(super) pressed: String,
    pub(super) rings: Vec<Ring>,
    pub(super) talk: Option<Talk>,
    /// The number that the caller was handed on to.
    pub(super) handed_on: Option<String>,
    pub(super) over: bool,
}

/// What the caller's leg is at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Waits {
    #[default]
    Nothing,
    /// Keys are awaited.
    Keys { until: Timestamp, takes: Takes },
    /// The carrier's own dial.
    Dial { until: Timestamp, screen: bool },
    /// A message is recorded.
    Recording { until: Timestamp, most_s: u32 },
    /// In a room.
    Room,
    /// The script is asked for again.
    Again { until: Timestamp },
}

/// A phone that rings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    pub(super) leg: LegId,
    pub(super) until: Timestamp,
    /// By the carrier's own dial, not by an order.
    pub(super) dialled: bool,
    /// The carrier tells whether a person or a machine picks up.
    pub(super) detects: bool,
}

/// The caller talks to somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Talk {
    pub(super) leg: LegId,
    pub(super) since: Timestamp,
}

/// What comes due by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A phone has rung long enough.
    Leg(LegId),
    /// The caller's leg goes on.
    Caller,
    /// The system that was asked with this number by this run has not answered in time.
    Unanswered(RunId, u32),
    /// A run wants to be woken.
    Run(RunId, Option<CallId>),
}

/// How a phone that rings comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    NoAnswer,
    Busy,
    Declines,
    Fails,
}

/// How long a file is taken to be, whose length nobody here knows.
const FILE_S: u32 = 30;

/// How long the caller listens to a sound. What is spoken takes no time here, so that times stay easy to reckon with.
pub(super) const fn sounds_s(verb: &CallVerb) -> u32 {
    match verb {
        CallVerb::Ringing { seconds } | CallVerb::Pause { seconds } => *seconds,
        CallVerb::Play { .. } => FILE_S,
        _ => 0,
    }
}

impl How {
    pub(super) const fn statuses(self) -> (CallStatus, DialStatus) {
        match self {
            Self::NoAnswer => (CallStatus::NoAnswer, DialStatus::NoAnswer),
            Self::Busy => (CallStatus::Busy, DialStatus::Busy),
            Self::Declines => (CallStatus::Busy, DialStatus::Declined),
            Self::Fails => (CallStatus::Failed, DialStatus::Failed),
        }
    }
}

impl Line {
    /// What comes due, and when.
    pub(super) fn due(&self) -> Vec<(Timestamp, Due)> {
        let mut all = Vec::new();
        let talks = self.talk.is_some();
        match self.waits {
            Waits::Dial { .. } if talks => {}
            Waits::Keys { until, .. }
            | Waits::Dial { until, .. }
            | Waits::Recording { until, .. }
            | Waits::Again { until } => all.push((until, Due::Caller)),
            Waits::Nothing | Waits::Room => {}
        }
        let placed = self.rings.iter().filter(|ring| !ring.dialled);
        all.extend(placed.map(|ring| (ring.until, Due::Leg(ring.leg))));
        all
    }
}
