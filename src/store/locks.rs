//! Advisory locks of PostgreSQL: threads and calls that a batch decides on, some of which have no row yet.

use std::collections::BTreeSet;

use serde::Serialize;
use uuid::Uuid;

use super::StoreError;
use super::both::sql;
use super::pools::{Arg, Tx, array};

/// The key of an advisory lock: FNV-1a over both parts. Two things that share a key only wait for each other.
pub(super) fn key_of(id: Uuid, text: &str) -> i64 {
    let bytes = id.as_bytes().iter().chain(text.as_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

/// Takes advisory locks until the end of the transaction, in ascending order; out of order only what is free.
pub(super) async fn take_locks(
    tx: &mut Tx,
    keys: &BTreeSet<i64>,
    wait: bool,
) -> Result<(), StoreError> {
    if keys.is_empty() || !tx.is_shared() {
        return Ok(());
    }
    #[derive(Serialize)]
    struct Key {
        k: i64,
    }
    let keys = array(&keys.iter().map(|k| Key { k: *k }).collect::<Vec<_>>())?;
    // Only PostgreSQL gets these; the sorted sub-query fixes the order.
    let waiting = sql!(
        "SELECT 0::bigint, 'lock', (pg_advisory_xact_lock(t.k) IS NULL)::text \
         FROM (SELECT k FROM rows!($1: k i64) AS r ORDER BY k) t"
    );
    let trying = sql!(
        "SELECT 0::bigint, 'lock', pg_try_advisory_xact_lock(t.k)::text \
         FROM (SELECT k FROM rows!($1: k i64) AS r ORDER BY k) t"
    );
    let got = tx
        .triples(if wait { waiting } else { trying }, &[Arg::Text(&keys)])
        .await?;
    match wait || got.iter().all(|(_, _, got)| got == "true") {
        true => Ok(()),
        false => Err(StoreError::Conflict("a lock out of order".to_owned())),
    }
}
