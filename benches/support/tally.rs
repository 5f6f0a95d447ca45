//! What the store holds after the load: every accepted text once, with its reply.

use std::collections::HashMap;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::requests::sid;

/// How accepted texts stand in the store.
#[derive(Debug, Default)]
pub struct Tally {
    /// There once, with one reply that waits.
    pub whole: usize,
    /// Not there.
    pub missing: usize,
    /// There more than once.
    pub doubled: usize,
    /// Without a reply, or with more than one.
    pub unanswered: usize,
}

/// Looks up the texts that were accepted, by their places in the run.
pub fn tally(store: &Path, accepted: &[usize]) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let found = runtime
        .block_on(found(store))
        .expect("the store can be read");
    let mut tally = Tally::default();
    for index in accepted {
        match found.get(&sid(*index)) {
            None => tally.missing += 1,
            Some((1, 1)) => tally.whole += 1,
            Some((1, _)) => tally.unanswered += 1,
            Some(_) => tally.doubled += 1,
        }
    }
    tally
}

/// How often each carrier's id stands there, and with how many replies.
async fn found(store: &Path) -> sqlx::Result<HashMap<String, (i64, i64)>> {
    let mut connection = SqliteConnectOptions::new()
        .filename(store)
        .read_only(true)
        .connect()
        .await?;
    let rows = sqlx::query(
        "SELECT i.carrier_id, (SELECT count(*) FROM message o WHERE o.conversation_id = i.conversation_id \
         AND o.created_at = i.created_at AND o.kind = 'automated' AND o.status IN ('queued', 'sending', 'unknown')) \
         FROM message i WHERE i.kind = 'inbound'",
    )
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    let mut found: HashMap<String, (i64, i64)> = HashMap::new();
    for row in rows {
        let seen = found.entry(row.try_get(0)?).or_default();
        seen.0 += 1;
        seen.1 = row.try_get(1)?;
    }
    Ok(found)
}
