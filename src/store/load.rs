//! What decisions need, loaded for a whole batch with one statement a kind.

mod presence;
mod threads;
mod told;
mod waiting;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::turn::{CallState, FieldValue, Need, State};
use crate::model::{
    AccountId, CallId, ConversationId, Id, LegId, MessageId, NumberId, Party, RevisionId, RunId,
    Timestamp, UserId,
};

use super::both::sql;
use super::locks::{key_of, take_locks};
use super::pools::{Arg, Tx, array, read};
use super::tables::{CALL, LEG, MESSAGE, RUN, VOICEMAIL};
use super::{NodeScope, Store, StoreError};

/// A call does not count as going on for longer than this: its end may never have been reported.
pub(super) const BUSY_MAX: Duration = Duration::from_secs(4 * 3600);

/// The state of a batch while it is decided.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// What `decide` sees.
    pub(super) state: State,
    /// The versions that rows had when they were loaded.
    pub(super) versions: HashMap<Uuid, i64>,
    /// What is locked, where others may write at the same time.
    pub(super) locked: BTreeSet<i64>,
}

/// Keys of threads, calls and texts that a round loads.
#[derive(Debug, Default)]
struct Wanted {
    threads: Vec<(NumberId, Party)>,
    calls: Vec<CallId>,
    messages: Vec<MessageId>,
    voicemails: Vec<CallId>,
    presence: Vec<UserId>,
    waiting: Vec<AccountId>,
    revisions: Vec<RevisionId>,
    contacts: Vec<(AccountId, FieldValue)>,
    usage: Vec<(AccountId, i32)>,
}

/// One thing asked for, with its place in the question.
#[derive(Serialize)]
struct Asked<'a, T> {
    i: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    also: Option<&'a str>,
}

impl Store {
    /// What is known of these keys now, for whoever only looks.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn look(
        &self,
        _scope: NodeScope,
        needs: &[Need],
        now: Timestamp,
    ) -> Result<State, StoreError> {
        let (pools, needs) = (self.inner.pools.clone(), needs.to_vec());
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let mut loaded = Loaded::default();
            loaded.load(&mut tx, needs.iter(), now).await?;
            Ok(loaded.state)
        })
        .await
    }
}

impl Loaded {
    /// Loads all of these that are not loaded yet; what is there is never overwritten, because the batch may
    /// have changed it, but for who is present and on which call, which is looked at anew under its lock. `now`
    /// bounds what counts as going on.
    ///
    /// [`StoreError::Conflict`] tells that a lock could not be had without the danger of a deadlock; the batch
    /// must begin anew, and `locked` says with which locks.
    pub(super) async fn load<'n>(
        &mut self,
        tx: &mut Tx,
        needs: impl Iterator<Item = &'n Need>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut wanted = self.resolve(tx, needs).await?;
        if tx.is_shared() {
            self.look_anew_at_users(&mut wanted);
            self.lock(tx, &wanted).await?;
        }
        self.load_threads(tx, &wanted.threads, now).await?;
        self.load_calls(tx, &wanted.calls).await?;
        self.load_messages(tx, &wanted.messages).await?;
        self.load_voicemails(tx, &wanted.voicemails).await?;
        self.load_revisions(tx, &wanted.revisions).await?;
        self.load_contacts_with(tx, &wanted.contacts).await?;
        self.load_usage(tx, &wanted.usage).await?;
        self.load_waiting(tx, &wanted.waiting, now).await?;
        self.load_presence(tx, &wanted.presence, now).await
    }

    /// Whether a need is met.
    pub(super) fn has(&self, need: &Need) -> bool {
        let state = &self.state;
        match need {
            Need::Thread(number, party) => state.threads.contains_key(&(*number, party.clone())),
            Need::Conversation(id) => state.conversations.contains_key(id),
            Need::Call(id) => state.calls.contains_key(id),
            Need::Leg(id) => state.legs.contains_key(id),
            Need::Run(id) => state.runs.contains_key(id),
            Need::Message(id) => state.messages.contains_key(id),
            Need::MessageByCarrier(connection, id) => state
                .carrier_messages
                .contains_key(&(connection.clone(), id.clone())),
            Need::CallByCarrier(connection, id) => state
                .carrier_calls
                .contains_key(&(connection.clone(), id.clone())),
            Need::Voicemail(call) => state.voicemails.contains_key(call),
            Need::Presence(user) => state.presence.contains_key(user),
            Need::Waiting(account) => state.waiting.contains_key(account),
            Need::Revision(id) => state.revisions.contains_key(id),
            Need::Contacts(account, asked) => {
                state.contacts.contains_key(&(*account, asked.clone()))
            }
            Need::Usage(account, month) => state.usage.contains_key(&(*account, *month)),
        }
    }

    /// Turns the needs that point to something else into what they point to. What points is never
    /// changed once it is written, so it is read without a lock.
    async fn resolve<'n>(
        &mut self,
        tx: &mut Tx,
        needs: impl Iterator<Item = &'n Need>,
    ) -> Result<Wanted, StoreError> {
        let mut wanted = Wanted::default();
        let mut seen: HashSet<&Need> = HashSet::new();
        let (mut conversations, mut legs, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut carrier_messages, mut carrier_calls) = (Vec::new(), Vec::new());
        for need in needs {
            if self.has(need) || !seen.insert(need) {
                continue;
            }
            match need {
                Need::Thread(number, party) => wanted.threads.push((*number, party.clone())),
                Need::Conversation(id) => conversations.push(*id),
                Need::Call(id) => wanted.calls.push(*id),
                Need::Leg(id) => legs.push(*id),
                Need::Run(id) => runs.push(*id),
                Need::Message(id) => wanted.messages.push(*id),
                Need::MessageByCarrier(a, b) => carrier_messages.push((a.clone(), b.clone())),
                Need::CallByCarrier(a, b) => carrier_calls.push((a.clone(), b.clone())),
                Need::Voicemail(call) => wanted.voicemails.push(*call),
                Need::Presence(user) => wanted.presence.push(*user),
                Need::Waiting(account) => wanted.waiting.push(*account),
                Need::Revision(id) => wanted.revisions.push(*id),
                Need::Contacts(account, asked) => wanted.contacts.push((*account, asked.clone())),
                Need::Usage(account, month) => wanted.usage.push((*account, *month)),
            }
        }
        self.resolve_conversations(tx, &conversations, &mut wanted)
            .await?;
        self.resolve_runs(tx, &runs, &mut wanted).await?;
        self.resolve_legs(tx, &legs, &mut wanted).await?;
        self.resolve_calls(tx, &carrier_calls, &mut wanted).await?;
        self.resolve_messages(tx, &carrier_messages, &mut wanted)
            .await?;
        let state = &self.state;
        dedup(&mut wanted.threads, |key| state.threads.contains_key(key));
        dedup(&mut wanted.calls, |key| state.calls.contains_key(key));
        dedup(&mut wanted.messages, |key| state.messages.contains_key(key));
        Ok(wanted)
    }

    async fn resolve_conversations(
        &mut self,
        tx: &mut Tx,
        ids: &[ConversationId],
        wanted: &mut Wanted,
    ) -> Result<(), StoreError> {
        let sql = sql!(
            "SELECT r.i, 'w', doc!(c: number_id=number id(num), party text) \
             FROM rows!($1: i i64, id id(conv)) AS r CROSS JOIN conversation c WHERE c.id = r.id"
        );
        for (id, found) in pointed(tx, "conversation", sql, ids).await? {
            self.state.conversations.insert(id, found.clone());
            wanted.threads.extend(found);
        }
        Ok(())
    }

    async fn resolve_runs(
        &mut self,
        tx: &mut Tx,
        ids: &[RunId],
        wanted: &mut Wanted,
    ) -> Result<(), StoreError> {
        let sql = sql!(
            "SELECT r.i, 'w', doc!(x: number_id=number id(num), party text) \
             FROM rows!($1: i i64, id id(run)) AS r CROSS JOIN run x WHERE x.id = r.id"
        );
        for (id, found) in pointed(tx, "run", sql, ids).await? {
            self.state.runs.insert(id, found.clone());
            wanted.threads.extend(found);
        }
        Ok(())
    }

    async fn resolve_legs(
        &mut self,
        tx: &mut Tx,
        ids: &[LegId],
        wanted: &mut Wanted,
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "SELECT r.i, 'w', doc!(l: call_id=id id(call)) \
             FROM rows!($1: i i64, id id(leg)) AS r CROSS JOIN leg l WHERE l.id = r.id"
        );
        self.state.legs.extend(ids.iter().map(|id| (*id, None)));
        for (i, _, doc) in tx.triples(sql, &[Arg::Text(&asked(ids)?)]).await? {
            let Only { id } = read::<Only<CallId>>("leg", &doc)?;
            if let Some(leg) = place(ids, i) {
                self.state.legs.insert(*leg, Some(id));
                wanted.calls.push(id);
            }
        }
        Ok(())
    }

    async fn resolve_calls(
        &mut self,
        tx: &mut Tx,
        keys: &[(String, String)],
        wanted: &mut Wanted,
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "SELECT r.i, 'w', doc!(c: id id(call)) FROM rows!($1: i i64, connection=also text, carrier_id=text text) AS r \
             CROSS JOIN call c WHERE c.carrier_id = r.carrier_id AND c.connection = r.connection"
        );
        let absent = keys.iter().map(|key| (key.clone(), None));
        self.state.carrier_calls.extend(absent);
        for (i, _, doc) in tx
            .triples(sql, &[Arg::Text(&asked_by_carrier(keys)?)])
            .await?
        {
            let Only { id } = read::<Only<CallId>>("call", &doc)?;
            if let Some(key) = place(keys, i) {
                self.state.carrier_calls.insert(key.clone(), Some(id));
                wanted.calls.push(id);
            }
        }
        Ok(())
    }

    async fn resolve_messages(
        &mut self,
        tx: &mut Tx,
        keys: &[(String, String)],
        wanted: &mut Wanted,
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "SELECT r.i, 'w', doc!(m: id id(msg)) FROM rows!($1: i i64, connection=also text, carrier_id=text text) AS r \
             CROSS JOIN message m CROSS JOIN number n \
             WHERE m.carrier_id = r.carrier_id AND m.kind <> 'inbound' AND n.id = m.number_id AND n.connection = r.connection"
        );
        let absent = keys.iter().map(|key| (key.clone(), None));
        self.state.carrier_messages.extend(absent);
        for (i, _, doc) in tx
            .triples(sql, &[Arg::Text(&asked_by_carrier(keys)?)])
            .await?
        {
            let Only { id } = read::<Only<MessageId>>("message", &doc)?;
            if let Some(key) = place(keys, i) {
                self.state.carrier_messages.insert(key.clone(), Some(id));
                wanted.messages.push(id);
            }
        }
        Ok(())
    }

    /// Takes the locks of threads, calls, lines and those who may be rung for a line, in order. One that comes after a
    /// higher one of an earlier round is not waited for.
    async fn lock(&mut self, tx: &mut Tx, wanted: &Wanted) -> Result<(), StoreError> {
        let threads = wanted.threads.iter().map(thread_key);
        let calls = wanted.calls.iter().map(|call| key_of(call.uuid(), ""));
        let queues = wanted
            .waiting
            .iter()
            .map(|account| key_of(account.uuid(), "waiting"));
        let users = self.locks_users(wanted).then_some(&wanted.presence);
        let users = users.into_iter().flatten().map(|user| rung_key(*user));
        let fresh: BTreeSet<i64> = threads
            .chain(calls)
            .chain(queues)
            .chain(users)
            .filter(|key| !self.locked.contains(key))
            .collect();
        let Some(lowest) = fresh.first() else {
            return Ok(());
        };
        let highest = self.locked.last().copied();
        let in_order = highest.is_none_or(|highest| highest < *lowest);
        self.locked.extend(&fresh);
        take_locks(tx, &fresh, in_order).await
    }

    async fn load_calls(&mut self, tx: &mut Tx, ids: &[CallId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        // The legs come last, and in the order in which they were made.
        let sql = sql!(format!(
            "WITH r AS MATERIALIZED rows!($1: i i64, id id(call)) \
             SELECT r.i, 'call', doc!(c: {CALL}) FROM r CROSS JOIN call c WHERE c.id = r.id \
             UNION ALL SELECT r.i, 'run', doc!(x: {RUN}) FROM r CROSS JOIN call c CROSS JOIN run x \
              WHERE c.id = r.id AND x.account_id = c.account_id AND x.id = c.run_id \
             UNION ALL SELECT r.i, 'leg', doc!(l: {LEG}) FROM r CROSS JOIN leg l WHERE l.call_id = r.id"
        ));
        let mut found: Vec<Option<CallState>> = ids.iter().map(|_| None).collect();
        let mut rest = Vec::new();
        for (i, kind, doc) in tx.triples(sql, &[Arg::Text(&asked(ids)?)]).await? {
            let Some(slot) = place_mut(&mut found, i) else {
                continue;
            };
            if kind != "call" {
                rest.push((i, kind, doc));
                continue;
            }
            let call: crate::model::Call = read("call", &doc)?;
            self.versions.insert(call.id.uuid(), call.version);
            *slot = Some(CallState {
                call,
                run: None,
                legs: Vec::new(),
            });
        }
        for (i, kind, doc) in rest {
            let Some(Some(call)) = place_mut(&mut found, i) else {
                continue;
            };
            if kind == "run" {
                let run: crate::model::conversation::RunRow = read("run", &doc)?;
                self.versions.insert(run.id.uuid(), run.version);
                call.run = Some(run);
            } else {
                let leg: crate::model::Leg = read("leg", &doc)?;
                self.versions.insert(leg.id.uuid(), leg.version);
                call.legs.push(leg);
            }
        }
        for (id, mut found) in ids.iter().zip(found) {
            if let Some(found) = &mut found {
                found.legs.sort_by_key(|leg| leg.id);
                let legs = found.legs.iter().map(|leg| (leg.id, Some(*id)));
                self.state.legs.extend(legs);
                let key = (found.call.connection.clone(), found.call.carrier_id.clone());
                self.state.carrier_calls.insert(key, Some(*id));
            }
            self.state.calls.insert(*id, found);
        }
        Ok(())
    }

    async fn load_messages(&mut self, tx: &mut Tx, ids: &[MessageId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = sql!(format!(
            "SELECT r.i, 'message', doc!(m: {MESSAGE}) FROM rows!($1: i i64, id id(msg)) AS r \
             CROSS JOIN message m WHERE m.id = r.id"
        ));
        self.state.messages.extend(ids.iter().map(|id| (*id, None)));
        for (_, _, doc) in tx.triples(sql, &[Arg::Text(&asked(ids)?)]).await? {
            let row: crate::model::Message = read("message", &doc)?;
            self.state.messages.insert(row.id, Some(row));
        }
        Ok(())
    }

    async fn load_voicemails(&mut self, tx: &mut Tx, calls: &[CallId]) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        let sql = sql!(format!(
            "SELECT r.i, 'voicemail', doc!(v: {VOICEMAIL}) FROM rows!($1: i i64, id id(call)) AS r \
             CROSS JOIN voicemail v WHERE v.call_id = r.id"
        ));
        let none = calls.iter().map(|call| (*call, Vec::new()));
        self.state.voicemails.extend(none);
        for (_, _, doc) in tx.triples(sql, &[Arg::Text(&asked(calls)?)]).await? {
            let row: crate::model::conversation::Voicemail = read("voicemail", &doc)?;
            self.versions.insert(row.id.uuid(), row.version);
            self.state.voicemails.entry(row.call).or_default().push(row);
        }
        for call in calls {
            let rows = self.state.voicemails.entry(*call).or_default();
            rows.sort_by_key(|row| row.id);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Only<T> {
    id: T,
}

#[derive(Deserialize)]
struct Where {
    number: NumberId,
    party: Party,
}

/// Who rings a user for a line is alone with them: that user may be in lines of several accounts.
fn rung_key(user: UserId) -> i64 {
    key_of(user.uuid(), "rung")
}

/// A phone's threads share a lock over all numbers, because they share its contacts and its consent.
fn thread_key((number, party): &(NumberId, Party)) -> i64 {
    let number = match party.phone() {
        Some(_) => Uuid::nil(),
        None => number.uuid(),
    };
    key_of(number, &party.to_string())
}

/// The threads that ids point to, `None` for ids that are not there.
async fn pointed<T: Id + Serialize>(
    tx: &mut Tx,
    table: &'static str,
    sql: &super::both::Sql,
    ids: &[T],
) -> Result<Vec<(T, Option<(NumberId, Party)>)>, StoreError> {
    let mut found: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
    if ids.is_empty() {
        return Ok(found);
    }
    for (i, _, doc) in tx.triples(sql, &[Arg::Text(&asked(ids)?)]).await? {
        let Where { number, party } = read(table, &doc)?;
        if let Some(slot) = place_mut(&mut found, i) {
            slot.1 = Some((number, party));
        }
    }
    Ok(found)
}

fn asked<T: Copy + Serialize>(ids: &[T]) -> Result<String, StoreError> {
    let asked = ids.iter().enumerate().map(|(i, id)| Asked {
        i,
        id: Some(*id),
        text: None,
        also: None,
    });
    array(&asked.collect::<Vec<_>>())
}

fn asked_by_carrier(keys: &[(String, String)]) -> Result<String, StoreError> {
    let asked = keys.iter().enumerate().map(|(i, (connection, id))| Asked {
        i,
        id: None::<()>,
        text: Some(id),
        also: Some(connection),
    });
    array(&asked.collect::<Vec<_>>())
}

fn place<T>(of: &[T], i: i64) -> Option<&T> {
    usize::try_from(i).ok().and_then(|i| of.get(i))
}

fn place_mut<T>(of: &mut [T], i: i64) -> Option<&mut T> {
    usize::try_from(i).ok().and_then(|i| of.get_mut(i))
}

fn dedup<T: Clone + Eq + std::hash::Hash>(keys: &mut Vec<T>, known: impl Fn(&T) -> bool) {
    let mut seen = HashSet::new();
    keys.retain(|key| !known(key) && seen.insert(key.clone()));
}
