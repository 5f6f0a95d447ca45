//! One event decided: what was known, what changed, what must leave.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::consent::ConsentEntry;
use super::conversation::{Conversation, RunRow, ThreadEvent, Voicemail};
use super::lately::Lately;
use super::people::{Contact, Presence};
use super::{
    AccountId, Call, CallId, CallScript, ConversationId, Id, JobId, Leg, LegId, Message, MessageId,
    MessageStatus, NumberId, Order, Party, RevisionId, RunId, Timestamp, UserId, VoicemailId,
    Waiting, WaitingId,
};

/// How often a decision may ask for more, after what was surely needed is loaded. Whoever asks says at once all it can
/// know that it wants; an event that would ask still more often is kept raw, answered and shown to ops.
pub const ROUNDS_MAX: usize = 4;

/// What a decision must know and does not yet. A closed list: the store has one statement a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// The [`Thread`] of a party on a number.
    Thread(NumberId, Party),
    /// The party and number of a conversation.
    Conversation(ConversationId),
    /// A call with its run, legs and voicemail.
    Call(CallId),
    /// The call of this leg (and so all of that call).
    Leg(LegId),
    /// A run that is no call's, by its timer.
    Run(RunId),
    /// A text of ours.
    Message(MessageId),
    /// A text of ours by a connection's key and the carrier's id.
    MessageByCarrier(String, String),
    /// A call by a connection's key and the carrier's id of the caller's leg.
    CallByCarrier(String, String),
    /// A voicemail by the call it comes from.
    Voicemail(CallId),
    /// Whether a user can be rung.
    Presence(UserId),
    /// Who waits in the queues of an account. Whoever asked for it is alone with them until the turn is saved.
    Waiting(AccountId),
    /// A flow's text as a run began with it, when this node has not heard of that revision.
    Revision(RevisionId),
    /// The contacts of an account that have this value in this field: `email` or a column.
    Contacts(AccountId, FieldValue),
    /// What an account has sent in a month of its plan: the month as `year * 100 + month`. Only who explains asks for it.
    Usage(AccountId, i32),
}

/// A field of contacts and a value of it, in the form in which they are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct FieldValue {
    /// The field's key.
    pub field: String,
    /// The value, as [`Contact::compared`] has it.
    pub value: String,
}

/// How many contacts with the same value are loaded at most: more than one is as good as many.
pub const SAME_VALUE_MAX: usize = 8;

/// What an account has sent in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Whole texts.
    pub messages: u64,
    /// Segments.
    pub segments: u64,
}

/// A published text of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowText {
    /// The flow's key.
    pub key: String,
    /// The text as it was written.
    pub yaml: String,
}

/// All that concerns a party on one of our numbers, over all accounts that share it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thread {
    /// Its conversations, of every account and program.
    pub conversations: Vec<Conversation>,
    /// Its text runs that have not ended.
    pub runs: Vec<RunRow>,
    /// The latest consent entry of each scope.
    pub consents: Vec<ConsentEntry>,
    /// The contacts with this phone, of every account that uses the number.
    pub contacts: Vec<Contact>,
    /// Its latest texts, as far as they were made within [`AUTOMATED_WITHIN`].
    pub lately: Lately,
}

/// How far back automated texts count.
pub const AUTOMATED_WITHIN: Duration = Duration::from_secs(3_600);

/// A call and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallState {
    /// The call.
    pub call: Call,
    /// Its run, when a flow decides it.
    pub run: Option<RunRow>,
    /// The devices rung so far.
    pub legs: Vec<Leg>,
}

/// What came of one look at one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Decided.
    Done(Box<Turn>),
    /// These must be loaded first.
    Need(Vec<Need>),
    /// It cannot be decided (a panic, too many rounds); kept raw and shown to ops.
    Undecided(String),
}

/// What the store has loaded for a batch. An absent key was not asked for; `None` was not found.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Threads; always found, if empty. Put in with [`State::put_thread`].
    pub threads: HashMap<(NumberId, Party), Thread>,
    /// The numbers of the threads.
    numbers: HashSet<NumberId>,
    /// Where conversations are.
    pub conversations: HashMap<ConversationId, Option<(NumberId, Party)>>,
    /// Calls.
    pub calls: HashMap<CallId, Option<CallState>>,
    /// The calls of legs.
    pub legs: HashMap<LegId, Option<CallId>>,
    /// Calls by the carrier's id.
    pub carrier_calls: HashMap<(String, String), Option<CallId>>,
    /// Runs of texts, as loaded by a timer: where their thread is.
    pub runs: HashMap<RunId, Option<(NumberId, Party)>>,
    /// Texts of ours.
    pub messages: HashMap<MessageId, Option<Message>>,
    /// Texts by the carrier's id.
    pub carrier_messages: HashMap<(String, String), Option<MessageId>>,
    /// Voicemails of calls.
    pub voicemails: HashMap<CallId, Vec<Voicemail>>,
    /// Users.
    pub presence: HashMap<UserId, Presence>,
    /// Who waits in the queues of an account, first come first.
    pub waiting: HashMap<AccountId, Vec<Waiting>>,
    /// Texts of flows.
    pub revisions: HashMap<RevisionId, Option<FlowText>>,
    /// Contacts by what stands in a field.
    pub contacts: HashMap<(AccountId, FieldValue), Vec<Contact>>,
    /// What accounts have sent in a month; `None`: nobody here can tell.
    pub usage: HashMap<(AccountId, i32), Option<Usage>>,
}

/// One change to the store. Rows are whole; where a row is written more than once in a batch the last
/// one is saved.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new text.
    Message(Box<Message>),
    /// A text's progress; ignored where the lattice forbids it.
    MessageStatus(StatusChange),
    /// A new or changed conversation.
    Conversation(Box<Conversation>),
    /// A new line in a conversation.
    ThreadEvent(Box<ThreadEvent>),
    /// A new or changed contact.
    Contact(Box<Contact>),
    /// A new entry of the consent ledger.
    Consent(Box<ConsentEntry>),
    /// A new or changed run.
    Run(Box<RunRow>),
    /// A new or changed call.
    Call(Box<Call>),
    /// A new or changed leg.
    Leg(Box<Leg>),
    /// A new or changed voicemail.
    Voicemail(Box<Voicemail>),
    /// A caller waits in a queue, or is rung for.
    Waiting(Box<Waiting>),
    /// A caller does not wait any more.
    WaitingOver(AccountId, WaitingId),
    /// Something that must leave.
    Job(Box<Job>),
    /// A text to a number we do not have, or another event that needs a look by ops.
    OpsNotice {
        /// A stable code: `unknown_number`, `undecided`.
        code: &'static str,
        /// Words without personal data.
        words: String,
    },
}

/// A text's progress.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusChange {
    /// Which text.
    pub message: MessageId,
    /// What it becomes.
    pub status: MessageStatus,
    /// The carrier's id, where it becomes known.
    pub carrier_id: Option<String>,
    /// Reason code.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Something other than a text that must leave: made in a turn, carried out after its commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub account: AccountId,
    /// The connection's key it goes out by; empty for e-mails.
    pub connection: String,
    /// What.
    pub kind: JobKind,
    /// Not before.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u16,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A carrier is asked; what came of it is an event.
    Order(Order),
    /// A voicemail's file is fetched.
    FetchVoicemail {
        /// Which.
        voicemail: VoicemailId,
        /// Its call.
        call: CallId,
        /// From where.
        url: String,
    },
    /// The file of a recorded talk is fetched, and told in its thread.
    FetchTalk {
        /// The line that tells of it, still without its file.
        line: Box<ThreadEvent>,
        /// From where.
        url: String,
    },
    /// A text's file is fetched.
    FetchMedia {
        /// Which text.
        message: MessageId,
        /// Which of its files, from 0.
        index: u16,
        /// From where.
        url: String,
    },
    /// A member of a box is told by e-mail that a voicemail was left in it; where no mail server is configured,
    /// nobody is.
    TellOfVoicemail {
        /// The member's address.
        to: String,
        /// Whose box it is, for people.
        whose: String,
        /// Its length in seconds.
        seconds: u32,
    },
    /// Another system is asked for a run; what came of it is an event.
    Http {
        /// The run that waits.
        run: RunId,
        /// Its call, when it runs on one.
        call: Option<CallId>,
        /// Which request of the run.
        ask: u32,
        /// What is asked.
        request: super::http::HttpRequest,
    },
    /// An e-mail.
    Email {
        /// To whom.
        to: String,
        /// Its subject.
        subject: String,
        /// Its text.
        text: String,
        /// The text it stands for, whose outcome it decides.
        message: Option<MessageId>,
    },
}

/// What a turn decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// The changes.
    pub writes: Vec<Write>,
    /// What the carrier is answered, for a call.
    pub answer: Option<CallScript>,
    /// The rule or step that decided, for metrics and `explain`: a short stable word.
    pub rule: &'static str,
    /// The account concerned, for the event row.
    pub account: Option<AccountId>,
    /// Why a member's action was not carried out.
    pub refused: Option<Refusal>,
    /// What a repeat of a member's action is told; nothing when it was refused.
    pub told: Option<Told>,
    /// The flow steps taken, by verb, for metrics.
    pub steps: Vec<(&'static str, u32)>,
    /// Whose pages have something new once this is saved.
    pub notices: Vec<Notice>,
    /// The event carried secret digits: its raw form is not stored.
    pub redact: bool,
}

/// Why a member's action was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code: `thread_moved`, `not_yours`, `opted_out`, `may_not_start`…
    pub code: &'static str,
    /// For the member.
    pub words: String,
}

/// What became of a member's action that was carried out; kept with its event, so that one sent twice hears
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    /// The thread it concerned.
    pub conversation: Option<ConversationId>,
    /// That thread's version after it.
    pub version: Option<i64>,
}

/// Something on somebody's pages changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Notice {
    /// In which account.
    pub account: AccountId,
    /// Which thread; `None`: a box alone, or the account.
    pub conversation: Option<ConversationId>,
    /// Whose boxes.
    pub boxes: Vec<super::account::Route>,
}

impl State {
    /// Takes in a thread as it is loaded.
    pub fn put_thread(&mut self, number: NumberId, party: Party, thread: Thread) {
        self.numbers.insert(number);
        self.threads.insert((number, party), thread);
    }

    /// Takes in what was loaded besides; what is known already stays.
    pub fn absorb(&mut self, other: Self) {
        fn add<K: std::hash::Hash + Eq, V>(to: &mut HashMap<K, V>, from: HashMap<K, V>) {
            for (key, value) in from {
                to.entry(key).or_insert(value);
            }
        }
        self.numbers.extend(other.numbers);
        add(&mut self.threads, other.threads);
        add(&mut self.conversations, other.conversations);
        add(&mut self.calls, other.calls);
        add(&mut self.legs, other.legs);
        add(&mut self.carrier_calls, other.carrier_calls);
        add(&mut self.runs, other.runs);
        add(&mut self.messages, other.messages);
        add(&mut self.carrier_messages, other.carrier_messages);
        add(&mut self.voicemails, other.voicemails);
        add(&mut self.presence, other.presence);
        add(&mut self.waiting, other.waiting);
        add(&mut self.revisions, other.revisions);
        add(&mut self.contacts, other.contacts);
        add(&mut self.usage, other.usage);
    }

    /// Takes a turn's changes into what is known, so that the next event of the batch sees them.
    pub fn apply(&mut self, turn: &Turn) {
        for write in &turn.writes {
            match write {
                Write::Message(message) => self.take_message(message),
                Write::MessageStatus(change) => self.take_status(change),
                Write::Conversation(row) => self.take_conversation(row),
                Write::Contact(row) => self.take_contact(row),
                Write::Consent(row) => self.take_consent(row),
                Write::Run(row) => self.take_run(row),
                Write::Call(row) => self.take_call(row),
                Write::Leg(row) => self.take_leg(row),
                Write::Voicemail(row) => self.take_voicemail(row),
                Write::Waiting(row) => self.take_waiting(row),
                Write::WaitingOver(account, id) => {
                    if let Some(waiting) = self.waiting.get_mut(account) {
                        waiting.retain(|have| have.id != *id);
                    }
                }
                Write::ThreadEvent(_) | Write::Job(_) | Write::OpsNotice { .. } => {}
            }
        }
    }

    fn take_message(&mut self, row: &Message) {
        let own = (row.number, row.party.clone());
        let thread = match self.conversations.get(&row.conversation) {
            Some(Some(key)) => self.threads.get_mut(key),
            _ => self.threads.get_mut(&own),
        };
        if let Some(thread) = thread {
            thread.lately.take(row.into());
        }
        self.messages.insert(row.id, Some(row.clone()));
    }

    fn take_status(&mut self, change: &StatusChange) {
        if let Some(Some(row)) = self.messages.get_mut(&change.message) {
            if row.status.may_become(change.status) {
                row.status = change.status;
                row.reason = change.reason.clone().or(row.reason.take());
            }
            row.carrier_id = row.carrier_id.take().or_else(|| change.carrier_id.clone());
        }
    }

    fn take_conversation(&mut self, row: &Conversation) {
        self.conversations
            .insert(row.id, Some((row.number, row.party.clone())));
        if let Some(thread) = self.threads.get_mut(&(row.number, row.party.clone())) {
            put(&mut thread.conversations, row, |have| {
                have.id.uuid() == row.id.uuid()
            });
        }
    }

    /// The threads of a party on all numbers.
    fn for_threads_of(&mut self, party: &Party, mut with: impl FnMut(&mut Thread)) {
        for number in &self.numbers {
            if let Some(thread) = self.threads.get_mut(&(*number, party.clone())) {
                with(thread);
            }
        }
    }

    fn take_contact(&mut self, row: &Contact) {
        for ((account, asked), found) in &mut self.contacts {
            found.retain(|have| have.id != row.id);
            let has = row.compared(&asked.field).as_ref() == Some(&asked.value);
            if *account == row.account && has {
                found.push(row.clone());
                found.sort_by_key(|have| have.id);
                found.truncate(SAME_VALUE_MAX);
            }
        }
        for phone in &row.phones {
            self.for_threads_of(&phone.phone, |thread| {
                put(&mut thread.contacts, row, |have| have.id == row.id);
            });
        }
    }

    fn take_consent(&mut self, row: &ConsentEntry) {
        self.for_threads_of(&row.party, |thread| {
            put(&mut thread.consents, row, |have| have.scope == row.scope);
        });
    }

    fn take_run(&mut self, row: &RunRow) {
        if let Some(call) = row.call {
            if let Some(Some(state)) = self.calls.get_mut(&call) {
                state.run = Some(row.clone());
            }
            return;
        }
        self.runs
            .insert(row.id, Some((row.number, row.party.clone())));
        if let Some(thread) = self.threads.get_mut(&(row.number, row.party.clone())) {
            thread.runs.retain(|have| have.id != row.id);
            if !row.ended {
                thread.runs.push(row.clone());
            }
        }
    }

    fn take_call(&mut self, row: &Call) {
        self.carrier_calls.insert(
            (row.connection.clone(), row.carrier_id.clone()),
            Some(row.id),
        );
        match self.calls.get_mut(&row.id) {
            Some(Some(state)) => state.call = row.clone(),
            _ => {
                let fresh = CallState {
                    call: row.clone(),
                    run: None,
                    legs: Vec::new(),
                };
                self.calls.insert(row.id, Some(fresh));
            }
        }
    }

    fn take_leg(&mut self, row: &Leg) {
        self.legs.insert(row.id, Some(row.call));
        let presence = row.user.and_then(|user| self.presence.get_mut(&user));
        if let Some(presence) = presence {
            let at = Some(row.started_at);
            presence.rung_at = presence.rung_at.max(at);
            presence.busy |= row.status == super::CallStatus::InProgress;
            presence.ringing |= row.status.rings();
            if row.accepted {
                presence.answered_at = presence.answered_at.max(at);
            }
        }
        if let Some(Some(state)) = self.calls.get_mut(&row.call) {
            put(&mut state.legs, row, |have| have.id == row.id);
        }
    }

    fn take_waiting(&mut self, row: &Waiting) {
        if let Some(waiting) = self.waiting.get_mut(&row.account) {
            put(waiting, row, |have| have.id == row.id);
            waiting.sort_by_key(Waiting::place);
        }
    }

    fn take_voicemail(&mut self, row: &Voicemail) {
        put(self.voicemails.entry(row.call).or_default(), row, |have| {
            have.id == row.id
        });
    }
}

/// Replaces the row that is the same, or appends.
fn put<T: Clone>(rows: &mut Vec<T>, row: &T, same: impl Fn(&T) -> bool) {
    match rows.iter_mut().find(|have| same(have)) {
        Some(have) => *have = row.clone(),
        None => rows.push(row.clone()),
    }
}
