//! What members of staff do, as values: decided like any other event.

use serde::{Deserialize, Serialize};

use super::account::Route;
use super::{AccountId, CallId, ConversationId, NumberId, Party, ProgramId, UserId, VoicemailId};

/// One thing a member does, in an account they are signed in to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StaffAction {
    /// Who.
    pub by: UserId,
    /// In which account.
    pub account: AccountId,
    /// What.
    pub what: StaffVerb,
}

/// What a member may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffVerb {
    /// Answer a thread. Refused when the thread moved since `read_version`, unless `anyway`.
    Reply {
        /// Which.
        conversation: ConversationId,
        /// The text.
        text: String,
        /// The version its author read.
        read_version: i64,
        /// Send it although the thread moved.
        anyway: bool,
    },
    /// Begin a thread.
    StartText {
        /// In which program.
        program: ProgramId,
        /// From which number.
        number: NumberId,
        /// To whom.
        to: Party,
        /// The text.
        text: String,
    },
    /// Hand it over.
    Assign {
        /// Which.
        conversation: ConversationId,
        /// To whom.
        to: Route,
        /// Why.
        note: Option<String>,
    },
    /// Complete an assignment: back to the route, or closed when `close`.
    Complete {
        /// Which.
        conversation: ConversationId,
        /// Whether it is closed as well.
        close: bool,
    },
    /// Close it.
    Close {
        /// Which.
        conversation: ConversationId,
    },
    /// Open it again.
    Reopen {
        /// Which.
        conversation: ConversationId,
    },
    /// It was read.
    Read {
        /// Which.
        conversation: ConversationId,
    },
    /// Leave a note.
    Note {
        /// Which.
        conversation: ConversationId,
        /// The note.
        text: String,
    },
    /// Judge a suspected revocation.
    JudgeRevocation {
        /// Which.
        conversation: ConversationId,
        /// Whether the person did opt out.
        out: bool,
    },
    /// A voicemail was heard.
    Heard {
        /// Which.
        voicemail: VoicemailId,
        /// The call it comes from.
        call: CallId,
    },
}

impl StaffVerb {
    /// The thread it concerns, where there is one already.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Reply { conversation, .. }
            | Self::Assign { conversation, .. }
            | Self::Complete { conversation, .. }
            | Self::Close { conversation }
            | Self::Reopen { conversation }
            | Self::Read { conversation }
            | Self::Note { conversation, .. }
            | Self::JudgeRevocation { conversation, .. } => Some(*conversation),
            Self::StartText { .. } | Self::Heard { .. } => None,
        }
    }
}
