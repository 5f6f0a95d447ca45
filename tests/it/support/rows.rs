//! Looks into the store from outside, as an operator with a database client would. Columns are read as text.

use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};

/// Where the store is.
#[derive(Clone, Debug)]
pub enum Rows {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Rows {
    /// The rows of a query whose columns are texts; nothing is an empty text. Each look is a connection of its
    /// own, so that none outlives a daemon that is killed.
    pub async fn all(&self, sql: &str) -> Vec<Vec<String>> {
        self.try_all(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    async fn try_all(&self, sql: &str) -> sqlx::Result<Vec<Vec<String>>> {
        macro_rules! read {
            ($connection:expr) => {{
                let mut connection = $connection;
                let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
                    .fetch_all(&mut connection)
                    .await?;
                connection.close().await?;
                let text = |row: &_, at| -> sqlx::Result<String> {
                    Ok(Row::try_get::<Option<String>, usize>(row, at)?.unwrap_or_default())
                };
                rows.iter()
                    .map(|row| (0..row.len()).map(|at| text(row, at)).collect())
                    .collect()
            }};
        }
        match self {
            Self::Sqlite(file) => read!(
                SqliteConnectOptions::new()
                    .filename(file)
                    .read_only(true)
                    .connect()
                    .await?
            ),
            Self::Postgres(url) => read!(PgConnection::connect(url).await?),
        }
    }

    /// How many rows `from` yields: a table, with whatever joins and conditions.
    pub async fn count(&self, from: &str) -> u64 {
        let rows = self
            .all(&format!("SELECT CAST(count(*) AS TEXT) FROM {from}"))
            .await;
        rows[0][0].parse().unwrap()
    }

    /// The only column of a query, in the order of its rows.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        self.all(sql)
            .await
            .into_iter()
            .map(|mut row| row.remove(0))
            .collect()
    }
}
