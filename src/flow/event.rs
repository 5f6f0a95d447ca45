//! What can happen to a run, and what a step may know.

use crate::model::account::{Account, Number, Program};
use crate::model::consent::Verdict;
use crate::model::directory::Directory;
use crate::model::http::HttpAnswer;
use crate::model::people::{Contact, Presence};
use crate::model::turn::FieldValue;
use crate::model::{CallStatus, DialStatus, LegId, Party, Timestamp, UserId, Waiting};

/// What can happen to a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// It begins, or goes on in the flow it left for.
    Started,
    /// The flow that a `call` step called has come to its end.
    Returned,
    /// The person texted.
    Text(&'a str),
    /// The time it asked for has come.
    Timer,
    /// A menu's or gather's keys; empty when none was pressed in time.
    Digits(&'a str),
    /// A dial, or the stay in a room, ended.
    DialEnded {
        /// How, as the carrier says.
        status: DialStatus,
        /// Seconds of conversation.
        duration_s: u32,
        /// Whether the caller has left.
        caller_gone: bool,
    },
    /// A recording ended.
    Recorded {
        /// Its length in seconds.
        duration_s: u32,
        /// The carrier's id of it.
        recording: Option<&'a str>,
        /// Where its file will be.
        url: Option<&'a str>,
        /// Whether the caller has left.
        caller_gone: bool,
    },
    /// The file of a recording is ready, and the recording's end was not told yet.
    RecordingReady(EarlyRecording<'a>),
    /// A called leg answered and asks what it shall hear, or pressed a key at the prompt.
    Screen {
        /// Which leg.
        leg: LegId,
        /// The key; `None` when it just answered, empty when the prompt timed out.
        digits: Option<&'a str>,
        /// The carrier takes the answerer for a machine.
        machine: bool,
        /// The carrier was asked to judge and could not.
        unsure: bool,
    },
    /// A called leg changed its state.
    LegStatus {
        /// Which leg.
        leg: LegId,
        /// Its state.
        status: CallStatus,
    },
    /// What came of a request to another system.
    Answered {
        /// Which request of the run.
        ask: u32,
        /// What came of it.
        answer: &'a HttpAnswer,
    },
    /// The caller has left.
    HungUp,
}

/// A recording known before its end was told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyRecording<'a> {
    /// The carrier's id of it.
    pub recording: &'a str,
    /// Where its file is.
    pub url: &'a str,
    /// Its length in seconds.
    pub duration_s: u32,
}

/// All that a step may know besides its run.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The time.
    pub now: Timestamp,
    /// Whose flow it is.
    pub account: &'a Account,
    /// Who is who.
    pub directory: &'a Directory,
    /// The program of the thread.
    pub program: Option<&'a Program>,
    /// Our number.
    pub number: &'a Number,
    /// The far end.
    pub party: &'a Party,
    /// The person, where one is known.
    pub contact: Option<&'a Contact>,
    /// The latest text of the far end.
    pub text: Option<&'a str>,
    /// Whether a user can be rung; `None` while it is not loaded.
    pub presence: &'a dyn Fn(UserId) -> Option<Presence>,
    /// Who waits in the queues of the account, first come first; `None` while it is not loaded.
    pub waiting: Option<&'a [Waiting]>,
    /// How many devices the carrier's own dial takes at once.
    pub legs_max: u32,
    /// How many legs a second the carrier places by order.
    pub calls_per_second: f64,
    /// What the far end allowed.
    pub consent: Allowed,
    /// The far end's phone may be texted, as far as its contact is known.
    pub textable: bool,
    /// Another automated text may still go to this person.
    pub automated_left: bool,
    /// What is known of somebody else's phone on this number; `None` while it is not loaded.
    pub reach: &'a dyn Fn(&Party) -> Option<Reach>,
    /// The account's contacts with a value in a field; `None` while they are not loaded.
    pub with_value: &'a dyn Fn(&FieldValue) -> Option<Vec<Person>>,
    /// Whether e-mails leave at all.
    pub email: bool,
    /// Whether somebody will read which steps were taken and what they said; else only their verbs are kept, to count.
    pub traced: bool,
}

/// What a person allowed, scope by scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Texts from our number.
    pub number: Verdict,
    /// Texts of the program.
    pub program: Verdict,
    /// Texts of the account.
    pub account: Verdict,
    /// Texts of the whole organisation.
    pub organisation: Verdict,
}

impl Allowed {
    /// Whether any scope says out: one is enough.
    pub fn is_out(&self) -> bool {
        let all = [self.number, self.program, self.account, self.organisation];
        all.contains(&Verdict::Out)
    }
}

/// What is known of somebody at another phone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// The person, when the phone is one contact's alone.
    pub contact: Option<Person>,
    /// What they allowed.
    pub consent: Allowed,
    /// The phone may be texted, as far as its contact is known.
    pub textable: bool,
    /// Another automated text may still go there.
    pub automated_left: bool,
    /// Another notice may still go there, if it is a member's.
    pub notices_left: bool,
}

/// A contact as a `lookup` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Their name.
    pub name: Option<String>,
    /// Their address.
    pub email: Option<String>,
    /// Their language (BCP 47).
    pub language: Option<String>,
    /// They are known only because they once wrote or called.
    pub stranger: bool,
}

impl From<&Contact> for Person {
    fn from(contact: &Contact) -> Self {
        Self {
            name: contact.name.clone(),
            email: contact.email.clone(),
            language: contact.language.clone(),
            stranger: contact.source == "inbound" && contact.name.is_none(),
        }
    }
}
