//! Connections and transactions of both databases, behind two small enums.
//!
//! SQLite has one writing connection and several that only read, since it has one writer anyway and a
//! refused lock costs more than a queue; checkpoints run on a connection of their own, because one on the writer's
//! would stop every commit behind it for as long as the disk takes.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{
    ConnectOptions, Connection, Executor, Postgres, Row, Sqlite, SqliteConnection, Transaction,
};
use uuid::Uuid;

use super::both::Sql;
use super::{StoreAt, StoreError};

/// Connections that only read, to SQLite.
const READERS: u32 = 4;
/// What the writer keeps of the file in memory.
const WRITER_CACHE_KIB: &str = "-65536";
/// What each reader keeps of it.
const READER_CACHE_KIB: &str = "-16384";
/// Statements kept ready on a connection; above the number we have.
const STATEMENTS_MAX: usize = 256;
/// Rows handed over ahead of their being read.
const ROWS_AHEAD: usize = 512;
/// How long a caller waits for a connection; past it the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process, such as `signalbox apply`, to commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often what was committed is moved from the log into the file.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
/// Past this many pages (256 MiB) the log is made to begin anew even if commits must wait for it.
const LOG_PAGES_MAX: i64 = 65_536;

/// The connections of a store.
#[derive(Debug, Clone)]
pub(super) enum Pools {
    Lite {
        writer: SqlitePool,
        readers: SqlitePool,
        checkpoints: SqlitePool,
    },
    Pg(PgPool),
}

/// A value bound to a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arg<'a> {
    Text(&'a str),
    Int(i64),
    Id(Uuid),
    Bytes(&'a [u8]),
}

/// A value to be bound that outlives its caller.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Text(String),
    Int(i64),
    Id(Uuid),
}

impl Given {
    pub(super) fn arg(&self) -> Arg<'_> {
        match self {
            Self::Text(text) => Arg::Text(text),
            Self::Int(int) => Arg::Int(*int),
            Self::Id(id) => Arg::Id(*id),
        }
    }
}

/// A transaction. Dropped, it is rolled back.
pub(super) enum Tx {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Pools {
    /// Connects. A server that does not answer is an error; a missing file is made.
    pub(super) async fn open(at: &StoreAt) -> Result<Self, StoreError> {
        match at {
            StoreAt::Sqlite { file } => lite(file).await,
            StoreAt::Postgres {
                url,
                connections_max,
            } => {
                let options = PgConnectOptions::from_str(url.expose_secret())
                    // The URL holds the password: nothing of it is repeated.
                    .map_err(|_| StoreError::Unavailable("the URL cannot be read".to_owned()))?
                    .statement_cache_capacity(STATEMENTS_MAX)
                    .application_name("signalbox")
                    .options([
                        ("client_min_messages", "error"),
                        ("statement_timeout", "15s"),
                        ("idle_in_transaction_session_timeout", "60s"),
                    ])
                    .disable_statement_logging();
                let pool = PgPoolOptions::new()
                    .max_connections((*connections_max).max(2))
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    // A transaction whose `begin` was given up would come back open.
                    .after_release(|connection, _| {
                        Box::pin(async move {
                            connection.execute("ROLLBACK").await?;
                            Ok(true)
                        })
                    })
                    .connect_with(options)
                    .await?;
                Ok(Self::Pg(pool))
            }
        }
    }

    /// Begins a transaction that may write.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            // Deferred, it would be refused at its first write whenever somebody else wrote since.
            Self::Lite { writer, .. } => Tx::Lite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Pg(pool) => Tx::Pg(pool.begin().await?),
        })
    }

    /// Reads outside a transaction: the values of each row's only column, a JSON object as text.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        table: &'static str,
        sql: &Sql,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let found = match self {
            Self::Lite { readers, .. } => lite_fetch(readers, sql, args).await?,
            Self::Pg(pool) => pg_fetch(pool, sql, args).await?,
        };
        read_all(table, found.into_iter().map(|(_, _, doc)| doc))
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Lite {
                writer,
                readers,
                checkpoints,
            } => {
                readers.close().await;
                checkpoints.close().await;
                writer.close().await;
            }
            Self::Pg(pool) => pool.close().await,
        }
    }
}

/// Makes the folder of SQLite's file, for nobody else to look into: texts are kept there as they are.
fn make_folder(file: &Path) -> Result<(), StoreError> {
    let Some(folder) = file.parent().filter(|folder| !folder.exists()) else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))
}

async fn lite(file: &Path) -> Result<Pools, StoreError> {
    make_folder(file)?;
    let base = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(false)
        .statement_cache_capacity(STATEMENTS_MAX)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let pool = |max: u32| {
        SqlitePoolOptions::new()
            .max_connections(max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let writing = base
        .clone()
        .pragma("wal_autocheckpoint", "0")
        .pragma("cache_size", WRITER_CACHE_KIB);
    // The writer comes first: it makes the file.
    let writer = pool(1)
        .after_release(|connection, _| Box::pin(is_clean(connection)))
        .connect_with(writing)
        .await?;
    let reading = base
        .clone()
        .read_only(true)
        .pragma("cache_size", READER_CACHE_KIB);
    let readers = pool(READERS).connect_with(reading).await?;
    let checkpoints = pool(1).connect_lazy_with(base.pragma("wal_autocheckpoint", "0"));
    Ok(Pools::Lite {
        writer,
        readers,
        checkpoints,
    })
}

/// Whether a connection may be used again. A full disk ends the transaction inside SQLite; the driver then fails
/// to roll back what is none any more, goes on counting it, and would never begin another.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may still wait in the queue: it is through when this is.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Moves what was committed from SQLite's log into its file, again and again until the pool is closed.
pub(super) async fn keep_checkpointing(checkpoints: SqlitePool) {
    let mut every = tokio::time::interval(CHECKPOINT_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !checkpoints.is_closed() {
        every.tick().await;
        let pages = checkpoint(&checkpoints, "PRAGMA wal_checkpoint(PASSIVE)").await;
        if pages > LOG_PAGES_MAX {
            checkpoint(&checkpoints, "PRAGMA wal_checkpoint(RESTART)").await;
        }
    }
}

/// How many pages the log has. A failed checkpoint is no failure of the store: the next one does its work,
/// and a full disk is told by the writer.
async fn checkpoint(pool: &SqlitePool, pragma: &'static str) -> i64 {
    let row = sqlx::query(pragma).fetch_one(pool).await;
    row.and_then(|row| row.try_get(1)).unwrap_or(0)
}

impl Tx {
    /// Runs a statement; how many rows it touched.
    pub(super) async fn run(&mut self, sql: &Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Lite(tx) => {
                let query = lite_bind(sqlx::query(sql.lite), args);
                query.execute(&mut **tx).await?.rows_affected()
            }
            Self::Pg(tx) => {
                let query = pg_bind(sqlx::query(sql.pg), args);
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Rows of three columns: a place in the batch, a kind, and a JSON text.
    pub(super) async fn triples(
        &mut self,
        sql: &Sql,
        args: &[Arg<'_>],
    ) -> Result<Vec<(i64, String, String)>, StoreError> {
        match self {
            Self::Lite(tx) => lite_fetch(&mut **tx, sql, args).await,
            Self::Pg(tx) => pg_fetch(&mut **tx, sql, args).await,
        }
    }

    /// The values of each row's only column, a JSON text.
    pub(super) async fn list<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        sql: &Sql,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let found = self.triples(sql, args).await?;
        read_all(table, found.into_iter().map(|(_, _, doc)| doc))
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Lite(tx) => tx.commit().await?,
            Self::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Whether others may write at the same time.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Pg(_))
    }
}

macro_rules! driver {
    ($bind:ident $fetch:ident $field:ident $db:ty, $arguments:ty) => {
        fn $bind<'q>(
            mut query: sqlx::query::Query<'q, $db, $arguments>,
            args: &[Arg<'q>],
        ) -> sqlx::query::Query<'q, $db, $arguments> {
            for arg in args {
                query = match *arg {
                    Arg::Text(text) => query.bind(text),
                    Arg::Int(int) => query.bind(int),
                    Arg::Id(id) => query.bind(id),
                    Arg::Bytes(bytes) => query.bind(bytes),
                };
            }
            query
        }

        /// Rows of three columns, or of the last one alone.
        async fn $fetch<'e, E>(
            on: E,
            sql: &Sql,
            args: &[Arg<'_>],
        ) -> Result<Vec<(i64, String, String)>, StoreError>
        where
            E: Executor<'e, Database = $db>,
        {
            let rows = $bind(sqlx::query(sql.$field), args).fetch_all(on).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(match row.len() {
                    1 => (0, String::new(), row.try_get(0)?),
                    _ => (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
                });
            }
            Ok(found)
        }
    };
}
driver!(lite_bind lite_fetch lite Sqlite, sqlx::sqlite::SqliteArguments);
driver!(pg_bind pg_fetch pg Postgres, sqlx::postgres::PgArguments);

/// A stored JSON text as a value.
pub(super) fn read<T: DeserializeOwned>(table: &'static str, doc: &str) -> Result<T, StoreError> {
    serde_json::from_str(doc).map_err(|error| StoreError::Corrupt {
        table,
        row: row_name(doc),
        words: error.to_string(),
    })
}

fn read_all<T: DeserializeOwned>(
    table: &'static str,
    docs: impl Iterator<Item = String>,
) -> Result<Vec<T>, StoreError> {
    docs.map(|doc| read(table, &doc)).collect()
}

/// The id of a row that cannot be read; nothing else of it may stand in an error.
fn row_name(doc: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(doc).unwrap_or_default();
    value["id"].as_str().unwrap_or("?").to_owned()
}

/// Rows as the one array that a batch binds.
///
/// PostgreSQL cannot hold the character U+0000 in a text; in both databases U+FFFD stands for it.
pub(super) fn array<T: Serialize>(rows: &[T]) -> Result<String, StoreError> {
    let text = serde_json::to_string(rows).map_err(|error| StoreError::Data(error.to_string()))?;
    Ok(if text.contains("\\u0000") {
        without_nul(&text)
    } else {
        text
    })
}

/// Replaces every escaped U+0000; a backslash before it that is itself escaped makes it plain text.
fn without_nul(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        // An escape is a backslash and at least one more ASCII character; so the JSON's writer had it.
        let (taken, put) = match escape.strip_prefix("\\u0000") {
            Some(_) => (6, "\\ufffd"),
            None => (2, &escape[..2]),
        };
        out.push_str(put);
        rest = &escape[taken..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_escaped_nul_is_replaced() {
        for (text, kept) in [
            ("a\0b", "a\u{fffd}b"),
            ("a\\u0000b", "a\\u0000b"),
            ("\\\0\n\"", "\\\u{fffd}\n\""),
            ("ü\0", "ü\u{fffd}"),
        ] {
            let json = array(&[text]).unwrap();
            let back: Vec<String> = serde_json::from_str(&json).unwrap();
            assert_eq!(back, [kept]);
        }
    }
}
