//! What a step asks for, and what one event came to.

use serde::{Deserialize, Serialize};

use super::run::Run;
use crate::model::account::Route;
use crate::model::consent::Consent;
use crate::model::http::HttpRequest;
use crate::model::turn::FieldValue;
use crate::model::{
    CallStatus, CallVerb, GroupId, LegId, Party, Phone, RevisionId, Timestamp, UserId, WaitingId,
};

/// What came of one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It is decided.
    Done(Box<Stepped>),
    /// This must be known first; ask again with the same run and event.
    Need(Vec<Wanted>),
}

/// Something that a step must know first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Whether this user can be rung: [`super::Facts::presence`].
    Presence(UserId),
    /// What is known of this phone: [`super::Facts::reach`].
    Reach(Party),
    /// Which contacts have this value in this field: [`super::Facts::with_value`].
    Contacts(FieldValue),
    /// Who waits in the queues of the account: [`super::Facts::waiting`].
    Waiting,
}

/// A decided event.
#[derive(Debug, Clone, PartialEq)]
pub struct Stepped {
    /// The run as it is now.
    pub run: Run,
    /// What must be done, in order.
    pub effects: Vec<Effect>,
    /// What the caller hears next: a new turn. `None`: what runs, runs on.
    pub script: Option<Vec<CallVerb>>,
    /// What the called leg of an [`super::Event::Screen`] hears; empty: it is connected.
    pub leg_script: Option<Vec<CallVerb>>,
    /// Whether the run now waits for a text.
    pub waits_for_text: bool,
    /// When an [`super::Event::Timer`] is wanted.
    pub due_at: Option<Timestamp>,
    /// Set when the run is over.
    pub ended: Option<Ended>,
    /// The flow it leaves for, by key, and what that flow's first script begins with. `run` already stands
    /// at its beginning: go on with [`super::step`] and [`super::Event::Started`].
    pub goto: Option<(String, Vec<CallVerb>)>,
    /// Set when a called flow has come to its end.
    pub returns: Option<Return>,
    /// The steps taken, for `explain` and tests.
    pub trace: Vec<Trace>,
}

/// The way back into a flow that called another. The run already stands at the calling step: go on with
/// [`super::step`] and [`super::Event::Returned`].
#[derive(Debug, Clone, PartialEq)]
pub struct Return {
    /// The revision that the calling step is of.
    pub revision: Option<RevisionId>,
    /// What the calling flow's first script begins with.
    pub said: Vec<CallVerb>,
}

/// A step taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The step's name.
    pub step: String,
    /// Its verb.
    pub verb: &'static str,
    /// Its line in the flow, from 1.
    pub line: u32,
    /// What came of it; `waits` while nothing did.
    pub outcome: String,
    /// The texts it spoke or sent.
    #[serde(skip)]
    pub said: Vec<String>,
    /// The addresses it e-mailed.
    #[serde(skip)]
    pub emailed: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It came to its end.
    End,
    /// It hung up.
    Hangup,
    /// It refused the call.
    Rejected,
    /// It handed the call to another number.
    Transferred,
    /// The caller left.
    CallerGone,
    /// It could not go on, for this reason (without personal data).
    Fault(String),
    /// It goes round, with another machine or by itself: more than a run may do came of it, for this reason.
    Looped(String),
}

/// What a step asks for: orders, carried out in the turn of the event.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A text to the far end.
    Reply {
        /// The step that says it.
        step: String,
        /// Its text.
        text: String,
    },
    /// A text to somebody else's phone, from the same number.
    Send {
        /// Whose.
        to: Party,
        /// Its text.
        text: String,
        /// It is a member's own phone, which makes no contact of them.
        staff: bool,
    },
    /// An e-mail to each of these addresses.
    Email {
        /// They.
        to: Vec<String>,
        /// Its subject.
        subject: String,
        /// Its text.
        text: String,
    },
    /// Another system is asked; its answer is an [`super::Event::Answered`].
    Http {
        /// Which request of the run it is.
        ask: u32,
        /// What is asked.
        request: HttpRequest,
    },
    /// The ledger takes down what the far end allows.
    Consent {
        /// How far it reaches.
        scope: Scope,
        /// What it says.
        verdict: Consent,
    },
    /// The thread goes into a box.
    Inbox {
        /// Whose.
        to: Route,
        /// Why.
        note: Option<String>,
        /// Tags to add.
        tags: Vec<String>,
        /// Above others.
        high: bool,
        /// Answered so, at most once a day.
        auto_reply: Option<String>,
    },
    /// The thread is handed over.
    Assign {
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
    /// The conversation is closed.
    Close,
    /// A field of the contact takes a value: `name`, `email`, `language` or one of the account's columns.
    SetField {
        /// Its key.
        field: String,
        /// Its value; null empties it.
        value: serde_json::Value,
    },
    /// Tags of the contact.
    Tag {
        /// Added.
        add: Vec<String>,
        /// Removed.
        remove: Vec<String>,
    },
    /// Caseloads of the contact, by key.
    Caseloads {
        /// Which it comes into.
        add: Vec<String>,
        /// Which it leaves.
        remove: Vec<String>,
    },
    /// These devices ring.
    Ring {
        /// They.
        legs: Vec<RingLeg>,
        /// The room in which the caller waits, each leg placed by order; `None`: the carrier's own dial,
        /// in the script of this turn, rings them.
        room: Option<String>,
        /// Seconds until each gives up.
        ring_s: u32,
        /// The number shown; `None`: the caller's own.
        caller_id: Option<String>,
        /// The carrier shall tell whether a person or a machine has picked up.
        detects: bool,
    },
    /// A called person took the call.
    Accepted {
        /// On this leg.
        leg: LegId,
    },
    /// A called leg is over.
    LegEnded {
        /// Which.
        leg: LegId,
        /// How.
        status: CallStatus,
    },
    /// These legs must be ended.
    EndLegs(Vec<LegId>),
    /// The caller waits in the queue of a group, or is rung for there.
    Waits {
        /// The place in line.
        id: WaitingId,
        /// For whom.
        group: GroupId,
        /// Who is rung.
        user: Option<UserId>,
        /// Since when.
        since: Timestamp,
        /// Until when at the latest.
        until: Timestamp,
        /// The version of the row.
        version: i64,
    },
    /// The caller has left the queue, whichever way.
    WaitsNoMore(WaitingId),
    /// The caller's leg must fetch the new script, as no webhook of it is being answered now.
    MoveCaller,
    /// A voicemail was left.
    Voicemail {
        /// Whose box it goes into.
        owner: Route,
        /// Its length in seconds.
        duration_s: u32,
        /// The carrier's id of the recording.
        recording: Option<String>,
        /// Where its file will be.
        url: Option<String>,
        /// Who is told.
        notify: Notify,
    },
    /// How the call ended for people: `answered`, `voicemail`, `missed`, `rejected` or `ended`.
    CallOutcome(&'static str),
    /// A dated line in the thread.
    Note {
        /// Its text.
        text: String,
    },
}

impl Effect {
    /// The text that goes to the far end.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Reply { text, .. } | Self::Send { text, .. } => Some(text),
            Self::Inbox { auto_reply, .. } => auto_reply.as_deref(),
            _ => None,
        }
    }

    /// The addresses that an e-mail goes to.
    pub(crate) fn addresses(&self) -> &[String] {
        match self {
            Self::Email { to, .. } => to,
            _ => &[],
        }
    }
}

/// What [`Effect::Tag`] and [`Effect::Caseloads`] do to a contact's list: words leave it, then words come into it; none
/// stands there twice.
pub(crate) fn change(list: &mut Vec<String>, add: &[String], remove: &[String]) {
    list.retain(|word| !remove.contains(word));
    for word in add {
        if !list.contains(word) {
            list.push(word.clone());
        }
    }
}

/// A device that rings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingLeg {
    /// Our id of the leg.
    pub leg: LegId,
    /// Whose device it is; `None` for a bare number.
    pub user: Option<UserId>,
    /// The device.
    pub phone: Phone,
}

/// Who is told of a voicemail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Nobody.
    Nobody,
    /// The people of its box.
    Members,
    /// These.
    Users(Vec<UserId>),
}

/// How far a consent reaches that a flow asks for, checks or takes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The number of the thread, for all accounts on it.
    Number,
    /// The program of the thread.
    Program,
    /// The account.
    Account,
}
