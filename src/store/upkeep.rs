//! What keeps the store in shape: old raw events go, and work that only one node does is leased.

use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use crate::model::Timestamp;

use super::both::sql;
use super::load::BUSY_MAX;
use super::pools::{Arg, Given};
use super::{NodeScope, Store, StoreError};

impl Store {
    /// Deletes raw events received before this instant, oldest first, at most `limit`; how many. Their keys are
    /// forgotten apart, by [`Store::forget_keys`].
    pub async fn forget_events(
        &self,
        _scope: NodeScope,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = sql!(
            "DELETE FROM event WHERE id IN (SELECT e.id FROM event e WHERE e.id < $1 ORDER BY e.id LIMIT $2)"
        );
        let args = vec![Given::Id(first_id(before)), Given::Int(limit.into())];
        self.write(sql, args).await
    }

    /// Deletes places in line whose time was over before this instant, which runs left behind that broke off; how many.
    pub async fn forget_waiting(
        &self,
        _scope: NodeScope,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let sql = sql!("DELETE FROM waiting WHERE until < $1");
        self.write(sql, vec![Given::Int(before.micros())]).await
    }

    /// Takes or keeps the lease of a piece of work until `now + lease`. Whether `holder` has it.
    pub async fn lease_take(
        &self,
        _scope: NodeScope,
        name: &str,
        holder: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let sql = sql!(
            "INSERT INTO lease (name, holder, until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
             SET holder = excluded.holder, until = excluded.until WHERE lease.until <= $4 OR lease.holder = excluded.holder"
        );
        let args = vec![
            Given::Text(name.to_owned()),
            Given::Text(holder.to_owned()),
            Given::Int((now + lease).micros()),
            Given::Int(now.micros()),
        ];
        Ok(self.write(sql, args).await? == 1)
    }
}

/// What waits in the store beyond its time, for operators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Backlogs {
    /// Texts to be sent, counted up to [`BACKLOG_MAX`] like the others.
    pub outbox: u64,
    /// When the oldest of them was due.
    pub outbox_since: Option<Timestamp>,
    /// What must leave besides texts.
    pub jobs: u64,
    /// When the oldest of it was due.
    pub jobs_since: Option<Timestamp>,
    /// Runs to be woken.
    pub timers: u64,
    /// When the oldest of them was due.
    pub timers_since: Option<Timestamp>,
    /// Calls that have not ended. One whose end is not told counts for four hours.
    pub calls: u64,
    /// Callers who wait in line.
    pub waiting: u64,
}

/// Entries of a backlog that are counted; whoever has more has the same trouble.
pub const BACKLOG_MAX: u32 = 100_000;

impl Store {
    /// What waits in the store at this instant.
    pub async fn backlogs(
        &self,
        _scope: NodeScope,
        now: Timestamp,
    ) -> Result<Backlogs, StoreError> {
        let sql = sql!(
            "SELECT obj!('outbox', (SELECT count(*) FROM (SELECT 1 FROM message m WHERE m.due_at <= $1 AND m.status IN ('queued', 'held') LIMIT $2) AS w), \
             'outbox_since', (SELECT min(m.due_at) FROM message m WHERE m.due_at <= $1 AND m.status IN ('queued', 'held')), \
             'jobs', (SELECT count(*) FROM (SELECT 1 FROM job j WHERE j.due_at <= $1 AND (j.kind -> 'http') IS NULL LIMIT $2) AS w) \
              + (SELECT count(*) FROM (SELECT 1 FROM job j WHERE j.due_at <= $1 AND (j.kind -> 'http') IS NOT NULL LIMIT $2) AS w), \
             'jobs_since', (SELECT min(w.due_at) FROM ( \
               SELECT min(j.due_at) AS due_at FROM job j WHERE j.due_at <= $1 AND (j.kind -> 'http') IS NULL UNION ALL \
               SELECT min(j.due_at) FROM job j WHERE j.due_at <= $1 AND (j.kind -> 'http') IS NOT NULL) AS w), \
             'timers', (SELECT count(*) FROM (SELECT 1 FROM run r WHERE r.due_at <= $1 AND NOT r.ended LIMIT $2) AS w), \
             'timers_since', (SELECT min(r.due_at) FROM run r WHERE r.due_at <= $1 AND NOT r.ended), \
             'calls', (SELECT count(*) FROM call k WHERE k.ended_at IS NULL AND k.started_at > $3), \
             'waiting', (SELECT count(*) FROM waiting q CROSS JOIN call k WHERE q.until > $1 AND k.account_id = q.account_id \
              AND k.id = q.call_id AND k.ended_at IS NULL))"
        );
        let args = [
            Arg::Int(now.micros()),
            Arg::Int(BACKLOG_MAX.into()),
            Arg::Int((now - BUSY_MAX).micros()),
        ];
        let rows = self.inner.pools.list("message", sql, &args).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}

/// Below every id made from then on.
pub(super) fn first_id(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}
