//! The organisation as it shall be: a copy of what is there with the file laid over it.
//!
//! Everything the file names is first entered with its id and plain defaults, so that names resolve in any
//! order; then each part is filled, and last come the questions that only the whole can answer.

use std::ops::Range;

use super::Existing;
use super::file::{AccountPart, CostCentrePart, Parts, UserPart};
use super::keyword::Claim;
use super::node::{Findings, Text};
use crate::model::account::{Account, Beyond, Keyword, Number, Plan, PlanUnit, Program};
use crate::model::calendar::CalendarSpec;
use crate::model::organisation::CostCentre;
use crate::model::people::{Contact, Permission, Role, User};
use crate::model::{AccountId, GroupId, Ids, NumberId, Timestamp, UserId};

/// The rows of the organisation as they shall be.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) cost_centres: Vec<CostCentre>,
    pub(super) users: Vec<User>,
    pub(super) numbers: Vec<Number>,
    pub(super) accounts: Vec<Account>,
    pub(super) keywords: Vec<Keyword>,
    /// Only those of the file.
    pub(super) contacts: Vec<Contact>,
    /// Only those of the file.
    pub(super) calendars: Vec<(AccountId, String, CalendarSpec)>,
}

impl Rows {
    pub(super) fn user(&self, id: UserId) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(super) fn number(&self, id: NumberId) -> Option<&Number> {
        self.numbers.iter().find(|number| number.id == id)
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }
}

/// Rows in the making, and where in the file their parts stand.
pub(super) struct Draft<'a> {
    pub(super) existing: &'a Existing<'a>,
    pub(super) found: &'a Findings<'a>,
    pub(super) ids: &'a mut Ids,
    pub(super) now: Timestamp,
    pub(super) rows: Rows,
    /// The keywords' words that the file claims.
    pub(super) claims: Vec<Claim>,
    /// Words that the file claims twice.
    pub(super) told: Vec<(NumberId, String)>,
    /// Where the file says a route.
    pub(super) routes: Vec<(AccountId, NumberId, Range<usize>)>,
    /// Where the file names groups and users, for routes that they break.
    pub(super) groups: Vec<(GroupId, Range<usize>)>,
    /// Groups with a member whose name is wrong, which is mistake enough.
    pub(super) tainted: Vec<GroupId>,
    pub(super) users: Vec<(UserId, Range<usize>)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        existing: &'a Existing<'a>,
        found: &'a Findings<'a>,
        ids: &'a mut Ids,
        now: Timestamp,
    ) -> Self {
        Self {
            existing,
            found,
            ids,
            now,
            rows: copy(existing),
            claims: Vec::new(),
            told: Vec::new(),
            routes: Vec::new(),
            groups: Vec::new(),
            tainted: Vec::new(),
            users: Vec::new(),
        }
    }

    /// Lays the file over the copy.
    pub(super) fn fill(mut self, parts: &Parts) -> Rows {
        self.enter(parts);
        for part in &parts.cost_centres {
            self.fill_cost_centre(part);
        }
        for part in &parts.users {
            self.fill_user(part);
        }
        for part in &parts.accounts {
            self.fill_account(part);
        }
        for part in &parts.numbers {
            self.fill_number(part);
        }
        for part in &parts.accounts {
            self.fill_keywords(part);
            self.fill_contacts(part);
        }
        self.check_claims();
        self.check_routes();
        self.rows
    }

    /// Enters what the file names and the store does not have.
    fn enter(&mut self, parts: &Parts) {
        unique(
            self.found,
            "cost centre",
            parts.cost_centres.iter().map(|part| &part.key),
        );
        unique(self.found, "user", parts.users.iter().map(|part| &part.key));
        unique(
            self.found,
            "number",
            parts.numbers.iter().map(|part| &part.number),
        );
        unique(
            self.found,
            "account",
            parts.accounts.iter().map(|part| &part.key),
        );
        for part in &parts.cost_centres {
            self.enter_cost_centre(&part.key);
        }
        for part in &parts.users {
            self.enter_user(&part.key);
        }
        for part in &parts.accounts {
            self.enter_account(part);
        }
        for part in &parts.numbers {
            self.enter_number(part);
        }
    }

    fn enter_cost_centre(&mut self, key: &Text) {
        if self
            .rows
            .cost_centres
            .iter()
            .all(|row| row.key != key.value)
        {
            let id = self.ids.fresh();
            let (key, name) = (key.value.clone(), key.value.clone());
            self.rows.cost_centres.push(CostCentre { id, key, name });
        }
    }

    fn enter_user(&mut self, key: &Text) {
        if self.rows.users.iter().any(|user| user.key == key.value) {
            return;
        }
        self.rows.users.push(User {
            id: self.ids.fresh(),
            key: key.value.clone(),
            name: key.value.clone(),
            email: None,
            devices: Vec::new(),
            active: true,
            admin: false,
        });
    }

    fn enter_account(&mut self, part: &AccountPart) {
        let key = &part.key;
        if self
            .rows
            .accounts
            .iter()
            .any(|account| account.key == key.value)
        {
            return;
        }
        if !part.missing.is_empty() {
            let missing = part.missing.join(" and ");
            let words = format!(
                "the new account \"{}\" does not say its {missing}",
                key.value
            );
            self.found.wrong(&key.at, words, None);
        }
        let account = self.new_account(&key.value);
        self.rows.accounts.push(account);
    }

    /// An account with what every account has: two roles and the program `main`.
    fn new_account(&mut self, key: &str) -> Account {
        let main = Program {
            id: self.ids.fresh(),
            key: "main".to_owned(),
            name: key.to_owned(),
            number: None,
            caseloads: Vec::new(),
        };
        let all = vec![
            Permission::MayStartTexts,
            Permission::SeesAllBoxes,
            Permission::ManagesAccount,
        ];
        let roles = [
            ("staff", "Staff", vec![Permission::MayStartTexts]),
            ("admin", "Administrator", all),
        ];
        let roles = roles.map(|(key, name, permissions)| Role {
            id: self.ids.fresh(),
            key: key.to_owned(),
            name: name.to_owned(),
            permissions,
        });
        Account {
            id: self.ids.fresh(),
            key: key.to_owned(),
            name: key.to_owned(),
            zone: "UTC".to_owned(),
            language: "en".to_owned(),
            cost_centre: self.ids.fresh(),
            columns: Default::default(),
            plan: PLAN,
            groups: Vec::new(),
            programs: vec![main],
            calendars: Default::default(),
            numbers: Vec::new(),
            members: Vec::new(),
            roles: roles.into(),
        }
    }

    fn fill_cost_centre(&mut self, part: &CostCentrePart) {
        let rows = &mut self.rows.cost_centres;
        if let Some(row) = rows.iter_mut().find(|row| row.key == part.key.value) {
            set(&mut row.name, plain(&part.name));
        }
    }

    fn fill_user(&mut self, part: &UserPart) {
        let rows = &mut self.rows.users;
        let Some(user) = rows.iter_mut().find(|user| user.key == part.key.value) else {
            return;
        };
        set(&mut user.name, plain(&part.name));
        set(&mut user.email, plain(&part.email).map(filled));
        set(&mut user.devices, part.devices.clone());
        set(&mut user.active, part.active);
        set(&mut user.admin, part.admin);
        self.users.push((user.id, part.key.at.clone()));
    }

    pub(super) fn find_user(&self, name: &Text) -> Option<UserId> {
        let users = self
            .rows
            .users
            .iter()
            .map(|user| (user.key.as_str(), user.id));
        self.find("user", name, users)
    }

    pub(super) fn find_account(&self, name: &Text) -> Option<AccountId> {
        let accounts = self.rows.accounts.iter();
        self.find(
            "account",
            name,
            accounts.map(|account| (account.key.as_str(), account.id)),
        )
    }

    pub(super) fn find_number(&self, name: &Text) -> Option<NumberId> {
        let numbers = self.rows.numbers.iter();
        self.find(
            "number",
            name,
            numbers.map(|number| (number.address.as_str(), number.id)),
        )
    }

    /// The id of a name, or a mistake with the nearest name.
    pub(super) fn find<'k, T: Copy>(
        &self,
        what: &str,
        name: &Text,
        known: impl Iterator<Item = (&'k str, T)> + Clone,
    ) -> Option<T> {
        let hit = known.clone().find(|(key, _)| *key == name.value);
        if hit.is_none() {
            self.found.unknown(what, name, known.map(|(key, _)| key));
        }
        hit.map(|(_, id)| id)
    }
}

/// What an account may send that says nothing of it: one text a second, without a limit.
const PLAN: Plan = Plan {
    monthly: None,
    unit: PlanUnit::Messages,
    rate: 1.0,
    beyond: Beyond::Refuse,
    hours: None,
};

/// The rows that are there, in the order in which they were made.
fn copy(existing: &Existing<'_>) -> Rows {
    let directory = existing.directory;
    let mut rows = Rows {
        cost_centres: existing.cost_centres.to_vec(),
        users: directory.users().cloned().collect(),
        numbers: directory.numbers().cloned().collect(),
        accounts: directory.accounts().cloned().collect(),
        ..Rows::default()
    };
    rows.users.sort_by_key(|user| user.id);
    rows.numbers.sort_by_key(|number| number.id);
    rows.accounts.sort_by_key(|account| account.id);
    let keywords = rows
        .numbers
        .iter()
        .flat_map(|number| directory.keywords(number.id));
    rows.keywords = keywords.cloned().collect();
    rows
}

/// Refuses a key that stands twice in its list.
pub(super) fn unique<'k>(found: &Findings<'_>, what: &str, keys: impl Iterator<Item = &'k Text>) {
    let mut seen: Vec<&Text> = Vec::new();
    for key in keys {
        match seen.iter().find(|earlier| earlier.value == key.value) {
            Some(earlier) => {
                let line = found.line(&earlier.at);
                let words = format!(
                    "{what} \"{}\" stands here twice, first on line {line}",
                    key.value
                );
                found.wrong(&key.at, words, None);
            }
            None => seen.push(key),
        }
    }
}

/// Changes a field that the file says.
pub(super) fn set<T>(field: &mut T, said: Option<T>) {
    if let Some(value) = said {
        *field = value;
    }
}

/// A text without its place.
pub(super) fn plain(text: &Option<Text>) -> Option<String> {
    text.as_ref().map(|text| text.value.clone())
}

/// Nothing for an empty text, which is how a file takes a value away.
pub(super) fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
