//! Texts and their receipts, and the only moves a status may make.

use serde::{Deserialize, Serialize};

use super::consent::ComplianceClass;
use super::{
    AccountId, ContactId, ConversationId, EventId, MessageId, NumberId, Party, RunId, Timestamp,
    UserId,
};

/// A text from a phone, as a carrier handed it over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mo {
    /// The carrier's id of the text.
    pub carrier_id: String,
    /// Who sent it.
    pub from: Party,
    /// Our number, as the carrier says it.
    pub to: String,
    /// The text; may be empty (a picture alone).
    pub text: String,
    /// Files that came with it.
    pub media: Vec<MediaRef>,
    /// The carrier has already answered this compliance word itself.
    pub carrier_answered: bool,
    /// What the carrier took the text for, by words that may be its own: it has acted on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_said: Option<ComplianceClass>,
}

/// A file of a text, still at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// Where it is fetched.
    pub url: String,
    /// Its content type, as the carrier says it.
    pub content_type: String,
}

/// A delivery receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dlr {
    /// From the URL's `k`.
    pub message: Option<MessageId>,
    /// The carrier's id of the text.
    pub carrier_id: String,
    /// What the carrier says of it.
    pub status: MessageStatus,
    /// The carrier's error number.
    pub error: Option<String>,
}

/// How far a text has come. It only moves forward ([`MessageStatus::may_become`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// From a phone.
    Received,
    /// Waits for its window, plan or budget.
    Held,
    /// Waits for its turn.
    Queued,
    /// Handed to the carrier; no answer yet.
    Sending,
    /// The carrier's answer was lost: it may or may not have left.
    Unknown,
    /// The carrier took it.
    Accepted,
    /// The carrier passed it on.
    Sent,
    /// It reached the phone.
    Delivered,
    /// The network could not deliver it.
    Undelivered,
    /// The carrier refused or lost it.
    Failed,
    /// We refused to send it.
    Refused,
    /// It waited too long.
    Expired,
    /// Somebody took it back.
    Canceled,
}

impl MessageStatus {
    /// Every status, in order of rank.
    pub const ALL: [Self; 13] = [
        Self::Received,
        Self::Held,
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Refused,
        Self::Expired,
        Self::Canceled,
    ];

    /// Height in the lattice; a text never moves to a lower or equal one.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Held | Self::Queued => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Accepted => 3,
            Self::Sent => 4,
            Self::Received | Self::Delivered | Self::Undelivered | Self::Failed => 9,
            Self::Refused | Self::Expired | Self::Canceled => 9,
        }
    }

    /// Whether nothing follows it.
    pub const fn is_final(self) -> bool {
        self.rank() == 9
    }

    /// Whether a text in this state may take the state `next`. `held` and `queued` alternate; the ends
    /// that mean "never left" are reached only from there.
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Held | Self::Queued, Self::Held | Self::Queued) => self != next,
            (_, Self::Refused | Self::Expired | Self::Canceled) => self.rank() == 0,
            _ => next.rank() > self.rank() && next != Self::Received,
        }
    }

    /// The word in the store, the API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// The status of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// By which way a text went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// As a text.
    Text,
    /// As an e-mail in a text's place.
    Email,
}

/// Why a text of ours exists; decides what it may pass at dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// From a phone.
    Inbound,
    /// The one confirmation of STOP, START or HELP.
    Compliance,
    /// Answered by a flow.
    Automated,
    /// From a flow, and no answer to what the person has just done: its time had come, or it goes to somebody else.
    Unprompted,
    /// Written by a member of staff.
    Staff,
    /// One of many.
    Campaign,
}

impl MessageKind {
    /// Whether it was a flow that wrote it: what the loop guard counts.
    pub const fn is_automated(self) -> bool {
        matches!(self, Self::Automated | Self::Unprompted)
    }

    /// Whether nobody at the other end waits for it, so that it leaves inside the account's sending hours only.
    pub const fn is_unprompted(self) -> bool {
        matches!(self, Self::Unprompted | Self::Campaign)
    }
}

/// A text as the store keeps it, in or out. An outgoing one is its own outbox entry: it waits while
/// `due_at` is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The account whose data it is.
    pub account: AccountId,
    /// The thread it stands in.
    pub conversation: ConversationId,
    /// Our number.
    pub number: NumberId,
    /// The phone at the other end.
    pub party: Party,
    /// Why it exists.
    pub kind: MessageKind,
    /// The text.
    pub text: String,
    /// Files that came with it.
    pub media: Vec<MediaRef>,
    /// How far it has come.
    pub status: MessageStatus,
    /// By which way.
    pub via: Via,
    /// Segments it is counted as.
    pub segments: u16,
    /// The carrier's id, once known.
    pub carrier_id: Option<String>,
    /// Reason code of a refusal, hold or failure.
    pub reason: Option<String>,
    /// The member who wrote it.
    pub author: Option<UserId>,
    /// The run whose step wrote it, and the step.
    pub run: Option<RunId>,
    /// The contact, where one is known.
    pub contact: Option<ContactId>,
    /// The event it came from.
    pub event: Option<EventId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is to be looked at next; `None` once nothing is left to do.
    pub due_at: Option<Timestamp>,
    /// How often sending was tried.
    pub attempts: u16,
}

#[cfg(test)]
mod tests {
    use super::MessageStatus::*;
    use super::*;

    #[test]
    fn a_status_only_moves_forward() {
        for (from, to, may) in [
            (Queued, Sending, true),
            (Held, Queued, true),
            (Queued, Held, true),
            (Queued, Queued, false),
            (Sending, Delivered, true),
            (Unknown, Accepted, true),
            (Accepted, Unknown, false),
            (Sent, Accepted, false),
            (Delivered, Failed, false),
            (Failed, Delivered, false),
            (Sent, Undelivered, true),
            (Queued, Refused, true),
            (Sending, Refused, false),
            (Queued, Canceled, true),
            (Accepted, Canceled, false),
            (Queued, Received, false),
        ] {
            assert_eq!(from.may_become(to), may, "{from:?} to {to:?}");
        }
        for status in MessageStatus::ALL {
            assert_eq!(MessageStatus::from_word(status.as_str()), Some(status));
            let end = MessageStatus::ALL
                .into_iter()
                .all(|next| !status.may_become(next));
            assert_eq!(end, status.is_final(), "{status:?}");
        }
    }
}
