//! Everything that is the case right now: live legs, rooms, texts, recordings, requests received.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::conference::Room;
use super::fault::Faults;
use super::sign::Form;
use crate::model::{Ids, Timestamp};

/// Legs alive at the same time, at most.
pub const LEGS_LIVE_MAX: usize = 200;
/// Legs remembered after their end.
const LEGS_ENDED_MAX: usize = 500;
/// Texts remembered.
const TEXTS_MAX: usize = 5_000;
/// Recordings remembered.
const RECORDINGS_MAX: usize = 500;
/// Requests of the daemon remembered.
const REQUESTS_MAX: usize = 20_000;
/// Short-lived media addresses remembered.
const STORAGE_MAX: usize = 200;
/// Pairs of phone and number remembered as opted out.
const OPTED_OUT_MAX: usize = 10_000;

/// How far a leg is, in the carrier's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegStatus {
    /// Placed, not yet sent out.
    Queued,
    /// Sent out.
    Initiated,
    /// Rings.
    Ringing,
    /// Answered.
    InProgress,
    /// Over after it was answered.
    Completed,
    /// Refused or engaged.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// Ended by us before an answer.
    Canceled,
    /// Could not be made.
    Failed,
}

impl LegStatus {
    /// The word in webhooks and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    /// The event name of status callbacks: all ends are `completed`.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Queued | Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "answered",
            _ => "completed",
        }
    }
}

/// Who made a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// A person calls one of our numbers.
    Inbound,
    /// The daemon placed it over the REST API.
    Api,
    /// A `<Dial>` placed it.
    Dial,
}

impl Direction {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Api => "outbound-api",
            Self::Dial => "outbound-dial",
        }
    }
}

/// One leg as others see it; what it does is the business of its task.
#[derive(Clone)]
pub(super) struct Leg {
    pub(super) sid: String,
    pub(super) parent: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) status: LegStatus,
    pub(super) created: Timestamp,
    pub(super) answered: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// What the person at the far end is going through, for the page.
    pub(super) doing: String,
    /// Lets the daemon place legs with this caller's number.
    pub(super) token: Option<String>,
    pub(super) mailbox: mpsc::Sender<super::leg::Command>,
}

impl Leg {
    /// The phone of the person at the far end.
    pub(super) fn phone(&self) -> &str {
        match self.direction {
            Direction::Inbound => &self.from,
            Direction::Api | Direction::Dial => &self.to,
        }
    }
}

/// A picture or file of a text.
#[derive(Clone)]
pub(super) struct Media {
    pub(super) sid: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

/// A text, in either direction.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) sid: String,
    pub(super) inbound: bool,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) media: Vec<Media>,
    pub(super) status: String,
    pub(super) error: Option<u32>,
    pub(super) at: Timestamp,
}

/// A recording; its file is there from `ready` on.
#[derive(Clone)]
pub(super) struct Recording {
    pub(super) sid: String,
    pub(super) seconds: u32,
    pub(super) ready: bool,
}

/// One request of the daemon to the REST API, as it arrived.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ReceivedRequest {
    /// When it arrived.
    pub at: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// The path without query.
    pub path: String,
    /// The fields of its form, or of its query where it has no form.
    pub form: Form,
    /// The status of the answer; 0 while there is none or when it was lost on purpose.
    pub status: u16,
}

/// See the module.
pub(super) struct World {
    ids: Ids,
    pub(super) legs: BTreeMap<String, Leg>,
    pub(super) ended: VecDeque<Leg>,
    pub(super) rooms: BTreeMap<String, Room>,
    pub(super) texts: VecDeque<Text>,
    pub(super) recordings: VecDeque<Recording>,
    pub(super) storage: VecDeque<(String, Media)>,
    pub(super) requests: VecDeque<ReceivedRequest>,
    /// Requests forgotten, so that a position in the list stays valid.
    forgotten: usize,
    pub(super) unreachable: BTreeSet<String>,
    opted_out: BTreeSet<(String, String)>,
    pub(super) faults: Faults,
}

impl World {
    pub(super) fn new(now: Timestamp, seed: u64) -> Self {
        Self {
            ids: Ids::new(now, seed),
            legs: BTreeMap::new(),
            ended: VecDeque::new(),
            rooms: BTreeMap::new(),
            texts: VecDeque::new(),
            recordings: VecDeque::new(),
            storage: VecDeque::new(),
            requests: VecDeque::new(),
            forgotten: 0,
            unreachable: BTreeSet::new(),
            opted_out: BTreeSet::new(),
            faults: Faults::default(),
        }
    }

    /// A new carrier id: two letters and 32 hex digits.
    pub(super) fn sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{:016x}{:016x}", self.ids.mix(), self.ids.mix())
    }

    /// A new random-looking UUID.
    pub(super) fn uuid(&mut self) -> Uuid {
        let bits = u128::from(self.ids.mix()) << 64 | u128::from(self.ids.mix());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }

    /// Takes a leg off the list of live ones; it stays readable.
    pub(super) fn retire(&mut self, sid: &str, status: LegStatus, at: Timestamp) {
        if let Some(mut leg) = self.legs.remove(sid) {
            leg.status = status;
            leg.ended = Some(at);
            keep(&mut self.ended, leg, LEGS_ENDED_MAX);
        }
    }

    /// A leg, live or over.
    pub(super) fn leg(&self, sid: &str) -> Option<&Leg> {
        let over = || self.ended.iter().find(|leg| leg.sid == sid);
        self.legs.get(sid).or_else(over)
    }

    pub(super) fn add_text(&mut self, text: Text) {
        keep(&mut self.texts, text, TEXTS_MAX);
    }

    pub(super) fn text_mut(&mut self, sid: &str) -> Option<&mut Text> {
        self.texts.iter_mut().rev().find(|text| text.sid == sid)
    }

    pub(super) fn add_recording(&mut self, recording: Recording) {
        keep(&mut self.recordings, recording, RECORDINGS_MAX);
    }

    /// From now on the file of this recording can be fetched.
    pub(super) fn recording_ready(&mut self, sid: &str) {
        let found = self.recordings.iter_mut().find(|kept| kept.sid == sid);
        if let Some(recording) = found {
            recording.ready = true;
        }
    }

    pub(super) fn add_storage(&mut self, token: String, media: Media) {
        keep(&mut self.storage, (token, media), STORAGE_MAX);
    }

    /// Notes a request and returns its position for [`World::note_status`].
    pub(super) fn note_request(&mut self, request: ReceivedRequest) -> usize {
        if self.requests.len() >= REQUESTS_MAX {
            self.forgotten += 1;
        }
        keep(&mut self.requests, request, REQUESTS_MAX);
        self.forgotten + self.requests.len() - 1
    }

    pub(super) fn note_status(&mut self, position: usize, status: u16) {
        let kept = position.checked_sub(self.forgotten);
        if let Some(request) = kept.and_then(|at| self.requests.get_mut(at)) {
            request.status = status;
        }
    }

    pub(super) fn opt(&mut self, phone: &str, number: &str, out: bool) {
        let pair = (phone.to_owned(), number.to_owned());
        if !out {
            self.opted_out.remove(&pair);
        } else if self.opted_out.len() < OPTED_OUT_MAX {
            self.opted_out.insert(pair);
        }
    }

    pub(super) fn is_out(&self, phone: &str, number: &str) -> bool {
        let pair = (phone.to_owned(), number.to_owned());
        self.opted_out.contains(&pair)
    }
}

fn keep<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(item);
}
