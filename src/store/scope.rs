//! Who may touch whose rows, as values that cannot be made by accident.

use crate::model::account::Account;
use crate::model::people::User;
use crate::model::{AccountId, UserId};

/// What crosses accounts: receiving, outbox, timers, the organisation. Only the daemon has it.
#[derive(Debug, Clone, Copy)]
pub struct NodeScope(());

impl NodeScope {
    /// For the daemon and the command line on the same machine, and for nothing that answers a request
    /// of a member.
    pub fn daemon() -> Self {
        Self(())
    }
}

/// One account's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountScope {
    account: AccountId,
}

impl AccountScope {
    /// For a signed-in user who belongs to the account, or is an administrator; `None` for all others
    /// and for who has left.
    pub fn of_member(user: &User, account: &Account) -> Option<Self> {
        let belongs = user.admin || account.member(user.id).is_some();
        (user.active && belongs).then_some(Self {
            account: account.id,
        })
    }

    /// For what a routing decision gave to this account.
    pub fn of_decision(account: AccountId) -> Self {
        Self { account }
    }

    /// For whoever has the store itself in hand: an operator at the command line.
    pub(crate) fn of_operator(account: AccountId) -> Self {
        Self { account }
    }

    /// The account.
    pub fn account(self) -> AccountId {
        self.account
    }
}

/// Who changes the organisation; stands in the audit row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody at the command line: the name of their login.
    Cli(String),
    /// A member of staff.
    User(UserId),
    /// This node by itself.
    Node,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cli(login) => write!(f, "cli:{login}"),
            Self::User(user) => user.fmt(f),
            Self::Node => f.write_str("node"),
        }
    }
}
