//! What SQLite has received before, known without an index in random order on the path of an event.
//!
//! Events are appended in the order of their arrival, with their keys. The keys of the open stretch of time
//! (a *segment*) stand in memory, exactly; a closed segment is written to the table `seen` in the order of its
//! keys and stays in memory as a filter that never says no to a key it holds. So a new event costs a few
//! look-ups in memory, and only a repeat, or one new event in some thousands, costs one in the table.
//!
//! This works because one process receives on a file: a lock beside it sees to that.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{MappedMutexGuard, MutexGuard};
use uuid::Uuid;

use crate::model::{EventId, Id, Timestamp};

use super::both::sql;
use super::pools::{Arg, Pools, Tx, array, read};
use super::turn::{Known, NewEvent, twins};
use super::{NodeScope, Store, StoreError};

/// A segment is closed at so many keys; 12 MB in memory until then.
const SEEN_SEGMENT_MAX: usize = 250_000;
/// And when its oldest key is so old.
const SEEN_SEGMENT_AGE: Duration = Duration::from_secs(24 * 3600);
/// Keys written by one transaction while a segment is sealed; commits of events go in between.
const SEAL_ROWS: usize = 2_000;
/// Bits of a filter a key: about one false "maybe" in 1,500.
const FILTER_BITS: usize = 16;
/// Bits of a block, one cache line.
const BLOCK_BITS: usize = 512;
/// Bits set by a key in its block.
const PROBES: u32 = 8;

/// What has been received.
#[derive(Debug)]
pub(super) struct Seen {
    open: HashMap<u128, EventId>,
    /// When the oldest key of the open segment came.
    open_at: Option<Timestamp>,
    closing: Vec<Closing>,
    sealed: Vec<Sealed>,
    /// Keys at which a segment is closed.
    pub(super) segment_max: usize,
    /// A segment is being closed.
    sealing: bool,
    /// Held as long as this process receives.
    _lock: File,
}

/// A closed segment that is not all written yet.
#[derive(Debug, Clone)]
struct Closing {
    id: i64,
    keys: Arc<HashMap<u128, EventId>>,
}

/// Keys in order, each with its event.
type Keys = Vec<(u128, EventId)>;

/// A closed segment that is written.
#[derive(Debug)]
struct Sealed {
    id: i64,
    filter: Filter,
}

/// A blocked Bloom filter: each key sets some bits of one cache line. It never says no to a key it holds.
#[derive(Debug, PartialEq)]
struct Filter(Vec<u8>);

/// The key of an event over all connections: its hash, mixed with that of the connection's key.
pub(super) fn seen_key(connection: &str, hash: [u8; 16]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    // FNV-1a of 128 bits; it must not change, since keys are stored.
    let mixed = connection.bytes().fold(OFFSET, |mixed, byte| {
        (mixed ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    mixed ^ u128::from_be_bytes(hash)
}

impl Filter {
    fn of(keys: &[(u128, EventId)]) -> Self {
        let blocks = (keys.len() * FILTER_BITS).div_ceil(BLOCK_BITS).max(1);
        let mut bytes = vec![0_u8; blocks * BLOCK_BITS / 8];
        for (key, _) in keys {
            for bit in bits(*key, blocks) {
                bytes[bit / 8] |= 1 << (bit % 8);
            }
        }
        Self(bytes)
    }

    fn may_hold(&self, key: u128) -> bool {
        let blocks = self.0.len() * 8 / BLOCK_BITS;
        blocks == 0 || bits(key, blocks).all(|bit| self.0[bit / 8] & (1 << (bit % 8)) != 0)
    }
}

/// The bits of a key: the upper half picks the block, nine bits of a mix of the lower half each place.
fn bits(key: u128, blocks: usize) -> impl Iterator<Item = usize> {
    let [high, low] = [(key >> 64) as u64, key as u64];
    // The product's upper half is below `blocks`.
    let block = ((u128::from(high) * blocks as u128) >> 64) as usize;
    let first = low ^ high.rotate_left(32);
    let second = first.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..PROBES).map(move |at| {
        let mixed = first.wrapping_add(second.wrapping_mul(u64::from(at)));
        block * BLOCK_BITS + (mixed >> 55) as usize
    })
}

impl Seen {
    /// What is known of each event of a batch.
    pub(super) async fn find(
        &self,
        tx: &mut Tx,
        batch: &[NewEvent],
    ) -> Result<Vec<Known>, StoreError> {
        let mut known = twins(batch);
        let mut maybe = Vec::new();
        for (place, event) in batch.iter().enumerate() {
            let Some(hash) = event.dedupe.filter(|_| known[place] == Known::Fresh) else {
                continue;
            };
            let key = seen_key(&event.connection, hash);
            match self.find_in_memory(key) {
                Some(event) => known[place] = Known::Repeat(event),
                None => maybe.extend(self.maybe(key).map(|segment| (place, segment, key))),
            }
        }
        for (place, event) in look_up(tx, &maybe).await? {
            known[place] = Known::Repeat(event);
        }
        Ok(known)
    }

    fn find_in_memory(&self, key: u128) -> Option<EventId> {
        let open = self.open.get(&key).copied();
        let closing = || {
            self.closing
                .iter()
                .find_map(|closing| closing.keys.get(&key))
        };
        open.or_else(|| closing().copied())
    }

    #[cfg(test)]
    pub(super) fn is_sealing(&self) -> bool {
        self.sealing
    }

    /// The sealed segments that may hold a key.
    fn maybe(&self, key: u128) -> impl Iterator<Item = i64> {
        let hold = move |sealed: &&Sealed| sealed.filter.may_hold(key);
        self.sealed.iter().filter(hold).map(|sealed| sealed.id)
    }

    /// Takes in what was committed. Whether the segment is to be closed now.
    pub(super) fn remember(
        &mut self,
        keys: impl Iterator<Item = (u128, EventId)>,
        at: Option<Timestamp>,
    ) -> bool {
        self.open.extend(keys);
        let Some(at) = at.filter(|_| !self.open.is_empty()) else {
            return false;
        };
        let age = at.since(*self.open_at.get_or_insert(at));
        let full = self.open.len() >= self.segment_max || age >= SEEN_SEGMENT_AGE;
        full && !std::mem::replace(&mut self.sealing, true)
    }
}

/// The events of keys that a filter did not deny.
async fn look_up(
    tx: &mut Tx,
    maybe: &[(usize, i64, u128)],
) -> Result<Vec<(usize, EventId)>, StoreError> {
    #[derive(Serialize)]
    struct Asked {
        i: usize,
        segment: i64,
        hash: Uuid,
    }
    if maybe.is_empty() {
        return Ok(Vec::new());
    }
    let asked = maybe.iter().map(|(i, segment, key)| Asked {
        i: *i,
        segment: *segment,
        hash: Uuid::from_u128(*key),
    });
    let sql = sql!(
        "SELECT r.i, 'seen', obj!('event', ident!(evt: s.event_id)) \
         FROM rows!($1: i i64, segment i64, hash uuid) AS r \
         CROSS JOIN seen s WHERE s.segment = r.segment AND s.hash = r.hash"
    );
    let asked = array(&asked.collect::<Vec<_>>())?;
    let rows = tx.triples(sql, &[Arg::Text(&asked)]).await?;
    rows.into_iter()
        .map(|(i, _, doc)| {
            let row: KeyRow = read("seen", &doc)?;
            Ok((usize::try_from(i).unwrap_or(0), row.event))
        })
        .collect()
}

#[derive(Deserialize)]
struct KeyRow {
    event: EventId,
}

/// A row of `seen_segment`.
#[derive(Deserialize)]
struct SegmentRow {
    id: i64,
    seq_first: i64,
    seq_last: i64,
    at_last: i64,
    sealed: bool,
}

impl Store {
    /// What SQLite has received, locked until the batch is committed and taken in; `None` on PostgreSQL.
    pub(super) async fn seen(&self) -> Result<Option<MappedMutexGuard<'_, Seen>>, StoreError> {
        let Pools::Lite(lite) = &self.inner.pools else {
            return Ok(None);
        };
        let slot = self.inner.seen.lock().await;
        let slot = match MutexGuard::try_map(slot, Option::as_mut) {
            Ok(seen) => return Ok(Some(seen)),
            Err(slot) => slot,
        };
        let seen = Seen::load(&self.inner.pools, lite.file()).await?;
        Ok(Some(MutexGuard::map(slot, |slot| slot.insert(seen))))
    }

    /// Closes the open segment in the background. What goes wrong is tried again with the next segment; until
    /// then its keys stay in memory.
    pub(super) fn begin_sealing(&self) {
        let store = self.clone();
        self.inner.runtime.spawn(async move {
            let done = store.seal().await;
            if let Ok(Some(mut seen)) = store.seen().await {
                seen.sealing = false;
            }
            if let Err(error) = done {
                tracing::warn!(
                    code = error.code(),
                    "keys of received events are not sealed"
                );
            }
        });
    }

    async fn seal(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let closing = self.apart(async move {
            let Some(mut seen) = store.seen().await? else {
                return Ok(Vec::new());
            };
            seen.cut(&store.inner.pools).await?;
            Ok(seen.closing.clone())
        });
        for Closing { id, keys } in closing.await? {
            let (sorted, filter) = self.sorted(keys).await?;
            for part in sorted.chunks(SEAL_ROWS) {
                self.write_keys(id, part.to_vec()).await?;
            }
            self.write_filter(id, filter).await?;
        }
        Ok(())
    }

    /// Keys in the order in which they are written, and their filter.
    async fn sorted(
        &self,
        keys: Arc<HashMap<u128, EventId>>,
    ) -> Result<(Keys, Filter), StoreError> {
        let sort = move || {
            let mut sorted: Keys = keys.iter().map(|(key, event)| (*key, *event)).collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            let filter = Filter::of(&sorted);
            (sorted, filter)
        };
        let sorted = self.inner.runtime.spawn_blocking(sort).await;
        sorted.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    async fn write_keys(&self, segment: i64, keys: Keys) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Out {
            segment: i64,
            hash: Uuid,
            event: EventId,
        }
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let out = |(key, event): &(u128, EventId)| Out {
                segment,
                hash: Uuid::from_u128(*key),
                event: *event,
            };
            let rows: Vec<Out> = keys.iter().map(out).collect();
            let sql = sql!(
                "INSERT INTO seen (segment, hash, event_id) \
                 values!(segment i64, hash uuid, event_id=event id(evt)) ON CONFLICT DO NOTHING"
            );
            let mut tx = pools.begin().await?;
            tx.put(sql, &rows).await?;
            tx.commit().await
        })
        .await
    }

    /// The last of a segment: from now on its filter stands for its keys.
    async fn write_filter(&self, segment: i64, filter: Filter) -> Result<(), StoreError> {
        let store = self.clone();
        self.apart(async move {
            let mut tx = store.inner.pools.begin().await?;
            let sql = sql!("UPDATE seen_segment SET filter = $2 WHERE id = $1");
            let args = [Arg::Int(segment), Arg::Bytes(&filter.0)];
            tx.run(sql, &args).await?;
            tx.commit().await?;
            if let Some(mut seen) = store.seen().await? {
                seen.closing.retain(|closing| closing.id != segment);
                seen.sealed.push(Sealed {
                    id: segment,
                    filter,
                });
            }
            Ok(())
        })
        .await
    }

    /// Forgets keys of events received before this instant, at most `limit`; how many. When fewer than `limit`
    /// are told, all are forgotten.
    pub async fn forget_keys(
        &self,
        _scope: NodeScope,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let store = self.clone();
        self.apart(async move { store.forget_old(before, limit).await })
            .await
    }

    async fn forget_old(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let Some(mut seen) = self.seen().await? else {
            let sql = sql!(
                "DELETE FROM seen WHERE (connection, hash) IN \
                 (SELECT connection, hash FROM seen WHERE received_at < $1 LIMIT $2)"
            );
            let mut tx = self.inner.pools.begin().await?;
            let args = [Arg::Int(before.micros()), Arg::Int(limit.into())];
            let forgotten = tx.run(sql, &args).await?;
            tx.commit().await?;
            return Ok(forgotten);
        };
        let segments = segments(&self.inner.pools).await?;
        // The newest tells where the open one begins; it stays until there is a newer one.
        let newest = segments.iter().map(|row| row.id).max();
        let mut old = segments
            .iter()
            .filter(|row| Some(row.id) != newest && row.sealed && row.at_last < before.micros());
        let Some(oldest) = old.next() else {
            return Ok(0);
        };
        seen.sealed.retain(|sealed| sealed.id != oldest.id);
        let mut tx = self.inner.pools.begin().await?;
        let sql = sql!(
            "DELETE FROM seen WHERE segment = $1 AND hash IN (SELECT hash FROM seen WHERE segment = $1 LIMIT $2)"
        );
        let args = [Arg::Int(oldest.id), Arg::Int(limit.into())];
        let forgotten = tx.run(sql, &args).await?;
        if forgotten < u64::from(limit) {
            let sql = sql!("DELETE FROM seen_segment WHERE id = $1");
            tx.run(sql, &[Arg::Int(oldest.id)]).await?;
        }
        tx.commit().await?;
        // One segment a call: the next may hold more.
        let more = forgotten < u64::from(limit) && old.next().is_some();
        Ok(if more { limit.into() } else { forgotten })
    }
}

async fn segments(pools: &Pools) -> Result<Vec<SegmentRow>, StoreError> {
    let sql = sql!(
        "SELECT obj!('id', s.id, 'seq_first', s.seq_first, 'seq_last', s.seq_last, 'at_last', s.at_last, \
         'sealed', flag!(s.filter IS NOT NULL)) FROM seen_segment s ORDER BY s.id"
    );
    pools.list("seen_segment", sql, &[]).await
}

impl Seen {
    async fn load(pools: &Pools, file: &Path) -> Result<Self, StoreError> {
        let mut seen = Self {
            open: HashMap::new(),
            open_at: None,
            closing: Vec::new(),
            sealed: Vec::new(),
            segment_max: SEEN_SEGMENT_MAX,
            sealing: false,
            _lock: receiver_lock(file)?,
        };
        let mut tx = pools.begin().await?;
        let mut after = 0;
        for row in segments(pools).await? {
            after = after.max(row.seq_last);
            if row.sealed {
                let filter = load_filter(&mut tx, row.id).await?;
                seen.sealed.push(Sealed { id: row.id, filter });
                continue;
            }
            // The process ended while it was written: it is written again with the next one.
            let (keys, _) = load_keys(&mut tx, row.seq_first, row.seq_last).await?;
            seen.closing.push(Closing {
                id: row.id,
                keys: Arc::new(keys),
            });
        }
        (seen.open, seen.open_at) = load_keys(&mut tx, after + 1, i64::MAX).await?;
        Ok(seen)
    }

    /// The open segment becomes a closed one.
    async fn cut(&mut self, pools: &Pools) -> Result<(), StoreError> {
        #[derive(Deserialize)]
        struct Cut {
            id: i64,
        }
        let entries = i64::try_from(self.open.len()).unwrap_or(i64::MAX);
        let mut tx = pools.begin().await?;
        let sql = sql!(
            "INSERT INTO seen_segment (id, seq_first, seq_last, at_first, at_last, entries) \
             SELECT s.id + 1, s.seq_last + 1, e.seq, $1, e.received_at, $2 FROM \
             (SELECT coalesce(max(id), 0) AS id, coalesce(max(seq_last), 0) AS seq_last FROM seen_segment) s \
             CROSS JOIN (SELECT seq, received_at FROM event ORDER BY seq DESC LIMIT 1) e \
             RETURNING obj!('id', id)"
        );
        let at = self.open_at.unwrap_or_default();
        let cut: Vec<Cut> = tx
            .list(
                "seen_segment",
                sql,
                &[Arg::Int(at.micros()), Arg::Int(entries)],
            )
            .await?;
        tx.commit().await?;
        let Some(Cut { id }) = cut.into_iter().next() else {
            return Ok(());
        };
        self.open_at = None;
        self.closing.push(Closing {
            id,
            keys: Arc::new(std::mem::take(&mut self.open)),
        });
        Ok(())
    }
}

async fn load_filter(tx: &mut Tx, segment: i64) -> Result<Filter, StoreError> {
    let sql = sql!("SELECT id, 'filter', hex(filter) FROM seen_segment WHERE id = $1");
    let rows = tx.triples(sql, &[Arg::Int(segment)]).await?;
    let hex = rows.into_iter().next().map(|(_, _, hex)| hex);
    let bytes = hex.as_deref().and_then(unhex);
    bytes.map(Filter).ok_or_else(|| StoreError::Corrupt {
        table: "seen_segment",
        row: segment.to_string(),
        words: "its filter cannot be read".to_owned(),
    })
}

/// The keys of the events in a stretch, and when the first of them came.
async fn load_keys(
    tx: &mut Tx,
    first: i64,
    last: i64,
) -> Result<(HashMap<u128, EventId>, Option<Timestamp>), StoreError> {
    let sql = sql!(
        "SELECT received_at, connection, hex(dedupe) || hex(id) FROM event \
         WHERE seq BETWEEN $1 AND $2 AND dedupe IS NOT NULL ORDER BY seq"
    );
    let rows = tx.triples(sql, &[Arg::Int(first), Arg::Int(last)]).await?;
    let at = rows.first().map(|(at, ..)| Timestamp::from_micros(*at));
    let mut keys = HashMap::with_capacity(rows.len());
    for (_, connection, hex) in rows {
        let (hash, id) = hex.split_at_checked(32).unwrap_or_default();
        let (Ok(hash), Ok(id)) = (Uuid::try_parse(hash), Uuid::try_parse(id)) else {
            return Err(StoreError::Corrupt {
                table: "event",
                row: hex,
                words: "its key cannot be read".to_owned(),
            });
        };
        let key = seen_key(&connection, hash.into_bytes());
        keys.insert(key, EventId::from_uuid(id));
    }
    Ok((keys, at))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// Only one process may receive on a file. The lock ends with the process, however it ends.
fn receiver_lock(file: &Path) -> Result<File, StoreError> {
    let mut path = file.as_os_str().to_owned();
    path.push(".receiver");
    let opened = File::options().create(true).append(true).open(path);
    let lock = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(
            "another process receives on this database".to_owned(),
        )),
        Err(TryLockError::Error(error)) => Err(StoreError::Unavailable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ids;

    #[test]
    fn a_filter_never_denies_what_it_holds_and_seldom_affirms_another() {
        let mut ids = Ids::new(Timestamp::default(), 7);
        let mut key = || (u128::from(ids.mix()) << 64) | u128::from(ids.mix());
        let event = EventId::from_uuid(Uuid::nil());
        let held: Vec<(u128, EventId)> = (0..20_000).map(|_| (key(), event)).collect();
        let filter = Filter::of(&held);
        assert!(held.iter().all(|(key, _)| filter.may_hold(*key)));
        let false_ones = (0..20_000).filter(|_| filter.may_hold(key())).count();
        assert!(false_ones < 100, "{false_ones} of 20,000");
    }

    #[test]
    fn connections_do_not_share_keys() {
        assert_ne!(seen_key("twilio", [1; 16]), seen_key("telnyx", [1; 16]));
    }
}
