//! What else must leave, what wakes by itself, and files that have been fetched.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::conversation::ThreadEvent;
use crate::model::turn::{Job, JobKind};
use crate::model::{
    AccountId, CallId, Id, JobId, LegId, MessageId, NumberId, Party, RunId, ThreadEventId,
    Timestamp, VoicemailId,
};

use super::both::sql;
use super::pools::{Arg, Given};
use super::save::save_thread_events;
use super::tables::JOB;
use super::{NodeScope, Store, StoreError};

/// A run whose time has come.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DueTimer {
    /// Which run.
    pub run: RunId,
    /// The call it runs on.
    pub call: Option<CallId>,
    /// Our number.
    pub number: NumberId,
    /// The far end.
    pub party: Party,
}

/// Jobs are claimed in two lanes, because each takes places of its own and neither shall wait for the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Requests of flows to other systems.
    Requests,
    /// Everything else: orders, files to fetch, e-mails.
    Work,
}

#[derive(Deserialize)]
struct JobRow {
    id: JobId,
    account: AccountId,
    connection: String,
    kind: JobKind,
    due_at: Timestamp,
    attempts: u16,
}

/// A row that is claimed until then.
#[derive(Serialize)]
struct Claim<T> {
    id: T,
    until: Timestamp,
}

impl Store {
    /// Jobs of a lane whose time has come, oldest first, as they were before they were claimed; each comes again
    /// after `lease`, with one attempt more, unless it was ended.
    pub async fn jobs_due(
        &self,
        _scope: NodeScope,
        lane: Lane,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Job>, StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let due = match lane {
                Lane::Requests => sql!(due("IS NOT NULL")),
                Lane::Work => sql!(due("IS NULL")),
            };
            let args = [Arg::Int(now.micros()), Arg::Int(limit.into())];
            let rows: Vec<JobRow> = tx.list("job", due, &args).await?;
            let until = now + lease;
            let claims: Vec<Claim<JobId>> =
                rows.iter().map(|row| Claim { id: row.id, until }).collect();
            let claim = sql!(
                "UPDATE job SET due_at = r.until, attempts = job.attempts + 1 \
                 given!(id id(job), until i64) WHERE job.id = r.id"
            );
            tx.put(claim, &claims).await?;
            tx.commit().await?;
            Ok(rows.into_iter().map(job).collect())
        })
        .await
    }

    /// A job is done. The e-mail of a text moves that text to `sent`.
    pub async fn job_done(
        &self,
        _scope: NodeScope,
        job: JobId,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let text = sql!(
                "UPDATE message SET status = 'sent' WHERE via = 'email' AND status IN ('queued', 'held') \
                 AND id IN (SELECT message_id FROM job WHERE id = $1)"
            );
            tx.run(text, &[Arg::Id(job.uuid())]).await?;
            let done = sql!("DELETE FROM job WHERE id = $1");
            tx.run(done, &[Arg::Id(job.uuid())]).await?;
            tx.commit().await
        })
        .await
    }

    /// A job is tried again at `due_at`.
    pub async fn job_retry(
        &self,
        _scope: NodeScope,
        job: JobId,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = sql!("UPDATE job SET due_at = $2 WHERE id = $1 AND due_at IS NOT NULL");
        let args = vec![Given::Id(job.uuid()), Given::Int(due_at.micros())];
        self.write(sql, args).await.map(drop)
    }

    /// A job never will be done; kept with its reason. The e-mail of a text moves that text to `failed`.
    pub async fn job_failed(
        &self,
        _scope: NodeScope,
        job: JobId,
        now: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let (pools, reason) = (self.inner.pools.clone(), reason.to_owned());
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let text = sql!(
                "UPDATE message SET status = 'failed', reason = $2 WHERE via = 'email' \
                 AND status IN ('queued', 'held') AND id IN (SELECT message_id FROM job WHERE id = $1)"
            );
            let args = [Arg::Id(job.uuid()), Arg::Text(&reason)];
            tx.run(text, &args).await?;
            let failed = sql!("UPDATE job SET due_at = NULL, reason = $2, failed_at = $3 WHERE id = $1");
            let args = [Arg::Id(job.uuid()), Arg::Text(&reason), Arg::Int(now.micros())];
            tx.run(failed, &args).await?;
            tx.commit().await
        })
        .await
    }

    /// Runs whose time has come; each comes again after `lease` unless a turn changed it.
    pub async fn timers_due(
        &self,
        _scope: NodeScope,
        now: Timestamp,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<DueTimer>, StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let due = sql!(
                "SELECT doc!(x: id=run id(run), call_id=call id(call), number_id=number id(num), party text) FROM run x \
                 WHERE x.due_at <= $1 AND NOT x.ended AND (x.claimed_until IS NULL OR x.claimed_until <= $1) \
                 ORDER BY x.due_at LIMIT $2 claim!(x)"
            );
            let args = [Arg::Int(now.micros()), Arg::Int(limit.into())];
            let rows: Vec<DueTimer> = tx.list("run", due, &args).await?;
            let until = now + lease;
            let claims: Vec<Claim<RunId>> = rows.iter().map(|row| Claim { id: row.run, until }).collect();
            let claim = sql!(
                "UPDATE run SET claimed_until = r.until given!(id id(run), until i64) WHERE run.id = r.id"
            );
            tx.put(claim, &claims).await?;
            tx.commit().await?;
            Ok(rows)
        })
        .await
    }

    /// Whether a leg that is to be placed still is: nothing is heard of it yet and its call goes on.
    pub async fn leg_is_wanted(&self, _scope: NodeScope, leg: LegId) -> Result<bool, StoreError> {
        let sql = sql!(
            "SELECT doc!(l: id id(leg)) FROM leg l CROSS JOIN call c WHERE l.id = $1 AND l.status = 'queued' \
             AND l.carrier_id IS NULL AND c.account_id = l.account_id AND c.id = l.call_id AND c.ended_at IS NULL"
        );
        self.is_there("leg", sql, leg).await
    }

    /// Whether a call is still to be sent to this turn: it is there, goes on and has not asked for its script.
    pub async fn move_is_wanted(
        &self,
        _scope: NodeScope,
        call: CallId,
        turn: u32,
    ) -> Result<bool, StoreError> {
        let sql = sql!(
            "SELECT doc!(c: id id(call)) FROM call c WHERE c.id = $1 AND c.turn = $2 AND c.fetched < $2 \
             AND c.ended_at IS NULL"
        );
        let args = [Arg::Id(call.uuid()), Arg::Int(turn.into())];
        let found: Vec<serde_json::Value> = self.inner.pools.list("call", sql, &args).await?;
        Ok(!found.is_empty())
    }

    /// Whether a voicemail's file is here.
    pub async fn voicemail_is_here(
        &self,
        _scope: NodeScope,
        voicemail: VoicemailId,
    ) -> Result<bool, StoreError> {
        let sql = sql!(
            "SELECT doc!(v: id id(vm)) FROM voicemail v WHERE v.id = $1 AND v.state = 'ready'"
        );
        self.is_there("voicemail", sql, voicemail).await
    }

    /// Whether a thread has this line.
    pub async fn line_is_here(
        &self,
        _scope: NodeScope,
        line: ThreadEventId,
    ) -> Result<bool, StoreError> {
        let sql = sql!("SELECT doc!(e: id id(tev)) FROM thread_event e WHERE e.id = $1");
        self.is_there("thread_event", sql, line).await
    }

    /// Puts a line into its thread, once.
    pub async fn add_line(&self, scope: NodeScope, line: ThreadEvent) -> Result<(), StoreError> {
        if self.line_is_here(scope, line.id).await? {
            return Ok(());
        }
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            save_thread_events(&mut tx, &[line]).await?;
            tx.commit().await
        })
        .await
    }

    async fn is_there(
        &self,
        table: &'static str,
        sql: &super::both::Sql,
        id: impl Id,
    ) -> Result<bool, StoreError> {
        let found: Vec<serde_json::Value> = self
            .inner
            .pools
            .list(table, sql, &[Arg::Id(id.uuid())])
            .await?;
        Ok(!found.is_empty())
    }

    /// A voicemail's file is here, under this key.
    pub async fn voicemail_ready(
        &self,
        _scope: NodeScope,
        voicemail: VoicemailId,
        blob: &str,
    ) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE voicemail SET state = 'ready', blob = $2, was = version, version = version + 1 \
             WHERE id = $1 AND state <> 'ready'"
        );
        let args = vec![Given::Id(voicemail.uuid()), Given::Text(blob.to_owned())];
        self.write(sql, args).await.map(drop)
    }

    /// A voicemail's file never will be here.
    pub async fn voicemail_absent(
        &self,
        _scope: NodeScope,
        voicemail: VoicemailId,
    ) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE voicemail SET state = 'absent', was = version, version = version + 1 \
             WHERE id = $1 AND state NOT IN ('ready', 'absent')"
        );
        let args = vec![Given::Id(voicemail.uuid())];
        self.write(sql, args).await.map(drop)
    }

    /// A text's file is here, under this key.
    pub async fn media_ready(
        &self,
        _scope: NodeScope,
        message: MessageId,
        index: u16,
        blob: &str,
        content_type: &str,
    ) -> Result<(), StoreError> {
        let conflict = sql!(
            "INSERT INTO message_media (message_id, position, account_id, blob, content_type) \
             SELECT m.id, $2, m.account_id, $3, $4 FROM message m WHERE m.id = $1 ON CONFLICT DO NOTHING"
        );
        let args = vec![
            Given::Id(message.uuid()),
            Given::Int(index.into()),
            Given::Text(blob.to_owned()),
            Given::Text(content_type.to_owned()),
        ];
        self.write(conflict, args).await.map(drop)
    }
}

/// What finds due jobs by whether they ask another system.
fn due(asks: &str) -> String {
    format!(
        "SELECT doc!(j: {JOB}) FROM job j WHERE j.due_at <= $1 AND (j.kind -> 'http') {asks} \
         ORDER BY j.due_at LIMIT $2 claim!(j)"
    )
}

fn job(row: JobRow) -> Job {
    Job {
        id: row.id,
        account: row.account,
        connection: row.connection,
        kind: row.kind,
        due_at: row.due_at,
        attempts: row.attempts,
    }
}

#[cfg(test)]
mod tests;
