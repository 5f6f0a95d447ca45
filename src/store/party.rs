//! What a party is known by: its threads and its contacts, in the order of parties.
//!
//! That order is random on the path of an event: on SQLite every stranger would dirty a page of the index, which
//! costs more than all else that is saved with his text. So what is new is appended to a table (`party_recent`) and
//! remembered here; from time to time it is moved into the index (`party_index`) in the index's own order, many
//! entries a page.
//!
//! This works because only the process that receives on a file has anything new; see [`super::seen`].

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::Party;

use super::both::sql;
use super::lite::LiteTx;
use super::pools::{Given, Tx, read};
use super::tables::insert_text;
use super::{Store, StoreError};

/// So many entries are kept out of the index at most, but for those that come while they are moved; 5 MB in memory.
const RECENT_MAX: usize = 32_768;
/// Entries moved by one transaction; commits of events go in between.
const MOVED_ROWS: usize = 1_000;
/// The columns of both tables.
const KNOWN: &str = "party text, what text, within_id=within uuid, id uuid";

/// What stands in a row of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// A conversation, inside a number.
    Conversation,
    /// A contact, inside an account.
    Contact,
}

/// A row of the index.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Known<'t> {
    pub(super) party: &'t Party,
    pub(super) what: What,
    pub(super) within: Uuid,
    pub(super) id: Uuid,
}

/// What a party is known by besides the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) within: Uuid,
    pub(super) id: Uuid,
}

/// What each party is known by.
type Entries = HashMap<Party, Vec<Entry>>;

/// SQLite's memory of `party_recent`.
#[derive(Debug)]
pub(super) struct Recent {
    open: Entries,
    /// What is being moved, and what moves that failed have left; some of it may stand in the index already. Shared,
    /// so that nobody who saves waits until so much is copied or let go.
    closing: Vec<Arc<Entries>>,
    entries: usize,
    /// Entries at which they are moved.
    pub(super) max: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            closing: Vec::new(),
            entries: 0,
            max: RECENT_MAX,
        }
    }
}

impl Recent {
    /// What a party is known by beside the index, and perhaps in it.
    pub(super) fn of(&self, party: &Party) -> impl Iterator<Item = Entry> {
        let maps = std::iter::once(&self.open).chain(self.closing.iter().map(AsRef::as_ref));
        maps.filter_map(|map| map.get(party)).flatten().copied()
    }

    pub(super) fn add(&mut self, party: Party, entry: Entry) {
        self.entries += 1;
        self.open.entry(party).or_default().push(entry);
    }

    /// Begins to move what is there; all of it, and what an earlier move left.
    fn close(&mut self) -> Vec<Arc<Entries>> {
        self.entries = 0;
        self.closing.push(Arc::new(std::mem::take(&mut self.open)));
        self.closing.clone()
    }

    /// All of it is in the index.
    fn closed(&mut self) -> Vec<Arc<Entries>> {
        std::mem::take(&mut self.closing)
    }
}

/// What is to be moved, in the order of the index.
fn in_order(closing: &[Arc<Entries>]) -> Vec<(Party, Entry)> {
    let of = |(party, entries): (&Party, &Vec<Entry>)| {
        let party = party.clone();
        let entries = entries.clone().into_iter();
        entries.map(move |entry| (party.clone(), entry))
    };
    let entries = closing.iter().flat_map(|map| map.iter());
    let mut moved: Vec<(Party, Entry)> = entries.flat_map(of).collect();
    moved.sort_by_cached_key(|(party, entry)| (party.to_string(), *entry));
    moved
}

/// Adds rows to the index.
pub(super) async fn save(tx: &mut Tx, known: &[Known<'_>]) -> Result<(), StoreError> {
    let sql = sql!(format!(
        "{} ON CONFLICT DO NOTHING",
        insert_text("party_index", KNOWN)
    ));
    tx.put(sql, known).await.map(drop)
}

/// Adds rows of conversations and contacts that this very transaction makes.
pub(super) async fn save_new(tx: &mut Tx, known: &[Known<'_>]) -> Result<(), StoreError> {
    if known.is_empty() || tx.is_shared() {
        return save(tx, known).await;
    }
    let sql = sql!(insert_text("party_recent", KNOWN));
    tx.put(sql, known).await?;
    if let Tx::Lite(tx) = tx {
        tx.know(known.iter().map(|row| {
            let entry = Entry {
                what: row.what,
                within: row.within,
                id: row.id,
            };
            (row.party.clone(), entry)
        }));
    }
    Ok(())
}

/// What is not in the index yet, as far as this connection has read and written it.
pub(super) fn recent(tx: &mut LiteTx) -> Result<&mut Recent, StoreError> {
    #[derive(Deserialize)]
    struct Row {
        party: Party,
        what: What,
        within: Uuid,
        id: Uuid,
    }
    if tx.recent().is_none() {
        let sql = sql!(format!("SELECT doc!(k: {KNOWN}) FROM party_recent k"));
        let mut found = Recent::default();
        for (_, _, doc) in tx.triples(sql.lite, &[])? {
            let row: Row = read("party_recent", &doc)?;
            let (what, within, id) = (row.what, row.within, row.id);
            found.add(row.party, Entry { what, within, id });
        }
        *tx.recent() = Some(found);
    }
    Ok(tx.recent().get_or_insert_default())
}

/// Whether there is so much that it should be moved once this is committed.
pub(super) fn is_full(tx: &mut Tx) -> Result<bool, StoreError> {
    match tx {
        Tx::Lite(tx) => {
            let more = tx.known();
            let recent = recent(tx)?;
            Ok(recent.entries + more >= recent.max)
        }
        Tx::Pg(_) => Ok(false),
    }
}

impl Store {
    /// Moves what is new into the index, in the background, unless that is being done. What goes wrong is tried again
    /// with the next entries; until then they stay in memory.
    pub(super) fn begin_moving(&self) {
        let store = self.clone();
        self.inner.runtime.spawn(async move {
            let Ok(_alone) = store.inner.moving.try_lock() else {
                return;
            };
            if let Err(error) = store.move_recent().await {
                let code = error.code();
                tracing::warn!(code, "what parties are known by is not in its index yet");
            }
        });
    }

    async fn move_recent(&self) -> Result<(), StoreError> {
        // What comes between these two is moved now and once more with the next.
        let last = self.last_recent().await?;
        let closing = self.with_recent(Recent::close).await?;
        let runtime = &self.inner.runtime;
        let moved = runtime.spawn_blocking(move || in_order(&closing)).await;
        let moved = moved.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        for part in moved.chunks(MOVED_ROWS) {
            self.index(part.to_vec()).await?;
        }
        while self.forget_moved(last).await? {}
        let closed = self.with_recent(Recent::closed).await?;
        runtime.spawn_blocking(move || drop(closed));
        Ok(())
    }

    /// The last row of what is new.
    async fn last_recent(&self) -> Result<i64, StoreError> {
        #[derive(Deserialize)]
        struct Last {
            seq: i64,
        }
        let sql = sql!("SELECT obj!('seq', coalesce(max(k.seq), 0)) FROM party_recent k");
        let found: Vec<Last> = self.inner.pools.list("party_recent", sql, &[]).await?;
        Ok(found.first().map_or(0, |last| last.seq))
    }

    pub(super) async fn with_recent<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Recent) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            match pools.begin().await? {
                Tx::Lite(mut tx) => Ok(work(recent(&mut tx)?)),
                Tx::Pg(_) => Ok(work(&mut Recent::default())),
            }
        })
        .await
    }

    async fn index(&self, moved: Vec<(Party, Entry)>) -> Result<(), StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let rows = moved.iter().map(|(party, entry)| Known {
                party,
                what: entry.what,
                within: entry.within,
                id: entry.id,
            });
            let rows: Vec<Known<'_>> = rows.collect();
            let mut tx = pools.begin().await?;
            save(&mut tx, &rows).await?;
            tx.commit().await
        })
        .await
    }

    /// Deletes some of what is moved, up to this row; whether there may be more. The row itself stays until a later one
    /// is there: SQLite counts an empty table's rows from 1 again, and what came then would be taken for moved.
    async fn forget_moved(&self, last: i64) -> Result<bool, StoreError> {
        let sql = sql!(
            "DELETE FROM party_recent WHERE seq IN \
             (SELECT seq FROM party_recent WHERE seq < $1 ORDER BY seq LIMIT $2)"
        );
        let args = vec![Given::Int(last), Given::Int(MOVED_ROWS as i64)];
        Ok(self.write(sql, args).await? == MOVED_ROWS as u64)
    }
}
