//! The `tests:` of a flow file: conversations written beside the steps. Here they are read and checked; they are
//! played where a whole organisation is at hand.

pub(super) mod given;
pub(super) mod lines;
pub(super) mod read;

use crate::model::calendar::CalendarSpec;
use crate::model::conversation::ConversationState;
use crate::model::http::HttpAnswer;
use crate::model::people::Presence;
use crate::model::{MessageStatus, Party};
use jiff::civil::DateTime;

pub(crate) use read::read;

/// A conversation and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// Its line in the file, from 1.
    pub line: u32,
    /// When it begins, in the account's zone.
    pub at: DateTime,
    /// Who calls or texts.
    pub from: Party,
    /// Our number.
    pub to: String,
    /// The first text; `None`: it is a call.
    pub text: Option<String>,
    /// What is otherwise than in the organisation.
    pub given: Given,
    /// What happens, in order.
    pub script: Vec<Line>,
    /// What must be so at the end.
    pub expect: Vec<Expected>,
}

/// What is otherwise than in the organisation, for one test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// Who is in these groups.
    pub groups: Vec<(String, Vec<String>)>,
    /// What these calendars say.
    pub calendars: Vec<(String, GivenHours)>,
    /// Who these phones belong to.
    pub contacts: Vec<GivenContact>,
    /// Who is away, or on a call.
    pub presence: Vec<(String, Presence)>,
    /// Phones that want no texts from the test's number.
    pub opted_out: Vec<Party>,
}

/// What a calendar says in a test.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenHours {
    /// Always open.
    Open,
    /// Always closed.
    Closed,
    /// The day on which the test begins is a holiday.
    Holiday,
    /// These hours.
    Hours(CalendarSpec),
}

/// A person outside, as a test makes them up.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenContact {
    /// Their phone.
    pub phone: Party,
    /// Their fields as written, `tags` and `caseloads` apart.
    pub fields: Vec<(String, String)>,
    /// Their tags.
    pub tags: Vec<String>,
    /// The caseloads they are in, by key.
    pub caseloads: Vec<String>,
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its line in the file, from 1.
    pub line: u32,
    /// What it says.
    pub says: Says,
}

/// What a line of a script says: something that must have happened, or something that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// The caller has heard words with this part.
    Hears(String),
    /// The caller presses keys.
    Presses(String),
    /// Exactly these users ring, or these phones.
    Rings(Vec<String>),
    /// A called person answers.
    Answers {
        /// Who; `None`: the first that rings.
        who: Option<String>,
        /// Whether the call is accepted when that is asked.
        accept: bool,
    },
    /// A called person does not answer; `None`: nobody of those who ring.
    NoAnswer(Option<String>),
    /// A called person's line is busy; `None`: all that ring.
    Busy(Option<String>),
    /// A called person refuses the call; `None`: all that ring.
    Declines(Option<String>),
    /// A called phone cannot be reached; `None`: all that ring.
    Fails(Option<String>),
    /// A called person hangs up; `None`: the caller does.
    HangsUp(Option<String>),
    /// The caller speaks for so many seconds after the tone.
    LeavesVoicemail(u32),
    /// Seconds pass.
    Passes(u32),
    /// The person outside texts.
    Texts(String),
    /// The person outside has got a text with this part.
    Receives(String),
    /// The person outside has got no text.
    ReceivesNothing,
    /// The carrier tells what became of our latest text.
    Receipt {
        /// What.
        status: MessageStatus,
        /// The carrier's error number.
        error: Option<String>,
    },
    /// A member of staff does something with the thread.
    Staff {
        /// Who.
        user: String,
        /// What.
        does: StaffDoes,
    },
    /// The system that a flow has asked answers, or does not.
    Http {
        /// A part of the address that must have been asked.
        url: Option<String>,
        /// What it answers.
        answer: HttpAnswer,
    },
}

impl Says {
    /// Whether a flow can keep it from being so: all that must have happened, and what can only be done where something
    /// is awaited. Whoever texts, waits or hangs up just does.
    pub(crate) const fn can_fail(&self) -> bool {
        !matches!(self, Self::Texts(_) | Self::Passes(_) | Self::HangsUp(None))
    }
}

/// What a member of staff does in a script.
#[derive(Debug, Clone, PartialEq)]
pub enum StaffDoes {
    /// Answers.
    Replies(String),
    /// Hands the thread to a group or a user.
    Assigns(String),
    /// Completes what was handed over.
    Completes,
    /// Closes the thread.
    Closes,
}

/// Something that must be so at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// Its line in the file, from 1.
    pub line: u32,
    /// What.
    pub what: Expect,
}

/// What must be so at the end of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// A voicemail lies in this box.
    VoicemailIn(String),
    /// The thread lies in this box.
    InBox(String),
    /// These users were told by e-mail.
    Notified(Vec<String>),
    /// The thread is so.
    State(ConversationState),
    /// A field of the contact; `None`: it is empty.
    Contact(String, Option<String>),
    /// The contact has these tags, beside others.
    Tags(Vec<String>),
    /// The contact is in exactly these caseloads, by key.
    Caseloads(Vec<String>),
    /// So many texts of ours were sent.
    Sent(u32),
    /// The flow has ended, and this was its last step.
    EndedAt(String),
}
