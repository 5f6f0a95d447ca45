//! Our numbers, how accounts use them, and whether what comes in on them always reaches somebody.

use super::draft::{Draft, set};
use super::file::{AccountNumberPart, Can, FlowName, NumberPart, RoutePart};
use super::node::{At, Text};
use crate::model::account::{AccountNumber, Number, Route};
use crate::model::directory::Directory;
use crate::model::{AccountId, NumberId};

impl Draft<'_> {
    pub(super) fn enter_number(&mut self, part: &NumberPart) {
        let address = &part.number.value;
        if self
            .rows
            .numbers
            .iter()
            .any(|number| number.address == *address)
        {
            return;
        }
        if !part.missing.is_empty() {
            let missing = part.missing.join(" and ");
            let words = format!("the new number {address} does not say its {missing}");
            self.found.wrong(&part.number.at, words, None);
        }
        // Whose its texts and calls are is settled when it is known which accounts use it.
        let nobody: AccountId = self.ids.fresh();
        self.rows.numbers.push(Number {
            id: self.ids.fresh(),
            address: address.clone(),
            connection: String::new(),
            sms: false,
            mms: false,
            voice: false,
            opt_out: None,
            manage_unmatched: nobody,
            calls: nobody,
            active: true,
            open_conversations: true,
            rate: None,
        });
    }

    pub(super) fn fill_number(&mut self, part: &NumberPart) {
        let address = &part.number.value;
        let place = self
            .rows
            .numbers
            .iter()
            .position(|number| number.address == *address);
        let Some(place) = place else { return };
        self.check_connection(part);
        let id = self.rows.numbers[place].id;
        let is_new = self.existing.directory.number(id).is_none();
        let unmatched = self.owner(id, &part.manage_unmatched);
        let unmatched = unmatched.or_else(|| self.only_account(part, id, is_new));
        let calls = self.owner(id, &part.calls);
        let number = &mut self.rows.numbers[place];
        set(
            &mut number.connection,
            part.connection.as_ref().map(|key| key.value.clone()),
        );
        if let Some(can) = &part.can {
            number.sms = can.contains(&Can::Sms);
            number.mms = can.contains(&Can::Mms);
            number.voice = can.contains(&Can::Voice);
        }
        if part.opt_out.is_some() {
            number.opt_out = part.opt_out;
        }
        set(&mut number.manage_unmatched, unmatched);
        set(&mut number.calls, calls.or(unmatched.filter(|_| is_new)));
        if part.rate.is_some() {
            number.rate = part.rate;
        }
        set(&mut number.active, part.active);
        set(&mut number.open_conversations, part.open_conversations);
    }

    fn check_connection(&self, part: &NumberPart) {
        if let (Some(known), Some(name)) = (self.existing.connections, &part.connection) {
            self.find(
                "connection",
                name,
                known.iter().map(|key| (key.as_str(), ())),
            );
        }
    }

    /// The account that a number names as its owner, which must use the number.
    fn owner(&self, number: NumberId, name: &Option<Text>) -> Option<AccountId> {
        let name = name.as_ref()?;
        let id = self.find_account(name)?;
        let place = self
            .rows
            .accounts
            .iter()
            .position(|account| account.id == id)?;
        self.check_used(place, number, name).then_some(id)
    }

    /// The account of a new number that names none.
    fn only_account(&self, part: &NumberPart, id: NumberId, is_new: bool) -> Option<AccountId> {
        if !is_new || part.manage_unmatched.is_some() {
            return None;
        }
        let using = self
            .rows
            .accounts
            .iter()
            .filter(|account| account.number(id).is_some());
        let using: Vec<_> = using.collect();
        if let [one] = using.as_slice() {
            return Some(one.id);
        }
        let keys: Vec<&str> = using.iter().map(|account| account.key.as_str()).collect();
        let (words, help) = match keys.as_slice() {
            [] => (
                format!("no account uses {}", part.number.value),
                "list it under the numbers of an account".to_owned(),
            ),
            _ => (
                format!(
                    "{} is shared and does not say who gets what no keyword claims",
                    part.number.value
                ),
                format!("add manage_unmatched: {}", keys.join(" or ")),
            ),
        };
        self.found.wrong(&part.number.at, words, Some(help));
        None
    }

    /// Whether an account uses a number; says so where `named` stands if it does not.
    pub(super) fn check_used(&self, place: usize, number: NumberId, named: &Text) -> bool {
        let account = &self.rows.accounts[place];
        let used = account.number(number).is_some();
        if !used {
            let address = self
                .rows
                .number(number)
                .map_or("this number", |number| &number.address);
            let words = format!("account \"{}\" does not use {address}", account.key);
            let help = format!("list it under numbers of account \"{}\"", account.key);
            self.found.wrong(&named.at, words, Some(help));
        }
        used
    }

    pub(super) fn fill_account_number(&mut self, place: usize, part: &AccountNumberPart) {
        let account = &self.rows.accounts[place];
        let (id, key) = (account.id, account.key.clone());
        self.check_flow(&key, &part.call_flow, true);
        self.check_flow(&key, &part.text_flow, false);
        let route = part
            .route
            .as_ref()
            .and_then(|route| self.find_route(place, route));
        let Some(number) = self.find_number(&part.number) else {
            return;
        };
        if let Some(RoutePart::Group(at) | RoutePart::User(at)) = &part.route {
            self.routes.push((id, number, at.at.clone()));
        }
        let numbers = &self.rows.accounts[place].numbers;
        let known = numbers.iter().position(|used| used.number == number);
        let used = match known {
            Some(at) => &mut self.rows.accounts[place].numbers[at],
            None => {
                self.check_new_use(part);
                let nobody = Route::Group(self.ids.fresh());
                let route = route.unwrap_or(nobody);
                let (call_flow, text_flow) = (None, None);
                let used = AccountNumber {
                    number,
                    call_flow,
                    text_flow,
                    route,
                };
                self.rows.accounts[place].numbers.push_mut(used)
            }
        };
        set(&mut used.call_flow, said(&part.call_flow));
        set(&mut used.text_flow, said(&part.text_flow));
        set(&mut used.route, route);
    }

    /// A new use of a number leaves nothing to guess.
    fn check_new_use(&self, part: &AccountNumberPart) {
        if part.missing.is_empty() {
            return;
        }
        let help = part.missing.iter().map(|name| match *name {
            "route" => "route: { group: KEY }, who gets what no flow takes".to_owned(),
            flow => format!("{flow}: KEY or {flow}: none"),
        });
        let help = help.collect::<Vec<_>>().join(", and ");
        let missing = part.missing.join(" and ");
        let words = format!("{} does not say its {missing} here", part.number.value);
        self.found
            .wrong(&part.number.at, words, Some(format!("write {help}")));
    }

    fn find_route(&self, place: usize, route: &RoutePart) -> Option<Route> {
        match route {
            RoutePart::User(name) => self.find_member(place, name).map(Route::User),
            RoutePart::Group(name) => {
                let groups = self.rows.accounts[place].groups.iter();
                let known = groups.map(|group| (group.key.as_str(), group.id));
                self.find("group", name, known).map(Route::Group)
            }
        }
    }

    /// Every default route leads to somebody who still works here. A route that led nowhere before and that
    /// the file does not touch is not the file's mistake.
    pub(super) fn check_routes(&self) {
        let rows = &self.rows;
        let (accounts, users) = (rows.accounts.clone(), rows.users.clone());
        let after = Directory::new(0, accounts, users, Vec::new(), Vec::new());
        for account in &rows.accounts {
            for used in &account.numbers {
                let exists = match used.route {
                    Route::User(id) => rows.user(id).is_some(),
                    Route::Group(id) => {
                        account.group_by_id(id).is_some() && !self.tainted.contains(&id)
                    }
                };
                if exists && !after.leads_somewhere(account.id, used.route) {
                    self.tell_dead_route(&account.key, account.id, used, &after);
                }
            }
        }
    }

    fn tell_dead_route(
        &self,
        key: &str,
        account: AccountId,
        used: &AccountNumber,
        after: &Directory,
    ) {
        let said = self
            .routes
            .iter()
            .find(|(a, n, _)| (*a, *n) == (account, used.number));
        let before = self.existing.directory.leads_somewhere(account, used.route);
        let at = match (said, used.route) {
            (Some((_, _, at)), _) => at,
            (None, _) if !before => return,
            (None, Route::User(user)) => match self.users.iter().find(|(id, _)| *id == user) {
                Some((_, at)) => at,
                None => return,
            },
            (None, Route::Group(group)) => match self.breaker(account, group, after) {
                Some(at) => at,
                None => return,
            },
        };
        let name = after.route_name(account, used.route);
        let address = self
            .rows
            .number(used.number)
            .map_or("", |number| &number.address);
        let words =
            format!("{address} of account \"{key}\" leads to {name}, where nobody is active");
        let help = "give the number another route, or the group an active member".to_owned();
        self.found.wrong(at, words, Some(help));
    }

    /// Where the file took a group's last active member away.
    fn breaker(
        &self,
        account: AccountId,
        group: crate::model::GroupId,
        after: &Directory,
    ) -> Option<&std::ops::Range<usize>> {
        let named = self.groups.iter().find(|(id, _)| *id == group);
        let members = after.account(account)?.group_by_id(group)?.members.clone();
        let left = self.users.iter().find(|(id, _)| members.contains(id));
        named.map(|(_, at)| at).or(left.map(|(_, at)| at))
    }
}

fn said(name: &Option<FlowName>) -> Option<Option<String>> {
    let At { value, .. } = name.as_ref()?;
    Some(value.clone())
}
