//! Writes to the organisation: the closed list of rows that `signalbox apply`, the API and the pages save.
//!
//! A change carries the whole row as it shall be, with its id (an existing one, or a fresh one), so that the
//! store only inserts or updates. Nothing here removes: who leaves becomes inactive, who leaves a group is no
//! longer in the group's row.

use std::collections::BTreeMap;

use super::account::{AccountNumber, ColumnType, Keyword, Number, Plan, Program};
use super::people::{Contact, Group, Member, Role, User};
use super::{AccountId, CostCentreId};

/// What traffic is billed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostCentre {
    /// Its id.
    pub id: CostCentreId,
    /// Its immutable key.
    pub key: String,
    /// Its free name.
    pub name: String,
}

/// An account without its parts, which are rows of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// Its immutable key.
    pub key: String,
    /// Its free name.
    pub name: String,
    /// Its time zone (IANA name).
    pub zone: String,
    /// Its language (BCP 47).
    pub language: String,
    /// What its traffic is billed to.
    pub cost_centre: CostCentreId,
    /// Up to ten columns that its contacts have.
    pub columns: BTreeMap<String, ColumnType>,
    /// What it may send.
    pub plan: Plan,
}

/// A row of the organisation as it shall be. What is compared to find an existing row stands at each.
#[derive(Debug, Clone, PartialEq)]
pub enum OrgRow {
    /// By id.
    CostCentre(CostCentre),
    /// By id; its devices are replaced as a whole.
    User(User),
    /// By id. Every part of it below comes later in a list of changes.
    Account(AccountRow),
    /// By id. Comes after the accounts that it names.
    Number(Number),
    /// By id.
    Role(AccountId, Role),
    /// By account and user; the roles are replaced as a whole.
    Member(AccountId, Member),
    /// By id; the members, in ringing order, are replaced as a whole.
    Group(AccountId, Group),
    /// By account and key.
    Calendar {
        /// Whose it is.
        account: AccountId,
        /// Its immutable key.
        key: String,
        /// As written, in JSON: what [`super::calendar::Calendar`] is read from.
        source: serde_json::Value,
    },
    /// By id.
    Program(AccountId, Program),
    /// By account and number.
    AccountNumber(AccountId, AccountNumber),
    /// By account, number and the first of `folded`, which is the word's; the rest is replaced.
    Keyword(Keyword),
    /// By id; the phones are replaced as a whole.
    Contact(Contact),
}

impl OrgRow {
    /// Whose data it is; `None` for what belongs to the whole organisation.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::CostCentre(_) | Self::User(_) | Self::Number(_) => None,
            Self::Account(row) => Some(row.id),
            Self::Role(account, _)
            | Self::Member(account, _)
            | Self::Group(account, _)
            | Self::Calendar { account, .. }
            | Self::Program(account, _)
            | Self::AccountNumber(account, _) => Some(*account),
            Self::Keyword(keyword) => Some(keyword.account),
            Self::Contact(contact) => Some(contact.account),
        }
    }

    /// The word for this kind of row, for audit and `--json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CostCentre(_) => "cost_centre",
            Self::User(_) => "user",
            Self::Account(_) => "account",
            Self::Number(_) => "number",
            Self::Role(..) => "role",
            Self::Member(..) => "member",
            Self::Group(..) => "group",
            Self::Calendar { .. } => "calendar",
            Self::Program(..) => "program",
            Self::AccountNumber(..) => "account_number",
            Self::Keyword(_) => "keyword",
            Self::Contact(_) => "contact",
        }
    }
}

/// One write to the organisation.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgChange {
    /// The row as it shall be.
    pub what: OrgRow,
    /// What it is, in keys: `group college/billing`.
    pub subject: String,
    /// The fields that change, as they are; `None`: the row is new.
    pub before: Option<String>,
    /// The fields that change, as they shall be; of a new row all that say something.
    pub after: String,
}

impl OrgChange {
    /// Whether the row is new.
    pub fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// One line for people and the audit: `+ group college/billing: name "Billing"`, or `~ …: before → after`.
    pub fn describe(&self) -> String {
        match &self.before {
            None if self.after.is_empty() => format!("+ {}", self.subject),
            None => format!("+ {}: {}", self.subject, self.after),
            Some(before) => format!("~ {}: {before} → {}", self.subject, self.after),
        }
    }
}
