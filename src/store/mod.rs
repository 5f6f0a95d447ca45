//! The store, spoken in the gateway's verbs: a plain struct over SQLite or PostgreSQL.
//!
//! What is saved together is one transaction, and a batch is a handful of statements whatever its size.
//! Account data is reached with an [`AccountScope`], what crosses accounts with a [`NodeScope`]; every
//! write to the organisation names its [`Actor`] and leaves its audit row.

mod error;
mod jobs;
mod outbox;
mod scope;
mod turn;

use std::path::PathBuf;

use secrecy::SecretString;

pub use error::StoreError;
pub use jobs::DueTimer;
pub use outbox::{AttemptOutcome, AttemptResult, Dispatch, DueText, PlanUse, ToSend, UnknownText};
pub use scope::{AccountScope, Actor, NodeScope};
pub use turn::{Answer, NewEvent};

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
pub struct Store {}

impl Store {
    /// Opens the store. The schema is not touched; see [`Store::migrate`].
    pub async fn open(_at: &StoreAt) -> Result<Self, StoreError> {
        Ok(Self {})
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends all connections after what is under way.
    pub async fn close(&self) {}

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
