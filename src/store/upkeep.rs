//! What keeps the store in shape: old raw events go, and work that only one node does is leased.

use std::time::Duration;

use uuid::Uuid;

use crate::model::Timestamp;

use super::both::sql;
use super::pools::Given;
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

    /// How many calls have not ended, over all accounts.
    pub async fn open_calls(&self, _scope: NodeScope) -> Result<u64, StoreError> {
        #[derive(serde::Deserialize)]
        struct Open {
            open: u64,
        }
        let sql =
            sql!("SELECT obj!('open', (SELECT count(*) FROM call c WHERE c.ended_at IS NULL))");
        let rows: Vec<Open> = self.inner.pools.list("call", sql, &[]).await?;
        Ok(rows.first().map_or(0, |row| row.open))
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

/// Below every id made from then on.
pub(super) fn first_id(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.millis()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}
