//! A store in memory that applies turns, and what must hold after every one of them.

use std::collections::{BTreeMap, HashMap};

use super::sample::Bench;
use crate::decide::Input;
use crate::decide::explain::nothing_known;
use crate::inbox::assignment::leads;
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{Conversation, ConversationState, RunRow, ThreadEvent, Voicemail};
use crate::model::lately::Lately;
use crate::model::people::{Contact, Presence};
use crate::model::turn::{CallState, FlowText, Job, Need, State, Thread, Turn, Write};
use crate::model::{
    Call, CallId, CallStatus, ContactId, ConversationId, Leg, LegId, Message, MessageId,
    MessageKind, NumberId, Order, Party, RevisionId, RunId, Timestamp, UserId, VoicemailId,
    Waiting, WaitingId,
};

/// What is saved.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) contacts: BTreeMap<ContactId, Contact>,
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) runs: BTreeMap<RunId, RunRow>,
    pub(super) calls: BTreeMap<CallId, Call>,
    pub(super) legs: BTreeMap<LegId, Leg>,
    pub(super) voicemails: BTreeMap<VoicemailId, Voicemail>,
    pub(super) consents: Vec<ConsentEntry>,
    pub(super) events: Vec<ThreadEvent>,
    pub(super) jobs: Vec<Job>,
    pub(super) presence: HashMap<UserId, Presence>,
    pub(super) waiting: BTreeMap<WaitingId, Waiting>,
    pub(super) revisions: HashMap<RevisionId, FlowText>,
}

impl Store {
    /// Answers every need.
    pub(super) fn load(&self, needs: &[Need]) -> State {
        let mut state = nothing_known(needs);
        for need in needs {
            match need {
                Need::Thread(number, party) => {
                    let thread = self.thread(*number, party);
                    state.put_thread(*number, party.clone(), thread);
                }
                Need::Conversation(id) => {
                    let found = self.conversations.get(id);
                    let place = found.map(|one| (one.number, one.party.clone()));
                    state.conversations.insert(*id, place);
                }
                Need::Call(id) => self.load_call(&mut state, *id),
                Need::Leg(id) => {
                    let call = self.legs.get(id).map(|leg| leg.call);
                    state.legs.insert(*id, call);
                    if let Some(call) = call {
                        self.load_call(&mut state, call);
                    }
                }
                Need::Run(id) => {
                    let found = self.runs.get(id);
                    let place = found.map(|one| (one.number, one.party.clone()));
                    state.runs.insert(*id, place);
                }
                Need::Message(id) => {
                    state.messages.insert(*id, self.messages.get(id).cloned());
                }
                Need::MessageByCarrier(connection, id) => {
                    let mut all = self.messages.values();
                    let found = all.find(|one| one.carrier_id.as_ref() == Some(id));
                    let key = (connection.clone(), id.clone());
                    state.carrier_messages.insert(key, found.map(|one| one.id));
                    if let Some(found) = found {
                        state.messages.insert(found.id, Some(found.clone()));
                    }
                }
                Need::CallByCarrier(connection, id) => {
                    let mut all = self.calls.values();
                    let found = all.find(|one| one.carrier_id == *id);
                    let key = (connection.clone(), id.clone());
                    state.carrier_calls.insert(key, found.map(|one| one.id));
                }
                Need::Voicemail(call) => {
                    state.voicemails.insert(*call, self.voicemails_of(*call));
                }
                Need::Presence(user) => {
                    state.presence.insert(*user, self.presence_of(*user));
                }
                Need::Waiting(account) => {
                    let mut all: Vec<Waiting> = self
                        .waiting
                        .values()
                        .filter(|one| one.account == *account)
                        .cloned()
                        .collect();
                    all.sort_by_key(Waiting::place);
                    state.waiting.insert(*account, all);
                }
                Need::Usage(..) => {}
                Need::Contacts(account, asked) => {
                    let has = |one: &&Contact| {
                        let value = one.compared(&asked.field);
                        one.account == *account && value.as_ref() == Some(&asked.value)
                    };
                    let found = self.contacts.values().filter(has).cloned().collect();
                    state.contacts.insert((*account, asked.clone()), found);
                }
                Need::Revision(id) => {
                    state.revisions.insert(*id, self.revisions.get(id).cloned());
                }
            }
        }
        state
    }

    fn thread(&self, number: NumberId, party: &Party) -> Thread {
        let mut latest: Vec<ConsentEntry> = Vec::new();
        for entry in self.consents.iter().filter(|one| one.party == *party) {
            latest.retain(|one| one.scope != entry.scope);
            latest.push(entry.clone());
        }
        let theirs = |message: &&Message| message.number == number && message.party == *party;
        let mut lately = Lately::default();
        let texts = self.messages.values().filter(theirs);
        texts.for_each(|message| lately.take(message.into()));
        Thread {
            conversations: self
                .conversations
                .values()
                .filter(|one| one.number == number && one.party == *party)
                .cloned()
                .collect(),
            runs: self
                .runs
                .values()
                .filter(|one| one.number == number && one.party == *party)
                .filter(|one| one.call.is_none() && !one.ended)
                .cloned()
                .collect(),
            consents: latest,
            contacts: self
                .contacts
                .values()
                .filter(|one| one.phones.iter().any(|phone| phone.phone == *party))
                .cloned()
                .collect(),
            lately,
        }
    }

    /// What members say of themselves, and what their legs tell.
    fn presence_of(&self, user: UserId) -> Presence {
        let told = self.presence.get(&user).copied().unwrap_or_default();
        let mine = || self.legs.values().filter(|leg| leg.user == Some(user));
        let took = mine().filter(|leg| leg.accepted);
        let talks = mine().any(|leg| leg.status == CallStatus::InProgress);
        let rings = mine().any(|leg| leg.status.rings());
        Presence {
            busy: told.busy || talks,
            ringing: told.ringing || rings,
            rung_at: mine().map(|leg| leg.started_at).max().max(told.rung_at),
            answered_at: took.map(|leg| leg.started_at).max().max(told.answered_at),
            ..told
        }
    }

    fn load_call(&self, state: &mut State, id: CallId) {
        let found = self.calls.get(&id).map(|call| CallState {
            call: call.clone(),
            run: call.run.and_then(|run| self.runs.get(&run)).cloned(),
            legs: self
                .legs
                .values()
                .filter(|leg| leg.call == id)
                .cloned()
                .collect(),
        });
        state.calls.insert(id, found);
    }

    pub(super) fn voicemails_of(&self, call: CallId) -> Vec<Voicemail> {
        let all = self.voicemails.values();
        all.filter(|one| one.call == call).cloned().collect()
    }

    /// Saves a turn.
    pub(super) fn apply(&mut self, turn: &Turn) {
        for write in &turn.writes {
            match write {
                Write::Message(row) => drop(self.messages.insert(row.id, (**row).clone())),
                Write::MessageStatus(change) => {
                    let row = self.messages.get_mut(&change.message).unwrap();
                    if row.status.may_become(change.status) {
                        row.status = change.status;
                        row.reason = change.reason.clone().or(row.reason.take());
                    }
                    row.carrier_id = row.carrier_id.take().or(change.carrier_id.clone());
                }
                Write::Conversation(row) => {
                    drop(self.conversations.insert(row.id, (**row).clone()));
                }
                Write::ThreadEvent(event) => self.events.push((**event).clone()),
                Write::Contact(row) => drop(self.contacts.insert(row.id, (**row).clone())),
                Write::Consent(entry) => self.consents.push((**entry).clone()),
                Write::Run(row) => drop(self.runs.insert(row.id, (**row).clone())),
                Write::Call(row) => drop(self.calls.insert(row.id, (**row).clone())),
                Write::Leg(row) => drop(self.legs.insert(row.id, (**row).clone())),
                Write::Voicemail(row) => drop(self.voicemails.insert(row.id, (**row).clone())),
                Write::Waiting(row) => drop(self.waiting.insert(row.id, (**row).clone())),
                Write::WaitingOver(_, id) => drop(self.waiting.remove(id)),
                Write::Job(job) => self.jobs.push((**job).clone()),
                Write::OpsNotice { .. } => {}
            }
        }
    }

    /// What the next event of a batch sees is what a later batch would load.
    pub(super) fn agrees(&self, turn: &Turn, known: &[Need], after: &State) {
        let mut saved = self.clone();
        saved.apply(turn);
        let loaded = saved.load(known);
        for (key, thread) in &loaded.threads {
            assert_eq!(sorted(&after.threads[key]), sorted(thread));
        }
        for (key, call) in &loaded.calls {
            assert_eq!(after.calls.get(key), Some(call));
        }
        for (key, rows) in &loaded.voicemails {
            assert_eq!(after.voicemails.get(key), Some(rows));
        }
        for (key, rows) in &loaded.waiting {
            assert_eq!(after.waiting.get(key), Some(rows));
        }
        for (key, message) in &loaded.messages {
            assert_eq!(after.messages.get(key), Some(message));
        }
    }

    /// The timers that are due.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Input> {
        let due = |run: &&RunRow| !run.ended && run.due_at.is_some_and(|at| at <= now);
        let runs = self.runs.values().filter(due);
        runs.map(|run| Input::Timer {
            run: run.id,
            call: run.call,
        })
        .collect()
    }

    /// The orders to the carrier, and forgets them.
    pub(super) fn orders(&mut self) -> Vec<Order> {
        let order = |job: Job| match job.kind {
            crate::model::turn::JobKind::Order(order) => Some(order),
            _ => None,
        };
        std::mem::take(&mut self.jobs)
            .into_iter()
            .filter_map(order)
            .collect()
    }
}

/// The order of a thread's rows means nothing.
fn sorted(thread: &Thread) -> Thread {
    let mut thread = thread.clone();
    thread.conversations.sort_by_key(|one| one.id);
    thread.runs.sort_by_key(|one| one.id);
    thread.contacts.sort_by_key(|one| one.id);
    thread.consents.sort_by_key(|one| one.scope);
    thread
}

/// What must hold of every turn, before it is saved.
pub(super) fn judge(bench: &Bench, turn: &Turn) {
    assert!(!turn.rule.is_empty(), "no rule: {turn:?}");
    if turn.refused.is_some() {
        assert!(turn.writes.is_empty(), "refused and yet written: {turn:?}");
    }
    for write in &turn.writes {
        match write {
            Write::Message(row) => judge_message(bench, row),
            Write::Conversation(row) => judge_conversation(bench, row),
            Write::Run(row) => {
                let before = bench.store.runs.get(&row.id);
                next_version("run", before.map(|row| row.version), row.version);
                assert!(
                    before.is_none_or(|row| !row.ended) || row.ended,
                    "a run rose"
                );
                assert!(!(row.ended && row.due_at.is_some()), "ended and due");
            }
            Write::Call(row) => {
                let before = bench.store.calls.get(&row.id);
                next_version("call", before.map(|row| row.version), row.version);
                assert!(before.is_none_or(|was| was.turn <= row.turn), "turns back");
                let over = before.is_some_and(|row| row.ended_at.is_some());
                assert!(!over || row.ended_at.is_some(), "a call rose");
            }
            Write::Leg(row) => {
                let before = bench.store.legs.get(&row.id);
                next_version("leg", before.map(|row| row.version), row.version);
                let over = before.is_some_and(|row| row.status.is_final());
                assert!(!over || row.status.is_final(), "a leg rose");
            }
            Write::Voicemail(row) => {
                let before = bench.store.voicemails.get(&row.id);
                next_version("voicemail", before.map(|row| row.version), row.version);
                if before.is_none() {
                    lively(bench, row.account, row.owner);
                }
            }
            Write::Waiting(row) => {
                let before = bench.store.waiting.get(&row.id);
                next_version("waiting", before.map(|row| row.version), row.version);
                let mut others = bench.store.waiting.values().filter(|one| one.id != row.id);
                let rung = others.any(|one| row.user.is_some() && one.user == row.user);
                assert!(!rung, "a member rung for two callers");
            }
            Write::Contact(row) => {
                let before = bench.store.contacts.get(&row.id);
                next_version("contact", before.map(|row| row.version), row.version);
            }
            _ => {}
        }
    }
}

fn next_version(what: &str, before: Option<i64>, now: i64) {
    match before {
        Some(before) => assert_eq!(now, before + 1, "version of a {what}"),
        None => assert_eq!(now, 1, "first version of a {what}"),
    }
}

fn lively(bench: &Bench, account: crate::model::AccountId, route: crate::model::account::Route) {
    assert!(
        leads(&bench.world.directory, account, route),
        "leads to nobody"
    );
}

fn judge_message(bench: &Bench, row: &Message) {
    assert!(!bench.store.messages.contains_key(&row.id), "a text twice");
    if matches!(row.kind, MessageKind::Inbound | MessageKind::Compliance) {
        return;
    }
    // What a member writes may go by e-mail instead.
    let contact = row.contact.and_then(|id| bench.store.contacts.get(&id));
    let email = contact.is_some_and(|contact| contact.email.is_some());
    if row.kind == MessageKind::Staff && email {
        return;
    }
    let mut scopes: BTreeMap<ConsentScope, Consent> = BTreeMap::new();
    for entry in bench
        .store
        .consents
        .iter()
        .filter(|one| one.party == row.party)
    {
        scopes.insert(entry.scope, entry.verdict);
    }
    let number = scopes.get(&ConsentScope::Number(row.number));
    assert_ne!(number, Some(&Consent::Out), "a text to somebody opted out");
}

fn judge_conversation(bench: &Bench, row: &Conversation) {
    match bench.store.conversations.get(&row.id) {
        Some(before) => {
            let seen = Conversation {
                unread: row.unread,
                ..before.clone()
            };
            let moved = i64::from(seen != *row);
            assert_eq!(row.version, before.version + moved, "version of a thread");
        }
        None => assert_eq!(row.version, 1, "first version of a thread"),
    }
    if row.state == ConversationState::Open {
        lively(bench, row.account, row.responsible());
        lively(bench, row.account, row.route);
    }
    let directory = &bench.world.directory;
    let account = directory.account(row.account).unwrap();
    assert!(account.program_by_id(row.program).is_some());
}
