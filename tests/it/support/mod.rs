//! What the tests drive the program with: processes, HTTP and files, nothing of its insides but the twin.
#![allow(dead_code)]

pub mod carrier;
pub mod mail;
pub mod process;
pub mod rows;
pub mod services;
pub mod signing;
pub mod staff;
pub mod stage;

/// Stamps tests on both databases: plain on SQLite, for `./check` on PostgreSQL.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::stage::Kind::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs PostgreSQL: ./check"]
            async fn $name() {
                super::$name(crate::support::stage::Kind::Postgres).await;
            })*
        }
    };
}
pub(crate) use on_both_stores;
