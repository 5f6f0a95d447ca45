//! The store, spoken in the gateway's verbs: a plain struct over SQLite or PostgreSQL.
//!
//! What is saved together is one transaction, and a batch is a handful of statements whatever its size.
//! Account data is reached with an [`AccountScope`], what crosses accounts with a [`NodeScope`]; every
//! write to the organisation names its [`Actor`] and leaves its audit row.

mod bind;
mod both;
mod error;
mod events;
mod flows;
mod flush;
mod jobs;
mod lite;
mod load;
mod locks;
mod organisation;
mod outbox;
mod pages;
mod party;
mod pools;
mod remembered;
mod row;
mod save;
mod scope;
mod seen;
mod signin;
mod tables;
#[cfg(test)]
pub(crate) mod testing;
mod turn;
mod upkeep;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqlSafeStr};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use both::sql;
use pools::Pools;

pub use error::StoreError;
pub use events::{DecidedEvent, StoredEvent, StoredLeg};
pub use flows::{
    Activation, FileOf, FlowFile, FlowRevision, Outlook, Published, Stamp, Written, outlook,
};
pub use jobs::{DueTimer, Lane};
pub use outbox::{AttemptOutcome, AttemptResult, Dispatch, DueText, PlanUse, ToSend, UnknownText};
pub use pages::{
    BoxCount, ConversationFilter, ConversationRow, Counts, Cursor, CursorError, FilterState,
    OpsCounts, OpsNotice, OpsSight, Page, ScopeConsent, Sight, ThreadItem, VoicemailFilter,
    VoicemailRow,
};
pub use scope::{AccountScope, Actor, NodeScope};
pub use signin::Session;
pub use turn::{Answer, NewEvent, Saved};
pub use upkeep::{BACKLOG_MAX, Backlogs};

/// Where the store is.
#[derive(Debug, Clone)]
pub enum StoreAt {
    /// A file of our own; made when it is not there.
    Sqlite {
        /// The file.
        file: PathBuf,
    },
    /// A server.
    Postgres {
        /// How it is reached, password included.
        url: SecretString,
        /// Connections at most.
        connections_max: u32,
    },
}

/// The one store of a node. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pools: Pools,
    /// Where the store was opened: long work that needs no transaction goes on there.
    runtime: Handle,
    /// SQLite's memory of what was received, once it is read.
    seen: Mutex<Option<seen::Seen>>,
    /// Held while new entries are moved into the index of parties.
    moving: Mutex<()>,
}

/// The migrations of SQLite and of PostgreSQL, numbered alike. An applied one is never edited.
const MIGRATIONS: [(i64, &str, &str, &str); 11] = [
    (
        1,
        "begin",
        include_str!("migrations/sqlite/0001_begin.sql"),
        include_str!("migrations/postgres/0001_begin.sql"),
    ),
    (
        2,
        "party_index",
        include_str!("migrations/sqlite/0002_party_index.sql"),
        include_str!("migrations/postgres/0002_party_index.sql"),
    ),
    (
        3,
        "number_rate",
        include_str!("migrations/sqlite/0003_number_rate.sql"),
        include_str!("migrations/postgres/0003_number_rate.sql"),
    ),
    (
        4,
        "call_fetched",
        include_str!("migrations/sqlite/0004_call_fetched.sql"),
        include_str!("migrations/postgres/0004_call_fetched.sql"),
    ),
    (
        5,
        "party_recent",
        include_str!("migrations/sqlite/0005_party_recent.sql"),
        include_str!("migrations/postgres/0005_party_recent.sql"),
    ),
    (
        6,
        "leg_rung",
        include_str!("migrations/sqlite/0006_leg_rung.sql"),
        include_str!("migrations/postgres/0006_leg_rung.sql"),
    ),
    (
        7,
        "waiting",
        include_str!("migrations/sqlite/0007_waiting.sql"),
        include_str!("migrations/postgres/0007_waiting.sql"),
    ),
    (
        8,
        "contact_value",
        include_str!("migrations/sqlite/0008_contact_value.sql"),
        include_str!("migrations/postgres/0008_contact_value.sql"),
    ),
    (
        9,
        "caseload",
        include_str!("migrations/sqlite/0009_caseload.sql"),
        include_str!("migrations/postgres/0009_caseload.sql"),
    ),
    (
        10,
        "job_lane",
        include_str!("migrations/sqlite/0010_job_lane.sql"),
        include_str!("migrations/postgres/0010_job_lane.sql"),
    ),
    (
        11,
        "job_work",
        include_str!("migrations/sqlite/0011_job_work.sql"),
        include_str!("migrations/postgres/0011_job_work.sql"),
    ),
];

impl Store {
    /// Opens the store. The schema is not touched; see [`Store::migrate`].
    pub async fn open(at: &StoreAt) -> Result<Self, StoreError> {
        let inner = Inner {
            pools: Pools::open(at).await?,
            runtime: Handle::current(),
            seen: Mutex::new(None),
            moving: Mutex::new(()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let done = match &self.inner.pools {
            Pools::Lite(lite) => migrate_file(lite.file()).await,
            Pools::Pg(pool) => migrator(|_, pg| pg).run(pool).await,
        };
        done.map_err(|error| StoreError::Migration(error.to_string()))
    }

    /// Ends all connections after what is under way.
    pub async fn close(&self) {
        let _at_rest = self.inner.moving.lock().await;
        self.inner.pools.close().await;
        self.inner.seen.lock().await.take();
    }

    /// Whether the database answers, and what is committed comes to disk.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.inner.pools.check()?;
        let ping = sql!("SELECT obj!('up', 1)");
        let _: Vec<serde_json::Value> = self.inner.pools.list("none", ping, &[]).await?;
        Ok(())
    }

    /// Returns when the store is of no use any more until it is opened anew: on SQLite, when a commit could not be
    /// brought to disk and nobody knows what of it is there. A server that does not answer is waited for instead.
    pub async fn ended(&self) {
        self.inner.pools.ended().await;
    }
}

/// How often work begins anew after losing a race with another node.
const RACES_MAX: usize = 3;

impl Store {
    /// Runs a task where its transactions run, so that one batch follows the other without a change of threads: on
    /// SQLite the writer's thread, where nothing else has a place that takes long.
    pub fn spawn_at_writer(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        match &self.inner.pools {
            Pools::Lite(lite) => lite.writer_thread().spawn(task),
            Pools::Pg(_) => tokio::spawn(task),
        }
    }

    /// Runs work that has transactions on a task of its own, because a caller that goes away must not leave one
    /// half-way; on SQLite the task is on the writer's thread.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let task = match &self.inner.pools {
            Pools::Lite(lite) => lite.writer_thread().spawn(work),
            Pools::Pg(_) => tokio::spawn(work),
        };
        let done = task.await;
        done.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }

    /// Runs one writing statement; how many rows it touched.
    async fn write(
        &self,
        sql: &'static both::Sql,
        args: Vec<pools::Given>,
    ) -> Result<u64, StoreError> {
        let pools = self.inner.pools.clone();
        self.apart(async move {
            let mut tx = pools.begin().await?;
            let args: Vec<pools::Arg<'_>> = args.iter().map(pools::Given::arg).collect();
            let touched = tx.run(sql, &args).await?;
            tx.commit().await?;
            Ok(touched)
        })
        .await
    }
}

async fn migrate_file(file: &Path) -> Result<(), MigrateError> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = options.disable_statement_logging().connect().await?;
    migrator(|lite, _| lite).run(&mut connection).await?;
    Ok(connection.close().await?)
}

fn migrator(text: impl Fn(&'static str, &'static str) -> &'static str) -> Migrator {
    let made = MIGRATIONS.iter().map(|(version, name, lite, pg)| {
        let sql = text(lite, pg).into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(made.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_is_carried_out_and_numbered_without_a_gap() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|(version, name, _, _)| format!("{version:04}_{name}.sql"))
            .collect();
        for database in ["sqlite", "postgres"] {
            let entries = std::fs::read_dir(folder.join(database)).unwrap();
            let name = |entry: std::io::Result<std::fs::DirEntry>| {
                entry.unwrap().file_name().into_string()
            };
            let mut files: Vec<String> = entries.map(|entry| name(entry).unwrap()).collect();
            files.sort();
            assert_eq!(files, listed, "{database}");
        }
        let versions = MIGRATIONS.iter().map(|(version, ..)| *version);
        assert!(versions.eq(1..=MIGRATIONS.len() as i64));
    }
}
