//! Texts that must leave: claimed, tried, and what came of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::consent::{ConsentEntry, ConsentScope, Verdict};
use crate::model::conversation::{ThreadEvent, ThreadEventKind};
use crate::model::people::ContactPhone;
use crate::model::turn::{Job, JobKind};
use crate::model::{
    AccountId, Id, Ids, Message, MessageId, MessageStatus, Party, ProgramId, Timestamp, Via,
};
use crate::policy::consent::verdict;

use super::both::sql;
use super::pools::{Arg, Given, Tx, array};
use super::save::{put, save_jobs, save_thread_events};
use super::tables::{CONSENT, MESSAGE};
use super::{NodeScope, RACES_MAX, Store, StoreError, apart};

/// A text waits for an earlier one of its conversation no longer than this.
const ORDER_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Texts of lost nodes that one call looks at.
const STALE_MAX: i64 = 1_000;

/// A text whose time has come, with all that decides whether it may leave.
#[derive(Debug, Clone)]
pub struct DueText {
    /// The text.
    pub message: Message,
    /// Our number as the carrier knows it.
    pub number_address: String,
    /// The connection's key.
    pub connection: String,
    /// What the phone said of the number, program, account and organisation: any `Out` wins.
    pub consent: Option<Verdict>,
    /// What the account has sent in its current month, the texts of this very call included.
    pub plan_used: PlanUse,
    /// The contact's address, where there is one.
    pub contact_email: Option<String>,
    /// Whether the contact lets this phone be texted; a phone without a contact may be.
    pub textable: bool,
}

/// What an account has used of its plan in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct PlanUse {
    /// Texts.
    pub messages: u64,
    /// Segments.
    pub segments: u64,
}

/// What is done with a due text.
#[derive(Debug, Clone, PartialEq)]
pub enum Dispatch {
    /// It is sent now, and counted.
    Send,
    /// It goes by e-mail.
    Email {
        /// To whom.
        to: String,
        /// Its subject.
        subject: String,
        /// Its text.
        text: String,
        /// Why, as a code.
        reason: String,
    },
    /// It waits until then; the reason's code.
    Hold(Timestamp, String),
    /// It stays queued and is looked at again then: a rate, not a hold.
    Later(Timestamp),
    /// It never leaves; the reason's code.
    Refuse(String),
}

/// A text claimed for sending; its intent is recorded.
#[derive(Debug, Clone)]
pub struct ToSend {
    /// What is sent.
    pub text: DueText,
    /// Which attempt, from 1.
    pub attempt: u16,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptOutcome {
    /// Which text.
    pub message: MessageId,
    /// Which attempt.
    pub attempt: u16,
    /// When.
    pub at: Timestamp,
    /// What.
    pub result: AttemptResult,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptResult {
    /// The carrier took it.
    Accepted {
        /// The carrier's id.
        carrier_id: String,
        /// How far it is already.
        status: MessageStatus,
    },
    /// It surely did not leave; it is tried again.
    Retry {
        /// When.
        due_at: Timestamp,
        /// The reason's code.
        code: String,
    },
    /// It surely did not leave and never will.
    Failed {
        /// The reason's code.
        code: String,
    },
    /// The answer was lost: it may have left. Never sent again.
    Unknown {
        /// The reason's code.
        code: String,
        /// When the carrier's own record is looked at; `None`: never.
        look_again_at: Option<Timestamp>,
    },
}

/// A text whose answer was lost and whose time to be looked for has come.
#[derive(Debug, Clone, Deserialize)]
pub struct UnknownText {
    /// The text.
    pub message: Message,
    /// Our number as the carrier knows it.
    pub number_address: String,
    /// The connection's key.
    pub connection: String,
    /// When its last attempt began.
    pub attempted_at: Timestamp,
}

/// A due text as it is read.
#[derive(Deserialize)]
struct DueRow {
    message: Message,
    number_address: String,
    connection: String,
    program: ProgramId,
    contact: ContactOf,
}

#[derive(Deserialize)]
struct ContactOf {
    email: Option<String>,
    phones: Option<Vec<ContactPhone>>,
}

/// What becomes of a judged text.
#[derive(Serialize)]
struct Moved<'t> {
    id: MessageId,
    status: MessageStatus,
    via: Via,
    due_at: Option<Timestamp>,
    reason: Option<&'t str>,
    attempts: u16,
    carrier_id: Option<&'t str>,
}

/// The intent of a send.
#[derive(Serialize)]
struct Intent {
    message: MessageId,
    attempt: u16,
    account: AccountId,
    month: i32,
    segments: u16,
    at: Timestamp,
}

/// What a month's count changes by.
#[derive(Serialize)]
struct Counted {
    account: AccountId,
    month: i32,
    messages: i64,
    segments: i64,
}

/// The month a text is counted in, and how it stands.
type Months = BTreeMap<(AccountId, i32), PlanUse>;

/// All that a round of judging leaves to be written.
#[derive(Default)]
struct Judged {
    moved: Vec<Message>,
    intents: Vec<Intent>,
    counted: BTreeMap<(AccountId, i32), (i64, i64)>,
    jobs: Vec<Job>,
    lines: Vec<ThreadEvent>,
    send: Vec<ToSend>,
}

impl Store {
    /// Judges up to `limit` due texts, oldest first and one of a conversation at a time, and saves what `judge`
    /// says; what is to be sent comes back claimed until `now + lease`.
    ///
    /// `month` gives the number (`yyyymm`) of an account's current month. The count of the plan is exact:
    /// locked, read and raised in this one transaction.
    pub async fn dispatch<M, J>(
        &self,
        _scope: NodeScope,
        now: Timestamp,
        limit: u32,
        lease: Duration,
        mut month: M,
        mut judge: J,
    ) -> Result<Vec<ToSend>, StoreError>
    where
        M: Fn(AccountId) -> i32 + Send + 'static,
        J: FnMut(&DueText) -> Dispatch + Send + 'static,
    {
        let pools = self.inner.pools.clone();
        apart(async move {
            let mut races = 0;
            loop {
                let mut tx = pools.begin().await?;
                let done = dispatch(&mut tx, now, limit, lease, &mut month, &mut judge).await;
                match done {
                    Err(StoreError::Conflict(_)) if races < RACES_MAX => races += 1,
                    Err(error) => return Err(error),
                    Ok(send) => return tx.commit().await.map(|()| send),
                }
            }
        })
        .await
    }

    /// Saves what came of attempts. A text that surely did not leave is no longer counted in its month; one whose
    /// receipt came first keeps what the receipt said.
    pub async fn attempted(
        &self,
        _scope: NodeScope,
        outcomes: Vec<AttemptOutcome>,
    ) -> Result<(), StoreError> {
        let pools = self.inner.pools.clone();
        apart(async move {
            let mut races = 0;
            loop {
                let mut tx = pools.begin().await?;
                match attempted(&mut tx, &outcomes).await {
                    Err(StoreError::Conflict(_)) if races < RACES_MAX => races += 1,
                    Err(error) => return Err(error),
                    Ok(()) => return tx.commit().await,
                }
            }
        })
        .await
    }

    /// Texts that a node was sending when it went away become `unknown`, to be looked for at once.
    /// How many.
    pub async fn stale_sending(
        &self,
        _scope: NodeScope,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        #[derive(Deserialize, Serialize)]
        struct Lost {
            id: MessageId,
            attempt: i64,
        }
        let pools = self.inner.pools.clone();
        apart(async move {
            let mut tx = pools.begin().await?;
            let sql = sql!(
                "UPDATE message SET status = 'unknown', reason = 'node_lost', due_at = $1 WHERE id IN \
                 (SELECT m.id FROM message m WHERE m.due_at <= $1 AND m.status = 'sending' \
                  ORDER BY m.due_at LIMIT $2 claim!(m)) RETURNING obj!('id', ident!(msg: id), 'attempt', attempts)"
            );
            let args = [Arg::Int(now.micros()), Arg::Int(STALE_MAX)];
            let lost: Vec<Lost> = tx.list("message", sql, &args).await?;
            let attempts = sql!(
                "UPDATE attempt SET outcome = 'unknown', code = 'node_lost' \
                 FROM rows!($1: id id(msg), attempt i64) AS r \
                 WHERE attempt.message_id = r.id AND attempt.attempt = r.attempt"
            );
            put(&mut tx, attempts, &lost).await?;
            tx.commit().await?;
            Ok(lost.len() as u64)
        })
        .await
    }

    /// `unknown` texts to be looked for now; each comes again after `lease` unless it was settled with
    /// [`Store::attempted`] or [`Store::settled`].
    pub async fn unknown_texts(
        &self,
        _scope: NodeScope,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<UnknownText>, StoreError> {
        #[derive(Serialize)]
        struct Claim {
            id: MessageId,
            until: Timestamp,
        }
        let pools = self.inner.pools.clone();
        apart(async move {
            let mut tx = pools.begin().await?;
            let sql = sql!(format!(
                "SELECT obj!('message', nest!(m: {MESSAGE}), 'number_address', n.address, 'connection', n.connection, \
                 'attempted_at', coalesce(a.started_at, m.created_at)) FROM message m CROSS JOIN number n \
                 LEFT JOIN attempt a ON a.account_id = m.account_id AND a.message_id = m.id AND a.attempt = m.attempts \
                 WHERE m.due_at <= $1 AND m.status = 'unknown' AND n.id = m.number_id \
                 ORDER BY m.due_at LIMIT $2 claim!(m)"
            ));
            let args = [Arg::Int(now.micros()), Arg::Int(limit.into())];
            let found: Vec<UnknownText> = tx.list("message", sql, &args).await?;
            let until = now + lease;
            let claims: Vec<Claim> =
                found.iter().map(|text| Claim { id: text.message.id, until }).collect();
            let claim = sql!(
                "UPDATE message SET due_at = r.until FROM rows!($1: id id(msg), until i64) AS r WHERE message.id = r.id"
            );
            put(&mut tx, claim, &claims).await?;
            tx.commit().await?;
            Ok(found)
        })
        .await
    }

    /// `unknown` texts are not looked for any more; they stay `unknown` unless a receipt comes.
    pub async fn settled(
        &self,
        _scope: NodeScope,
        messages: Vec<MessageId>,
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Settled {
            id: MessageId,
        }
        let rows: Vec<Settled> = messages.into_iter().map(|id| Settled { id }).collect();
        let sql = sql!(
            "UPDATE message SET due_at = NULL FROM rows!($1: id id(msg)) AS r \
             WHERE message.id = r.id AND message.status = 'unknown'"
        );
        self.write(sql, vec![Given::Text(array(&rows)?)])
            .await
            .map(drop)
    }
}

async fn dispatch(
    tx: &mut Tx,
    now: Timestamp,
    limit: u32,
    lease: Duration,
    month: &mut impl Fn(AccountId) -> i32,
    judge: &mut impl FnMut(&DueText) -> Dispatch,
) -> Result<Vec<ToSend>, StoreError> {
    let due = due_texts(tx, now, limit).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let consents = consents(tx, &due).await?;
    let mut months: Months = due
        .iter()
        .map(|row| row.message.account)
        .map(|account| ((account, month(account)), PlanUse::default()))
        .collect();
    lock_months(tx, &mut months).await?;
    let mut judged = Judged::default();
    for row in due {
        let key = (row.message.account, month(row.message.account));
        let consent = applying(&row, consents.get(&row.message.party));
        let used = months.entry(key).or_default();
        let text = due_text(row, consent, *used);
        let what = catch_unwind(AssertUnwindSafe(|| judge(&text)))
            .unwrap_or_else(|_| Dispatch::Refuse("internal".to_owned()));
        if what == Dispatch::Send {
            used.messages += 1;
            used.segments += u64::from(text.message.segments);
        }
        judged.take(text, what, key.1, now, lease);
    }
    judged.save(tx, now).await
}

/// A text is due when no earlier one of its conversation waits or is under way.
async fn due_texts(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<DueRow>, StoreError> {
    let sql = sql!(format!(
        "SELECT obj!('message', nest!(m: {MESSAGE}), 'number_address', n.address, 'connection', n.connection, \
         'program', ident!(prog: c.program_id), 'contact', nest!(p: email text, phones json)) \
         FROM message m CROSS JOIN number n CROSS JOIN conversation c \
         LEFT JOIN contact p ON p.account_id = c.account_id AND p.id = coalesce(m.contact_id, c.contact_id) \
         WHERE m.due_at <= $1 AND m.status IN ('queued', 'held') AND m.kind <> 'inbound' AND n.id = m.number_id \
          AND c.account_id = m.account_id AND c.id = m.conversation_id \
          AND NOT EXISTS (SELECT 1 FROM message o WHERE o.conversation_id = m.conversation_id AND o.id > $2 \
           AND o.due_at IS NOT NULL AND o.status IN ('queued', 'sending') \
           AND (o.created_at, o.id) < (m.created_at, m.id)) \
         ORDER BY m.due_at, m.id LIMIT $3 claim!(m)"
    ));
    let args = [
        Arg::Int(now.micros()),
        Arg::Id(first_id(now - ORDER_WINDOW)),
        Arg::Int(limit.into()),
    ];
    tx.list("message", sql, &args).await
}

/// Below every id made from then on.
fn first_id(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// The latest entries of every scope, by phone.
async fn consents(
    tx: &mut Tx,
    due: &[DueRow],
) -> Result<HashMap<Party, Vec<ConsentEntry>>, StoreError> {
    #[derive(Serialize)]
    struct Asked<'t> {
        party: &'t Party,
    }
    let parties: BTreeSet<&Party> = due.iter().map(|row| &row.message.party).collect();
    let asked: Vec<Asked<'_>> = parties.into_iter().map(|party| Asked { party }).collect();
    let sql = sql!(format!(
        "SELECT doc!(s: {CONSENT}) FROM rows!($1: party text) AS r CROSS JOIN consent_now n CROSS JOIN consent s \
         WHERE n.party = r.party AND s.id = n.consent_id"
    ));
    let entries: Vec<ConsentEntry> = tx
        .list("consent", sql, &[Arg::Text(&array(&asked)?)])
        .await?;
    let mut found: HashMap<Party, Vec<ConsentEntry>> = HashMap::new();
    for entry in entries {
        found.entry(entry.party.clone()).or_default().push(entry);
    }
    Ok(found)
}

/// What the ledger says of the scopes that a text is in.
fn applying(row: &DueRow, entries: Option<&Vec<ConsentEntry>>) -> Option<Verdict> {
    let applies = |entry: &&ConsentEntry| match entry.scope {
        ConsentScope::Number(number) => number == row.message.number,
        ConsentScope::Program(program) => program == row.program,
        ConsentScope::Account(account) => account == row.message.account,
        ConsentScope::Organisation => true,
    };
    let entries: Vec<ConsentEntry> = entries?.iter().filter(applies).cloned().collect();
    match verdict(&entries) {
        Verdict::Unknown => None,
        said => Some(said),
    }
}

/// Makes the months' rows where they are missing, locks them in order, and reads them.
async fn lock_months(tx: &mut Tx, months: &mut Months) -> Result<(), StoreError> {
    #[derive(Deserialize)]
    struct Row {
        account: AccountId,
        month: i32,
        #[serde(flatten)]
        used: PlanUse,
    }
    let rows: Vec<Counted> = months
        .keys()
        .map(|(account, month)| Counted {
            account: *account,
            month: *month,
            messages: 0,
            segments: 0,
        })
        .collect();
    let rows = array(&rows)?;
    let make = sql!(
        "INSERT INTO usage (account_id, month, messages, segments) SELECT account_id, month, 0, 0 \
         FROM rows!($1: account_id=account id(acct), month i64) AS r WHERE true ON CONFLICT DO NOTHING"
    );
    tx.run(make, &[Arg::Text(&rows)]).await?;
    let sql = sql!(
        "SELECT doc!(u: account_id=account id(acct), month i64, messages i64, segments i64) \
         FROM rows!($1: account_id=account id(acct), month i64) AS r CROSS JOIN usage u \
         WHERE u.account_id = r.account_id AND u.month = r.month ORDER BY u.account_id, u.month lock!(u)"
    );
    let found: Vec<Row> = tx.list("usage", sql, &[Arg::Text(&rows)]).await?;
    for row in found {
        months.insert((row.account, row.month), row.used);
    }
    Ok(())
}

fn due_text(row: DueRow, consent: Option<Verdict>, plan_used: PlanUse) -> DueText {
    let DueRow {
        message,
        number_address,
        connection,
        contact,
        ..
    } = row;
    let phones = contact.phones.unwrap_or_default();
    let refused = phones
        .iter()
        .any(|phone| phone.phone == message.party && !phone.textable);
    DueText {
        message,
        number_address,
        connection,
        consent,
        plan_used,
        contact_email: contact.email,
        textable: !refused,
    }
}

impl Judged {
    fn take(
        &mut self,
        mut text: DueText,
        what: Dispatch,
        month: i32,
        now: Timestamp,
        lease: Duration,
    ) {
        let message = &mut text.message;
        // The ids are as repeatable as everything else: of the moment and the text.
        let mut ids = Ids::new(now, message.id.uuid().as_u64_pair().1);
        message.reason = None;
        match what {
            Dispatch::Send => {
                message.status = MessageStatus::Sending;
                message.attempts = message.attempts.saturating_add(1);
                message.due_at = Some(now + lease);
                self.intents.push(Intent {
                    message: message.id,
                    attempt: message.attempts,
                    account: message.account,
                    month,
                    segments: message.segments,
                    at: now,
                });
                let counted = self.counted.entry((message.account, month)).or_default();
                counted.0 += 1;
                counted.1 += i64::from(message.segments);
                self.send.push(ToSend {
                    text: text.clone(),
                    attempt: text.message.attempts,
                });
            }
            Dispatch::Email {
                to,
                subject,
                text: words,
                reason,
            } => {
                message.via = Via::Email;
                message.status = MessageStatus::Queued;
                message.due_at = None;
                message.reason = Some(reason.clone());
                self.jobs.push(Job {
                    id: ids.fresh(),
                    account: message.account,
                    connection: String::new(),
                    kind: JobKind::Email {
                        to,
                        subject,
                        text: words,
                        message: Some(message.id),
                    },
                    due_at: now,
                    attempts: 0,
                });
                let kind = ThreadEventKind::ByEmail {
                    message: message.id,
                    reason,
                };
                self.lines.push(line(message, &mut ids, now, kind));
            }
            Dispatch::Hold(until, reason) => {
                message.status = MessageStatus::Held;
                message.due_at = Some(until);
                message.reason = Some(reason);
            }
            Dispatch::Later(at) => {
                message.status = MessageStatus::Queued;
                message.due_at = Some(at);
            }
            Dispatch::Refuse(reason) => {
                message.status = MessageStatus::Refused;
                message.due_at = None;
                message.reason = Some(reason.clone());
                let kind = ThreadEventKind::Refused {
                    message: message.id,
                    reason,
                };
                self.lines.push(line(message, &mut ids, now, kind));
            }
        }
        self.moved.push(text.message);
    }

    async fn save(self, tx: &mut Tx, now: Timestamp) -> Result<Vec<ToSend>, StoreError> {
        move_texts(tx, self.moved.iter()).await?;
        let intents = sql!(
            "INSERT INTO attempt (message_id, attempt, account_id, month, segments, started_at) \
             SELECT message_id, attempt, account_id, month, segments, at FROM rows!($1: message_id=message id(msg), \
             attempt i64, account_id=account id(acct), month i64, segments i64, at i64) AS r WHERE true \
             ON CONFLICT DO NOTHING"
        );
        put(tx, intents, &self.intents).await?;
        count(tx, self.counted).await?;
        save_jobs(tx, &self.jobs, now).await?;
        save_thread_events(tx, &self.lines).await?;
        Ok(self.send)
    }
}

fn line(message: &Message, ids: &mut Ids, at: Timestamp, kind: ThreadEventKind) -> ThreadEvent {
    ThreadEvent {
        id: ids.fresh(),
        account: message.account,
        conversation: message.conversation,
        at,
        by: None,
        kind,
    }
}

/// Writes the outbox part of texts that this transaction has locked.
async fn move_texts(
    tx: &mut Tx,
    messages: impl Iterator<Item = &Message>,
) -> Result<(), StoreError> {
    let rows: Vec<Moved<'_>> = messages
        .map(|message| Moved {
            id: message.id,
            status: message.status,
            via: message.via,
            due_at: message.due_at,
            reason: message.reason.as_deref(),
            attempts: message.attempts,
            carrier_id: message.carrier_id.as_deref(),
        })
        .collect();
    let sql = sql!(
        "UPDATE message SET status = r.status, via = r.via, due_at = r.due_at, reason = r.reason, \
         attempts = r.attempts, carrier_id = r.carrier_id FROM rows!($1: id id(msg), status text, via text, \
         due_at i64, reason text, attempts i64, carrier_id text) AS r WHERE message.id = r.id"
    );
    put(tx, sql, &rows).await
}

/// Adds to months' counts, or takes from them.
async fn count(tx: &mut Tx, by: BTreeMap<(AccountId, i32), (i64, i64)>) -> Result<(), StoreError> {
    let rows: Vec<Counted> = by
        .into_iter()
        .map(|((account, month), (messages, segments))| Counted {
            account,
            month,
            messages,
            segments,
        })
        .collect();
    let sql = sql!(
        "UPDATE usage SET messages = usage.messages + r.messages, segments = usage.segments + r.segments \
         FROM rows!($1: account_id=account id(acct), month i64, messages i64, segments i64) AS r \
         WHERE usage.account_id = r.account_id AND usage.month = r.month"
    );
    put(tx, sql, &rows).await
}

/// A text with the attempt that an outcome is of.
#[derive(Deserialize)]
struct Tried {
    message: Message,
    month: Option<i32>,
}

/// What is written of an attempt.
#[derive(Serialize)]
struct Ended<'t> {
    message: MessageId,
    attempt: u16,
    at: Timestamp,
    outcome: &'static str,
    code: Option<&'t str>,
}

async fn attempted(tx: &mut Tx, outcomes: &[AttemptOutcome]) -> Result<(), StoreError> {
    let mut texts = tried(tx, outcomes).await?;
    let mut counted: BTreeMap<(AccountId, i32), (i64, i64)> = BTreeMap::new();
    let (mut lines, mut ended) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        let Some(Tried { message, month }) = texts.get_mut(&(outcome.message, outcome.attempt))
        else {
            continue;
        };
        let not_left = settle(message, outcome);
        ended.push(ended_row(outcome));
        if let Some(month) = month.filter(|_| not_left) {
            let by = counted.entry((message.account, month)).or_default();
            by.0 -= 1;
            by.1 -= i64::from(message.segments);
        }
        if not_left && message.status == MessageStatus::Failed {
            let mut ids = Ids::new(outcome.at, message.id.uuid().as_u64_pair().1);
            let reason = message.reason.clone().unwrap_or_default();
            let kind = ThreadEventKind::Refused {
                message: message.id,
                reason,
            };
            lines.push(line(message, &mut ids, outcome.at, kind));
        }
    }
    move_texts(tx, texts.values().map(|tried| &tried.message)).await?;
    let sql = sql!(
        "UPDATE attempt SET ended_at = r.at, outcome = r.outcome, code = r.code FROM rows!($1: \
         message_id=message id(msg), attempt i64, at i64, outcome text, code text) AS r \
         WHERE attempt.message_id = r.message_id AND attempt.attempt = r.attempt"
    );
    put(tx, sql, &ended).await?;
    count(tx, counted).await?;
    save_thread_events(tx, &lines).await
}

async fn tried(
    tx: &mut Tx,
    outcomes: &[AttemptOutcome],
) -> Result<BTreeMap<(MessageId, u16), Tried>, StoreError> {
    #[derive(Serialize)]
    struct Asked {
        id: MessageId,
        attempt: u16,
    }
    let keys: BTreeSet<(MessageId, u16)> = outcomes
        .iter()
        .map(|outcome| (outcome.message, outcome.attempt))
        .collect();
    let asked: Vec<Asked> = keys
        .into_iter()
        .map(|(id, attempt)| Asked { id, attempt })
        .collect();
    // Only the attempt under way may move its text: an older one has been answered for.
    let sql = sql!(format!(
        "SELECT obj!('message', nest!(m: {MESSAGE}), 'month', a.month) \
         FROM rows!($1: id id(msg), attempt i64) AS r CROSS JOIN message m \
         LEFT JOIN attempt a ON a.account_id = m.account_id AND a.message_id = m.id AND a.attempt = r.attempt \
         WHERE m.id = r.id AND m.attempts = r.attempt ORDER BY m.id lock!(m)"
    ));
    let found: Vec<Tried> = tx
        .list("message", sql, &[Arg::Text(&array(&asked)?)])
        .await?;
    Ok(found
        .into_iter()
        .map(|tried| ((tried.message.id, tried.message.attempts), tried))
        .collect())
}

/// Moves a text by the outcome of its attempt. Whether it surely has not left.
fn settle(message: &mut Message, outcome: &AttemptOutcome) -> bool {
    let open = matches!(
        message.status,
        MessageStatus::Sending | MessageStatus::Unknown
    );
    match &outcome.result {
        AttemptResult::Accepted { carrier_id, status } => {
            message.carrier_id.get_or_insert_with(|| carrier_id.clone());
            if message.status.may_become(*status) {
                message.status = *status;
                message.reason = None;
            }
            // Even what an early receipt left behind is not looked at again.
            message.due_at = None;
            false
        }
        AttemptResult::Retry { due_at, code } if open => {
            message.status = MessageStatus::Queued;
            message.due_at = Some(*due_at);
            message.reason = Some(code.clone());
            true
        }
        AttemptResult::Failed { code } if open => {
            message.status = MessageStatus::Failed;
            message.due_at = None;
            message.reason = Some(code.clone());
            true
        }
        AttemptResult::Unknown {
            code,
            look_again_at,
        } if message.status == MessageStatus::Sending => {
            message.status = MessageStatus::Unknown;
            message.due_at = *look_again_at;
            message.reason = Some(code.clone());
            false
        }
        // A receipt was first, and knows better.
        _ => false,
    }
}

fn ended_row(outcome: &AttemptOutcome) -> Ended<'_> {
    let (word, code) = match &outcome.result {
        AttemptResult::Accepted { .. } => ("accepted", None),
        AttemptResult::Retry { code, .. } => ("retry", Some(code)),
        AttemptResult::Failed { code } => ("failed", Some(code)),
        AttemptResult::Unknown { code, .. } => ("unknown", Some(code)),
    };
    Ended {
        message: outcome.message,
        attempt: outcome.attempt,
        at: outcome.at,
        outcome: word,
        code: code.map(String::as_str),
    }
}

#[cfg(test)]
mod tests;
