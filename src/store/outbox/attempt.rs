//! What came of attempts: statuses move forward, and what surely did not leave is not counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::conversation::ThreadEventKind;
use crate::model::{AccountId, Id, Ids, Message, MessageId, MessageStatus, Timestamp};
use crate::store::StoreError;
use crate::store::both::sql;
use crate::store::pools::{Arg, Tx, array};
use crate::store::save::save_thread_events;
use crate::store::tables::MESSAGE;

use super::{AttemptOutcome, AttemptResult, count, line, move_texts};

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

pub(super) async fn attempted(tx: &mut Tx, outcomes: &[AttemptOutcome]) -> Result<(), StoreError> {
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
        "UPDATE attempt SET ended_at = r.at, outcome = r.outcome, code = r.code given!(\
         message_id=message id(msg), attempt i64, at i64, outcome text, code text) \
         WHERE attempt.message_id = r.message_id AND attempt.attempt = r.attempt"
    );
    tx.put(sql, &ended).await?;
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
