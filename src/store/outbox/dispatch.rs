//! Judging what is due, in the one transaction that claims it and counts it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::consent::{ConsentEntry, ConsentScope, Verdict};
use crate::model::conversation::{ThreadEvent, ThreadEventKind};
use crate::model::people::ContactPhone;
use crate::model::turn::{Job, JobKind};
use crate::model::{
    AccountId, Id, Ids, Message, MessageId, MessageStatus, Party, ProgramId, Timestamp, Via,
};
use crate::policy::consent::verdict;
use crate::store::StoreError;
use crate::store::both::sql;
use crate::store::pools::{Arg, Tx, array};
use crate::store::save::{save_jobs, save_thread_events};
use crate::store::tables::{CONSENT, MESSAGE};
use crate::store::upkeep::first_id;

use super::{Counted, Dispatch, DueText, PlanUse, ToSend, count, line, move_texts};

/// A text waits for an earlier one of its conversation no longer than this.
const ORDER_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// When a text is looked at again that waits for one under way.
const BEHIND_AGAIN: Duration = Duration::from_millis(250);
/// How often due texts are read anew because all that were found wait for earlier ones.
const READS_MAX: usize = 16;

/// A due text as it is read.
#[derive(Deserialize)]
struct DueRow {
    message: Message,
    number_address: String,
    connection: String,
    program: ProgramId,
    contact: ContactOf,
    /// When an earlier one of its conversation that has not left is due, zero when that one is under way.
    behind: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ContactOf {
    email: Option<String>,
    phones: Option<Vec<ContactPhone>>,
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

pub(super) async fn dispatch(
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

/// A text is due when no earlier one of its conversation waits or is under way. One that is behind another is
/// moved to that one's time, so that those who wait are not found over and over.
async fn due_texts(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<DueRow>, StoreError> {
    for _ in 0..READS_MAX {
        let found = find_due(tx, now, limit).await?;
        let full = found.len() >= limit as usize;
        let (mut behind, free): (Vec<DueRow>, Vec<DueRow>) =
            found.into_iter().partition(|row| row.behind.is_some());
        for row in &mut behind {
            row.message.due_at = row.behind.max(Some(now + BEHIND_AGAIN));
        }
        move_texts(tx, behind.iter().map(|row| &row.message)).await?;
        if !full || !free.is_empty() {
            return Ok(free);
        }
    }
    Ok(Vec::new())
}

async fn find_due(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<Vec<DueRow>, StoreError> {
    let sql = sql!(format!(
        "SELECT obj!('message', nest!(m: {MESSAGE}), 'number_address', n.address, 'connection', n.connection, \
         'program', ident!(prog: c.program_id), 'contact', nest!(p: email text, phones json), \
         'behind', (SELECT max(CASE o.status WHEN 'queued' THEN o.due_at ELSE 0 END) FROM message o \
          WHERE o.conversation_id = m.conversation_id AND o.id > $2 \
           AND o.due_at IS NOT NULL AND o.status IN ('queued', 'sending') \
           AND (o.created_at, o.id) < (m.created_at, m.id))) \
         FROM message m CROSS JOIN number n CROSS JOIN conversation c \
         LEFT JOIN contact p ON p.account_id = c.account_id AND p.id = coalesce(m.contact_id, c.contact_id) \
         WHERE m.due_at <= $1 AND m.status IN ('queued', 'held') AND m.kind <> 'inbound' AND n.id = m.number_id \
          AND c.account_id = m.account_id AND c.id = m.conversation_id \
         ORDER BY m.due_at, m.id LIMIT $3 claim!(m)"
    ));
    let args = [
        Arg::Int(now.micros()),
        Arg::Id(first_id(now - ORDER_WINDOW)),
        Arg::Int(limit.into()),
    ];
    tx.list("message", sql, &args).await
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
        text.message.reason = None;
        match what {
            Dispatch::Send => self.send(&mut text, month, now, lease),
            Dispatch::Email {
                to,
                subject,
                text: words,
                reason,
            } => self.mail(&mut text.message, (to, subject, words), reason, now),
            Dispatch::Hold(until, reason) => {
                text.message.status = MessageStatus::Held;
                text.message.due_at = Some(until);
                text.message.reason = Some(reason);
            }
            Dispatch::Later(at) => {
                text.message.status = MessageStatus::Queued;
                text.message.due_at = Some(at);
            }
            Dispatch::Refuse(reason) => self.refuse(&mut text.message, reason, now),
        }
        self.moved.push(text.message);
    }

    /// It goes to the carrier: the intent is counted and written down before that.
    fn send(&mut self, text: &mut DueText, month: i32, now: Timestamp, lease: Duration) {
        let message = &mut text.message;
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

    /// Its words go by e-mail.
    fn mail(
        &mut self,
        message: &mut Message,
        (to, subject, text): (String, String, String),
        reason: String,
        now: Timestamp,
    ) {
        let mut ids = ids(message, now);
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
                text,
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

    /// It never leaves.
    fn refuse(&mut self, message: &mut Message, reason: String, now: Timestamp) {
        message.status = MessageStatus::Refused;
        message.due_at = None;
        message.reason = Some(reason.clone());
        let kind = ThreadEventKind::Refused {
            message: message.id,
            reason,
        };
        let line = line(message, &mut ids(message, now), now, kind);
        self.lines.push(line);
    }

    async fn save(self, tx: &mut Tx, now: Timestamp) -> Result<Vec<ToSend>, StoreError> {
        move_texts(tx, self.moved.iter()).await?;
        let intents = sql!(
            "INSERT INTO attempt (message_id, attempt, account_id, month, segments, started_at) \
             values!(message_id=message id(msg), \
             attempt i64, account_id=account id(acct), month i64, segments i64, started_at=at i64) \
             ON CONFLICT DO NOTHING"
        );
        tx.put(intents, &self.intents).await?;
        count(tx, self.counted).await?;
        save_jobs(tx, &self.jobs, now).await?;
        save_thread_events(tx, &self.lines).await?;
        Ok(self.send)
    }
}

/// The ids are as repeatable as everything else: of the moment and the text.
fn ids(message: &Message, now: Timestamp) -> Ids {
    Ids::new(now, message.id.uuid().as_u64_pair().1)
}
