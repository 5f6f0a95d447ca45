//! A store for a test, on either database: every store test runs on both. PostgreSQL is the throw-away server
//! of the test process, with a database of its own for each test.

use secrecy::SecretString;
use tempfile::TempDir;

use super::{NewEvent, Store, StoreAt};
use crate::model::turn::Need;
use crate::model::{EventId, Id as _, Timestamp};
use crate::services::Postgres;

/// Runs each test on SQLite, and on PostgreSQL where there is one.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($bench:ident: Bench) $body:block)*) => { $(
        $(#[$meta])*
        mod $name {
            use super::*;
            async fn check($bench: Bench) $body
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() { check(Bench::sqlite().await).await }
            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL: ./check"]
            async fn postgres() { check(Bench::postgres().await).await }
        }
    )* };
}
pub(crate) use on_both;

/// An event of no connection that is decided by what the test says; its id is made from `n`.
pub(crate) fn event(n: u128, received_at: Timestamp, needs: Vec<Need>) -> NewEvent {
    NewEvent {
        id: EventId::from_uuid(uuid::Uuid::from_u128(n)),
        connection: String::new(),
        hook: "test".to_owned(),
        dedupe: None,
        received_at,
        seed: 1,
        raw: b"{}".to_vec(),
        needs,
    }
}

/// An empty store.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) at: StoreAt,
    _dir: TempDir,
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("signalbox.db");
        Self::at(StoreAt::Sqlite { file }, dir).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::on(Postgres::start()).await
    }

    /// On a server of the test's own, which may crash it.
    pub(crate) async fn on(server: &Postgres) -> Self {
        let at = StoreAt::Postgres {
            url: SecretString::from(server.database("store")),
            connections_max: 4,
        };
        Self::at(at, tempfile::tempdir().unwrap()).await
    }

    async fn at(at: StoreAt, dir: TempDir) -> Self {
        let store = Store::open(&at).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            at,
            _dir: dir,
        }
    }

    /// The same store after a restart.
    pub(crate) async fn reopened(self) -> Self {
        self.store.close().await;
        let Self { store, at, _dir } = self;
        drop(store);
        let store = Store::open(&at).await.unwrap();
        Self { store, at, _dir }
    }

    /// Whether it is the one with several writers.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.at, StoreAt::Postgres { .. })
    }
}
