//! Texts that must leave: claimed, tried, and what came of it.

mod attempt;
mod dispatch;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::consent::Verdict;
use crate::model::conversation::{ThreadEvent, ThreadEventKind};
use crate::model::{AccountId, Ids, Message, MessageId, MessageStatus, Timestamp, Via};

use super::both::sql;
use super::pools::{Arg, Tx};
use super::tables::MESSAGE;
use super::{NodeScope, RACES_MAX, Store, StoreError};
use attempt::attempted;
use dispatch::dispatch;

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

/// What a month's count changes by.
#[derive(Serialize)]
struct Counted {
    account: AccountId,
    month: i32,
    messages: i64,
    segments: i64,
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
        self.apart(async move {
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
        self.apart(async move {
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
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let sql = sql!(
                "UPDATE message SET status = 'unknown', reason = 'node_lost', due_at = $1 WHERE id IN \
                 (SELECT m.id FROM message m WHERE m.due_at <= $1 AND m.status IN ('sending', 'unknown') AND m.status = 'sending' \
                  ORDER BY m.due_at LIMIT $2 claim!(m)) RETURNING obj!('id', ident!(msg: id), 'attempt', attempts)"
            );
            let args = [Arg::Int(now.micros()), Arg::Int(STALE_MAX)];
            let lost: Vec<Lost> = tx.list("message", sql, &args).await?;
            let attempts = sql!(
                "UPDATE attempt SET outcome = 'unknown', code = 'node_lost' \
                 given!(id id(msg), attempt i64) \
                 WHERE attempt.message_id = r.id AND attempt.attempt = r.attempt"
            );
            tx.put(attempts, &lost).await?;
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
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let sql = sql!(format!(
                "SELECT obj!('message', nest!(m: {MESSAGE}), 'number_address', n.address, 'connection', n.connection, \
                 'attempted_at', coalesce(a.started_at, m.created_at)) FROM message m CROSS JOIN number n \
                 LEFT JOIN attempt a ON a.account_id = m.account_id AND a.message_id = m.id AND a.attempt = m.attempts \
                 WHERE m.due_at <= $1 AND m.status IN ('sending', 'unknown') AND m.status = 'unknown' AND n.id = m.number_id \
                 ORDER BY m.due_at LIMIT $2 claim!(m)"
            ));
            let args = [Arg::Int(now.micros()), Arg::Int(limit.into())];
            let found: Vec<UnknownText> = tx.list("message", sql, &args).await?;
            let until = now + lease;
            let claims: Vec<Claim> =
                found.iter().map(|text| Claim { id: text.message.id, until }).collect();
            let claim = sql!(
                "UPDATE message SET due_at = r.until given!(id id(msg), until i64) WHERE message.id = r.id"
            );
            tx.put(claim, &claims).await?;
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
            "UPDATE message SET due_at = NULL given!(id id(msg)) \
             WHERE message.id = r.id AND message.status = 'unknown'"
        );
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            tx.put(sql, &rows).await?;
            tx.commit().await
        })
        .await
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
         attempts = r.attempts, carrier_id = r.carrier_id given!(id id(msg), status text, via text, \
         due_at i64, reason text, attempts i64, carrier_id text) WHERE message.id = r.id"
    );
    tx.put(sql, &rows).await.map(drop)
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
         given!(account_id=account id(acct), month i64, messages i64, segments i64) \
         WHERE usage.account_id = r.account_id AND usage.month = r.month"
    );
    tx.put(sql, &rows).await.map(drop)
}

#[cfg(test)]
mod tests;
