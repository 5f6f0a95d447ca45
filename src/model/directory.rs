//! The snapshot of the organisation that every decision reads: all but the flows. Built by the store,
//! swapped whole when something changes; the hot path makes no query for it.

use std::collections::HashMap;

use super::account::{Account, AccountNumber, Keyword, Number, Route};
use super::people::{Group, User};
use super::{AccountId, NumberId, UserId};

/// Who and what the organisation is, at one version.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Raised by every write to the organisation.
    pub version: i64,
    accounts: HashMap<AccountId, Account>,
    account_keys: HashMap<String, AccountId>,
    users: HashMap<UserId, User>,
    user_keys: HashMap<String, UserId>,
    numbers: HashMap<NumberId, Number>,
    addresses: HashMap<String, NumberId>,
    keywords: HashMap<NumberId, Vec<Keyword>>,
}

impl Directory {
    /// The snapshot of these rows.
    pub fn new(
        version: i64,
        accounts: Vec<Account>,
        users: Vec<User>,
        numbers: Vec<Number>,
        keywords: Vec<Keyword>,
    ) -> Self {
        let mut made = Self {
            version,
            ..Self::default()
        };
        for account in accounts {
            made.account_keys.insert(account.key.clone(), account.id);
            made.accounts.insert(account.id, account);
        }
        for user in users {
            made.user_keys.insert(user.key.clone(), user.id);
            made.users.insert(user.id, user);
        }
        for number in numbers {
            made.addresses.insert(number.address.clone(), number.id);
            made.numbers.insert(number.id, number);
        }
        for keyword in keywords {
            made.keywords
                .entry(keyword.number)
                .or_default()
                .push(keyword);
        }
        made
    }

    /// The account with this id.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The account with this key.
    pub fn account_by_key(&self, key: &str) -> Option<&Account> {
        self.accounts.get(self.account_keys.get(key)?)
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The user with this id.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The user with this key.
    pub fn user_by_key(&self, key: &str) -> Option<&User> {
        self.users.get(self.user_keys.get(key)?)
    }

    /// All users, in no order.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// The number with this id.
    pub fn number(&self, id: NumberId) -> Option<&Number> {
        self.numbers.get(&id)
    }

    /// The number that carriers write so.
    pub fn number_by_address(&self, address: &str) -> Option<&Number> {
        self.numbers.get(self.addresses.get(address)?)
    }

    /// All numbers, in no order.
    pub fn numbers(&self) -> impl Iterator<Item = &Number> {
        self.numbers.values()
    }

    /// The keywords of a number, over all accounts.
    pub fn keywords(&self, number: NumberId) -> &[Keyword] {
        self.keywords.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The accounts that use a number, and how, by key.
    pub fn users_of(&self, number: NumberId) -> Vec<(&Account, &AccountNumber)> {
        let mut found: Vec<(&Account, &AccountNumber)> = self
            .accounts
            .values()
            .filter_map(|account| Some((account, account.number(number)?)))
            .collect();
        found.sort_by(|a, b| a.0.key.cmp(&b.0.key));
        found
    }

    /// Whether a route still leads to somebody: a group with an active member, or an active user.
    pub fn leads_somewhere(&self, account: AccountId, route: Route) -> bool {
        match route {
            Route::User(user) => self.user(user).is_some_and(|user| user.active),
            Route::Group(group) => {
                let group = self
                    .account(account)
                    .and_then(|account| account.group_by_id(group));
                group.is_some_and(|group| self.active_members(group).next().is_some())
            }
        }
    }

    /// A group's members who still work here, in ringing order.
    pub fn active_members<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a User> {
        group
            .members
            .iter()
            .filter_map(|id| self.user(*id))
            .filter(|user| user.active)
    }

    /// Whether a user is meant by a route: themselves, or as a member of the group.
    pub fn includes(&self, account: AccountId, route: Route, user: UserId) -> bool {
        match route {
            Route::User(id) => id == user,
            Route::Group(id) => self
                .account(account)
                .and_then(|account| account.group_by_id(id))
                .is_some_and(|group| group.members.contains(&user)),
        }
    }

    /// What people call a route.
    pub fn route_name(&self, account: AccountId, route: Route) -> String {
        let name = match route {
            Route::User(id) => self.user(id).map(|user| user.name.clone()),
            Route::Group(id) => {
                let account = self.account(account);
                account
                    .and_then(|account| account.group_by_id(id))
                    .map(|group| group.name.clone())
            }
        };
        name.unwrap_or_else(|| "somebody who has left".to_owned())
    }
}
