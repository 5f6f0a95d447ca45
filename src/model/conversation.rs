//! Conversations, their dated lines, and voicemails: what stands in a box.

use serde::{Deserialize, Serialize};

use super::account::Route;
use super::{
    AccountId, CallId, ContactId, ConversationId, MessageId, NumberId, Party, ProgramId, RunId,
    ThreadEventId, Timestamp, UserId, VoicemailId,
};

/// All texts and calls between one party and one of our numbers, inside a program of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose it is.
    pub account: AccountId,
    /// The program it is in.
    pub program: ProgramId,
    /// Our number.
    pub number: NumberId,
    /// The far end.
    pub party: Party,
    /// The person, where one is known: an attribute, as families share phones.
    pub contact: Option<ContactId>,
    /// Whether it is in somebody's list.
    pub state: ConversationState,
    /// Who is responsible while it is not assigned.
    pub route: Route,
    /// Whom it was handed to.
    pub assignment: Option<Assignment>,
    /// Tags.
    pub tags: Vec<String>,
    /// Above others in the list.
    pub priority: bool,
    /// A free-text revocation was seen and waits for a person's judgement.
    pub flagged: bool,
    /// Nobody has read the latest text yet.
    pub unread: bool,
    /// The latest text's beginning, for the list; at most 120 characters.
    pub preview: String,
    /// When the latest text or call came or went.
    pub last_at: Timestamp,
    /// When the flow's automatic `inbox` reply was last sent.
    pub auto_replied_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
    /// Raised by one at every change; a reply names the one its author read.
    pub version: i64,
}

impl Conversation {
    /// Who is responsible now.
    pub fn responsible(&self) -> Route {
        self.assignment
            .as_ref()
            .map_or(self.route, |assignment| assignment.to)
    }
}

/// Whether a conversation is in somebody's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationState {
    /// Only a run has it.
    Automated,
    /// In somebody's list.
    Open,
    /// Done with.
    Closed,
}

impl ConversationState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Automated, Self::Open, Self::Closed];

    /// Its word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// A conversation handed over until completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// To whom.
    pub to: Route,
    /// By whom; `None`: by a flow.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub note: Option<String>,
}

/// A dated line in a conversation other than a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadEvent {
    /// Its id.
    pub id: ThreadEventId,
    /// Whose it is.
    pub account: AccountId,
    /// Where it stands.
    pub conversation: ConversationId,
    /// When.
    pub at: Timestamp,
    /// Who did it; `None`: a flow, or the person outside.
    pub by: Option<UserId>,
    /// What happened.
    pub kind: ThreadEventKind,
}

/// What a thread event tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ThreadEventKind {
    /// It came into a box.
    Posted {
        /// Whose box.
        to: Route,
        /// What the flow says of it.
        note: Option<String>,
    },
    /// It was handed over.
    Assigned {
        /// To whom.
        to: Route,
        /// Why.
        note: Option<String>,
    },
    /// Nobody could take a hand-over.
    NotAssigned {
        /// Why.
        reason: String,
    },
    /// An assignment was completed.
    Completed,
    /// It was closed.
    Closed,
    /// It was opened again.
    Reopened,
    /// The person opted out.
    OptedOut,
    /// The person opted in again.
    OptedIn,
    /// A text reads like a wish to stop, in free words.
    RevocationSuspected,
    /// A text went by e-mail.
    ByEmail {
        /// Which text.
        message: MessageId,
        /// Why.
        reason: String,
    },
    /// A text was refused.
    Refused {
        /// Which text.
        message: MessageId,
        /// Why.
        reason: String,
    },
    /// A call came.
    Called {
        /// Which.
        call: CallId,
        /// `answered`, `voicemail`, `missed`, `rejected`, `ended`.
        outcome: String,
        /// Who answered.
        user: Option<UserId>,
    },
    /// A voicemail was left.
    VoicemailLeft {
        /// Which.
        voicemail: VoicemailId,
    },
    /// What caller and called said to each other was recorded.
    CallRecorded {
        /// Their call.
        call: CallId,
        /// Length in seconds.
        seconds: u32,
        /// Our key of its file; `None`: the carrier has none, or it could not be fetched.
        blob: Option<String>,
    },
    /// A flow could not go on, and why.
    FlowStopped {
        /// The reason.
        reason: String,
        /// It went round: more came of it than a run may do.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        looped: bool,
    },
    /// A note by staff or a flow.
    Note {
        /// Its text.
        text: String,
    },
}

/// A recorded message, or a missed call, in a box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voicemail {
    /// Its id.
    pub id: VoicemailId,
    /// Whose data it is.
    pub account: AccountId,
    /// Whose box it is in.
    pub owner: Route,
    /// The call it comes from.
    pub call: CallId,
    /// The thread of the caller.
    pub conversation: Option<ConversationId>,
    /// The caller.
    pub party: Party,
    /// The carrier's id of the recording.
    pub recording: Option<String>,
    /// Length in seconds.
    pub duration_s: u32,
    /// How far its file is.
    pub state: VoicemailState,
    /// Our key of its file, once fetched.
    pub blob: Option<String>,
    /// What was said.
    pub transcript: Option<String>,
    /// Whether somebody has heard it.
    pub heard: bool,
    /// When it was left.
    pub created_at: Timestamp,
    /// Raised by one at every change.
    pub version: i64,
}

/// How far a voicemail's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoicemailState {
    /// The carrier has not made its file yet.
    Awaited,
    /// Being fetched.
    Fetching,
    /// Here.
    Ready,
    /// The carrier has no file, or it could not be fetched.
    Absent,
}

/// One of a flow's runs as the store keeps it; what it means is the flow's business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub account: AccountId,
    /// The flow's key.
    pub flow: String,
    /// The revision it began with.
    pub revision: super::RevisionId,
    /// The call it runs on.
    pub call: Option<CallId>,
    /// The thread it runs on.
    pub conversation: Option<ConversationId>,
    /// Our number.
    pub number: NumberId,
    /// The far end.
    pub party: Party,
    /// Whether a text of the party is its answer.
    pub waits_for_text: bool,
    /// When it last asked; the latest that asked gets the answer.
    pub asked_at: Timestamp,
    /// When it wakes by itself.
    pub due_at: Option<Timestamp>,
    /// Whether it has ended.
    pub ended: bool,
    /// Its inner state, as JSON.
    pub state: String,
    /// Raised by one at every change.
    pub version: i64,
}
