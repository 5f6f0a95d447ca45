//! Events as they were received, read back; and the devices that they had rung.

use serde::Deserialize;
use uuid::Uuid;

use crate::model::{AccountId, EventId, Id, LegId, Phone, Timestamp, UserId};

use super::both::sql;
use super::pools::Arg;
use super::upkeep::first_id;
use super::{NodeScope, Store, StoreError};

/// An event as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// The connection's key; empty for events of our own.
    pub connection: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The seed of its decision, its bits as a signed number.
    pub seed: i64,
    /// The webhook as it was received, or the input, as JSON.
    pub raw: String,
}

/// An event with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DecidedEvent {
    /// The event.
    #[serde(flatten)]
    pub event: StoredEvent,
    /// The rule that decided it.
    pub rule: Option<String>,
    /// The account it concerned.
    pub account: Option<AccountId>,
    /// Why it could not be decided.
    pub undecided: Option<String>,
}

/// A device that was rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct StoredLeg {
    /// Its leg's id.
    pub id: LegId,
    /// Whose device it is; `None` for a bare number.
    pub user: Option<UserId>,
    /// The device.
    pub phone: Phone,
}

impl Store {
    /// An event by its id.
    pub async fn event(
        &self,
        _scope: NodeScope,
        event: EventId,
    ) -> Result<Option<DecidedEvent>, StoreError> {
        let sql = sql!(
            "SELECT doc!(e: id id(evt), connection text, received_at i64, seed i64, raw text, rule text, \
             account_id=account id(acct), undecided text) FROM event e WHERE e.id = $1"
        );
        let args = [Arg::Id(event.uuid())];
        let found = self.inner.pools.list("event", sql, &args).await?;
        Ok(found.into_iter().next())
    }

    /// Events received from `since` on, those after `after` when it is given, oldest first, at most `limit`.
    pub async fn events_since(
        &self,
        _scope: NodeScope,
        since: Timestamp,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let sql = sql!(
            "SELECT doc!(e: id id(evt), connection text, received_at i64, seed i64, raw text) \
             FROM event e WHERE e.id > $1 ORDER BY e.id LIMIT $2"
        );
        let after: Uuid = after.map_or_else(|| first_id(since), |event| event.uuid());
        let args = [Arg::Id(after), Arg::Int(limit.into())];
        self.inner.pools.list("event", sql, &args).await
    }

    /// Devices that were rung from `since` on, those after `after` when it is given, oldest first, at most `limit`.
    pub async fn legs_since(
        &self,
        _scope: NodeScope,
        since: Timestamp,
        after: Option<LegId>,
        limit: u32,
    ) -> Result<Vec<StoredLeg>, StoreError> {
        let sql = sql!(
            "SELECT doc!(l: id id(leg), user_id=user id(user), phone text) \
             FROM leg l WHERE l.id > $1 ORDER BY l.id LIMIT $2"
        );
        let after: Uuid = after.map_or_else(|| first_id(since), |leg| leg.uuid());
        let args = [Arg::Id(after), Arg::Int(limit.into())];
        self.inner.pools.list("leg", sql, &args).await
    }
}
