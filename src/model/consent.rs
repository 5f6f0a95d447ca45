//! Consent: what a phone allowed, as a ledger of dated entries.

use serde::{Deserialize, Serialize};

use super::{AccountId, ConsentId, EventId, NumberId, Party, ProgramId, Timestamp};

/// How far a consent reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentScope {
    /// Everything from one number, of whatever account.
    Number(NumberId),
    /// Everything of a program.
    Program(ProgramId),
    /// Everything of an account.
    Account(AccountId),
    /// Everything of the organisation.
    Organisation,
}

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Texts are wanted.
    In,
    /// Texts are refused.
    Out,
}

/// One entry of the ledger; entries are never changed, the latest of a scope counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConsentEntry {
    /// Its id.
    pub id: ConsentId,
    /// The phone.
    pub party: Party,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// What was said.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
    /// By which way: `text`, `carrier`, `staff`, `flow`, `import`.
    pub source: String,
    /// The event that proves it.
    pub event: Option<EventId>,
}
