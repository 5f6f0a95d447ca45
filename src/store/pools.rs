//! Connections and transactions of both databases, behind two small enums.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Executor, Postgres, Row, Transaction};
use uuid::Uuid;

use super::both::Sql;
use super::flush::Flushed;
use super::lite::{Lite, LiteTx};
use super::{StoreAt, StoreError};

/// Statements kept ready on a connection; above the number we have.
const STATEMENTS_MAX: usize = 256;
/// How long a caller waits for a connection; past it the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of a store.
#[derive(Debug, Clone)]
pub(super) enum Pools {
    Lite(Arc<Lite>),
    Pg(PgPool),
}

/// A row of three columns: a place in the batch, a kind, and a JSON text.
pub(super) type Triple = (i64, String, String);

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
    Bytes(Vec<u8>),
}

impl Given {
    pub(super) fn arg(&self) -> Arg<'_> {
        match self {
            Self::Text(text) => Arg::Text(text),
            Self::Int(int) => Arg::Int(*int),
            Self::Id(id) => Arg::Id(*id),
            Self::Bytes(bytes) => Arg::Bytes(bytes),
        }
    }
}

impl From<&Arg<'_>> for Given {
    fn from(arg: &Arg<'_>) -> Self {
        match *arg {
            Arg::Text(text) => Self::Text(text.to_owned()),
            Arg::Int(int) => Self::Int(int),
            Arg::Id(id) => Self::Id(id),
            Arg::Bytes(bytes) => Self::Bytes(bytes.to_owned()),
        }
    }
}

/// A transaction. Dropped, it is rolled back.
pub(super) enum Tx {
    Lite(LiteTx),
    Pg(Transaction<'static, Postgres>),
}

/// A commit on its way to disk; on a server it is there already.
#[derive(Debug, Default)]
pub(super) struct OnDisk(Option<Flushed>);

impl OnDisk {
    pub(super) async fn wait(self) -> Result<(), StoreError> {
        match self.0 {
            Some(flushed) => flushed.wait().await,
            None => Ok(()),
        }
    }
}

impl Pools {
    /// Connects. A server that does not answer is an error; a missing file is made.
    pub(super) async fn open(at: &StoreAt) -> Result<Self, StoreError> {
        match at {
            StoreAt::Sqlite { file } => Ok(Self::Lite(Arc::new(Lite::open(file)?))),
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

    /// Begins a transaction that may write. Only work that is run apart begins one; see [`super::Store::apart`].
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Lite(lite) => Tx::Lite(lite.begin().await?),
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
            Self::Lite(lite) => lite.read(sql.lite, args).await?,
            Self::Pg(pool) => pg_fetch(pool, sql, args).await?,
        };
        read_all(table, found.into_iter().map(|(_, _, doc)| doc))
    }

    /// Whether what is committed comes to disk, as far as it is known.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Lite(lite) => lite.check(),
            Self::Pg(_) => Ok(()),
        }
    }

    /// Returns when it is of no use any more until it is opened anew.
    pub(super) async fn ended(&self) {
        match self {
            Self::Lite(lite) => lite.ended().await,
            Self::Pg(_) => std::future::pending().await,
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Lite(lite) => lite.close().await,
            Self::Pg(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Runs a statement; how many rows it touched.
    pub(super) async fn run(&mut self, sql: &Sql, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        self.touch(sql);
        Ok(match self {
            Self::Lite(tx) => tx.execute(sql.lite, args)?,
            Self::Pg(tx) => {
                let query = pg_bind(sqlx::query(sql.pg), args);
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Writes rows with a statement that takes them as its array, or one by one where SQLite has their columns
    /// bound; how many rows of the table it touched.
    pub(super) async fn put<T: Serialize>(
        &mut self,
        sql: &Sql,
        rows: &[T],
    ) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.touch(sql);
        match self {
            Self::Lite(tx) if !sql.fields.is_empty() => {
                tx.execute_each(sql.lite, &sql.fields, rows)
            }
            _ => self.run(sql, &[Arg::Text(&array(rows)?)]).await,
        }
    }

    fn touch(&mut self, sql: &Sql) {
        if let Self::Lite(tx) = self
            && sql.touches_threads
        {
            tx.touch_threads();
        }
    }

    /// Rows of three columns: a place in the batch, a kind, and a JSON text.
    pub(super) async fn triples(
        &mut self,
        sql: &Sql,
        args: &[Arg<'_>],
    ) -> Result<Vec<Triple>, StoreError> {
        self.touch(sql);
        match self {
            Self::Lite(tx) => tx.triples(sql.lite, args),
            Self::Pg(tx) => pg_fetch(&mut **tx, sql, args).await,
        }
    }

    /// The same for a question that is asked for each of these rows.
    pub(super) async fn triples_of<T: Serialize>(
        &mut self,
        sql: &Sql,
        rows: &[T],
    ) -> Result<Vec<Triple>, StoreError> {
        match self {
            Self::Lite(tx) => tx.triples_each(sql.lite, &sql.fields, rows),
            Self::Pg(tx) => pg_fetch(&mut **tx, sql, &[Arg::Text(&array(rows)?)]).await,
        }
    }

    /// What a question with `row!` finds for each of these rows, behind its place.
    pub(super) async fn rows_of<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        sql: &Sql,
        rows: &[impl Serialize],
    ) -> Result<Vec<(i64, T)>, StoreError> {
        match self {
            _ if rows.is_empty() => Ok(Vec::new()),
            Self::Lite(tx) => tx.rows_each(table, sql, rows),
            Self::Pg(_) => {
                let found = self.triples_of(sql, rows).await?;
                let read = |(i, _, doc): Triple| Ok((i, read(table, &doc)?));
                found.into_iter().map(read).collect()
            }
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

    /// Commits; returns once it is on disk.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.commit_ahead().await?.wait().await
    }

    /// Commits; nothing of it may be acknowledged before it is on disk, which is waited for apart.
    pub(super) async fn commit_ahead(self) -> Result<OnDisk, StoreError> {
        Ok(match self {
            Self::Lite(tx) => OnDisk(Some(tx.commit()?)),
            Self::Pg(tx) => {
                tx.commit().await?;
                OnDisk(None)
            }
        })
    }

    /// Whether others may write at the same time.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Pg(_))
    }
}

fn pg_bind<'q>(
    mut query: sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>,
    args: &[Arg<'q>],
) -> sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments> {
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
async fn pg_fetch<'e, E>(on: E, sql: &Sql, args: &[Arg<'_>]) -> Result<Vec<Triple>, StoreError>
where
    E: Executor<'e, Database = Postgres>,
{
    let rows = pg_bind(sqlx::query(sql.pg), args).fetch_all(on).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(match row.len() {
            1 => (0, String::new(), row.try_get(0)?),
            _ => (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
        });
    }
    Ok(found)
}

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
pub(super) fn array<T: Serialize>(rows: &[T]) -> Result<String, StoreError> {
    json(rows)
}

/// A value as JSON.
///
/// PostgreSQL cannot hold the character U+0000 in a text; in both databases U+FFFD stands for it.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    let text = serde_json::to_string(value).map_err(|error| StoreError::Data(error.to_string()))?;
    Ok(if text.contains("\\u0000") {
        without_nul(&text)
    } else {
        text
    })
}

/// The same for a text that is bound as it is.
pub(super) fn without_nul_char(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
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
