//! The snapshot of the organisation that every decision reads: all but the flows. Built by the store,
//! swapped whole when something changes; the hot path makes no query for it.

use std::collections::HashMap;
use std::sync::Arc;

use super::account::{Account, AccountNumber, Keyword, Number, Route};
use super::people::{Group, User};
use super::{AccountId, NumberId, UserId};

/// Who and what the organisation is, at one version. A clone shares everything with what it was made from.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Raised by every write to the organisation.
    pub version: i64,
    accounts: Arc<HashMap<AccountId, Arc<Account>>>,
    numbers: Arc<HashMap<NumberId, Arc<Number>>>,
    rest: Arc<Rest>,
}

/// What stays as it is where one account and one number are laid over others.
#[derive(Debug, Clone, Default)]
struct Rest {
    account_keys: HashMap<String, AccountId>,
    users: HashMap<UserId, User>,
    user_keys: HashMap<String, UserId>,
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
        let mut rest = Rest::default();
        let (mut by_id, mut ours) = (HashMap::new(), HashMap::new());
        for account in accounts {
            rest.account_keys.insert(account.key.clone(), account.id);
            by_id.insert(account.id, Arc::new(account));
        }
        for user in users {
            rest.user_keys.insert(user.key.clone(), user.id);
            rest.users.insert(user.id, user);
        }
        for number in numbers {
            rest.addresses.insert(number.address.clone(), number.id);
            ours.insert(number.id, Arc::new(number));
        }
        for keyword in keywords {
            let of_number = rest.keywords.entry(keyword.number).or_default();
            of_number.push(keyword);
        }
        Self {
            version,
            accounts: Arc::new(by_id),
            numbers: Arc::new(ours),
            rest: Arc::new(rest),
        }
    }

    /// The same organisation with this account and this number in the place of its own, whose keys and address they
    /// keep. All else is shared.
    pub fn with(&self, account: Arc<Account>, number: Number) -> Self {
        let mut made = self.clone();
        Arc::make_mut(&mut made.accounts).insert(account.id, account);
        Arc::make_mut(&mut made.numbers).insert(number.id, Arc::new(number));
        made
    }

    /// The same organisation in which these users are active.
    pub fn with_active(mut self, users: &[UserId]) -> Self {
        let rest = Arc::make_mut(&mut self.rest);
        for id in users {
            if let Some(user) = rest.users.get_mut(id) {
                user.active = true;
            }
        }
        self
    }

    /// The account with this id.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).map(Arc::as_ref)
    }

    /// The account with this key.
    pub fn account_by_key(&self, key: &str) -> Option<&Account> {
        self.account(*self.rest.account_keys.get(key)?)
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().map(Arc::as_ref)
    }

    /// The user with this id.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.rest.users.get(&id)
    }

    /// The user with this key.
    pub fn user_by_key(&self, key: &str) -> Option<&User> {
        self.user(*self.rest.user_keys.get(key)?)
    }

    /// All users, in no order.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.rest.users.values()
    }

    /// The number with this id.
    pub fn number(&self, id: NumberId) -> Option<&Number> {
        self.numbers.get(&id).map(Arc::as_ref)
    }

    /// The number that carriers write so.
    pub fn number_by_address(&self, address: &str) -> Option<&Number> {
        self.number(*self.rest.addresses.get(address)?)
    }

    /// All numbers, in no order.
    pub fn numbers(&self) -> impl Iterator<Item = &Number> {
        self.numbers.values().map(Arc::as_ref)
    }

    /// The keywords of a number, over all accounts.
    pub fn keywords(&self, number: NumberId) -> &[Keyword] {
        self.rest.keywords.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The accounts that use a number, and how, by key.
    pub fn users_of(&self, number: NumberId) -> Vec<(&Account, &AccountNumber)> {
        let mut found: Vec<(&Account, &AccountNumber)> = self
            .accounts()
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
