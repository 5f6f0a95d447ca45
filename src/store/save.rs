//! What turns decided, written for a whole batch with one statement a kind.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use uuid::Uuid;

use crate::model::account::Route;
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{Conversation, RunRow, ThreadEvent, Voicemail};
use crate::model::people::Contact;
use crate::model::turn::{Job, JobKind, StatusChange, Turn, Write};
use crate::model::{
    AccountId, Call, EventId, Id, Leg, Message, MessageId, MessageStatus, Party, Timestamp,
    Waiting, WaitingId,
};

use super::StoreError;
use super::both::{Sql, sql};
use super::party::{self, Known, What};
use super::pools::{Arg, Tx, array};
use super::tables::{
    CALL, CONSENT, CONTACT, CONVERSATION, CONVERSATION_MORE, JOB, JOB_MORE, LEG, MESSAGE, RUN,
    THREAD_EVENT, VOICEMAIL, VOICEMAIL_MORE, WAITING, WAS, insert, insert_text, upsert,
};
use super::values;

/// The writes of a batch, sorted by kind; of a row that is written more than once the last state.
#[derive(Default)]
pub(super) struct Saves<'t> {
    messages: Latest<'t, Message>,
    statuses: BTreeMap<MessageId, StatusChange>,
    conversations: Latest<'t, Conversation>,
    thread_events: Vec<&'t ThreadEvent>,
    contacts: Latest<'t, Contact>,
    consents: Vec<&'t ConsentEntry>,
    runs: Latest<'t, RunRow>,
    calls: Latest<'t, Call>,
    legs: Latest<'t, Leg>,
    voicemails: Latest<'t, Voicemail>,
    waiting: Latest<'t, Waiting>,
    waiting_over: Vec<Gone>,
    jobs: Vec<JobOut<'t>>,
    notices: Vec<NoticeOut<'t>>,
}

/// The last state of each row, and the version it was made from. Sorted by id, so that two nodes lock rows
/// in the same order.
struct Latest<'t, T>(BTreeMap<Uuid, (&'t T, i64)>);

impl<T> Default for Latest<'_, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'t, T> Latest<'t, T> {
    fn put(&mut self, id: Uuid, row: &'t T, was: i64) {
        self.0
            .entry(id)
            .and_modify(|have| have.0 = row)
            .or_insert((row, was));
    }
}

/// A row with what stands beside the model's fields.
#[derive(Serialize)]
struct With<'t, T, M> {
    #[serde(flatten)]
    row: &'t T,
    #[serde(flatten)]
    more: M,
}

#[derive(Serialize)]
struct Was {
    was: i64,
}

/// A row that is no more.
#[derive(Serialize)]
struct Gone {
    id: WaitingId,
    account: AccountId,
}

#[derive(Serialize)]
struct Responsible {
    responsible_kind: &'static str,
    responsible_id: Uuid,
    was: i64,
}

#[derive(Serialize)]
struct Owner {
    owner_kind: &'static str,
    owner_id: Uuid,
    was: i64,
}

#[derive(Serialize)]
struct JobOut<'t> {
    id: crate::model::JobId,
    account: AccountId,
    connection: &'t str,
    kind: &'t JobKind,
    due_at: Timestamp,
    attempts: u16,
    message_id: Option<MessageId>,
    made_at: Timestamp,
}

#[derive(Serialize)]
pub(super) struct NoticeOut<'t> {
    pub(super) event: EventId,
    pub(super) position: usize,
    pub(super) at: Timestamp,
    pub(super) code: &'t str,
    pub(super) words: &'t str,
}

#[derive(Serialize)]
struct StatusOut<'t> {
    id: MessageId,
    status: MessageStatus,
    carrier_id: Option<&'t str>,
    reason: Option<&'t str>,
    at: Timestamp,
}

#[derive(Serialize)]
struct NowOut<'t> {
    party: &'t Party,
    scope_key: String,
    id: crate::model::ConsentId,
    verdict: Consent,
    at: Timestamp,
}

/// A row of the event table.
#[derive(Serialize)]
pub(super) struct EventOut<'t> {
    pub(super) id: EventId,
    pub(super) connection: &'t str,
    pub(super) hook: &'t str,
    pub(super) dedupe: Option<Uuid>,
    pub(super) received_at: Timestamp,
    pub(super) seed: i64,
    pub(super) raw: std::borrow::Cow<'t, str>,
    /// Nothing: what an event needs is told by its input.
    pub(super) needs: &'static str,
    pub(super) account: Option<AccountId>,
    pub(super) rule: Option<&'static str>,
    pub(super) answer: Option<&'t str>,
    pub(super) undecided: Option<&'t str>,
}

const EVENT: &str = "id id(evt), connection text, hook text, dedupe uuid, received_at i64, seed i64, raw text, \
    needs text, account_id=account id(acct), rule text, answer text, undecided text";
const NOTICE: &str = "event_id=event id(evt), position i64, at i64, code text, words text";

/// Adds the events themselves.
pub(super) async fn save_events(tx: &mut Tx, events: &[EventOut<'_>]) -> Result<(), StoreError> {
    let sql = sql!(insert_text("event", EVENT));
    tx.put(sql, events).await.map(drop)
}

pub(super) async fn save_notices(tx: &mut Tx, notices: &[NoticeOut<'_>]) -> Result<(), StoreError> {
    let sql = sql!(insert_text("ops_notice", NOTICE));
    tx.put(sql, notices).await.map(drop)
}

/// Lines in conversations.
pub(super) async fn save_thread_events<T: Serialize>(
    tx: &mut Tx,
    rows: &[T],
) -> Result<(), StoreError> {
    let sql = sql!(insert_text("thread_event", THREAD_EVENT));
    tx.put(sql, rows).await.map(drop)
}

/// Jobs of texts that go by e-mail.
pub(super) async fn save_jobs(tx: &mut Tx, jobs: &[Job], now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<JobOut<'_>> = jobs.iter().map(|job| job_out(job, now)).collect();
    insert_jobs(tx, &rows).await
}

async fn insert_jobs(tx: &mut Tx, rows: &[JobOut<'_>]) -> Result<(), StoreError> {
    let sql = sql!(insert_text("job", &format!("{JOB}{JOB_MORE}")));
    tx.put(sql, rows).await.map(drop)
}

/// Contacts' phones, where they are looked up.
fn phones_of(contact: &Contact) -> impl Iterator<Item = Known<'_>> {
    contact.phones.iter().map(|phone| Known {
        party: &phone.phone,
        what: What::Contact,
        within: contact.account.uuid(),
        id: contact.id.uuid(),
    })
}

impl<'t> Saves<'t> {
    /// Takes in a turn's writes. `versions` are those that rows were loaded with.
    pub(super) fn add(
        &mut self,
        turn: &'t Turn,
        event: EventId,
        at: Timestamp,
        versions: &HashMap<Uuid, i64>,
    ) {
        // A row that was not loaded is new, or was made from the version before its own.
        let was = |id: Uuid, version: i64| versions.get(&id).copied().unwrap_or(version - 1);
        for (position, write) in turn.writes.iter().enumerate() {
            match write {
                Write::Message(row) => self.messages.put(row.id.uuid(), row, 0),
                Write::MessageStatus(change) => self.add_status(change),
                Write::Conversation(row) => {
                    let id = row.id.uuid();
                    self.conversations.put(id, row, was(id, row.version));
                }
                Write::ThreadEvent(row) => self.thread_events.push(row),
                Write::Contact(row) => {
                    let id = row.id.uuid();
                    self.contacts.put(id, row, was(id, row.version));
                }
                Write::Consent(row) => self.consents.push(row),
                Write::Run(row) => {
                    let id = row.id.uuid();
                    self.runs.put(id, row, was(id, row.version));
                }
                Write::Call(row) => {
                    let id = row.id.uuid();
                    self.calls.put(id, row, was(id, row.version));
                }
                Write::Leg(row) => {
                    let id = row.id.uuid();
                    self.legs.put(id, row, was(id, row.version));
                }
                Write::Voicemail(row) => {
                    let id = row.id.uuid();
                    self.voicemails.put(id, row, was(id, row.version));
                }
                Write::Waiting(row) => {
                    let id = row.id.uuid();
                    self.waiting.put(id, row, row.version - 1);
                }
                Write::WaitingOver(account, id) => self.waiting_over.push(Gone {
                    id: *id,
                    account: *account,
                }),
                Write::Job(job) => self.jobs.push(job_out(job, at)),
                Write::OpsNotice { code, words } => self.notices.push(NoticeOut {
                    event,
                    position,
                    at,
                    code,
                    words,
                }),
            }
        }
    }

    /// Several changes of one text become the one that the lattice leaves standing.
    fn add_status(&mut self, change: &StatusChange) {
        let Some(have) = self.statuses.get_mut(&change.message) else {
            self.statuses.insert(change.message, change.clone());
            return;
        };
        let carrier_id = have.carrier_id.take().or(change.carrier_id.clone());
        if have.status.may_become(change.status) {
            let reason = change.reason.clone().or(have.reason.take());
            *have = change.clone();
            have.reason = reason;
        }
        have.carrier_id = carrier_id;
    }

    /// Writes everything.
    pub(super) async fn save(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.save_messages(tx).await?;
        self.save_conversations(tx).await?;
        save_thread_events(tx, &self.thread_events).await?;
        self.save_contacts(tx).await?;
        self.save_consents(tx).await?;
        let runs = sql_run();
        versioned(tx, runs, "run", &self.runs, |was| Was { was }).await?;
        let calls = sql_call();
        versioned(tx, calls, "call", &self.calls, |was| Was { was }).await?;
        let legs = sql_leg();
        versioned(tx, legs, "leg", &self.legs, |was| Was { was }).await?;
        self.save_voicemails(tx).await?;
        self.save_waiting(tx).await?;
        insert_jobs(tx, &self.jobs).await?;
        save_notices(tx, &self.notices).await
    }

    async fn save_messages(&self, tx: &mut Tx) -> Result<(), StoreError> {
        static SQL: std::sync::LazyLock<Sql> =
            std::sync::LazyLock::new(|| insert("message", MESSAGE));
        let rows: Vec<&Message> = self.messages.0.values().map(|(row, _)| *row).collect();
        tx.put(&SQL, &rows).await?;
        let changes: Vec<StatusOut<'_>> = self
            .statuses
            .values()
            .filter(|change| change.status != MessageStatus::Received)
            .map(|change| StatusOut {
                id: change.message,
                status: change.status,
                carrier_id: change.carrier_id.as_deref(),
                reason: change.reason.as_deref(),
                at: change.at,
            })
            .collect();
        tx.put(sql_status(), &changes).await.map(drop)
    }

    async fn save_conversations(&self, tx: &mut Tx) -> Result<(), StoreError> {
        static SQL: std::sync::LazyLock<Sql> = std::sync::LazyLock::new(|| {
            upsert(
                "conversation",
                &format!("{CONVERSATION}{CONVERSATION_MORE}"),
                "",
            )
        });
        let rows: Vec<_> = self
            .conversations
            .0
            .values()
            .map(|(row, was)| {
                let (responsible_kind, responsible_id) = route_columns(row.responsible());
                let more = Responsible {
                    responsible_kind,
                    responsible_id,
                    was: *was,
                };
                With { row: *row, more }
            })
            .collect();
        compared(tx, &SQL, "conversation", &rows).await?;
        let new = self.conversations.0.values().filter(|(_, was)| *was == 0);
        let known: Vec<Known<'_>> = new
            .map(|(row, _)| Known {
                party: &row.party,
                what: What::Conversation,
                within: row.number.uuid(),
                id: row.id.uuid(),
            })
            .collect();
        party::save_new(tx, &known).await
    }

    async fn save_contacts(&self, tx: &mut Tx) -> Result<(), StoreError> {
        versioned(tx, sql_contact(), "contact", &self.contacts, |was| Was {
            was,
        })
        .await?;
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (row, was) in self.contacts.0.values() {
            match was {
                0 => new.extend(phones_of(row)),
                _ => changed.extend(phones_of(row)),
            }
        }
        party::save_new(tx, &new).await?;
        party::save(tx, &changed).await?;
        let rows = self.contacts.0.values().map(|(row, _)| *row);
        values::save(tx, rows).await
    }

    async fn save_consents(&self, tx: &mut Tx) -> Result<(), StoreError> {
        save_consents(tx, &self.consents).await
    }

    async fn save_waiting(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let sql = sql_waiting();
        versioned(tx, sql, "waiting", &self.waiting, |was| Was { was }).await?;
        if self.waiting_over.is_empty() {
            return Ok(());
        }
        // Whoever was gone before is gone all the same.
        let gone = sql!(
            "DELETE FROM waiting WHERE (account_id, id) IN \
             (SELECT r.account_id, r.id FROM rows!($1: id id(wait), account_id=account id(acct)) AS r)"
        );
        let rows = array(&self.waiting_over)?;
        tx.run(gone, &[Arg::Text(&rows)]).await.map(drop)
    }

    async fn save_voicemails(&self, tx: &mut Tx) -> Result<(), StoreError> {
        static SQL: std::sync::LazyLock<Sql> = std::sync::LazyLock::new(|| {
            upsert("voicemail", &format!("{VOICEMAIL}{VOICEMAIL_MORE}"), "")
        });
        let rows: Vec<_> = self
            .voicemails
            .0
            .values()
            .map(|(row, was)| {
                let (owner_kind, owner_id) = route_columns(row.owner);
                let more = Owner {
                    owner_kind,
                    owner_id,
                    was: *was,
                };
                With { row: *row, more }
            })
            .collect();
        compared(tx, &SQL, "voicemail", &rows).await
    }
}

/// New and changed contacts, each made from the version before its own.
pub(super) async fn save_contacts(tx: &mut Tx, contacts: &[&Contact]) -> Result<(), StoreError> {
    let mut rows = Latest::default();
    for row in contacts {
        rows.put(row.id.uuid(), *row, row.version - 1);
    }
    versioned(tx, sql_contact(), "contact", &rows, |was| Was { was }).await?;
    let phones: Vec<Known<'_>> = contacts.iter().copied().flat_map(phones_of).collect();
    party::save(tx, &phones).await?;
    values::save(tx, contacts.iter().copied()).await
}

/// Entries of the ledger, and which of them is the latest of its phone and scope.
pub(super) async fn save_consents(
    tx: &mut Tx,
    entries: &[&ConsentEntry],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    tx.put(sql!(insert_text("consent", CONSENT)), entries)
        .await?;
    // Of several in this batch only the latest may be given to one statement.
    let mut latest: BTreeMap<(String, String), &ConsentEntry> = BTreeMap::new();
    for entry in entries {
        let key = (entry.party.to_string(), scope_key(entry.scope));
        let stands = latest.get(&key).is_some_and(|have| {
            let out = |entry: &ConsentEntry| entry.verdict == Consent::Out;
            (have.at, out(have)) > (entry.at, out(entry))
        });
        if !stands {
            latest.insert(key, entry);
        }
    }
    let rows: Vec<NowOut<'_>> = latest
        .into_iter()
        .map(|((_, scope_key), entry)| NowOut {
            party: &entry.party,
            scope_key,
            id: entry.id,
            verdict: entry.verdict,
            at: entry.at,
        })
        .collect();
    let sql = sql!(format!(
        "{} ON CONFLICT (party, scope_key) DO UPDATE SET consent_id = excluded.consent_id, \
         verdict = excluded.verdict, at = excluded.at WHERE excluded.at > consent_now.at \
         OR (excluded.at = consent_now.at AND (excluded.verdict = 'out' OR consent_now.verdict = 'in'))",
        insert_text(
            "consent_now",
            "party text, scope_key text, consent_id=id id(cons), verdict text, at i64"
        )
    ));
    tx.put(sql, &rows).await.map(drop)
}

/// A scope as one text, for keys.
pub(super) fn scope_key(scope: ConsentScope) -> String {
    match scope {
        ConsentScope::Number(id) => id.to_string(),
        ConsentScope::Program(id) => id.to_string(),
        ConsentScope::Account(id) => id.to_string(),
        ConsentScope::Organisation => "organisation".to_owned(),
    }
}

fn route_columns(route: Route) -> (&'static str, Uuid) {
    match route {
        Route::Group(id) => ("group", id.uuid()),
        Route::User(id) => ("user", id.uuid()),
    }
}

fn job_out(job: &Job, made_at: Timestamp) -> JobOut<'_> {
    let message_id = match &job.kind {
        JobKind::Email { message, .. } => *message,
        JobKind::FetchMedia { message, .. } => Some(*message),
        JobKind::Order(_)
        | JobKind::FetchVoicemail { .. }
        | JobKind::FetchTalk { .. }
        | JobKind::TellOfVoicemail { .. }
        | JobKind::Http { .. } => None,
    };
    JobOut {
        id: job.id,
        account: job.account,
        connection: &job.connection,
        kind: &job.kind,
        due_at: job.due_at,
        attempts: job.attempts,
        message_id,
        made_at,
    }
}

fn sql_run() -> &'static Sql {
    static SQL: std::sync::LazyLock<Sql> = std::sync::LazyLock::new(|| {
        // Who changes a run has done what it woke for.
        upsert("run", &format!("{RUN}{WAS}"), ", claimed_until = NULL")
    });
    &SQL
}

fn sql_contact() -> &'static Sql {
    static SQL: std::sync::LazyLock<Sql> =
        std::sync::LazyLock::new(|| upsert("contact", &format!("{CONTACT}{WAS}"), ""));
    &SQL
}

fn sql_call() -> &'static Sql {
    static SQL: std::sync::LazyLock<Sql> =
        std::sync::LazyLock::new(|| upsert("call", &format!("{CALL}{WAS}"), ""));
    &SQL
}

fn sql_waiting() -> &'static Sql {
    static SQL: std::sync::LazyLock<Sql> =
        std::sync::LazyLock::new(|| upsert("waiting", &format!("{WAITING}{WAS}"), ""));
    &SQL
}

fn sql_leg() -> &'static Sql {
    static SQL: std::sync::LazyLock<Sql> =
        std::sync::LazyLock::new(|| upsert("leg", &format!("{LEG}{WAS}"), ""));
    &SQL
}

/// The lattice of [`MessageStatus::may_become`], for rows that were not locked when they were read.
fn sql_status() -> &'static Sql {
    const MAY: &str = "(CASE WHEN r.status IN ('held', 'queued', 'refused', 'expired', 'canceled') \
        THEN rank!(message.status) = 0 AND r.status <> message.status ELSE rank!(r.status) > rank!(message.status) END)";
    sql!(format!(
        "UPDATE message SET status = CASE WHEN {MAY} THEN r.status ELSE message.status END, \
         reason = CASE WHEN {MAY} THEN coalesce(r.reason, message.reason) ELSE message.reason END, \
         due_at = CASE WHEN NOT {MAY} THEN message.due_at WHEN r.status IN ('held', 'queued') THEN r.at END, \
         carrier_id = coalesce(message.carrier_id, r.carrier_id) \
         given!(id id(msg), status text, carrier_id text, reason text, at i64) WHERE message.id = r.id"
    ))
}

async fn versioned<T: Serialize, M: Serialize>(
    tx: &mut Tx,
    sql: &Sql,
    table: &str,
    rows: &Latest<'_, T>,
    more: impl Fn(i64) -> M,
) -> Result<(), StoreError> {
    let rows: Vec<_> = rows
        .0
        .values()
        .map(|(row, was)| With {
            row: *row,
            more: more(*was),
        })
        .collect();
    compared(tx, sql, table, &rows).await
}

/// Writes rows over the versions they were made from, all or none.
async fn compared<T: Serialize>(
    tx: &mut Tx,
    sql: &Sql,
    table: &str,
    rows: &[T],
) -> Result<(), StoreError> {
    let touched = tx.put(sql, rows).await?;
    match usize::try_from(touched) == Ok(rows.len()) {
        true => Ok(()),
        false => Err(StoreError::Conflict(table.to_owned())),
    }
}
