//! A call, what happens to it, and what its caller hears: all of it carrier-neutral.

use serde::{Deserialize, Serialize};

use super::{
    AccountId, CallId, ConversationId, GroupId, LegId, NumberId, Party, Phone, RunId, Timestamp,
    UserId, WaitingId,
};

/// Where a carrier's next webhook about a call or a leg belongs: the `k` of every URL we hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackKey {
    /// The caller's leg, at this turn: `call_<id>.<turn>`.
    Call(CallId, u32),
    /// A placed or dialled leg: `leg_<id>`.
    Leg(LegId),
}

impl std::fmt::Display for CallbackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(call, turn) => write!(f, "{call}.{turn}"),
            Self::Leg(leg) => leg.fmt(f),
        }
    }
}

impl std::str::FromStr for CallbackKey {
    type Err = super::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(leg) = text.parse() {
            return Ok(Self::Leg(leg));
        }
        let (id, turn) = text.rsplit_once('.').unwrap_or((text, "x"));
        let call = id.parse()?;
        // A turn that is no number is as wrong as a wrong id.
        turn.parse()
            .map(|turn| Self::Call(call, turn))
            .map_err(|_| super::bad_id::<CallId>())
    }
}

/// What a caller (or a called member) hears next and what rings; each carrier's adapter renders it.
/// The verbs run in order; after the last waiting verb nothing follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallScript {
    /// Where the carrier reports what came of it.
    pub key: CallbackKey,
    /// What to do, in order.
    pub verbs: Vec<CallVerb>,
}

/// The longest name of a sound file of ours.
const SOUND_NAME_BYTES_MAX: usize = 128;

/// Whether this names a sound file that we serve: plain letters, `.wav` or `.mp3`, no path, nothing hidden.
pub fn is_sound_file(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let sound = name.ends_with(".mp3") || name.ends_with(".wav");
    sound && name.len() <= SOUND_NAME_BYTES_MAX && !name.starts_with('.') && name.chars().all(plain)
}

/// One thing to do on a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallVerb {
    /// Speaks a text in a language (BCP 47).
    Say {
        /// What is said.
        text: String,
        /// Its language, such as `en` or `es-MX`.
        language: String,
    },
    /// Plays a file.
    Play {
        /// Where the carrier fetches it: an absolute URL, or the name of one of our own sound files
        /// ([`is_sound_file`]), which gets its address when the script is answered.
        url: String,
    },
    /// Silence, in seconds.
    Pause {
        /// How long.
        seconds: u32,
    },
    /// The tone that tells a caller that it rings, for about these seconds.
    Ringing {
        /// How long.
        seconds: u32,
    },
    /// Prompts and collects digits; reported as [`CallEventKind::Digits`] (empty on time-out).
    Gather {
        /// Says, plays and pauses.
        prompt: Vec<CallVerb>,
        /// Ends by itself after this many digits; `None`: only by `finish_on` or time-out.
        digits_max: Option<u32>,
        /// The key that ends it.
        finish_on: Option<char>,
        /// Seconds of silence after the prompt, and between digits.
        timeout_s: u32,
        /// Whether a key cuts the prompt short.
        barge_in: bool,
    },
    /// Rings these legs; the first that answers is connected. Reported as [`CallEventKind::DialEnded`].
    Dial {
        /// Who rings.
        legs: Vec<DialLeg>,
        /// Seconds until it gives up.
        ring_s: u32,
        /// The number shown to the called, when not the caller's.
        caller_id: Option<String>,
        /// Whether a called leg is asked to accept before it is connected (hook `screen`).
        screen: bool,
        /// Whether the connected call is recorded; its file is reported as [`CallEventKind::TalkRecorded`].
        record: bool,
    },
    /// Records until silence, a key or the limit; reported as [`CallEventKind::Recorded`], its file
    /// later as [`CallEventKind::RecordingReady`].
    Record {
        /// Longest recording in seconds.
        max_s: u32,
        /// Seconds of silence that end it.
        silence_s: u32,
        /// Whether a beep begins it.
        beep: bool,
        /// Whether the carrier should transcribe it.
        transcribe: bool,
    },
    /// The caller waits in this room and hears ringing until somebody joins or the call is moved. The
    /// caller's leaving, or the end of the room after somebody joined, is reported as
    /// [`CallEventKind::DialEnded`].
    Hold {
        /// The room's name, unique to this ringing.
        room: String,
        /// Whether what is said in the room is recorded, from the moment somebody joins.
        #[serde(default)]
        record: bool,
    },
    /// A member's leg joins the caller in this room; the room ends when either leaves.
    Join {
        /// The room's name.
        room: String,
        /// As for [`CallVerb::Hold`]: where the member may be there before the caller, both say it.
        #[serde(default)]
        record: bool,
    },
    /// Nothing to say yet: ask for the script again after these seconds.
    AskAgain {
        /// How long the caller hears nothing (or ringing, where the carrier can).
        seconds: u32,
    },
    /// Hands the caller on to another number; the call ends with that conversation, and nothing of it is reported.
    Transfer {
        /// The number.
        phone: Phone,
        /// The number shown there, when not the caller's.
        caller_id: Option<String>,
    },
    /// Refuses the call without answering it. Only as the first verb.
    Reject {
        /// As busy rather than declined.
        busy: bool,
    },
    /// Ends the leg.
    Hangup,
}

impl CallVerb {
    /// What is heard of it, in words: what is said, and the names of files that are played.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Say { text, .. } => vec![text.clone()],
            Self::Play { url } => vec![url.clone()],
            Self::Gather { prompt, .. } => prompt.iter().flat_map(Self::texts).collect(),
            _ => Vec::new(),
        }
    }
}

/// One leg of a [`CallVerb::Dial`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialLeg {
    /// Our id of the leg; its webhooks carry it.
    pub leg: LegId,
    /// The device that rings.
    pub phone: Phone,
}

/// What a carrier tells about a call or one of its legs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// From the URL's `k`; `None` for a new inbound call.
    pub key: Option<CallbackKey>,
    /// The carrier's id of the leg that the webhook is about.
    pub carrier_id: String,
    /// What happened.
    pub kind: CallEventKind,
}

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEventKind {
    /// An inbound call wants its first script.
    Started {
        /// The caller.
        from: Party,
        /// The number called, as the carrier says it.
        to: String,
        /// What lets a placed leg show the caller's number, where the carrier has such a thing.
        token: Option<String>,
    },
    /// The call was moved, or asked to ask again: it fetches the script of the turn in its key.
    Resumed,
    /// A gather ended; empty when nothing was pressed.
    Digits {
        /// The keys, without the finishing one.
        digits: String,
    },
    /// A dial, or the stay in a room, ended.
    DialEnded {
        /// How.
        status: DialStatus,
        /// Seconds of conversation.
        duration_s: u32,
        /// Whether the caller has left.
        caller_gone: bool,
    },
    /// A record verb ended. The file may not be there yet.
    Recorded {
        /// Length in seconds; zero when nothing was said.
        duration_s: u32,
        /// The carrier's id of the recording.
        recording: Option<String>,
        /// Where its file will be.
        url: Option<String>,
        /// Whether the caller hung up (and so no script is awaited).
        caller_gone: bool,
    },
    /// The file of a recording is ready, or never will be.
    RecordingReady {
        /// The carrier's id of the recording.
        recording: String,
        /// Where it is; `None` when it is absent or failed.
        url: Option<String>,
        /// Length in seconds.
        duration_s: u32,
    },
    /// The file of what caller and called said to each other is ready, or never will be.
    TalkRecorded {
        /// The carrier's id of the recording.
        recording: String,
        /// Where it is; `None` when it is absent or failed.
        url: Option<String>,
        /// Length in seconds.
        duration_s: u32,
    },
    /// What was said in a recording.
    Transcribed {
        /// The carrier's id of the recording.
        recording: String,
        /// The words; `None` when it failed.
        text: Option<String>,
    },
    /// The caller's leg changed its state; final ones end the call.
    Status {
        /// The new state.
        status: CallStatus,
        /// Seconds, at the end.
        duration_s: Option<u32>,
    },
    /// A called leg answered and asks what it shall hear (accept prompt), or pressed a key at it.
    Screen {
        /// The key pressed; `None` when the leg just answered; empty when the prompt timed out.
        digits: Option<String>,
        /// The carrier's judgement, where asked for: a machine answered.
        machine: bool,
        /// The carrier was asked to judge and could not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsure: bool,
    },
    /// A called leg changed its state.
    LegStatus {
        /// The new state.
        status: CallStatus,
        /// The carrier's running number of this leg's reports.
        sequence: Option<u32>,
    },
    /// The room's hold music was asked for; changes nothing.
    HoldAsked,
}

/// The states of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// Being placed.
    Queued,
    /// Rings.
    Ringing,
    /// Answered.
    InProgress,
    /// Ended after an answer.
    Completed,
    /// Ended: busy.
    Busy,
    /// Ended: nobody answered.
    NoAnswer,
    /// Ended before an answer by the caller or by us.
    Canceled,
    /// Ended: could not be placed, or the carrier gave up.
    Failed,
}

impl CallStatus {
    /// Whether nothing follows it.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Ringing | Self::InProgress)
    }

    /// Whether the device rings, or is about to.
    pub const fn rings(self) -> bool {
        matches!(self, Self::Queued | Self::Ringing)
    }

    /// The word in the store, the API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }
}

/// How a dial ended, as the carrier says. Whether somebody *accepted* is our record, not the carrier's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialStatus {
    /// A leg was answered (and, without screening, connected).
    Answered,
    /// It rang out.
    NoAnswer,
    /// It was busy.
    Busy,
    /// The leg was refused.
    Declined,
    /// It could not be placed.
    Failed,
    /// The caller left, or we ended it.
    Canceled,
}

/// A call as the store keeps it: one row with a version, so that any node may take its next webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The account it belongs to.
    pub account: AccountId,
    /// The number called.
    pub number: NumberId,
    /// The carrier connection's key.
    pub connection: String,
    /// The carrier's id of the caller's leg.
    pub carrier_id: String,
    /// The caller.
    pub party: Party,
    /// The thread it shows in.
    pub conversation: Option<ConversationId>,
    /// The run that decides it; `None` when the number has no call flow.
    pub run: Option<RunId>,
    /// What lets a placed leg show the caller's number.
    pub token: Option<String>,
    /// State of the caller's leg.
    pub status: CallStatus,
    /// How it ended for people: `answered`, `voicemail`, `missed`, `rejected`, `ended`.
    pub outcome: Option<String>,
    /// The latest turn, counted from 1.
    pub turn: u32,
    /// The latest turn whose script the carrier has asked for; it is sent there only once.
    pub fetched: u32,
    /// That script.
    pub script: Option<CallScript>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Raised by one at every change; compare-and-set over nodes.
    pub version: i64,
}

/// A called device of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Its id.
    pub id: LegId,
    /// The account of its call.
    pub account: AccountId,
    /// The call it belongs to.
    pub call: CallId,
    /// Whose device it is; `None` for a bare number.
    pub user: Option<UserId>,
    /// The device.
    pub phone: Phone,
    /// The carrier's id, once known.
    pub carrier_id: Option<String>,
    /// Its state.
    pub status: CallStatus,
    /// The room it joins when accepted; `None` when the carrier's own dial connects it.
    pub room: Option<String>,
    /// Whether the called person accepted.
    pub accepted: bool,
    /// When it began to ring.
    pub started_at: Timestamp,
    /// Raised by one at every change.
    pub version: i64,
}

/// A caller who waits in the queue of a group. There is a row as long as the caller waits there, and no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: WaitingId,
    /// The account of the call.
    pub account: AccountId,
    /// The call.
    pub call: CallId,
    /// For whom the caller waits.
    pub group: GroupId,
    /// The member who is rung for this caller now, and so for nobody else.
    pub user: Option<UserId>,
    /// Since when: first come, first served.
    pub since: Timestamp,
    /// When the caller does not wait any more at the latest; a row that is left over from a run that broke off counts
    /// no longer than that.
    pub until: Timestamp,
    /// Raised by one at every change.
    pub version: i64,
}

impl Waiting {
    /// The place in line: who came first, and of two who came together the one with the lower id.
    pub fn place(&self) -> (Timestamp, WaitingId) {
        (self.since, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ids;

    #[test]
    fn only_plain_sound_files_are_ours() {
        let long = |letters: usize| format!("{}.mp3", "a".repeat(letters - 4));
        for (name, ours) in [
            ("welcome.mp3", true),
            ("hold-music_2.wav", true),
            (&long(128), true),
            (&long(129), false),
            ("welcome.ogg", false),
            ("../secret.mp3", false),
            (".hidden.wav", false),
            ("flow.yaml", false),
            ("a/b.mp3", false),
            ("", false),
        ] {
            assert_eq!(is_sound_file(name), ours, "{name}");
        }
    }

    #[test]
    fn callback_keys_come_back() {
        let mut ids = Ids::new(Timestamp::from_micros(1_700_000_000_000_000), 1);
        for key in [
            CallbackKey::Call(ids.fresh(), 3),
            CallbackKey::Leg(ids.fresh()),
        ] {
            assert_eq!(key.to_string().parse::<CallbackKey>(), Ok(key));
        }
        let call: CallId = ids.fresh();
        assert!(format!("{call}").parse::<CallbackKey>().is_err());
        assert!(format!("{call}.x").parse::<CallbackKey>().is_err());
    }
}
