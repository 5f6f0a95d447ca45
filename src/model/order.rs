//! What a carrier is asked to do, and how it went.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{CallId, LegId, MessageId, MessageStatus, Party, Phone, Timestamp};

/// Something a carrier is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Send a text.
    SendText {
        /// Ours; its receipts carry it.
        message: MessageId,
        /// Our number as the carrier knows it.
        from: String,
        /// The phone.
        to: Party,
        /// The text.
        text: String,
    },
    /// Look for a text whose answer was lost.
    FindText {
        /// Ours.
        message: MessageId,
        /// Our number.
        from: String,
        /// The phone.
        to: Party,
        /// The text, to tell it from others.
        text: String,
        /// Not earlier than this.
        since: Timestamp,
    },
    /// Ring a member's device.
    PlaceLeg {
        /// Ours; its webhooks carry it.
        leg: LegId,
        /// The number shown.
        from: String,
        /// The device.
        to: Phone,
        /// Seconds until it gives up.
        ring_s: u32,
        /// The inbound call's token, when `from` is the caller's own number.
        token: Option<String>,
        /// Whether the carrier shall tell whether a person or a machine has picked up, before the leg asks what it
        /// shall hear.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        detects: bool,
    },
    /// Have the caller's leg fetch the script of this turn now.
    MoveCall {
        /// The call.
        call: CallId,
        /// The carrier's id of the caller's leg.
        carrier_id: String,
        /// The turn whose script it fetches.
        turn: u32,
    },
    /// End a leg, ringing or answered.
    EndLeg {
        /// The leg.
        leg: LegId,
        /// The carrier's id of it.
        carrier_id: String,
    },
    /// Fetch a recording or a text's file.
    FetchMedia {
        /// Where it is.
        url: String,
    },
}

/// How an order that the carrier understood went.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The text was taken.
    TextAccepted {
        /// The carrier's id of it.
        carrier_id: String,
        /// How far it is already.
        status: MessageStatus,
    },
    /// What the carrier's own record has that may be the text, the earliest first: its ids, and how far each is.
    TextsFound(Vec<(String, MessageStatus)>),
    /// The leg is being placed.
    LegPlaced {
        /// The carrier's id of it.
        carrier_id: String,
    },
    /// Done, nothing to tell. Also when the leg had already ended.
    Done,
    /// The file.
    Media {
        /// Its content type.
        content_type: String,
        /// Its bytes.
        bytes: Bytes,
    },
}

/// Why an order did not go.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {words}")]
pub struct SendFailure {
    /// What may be done about it.
    pub class: FailureClass,
    /// A stable code: the carrier's number or our word.
    pub code: String,
    /// For the owner, without numbers or texts.
    pub words: String,
}

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Certainly not done; may be tried again.
    Transient,
    /// Not done because of a rate limit; after this time.
    RateLimited(Option<Duration>),
    /// Never will be: the recipient, the text.
    Permanent,
    /// The recipient has opted out at the carrier; recorded in the ledger.
    OptedOut,
    /// Our configuration or credentials; the connection's owner must act.
    OurFault,
    /// The answer was lost: it may have been done.
    Unknown,
}

/// The kinds of webhook, a closed list: the last part of `/carriers/{connection}/{hook}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// An inbound text.
    Sms,
    /// A receipt.
    Status,
    /// An inbound call, or its next script.
    Call,
    /// The caller's leg changed state.
    CallStatus,
    /// A dial ended.
    Dial,
    /// Digits.
    Gather,
    /// A called leg answered, or pressed a key.
    Screen,
    /// A called leg changed state.
    Leg,
    /// Music of a room.
    Hold,
    /// A recording's file.
    Recording,
    /// A recording's words.
    Transcript,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Sms,
        Self::Status,
        Self::Call,
        Self::CallStatus,
        Self::Dial,
        Self::Gather,
        Self::Screen,
        Self::Leg,
        Self::Hold,
        Self::Recording,
        Self::Transcript,
    ];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Status => "status",
            Self::Call => "call",
            Self::CallStatus => "call-status",
            Self::Dial => "dial",
            Self::Gather => "gather",
            Self::Screen => "screen",
            Self::Leg => "leg",
            Self::Hold => "hold",
            Self::Recording => "recording",
            Self::Transcript => "transcript",
        }
    }

    /// The hook of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.as_str() == word)
    }
}
