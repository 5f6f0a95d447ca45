//! The verbs: one file a verb or close family. Each says how it is read from a file and what it does.
//!
//! A new verb is one file, one arm in [`Verb`] and one line in [`SPECS`].

mod ask;
mod boxes;
mod choose;
mod consent;
mod data;
mod dial;
mod http;
mod keys;
mod leave;
mod lookup;
mod members;
mod people;
mod queue;
mod reachable;
mod speak;
mod voicemail;
mod wait;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Kind;
use super::effect::{Ended, Wanted};
use super::engine::Engine;
use super::event::Event;
use super::reader::Reading;
use super::scope::Type;
use super::yaml::Node;

/// A checked step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepDef {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) spec: &'static Spec,
    pub(crate) verb: Verb,
    /// Where each outcome goes.
    pub(crate) then: Vec<(String, Target)>,
    /// Where a caller who has left goes on.
    pub(crate) hung_up: Target,
}

/// Where an outcome goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    End,
    /// The step at this position.
    Step(usize),
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verb {
    Say(speak::Say),
    Play(speak::Play),
    Menu(keys::Menu),
    Gather(keys::Gather),
    Dial(Box<dial::Dial>),
    Voicemail(Box<voicemail::VoicemailStep>),
    Queue(Box<queue::Queue>),
    Transfer(leave::Transfer),
    Reply(ask::Reply),
    Send(people::Send),
    Ask(Box<ask::Ask>),
    Keywords(ask::Keywords),
    Inbox(Box<boxes::InboxStep>),
    Assign(boxes::Assign),
    Close,
    Hours(choose::HoursStep),
    Branch(choose::Branch),
    Split(choose::Split),
    Consent(consent::ConsentStep),
    Lookup(lookup::Lookup),
    Email(Box<people::Email>),
    Notify(Box<people::Notify>),
    Wait(wait::Wait),
    Call(leave::Call),
    Http(Box<http::Http>),
    Set(data::Set),
    Tag(data::Tag),
    Goto(leave::Goto),
    Hangup,
    Reject(leave::Reject),
}

/// What is known of a verb before any step uses it.
#[derive(Debug)]
pub(crate) struct Spec {
    /// Its key in a step.
    pub(crate) word: &'static str,
    /// The kinds of flow it belongs to.
    pub(crate) kinds: &'static [Kind],
    /// How it says where its outcomes go.
    pub(crate) style: Style,
    /// What `steps.<step>.<value>` knows of it.
    pub(crate) values: &'static [(&'static str, Type)],
    /// It waits for the person.
    pub(crate) waits: bool,
    /// It makes no sense once the caller has left.
    pub(crate) needs_caller: bool,
    /// Reading its value; `None`: it is not available yet.
    pub(crate) read: Option<fn(&mut Reading<'_>, &Node) -> Option<Verb>>,
}

/// There is one of each word.
impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

/// How a step says where its outcomes go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Style {
    /// `next`, or a full `then`.
    Next(&'static [&'static str]),
    /// A full `then`.
    Then(&'static [&'static str]),
    /// Neither: it leaves.
    Leaves,
}

const S: &[Kind] = &[Kind::Sms];
const V: &[Kind] = &[Kind::Call];
const SV: &[Kind] = &[Kind::Sms, Kind::Call];

const OUTCOME: (&str, Type) = ("outcome", Type::Text);
const DIALED: &[&str] = &[
    "answered",
    "no_answer",
    "busy",
    "declined",
    "failed",
    "nobody_available",
];

/// Every verb of the language.
pub(crate) static SPECS: [Spec; 30] = [
    Spec {
        word: "say",
        kinds: V,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: true,
        read: Some(speak::Say::read),
    },
    Spec {
        word: "play",
        kinds: V,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: true,
        read: Some(speak::Play::read),
    },
    Spec {
        word: "menu",
        kinds: V,
        style: Style::Then(&["invalid", "timeout"]),
        values: &[OUTCOME, ("digits", Type::Text)],
        waits: true,
        needs_caller: true,
        read: Some(keys::Menu::read),
    },
    Spec {
        word: "gather",
        kinds: V,
        style: Style::Then(&["got", "timeout"]),
        values: &[OUTCOME, ("digits", Type::Text)],
        waits: true,
        needs_caller: true,
        read: Some(keys::Gather::read),
    },
    Spec {
        word: "dial",
        kinds: V,
        style: Style::Then(DIALED),
        values: &[OUTCOME, ("user", Type::Text), ("seconds", Type::Number)],
        waits: false,
        needs_caller: true,
        read: Some(dial::Dial::read),
    },
    Spec {
        word: "voicemail",
        kinds: V,
        style: Style::Next(&["left", "empty"]),
        values: &[OUTCOME, ("seconds", Type::Number)],
        waits: true,
        needs_caller: true,
        read: Some(voicemail::VoicemailStep::read),
    },
    Spec {
        word: "queue",
        kinds: V,
        style: Style::Then(&["connected", "timeout", "callback"]),
        values: &[OUTCOME, ("user", Type::Text), ("seconds", Type::Number)],
        waits: false,
        needs_caller: true,
        read: Some(queue::Queue::read),
    },
    Spec {
        word: "hangup",
        kinds: V,
        style: Style::Leaves,
        values: &[],
        waits: false,
        needs_caller: true,
        read: Some(leave::read_hangup),
    },
    Spec {
        word: "reject",
        kinds: V,
        style: Style::Leaves,
        values: &[],
        waits: false,
        needs_caller: true,
        read: Some(leave::Reject::read),
    },
    Spec {
        word: "reply",
        kinds: S,
        style: Style::Next(&["ok", "refused"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(ask::Reply::read),
    },
    Spec {
        word: "ask",
        kinds: S,
        style: Style::Then(&["valid", "invalid", "timeout"]),
        values: &[OUTCOME, ("text", Type::Text)],
        waits: true,
        needs_caller: false,
        read: Some(ask::Ask::read),
    },
    Spec {
        word: "keywords",
        kinds: S,
        style: Style::Then(&["unmatched"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(ask::Keywords::read),
    },
    Spec {
        word: "inbox",
        kinds: SV,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(boxes::InboxStep::read),
    },
    Spec {
        word: "assign",
        kinds: SV,
        style: Style::Next(&["ok", "nobody_available"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(boxes::Assign::read),
    },
    Spec {
        word: "close",
        kinds: SV,
        style: Style::Next(&["ok"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(boxes::read_close),
    },
    Spec {
        word: "hours",
        kinds: SV,
        style: Style::Then(&["open", "closed", "holiday"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(choose::HoursStep::read),
    },
    Spec {
        word: "branch",
        kinds: SV,
        style: Style::Then(&["else"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(choose::Branch::read),
    },
    Spec {
        word: "set",
        kinds: SV,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(data::Set::read),
    },
    Spec {
        word: "tag",
        kinds: SV,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(data::Tag::read),
    },
    Spec {
        word: "goto",
        kinds: SV,
        style: Style::Leaves,
        values: &[],
        waits: false,
        needs_caller: true,
        read: Some(leave::Goto::read),
    },
    Spec {
        word: "send",
        kinds: SV,
        style: Style::Next(&["ok", "refused"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(people::Send::read),
    },
    Spec {
        word: "split",
        kinds: SV,
        style: Style::Then(&[]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(choose::Split::read),
    },
    Spec {
        word: "consent",
        kinds: SV,
        style: Style::Next(&[]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(consent::ConsentStep::read),
    },
    Spec {
        word: "lookup",
        kinds: SV,
        style: Style::Next(&["found", "missing"]),
        values: &[
            OUTCOME,
            ("name", Type::Text),
            ("email", Type::Text),
            ("language", Type::Text),
        ],
        waits: false,
        needs_caller: false,
        read: Some(lookup::Lookup::read),
    },
    Spec {
        word: "email",
        kinds: SV,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(people::Email::read),
    },
    Spec {
        word: "notify",
        kinds: SV,
        style: Style::Next(&["next"]),
        values: &[OUTCOME],
        waits: false,
        needs_caller: false,
        read: Some(people::Notify::read),
    },
    Spec {
        word: "wait",
        kinds: S,
        style: Style::Next(&["elapsed", "replied"]),
        values: &[OUTCOME],
        waits: true,
        needs_caller: false,
        read: Some(wait::Wait::read),
    },
    Spec {
        word: "call",
        kinds: SV,
        style: Style::Next(&["returned"]),
        values: &[OUTCOME, ("result", Type::Any)],
        waits: false,
        needs_caller: true,
        read: Some(leave::Call::read),
    },
    Spec {
        word: "transfer",
        kinds: V,
        style: Style::Leaves,
        values: &[],
        waits: false,
        needs_caller: true,
        read: Some(leave::Transfer::read),
    },
    Spec {
        word: "http",
        kinds: SV,
        style: Style::Then(&["ok", "refused", "failed"]),
        values: &[OUTCOME, ("status", Type::Number)],
        waits: false,
        needs_caller: false,
        read: Some(http::Http::read),
    },
];

/// What is known of the verb with this key.
pub(crate) fn spec(word: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.word == word)
}

pub(crate) use data::is_name;
pub(crate) use dial::Dial;
pub(crate) use leave::read_parameters;

/// Whether a name in a menu's `then` is a key of the phone: one or a few of digits, `*` and `#`.
pub(crate) fn is_menu_key(key: &str) -> bool {
    let short = (1..=keys::MENU_KEY_CHARS_MAX).contains(&key.len());
    short
        && key
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'*' || b == b'#')
}

/// What came of a step, or of an event at it.
pub(crate) enum Came {
    /// It is done, with this outcome.
    Outcome(Cow<'static, str>),
    /// It waits.
    Waits,
    /// The caller has left before it was done.
    HungUp,
    /// The run is over.
    Ends(Ended),
    /// The run leaves for the flow with this key.
    Leaves(String),
    /// The run goes through the flow with this key, given these variables, and comes back.
    Calls(String, BTreeMap<String, serde_json::Value>),
    /// This must be known first.
    Needs(Vec<Wanted>),
}

impl Came {
    pub(crate) fn outcome(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Outcome(name.into())
    }

    pub(crate) fn fault(reason: impl Into<String>) -> Self {
        Self::Ends(Ended::Fault(reason.into()))
    }

    pub(crate) fn looped(reason: impl Into<String>) -> Self {
        Self::Ends(Ended::Looped(reason.into()))
    }
}

impl StepDef {
    /// Whether it waits for the person.
    pub(crate) fn waits(&self) -> bool {
        self.spec.waits || matches!(&self.verb, Verb::Consent(consent) if consent.asks())
    }
}

impl Verb {
    /// The flow that it leaves for or takes as a part, by key.
    pub(crate) fn leads_to(&self) -> Option<&str> {
        match self {
            Self::Goto(goto) => Some(&goto.flow),
            Self::Call(call) => Some(&call.flow),
            _ => None,
        }
    }

    /// The names of the values that it gives to the flow that it calls.
    pub(crate) fn gives(&self) -> Vec<String> {
        match self {
            Self::Call(call) => call.gives(),
            _ => Vec::new(),
        }
    }

    /// The step is reached.
    pub(crate) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        match self {
            Self::Say(say) => say.enter(engine),
            Self::Play(play) => play.enter(engine),
            Self::Menu(menu) => menu.enter(engine),
            Self::Gather(gather) => gather.enter(engine),
            Self::Dial(dial) => dial.enter(engine),
            Self::Voicemail(voicemail) => voicemail.enter(engine),
            Self::Queue(queue) => queue.enter(engine),
            Self::Transfer(transfer) => transfer.enter(engine),
            Self::Reply(reply) => reply.enter(engine),
            Self::Send(send) => send.enter(engine),
            Self::Ask(ask) => ask.enter(engine),
            Self::Keywords(keywords) => keywords.enter(engine),
            Self::Inbox(inbox) => inbox.enter(engine),
            Self::Assign(assign) => assign.enter(engine),
            Self::Close => boxes::close(engine),
            Self::Hours(hours) => hours.enter(engine),
            Self::Branch(branch) => branch.enter(engine),
            Self::Split(split) => split.enter(engine),
            Self::Consent(consent) => consent.enter(engine),
            Self::Lookup(lookup) => lookup.enter(engine),
            Self::Email(email) => email.enter(engine),
            Self::Notify(notify) => notify.enter(engine),
            Self::Wait(wait) => wait.enter(engine),
            Self::Call(call) => call.enter(engine),
            Self::Http(http) => http.enter(engine),
            Self::Set(set) => set.enter(engine),
            Self::Tag(tag) => tag.enter(engine),
            Self::Goto(goto) => Came::Leaves(goto.flow.clone()),
            Self::Hangup => Came::Ends(Ended::Hangup),
            Self::Reject(reject) => reject.enter(engine),
        }
    }

    /// What the step would want to know if it were reached now.
    pub(crate) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        match self {
            Self::Dial(dial) => dial.wants(engine),
            // Who waits is asked for by the step itself: whoever asks keeps all others of the account waiting.
            Self::Queue(queue) => queue.wants(engine),
            Self::Send(send) => send.wants(engine),
            Self::Lookup(lookup) => lookup.wants(engine),
            Self::Email(email) => email.wants(engine),
            Self::Notify(notify) => notify.wants(engine),
            _ => Vec::new(),
        }
    }

    /// Something happened while the step waits; `Came::Waits` when it waits on.
    pub(crate) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        match self {
            Self::Menu(menu) => menu.resume(engine, event),
            Self::Gather(gather) => gather.resume(engine, event),
            Self::Dial(dial) => dial.resume(engine, event),
            Self::Voicemail(voicemail) => voicemail.resume(engine, event),
            Self::Queue(queue) => queue.resume(engine, event),
            Self::Ask(ask) => ask.resume(engine, event),
            Self::Consent(consent) => consent.resume(engine, event),
            Self::Wait(wait) => wait.resume(engine, event),
            Self::Call(call) => call.resume(engine, event),
            Self::Http(http) => http.resume(engine, event),
            _ => Came::Waits,
        }
    }
}
